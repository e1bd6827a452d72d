"""Programs changed in one point, by name. ``sound`` is the program as it is; the harness must convict the broken ones.

``refusing`` is no fault: a wallet that refuses every tenth trade, as stale fills make it do, so that voids flow too.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from wallet.history.journal import Entry, Journal
from wallet.history.store import Store
from wallet.protocol.state import Transition
from wallet.session import judging

LATE = 0.5  # seconds


def sound() -> None:
    """Nothing is changed."""


def refusing() -> None:
    judge, count = judging.refusal, itertools.count(1)

    def refusal(terms: Any, last: Any, state: Any, *rest: Any) -> str | None:
        if state.transition is Transition.TRADE and next(count) % 10 == 0:
            return "EXPIRED-FILL"
        return judge(terms, last, state, *rest)

    judging.refusal = refusal


def unsynced() -> None:
    """Nothing is waited for: a commit is left to the system's own time."""
    prepare = Store._prepare

    def prepared(store: Store, *rest: Any) -> None:
        prepare(store, *rest)
        store._db.execute("PRAGMA synchronous=OFF")

    Store._prepare = prepared  # type: ignore[method-assign]


def hasty() -> None:
    """What is written is committed half a second after the answer to it has left."""

    @contextmanager
    def transaction(store: Store) -> Iterator[None]:
        database = store._db
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if not database.in_transaction:
            database.execute("BEGIN IMMEDIATE")
            if loop is not None:
                loop.call_later(LATE, database.execute, "COMMIT")
        yield

    Store.transaction = transaction  # type: ignore[method-assign, assignment]


def unjournaled() -> None:
    """States above the setup are answered and kept in memory only."""
    record = Journal.record

    def recorded(journal: Journal, entry: Entry) -> None:
        if not entry.state.increment:
            record(journal, entry)

    Journal.record = recorded  # type: ignore[method-assign]


def amnesic() -> None:
    """After a restart it does not look for what it had signed, and nothing on disk stops it either."""
    prepare = Store._prepare

    def prepared(store: Store, *rest: Any) -> None:
        prepare(store, *rest)
        store._db.execute("DROP INDEX IF EXISTS one_digest_per_increment")

    Store._prepare = prepared  # type: ignore[method-assign]
    Journal.pending = lambda _journal, _channel: None  # type: ignore[method-assign]


BUILDS: dict[str, Callable[[], None]] = {
    build.__name__: build for build in (sound, refusing, unsynced, hasty, unjournaled, amnesic)
}
