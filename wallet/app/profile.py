"""A profile: one directory, one owner at a time. Whoever opens it holds the operating system's lock on it.

Layout: ``keys.vault`` (encrypted), ``history.db`` (the journal), ``brokers/`` (pinned broker profiles), ``logs/``,
``layout.json``. Everything is owner-only.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import platformdirs

from wallet.protocol.errors import WalletError
from wallet.session import broker_profile
from wallet.session.broker_profile import BrokerProfile


def default_path() -> Path:
    """Where the window keeps its profile unless told otherwise."""
    return Path(platformdirs.user_data_dir("channel-wallet", appauthor=False)) / "profile"


class ProfileLock:
    """The lock on a profile: held by the operating system, so it cannot go stale."""

    def __init__(self, path: Path) -> None:
        """Raises WalletError("PROFILE_IN_USE") if another process holds it."""
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(self._file)
        except OSError as error:
            os.close(self._file)
            raise WalletError("PROFILE_IN_USE", path=str(path.parent)) from error

    def release(self) -> None:
        os.close(self._file)


class Profile:
    """An open profile directory."""

    def __init__(self, path: Path) -> None:
        """Opens ``path``, making it if need be, and takes its lock.

        Raises WalletError("PROFILE_IN_USE" | "PROFILE_UNUSABLE").
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = path.resolve(strict=True)
            self.path.chmod(0o700)
            self._lock = ProfileLock(self.path / "lock")
            (self.path / "brokers").mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise WalletError("PROFILE_UNUSABLE", path=str(path), why=error.strerror or "") from error

    @property
    def vault(self) -> Path:
        return self.path / "keys.vault"

    @property
    def journal(self) -> Path:
        return self.path / "history.db"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def layout(self) -> Path:
        return self.path / "layout.json"

    def brokers(self) -> list[BrokerProfile]:
        """The brokers the user added, the latest last."""
        paths = (self.path / "brokers").glob("*.json")
        return [broker_profile.load(path) for path in sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path))]

    def require_unchanged(self, broker: BrokerProfile) -> None:
        """Raises WalletError("BROKER_CHANGED", field) if the same broker was added with other facts."""
        known = next((row for row in self.brokers() if row.broker == broker.broker), broker)
        for field in ("signer", "chain_id", "adjudicator"):
            if getattr(known, field) != getattr(broker, field):
                raise WalletError("BROKER_CHANGED", name=known.name, field=field)

    def pin(self, broker: BrokerProfile) -> None:
        """Keeps a broker; his keys, chain and contract can't change afterwards behind the user's back.

        Raises WalletError("BROKER_CHANGED", field) if the same broker was added with other facts.
        """
        self.require_unchanged(broker)
        path = self.path / "brokers" / f"{broker.broker.hex()}.json"
        write_file(path, msgspec.json.format(msgspec.json.encode(broker_profile.show(broker)), indent=2))

    def close(self) -> None:
        self._lock.release()


def write_file(path: Path, data: bytes) -> None:
    """Replaces ``path`` by ``data``, owner-only, all or nothing, on disk when it returns.

    Raises WalletError("FILE_UNWRITABLE", path, why).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        file = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)
    except OSError as error:
        raise WalletError("FILE_UNWRITABLE", path=str(path), why=error.strerror or "") from error


def _sync_directory(path: Path) -> None:
    if sys.platform == "win32":
        return  # directories can't be opened there
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
