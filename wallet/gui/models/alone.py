"""Channels found on the chain as a screen says them, and what a form must hold to look for them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wallet.app.alone_backend import FoundView
from wallet.app.recovering import amounts
from wallet.gui.models.figures import countdown
from wallet.gui.models.onboarding import password_reason
from wallet.gui.models.ticket import Reason

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed. Without a phrase the keys are in the folder already."""

    phrase: str
    password: str
    again: str
    folder: str
    node: str
    contract: str


def missing(form: Form) -> Reason | None:
    """Why one can't begin yet."""
    if not form.password:
        return Reason("NEW-PASSWORD-EMPTY")
    reason = password_reason(form.password, form.again) if form.phrase else None
    if reason is not None:
        return reason
    if not form.folder:
        return Reason("NEW-NO-FOLDER")
    if not form.node:
        return Reason("ALONE-NO-NODE")
    return None if _ADDRESS.fullmatch(form.contract) else Reason("ALONE-NO-CONTRACT")


def title(row: FoundView, now: float) -> str:
    """Where a channel stands; ``now`` in Unix seconds."""
    name = f"0x{row.channel.hex()[:10]}…"
    if row.status == "disputed":
        left = row.deadline - now
        until = f"{countdown(int(left))} left" if left > 0 else "to be settled now"
        return f"{name}  in dispute with state {row.increment}, {until}"
    return f"{name}  {row.status}" + (f" by state {row.increment}" if row.status == "settled" else "")


def pays(row: FoundView) -> str:
    """What its state pays; of an open one, the opening state."""
    said = amounts(row.shares, lambda share: share.pays) or "nothing"
    words = {"open": "Its opening state pays", "disputed": "The recorded state pays", "settled": "It paid"}
    return f"{words[row.status]} {said}."
