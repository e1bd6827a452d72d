"""Our transactions on disk: stored before they leave, sent again as they are, followed until mined or replaced."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

from wallet.chain.rpc import Rpc
from wallet.chain.tx import Outgoing, chain_of
from wallet.history.store import Store
from wallet.protocol.codec import show_hex
from wallet.protocol.errors import WalletError

log = logging.getLogger(__name__)

SENT_WAIT = 120.0  # seconds for a transaction signed before to be mined


_SCHEMA = """
CREATE TABLE transactions (
    hash BLOB PRIMARY KEY, channel BLOB NOT NULL, purpose TEXT NOT NULL, raw BLOB NOT NULL, nonce INTEGER NOT NULL,
    sender BLOB NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL
);
"""


def open_store(path: Path) -> Store:
    """A database of transactions alone, for a watcher that has no journal. Raises WalletError("STORE_…")."""
    return Store(path, _SCHEMA, 1)


class Outbox:
    """The journal's transactions, each ``signed``, ``mined`` or ``replaced``."""

    def __init__(self, store: Store, rpc: Rpc, chain_id: int) -> None:
        """``store`` may hold transactions for other chains too; those are left alone."""
        self._store = store
        self._rpc = rpc
        self._chain_id = chain_id

    def store_for(self, channel: bytes, purpose: str) -> Callable[[Outgoing], None]:
        """What keeps a transaction of this purpose, durably, before it is sent."""

        def store(outgoing: Outgoing) -> None:
            self._store.execute(
                "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, 'signed', strftime('%s'))"
                " ON CONFLICT (hash) DO NOTHING",  # the same bytes once more: they are there
                (outgoing.hash, channel, purpose, outgoing.raw, outgoing.nonce, outgoing.sender),
            )

        return store

    async def resend(self) -> None:
        """What was signed and not seen mined leaves again, byte for byte.

        For this chain only: on another one the same account's nonce counts something else, and would call it replaced.
        """
        for digest, raw, nonce, sender in self._store.rows(
            "SELECT hash, raw, nonce, sender FROM transactions WHERE status = 'signed' ORDER BY nonce"
        ):
            if chain_of(raw) != self._chain_id:
                continue
            if await self._rpc.receipt(digest) is not None:
                self.mark(digest, "mined")
            elif await self._rpc.nonce(sender, "latest") > nonce:
                self.mark(digest, "replaced")
            else:
                try:
                    await self._rpc.send_raw(raw)
                except WalletError as error:
                    log.info("transaction %s: %s", digest.hex(), error)

    async def finish(self, channel: bytes, purpose: str) -> None:
        """What was signed for this before and is not mined leaves again and is waited for, not signed a second time."""
        for digest, raw, nonce, sender in self._store.rows(
            "SELECT hash, raw, nonce, sender FROM transactions"
            " WHERE channel = ? AND purpose = ? AND status = 'signed' ORDER BY nonce",
            (channel, purpose),
        ):
            if await self._rpc.receipt(digest) is None:
                with contextlib.suppress(WalletError):
                    await self._rpc.send_raw(raw)
            self.mark(digest, "mined" if await self._is_mined(digest, nonce, sender) else "replaced")

    def reopen(self, channel: bytes, purpose: str) -> None:
        """A reorganisation took the blocks back: the bytes count as not mined again."""
        self._store.execute(
            "UPDATE transactions SET status = 'signed' WHERE channel = ? AND purpose = ? AND status = 'mined'",
            (channel, purpose),
        )

    def waits(self, channel: bytes, purpose: str) -> bool:
        """Whether a transaction of this purpose is signed and may yet be mined."""
        found = self._store.row(
            "SELECT 1 FROM transactions WHERE channel = ? AND purpose = ? AND status = 'signed' LIMIT 1",
            (channel, purpose),
        )
        return found is not None

    def mark(self, digest: bytes, status: str) -> None:
        self._store.execute("UPDATE transactions SET status = ? WHERE hash = ?", (status, digest))

    async def _is_mined(self, digest: bytes, nonce: int, sender: bytes) -> bool:
        """Waits for a transaction; False if another one took its nonce. Raises WalletError("TX_NOT_MINED")."""
        deadline = time.monotonic() + SENT_WAIT
        while True:
            used = await self._rpc.nonce(sender, "latest") > nonce
            if await self._rpc.receipt(digest) is not None:
                return True
            if used:
                return False
            if time.monotonic() > deadline:
                raise WalletError("TX_NOT_MINED", hash=show_hex(digest), seconds=int(SENT_WAIT))
            await asyncio.sleep(0.25)
