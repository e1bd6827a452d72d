"""Our transactions on disk: stored before they leave, sent again as they are, followed until nothing takes them back.

A row is ``signed`` (it may be mined at any time), ``mined``, ``failed`` (mined without effect), ``replaced`` (another
took its nonce), or ``undone`` (a reorganisation took its block back: it may be mined again, like a signed one).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from wallet.chain.envelope import Envelope, read_signed
from wallet.chain.records import Receipt
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Outgoing, chain_of
from wallet.history.store import Row, Store
from wallet.protocol.codec import show_hex
from wallet.protocol.errors import WalletError

log = logging.getLogger(__name__)

SENT_WAIT = 120.0  # seconds for a transaction signed before to be mined
WAITING = "status IN ('signed', 'undone')"
MAX_FOLLOWED = 64  # beside all that wait
OTHER_CHAINS = 4  # so many times as many rows are looked through, for those of one chain among others
_COLUMNS = "hash, channel, purpose, raw, sender, status, created"
RESEND_EVERY = 15  # looks, between two times that what waits is sent again

_SCHEMA = """
CREATE TABLE transactions (
    hash BLOB PRIMARY KEY, channel BLOB NOT NULL, purpose TEXT NOT NULL, raw BLOB NOT NULL, nonce INTEGER NOT NULL,
    sender BLOB NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL
);
"""


def open_store(path: Path) -> Store:
    """A database of transactions alone, for a watcher that has no journal. Raises WalletError("STORE_…")."""
    return Store(path, _SCHEMA, 1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A transaction of ours as it is kept; ``created`` in Unix seconds, ``block`` 0 while none is known to hold it.

    ``fee``: wei that were paid; 0 while it is not known.
    """

    hash: bytes
    channel: bytes
    purpose: str
    status: str
    created: int
    sender: bytes
    raw: bytes
    envelope: Envelope
    block: int = 0
    fee: int = 0

    @property
    def waits(self) -> bool:
        return self.status in ("signed", "undone")


