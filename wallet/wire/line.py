"""What one side has to say to the other about one channel, one thing at a time: states it issued, countersignatures.

A line lives as long as its connection and owns nothing: what it sends is on disk before, and a new line after a break
sends the same bytes again. The same for both sides; they meet what is due and what comes back in :class:`Line`'s
methods. Source: design §8 (a state is proposed by a call, the reply is the answer).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from typing import Final

from wallet.protocol.errors import WalletError
from wallet.wire.frames import RemoteError
from wallet.wire.messages import Ack, AskTurn, Propose, ProposeAnswer
from wallet.wire.methods import ACK, PROPOSE, TURN, ask
from wallet.wire.peer import Peer

# it passes by itself: his clock, his view of the chain, his load
RETRIED: Final = frozenset(("HELD", "NOT_OPEN", "CHANNEL_NOT_OPEN", "RATE", "BUSY"))
RETRY: Final = 2.0  # seconds until then
ACK_WITHIN: Final = 10.0

Due = Propose | Ack | AskTurn

_log = logging.getLogger("wallet.wire")


class Line(ABC):
    """Sends what is due and takes the answers, until the connection ends. ``within``: seconds for an answer (T)."""

    def __init__(self, peer: Peer, within: float, name: str) -> None:
        self.peer = peer
        self._within = within
        self._name = name
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # --- what the sides say ---

    @abstractmethod
    def due(self) -> Due | None:
        """What is to be sent now; the same again until its answer is taken."""

    @abstractmethod
    async def answered(self, sent: Propose, answer: ProposeAnswer) -> None:
        """Takes the answer to a state; WalletError if it does not hold: the connection is closed then."""

    @abstractmethod
    def unanswered(self) -> None:
        """No answer within T."""

    @abstractmethod
    def declined(self, sent: Due, error: RemoteError) -> None:
        """Neither ACK nor Refuse, and nothing that passes by itself. :meth:`due` must not say it again."""

    @abstractmethod
    def handed_over(self, sent: Ack | AskTurn) -> None:
        """A countersignature or a request for the turn was heard."""

    async def before_sending(self) -> None:
        """Waits until what is due is on disk; most are there before they are due."""
        return

    # --- life ---

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    def wake(self) -> None:
        """There may be something to send, or what was held back may go."""
        self._wake.set()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A line that died is an alarm, not silence: the other side connects again and meets a new one."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("line of %s failed", self._name, exc_info=error)
            self.peer.abort()

    async def _run(self) -> None:
        try:
            while not self.peer.closed:
                self._wake.clear()
                due = self.due()
                if due is None:
                    await self._wake.wait()
                elif isinstance(due, Propose):
                    await self._propose(due)
                else:
                    await self._tell(due)
        except WalletError as error:  # the connection ended, or the disk failed
            _log.info("line of %s: %s", self._name, error.code)

    async def _propose(self, message: Propose) -> None:
        await self.before_sending()
        try:
            answer = await ask(self.peer, PROPOSE, message, self._within)
        except WalletError as error:
            await self._failed(message, error)
            return
        if answer.next is not None:
            await self._await_next(message)
            return
        try:
            await self.answered(message, answer)
        except WalletError as error:
            if error.code not in ("BROKER_HALTED", "STORE_FAILED"):
                await self.peer.close(1008, f"an answer that does not hold: {error.code}")
            raise

    async def _await_next(self, message: Propose) -> None:
        """He has answered a yield with a state of his own: that state is on its way and settles this one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._within):
                while self.due() == message:
                    await self._wake.wait()
                    self._wake.clear()
                return
        self.unanswered()

    async def _tell(self, message: Ack | AskTurn) -> None:
        await self.before_sending()
        try:
            if isinstance(message, Ack):
                await ask(self.peer, ACK, message, ACK_WITHIN)
            else:
                await ask(self.peer, TURN, message, ACK_WITHIN)
        except WalletError as error:
            await self._failed(message, error)
            return
        self.handed_over(message)

    async def _failed(self, message: Due, error: WalletError) -> None:
        if isinstance(error, RemoteError):
            if error.code in RETRIED:
                await asyncio.sleep(RETRY)
            else:
                self.declined(message, error)
        elif error.code == "RPC_UNKNOWN":
            if isinstance(message, Propose):
                self.unanswered()
        elif error.code == "RPC_BUSY":
            await asyncio.sleep(0.1)
        else:
            if error.code == "WIR-FORM":
                await self.peer.close(1002, "an answer that is none")
            raise error
