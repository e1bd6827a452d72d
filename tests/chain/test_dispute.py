"""Disputes: who starts one, with what, what answers it, and what time decides."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from tests.chain.evm import Actor, Reverted
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, TRADER_SIGNER
from tests.chain.world import ALLOCATION, COLLATERAL, STOCK, World
from wallet.chain import calls
from wallet.chain.calls import NO_MANDATE, Mandate, Validation, outcomes_hash
from wallet.protocol.state import Transition
from wallet.protocol.terms import NATIVE, Role

PERIOD = 3600


def test_the_whole_dispute(world: World) -> None:
    session = world.opened_session()
    old = world.traded(session, 3, won=0, lost=0)
    start = world.chain.now
    (event,) = world.challenge(session, old, who=BROKER.address).events
    deadline = start + PERIOD
    assert event == (
        "Challenged",
        {"channel": session.channel, "increment": 3, "deadline": deadline, "outcomes": tuple(old.outcomes)},
    )
    assert world.chain.view("channel", session.channel) == (2, deadline, 3, outcomes_hash(old.outcomes))
    world.chain.pass_time(PERIOD - 1)
    best = world.traded(session, 8, won=500, lost=100)
    (event,) = world.respond(session, best).events
    assert event == ("Responded", {"channel": session.channel, "increment": 8, "outcomes": tuple(best.outcomes)})
    assert world.chain.view("channel", session.channel) == (2, deadline, 8, outcomes_hash(best.outcomes))
    world.chain.set_time(deadline + 1)
    (event,) = world.settle(session, best.outcomes).events
    assert event == ("Settled", {"channel": session.channel, "increment": 8, "outcomes": tuple(best.outcomes)})
    assert world.chain.view("channel", session.channel) == (3, 0, 8, bytes(32))
    assert world.credit(NATIVE) == ALLOCATION + 500
    assert world.credit(world.token.address) == ALLOCATION - 100
    assert world.free(BROKER.address, NATIVE) == STOCK - 500
    assert world.free(BROKER.address, world.token.address) == STOCK + 100
    assert (world.used(NATIVE), world.used(world.token.address)) == (500, 0)


# --- who may challenge -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [TRADER, BROKER], ids=["trader", "broker"])
def test_an_owner_challenges(world: World, who: Actor) -> None:
    session = world.opened_session()
    world.challenge(session, world.traded(session, 2), who=who.address)
    assert world.status(session)[0] == 2


@pytest.mark.parametrize("who", [TRADER_SIGNER, BROKER_SIGNER, STRANGER], ids=["signer", "broker signer", "stranger"])
def test_nobody_else_challenges(world: World, who: Actor) -> None:
    session = world.opened_session()
    with pytest.raises(Reverted, match="NOT_OWNER"):
        world.challenge(session, world.traded(session, 2), who=who.address)
    # Nor does he by answering: there is nothing to answer.
    with pytest.raises(Reverted, match="NOT_DISPUTED"):
        world.respond(session, world.traded(session, 2))


@pytest.mark.parametrize("who", [TRADER, BROKER], ids=["trader", "broker"])
def test_the_bearer_of_an_owners_mandate_challenges(world: World, who: Actor) -> None:
    session = world.opened_session()
    mandate = session.mandate(who, 2, world.chain.now)
    world.challenge(session, world.traded(session, 2), who=STRANGER.address, mandate=mandate)
    assert world.status(session) == (2, world.chain.now + PERIOD, 2)


def test_a_mandate_is_bounded(world: World) -> None:
    session, other = world.opened_session(), world.opened_session()
    state = world.traded(session, 2)
    now = world.chain.now
    good = session.mandate(TRADER, 2, now + 5)
    for reason, mandate in (
        ("BELOW_MANDATE", session.mandate(TRADER, 3, now + 5)),
        ("MANDATE_EXPIRED", session.mandate(TRADER, 2, now - 1)),
        ("NOT_OWNER", session.mandate(TRADER_SIGNER, 2, now + 5)),
        ("NOT_OWNER", session.mandate(BROKER_SIGNER, 2, now + 5)),
        ("NOT_OWNER", session.mandate(STRANGER, 2, now + 5)),
        ("NOT_OWNER", other.mandate(TRADER, 2, now + 5)),
        ("NOT_OWNER", Mandate(1, now + 5, good.signature)),
        ("NOT_OWNER", Mandate(2, now + 6, good.signature)),
        ("SIGNATURE_LENGTH", Mandate(2, now + 5, good.signature[:64])),
        ("NOT_OWNER", NO_MANDATE),
    ):
        with pytest.raises(Reverted, match=reason):
            world.challenge(session, state, who=STRANGER.address, mandate=mandate)
    world.challenge(session, state, who=STRANGER.address, mandate=good)


# --- the setup state ---------------------------------------------------------------------------------------------


def test_the_setup_state_needs_no_signatures(world: World) -> None:
    session = world.opened_session()
    world.challenge(session, session.setup, Validation())
    assert world.status(session) == (2, world.chain.now + PERIOD, 0)
    world.chain.pass_time(PERIOD + 1)
    world.settle(session, session.setup.outcomes)
    for asset in world.assets:
        assert world.credit(asset) == ALLOCATION
        assert world.free(BROKER.address, asset) == STOCK
        assert world.used(asset) == 0


def test_no_state_passes_for_the_setup_state_with_outcomes(world: World) -> None:
    session = world.opened_session()
    for won, lost in ((1, 0), (0, 1)):
        false = replace(world.traded(session, 0, won, lost), transition=Transition.SETUP)
        for validation in (Validation(), session.both(false)):
            with pytest.raises(Reverted, match="NOT_SETUP"):
                world.challenge(session, false, validation)


@pytest.mark.parametrize("transition", [0, 7, 255])
def test_a_transition_that_no_state_above_setup_has(world: World, transition: int) -> None:
    session = world.opened_session()
    state = replace(world.traded(session, 1), transition=cast(Transition, transition))
    with pytest.raises(Reverted, match="BAD_TRANSITION"):
        world.challenge(session, state)


# --- validation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("gap", [1, 2, 1000])
def test_a_signature_on_a_direct_successor_validates(world: World, role: Role, gap: int) -> None:
    session = world.opened_session()
    state = world.traded(session, 6)
    successor = session.successor(state, 6 + gap)
    world.challenge(session, state, session.implied(state, role, successor))
    assert world.status(session)[2] == 6
    higher = world.traded(session, 7, won=1)
    world.respond(session, higher, session.implied(higher, role.other))
    assert world.status(session)[2] == 7


@pytest.mark.parametrize("transition", [t for t in Transition if t not in {Transition.SETUP, Transition.FINALIZE}])
def test_any_successor_of_any_content_validates_any_state(world: World, transition: Transition) -> None:
    session = world.opened_session()
    state = replace(world.traded(session, 6), transition=transition)
    successor = replace(session.successor(state), transition=Transition.FINALIZE, outcomes=(), time=0)
    world.challenge(session, state, session.implied(state, Role.BROKER, successor))
    assert world.status(session)[2] == 6


@pytest.mark.parametrize("role", list(Role))
def test_what_does_not_validate(world: World, role: Role) -> None:
    session = world.opened_session()
    state = world.traded(session, 6)
    same = session.successor(state, 6)
    lower = session.successor(state, 5)
    unrelated = replace(session.successor(state), previous=b"\3" * 32)
    grandchild = session.successor(session.successor(state))
    signed = session.implied(state, role)
    both_by_one = session.implied(state, role.other)
    reason = "TRADER_SIGNATURE" if role is Role.TRADER else "BROKER_SIGNATURE"
    for expected, validation in (
        ("SUCCESSOR_NOT_HIGHER", session.implied(state, role, same)),
        ("SUCCESSOR_NOT_HIGHER", session.implied(state, role, lower)),
        (reason, session.implied(state, role, unrelated)),
        (reason, session.implied(state, role, grandchild)),
        # the signature is on the successor, and is said to be on the state
        (reason, replace(signed, successor=None, successor_role=None)),
        # the same role's signatures on state and successor are no validation by the other
        ("_SIGNATURE", replace(signed, successor_role=role.other)),
        ("_SIGNATURE", replace(both_by_one, successor_role=role)),
        ("SIGNATURE_LENGTH", replace(signed, trader_signature=b"")),
        ("SIGNATURE_LENGTH", replace(signed, broker_signature=b"")),
    ):
        with pytest.raises(Reverted, match=expected):
            world.challenge(session, state, validation)
    world.challenge(session, state, signed)


def test_a_role_that_there_is_not_signs_no_successor(world: World) -> None:
    session = world.opened_session()
    state = world.traded(session, 6)
    trader, broker, successors = calls.validation_tuple(session.implied(state, Role.BROKER))
    assert isinstance(successors, list)
    proof = (trader, broker, [(2, *successors[0][1:])])
    encode = calls.function("challenge").encode
    data = encode(calls.terms_tuple(session.terms), calls.state_tuple(state), proof, (0, 0, b""))
    with pytest.raises(Reverted, match="BAD_ROLE"):
        world.chain.send(TRADER.address, calls.Call(world.chain.contract, data))


def test_one_sides_signature_alone_is_never_enough(world: World) -> None:
    session = world.opened_session()
    state = world.traded(session, 6)
    trader, broker = session.signatures(state)
    for validation in (Validation(trader, trader), Validation(broker, broker), Validation(trader), Validation()):
        with pytest.raises(Reverted):
            world.challenge(session, state, validation)


def test_finalize_is_never_validated_by_a_successor(world: World) -> None:
    session = world.opened_session()
    final = world.final(session)
    for role in Role:
        with pytest.raises(Reverted, match="FINAL_NEEDS_BOTH"):
            world.challenge(session, final, session.implied(final, role))
    world.challenge(session, final)


def test_owners_signatures_validate(world: World) -> None:
    session = world.opened_session()
    state = world.traded(session, 6)
    world.challenge(session, state, Validation(session.sign(TRADER, state), session.sign(BROKER, state)))


# --- answers, time, settling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["respond", "challenge"])
def test_only_a_higher_state_answers_and_the_deadline_stays(world: World, how: str) -> None:
    session = world.opened_session()
    world.challenge(session, world.traded(session, 5))
    deadline = world.chain.now + PERIOD
    answer = getattr(world, how)
    world.chain.pass_time(100)
    for increment in (5, 4, 0):
        with pytest.raises(Reverted, match="NOT_HIGHER"):
            answer(session, world.traded(session, increment, won=9, lost=9))
    (event,) = answer(session, world.traded(session, 6)).events
    assert event[0] == "Responded"
    assert world.status(session) == (2, deadline, 6)
    with pytest.raises(Reverted, match="NOT_HIGHER"):
        answer(session, world.traded(session, 6, won=9, lost=9))
    answer(session, world.traded(session, 2**64 - 1))
    assert world.status(session) == (2, deadline, 2**64 - 1)


@pytest.mark.parametrize("how", ["respond", "challenge"])
def test_answers_up_to_the_deadline_settling_after_it(world: World, how: str) -> None:
    session = world.opened_session()
    first = world.traded(session, 5)
    world.challenge(session, first)
    deadline = world.chain.now + PERIOD
    world.chain.set_time(deadline)
    with pytest.raises(Reverted, match="TOO_EARLY"):
        world.settle(session, first.outcomes)
    last = world.traded(session, 6, won=77)
    getattr(world, how)(session, last)
    world.chain.set_time(deadline + 1)
    with pytest.raises(Reverted, match="TOO_LATE"):
        getattr(world, how)(session, world.traded(session, 7))
    world.settle(session, last.outcomes)


@pytest.mark.parametrize("period", [60, 30 * 86400])
def test_the_period_is_that_of_the_terms(world: World, period: int) -> None:
    session = world.opened_session(challenge_period=period)
    world.challenge(session, world.traded(session, 5))
    assert world.status(session)[1] == world.chain.now + period


def test_settle_pays_what_is_recorded_and_only_once(world: World) -> None:
    session = world.opened_session()
    state = world.traded(session, 5)
    with pytest.raises(Reverted, match="NOT_DISPUTED"):
        world.settle(session, state.outcomes)
    world.challenge(session, state)
    world.chain.pass_time(PERIOD + 1)
    for wrong in (session.setup.outcomes, world.traded(session, 5, won=401).outcomes, state.outcomes[:1], ()):
        with pytest.raises(Reverted, match="WRONG_OUTCOMES"):
            world.settle(session, wrong)
    world.settle(session, state.outcomes)
    with pytest.raises(Reverted, match="NOT_DISPUTED"):
        world.settle(session, state.outcomes)
    with pytest.raises(Reverted, match="NOT_OPEN"):
        world.challenge(session, world.traded(session, 9))
    with pytest.raises(Reverted, match="NOT_DISPUTED"):
        world.respond(session, world.traded(session, 9))
    with pytest.raises(Reverted, match="NOT_OPEN"):
        world.close(session, world.final(session))
    assert world.credit(NATIVE) == ALLOCATION + 400


def test_settle_wants_the_channels_own_terms(world: World) -> None:
    session = world.opened_session()
    state = world.traded(session, 5)
    world.challenge(session, state)
    world.chain.pass_time(PERIOD + 1)
    other = replace(session, terms=replace(session.terms, trader=STRANGER.address))
    with pytest.raises(Reverted, match="NOT_DISPUTED"):
        world.settle(other, state.outcomes)


def test_open_orders_change_neither_payout_nor_validity(world: World) -> None:
    session = world.opened_session()
    state = session.state(5, {NATIVE: (0, 3)}, orders=50)
    world.challenge(session, state)
    world.chain.pass_time(PERIOD + 1)
    world.settle(session, state.outcomes)
    assert world.credit(NATIVE) == ALLOCATION + 3


def test_the_extremes_settle(world: World) -> None:
    session = world.opened_session()
    everything = world.traded(session, 5, won=COLLATERAL, lost=ALLOCATION)
    world.challenge(session, everything)
    world.chain.pass_time(PERIOD + 1)
    world.settle(session, everything.outcomes)
    assert (world.credit(NATIVE), world.credit(world.token.address)) == (ALLOCATION + COLLATERAL, 0)
    assert world.free(BROKER.address, NATIVE) == STOCK - COLLATERAL


def test_revoking_a_signer_stops_no_settling(world: World) -> None:
    session, other = world.opened_session(), world.opened_session()
    for asset in world.assets:
        world.authorize(asset, 0, 0)
    with pytest.raises(Reverted, match="NOT_AUTHORIZED"):
        world.opened_session()
    state = world.traded(session, 5)
    world.challenge(session, state)
    world.chain.pass_time(PERIOD + 1)
    world.settle(session, state.outcomes)
    world.close(other, world.final(other))
    assert world.used(NATIVE) == 800
