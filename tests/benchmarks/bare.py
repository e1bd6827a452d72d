"""The floor: what nobody can do an acknowledged state for less than — verify, sign, one durable commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from coincurve import PrivateKey


def verify_and_sign(theirs: PrivateKey, own: PrivateKey, digests: Sequence[bytes]) -> float:
    """CPU seconds per digest: verify against the known key, sign."""
    key = theirs.public_key
    signatures = [theirs.sign(digest, hasher=None) for digest in digests]
    start = time.process_time()
    for digest, signature in zip(digests, signatures, strict=True):
        assert key.verify(signature, digest, hasher=None)
        own.sign_recoverable(digest, hasher=None)
    return (time.process_time() - start) / len(digests)


def with_commit(
    folder: Path, theirs: PrivateKey, own: PrivateKey, digests: Sequence[bytes], rows: Sequence[bytes]
) -> float:
    """Seconds per state on the wall: verify, sign, one commit of a row of that size (SQLite, WAL, synchronous=FULL)."""
    path = folder / f"bare-{time.monotonic_ns()}.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE states (number INTEGER PRIMARY KEY, body BLOB NOT NULL, signature BLOB NOT NULL)")
    key = theirs.public_key
    signatures = [theirs.sign(digest, hasher=None) for digest in digests]
    start = time.perf_counter()
    for number, (digest, signature, row) in enumerate(zip(digests, signatures, rows, strict=True)):
        assert key.verify(signature, digest, hasher=None)
        signed = own.sign_recoverable(digest, hasher=None)
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO states VALUES (?, ?, ?)", (number, row, signed))
        database.execute("COMMIT")
    seconds = time.perf_counter() - start
    database.close()
    return seconds / len(digests)
