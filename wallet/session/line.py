"""Our line to the broker in a cooperative channel: the state we issued, a countersignature, a request for the turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from wallet.history.journal import Entry
from wallet.protocol.intents import SignedOrder, TurnRequest
from wallet.protocol.state import Transition
from wallet.session.channel import TraderChannel
from wallet.session.turns import may_pass, wants_turn
from wallet.wire import line
from wallet.wire.frames import RemoteError
from wallet.wire.messages import Ack, AskTurn, Propose, ProposeAnswer
from wallet.wire.peer import Peer

log = logging.getLogger(__name__)


class ChannelLine(line.Line):
    """Issues what :mod:`~wallet.session.turns` decides, sends it, takes the answers, until the connection ends."""

    def __init__(
        self,
        channel: TraderChannel,
        peer: Peer,
        within: float,
        changed: Callable[[], Awaitable[None]],
        unheard: Entry | None = None,
    ) -> None:
        """``unheard``: a void of the broker's that we countersigned, if he may not have our signature."""
        super().__init__(peer, within, "0x" + channel.id.hex())
        self.channel = channel
        self._changed = changed
        self._void = unheard
        self._asked = -1  # in which turn we asked for it
        self._declined: bytes | None = None
        self._later: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.channel.turns.heard = True
        super().start()

    def stop(self) -> None:
        self.channel.turns.heard = False
        super().stop()

    def due(self) -> line.Due | None:
        channel = self.channel
        if self._void is not None:
            assert self._void.trader_signature is not None
            return Ack(channel.id, self._void.state.increment, self._void.digest, self._void.trader_signature)
        if channel.pending is None:
            channel.issue()
        if channel.pending is not None:
            return None if channel.pending.digest == self._declined else self._proposal(channel.pending)
        if wants_turn(channel) and self._asked != channel.turns.since:
            return self._request()
        if not may_pass(channel) and self._later is None:
            self._later = asyncio.get_running_loop().call_later(0.25, self._look_again)  # yieldInterval is no event
        return None

    def _look_again(self) -> None:
        self._later = None
        self.wake()

    def _proposal(self, entry: Entry) -> Propose:
        assert entry.trader_signature is not None
        intents: tuple[SignedOrder, ...] = ()
        if entry.state.transition is Transition.CREATE_ORDER:
            row = self.channel.requests.get(entry.state.open_orders[-1].id)
            intents = (row.signed,) if row is not None else ()
        return Propose(state=entry.state, signature=entry.trader_signature, intents=intents)

    def _request(self) -> AskTurn:
        channel = self.channel
        assert channel.last is not None
        assert channel.signer is not None
        request = TurnRequest(channel.id, channel.last.state.increment)
        signature = channel.signer.sign(channel.domain.digest(request))
        return AskTurn(channel.id, request.increment, signature)

    async def answered(self, sent: Propose, answer: ProposeAnswer) -> None:
        channel = self.channel
        try:
            if answer.ack is not None:
                channel.acknowledged(sent.signature, answer.ack)
            elif answer.refuse is not None:
                void = answer.refuse
                self._void = channel.refused(sent.signature, void.state, void.signature, answer.reason or "")
        finally:
            await self._changed()

    async def before_sending(self) -> None:
        await self.channel.journal.store.durable()

    def unanswered(self) -> None:
        log.info("channel %s: no answer to our state in time", self._name)

    def declined(self, sent: line.Due, error: RemoteError) -> None:
        """Not said again on this connection; the user is told by whoever waits for it."""
        channel = self.channel
        if isinstance(sent, Ack):
            self._void = None
        elif isinstance(sent, AskTurn):
            self._asked = channel.turns.since
        elif channel.pending is not None:
            self._declined = channel.pending.digest
        channel.problem = error
        log.warning("channel %s: declined with %s", self._name, error)
        self.wake()

    def handed_over(self, sent: Ack | AskTurn) -> None:
        if isinstance(sent, Ack):
            self._void = None
        else:
            self._asked = self.channel.turns.since
