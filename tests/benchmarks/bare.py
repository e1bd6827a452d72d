"""The floor: what nobody can do an acknowledged state for less than — verify, sign, hash, one durable commit.

Nothing but the fastest calls at hand, in this very process: coincurve against the known key, Keccak of the lengths
that the state's digest takes when no row that stood in the state before is hashed again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from coincurve import PrivateKey
from sha3 import keccak_256

from tests.benchmarks.session import Session
from wallet.protocol.state import State

_WORD = 32
_ROWS = (("fills", 5), ("balances", 4), ("open_orders", 8), ("outcomes", 4))  # words to hash of one row of each


def lengths(last: State, state: State) -> list[int]:
    """Bytes of each Keccak of one state's digest, rows of ``last`` being known."""
    found = [12 * _WORD, 2 + 2 * _WORD]
    for name, words in _ROWS:
        rows, known = getattr(state, name), set(getattr(last, name))
        found += [words * _WORD for row in rows if row not in known]
        if rows:
            found.append(len(rows) * _WORD)
    return found


def preimages(session: Session, resting: int) -> list[list[bytes]]:
    before = [session.setup, *session.states]
    return [
        [bytes(length) for length in lengths(before[at], before[at + 1])] for at in range(resting, len(session.states))
    ]


def without_commit(theirs: PrivateKey, own: PrivateKey, session: Session, resting: int) -> float:
    """CPU seconds per state: verify against the known key, sign, hash."""
    key, digests = theirs.public_key, session.digests[resting:]
    signatures = [theirs.sign(digest, hasher=None) for digest in digests]
    work = list(zip(digests, signatures, preimages(session, resting), strict=True))
    start = time.process_time()
    for digest, signature, parts in work:
        _once(key.verify, own, digest, signature, parts)
    return (time.process_time() - start) / len(work)


def _once(verify: object, own: PrivateKey, digest: bytes, signature: bytes, parts: Iterable[bytes]) -> bytes:
    for part in parts:
        keccak_256(part).digest()
    assert verify(signature, digest, hasher=None)  # type: ignore[operator]
    return own.sign_recoverable(digest, hasher=None)


def with_commit(
    folder: Path, theirs: PrivateKey, own: PrivateKey, session: Session, resting: int, rows: Sequence[bytes]
) -> list[float]:
    """Seconds on the wall of each state: the same, and one commit of its bytes (SQLite, WAL, synchronous=FULL)."""
    path = folder / f"bare-{time.monotonic_ns()}.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE states (number INTEGER PRIMARY KEY, body BLOB NOT NULL, signature BLOB NOT NULL)")
    key, digests = theirs.public_key, session.digests[resting:]
    signatures = [theirs.sign(digest, hasher=None) for digest in digests]
    times = [time.perf_counter()]
    work = zip(digests, signatures, preimages(session, resting), rows, strict=True)
    for number, (digest, signature, parts, row) in enumerate(work):
        signed = _once(key.verify, own, digest, signature, parts)
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO states VALUES (?, ?, ?)", (number, row, signed))
        database.execute("COMMIT")
        times.append(time.perf_counter())
    database.close()
    return [end - begin for begin, end in pairwise(times)]
