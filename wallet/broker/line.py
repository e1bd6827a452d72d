"""The line to one trader for one channel: what has to be sent, one after the other, and what he answers.

A line lives as long as its connection. It owns nothing: what it sends is in the ledger, and a new line after a break
sends the same bytes again. Source: design §8 (a state is proposed by a call, the reply is the answer).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from wallet.broker.channel import LIVE, Channel
from wallet.broker.issuer import Issuer
from wallet.broker.ledger import Ledger
from wallet.history.journal import Entry
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.state import Transition
from wallet.wire.frames import RemoteError
from wallet.wire.messages import Ack, Propose
from wallet.wire.methods import ACK, PROPOSE, ask
from wallet.wire.peer import Peer

RETRIED = ("HELD", "NOT_OPEN", "RATE", "BUSY")  # it passes: his clock, his view of the chain, his load
HELD_RETRY = 2.0  # seconds until then
ACK_WITHIN = 10.0

_log = logging.getLogger("wallet.broker")


class Line:
    """Sends a channel's pending state and takes the answer, until the connection ends."""

    def __init__(
        self,
        channel: Channel,
        peer: Peer,
        issuer: Issuer,
        ledger: Ledger,
        monotonic: Callable[[], float],
        on_late: Callable[[Channel], None],
    ) -> None:
        self.channel = channel
        self.peer = peer
        self._issuer = issuer
        self._ledger = ledger
        self._monotonic = monotonic
        self._on_late = on_late
        self._wake = asyncio.Event()
        self._void: Entry | None = None  # a Refuse whose countersignature is to be handed over
        self._task: asyncio.Task[None] | None = None

    def start(self, unheard: Entry | None = None) -> None:
        """``unheard``: a validated void whose countersignature the trader may not have."""
        self._void = unheard
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)

    def wake(self) -> None:
        """There may be something to send, or what was held back may go."""
        self._wake.set()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A line that died is an alarm, not silence: the trader connects again and meets a new one."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("line of 0x%s failed", self.channel.id.hex(), exc_info=error)
            self.peer.abort()

    async def _run(self) -> None:
        try:
            while not self.peer.closed:
                self._wake.clear()
                if self._void is not None:
                    await self._countersign(self._void)
                elif self._may_send():
                    assert self.channel.pending is not None
                    await self._propose(self.channel.pending)
                else:
                    await self._wake.wait()
        except WalletError as error:  # the connection ended, or the ledger failed
            _log.info("line of 0x%s: %s", self.channel.id.hex(), error.code)

    def _may_send(self) -> bool:
        """Whether the pending state may go now.

        Not to who has yet to fetch what he lost; and fills only to who is present, since whoever has no heartbeat
        echoed on this connection refuses them.
        """
        channel = self.channel
        if channel.pending is None or channel.stuck or not channel.caught_up or channel.phase not in LIVE:
            return False
        if channel.pending.state.transition is not Transition.TRADE or channel.late:
            return True
        return channel.is_present(self._monotonic())

    async def _propose(self, entry: Entry) -> None:
        channel, state = self.channel, entry.state
        assert entry.broker_signature is not None
        intents: tuple[SignedOrder, ...] = ()
        if state.transition is Transition.CREATE_ORDER:
            intents = (channel.intents[state.open_orders[-1].id],)
        message = Propose(state=state, signature=entry.broker_signature, intents=intents)
        try:
            answer = await ask(self.peer, PROPOSE, message, channel.terms.answer_time)
        except RemoteError as error:
            await self._declined(error)
            return
        except WalletError as error:
            if error.code == "RPC_UNKNOWN":
                self._on_late(channel)
                return
            if error.code == "RPC_BUSY":
                await asyncio.sleep(0.1)
                return
            if error.code == "WIR-FORM":
                await self.peer.close(1002, "an answer that is none")
            raise
        try:
            if answer.ack is not None:
                self._issuer.check_ack(channel, entry, answer.ack)
                self._issuer.acknowledged(channel, entry, answer.ack)
            elif answer.refuse is not None:
                self._issuer.refused(channel, entry, answer.refuse.state, answer.refuse.signature)
                self._void = channel.last
        except WalletError as error:
            if not self._ledger.failed:
                await self.peer.close(1008, f"an answer that does not hold: {error.code}")
            raise
        await self._ledger.durable()

    async def _declined(self, error: RemoteError) -> None:
        """Neither ACK nor Refuse. What passes by itself is tried again; anything else is for people to look at."""
        if error.code in RETRIED:
            await asyncio.sleep(HELD_RETRY)
            return
        _log.error("channel 0x%s: declined with %s", self.channel.id.hex(), error)
        self.channel.stuck = error.code
        self._on_late(self.channel)

    async def _countersign(self, void: Entry) -> None:
        await self._ledger.durable()
        assert void.broker_signature is not None
        message = Ack(
            channel=self.channel.id,
            increment=void.state.increment,
            digest=void.digest,
            signature=void.broker_signature,
        )
        try:
            await ask(self.peer, ACK, message, ACK_WITHIN)
        except RemoteError as error:
            await self._declined(error)
            if not self.channel.stuck:
                return
        except WalletError as error:
            if error.code != "RPC_UNKNOWN":
                raise
            return
        self._void = None
