"""Backups by schedule as a screen says them. Pure."""

from __future__ import annotations

from wallet.app.messages import sentence
from wallet.app.snapshots import BackupView
from wallet.gui.models.figures import age

EVERY = ((0, "Never"), (1, "Every hour"), (6, "Every 6 hours"), (24, "Every day"), (24 * 7, "Every week"))


def options(hours: int) -> tuple[tuple[int, str], ...]:
    """The choices, and one more for what was chosen elsewhere."""
    known = hours in (value for value, _ in EVERY)
    return EVERY if known else (*EVERY, (hours, f"Every {hours} hours"))


def percent(view: BackupView) -> int:
    """How far the backup is that is being made, 0 to 100."""
    return min(100, 100 * view.done // view.whole) if view.whole else 0


def status(view: BackupView, now: float) -> str:
    """What is being done, or when it last was; ``now`` in Unix seconds."""
    if view.doing:
        return sentence(view.doing)
    if not view.folder:
        return "No folder is chosen: backups are made by hand only."
    if not view.last:
        return "There is no backup in this folder yet."
    return f"The last backup was made {age(max(0.0, now - view.last))} ago."
