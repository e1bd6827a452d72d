"""The backup of a profile: keys, history and settings in one sealed file, and a profile made from it.

It holds no session key (protocol §10.3): in what is restored from it no channel trades on. What is inside, before it is
sealed (:mod:`wallet.keys.archive`): the length of a list (u32), the list (JSON), then the files of the list one after
the other. The history is copied while the wallet trades (:mod:`wallet.history.backup`): for a moment the profile's
folder holds it twice.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import io
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from wallet.history.backup import back_up
from wallet.history.journal import Journal
from wallet.history.store import sync_directory
from wallet.keys import archive
from wallet.keys.image import MAX_BYTES
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, open_vault
from wallet.protocol import codec, strictjson
from wallet.protocol.errors import WalletError
from wallet.session.phases import OVER, Phase

KEYS, HISTORY = "keys.vault", "history.db"
RESTORED = b"from a backup"  # what a restored channel's journal says of why it is one
FORMAT, FORMAT_VERSION = "channel-wallet/backup", 1
MAX_LIST = 1024 * 1024
MAX_FILES = codec.MAX_ROWS
MAX_SETTING = 1024 * 1024
PIECE = 256 * 1024
STALE = 86_400  # seconds after which an unfinished file is nobody's
_SETTING = re.compile(r"(brokers/(past/)?[0-9a-f]{40}\.json)|([a-z][a-z0-9-]{0,40}\.(json|ini))", re.ASCII)
_LENGTH = 4

Progress = Callable[[str, int, int], None]
"""(code of what is being done, bytes done, bytes in all); from whatever thread does the work."""


def no_progress(_code: str, _done: int, _all: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a backup. ``made``: Unix seconds; ``open_channels``: those that are not over."""

    made: int
    accounts: tuple[bytes, ...]
    channels: int
    open_channels: int
    settings: int
    size: int


@dataclass(frozen=True, slots=True)
class Row:
    """One file of the list: its path in the profile, checked, and its size in bytes."""

    name: str
    size: int


# --- making -----------------------------------------------------------------------------------------------------------


