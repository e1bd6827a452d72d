"""The first words of each side. Their form never changes, so that any two versions can at least say what is wrong.

After them, both must speak the same protocol and be the same version of the program: what crosses is its snapshots. To
raise the window, every version will do.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from wallet import __version__
from wallet.app.owner import frames
from wallet.protocol.errors import WalletError

PROTOCOL = 1
Text = Literal["channel-wallet"]
State = Literal["locked", "ready", "closing", "busy"]
Want = Literal["talk", "raise", "lock"]


class GuestHello(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``token``: what the desktop gave the guest to bring a window to the front with."""

    program: Text
    protocol: int
    version: str
    want: Want
    token: str = ""


class OwnerHello(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``window``: whether there is one, to be raised and to ask its user."""

    program: Text
    protocol: int
    version: str
    state: State
    window: bool


def guest(want: Want, token: str = "") -> GuestHello:
    return GuestHello("channel-wallet", PROTOCOL, __version__, want, token[:256])


def owner(state: State, *, window: bool) -> OwnerHello:
    return OwnerHello("channel-wallet", PROTOCOL, __version__, state, window)


def read_guest(value: dict[str, Any]) -> GuestHello:
    found: GuestHello = frames.read(value, GuestHello)
    return found


def read_owner(value: dict[str, Any]) -> OwnerHello:
    found: OwnerHello = frames.read(value, OwnerHello)
    return found


def check_version(his: GuestHello | OwnerHello) -> None:
    """Raises WalletError("OWNER_VERSION", theirs, ours)."""
    if (his.protocol, his.version) != (PROTOCOL, __version__):
        raise WalletError("OWNER_VERSION", theirs=his.version[:40], ours=__version__)
