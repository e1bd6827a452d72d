"""The queue before the chain: transactions that arrive while a block is made go together into the next one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from eth.abc import SignedTransactionAPI

from wallet.protocol.errors import WalletError
from wallet.sandbox.devnet.errors import INTERNAL, LIMIT_EXCEEDED, REFUSED, RpcError
from wallet.sandbox.devnet.evm import Mined

MAX_QUEUE = 1_000
MAX_BATCH = 200

_log = logging.getLogger(__name__)
_Entry = tuple[SignedTransactionAPI, asyncio.Future[bytes]]


class Miner:
    """Makes a block whenever there is something to put into one."""

    def __init__(self, mine: Callable[[Sequence[SignedTransactionAPI]], Awaitable[Mined]]) -> None:
        """`mine` makes one durable block of the transactions it is given, or of the first of them."""
        self._mine = mine
        self._waiting: asyncio.Queue[_Entry] = asyncio.Queue(MAX_QUEUE)

    def submit(self, transaction: SignedTransactionAPI) -> asyncio.Future[bytes]:
        """Queues `transaction`; the result is its hash once it is in a durable block.

        Raises RpcError, now or as the result.
        """
        outcome: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((transaction, outcome))
        except asyncio.QueueFull:
            raise RpcError(LIMIT_EXCEEDED, "txpool is full: try again") from None
        return outcome

    async def run(self) -> None:
        """Mines until cancelled; whatever still waits then is refused."""
        batch: list[_Entry] = []
        try:
            while True:
                if not batch:
                    batch.append(await self._waiting.get())
                while len(batch) < MAX_BATCH and not self._waiting.empty():
                    batch.append(self._waiting.get_nowait())
                del batch[: await self._settle(batch)]
        finally:
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            for _, outcome in batch:
                _refuse(outcome, RpcError(REFUSED, "the chain is shutting down"))

    async def _settle(self, batch: Sequence[_Entry]) -> int:
        """Makes one block and tells those it concerns; returns how many of `batch` are done with."""
        try:
            mined = await self._mine([transaction for transaction, _ in batch])
        except WalletError as error:
            _log.error("no block: %s", error)
            failure = RpcError(INTERNAL, f"the block could not be stored: {error.params.get('reason', error.code)}")
        except Exception:  # noqa: BLE001 - whatever it was: who waits gets an answer, the log the cause
            _log.exception("no block")
            failure = RpcError(INTERNAL, "internal error")
        else:
            for (_, outcome), result in zip(batch, mined.outcomes, strict=False):
                if isinstance(result, RpcError):
                    _refuse(outcome, result)
                elif not outcome.done():
                    outcome.set_result(result)
            return len(mined.outcomes)
        for _, outcome in batch:
            _refuse(outcome, failure)
        return len(batch)


def _refuse(outcome: asyncio.Future[bytes], error: RpcError) -> None:
    if not outcome.done():
        outcome.set_exception(error)