def make(
    profile: Path,
    vault: Vault,
    target: Path,
    progress: Progress = no_progress,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Writes the backup of a profile, owner-only, whole or not at all, and reads it again; its size in bytes.

    The profile may be at work meanwhile, in this program or another. Blocking.
    Raises WalletError("BACKUP_FAILED" | "BACKUP_CANCELLED" | "KEYS_LOCKED"); an older file at ``target`` is then as it
    was.
    """
    image, data_key = vault.for_backup()

    def tell(code: str, done: int, whole: int) -> None:
        if cancelled():
            raise WalletError("BACKUP_CANCELLED")
        progress(code, done, whole)

    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _explained(target), _scratch(profile) as scratch:
        _sweep(target.parent, ".*.backup.*.part")
        files: list[tuple[str, Path | bytes]] = [(KEYS, image.encode())]
        if (profile / HISTORY).exists():
            back_up(
                profile / HISTORY,
                scratch / HISTORY,
                lambda done, whole: tell("BACKUP-COPY", done, whole),
                cancelled,
            )
            files.append((HISTORY, scratch / HISTORY))
        files += [(name, (profile / name).read_bytes()) for name in _settings(profile)]
        try:
            size, written = _seal(files, part, lambda pieces, out: archive.write(image, data_key, pieces, out), tell)
            with part.open("rb") as again:
                if _digest(archive.read_again(again, data_key), size, tell) != written:
                    raise WalletError("BACKUP_FAILED", path=target.name, why="what was written reads differently")
            part.replace(target)
            sync_directory(target.parent)
        finally:
            part.unlink(missing_ok=True)
    return target.stat().st_size


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WalletError("BACKUP_FAILED", path=target.name, why=error.strerror or type(error).__name__) from error
    except WalletError as error:
        if error.code == "EXPORT_CANCELLED":
            raise WalletError("BACKUP_CANCELLED") from error
        if error.code.startswith(("EXPORT_", "STORE_")):
            raise WalletError(
                "BACKUP_FAILED", path=target.name, why=str(error.params.get("why", error.code))
            ) from error
        raise


@contextlib.contextmanager
def _scratch(profile: Path) -> Iterator[Path]:
    """An owner-only folder in the profile; one that a crash left behind goes first."""
    _sweep(profile, ".backup-*")
    made = Path(tempfile.mkdtemp(prefix=".backup-", dir=profile))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _sweep(folder: Path, pattern: str) -> None:
    """What a crash left behind long enough ago that nobody is at work in it."""
    for left in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _settings(profile: Path) -> list[str]:
    """The files of the profile that are neither keys nor history, nor of this computer alone."""
    found = [path for folder in (".", "brokers", "brokers/past") for path in sorted((profile / folder).glob("*"))]
    names = [path.relative_to(profile).as_posix() for path in found if path.is_file() and not path.is_symlink()]
    return [name for name in names if _SETTING.fullmatch(name) and (profile / name).stat().st_size <= MAX_SETTING][
        : MAX_FILES - 2
    ]


def _seal(
    files: Sequence[tuple[str, Path | bytes]],
    part: Path,
    write: Callable[[Iterator[bytes], BinaryIO], None],
    progress: Progress,
) -> tuple[int, bytes]:
    """Size and SHA-256 of what was sealed."""
    sizes = [(name, len(data) if isinstance(data, bytes) else data.stat().st_size) for name, data in files]
    listed = msgspec.json.encode(
        {"format": FORMAT, "version": FORMAT_VERSION, "made": int(time.time()), "files": [list(row) for row in sizes]}
    )
    size = _LENGTH + len(listed) + sum(length for _, length in sizes)
    found = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        done = 0
        for piece in _pieces(listed, [data for _, data in files]):
            found.update(piece)
            done += len(piece)
            progress("BACKUP-WRITE", done, size)
            yield piece
        if done != size:
            raise WalletError("BACKUP_FAILED", path=part.name, why="a file changed meanwhile")

    part.unlink(missing_ok=True)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(part, flags, 0o600), "wb") as out:
        write(pieces(), out)
        out.flush()
        os.fsync(out.fileno())
    return size, found.digest()


def _pieces(listed: bytes, files: Sequence[Path | bytes]) -> Iterator[bytes]:
    yield len(listed).to_bytes(_LENGTH, "big") + listed
    for data in files:
        with io.BytesIO(data) if isinstance(data, bytes) else data.open("rb") as source:
            while piece := source.read(PIECE):
                yield piece


def _digest(pieces: Iterator[bytes], size: int, progress: Progress) -> bytes:
    found, done = hashlib.sha256(), 0
    for piece in pieces:
        found.update(piece)
        done += len(piece)
        progress("BACKUP-CHECK", done, size)
    return found.digest()


# --- reading ----------------------------------------------------------------------------------------------------------


def verify(file: Path, password: Secret, progress: Progress = no_progress) -> Contents:
    """Opens a backup in a folder that is thrown away, and looks at all of it. Blocking, and slow by design.

    Raises WalletError("FILE_UNREADABLE" | "BACKUP_…" | "KEYS_…" | "STORE_…").
    """
    with tempfile.TemporaryDirectory(prefix="channel-wallet-") as folder:
        return _unpack(file, password, Path(folder), progress)


def restore(file: Path, password: Secret, profile: Path, progress: Progress = no_progress) -> Contents:
    """Makes a profile from a backup, whole or not at all. Every channel that is not over is a restored one in it.

    Raises WalletError("BACKUP_OCCUPIED") where there is a profile already, else as :func:`verify` does.
    """
    profile = Path(os.path.realpath(profile))
    if profile.exists() and (not profile.is_dir() or any(profile.iterdir())):
        raise WalletError("BACKUP_OCCUPIED", path=str(profile))
    with _readable(profile):
        profile.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(profile.parent, f".{glob.escape(profile.name)}.restoring-*")
        staging = Path(tempfile.mkdtemp(prefix=f".{profile.name}.restoring-", dir=profile.parent))
        try:
            found = _unpack(file, password, staging, progress, mark=True)
            for folder in (staging / "brokers" / "past", staging / "brokers", staging):
                if folder.exists():
                    sync_directory(folder)
            if profile.exists():
                profile.rmdir()  # empty, or it was refused above
            staging.replace(profile)
            sync_directory(profile.parent)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return found


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WalletError("BACKUP_FAILED", path=str(path), why=error.strerror or type(error).__name__) from error


def _unpack(file: Path, password: Secret, folder: Path, progress: Progress, *, mark: bool = False) -> Contents:
    """Writes what is in ``file`` to an empty folder, and checks all of it."""
    try:
        with file.open("rb") as source:
            size = archive.contents_size(os.fstat(source.fileno()).st_size)
            if shutil.disk_usage(folder).free < size:
                raise WalletError("BACKUP_NO_SPACE", path=str(folder), mebibytes=size // 2**20 + 1)
            contents = io.BufferedReader(archive.Source(archive.read(source, password)), PIECE)
            made, rows = read_listing(contents, size)
            done = size - sum(row.size for row in rows)
            for row in rows:
                done = _write_out(
                    contents, folder / row.name, row.size, lambda at: progress("BACKUP-READ", at, size), done
                )
            if contents.read(1):
                raise WalletError("BACKUP_FORM", why="more than its list says")
    except OSError as error:
        raise WalletError("FILE_UNREADABLE", path=str(file), why=error.strerror or type(error).__name__) from error
    progress("BACKUP-LOOK", size, size)
    channels = _channels(folder / HISTORY, mark=mark) if (folder / HISTORY).exists() else ()
    return _look(folder, password, made, rows, size, channels)


def _write_out(contents: BinaryIO, target: Path, size: int, progress: Callable[[int], None], done: int) -> int:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(
        os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600), "wb"
    ) as out:
        left = size
        while left:
            piece = contents.read(min(left, PIECE))
            if not piece:
                raise WalletError("BACKUP_FORM", why="less than its list says")
            out.write(piece)
            left -= len(piece)
            done += len(piece)
            progress(done)
        out.flush()
        os.fsync(out.fileno())
    return done


def read_listing(contents: BinaryIO, size: int) -> tuple[int, tuple[Row, ...]]:
    """When it was made, and its files, before any of them is written; ``size`` is that of all contents.

    Raises WalletError("BACKUP_FORM" | "BACKUP_NEWER").
    """
    length = int.from_bytes(contents.read(_LENGTH), "big")
    if not 0 < length <= min(MAX_LIST, size):
        raise WalletError("BACKUP_FORM", why="its list")
    try:
        row = codec.read_object(
            strictjson.loads(contents.read(length), max_bytes=MAX_LIST),
            "backup",
            ("format", "version", "made", "files"),
        )
        version, made = codec.read_int(row["version"], "version"), codec.read_int(row["made"], "made")
        if row["format"] != FORMAT:
            raise WalletError("BACKUP_FORM", why="its list")
        if version > FORMAT_VERSION:
            raise WalletError("BACKUP_NEWER", version=version, known=FORMAT_VERSION)
        rows = tuple(_row(item) for item in codec.read_list(row["files"], "files"))
    except WalletError as error:
        if error.code.startswith("BACKUP_"):
            raise
        raise WalletError("BACKUP_FORM", why="its list") from error
    names = [row.name for row in rows]
    if names[:1] != [KEYS] or len(set(names)) != len(names) or _LENGTH + length + sum(r.size for r in rows) != size:
        raise WalletError("BACKUP_FORM", why="its list")
    return made, rows


def _row(value: object) -> Row:
    pair = codec.read_list(value, "files", 2)
    name, size = codec.read_text(pair[0], "files", 100), codec.read_int(pair[1], "files")
    limit = {KEYS: MAX_BYTES, HISTORY: 2**53}.get(name, MAX_SETTING if _SETTING.fullmatch(name) else -1)
    if size > limit:
        raise WalletError("BACKUP_FORM", why="its list")
    return Row(name, size)


def _look(
    folder: Path, password: Secret, made: int, rows: Sequence[Row], size: int, channels: Sequence[str]
) -> Contents:
    vault = open_vault(folder / KEYS).unlock(password)
    accounts, strangers = tuple(row.address for row in vault.accounts), vault.session_addresses()
    vault.lock()
    if strangers:  # whoever made it did not keep the rule; with one in two places there are two signatures at a number
        raise WalletError("BACKUP_FORM", why="it holds session keys")
    running = sum(Phase(phase) not in OVER for phase in channels)
    settings = sum(row.name not in (KEYS, HISTORY) for row in rows)
    return Contents(made, accounts, len(channels), running, settings, size)


def _channels(history: Path, *, mark: bool) -> tuple[str, ...]:
    """The phases of its channels, every row held against its seal. WalletError("STORE_…") for no sound journal.

    ``mark``: those that are not over are restored ones from here on, on disk before the profile is anywhere.
    """
    journal = Journal.open(history)
    try:
        journal.check_rows()
        records = journal.channels()
        for record in records if mark else ():
            if Phase(record.phase) not in OVER:
                journal.set_fact(record.id, "restored", RESTORED)
    finally:
        journal.close()
    return tuple(record.phase for record in records)
