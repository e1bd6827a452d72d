"""The trading wallet with a fault: it answers first and commits half a second later. The judge must convict it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end import trading_process
from wallet.history.store import Store

LATE = 0.5  # seconds


@contextmanager
def late_transaction(store: Store) -> Iterator[None]:
    """In place of :meth:`Store.transaction`."""
    database = store._db
    if not database.in_transaction:
        database.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(LATE, database.execute, "COMMIT")
    yield


if __name__ == "__main__":
    Store.transaction = late_transaction
    asyncio.run(trading_process.main(Path(sys.argv[1]), Path(sys.argv[2])))
