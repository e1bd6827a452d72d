"""One broker per folder: two that sign from one file would sign two digests at one increment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from wallet.broker.errors import refused


class FolderLock:
    """Held by the operating system for as long as the process lives; nothing stale is left after a crash."""

    def __init__(self, folder: Path) -> None:
        """Raises WalletError("BROKER_RUNNING") if another process holds it."""
        self._file = os.open(folder / "broker.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise refused("BROKER_RUNNING", folder=str(folder)) from error

    def release(self) -> None:
        os.close(self._file)
