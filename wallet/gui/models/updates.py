"""What the notice of a newer release says, and when it is looked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_MS = 10_000  # after a profile is open: its own work comes first
EVERY_MS = 24 * 3_600_000

# What must not pass in silence: somebody shows other files than the releaser signed, or the settings were changed.
ALARMING = frozenset({"UPDATE_SIGNATURE", "UPDATE_ROLLBACK", "UPDATE_FORM", "UPDATE_SETTINGS"})


@dataclass(frozen=True, slots=True)
class Found:
    """The end of one look: ``corner`` is for the menu bar ("" for nothing to say), ``text`` for the dialog."""

    corner: str = ""
    text: str = ""
    tone: str = "muted"


def newer(version: str, date: str, running: str) -> Found:
    """A newer release is signed by the pinned key. Its text is a version and a date, both of a strict form."""
    return Found(
        f"Version {version} is out",
        f"Version {version} of {date} is out; this is {running}. Get it where you got this one, and check its "
        "signature before you install it. Nothing was downloaded.",
        "good",
    )


def newest(running: str) -> Found:
    """There is none."""
    return Found("", f"No newer release is announced; this is {running}.")


def failed(code: str, sentence: str) -> Found:
    """The look failed. An address that does not answer is not worth a word in the corner."""
    return Found("Release notice refused" if code in ALARMING else "", sentence, "bad")
