"""A profile: one directory, one owner at a time. Whoever opens it holds the operating system's lock on it.

The lock is on a file inside, and so on the directory itself: symbolic links, ``..``, another spelling of the name where
case does not count, a bind mount, all lead to the same lock.

Layout: ``keys.vault`` (encrypted), ``history.db`` (the journal), ``brokers/`` (pinned broker profiles; those removed in
``brokers/past/``), ``logs/``, ``layout.json``, ``lock``, ``owner.sock`` (see :mod:`wallet.app.owner`). Everything is
owner-only.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import msgspec
import platformdirs

from wallet.app.places import doubt
from wallet.protocol.errors import WalletError
from wallet.session import broker_profile
from wallet.session.broker_profile import BrokerProfile


def default_path() -> Path:
    """Where the window keeps its profile unless told otherwise."""
    return Path(platformdirs.user_data_dir("channel-wallet", appauthor=False)) / "profile"


def broker_folders(profile: Path) -> tuple[Path, Path]:
    """Where the profile keeps its brokers, and those it had."""
    return profile / "brokers", profile / "brokers" / "past"


def kept_brokers(profile: Path) -> list[BrokerProfile]:
    """The brokers of a profile, the latest last; it need not be held for that."""
    return [broker_profile.load(path) for path in _broker_files(broker_folders(profile)[0])]


def _broker_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path))


class ProfileLock:
    """The lock on a profile: held by the operating system, so it cannot go stale."""

    def __init__(self, path: Path) -> None:
        """Raises WalletError("PROFILE_IN_USE") if another process holds it."""
        self._released = False
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(self._file)
        except OSError as error:
            os.close(self._file)
            raise WalletError("PROFILE_IN_USE", path=str(path.parent)) from error

    def release(self) -> None:
        """Once; the number may be another file's by the second time."""
        if not self._released:
            self._released = True
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
            broker_folders(self.path)[0].mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise WalletError("PROFILE_UNUSABLE", path=str(path), why=error.strerror or "") from error
        self.doubt = doubt(self.path)

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
        return kept_brokers(self.path)

    def require_unchanged(self, broker: BrokerProfile) -> None:
        """Raises WalletError("BROKER_CHANGED", field) if the same broker was ever added with other facts."""
        files = [path for folder in broker_folders(self.path) for path in _broker_files(folder)]
        for known in (broker_profile.load(path) for path in files if path.name == _file_of(broker.broker)):
            for field in ("signer", "chain_id", "adjudicator"):
                if getattr(known, field) != getattr(broker, field):
                    raise WalletError("BROKER_CHANGED", name=known.name, field=field)

    def pin(self, broker: BrokerProfile) -> None:
        """Keeps a broker; his keys, chain and contract can't change afterwards behind the user's back.

        Raises WalletError("BROKER_CHANGED", field) if the same broker was added with other facts.
        """
        self.require_unchanged(broker)
        path = broker_folders(self.path)[0] / _file_of(broker.broker)
        write_file(path, msgspec.json.format(msgspec.json.encode(broker_profile.show(broker)), indent=2))

    def unpin(self, broker: bytes) -> None:
        """Lets go of a broker; his facts stay pinned, and name the assets of the channels there were."""
        kept, past = broker_folders(self.path)
        try:
            past.mkdir(mode=0o700, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # he was never kept
                (kept / _file_of(broker)).replace(past / _file_of(broker))
            _sync_directory(past)
            _sync_directory(kept)
        except OSError as error:
            raise WalletError("FILE_UNWRITABLE", path=str(kept), why=error.strerror or "") from error

    def close(self) -> None:
        self._lock.release()


def _file_of(broker: bytes) -> str:
    return f"{broker.hex()}.json"


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
