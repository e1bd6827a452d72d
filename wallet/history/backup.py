"""A copy of the journal while it is written: of one moment, whole or not there at all (SQLite's online backup)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from wallet.history.store import open_reader, sync_directory
from wallet.protocol.errors import WalletError

PAGES = 256  # a step: how often progress is told


def back_up(
    source: Path,
    target: Path,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Copies the journal of ``source`` to ``target``, owner-only; its pages. The writer is never kept waiting.

    A copy brought back later is an old one: states may have been signed since, and a wallet signs nothing with it.
    Raises WalletError("EXPORT_FAILED" | "EXPORT_CANCELLED"); then nothing is at ``target`` that was not before.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if target.exists() and target.samefile(source):
            raise WalletError("EXPORT_FAILED", path=target.name, why="it is the history itself")
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            pages = _copy(source, part, progress, cancelled)
            with part.open("rb+") as copy:
                os.fsync(copy.fileno())
            part.replace(target)
            sync_directory(target.parent)
        finally:
            for suffix in ("", "-wal", "-shm", "-journal"):
                part.with_name(part.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise WalletError("EXPORT_FAILED", path=target.name, why=error.strerror or str(error)) from error
    except sqlite3.Error as error:
        raise WalletError("EXPORT_FAILED", path=target.name, why=str(error)) from error
    return pages


def _copy(source: Path, part: Path, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> int:
    total = 0

    def step(_status: int, left: int, pages: int) -> None:
        nonlocal total
        total = pages
        progress(pages - left, pages)
        if cancelled():
            raise WalletError("EXPORT_CANCELLED")

    reader = open_reader(source)
    try:
        copy = sqlite3.connect(part, isolation_level=None)
        try:
            # Held open, this keeps the moment: without it every commit of the writer would start the copy over.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            reader.backup(copy, pages=PAGES, progress=step)
        finally:
            copy.close()
    finally:
        reader.close()
    return total
