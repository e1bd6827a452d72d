"""What is issued next: a table over everything that may wait in a channel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.game import ETH, KEYS, ONE, PRICE, USDT, Game
from wallet.broker.book import Reason
from wallet.broker.channel import (
    Channel,
    Create,
    Execute,
    Finish,
    Phase,
    TakeOut,
    fill_row,
    merge,
    next_step,
    outlook,
)
from wallet.broker.ledger import QueuedFill
from wallet.history.journal import Entry, Status
from wallet.protocol.intents import FinalizeRequest, SignedOrder, TimeInForce
from wallet.protocol.signatures import sign
from wallet.protocol.state import Fill, OpenOrder, Side, State, setup_state
from wallet.protocol.terms import Role
from wallet.protocol.transitions import create_order

GAME = Game()


def signed(nonce: int, tif: TimeInForce = TimeInForce.GOOD_TILL_TIME, side: Side = Side.SELL) -> SignedOrder:
    from wallet.protocol.intents import Order

    order = Order(GAME.channel, nonce, ETH, USDT, side, PRICE, ONE, tif, 2**40, 2**40)
    typed = GAME.domain.digest(order)
    return SignedOrder(typed.digest, order, sign(KEYS["trader signer"], typed))


def channel_with(*opened: SignedOrder) -> Channel:
    state: State = setup_state(GAME.terms, GAME.channel, 1)
    for one in opened:
        row = OpenOrder(one.id, ETH, USDT, int(one.order.side), one.order.price, one.order.amount, 0)
        state = replace(state, open_orders=(*state.open_orders, row), order_nonce=one.order.order_nonce)
    entry = Entry(state, b"\x05" * 32, Role.BROKER, Status.VALIDATED)
    channel = Channel(GAME.channel, GAME.terms, Phase.OPEN, entry, connected=True)
    channel.intents = {one.id: one for one in opened}
    return channel


def fill(seq: int, of: SignedOrder, price: int = PRICE, quantity: int = ONE // 4, rate: int = 1_000) -> QueuedFill:
    return QueuedFill(seq, of.id, price, quantity, rate)


def test_nothing_waits() -> None:
    assert next_step(channel_with(), present=True, now=0.0) is None


def test_one_state_at_a_time() -> None:
    channel = channel_with()
    channel.queue.append(signed(1))
    channel.pending = channel.last
    assert next_step(channel, present=True, now=0.0) is None
    channel.pending, channel.stuck = None, "FLAGGED"
    assert next_step(channel, present=True, now=0.0) is None


def test_fills_then_cancels_then_orders() -> None:
    resting, other, new = signed(1), signed(2), signed(3)
    channel = channel_with(resting, other)
    channel.queue.append(new)
    channel.cancels[other.id] = Reason.ASKED
    channel.fills.append(fill(1, resting))
    assert next_step(channel, present=True, now=0.0) == Execute((fill(1, resting),))
    # fills wait for presence; a cancel of another order does not
    assert next_step(channel, present=False, now=0.0) == TakeOut(other.id)
    channel.fills.clear()
    assert next_step(channel, present=True, now=0.0) == TakeOut(other.id)
    channel.cancels.clear()
    assert next_step(channel, present=False, now=0.0) == Create(new)


def test_an_order_with_fills_under_way_is_cancelled_after_them() -> None:
    resting = signed(1)
    channel = channel_with(resting)
    channel.fills.append(fill(1, resting))
    channel.cancels[resting.id] = Reason.ASKED
    assert next_step(channel, present=False, now=0.0) is None
    assert next_step(channel, present=True, now=0.0) == Execute((fill(1, resting),))


@pytest.mark.parametrize("tif", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
def test_after_an_immediate_order_come_only_its_fills_then_its_cancel(tif: TimeInForce) -> None:
    resting, taking = signed(1), signed(2, tif)
    channel = channel_with(resting, taking)
    channel.fills.extend([fill(1, resting), fill(2, taking), fill(3, resting), fill(4, taking, PRICE + 10**4)])
    channel.queue.append(signed(3))
    assert next_step(channel, present=True, now=0.0) == Execute((fill(2, taking), fill(4, taking, PRICE + 10**4)))
    assert next_step(channel, present=False, now=0.0) is None
    channel.fills.clear()
    assert next_step(channel, present=True, now=0.0) == TakeOut(taking.id)


def test_a_batch_has_at_most_max_fills_rows() -> None:
    resting = signed(1)
    channel = channel_with(resting)
    assert channel.terms.max_fills == 4
    same = [fill(number, resting, PRICE, 10**14) for number in range(6)]
    others = [fill(10 + number, resting, PRICE + number * 10**4) for number in range(1, 6)]
    channel.fills.extend(same + others)
    step = next_step(channel, present=True, now=0.0)
    assert isinstance(step, Execute)
    assert list(step.fills) == same + others[:3]
    assert [row.quantity for row in merge(step.fills)] == [6 * 10**14, *[ONE // 4] * 3]


def test_neighbours_of_another_rate_stay_apart() -> None:
    resting = signed(1)
    rows = [fill(1, resting), fill(2, resting, rate=500), fill(3, resting, rate=500)]
    assert [(row.seq, row.quantity) for row in merge(rows)] == [(1, ONE // 4), (2, ONE // 2)]


def test_fees_are_floored_in_what_arrives_and_never_above_the_terms() -> None:
    buy, sell = signed(1, side=Side.BUY), signed(2)
    channel = channel_with(buy, sell)
    assert fill_row(channel, fill(1, buy, PRICE, 10**14 + 1, 1_000)) == Fill(buy.id, PRICE, 10**14 + 1, 10**11)
    assert fill_row(channel, fill(2, sell, PRICE, 10**14, 999)).fee == 200_000 * 999 // 10**6
    assert fill_row(channel, fill(3, sell, PRICE, 10**14, 10**6)).fee == 200_000 * GAME.terms.max_fee // 10**6


def test_finalize_is_all_that_follows_a_request() -> None:
    channel = channel_with()
    channel.phase = Phase.FINALIZING
    channel.finalize = FinalizeRequest(channel.id, b"\x05" * 32, 2**40)
    assert next_step(channel, present=False, now=0.0) == Finish()
    channel.phase, channel.finalize = Phase.FINAL, None
    channel.queue.append(signed(1))
    assert next_step(channel, present=True, now=0.0) is None


def test_in_a_dispute_only_cancels() -> None:
    resting = signed(1)
    channel = channel_with(resting)
    channel.phase = Phase.DISPUTED
    channel.queue.append(signed(2))
    channel.fills.append(fill(1, resting))
    assert next_step(channel, present=True, now=0.0) is None
    channel.cancels[resting.id] = Reason.ASKED
    assert next_step(channel, present=True, now=0.0) == TakeOut(resting.id)


def test_the_outlook_counts_everything_under_way() -> None:
    channel = channel_with()
    first, second = signed(1), signed(2)
    channel.queue.append(first)
    channel.intents[first.id] = first
    contents = outlook(channel)
    assert [row.id for row in contents.open_orders] == [first.id]
    after = create_order(channel.terms, contents, second.id, second.order)
    assert next(row for row in after.balances if row.asset == ETH).available == 0


@pytest.mark.parametrize(
    ("age", "late", "connected", "present"),
    [
        (0.0, False, True, True),
        (8.9, False, True, True),
        (9.0, False, True, False),
        (0.0, True, True, False),
        (0.0, False, False, False),
    ],
)
def test_presence(age: float, *, late: bool, connected: bool, present: bool) -> None:
    """H is 5 s: fresh for 2 H, less a second for the way."""
    channel = channel_with()
    assert not channel.is_present(100.0)
    channel.beat_at, channel.late, channel.connected = 100.0, late, connected
    assert channel.is_present(100.0 + age) is present
