"""Closing together: the finalize state, both signatures on it, what it pays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chain.evm import Reverted
from tests.chain.scenario import BROKER, STRANGER, TRADER, Session
from tests.chain.world import ALLOCATION, CAP, COLLATERAL, STOCK, World
from wallet.protocol.eip712 import Domain
from wallet.protocol.state import Fill, OpenOrder, Outcome, Transition
from wallet.protocol.terms import NATIVE, Role


def test_close_credits_the_trader_and_frees_the_broker(world: World) -> None:
    session = world.opened_session()
    final = world.final(session, 12, won=400, lost=300)
    (event,) = world.close(session, final).events
    assert event == ("Closed", {"channel": session.channel, "increment": 12, "outcomes": tuple(final.outcomes)})
    token = world.token.address
    assert world.status(session) == (3, 0, 12)
    assert world.credit(NATIVE) == ALLOCATION + 400
    assert world.credit(token) == ALLOCATION - 300
    assert world.free(BROKER.address, NATIVE) == STOCK - 400
    assert world.free(BROKER.address, token) == STOCK + 300
    # The signer gets back what the trader did not win, and nothing for what the broker won.
    assert world.used(NATIVE) == 400
    assert world.used(token) == 0
    assert world.free(TRADER.address, NATIVE) == 0


def test_the_trader_takes_his_credit_where_he_wants(world: World) -> None:
    session = world.opened_session()
    world.close(session, world.final(session))
    world.deposit(TRADER.address, NATIVE, 50)
    to = b"\x66" * 20
    world.withdraw(TRADER.address, NATIVE, 1000, to)
    assert (world.credit(NATIVE), world.free(TRADER.address, NATIVE)) == (ALLOCATION + 400 - 1000, 50)
    # More than the credit: the rest is taken from the free balance.
    world.withdraw(TRADER.address, NATIVE, ALLOCATION + 400 - 1000 + 20, to)
    assert (world.credit(NATIVE), world.free(TRADER.address, NATIVE)) == (0, 30)
    assert world.chain.balance(to) == ALLOCATION + 400 + 20
    with pytest.raises(Reverted, match="BALANCE"):
        world.withdraw(TRADER.address, NATIVE, 31, to)


def test_anyone_pushes_credit_only_to_the_traders_own_address(world: World) -> None:
    session = world.opened_session()
    world.close(session, world.final(session))
    world.deposit(TRADER.address, world.token.address, 50)
    before = world.token.balance(TRADER.address)
    (event,) = world.push(world.token.address, who=STRANGER.address).events
    amount = ALLOCATION - 300
    assert event[1] == {"owner": TRADER.address, "asset": world.token.address, "to": TRADER.address, "amount": amount}
    assert world.token.balance(TRADER.address) == before + amount
    # His free balance stays: no one else moves it.
    assert world.free(TRADER.address, world.token.address) == 50
    with pytest.raises(Reverted, match="ZERO_AMOUNT"):
        world.push(world.token.address)
    native = world.chain.balance(TRADER.address)
    world.push(NATIVE)
    assert world.chain.balance(TRADER.address) == native + ALLOCATION + 400


def test_the_brokers_share_can_be_committed_and_withdrawn_again(world: World) -> None:
    session = world.opened_session()
    world.close(session, world.final(session, won=COLLATERAL, lost=ALLOCATION))
    token = world.token.address
    assert world.credit(token) == 0
    assert world.used(NATIVE) == COLLATERAL
    world.withdraw(BROKER.address, token, STOCK + ALLOCATION, BROKER.address)
    assert world.free(BROKER.address, token) == 0


def test_only_a_new_cap_makes_up_for_what_a_signer_lost(world: World) -> None:
    for _ in range(CAP // COLLATERAL):
        session = world.opened_session()
        world.close(session, world.final(session, won=COLLATERAL, lost=0))
    with pytest.raises(Reverted, match="CAP_EXCEEDED"):
        world.opened_session()
    world.authorize(NATIVE, CAP + COLLATERAL)
    world.opened_session()


def test_close_needs_finalize_and_both_signatures_on_it(world: World) -> None:
    session = world.opened_session()
    final = world.final(session)
    trader, broker = session.signatures(final)
    with pytest.raises(Reverted, match="TRADER_SIGNATURE"):
        world.close(session, final, (broker, broker))
    with pytest.raises(Reverted, match="BROKER_SIGNATURE"):
        world.close(session, final, (trader, trader))
    with pytest.raises(Reverted, match="SIGNATURE_LENGTH"):
        world.close(session, final, (trader, b""))
    for transition in Transition:
        if transition is not Transition.FINALIZE:
            other = replace(final, transition=transition)
            with pytest.raises(Reverted, match="NOT_FINAL"):
                world.close(session, other)
    implied = session.implied(final, Role.BROKER)
    with pytest.raises(Reverted, match="BROKER_SIGNATURE"):
        world.close(session, final, (implied.trader_signature, implied.broker_signature))
    world.close(session, final, (session.sign(TRADER, final), session.sign(BROKER, final)))


def test_close_works_in_a_dispute_whatever_is_recorded(world: World) -> None:
    session = world.opened_session()
    world.challenge(session, world.traded(session, 100, won=9, lost=9))
    world.chain.pass_time(session.terms.challenge_period + 1000)
    world.close(session, world.final(session, 5))
    assert world.status(session) == (3, 0, 5)
    assert world.chain.view("channel", session.channel)[3] == bytes(32)
    assert world.credit(NATIVE) == ALLOCATION + 400


def test_close_works_once_and_only_on_what_is_open(world: World) -> None:
    session = world.session()
    final = world.final(session)
    with pytest.raises(Reverted, match="NOT_OPEN"):
        world.close(session, final)
    world.open_with_deposit(session)
    world.close(session, final)
    for state in (final, world.final(session, 50)):
        with pytest.raises(Reverted, match="NOT_OPEN"):
            world.close(session, state)


def test_a_finalize_of_another_channel_chain_or_contract_closes_nothing(world: World) -> None:
    session, other = world.opened_session(), world.opened_session()
    final = world.final(session)
    with pytest.raises(Reverted, match="_SIGNATURE"):
        world.close(other, final, session.signatures(final))
    elsewhere = Session(Domain(world.chain.domain.chain_id, b"\x31" * 20), session.terms, session.time)
    with pytest.raises(Reverted, match="_SIGNATURE"):
        world.close(session, final, elsewhere.signatures(final))
    # The same contract at the same address with the same parties, on a chain that split off.
    twin = World.make(chain_id=1)
    assert twin.chain.contract == world.chain.contract
    twin_session = Session(twin.chain.domain, session.terms, session.time)
    twin.open_with_deposit(twin_session)
    with pytest.raises(Reverted, match="_SIGNATURE"):
        twin.close(twin_session, final, session.signatures(final))


Rows = tuple[Outcome, ...]
BAD_OUTCOMES: list[tuple[str, Callable[[Rows], Rows]]] = [
    ("OUTCOME_ASSETS", lambda rows: rows[:1]),
    ("OUTCOME_ASSETS", lambda rows: (*rows, rows[1])),
    ("OUTCOME_ASSETS", lambda rows: rows[::-1]),
    ("OUTCOME_ASSETS", lambda rows: (rows[0], Outcome(b"\x01" * 20, 0, 0))),
    ("OUTCOME_BOTH", lambda rows: (Outcome(NATIVE, 1, 1), rows[1])),
    ("OUTCOME_TOO_HIGH", lambda rows: (Outcome(NATIVE, ALLOCATION + 1, 0), rows[1])),
    ("OUTCOME_TOO_HIGH", lambda rows: (Outcome(NATIVE, 2**256 - 1, 0), rows[1])),
    ("OUTCOME_TOO_HIGH", lambda rows: (Outcome(NATIVE, 0, COLLATERAL + 1), rows[1])),
]


@pytest.mark.parametrize(("reason", "change"), BAD_OUTCOMES)
@pytest.mark.parametrize("how", ["close", "challenge", "respond"])
def test_outcomes_that_do_not_fit_the_terms_are_never_recorded(
    world: World, reason: str, change: Callable[[Rows], Rows], how: str
) -> None:
    session = world.opened_session()
    transition = Transition.FINALIZE if how == "close" else Transition.TRADE
    state = replace(world.traded(session, 9), transition=transition)
    bad = replace(state, outcomes=change(state.outcomes))
    if how == "respond":
        world.challenge(session, world.traded(session, 2))
    with pytest.raises(Reverted, match=reason):
        getattr(world, how)(session, bad)
    getattr(world, how)(session, state)


CHANGES: list[dict[str, object]] = [
    {"balances": ()},
    {"open_orders": (OpenOrder(b"\1" * 32, NATIVE, b"\1" * 20, 0, 1, 1, 0),)},
    {"fills": (Fill(b"\1" * 32, 1, 1, 1),)},
    {"order_nonce": 7},
    {"time": 1},
    {"turn": Role.TRADER},
    {"previous": b"\2" * 32},
    {"increment": 10},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_everything_signed_counts(world: World, change: dict[str, Any]) -> None:
    session = world.opened_session()
    final = world.final(session)
    signatures = session.signatures(final)
    with pytest.raises(Reverted, match="_SIGNATURE"):
        world.close(session, replace(final, **change), signatures)
    world.close(session, final, signatures)
