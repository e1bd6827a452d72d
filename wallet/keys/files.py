"""Small owner-only files that are either the old or the new ones, whatever happens in between."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from wallet.protocol.errors import WalletError

_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes; group and world lose their rights on it.

    Raises WalletError("KEYS_NOT_FOUND" | "KEYS_READ_FAILED" | "KEYS_DAMAGED").
    """
    # O_NONBLOCK: a named pipe put in the file's place must not hang the program.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise WalletError("KEYS_DAMAGED", why="not-a-file")
            data = file.read(limit + 1)
            if os.name == "posix" and status.st_mode & 0o077:
                with contextlib.suppress(
                    OSError
                ):  # another owner's file, a read-only disk: readable, not ours to repair
                    os.fchmod(file.fileno(), _FILE_MODE)
    except FileNotFoundError:
        raise WalletError("KEYS_NOT_FOUND", path=str(path)) from None
    except OSError as error:
        raise WalletError("KEYS_READ_FAILED", path=str(path), why=_why(error)) from error
    if len(data) > limit:
        raise WalletError("KEYS_DAMAGED", why="too-large")
    return data


def check_absent(path: Path) -> None:
    """WalletError("KEYS_EXISTS") before any work is done; :func:`write_new` checks again as it writes."""
    with _write_errors(path):
        if path.exists():
            raise WalletError("KEYS_EXISTS", path=str(path))


def write_new(path: Path, data: bytes) -> None:
    """Create ``path`` whole or not at all; never over an existing file.

    Raises WalletError("KEYS_EXISTS" | "KEYS_WRITE_FAILED").
    """
    with _write_errors(path):
        _make_directory(path.parent)
        temporary = _write_temporary(path, data)
        try:
            _rename_new(temporary, path)
        except FileExistsError:
            raise WalletError("KEYS_EXISTS", path=str(path)) from None
        finally:
            temporary.unlink(missing_ok=True)
        _sync_directory(path.parent)


def replace(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of an existing file, durable when it returns (temporary, fsync, rename, fsync).

    Raises WalletError("KEYS_WRITE_FAILED"); the old file is then still there.
    """
    with _write_errors(path):
        temporary = _write_temporary(path, data)
        try:
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_directory(path.parent)


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WalletError("KEYS_WRITE_FAILED", path=str(path), why=_why(error)) from error


def _make_directory(directory: Path) -> None:
    missing = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=_DIRECTORY_MODE)


def _write_temporary(path: Path, data: bytes) -> Path:
    # One fixed name per file: what a crash left behind is taken away by the next write. The profile has one owner.
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(temporary, flags, _FILE_MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _rename_new(temporary: Path, path: Path) -> None:
    """Rename that fails if ``path`` exists, also where a plain rename would silently replace it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError from None
        temporary.rename(path)


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return  # Windows has no handle on a directory to flush; NTFS journals the rename
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
