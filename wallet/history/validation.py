"""By what a recorded state is validated: both signatures on it, or one, and the other role's on a direct successor.

Source: seed "Increment" ("by signing a new state the party implicitly validates the previous state issued by the other
party"), design §3: depth exactly one, whatever the successor says; setup and finalize need both on themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from wallet.history.journal import Entry
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role


class Following(Protocol):
    """Where the states that come after one are found: a journal, or a reader of one."""

    def following(self, entry: Entry) -> Iterator[Entry]: ...
    def page(self, channel: bytes, before: int | None, limit: int) -> list[Entry]: ...


@dataclass(frozen=True, slots=True)
class Validation:
    """``implied`` is the role whose signature is on ``successor`` and not on the state; None: both are on the state."""

    implied: Role | None = None
    successor: Entry | None = None

    @property
    def kind(self) -> str:
        """Which of the two it is, as exports and the command line name it."""
        return "both" if self.implied is None else "implied"


def validation_of(history: Following, entry: Entry) -> Validation | None:
    """How ``entry`` is validated; None if what is recorded does not prove that it is. Signatures are not checked."""
    missing = [role for role in Role if entry.signature(role) is None]
    if not missing:
        return Validation()
    if len(missing) > 1 or entry.state.transition in (Transition.SETUP, Transition.FINALIZE):
        return None
    role = missing[0]
    for later in history.following(entry):
        if later.signature(role) is not None:
            return Validation(role, later)
    return None


def best_validated(history: Following, channel: bytes) -> tuple[Entry, Validation] | None:
    """The highest state that can be proved, and how; None if there is none."""
    before: int | None = None
    while page := history.page(channel, before, 50):
        for entry in page:
            found = validation_of(history, entry)
            if found is not None:
                return entry, found
        before = page[-1].state.increment
    return None
