"""Long work as steps with a state, from what the driver reports or, where it says nothing, from the phase. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from wallet.app.messages import sentence
from wallet.app.recovering import cost_words
from wallet.app.snapshots import ChannelView, OrderStatus, Phase, Step
from wallet.gui.models.book import LIVE
from wallet.gui.models.figures import countdown

ALONE = ("STEP-CHALLENGE", "STEP-PERIOD", "STEP-SETTLE", "STEP-WITHDRAW")
LEAVE = ("STEP-CANCEL", "STEP-FINALIZE", "STEP-CLOSE", "STEP-WITHDRAW")
OPEN = ("STEP-OFFER", "STEP-SETUP", "STEP-DEPOSIT", "STEP-CONFIRM")

_LEAVE_AT = {
    Phase.FINALIZING: 1,
    Phase.FINAL: 2,
    Phase.CLOSING: 2,
    Phase.SETTLED: 3,
    Phase.WITHDRAWN: 4,
}
_OPEN_AT = {Phase.NONE: 0, Phase.REQUESTED: 1, Phase.AGREED: 2, Phase.OPENING: 3, Phase.OPEN: 4}


def opening(channel: ChannelView | None, reported: Sequence[Step]) -> tuple[Step, ...]:
    """The stepper of opening a session."""
    if _about(reported, OPEN):
        return tuple(reported)
    return _at(OPEN, _OPEN_AT.get(channel.phase if channel else Phase.NONE, 0))


def leaving(
    channel: ChannelView | None, reported: Sequence[Step], *, begun: bool, failed: bool, now: float = 0.0
) -> tuple[Step, ...]:
    """The stepper of leaving; ``begun`` once the user has said yes, ``failed`` if the step at work broke off.

    ``now``: Unix seconds, by which a challenge period is over or not.
    """
    phase = channel.phase if channel else Phase.NONE
    if alone(channel, reported):
        return _alone(channel, now, failed=failed)
    if begun and phase is not Phase.WITHDRAWN and _about(reported, LEAVE):
        return tuple(reported)
    at = _LEAVE_AT.get(phase, 0)
    if phase is Phase.OPEN and begun and channel is not None:
        at = 0 if live_orders(channel) else 1
    if not begun and at == 0:
        return tuple(Step(code, "todo") for code in LEAVE)
    steps = _at(LEAVE, at)
    if failed:
        return tuple(Step(step.code, "failed") if step.state == "doing" else step for step in steps)
    return steps


def alone(channel: ChannelView | None, reported: Sequence[Step]) -> bool:
    """Whether the user leaves without the broker: by a dispute that runs, or is about to."""
    return channel is not None and (channel.phase is Phase.DISPUTED or _about(reported, ALONE))


def _alone(channel: ChannelView | None, now: float, *, failed: bool) -> tuple[Step, ...]:
    phase = channel.phase if channel else Phase.NONE
    over = channel is not None and now > channel.deadline > 0
    at = {Phase.DISPUTED: 2 if over else 1, Phase.SETTLED: 3, Phase.WITHDRAWN: 4}.get(phase, 0)
    steps = _at(ALONE, at)
    if failed:
        return tuple(Step(step.code, "failed") if step.state == "doing" else step for step in steps)
    return steps


def alone_words(channel: ChannelView) -> str:
    """What leaving without the broker means, before it is done."""
    if channel.recovery is not None:
        said = cost_words(channel.increment, channel.recovery.shares, shown=channel.recovery.shown)
        means = "The contract gets the state below; when the challenge period is over, it is paid out."
        return " ".join((means, *said, "It should pay:"))
    return (
        f"The contract gets your best state, #{channel.increment}, and from then on nothing more is traded."
        " It should pay:"
    )


def dispute_words(channel: ChannelView, now: float) -> str:
    """Where a dispute stands, and what to do meanwhile."""
    if now > channel.deadline:
        return "It is settled and paid out by itself now; you can do it at once, too."
    return (
        "Nothing more is traded. Leave this program running, or watch from elsewhere: it answers an older state by"
        f" itself, then settles by yours, #{channel.increment}, and pays out."
    )


def dispute_title(channel: ChannelView, now: float) -> str:
    """The dispute and its countdown."""
    if now > channel.deadline:
        return "The challenge period is over"
    return f"In dispute: {countdown(int(channel.deadline - now))} left"


def exit_title(channel: ChannelView, now: float) -> str:
    """When a session that is finalized is left without the broker."""
    return sentence("EXIT-COUNTDOWN", {"left": countdown(int(channel.exit_at - now))})


def asking(reported: Sequence[Step]) -> bool:
    """Whether the broker is being asked for the final state right now: he gets a moment before time is counted."""
    return any(step.state == "doing" and step.code in LEAVE[:2] for step in reported)


def left(channel: ChannelView | None) -> bool:
    return channel is not None and channel.phase is Phase.WITHDRAWN


def live_orders(channel: ChannelView, market: str = "") -> int:
    """How many orders may still trade or be sent by a trigger, of one market or of all."""
    live = (*LIVE, OrderStatus.UNKNOWN)
    orders = sum(1 for order in channel.orders if order.status in live and market in ("", order.market))
    return orders + sum(1 for row in channel.triggers if not row.failed and market in ("", row.market))


def _about(reported: Sequence[Step], codes: Sequence[str]) -> bool:
    """Whether the driver's report is on this work: the last one stays up after its end."""
    return bool(reported) and reported[0].code == codes[0]


def _at(codes: Sequence[str], at: int) -> tuple[Step, ...]:
    states = ["done" if index < at else "doing" if index == at else "todo" for index in range(len(codes))]
    return tuple(Step(code, state) for code, state in zip(codes, states, strict=True))
