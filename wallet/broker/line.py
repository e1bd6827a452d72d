"""The line to one trader for one channel: the pending state, a countersignature, a request for the turn.

It owns nothing: what it sends is in the ledger. Source: design §8 (a state is proposed by a call, the reply is the
answer).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from wallet.broker.channel import LIVE, Channel
from wallet.broker.config import Signer
from wallet.broker.issuer import Issuer
from wallet.broker.ledger import Ledger
from wallet.history.journal import Entry
from wallet.protocol.eip712 import Domain
from wallet.protocol.intents import SignedOrder, TurnRequest
from wallet.protocol.state import Transition
from wallet.wire import line
from wallet.wire.frames import RemoteError
from wallet.wire.messages import Ack, AskTurn, Propose, ProposeAnswer
from wallet.wire.peer import Peer

_log = logging.getLogger("wallet.broker")


class Line(line.Line):
    """Sends a channel's pending state and takes the answer, until the connection ends."""

    def __init__(
        self,
        channel: Channel,
        peer: Peer,
        issuer: Issuer,
        ledger: Ledger,
        domain: Domain,
        signer: Signer,
        monotonic: Callable[[], float],
        on_late: Callable[[Channel], None],
        unheard: Entry | None = None,
    ) -> None:
        """``unheard``: a validated void whose countersignature the trader may not have."""
        super().__init__(peer, channel.terms.answer_time, "0x" + channel.id.hex())
        self.channel = channel
        self._issuer = issuer
        self._ledger = ledger
        self._domain = domain
        self._signer = signer
        self._monotonic = monotonic
        self._on_late = on_late
        self._void = unheard

    def due(self) -> line.Due | None:
        channel = self.channel
        if self._void is not None:
            return self._countersignature(self._void)
        if self._may_send():
            assert channel.pending is not None
            return self._proposal(channel.pending)
        if channel.is_to_ask(self._monotonic()) and channel.pending is None and channel.last is not None:
            request = TurnRequest(channel.id, channel.last.state.increment)
            return AskTurn(channel.id, request.increment, self._signer.sign(self._domain.digest(request)))
        return None

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

    def _proposal(self, entry: Entry) -> Propose:
        state = entry.state
        assert entry.broker_signature is not None
        intents: tuple[SignedOrder, ...] = ()
        if state.transition is Transition.CREATE_ORDER:
            intents = (self.channel.intents[state.open_orders[-1].id],)
        return Propose(state=state, signature=entry.broker_signature, intents=intents)

    def _countersignature(self, void: Entry) -> Ack:
        assert void.broker_signature is not None
        return Ack(self.channel.id, void.state.increment, void.digest, void.broker_signature)

    async def before_sending(self) -> None:
        await self._ledger.durable()

    async def answered(self, sent: Propose, answer: ProposeAnswer) -> None:
        entry = self._entry_of(sent)
        if entry is None:
            return
        if answer.ack is not None:
            self._issuer.acknowledged(self.channel, entry, answer.ack)
        elif answer.refuse is not None:
            self._issuer.refused(self.channel, entry, answer.refuse.state, answer.refuse.signature)
            self._void = self.channel.last
        await self._ledger.durable()

    def _entry_of(self, sent: Propose) -> Entry | None:
        """What was proposed: pending, or validated meanwhile by what the trader issued upon it."""
        for entry in (self.channel.pending, self.channel.last):
            if entry is not None and entry.broker_signature == sent.signature:
                return entry
        return None

    def unanswered(self) -> None:
        if self.channel.pending is not None:  # else what he issued upon it has answered it meanwhile
            self._on_late(self.channel)

    def declined(self, sent: line.Due, error: RemoteError) -> None:
        """For people to look at."""
        if isinstance(sent, Ack):
            self._void = None
        if isinstance(sent, AskTurn):
            self.channel.told = True
            return
        _log.error("channel 0x%s: declined with %s", self.channel.id.hex(), error)
        self.channel.stuck = error.code
        self._on_late(self.channel)

    def handed_over(self, sent: Ack | AskTurn) -> None:
        if isinstance(sent, Ack):
            self._void = None
        else:
            self.channel.told = True
