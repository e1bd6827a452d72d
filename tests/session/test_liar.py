"""A broker that lies, on a real socket: every lie validly signed, flagged with its own code, and signed by nobody.

Each row is what the array of state 3 says (or its envelope), written out. The valid neighbours stand beside them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import CHANNEL, DOMAIN, E_, LIAR, U_, Ground, ground, head
from wallet.protocol import codec
from wallet.protocol.state import Transition

BUY = [E_, U_, "buy", "2000000000", "1000000000000000000", "0"]
SELL = [E_, U_, "sell", "2500000000", "500000000000000000", "0"]
ZERO = [[E_, "0", "0"], [U_, "0", "0"]]
HELD = [[E_, "1500000000000000000", "500000000000000000"], [U_, "8000000000", "2000000000"]]


@dataclass(frozen=True)
class Row:
    """One state: BUY!, SELL!, NEW! and DEAD! stand for the ids of orders."""

    name: str
    code: str  # "" for a valid one
    transition: str
    array: list[Any]
    fills: list[list[str]] = field(default_factory=list)
    nonce: int = 2
    previous: int = 2  # of which state it names the digest; -1: none, -2: an unknown one
    changes: dict[str, Any] = field(default_factory=dict)


def buy(*cells: str) -> list[str]:
    return ["BUY!", *(list(cells) or BUY)]


def sell(*cells: str) -> list[str]:
    return ["SELL!", *(list(cells) or SELL)]


# The buy is filled whole at 2,000: 2,000 USDT leave, 1 ETH less 0.2 % arrives.
FILLED = [
    [[E_, "2498000000000000000", "500000000000000000"], [U_, "8000000000", "0"]],
    [sell()],
    [[E_, "0", "998000000000000000"], [U_, "2000000000", "0"]],
]
FILL = ["BUY!", "2000000000", "1000000000000000000", "2000000000000000"]
CANCELLED = [[[E_, "1500000000000000000", "500000000000000000"], [U_, "10000000000", "0"]], [sell()], ZERO]
NEW_ROW = ["NEW!", E_, U_, "buy", "1000000000", "1000000000000000000", "0"]
CREATED = [
    [[E_, "1500000000000000000", "500000000000000000"], [U_, "7000000000", "3000000000"]],
    [buy(), sell(), NEW_ROW],
    ZERO,
]

LIES = [
    # 3.1 increment
    Row("a number skipped", "INC-SKIP", "cancel_order", [4, *CANCELLED]),
    Row("a number far ahead", "INC-SKIP", "cancel_order", [9007199254740991, *CANCELLED]),
    # 3.2 chain
    Row("no predecessor", "CHN-PREV-ZERO", "cancel_order", [3, *CANCELLED], previous=-1),
    Row("an older predecessor", "CHN-PREV-OLD", "cancel_order", [3, *CANCELLED], previous=1),
    Row("an unknown predecessor", "CHN-PREV-FORK", "cancel_order", [3, *CANCELLED], previous=-2),
    Row("a cancel called trade", "TRD-COUNT", "trade", [3, *CANCELLED]),
    Row("a trade called cancel", "CHN-TRANSITION-NAME", "cancel_order", [3, *FILLED], [FILL]),
    Row("time runs backwards", "TIM-BACK", "cancel_order", [3, *CANCELLED], changes={"time": 1_000_000}),
    # 3.3 balances
    Row(
        "one unit taken from available",
        "BAL-DEFLATE",
        "cancel_order",
        [3, [[E_, "1500000000000000000", "500000000000000000"], [U_, "9999999999", "0"]], [sell()], ZERO],
    ),
    Row(
        "a gift of one unit",
        "BAL-INFLATE",
        "cancel_order",
        [3, [[E_, "1500000000000000000", "500000000000000000"], [U_, "10000000001", "0"]], [sell()], ZERO],
    ),
    Row(
        "available moved to locked",
        "BAL-MOVE",
        "create_order",
        [
            3,
            [[E_, "1500000000000000000", "500000000000000000"], [U_, "6999999999", "3000000001"]],
            [buy(), sell(), NEW_ROW],
            ZERO,
        ],
        nonce=3,
    ),
    Row(
        "one asset for the other",
        "BAL-CROSS",
        "cancel_order",
        [3, [[E_, "1500000000000000001", "500000000000000000"], [U_, "9999999999", "0"]], [sell()], ZERO],
    ),
    Row("an asset dropped", "AST-MISSING", "cancel_order", [3, CANCELLED[0][1:], [sell()], ZERO]),
    Row("an asset twice", "AST-DUP", "cancel_order", [3, [*CANCELLED[0], CANCELLED[0][1]], [sell()], ZERO]),
    Row("assets in another order", "AST-ORDER", "cancel_order", [3, CANCELLED[0][::-1], [sell()], ZERO]),
    Row(
        "an asset of no terms",
        "AST-UNKNOWN",
        "cancel_order",
        [3, [CANCELLED[0][0], ["0x" + "77" * 20, "0", "0"]], [sell()], ZERO],
    ),
    # 3.4 orders
    Row(
        "an order nobody signed",
        "ORD-UNKNOWN",
        "create_order",
        [3, CREATED[0], [buy(), sell(), ["0x" + "99" * 32, *NEW_ROW[1:]]], ZERO],
        nonce=3,
    ),
    Row(
        "another price in a resting order",
        "ORD-PRICE",
        "create_order",
        [3, CREATED[0], [buy(E_, U_, "buy", "2000010000", BUY[4], "0"), sell(), NEW_ROW], ZERO],
        nonce=3,
    ),
    Row(
        "another side in a resting order",
        "ORD-SIDE",
        "create_order",
        [3, CREATED[0], [buy(E_, U_, "sell", *BUY[3:]), sell(), NEW_ROW], ZERO],
        nonce=3,
    ),
    Row(
        "a new order half filled",
        "ORD-PREFILLED",
        "create_order",
        [3, CREATED[0], [buy(), sell(), [*NEW_ROW[:6], "500000000000000000"]], ZERO],
        nonce=3,
    ),
    Row(
        "orders not oldest first",
        "ORD-REORDERED",
        "create_order",
        [3, CREATED[0], [sell(), buy(), NEW_ROW], ZERO],
        nonce=3,
    ),
    Row(
        "two orders at once",
        "ORD-TWO",
        "create_order",
        [
            3,
            CREATED[0],
            [buy(), sell(), NEW_ROW, ["UNSENT!", E_, U_, "buy", "500000000", "1000000000000000000", "0"]],
            ZERO,
        ],
        nonce=4,
    ),
    Row("an order gone in a create", "ORD-VANISH", "create_order", [3, CREATED[0], [sell(), NEW_ROW], ZERO], nonce=3),
    # 3.5 trades and fees
    Row(
        "a worse price than the limit",
        "TRD-WORSE",
        "trade",
        [
            3,
            [[E_, "2498000000000000000", "500000000000000000"], [U_, "7999990000", "0"]],
            [sell()],
            [[E_, "0", "998000000000000000"], [U_, "2000010000", "0"]],
        ],
        [["BUY!", "2000010000", "1000000000000000000", "2000000000000000"]],
    ),
    Row(
        "a fee above the ceiling",
        "FEE-ABOVE",
        "trade",
        [
            3,
            [[E_, "2497999999999999999", "500000000000000000"], [U_, "8000000000", "0"]],
            [sell()],
            [[E_, "0", "997999999999999999"], [U_, "2000000000", "0"]],
        ],
        [["BUY!", "2000000000", "1000000000000000000", "2000000000000001"]],
    ),
    Row("more than is left", "TRD-OVER", "trade", [3, *FILLED], [["BUY!", "2000000000", "1000100000000000000", "0"]]),
    Row("nothing traded", "TRD-ZERO", "trade", [3, HELD, [buy(), sell()], ZERO], [["BUY!", "2000000000", "0", "0"]]),
    Row("half a lot", "TRD-HALF-LOT", "trade", [3, *FILLED], [["BUY!", "2000000000", "50000000000000", "0"]]),
    Row("a fill of an unknown order", "TRD-UNKNOWN", "trade", [3, *FILLED], [["0x" + "99" * 32, *FILL[1:]]]),
    Row(
        "quote leaves and no base arrives",
        "TRD-ONE-SIDED",
        "trade",
        [
            3,
            [[E_, "1500000000000000000", "500000000000000000"], [U_, "8000000000", "0"]],
            [sell()],
            [[E_, "0", "0"], [U_, "2000000000", "0"]],
        ],
        [FILL],
    ),
    Row(
        "a better price kept by the broker",
        "OUT-SUM",
        "trade",
        [
            3,
            [[E_, "2498000000000000000", "500000000000000000"], [U_, "8000000000", "0"]],
            [sell()],
            [[E_, "0", "998000000000000000"], [U_, "2000000000", "0"]],
        ],
        [["BUY!", "1990000000", "1000000000000000000", "2000000000000000"]],
    ),
    # 3.6 outcomes
    Row(
        "an outcome without a trade",
        "OUT-MOVE-NO-TRADE",
        "cancel_order",
        [3, CANCELLED[0], [sell()], [[E_, "0", "0"], [U_, "1", "0"]]],
    ),
    Row(
        "owed both ways",
        "OUT-BOTH",
        "cancel_order",
        [3, CANCELLED[0], [sell()], [[E_, "0", "0"], [U_, "1", "1"]]],
    ),
    # 3.7 cancel, yield, turns, finalize
    Row(
        "a cancel that keeps part of the lock",
        "CAN-PARTIAL-LOCK",
        "cancel_order",
        [3, [[E_, "1500000000000000000", "500000000000000000"], [U_, "9999999999", "1"]], [sell()], ZERO],
    ),
    Row("two orders cancelled", "CAN-WRONG-ORDER", "cancel_order", [3, CANCELLED[0], [], ZERO]),
    Row("a yield in the broker's mode", "TRN-YIELD-IN-BROKER-MODE", "yield", [3, HELD, [buy(), sell()], ZERO]),
    Row("the turn given away", "TRN-NEXT", "cancel_order", [3, *CANCELLED], changes={"turn": "trader"}),
    Row("an end with open orders", "FIN-OPEN-ORDERS", "finalize", [3, HELD, [buy(), sell()], ZERO]),
    # 3.9 setup
    Row("a second setup", "TRN-NOT-HIS", "setup", [3, HELD, [buy(), sell()], ZERO]),
]

TRUTHS = [
    Row("a cancel nobody asked for", "", "cancel_order", [3, *CANCELLED]),
    Row("an order opened", "", "create_order", [3, *CREATED], nonce=3),
    Row("a whole fill", "", "trade", [3, *FILLED], [FILL]),
    Row(
        "a whole fill without a fee",
        "",
        "trade",
        [
            3,
            [[E_, "2500000000000000000", "500000000000000000"], [U_, "8000000000", "0"]],
            [sell()],
            [[E_, "0", "1000000000000000000"], [U_, "2000000000", "0"]],
        ],
        [["BUY!", "2000000000", "1000000000000000000", "0"]],
    ),
    Row(
        "a better price than the limit",
        "",
        "trade",
        [
            3,
            [[E_, "2500000000000000000", "500000000000000000"], [U_, "8010000000", "0"]],
            [sell()],
            [[E_, "0", "1000000000000000000"], [U_, "1990000000", "0"]],
        ],
        [["BUY!", "1990000000", "1000000000000000000", "0"]],
    ),
    Row(
        "a part of the order",
        "",
        "trade",
        [
            3,
            [[E_, "1750000000000000000", "500000000000000000"], [U_, "8000000000", "1500000000"]],
            [buy(*BUY[:5], "250000000000000000"), sell()],
            [[E_, "0", "250000000000000000"], [U_, "500000000", "0"]],
        ],
        [["BUY!", "2000000000", "250000000000000000", "0"]],
    ),
    Row(
        "the sell filled",
        "",
        "trade",
        [
            3,
            [[E_, "1500000000000000000", "0"], [U_, "9247500000", "2000000000"]],
            [buy()],
            [[E_, "500000000000000000", "0"], [U_, "0", "1247500000"]],
        ],
        [["SELL!", "2500000000", "500000000000000000", "2500000"]],
    ),
    Row(
        "two fills of one order",
        "",
        "trade",
        [
            3,
            [[E_, "2500000000000000000", "500000000000000000"], [U_, "8000500000", "0"]],
            [sell()],
            [[E_, "0", "1000000000000000000"], [U_, "1999500000", "0"]],
        ],
        [
            ["BUY!", "2000000000", "500000000000000000", "0"],
            ["BUY!", "1999000000", "500000000000000000", "0"],
        ],
    ),
    Row("a clock sixty seconds ahead", "", "cancel_order", [3, *CANCELLED], changes={"ahead": 60}),
    Row(
        "the other order cancelled",
        "",
        "cancel_order",
        [3, [[E_, "2000000000000000000", "0"], [U_, "8000000000", "2000000000"]], [buy()], ZERO],
    ),
]


def fill_in(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [fill_in(item, ids) for item in value]
    return ids.get(value, value) if isinstance(value, str) else value


def written_out(row: Row, there: Ground) -> tuple[dict[str, Any], list[Any]]:
    ids = {
        "BUY!": there.buy,
        "SELL!": there.sell,
        "NEW!": codec.show_hex(there.fresh.id),
        "UNSENT!": codec.show_hex(there.unsent.id),
    }
    previous = {-1: "0x" + "00" * 32, -2: "0x" + "ab" * 32}.get(row.previous) or there.digests[row.previous]
    envelope = head(previous, row.transition, row.nonce, fill_in(row.fills, ids))
    changes = dict(row.changes)
    envelope["time"] += changes.pop("ahead", 0)
    return {**envelope, **changes}, fill_in(row.array, ids)


def run(path: Path, work: Callable[[Ground], Any]) -> None:
    async def main() -> None:
        async with ground(path) as there:
            await work(there)

    asyncio.run(main())


@pytest.mark.parametrize("row", LIES, ids=lambda row: row.name)
def test_a_lie_is_flagged_and_never_signed(tmp_path: Path, row: Row) -> None:
    async def work(there: Ground) -> None:
        envelope, array = written_out(row, there)
        answer = await there.liar.show(envelope, array)
        assert answer["error"] == "FLAGGED", answer
        assert answer["params"]["rule"] == row.code
        flags = there.journal.flags(CHANNEL)
        assert [flag.flag.code for flag in flags] == [row.code]
        assert flags[0].last_good == 2
        state = codec.read_state(envelope, array)
        digest = DOMAIN.digest(state).digest
        assert flags[0].digest == digest
        assert b'"propose"' in flags[0].raw
        assert there.signatures_of_trader(array[0]) == []
        # shown again, it is still not signed, and kept once
        assert (await there.liar.show(envelope, array))["error"] == "FLAGGED"
        assert len(there.journal.flags(CHANNEL)) == 1
        await goes_on(there, array[0])

    run(tmp_path, work)


async def goes_on(there: Ground, increment: int) -> None:
    """The user refuses: a void answers, the liar countersigns it, and the channel trades on from its contents."""
    flag = there.channel.frozen
    assert flag is not None
    if increment >= 2**53 - 1:
        # so far ahead that a void above it would be the last state ever: there is nothing to answer
        assert there.channel.refuse(flag.id) is None
        assert there.channel.frozen is None
        assert "ack" in await there.liar.show(*written_out(TRUTHS[0], there))
        return
    void = there.channel.refuse(flag.id)
    assert void.state.increment == increment + 1
    assert void.state.transition is Transition.VOID
    assert void.state.balances == there.channel.last.state.balances
    typed = DOMAIN.digest(void.state)
    there.channel.countersigned(void.state.increment, typed.digest, LIAR.sign(typed))
    assert there.channel.last.digest == typed.digest
    assert there.channel.frozen is None
    after = head(codec.show_hex(typed.digest), "cancel_order", 2)
    array = fill_in([increment + 2, *CANCELLED], {"SELL!": there.sell})
    assert "ack" in await there.liar.show(after, array)


@pytest.mark.parametrize("row", TRUTHS, ids=lambda row: row.name)
def test_its_valid_neighbours_are_signed(tmp_path: Path, row: Row) -> None:
    async def work(there: Ground) -> None:
        envelope, array = written_out(row, there)
        answer = await there.liar.show(envelope, array)
        assert "ack" in answer, answer
        assert there.journal.flags(CHANNEL) == []
        # the same bytes again: the same signature again
        assert await there.liar.show(envelope, array) == answer
        assert len(there.signatures_of_trader(3)) == 1

    run(tmp_path, work)


def test_lies_are_of_many_kinds() -> None:
    codes = {row.code for row in LIES}
    assert len(codes) >= 25
    assert {code.partition("-")[0] for code in codes} >= {"INC", "CHN", "BAL", "AST", "ORD", "TRD", "FEE", "OUT", "CAN"}


def test_what_the_broker_did_not_sign_freezes_nothing(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        row = LIES[0]
        envelope, array = written_out(row, there)
        answer = await there.liar.show(envelope, array, signature=bytes(64) + b"\x1b")
        assert answer["error"] == "SIG-RANGE"
        assert there.journal.flags(CHANNEL) == []
        assert there.channel.dropped == 1
        good, good_array = written_out(TRUTHS[0], there)
        assert "ack" in await there.liar.show(good, good_array)

    run(tmp_path, work)


def test_two_states_at_one_number_prove_equivocation(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        assert "ack" in await there.liar.show(*written_out(TRUTHS[0], there))
        answer = await there.liar.show(*written_out(TRUTHS[2], there))
        assert answer["params"]["rule"] == "EQV-TWO"
        assert len(there.signatures_of_trader(3)) == 1

    run(tmp_path, work)


def test_a_clock_too_far_ahead_is_held_and_not_flagged(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        envelope, array = written_out(TRUTHS[0], there)
        answer = await there.liar.show({**envelope, "time": envelope["time"] + 600}, array)
        assert answer["error"] == "HELD"
        assert there.journal.flags(CHANNEL) == []
        assert there.signatures_of_trader(3) == []

    run(tmp_path, work)


def test_a_fill_is_refused_while_no_heartbeat_was_echoed(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.channel.echoed = None
        answer = await there.liar.show(*written_out(TRUTHS[2], there))
        refused = answer["refuse"]
        assert refused["envelope"]["transition"] == "void"
        assert refused["state"][0] == 4
        assert refused["state"][1:] == fill_in([HELD, [buy(), sell()], ZERO], {"BUY!": there.buy, "SELL!": there.sell})
        # asked again, the same void; nothing else is signed before it is countersigned
        assert await there.liar.show(*written_out(TRUTHS[2], there)) == answer
        assert there.signatures_of_trader(3) == []

    run(tmp_path, work)