class Outbox:
    """The journal's transactions."""

    def __init__(self, store: Store, rpc: Rpc, chain_id: int) -> None:
        """``store`` may hold transactions for other chains too; those are left alone."""
        self._store = store
        self._rpc = rpc
        self._chain_id = chain_id
        self._receipts: dict[bytes, Receipt] = {}
        self._envelopes: dict[bytes, Envelope | None] = {}  # read once: every look goes through them
        self._settled: set[bytes] = set()  # too deep to be taken back
        self._looks = 0

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
            f"SELECT hash, raw, nonce, sender FROM transactions WHERE {WAITING} ORDER BY nonce"  # noqa: S608 - a constant
        ):
            if chain_of(raw) != self._chain_id:
                continue
            used = (
                await self._rpc.nonce(sender, "latest") > nonce
            )  # before the receipt: it may be mined between the two
            receipt = await self._rpc.receipt(digest)
            if receipt is not None:
                self.mark(digest, _outcome(receipt))
            elif used:
                self.mark(digest, "replaced")
            else:
                try:
                    await self._rpc.send_raw(raw)
                except WalletError as error:
                    log.info("transaction %s: %s", digest.hex(), error)

    async def finish(self, channel: bytes, purpose: str) -> None:
        """What was signed for this before and is not mined leaves again and is waited for, not signed a second time."""
        for digest, raw, nonce, sender in self._store.rows(
            "SELECT hash, raw, nonce, sender FROM transactions"  # noqa: S608 - a constant
            f" WHERE channel = ? AND purpose = ? AND {WAITING} ORDER BY nonce",
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
            f"SELECT 1 FROM transactions WHERE channel = ? AND purpose = ? AND {WAITING} LIMIT 1",  # noqa: S608
            (channel, purpose),
        )
        return found is not None

    def mark(self, digest: bytes, status: str) -> None:
        self._store.execute("UPDATE transactions SET status = ? WHERE hash = ?", (status, digest))

    # --- following them, for the list of what was sent ---

    def kept(self, limit: int, senders: Iterable[bytes] | None = None) -> list[Kept]:
        """The newest ``limit`` of this chain, of these senders or of all, newest first."""
        wanted = None if senders is None else tuple(senders)
        marks = "" if wanted is None else f" WHERE sender IN ({', '.join('?' * len(wanted))})"
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM transactions{marks} ORDER BY created DESC, nonce DESC, rowid DESC LIMIT ?",  # noqa: S608
            (*(wanted or ()), OTHER_CHAINS * limit),
        )
        return [found for found in map(self._read, rows) if found is not None][:limit]

    def find(self, digest: bytes) -> Kept | None:
        row = self._store.row(
            f"SELECT {_COLUMNS} FROM transactions WHERE hash = ?",  # noqa: S608 - a constant
            (digest,),
        )
        return self._read(row) if row is not None else None

    def waiting(self, sender: bytes) -> list[Kept]:
        """What was signed for ``sender`` on this chain and may yet be mined, by nonce."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM transactions"  # noqa: S608 - a constant
            f" WHERE sender = ? AND {WAITING} ORDER BY nonce, created, rowid",
            (sender,),
        )
        return [found for found in map(self._read, rows) if found is not None]

    def _read(self, row: Row) -> Kept | None:
        digest, channel, purpose, raw, sender, status, created = row
        if digest not in self._envelopes:
            self._envelopes[digest] = _envelope_of(raw)
        envelope = self._envelopes[digest]
        if envelope is None or envelope.chain_id != self._chain_id:
            return None
        receipt = self._receipts.get(digest)
        block, fee = (receipt.block_number, receipt.gas_used * receipt.gas_price) if receipt else (0, 0)
        return Kept(digest, channel, purpose, status, int(created), sender, raw, envelope, block, fee)

    async def follow(self, senders: Iterable[bytes], depth: int) -> None:
        """One look at what of ``senders`` waits, and at what was mined less than ``depth`` blocks ago.

        What a node dropped leaves again now and then. Raises WalletError("RPC_…").
        """
        self._looks += 1
        senders = tuple(senders)
        newest = {row.hash: row for row in self.kept(MAX_FOLLOWED, senders) if row.hash not in self._settled}
        watched = {row.hash: row for sender in senders for row in self.waiting(sender)} | newest
        used: dict[bytes, int] = {}
        for row in watched.values():
            if row.sender not in used:
                used[row.sender] = await self._rpc.nonce(row.sender, "latest")
        head = await self._rpc.block_number() if watched else 0
        for row in watched.values():
            await self._look_at(row, used[row.sender], head, depth)

    async def _look_at(self, row: Kept, used: int, head: int, depth: int) -> None:
        receipt = await self._rpc.receipt(row.hash)
        if receipt is not None:
            self._receipts[row.hash] = receipt
            if row.status != _outcome(receipt):
                self.mark(row.hash, _outcome(receipt))
            if head - receipt.block_number + 1 >= depth:
                self._settled.add(row.hash)
            return
        self._receipts.pop(row.hash, None)
        if row.envelope.nonce < used:
            if row.waits:
                self.mark(row.hash, "replaced")
            elif self._is_over(row):
                self._settled.add(row.hash)
        elif not row.waits:
            log.warning("transaction %s was taken back by its chain", row.hash.hex())
            self.mark(row.hash, "undone")
            await self._send_again(row)
        elif self._looks % RESEND_EVERY == 0:
            await self._send_again(row)

    def _is_over(self, row: Kept) -> bool:
        """Whether what took its nonce is too deep to be taken back, or none of ours, which we can't follow."""
        winners = self._store.rows(
            "SELECT hash FROM transactions WHERE sender = ? AND nonce = ? AND status IN ('mined', 'failed')",
            (row.sender, row.envelope.nonce),
        )
        return not winners or any(winner in self._settled for (winner,) in winners)

    async def _send_again(self, row: Kept) -> None:
        try:
            await self._rpc.send_raw(row.raw)
        except WalletError as error:
            log.info("transaction %s: %s", row.hash.hex(), error)

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


def _envelope_of(raw: bytes) -> Envelope | None:
    """None for what is none of this program's."""
    try:
        return read_signed(raw)
    except WalletError:
        return None


def _outcome(receipt: Receipt) -> str:
    return "mined" if receipt.succeeded else "failed"
