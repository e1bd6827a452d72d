"""The front desk: one connection, who speaks on it, and every request it may make.

Requests are taken in the order they come; each is checked whole before anything changes, is on disk before it is
answered, and may be sent again with the same bytes. Source: design §8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wallet.broker.channel import Channel, Phase
from wallet.broker.errors import refused
from wallet.history.journal import Entry
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import CancelReceipt, FinalizeRequest, Heartbeat, Resume, SignedOrder, TurnRequest
from wallet.protocol.state import ZERO_DIGEST, Transition
from wallet.protocol.terms import Initiative
from wallet.wire import market_messages as market
from wallet.wire import messages as wire
from wallet.wire import methods
from wallet.wire.auth import Gate, Nonces
from wallet.wire.frames import Frame
from wallet.wire.methods import answer
from wallet.wire.peer import Peer

if TYPE_CHECKING:
    from wallet.broker.server import Broker

MAX_PAGE_BYTES = 400_000  # of states in one answer: well inside a frame


class Desk:
    """The handlers of one connection."""

    def __init__(self, broker: Broker, peer: Peer) -> None:
        self._broker = broker
        self._peer = peer
        self._gate = Gate(peer, broker.identity, broker.channels_of, lambda: int(broker.clock.now()))
        answer(peer, methods.OFFER, self._offer)
        answer(peer, methods.SETUP, self._setup)
        answer(peer, methods.ORDER, self._order)
        answer(peer, methods.CANCEL, self._cancel)
        answer(peer, methods.FINALIZE, self._finalize)
        answer(peer, methods.TURN, self._turn)
        answer(peer, methods.HEARTBEAT, self._beat)
        answer(peer, methods.RESUME, self._resume)
        answer(peer, methods.STATES, self._states)
        answer(peer, methods.ACK, self._ack)
        answer(peer, methods.PROPOSE, self._propose)
        answer(peer, methods.INSTRUMENTS, self._instruments)
        answer(peer, methods.SUBSCRIBE, self._subscribe)
        answer(peer, methods.UNSUBSCRIBE, self._unsubscribe)
        answer(peer, methods.CANDLES, self._candles)

    # --- setup ---

    async def _offer(self, request: wire.OfferRequest, _: Frame) -> wire.Offer:
        self._gate.require(request.trader, request.trader_signer)
        broker = self._broker
        free = await broker.keeper.free()
        terms = broker.offers.make(request.trader, request.trader_signer, request.assets, request.markets, free)
        return wire.Offer(terms)

    async def _setup(self, request: wire.Setup, _: Frame) -> wire.Done:
        terms = request.terms
        self._gate.require(terms.trader, terms.trader_signer)
        broker = self._broker
        known = broker.floor.channels.get(broker.config.domain.digest(terms).digest)
        if known is None:
            free = await broker.keeper.free()
            known = broker.open_channel(terms, request.signature, free)
        await broker.ledger.durable()
        broker.attach(known, self._peer)
        return wire.Done()

    # --- a channel ---

    async def _order(self, request: wire.PlaceOrder, _: Frame) -> wire.Placed:
        channel = self._attached(request.intent.order.channel)
        if channel.phase is Phase.AGREED:  # the trader may have seen its block before us
            await self._broker.keeper.look_at(channel)
        self._broker.intake.order(channel, request.intent)
        await self._broker.ledger.durable()
        return wire.Placed(request.intent.id)

    async def _cancel(self, request: wire.CancelOrder, _: Frame) -> wire.Cancelled:
        channel = self._attached(request.channel)
        broker = self._broker
        await broker.intake.cancel(channel, request.order, request.signature)
        receipt = broker.config.domain.digest(CancelReceipt(channel.id, request.order))
        return wire.Cancelled(broker.config.signer.sign(receipt))

    async def _finalize(self, request: wire.Finalize, _: Frame) -> wire.Done:
        channel = self._attached(request.channel)
        asked = FinalizeRequest(request.channel, request.last_digest, request.valid_until)
        self._broker.intake.finalize(channel, asked, request.signature)
        await self._broker.ledger.durable()
        return wire.Done()

    async def _beat(self, request: wire.Beat, frame: Frame) -> wire.BeatEcho:
        channel = self._attached(request.channel)
        beat = Heartbeat(request.channel, request.increment, request.digest, request.time)
        echo = self._broker.intake.beat(channel, beat, request.signature, frame.received)
        self._broker.awake(channel)
        await self._broker.ledger.durable()
        increment = channel.last.state.increment if channel.last else 0
        return wire.BeatEcho(echo, increment, int(self._broker.clock.now()))

    def _authorized(self, channel_id: bytes) -> Channel:
        """The channel, if this connection speaks for its trader."""
        broker = self._broker
        channel = broker.floor.channels.get(channel_id) or broker.past(channel_id)
        if channel is None:
            raise refused("CHANNEL_UNKNOWN")
        self._gate.require(channel.terms.trader, channel.terms.trader_signer)
        return channel

    def _attached(self, channel_id: bytes) -> Channel:
        """The same, if the two sides have also agreed here on where they stand."""
        channel = self._authorized(channel_id)
        if not self._broker.is_attached(channel, self._peer):
            raise refused("CHANNEL_NOT_RESUMED")
        return channel

    # --- after a break ---

    async def _resume(self, request: wire.Standing, _: Frame) -> wire.StandingResult:
        channel = self._authorized(request.channel)
        broker = self._broker
        nonces = self._nonces(channel, request)
        behind = self._compare(channel, request)
        increment, digest = _standing(channel.last)
        own = broker.config.domain.digest(Resume(channel.id, increment, digest, nonces.nonce, nonces.peer_nonce))
        signature = broker.config.signer.sign(own)
        unheard = channel.last if behind and _is_void(channel.last) else None
        broker.attach(channel, self._peer, caught_up=not behind, unheard=unheard)
        return wire.StandingResult(increment, digest, signature)

    def _nonces(self, channel: Channel, his: wire.Standing) -> Nonces:
        """Those of the account on this connection with whose nonces the request was signed."""
        problem = refused("AUTH_NEEDED")
        for account in (channel.terms.trader_signer, channel.terms.trader):
            nonces = self._gate.accounts.get(account)
            if nonces is None:
                continue
            resume = Resume(channel.id, his.increment, his.digest, nonces.peer_nonce, nonces.nonce)
            try:
                self._broker.intake.require_signed(channel, resume, his.signature)
            except WalletError as error:
                problem = error
            else:
                return nonces
        raise problem

    def _compare(self, channel: Channel, his: wire.Standing) -> bool:
        """Whether the trader is behind. Raises where the two histories can't be one."""
        increment, digest = _standing(channel.last)
        if (his.increment, his.digest) in {(increment, digest), (0, ZERO_DIGEST)}:
            return his.digest != digest
        for ours in (channel.pending, channel.void):
            if ours is not None and his.digest == ours.digest:
                return False  # he signed what is still unanswered here: its answer comes again
        if his.increment > increment:
            raise refused("RESUME_BEHIND", broker=increment, trader=his.increment)
        if self._broker.ledger.journal.by_digest(channel.id, his.digest) is None:
            raise refused("RESUME_FORK", increment=his.increment)
        return his.increment < increment

    async def _states(self, request: wire.StatesRequest, _: Frame) -> wire.States:
        channel_id = request.channel
        broker = self._broker
        record = broker.ledger.journal.channel(channel_id)
        if record is None:
            raise refused("CHANNEL_UNKNOWN")
        self._gate.require(record.terms.trader, record.terms.trader_signer)
        states, size = [], 0
        for entry in broker.ledger.journal.after(channel_id, request.after, request.limit):
            states.append(self._proven(entry))
            size += 1_500 + 400 * len(entry.state.open_orders) + 400 * len(entry.state.balances)
            if size > MAX_PAGE_BYTES:
                break
        return wire.States(tuple(states))

    def _proven(self, entry: Entry) -> wire.ProvenState:
        state = entry.state
        intents: tuple[SignedOrder, ...] = ()
        if state.transition is Transition.CREATE_ORDER:
            record = self._broker.ledger.journal.intent(state.open_orders[-1].id)
            intents = (record.signed,) if record else ()
        signatures = wire.Signatures(trader=entry.trader_signature, broker=entry.broker_signature)
        return wire.ProvenState(state=state, signatures=signatures, intents=intents)

    # --- what the trader issues in his turn ---

    async def _propose(self, request: wire.Propose, frame: Frame) -> wire.ProposeAnswer:
        broker = self._broker
        if request.state.transition is Transition.SETUP and request.state.increment == 0:
            channel = await self._agreed(request)
        else:
            channel = self._attached(request.channel)
        if not channel.is_cooperative:
            raise refused("PROPOSE_UNEXPECTED")
        if channel.phase is Phase.AGREED and request.state.increment:  # he may have seen his block before us
            await broker.keeper.look_at(channel)
        found = broker.receiver.propose(channel, request, frame.raw)
        await broker.ledger.durable()
        return found

    async def _agreed(self, request: wire.Propose) -> Channel:
        """The channel that a Setup of the trader's is of, attached to this connection."""
        broker = self._broker
        known = broker.floor.channels.get(request.channel)
        terms = known.terms if known else broker.offers.terms_of(request.channel)
        self._gate.require(terms.trader, terms.trader_signer)
        if known is None:
            if terms.initiative is Initiative.BROKER:
                raise refused("PROPOSE_UNEXPECTED")
            known = broker.agree(terms, request, await broker.keeper.free())
            await broker.ledger.durable()
        if not broker.is_attached(known, self._peer) and known.last and not known.last.state.increment:
            broker.attach(known, self._peer)
        return known

    async def _ack(self, request: wire.Ack, _: Frame) -> wire.Done:
        channel = self._attached(request.channel)
        if not channel.is_cooperative:
            raise refused("ACK_UNEXPECTED")
        self._broker.receiver.countersigned(channel, request.increment, request.digest, request.signature)
        await self._broker.ledger.durable()
        return wire.Done()

    async def _turn(self, request: wire.AskTurn, _: Frame) -> wire.Done:
        channel = self._attached(request.channel)
        if not channel.is_cooperative:
            raise refused("TURN_UNEXPECTED")
        asked = TurnRequest(request.channel, request.increment)
        self._broker.receiver.ask_turn(channel, asked, request.signature)
        return wire.Done()

    # --- the market ---

    async def _instruments(self, _: market.InstrumentsRequest, __: Frame) -> market.Instruments:
        return self._broker.feed.instruments()

    async def _subscribe(self, request: market.Subscribe, _: Frame) -> market.Subscribed:
        return self._broker.feed.subscribe(self._peer, request.market, request.depth)

    async def _unsubscribe(self, request: market.Unsubscribe, _: Frame) -> wire.Done:
        self._broker.feed.unsubscribe(self._peer, request.market)
        return wire.Done()

    async def _candles(self, request: market.CandlesRequest, _: Frame) -> market.Candles:
        return self._broker.feed.candles(request.market, request.interval, request.limit)


def _standing(entry: Entry | None) -> tuple[int, bytes]:
    """Increment and digest of the highest validated state; zero if there is none."""
    return (entry.state.increment, entry.digest) if entry else (0, ZERO_DIGEST)


def _is_void(entry: Entry | None) -> bool:
    return entry is not None and entry.state.transition is Transition.VOID
