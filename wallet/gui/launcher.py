"""What the window needs from whoever starts it: ways to a backend. The window never starts a sandbox by itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from wallet.app.alone_backend import AloneBackend
from wallet.app.backend import Backend
from wallet.app.owner.door import Front
from wallet.gui.models.onboarding import Words

Progress = Callable[[str, float], None]  # a code of the catalogue ("BOOT-CHAIN", …), and how far it is: 0.0 to 1.0


class Launcher(Protocol):
    """Calls return at once; work runs elsewhere. ``progress`` may be called from any thread."""

    def attend(self, front: Front) -> None:
        """There is a window now: what other programs of the user's want of it goes to ``front``."""

    def start_demo(self, progress: Progress) -> Future[Backend]:
        """A throwaway key, a local broker and chain, and a backend on them."""

    def open_profile(self, path: Path, password: str, progress: Progress) -> Future[Backend]:
        """Unlock an existing profile and open it with the broker it knows. ``password``: "" for the keyring's key."""

    def stays_unlocked(self, path: Path) -> bool:
        """Whether this computer's keyring opens the profile; quick."""

    def password_wait(self, path: Path) -> float:
        """Seconds until a password is tried again, after wrong ones; quick."""

    def accept_loss(self, path: Path) -> Future[int]:
        """Go on with a profile whose history lost states: how many of its sessions can only be left from here on."""

    def restore_backup(self, file: Path, password: str, path: Path, progress: Progress) -> Future[Backend]:
        """Make the profile at ``path`` (where there must be nothing) from a backup, and open it."""

    def recover(self, path: Path, phrase: str, password: str, node: str, contract: bytes) -> Future[AloneBackend]:
        """What the chain alone shows of a profile's sessions; a phrase makes its keys, "" means they are there."""

    def let_go(self, backend: AloneBackend) -> None:
        """Close it elsewhere: that may take as long as the network."""

    def new_phrase(self, count: int) -> str:
        """A fresh recovery phrase of 12 or 24 words."""

    def check_phrase(self, phrase: str) -> None:
        """Raises WalletError if ``phrase`` is no recovery phrase."""

    def create_profile(
        self, path: Path, words: Words, password: str, broker: Path, progress: Progress
    ) -> Future[Backend]:
        """Write a new profile at ``path`` (which must not exist), with the broker of a profile file, and open it."""
