"""Long work as steps with a state, from what the driver reports or, where it says nothing, from the phase. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from wallet.app.snapshots import ChannelView, OrderStatus, Phase, Step
from wallet.gui.models.book import LIVE

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


def leaving(channel: ChannelView | None, reported: Sequence[Step], *, begun: bool, failed: bool) -> tuple[Step, ...]:
    """The stepper of leaving; ``begun`` once the user has said yes, ``failed`` if the step at work broke off."""
    phase = channel.phase if channel else Phase.NONE
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


def left(channel: ChannelView | None) -> bool:
    return channel is not None and channel.phase is Phase.WITHDRAWN


def live_orders(channel: ChannelView) -> int:
    """How many orders may still trade."""
    return sum(1 for order in channel.orders if order.status in (*LIVE, OrderStatus.UNKNOWN))


def _about(reported: Sequence[Step], codes: Sequence[str]) -> bool:
    """Whether the driver's report is on this work: the last one stays up after its end."""
    return bool(reported) and reported[0].code == codes[0]


def _at(codes: Sequence[str], at: int) -> tuple[Step, ...]:
    states = ["done" if index < at else "doing" if index == at else "todo" for index in range(len(codes))]
    return tuple(Step(code, state) for code, state in zip(codes, states, strict=True))
