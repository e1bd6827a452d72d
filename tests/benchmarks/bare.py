"""The floor: what nobody can do an acknowledged state for less than — verify, sign, hash, one durable commit.

Nothing but the fastest calls at hand, in this very process: coincurve against the known key, Keccak of the lengths
that the state's digest takes when no row that stood in the state before is hashed again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
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


class Limit:
    """The work of each state of a session, prepared so that nothing but the calls is left."""

    def __init__(self, theirs: PrivateKey, own: PrivateKey, session: Session) -> None:
        self._verify, self._sign = theirs.public_key.verify, own.sign_recoverable
        before = [session.setup, *session.states]
        signatures = [theirs.sign(digest, hasher=None) for digest in session.digests]
        parts = [[bytes(length) for length in lengths(*pair)] for pair in pairwise(before)]
        self._work = list(zip(session.digests, signatures, parts, strict=True))

    def once(self, at: int) -> bytes:
        """Verify against the known key, sign, hash."""
        digest, signature, parts = self._work[at]
        for part in parts:
            keccak_256(part).digest()
        assert self._verify(signature, digest, hasher=None)
        return self._sign(digest, hasher=None)


@dataclass(frozen=True)
class Bare:
    """Seconds on the wall of each state: of all of it, and of its commit alone."""

    each: list[float]
    commits: list[float]


def with_commit(
    folder: Path, theirs: PrivateKey, own: PrivateKey, session: Session, resting: int, rows: Sequence[bytes]
) -> Bare:
    """The same work for each state, and one commit of its bytes (SQLite, WAL, synchronous=FULL)."""
    path = folder / f"bare-{time.monotonic_ns()}.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE states (number INTEGER PRIMARY KEY, body BLOB NOT NULL, signature BLOB NOT NULL)")
    limit = Limit(theirs, own, session)
    times, commits = [time.perf_counter()], []
    for number, row in enumerate(rows, resting):
        signed = limit.once(number)
        begun = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO states VALUES (?, ?, ?)", (number, row, signed))
        database.execute("COMMIT")
        times.append(time.perf_counter())
        commits.append(times[-1] - begun)
    database.close()
    return Bare([end - begin for begin, end in pairwise(times)], commits)
