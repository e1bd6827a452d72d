"""What a channel on chain calls for, decided from what is known: the watcher's rules, without chain, clock or key.

All that is called for here anyone may send, so that the gas key is enough for it: the owner's may be locked.
Source: design §6 (respond, close, settle and the pushed credit need no owner), issue of a stale challenge: the highest
validated state, at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from wallet.chain.calls import Mandate, Validation
from wallet.chain.client import OnChain, Status
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Terms


class Act(Enum):
    """What is to be sent."""

    CHALLENGE = "challenge"
    ANSWER = "answer"
    CLOSE = "close"
    SETTLE = "settle"
    PAY_OUT = "pay out"


class Alarm(Enum):
    """What its owner must hear of, because this program alone may not manage."""

    ANSWER_LATE = "WATCH_ANSWER_LATE"  # half of the period is over, and the answer is not on chain
    PERIOD_MISSED = "WATCH_PERIOD_MISSED"  # it ended with less recorded than we can prove
    EXIT_EXPIRED = "WATCH_EXIT_EXPIRED"  # the mandate to leave is too old for the contract


@dataclass(frozen=True, slots=True)
class Provable:
    """A validated state with all that a contract needs to see of its validation."""

    state: State
    validation: Validation

    @property
    def final(self) -> bool:
        return self.state.transition is Transition.FINALIZE


@dataclass(frozen=True, slots=True)
class Leaving:
    """The owner's mandate to leave without the broker, once ``due`` (Unix seconds of our own clock) has passed.

    ``setup``: the state to challenge with where there is no better one; it needs no proof.
    """

    due: int
    mandate: Mandate
    setup: State | None = None


@dataclass(frozen=True, slots=True)
class Guarded:
    """A channel under watch. ``best``: the highest state we can prove (a finalize state needs no other).

    ``pay_out``: whether what is credited is to be sent on to the owner's own account. ``leaving``: whether, and from
    when on, an open channel is to be left.
    """

    channel: bytes
    terms: Terms
    best: Provable | None
    pay_out: bool = False
    leaving: Leaving | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """One transaction to send; ``assets`` are those to pay out."""

    act: Act
    channel: bytes
    assets: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to send, if anything, and what to cry out, if anything."""

    duty: Duty | None = None
    alarm: Alarm | None = None


NOTHING = Judgement()


def judge(guarded: Guarded, found: OnChain, credited: Mapping[bytes, int], now: int, clock: int = 0) -> Judgement:
    """What ``found`` calls for at block time ``now`` (Unix seconds of the latest block) and ``clock``, our own time.

    ``credited``: base units the adjudicator holds for the trader, by asset.
    """
    if found.status is Status.OPEN and guarded.leaving is not None:
        return _to_leave(guarded, guarded.leaving, now, clock)
    if found.status is Status.DISPUTED:
        return _in_dispute(guarded, found, now)
    if found.status is Status.SETTLED and guarded.pay_out:
        assets = tuple(row.asset for row in guarded.terms.assets if credited.get(row.asset, 0) > 0)
        return Judgement(Duty(Act.PAY_OUT, guarded.channel, assets)) if assets else NOTHING
    return NOTHING


def _to_leave(guarded: Guarded, leaving: Leaving, now: int, clock: int) -> Judgement:
    best = guarded.best
    if clock < leaving.due:
        return NOTHING
    if best is not None and best.final:
        return Judgement(Duty(Act.CLOSE, guarded.channel))
    if now > leaving.mandate.valid_until:
        return Judgement(alarm=Alarm.EXIT_EXPIRED)
    if (best.state.increment if best else 0) < leaving.mandate.min_increment or not (best or leaving.setup):
        return NOTHING  # the contract would refuse: our history lacks what it had when the mandate was given
    return Judgement(Duty(Act.CHALLENGE, guarded.channel))


def _in_dispute(guarded: Guarded, found: OnChain, now: int) -> Judgement:
    best = guarded.best
    if best is not None and best.final:
        # Beats whatever is recorded, before and after the deadline, until somebody settles.
        return Judgement(Duty(Act.CLOSE, guarded.channel), _late(guarded.terms, found, now))
    higher = best is not None and best.state.increment > found.increment
    if now <= found.deadline:
        if higher:
            return Judgement(Duty(Act.ANSWER, guarded.channel), _late(guarded.terms, found, now))
        return NOTHING
    return Judgement(Duty(Act.SETTLE, guarded.channel), Alarm.PERIOD_MISSED if higher else None)


def _late(terms: Terms, found: OnChain, now: int) -> Alarm | None:
    return Alarm.ANSWER_LATE if 2 * (found.deadline - now) <= terms.challenge_period else None


def safe_offline(terms: Terms) -> int:
    """Seconds one may be away without a challenge running out unanswered: the whole period, less the half kept for
    answering in spite of full blocks and failing nodes."""
    return terms.challenge_period // 2
