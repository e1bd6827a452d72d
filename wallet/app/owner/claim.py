"""Taking a profile: its lock and its door together, or the way to whoever has it."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path

from wallet.app.owner.door import Door, Front, Served
from wallet.app.owner.guest import Guest, raise_window
from wallet.app.profile import Profile
from wallet.protocol.errors import WalletError

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds to wait for an owner that begins or ends
PAUSE = 0.05
# What passes by itself: the owner ends, or has not unlocked the profile yet and has no window to do it in.
_PASSING = ("OWNER_GONE", "OWNER_STARTING", "OWNER_BUSY")


class Owner:
    """A profile held by this process, from before it is unlocked until after it is closed."""

    def __init__(self, path: Path) -> None:
        """Raises WalletError("PROFILE_IN_USE" | "PROFILE_UNUSABLE")."""
        self.profile = Profile(path)
        self._door: Door | None = None
        try:
            self._door = Door(self.profile.path)
        except WalletError as error:
            log.warning("%s", error)  # the profile works all the same; a second program is told that it is in use
        except BaseException:
            self.profile.close()
            raise

    def attend(self, front: Front) -> None:
        """There is a window from now on."""
        if self._door is not None:
            self._door.attend(front)

    def serve(self, served: Served | None) -> None:
        """The profile is unlocked from now on."""
        if self._door is not None:
            self._door.serve(served)

    def leave(self) -> None:
        """Shuts the door; the lock is still held, for the driver to end under."""
        if self._door is not None:
            self._door.close()

    def close(self) -> None:
        """Shuts the door and lets go of the profile."""
        self.leave()
        self.profile.close()


def own_or_visit(path: Path, patience: float = PATIENCE) -> Owner | Guest:
    """The profile itself, or a place at its owner's table; waits while an owner begins or ends.

    Raises WalletError("PROFILE_…" | "OWNER_…") with why neither is possible.
    """
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(_InUse):
            return _own(path)
        try:
            return Guest(path.resolve())
        except WalletError as error:
            if error.code not in _PASSING:
                raise
            if time.monotonic() > deadline:
                raise error if error.code == "OWNER_BUSY" else _in_use(path) from None
        time.sleep(PAUSE)


def own_or_raise(path: Path, token: str = "", patience: float = PATIENCE) -> Owner | None:
    """The profile, for a window; None if another window has it, which was brought to the front instead.

    Raises WalletError as :func:`own_or_visit` does.
    """
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(_InUse):
            return _own(path)
        try:
            if raise_window(path.resolve(), token):
                return None
        except WalletError as error:
            if error.code not in _PASSING:
                raise
        if time.monotonic() > deadline:
            raise _in_use(path)
        time.sleep(PAUSE)


class _InUse(Exception):
    """Somebody has the lock."""


def _own(path: Path) -> Owner:
    try:
        return Owner(path)
    except WalletError as error:
        if error.code == "PROFILE_IN_USE":
            raise _InUse from error
        raise


def _in_use(path: Path) -> WalletError:
    return WalletError("PROFILE_IN_USE", path=str(path))
