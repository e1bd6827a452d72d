"""The watcher's rules: by table, and by property over every standing a channel can have."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chain.scenario import Session, make_terms
from wallet.chain.calls import Mandate
from wallet.chain.client import OnChain, Status
from wallet.chain.guard import NOTHING, Act, Alarm, Duty, Guarded, Leaving, Provable, judge, safe_offline
from wallet.protocol.eip712 import Domain
from wallet.protocol.state import Transition
from wallet.protocol.terms import NATIVE, Asset

NOW = 1_900_000_000
COIN = b"\x22" * 20
SESSION = Session(Domain(1, b"\x0a" * 20), make_terms((Asset(NATIVE, 50, 50), Asset(COIN, 60, 60)), NOW), NOW)
PERIOD = SESSION.terms.challenge_period
EMPTY = bytes(32)


def provable(increment: int, *, final: bool = False) -> Provable:
    state = SESSION.state(increment, transition=Transition.FINALIZE if final else Transition.TRADE)
    return Provable(state, SESSION.both(state))


def guarded(best: Provable | None, *, pay_out: bool = False) -> Guarded:
    return Guarded(SESSION.channel, SESSION.terms, best, pay_out)


def disputed(increment: int, left: int) -> OnChain:
    """In dispute, the deadline ``left`` seconds after NOW."""
    return OnChain(Status.DISPUTED, NOW + left, increment, EMPTY)


def duty(act: Act, *assets: bytes) -> Duty:
    return Duty(act, SESSION.channel, assets)


@pytest.mark.parametrize(
    ("best", "found", "act", "alarm"),
    [
        (provable(9), disputed(3, PERIOD), Act.ANSWER, None),
        (provable(9), disputed(8, PERIOD), Act.ANSWER, None),
        (provable(9), disputed(9, PERIOD), None, None),  # as high as ours
        (provable(9), disputed(10, PERIOD), None, None),  # higher: he knows better
        (None, disputed(0, PERIOD), None, None),
        (provable(9), disputed(3, PERIOD // 2 + 1), Act.ANSWER, None),
        (provable(9), disputed(3, PERIOD // 2), Act.ANSWER, Alarm.ANSWER_LATE),
        (provable(9), disputed(3, 0), Act.ANSWER, Alarm.ANSWER_LATE),  # the deadline itself is in time
        (provable(9), disputed(3, -1), Act.SETTLE, Alarm.PERIOD_MISSED),
        (provable(9), disputed(9, -1), Act.SETTLE, None),
        (None, disputed(0, -1), Act.SETTLE, None),
        (provable(9, final=True), disputed(3, PERIOD), Act.CLOSE, None),
        (provable(9, final=True), disputed(12, PERIOD), Act.CLOSE, None),  # beats what is recorded
        (provable(9, final=True), disputed(3, -1), Act.CLOSE, Alarm.ANSWER_LATE),
        (provable(9), OnChain(Status.OPEN, 0, 0, EMPTY), None, None),
        (provable(9, final=True), OnChain(Status.OPEN, 0, 0, EMPTY), None, None),  # for its user to say
        (provable(9), OnChain(Status.NONE, 0, 0, EMPTY), None, None),
        (provable(9), OnChain(Status.SETTLED, 0, 9, EMPTY), None, None),
    ],
)
def test_duties(best: Provable | None, found: OnChain, act: Act | None, alarm: Alarm | None) -> None:
    judgement = judge(guarded(best), found, {}, NOW)
    assert judgement.duty == (None if act is None else duty(act))
    assert judgement.alarm is alarm


def test_paid_out_only_if_asked_for_and_only_what_is_there() -> None:
    settled = OnChain(Status.SETTLED, 0, 9, EMPTY)
    assert judge(guarded(provable(9)), settled, {NATIVE: 5, COIN: 7}, NOW) == NOTHING
    assert judge(guarded(provable(9), pay_out=True), settled, {NATIVE: 5, COIN: 0}, NOW).duty == duty(
        Act.PAY_OUT, NATIVE
    )
    assert judge(guarded(provable(9), pay_out=True), settled, {NATIVE: 0}, NOW) == NOTHING


@given(
    ours=st.none() | st.integers(1, 20),
    final=st.booleans(),
    recorded=st.integers(0, 20),
    left=st.integers(-2 * PERIOD, PERIOD),
    period=st.integers(60, PERIOD),
)
def test_nothing_provable_is_ever_given_away(
    ours: int | None, final: bool, recorded: int, left: int, period: int
) -> None:
    """In any dispute: something is sent whenever it helps, answers in time only, and settling only when none helps."""
    best = None if ours is None else provable(ours, final=final)
    one = replace(guarded(best), terms=replace(SESSION.terms, challenge_period=period))
    judgement = judge(one, disputed(recorded, left), {}, NOW)
    act = judgement.duty.act if judgement.duty else None
    if best is not None and best.final:
        assert act is Act.CLOSE
    elif left < 0:
        assert act is Act.SETTLE
        assert (judgement.alarm is Alarm.PERIOD_MISSED) == (ours is not None and ours > recorded)
    elif ours is not None and ours > recorded:
        assert act is Act.ANSWER
        assert (judgement.alarm is Alarm.ANSWER_LATE) == (left <= period / 2)
    else:
        assert judgement == NOTHING


def test_safe_while_offline_leaves_half_of_the_period_for_the_answer() -> None:
    assert safe_offline(SESSION.terms) == PERIOD // 2


def leaving(due: int, *, least: int = 0, until: int = NOW + 1_000) -> Leaving:
    return Leaving(due, Mandate(least, until, bytes(65)), SESSION.setup)


@pytest.mark.parametrize(
    ("best", "wish", "clock", "act", "alarm"),
    [
        (provable(9), leaving(NOW + 60), NOW + 59, None, None),  # not yet
        (provable(9), leaving(NOW + 60), NOW + 60, Act.CHALLENGE, None),
        (provable(9), leaving(NOW, least=9), NOW, Act.CHALLENGE, None),
        (provable(8), leaving(NOW, least=9), NOW, None, None),  # the contract would refuse it
        (None, leaving(NOW), NOW, Act.CHALLENGE, None),  # with the setup, which needs no proof
        (None, Leaving(NOW, Mandate(0, NOW, bytes(65))), NOW, None, None),
        (provable(9, final=True), leaving(NOW), NOW, Act.CLOSE, None),  # signed after all, and nobody closed
        (provable(9, final=True), leaving(NOW, until=NOW - 1), NOW, Act.CLOSE, None),  # for that no mandate is needed
        (provable(9), leaving(NOW - 5, until=NOW - 1), NOW, None, Alarm.EXIT_EXPIRED),
    ],
)
def test_an_open_channel_is_left_when_the_owner_s_time_is_up(
    best: Provable | None, wish: Leaving, clock: int, act: Act | None, alarm: Alarm | None
) -> None:
    open_now = OnChain(Status.OPEN, 0, 0, EMPTY)
    judgement = judge(replace(guarded(best), leaving=wish), open_now, {}, NOW, clock)
    assert (judgement.duty.act if judgement.duty else None, judgement.alarm) == (act, alarm)
    assert judge(guarded(best), open_now, {}, NOW, clock) == NOTHING
