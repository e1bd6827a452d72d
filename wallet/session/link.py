"""One broker: the connection, who we are on it, and the channels we have with him.

Connect → authenticate → resume each channel → stay: heartbeats, proposals answered as they come, market data. A
broken connection changes nothing but time; the next one resumes from what is on disk. Source: design §4, §8.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from wallet.history.journal import ChannelRecord, Entry, IntentRecord, Journal, Status
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import (
    MAX_OPEN_AHEAD,
    Cancel,
    CancelReceipt,
    FinalizeRequest,
    Heartbeat,
    Order,
    Resume,
    SignedOrder,
    TimeInForce,
)
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import ZERO_DIGEST, OpenOrder, Side, Transition
from wallet.protocol.terms import Role, Terms
from wallet.protocol.transitions import Contents, RuleBroken, contents_of, create_order
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import (
    ALIVE,
    OPEN,
    REJECTED,
    STAGED,
    SUBMITTED,
    Ack,
    Clock,
    Proposal,
    StateSigner,
    TraderChannel,
)
from wallet.session.feed import MarketFeed
from wallet.session.phases import Phase
from wallet.wire import messages, methods
from wallet.wire.auth import AuthResult, authenticate
from wallet.wire.client import connect
from wallet.wire.forms import Message
from wallet.wire.frames import Frame, RemoteError
from wallet.wire.market_messages import InstrumentsRequest
from wallet.wire.methods import Method
from wallet.wire.peer import Peer

log = logging.getLogger(__name__)

P = TypeVar("P", bound=Message)
R = TypeVar("R", bound=Message)
UNKNOWN = "unknown"
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
LONGEST_ANSWER = 30.0  # seconds that anything here waits for the broker, whatever T the terms allow him


class SessionKeys(Protocol):
    """Where the session keys are; asking for one that this installation does not have raises WalletError."""

    def signer(self, address: bytes) -> StateSigner: ...


@dataclass(slots=True)
class Liveness:
    """What we know of the connection: for the screen, and to decide when to reconnect."""

    online: bool = False
    round_trip: float = 0.0
    last_word: float = 0.0
    problem: WalletError | None = None


class BrokerLink:
    """The connection to one broker and our channels with him. Belongs to one asyncio loop."""

    def __init__(
        self,
        profile: BrokerProfile,
        journal: Journal,
        keys: SessionKeys,
        changed: Callable[[], None],
        clock: Clock | None = None,
    ) -> None:
        self.profile = profile
        self.journal = journal
        self.keys = keys
        self.clock = clock or Clock()
        self.live = Liveness()
        self.feed = MarketFeed(changed)
        self.channels: dict[bytes, TraderChannel] = {}
        self._changed = changed
        self._peer: Peer | None = None
        self._auth: dict[bytes, AuthResult] = {}
        self._authenticating = asyncio.Lock()  # one hello at a time on a connection
        self._resumed: set[bytes] = set()  # channels in which both sides know where they stand, on this connection
        self._moved = asyncio.Condition()
        self._online = asyncio.Event()
        for record in journal.channels():
            if record.terms.broker == profile.broker and record.domain == profile.domain:
                self._load(record)

    # --- life ---

    async def run(self) -> None:
        """Keeps the connection, for ever; cancel to stop."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._stay_connected()
                pause = FIRST_PAUSE
            except WalletError as error:
                self.live.problem = error
                log.info("broker %s: %s", self.profile.host, error)
            except Exception as error:  # whatever a broker can do to us, he can't end us
                self.live.problem = WalletError("TASK_DIED", why=type(error).__name__)
                log.exception("the connection to %s failed", self.profile.host)
            finally:
                self.live.online = False
                self._online.clear()
                self._peer = None
                self._auth.clear()
                self._resumed.clear()
                self.feed.lost()
                await self._tell()
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - jitter needs no secrecy
            pause = min(pause * 2, LONGEST_PAUSE)

    async def online(self, wait: float) -> None:
        """Waits until connected; WalletError("BROKER_UNREACHABLE" or what else is wrong) after ``wait`` seconds."""
        try:
            async with asyncio.timeout(wait):  # wait_for may swallow a cancellation (until Python 3.12)
                await self._online.wait()
        except TimeoutError as error:
            raise self.live.problem or WalletError("BROKER_UNREACHABLE", url=self.profile.url) from error

    async def until(self, condition: Callable[[], bool], wait: float) -> bool:
        """Waits for something to become true of the channels; whether it did within ``wait`` seconds."""
        try:
            async with asyncio.timeout(wait), self._moved:
                await self._moved.wait_for(condition)
        except TimeoutError:
            return condition()
        return True

    async def _stay_connected(self) -> None:
        peer = await connect(self.profile.url)
        self._prepare(peer)  # nothing was read yet: no other task has run since
        try:
            self._peer = peer
            for channel in self._talking():
                await self._join(channel)
            self.live.online, self.live.problem, self.live.last_word = True, None, self.clock.now()
            self._online.set()
            self.feed.attach(peer)
            await self._tell()
            beats, end = asyncio.create_task(self._beat(peer)), asyncio.create_task(peer.wait_closed())
            try:
                await asyncio.wait((beats, end), return_when=asyncio.FIRST_COMPLETED)
            finally:
                beats.cancel()
                await asyncio.gather(beats, return_exceptions=True)
                await peer.close()
                await asyncio.gather(end, return_exceptions=True)
            if not beats.cancelled() and (failure := beats.exception()) is not None:
                raise failure  # without heartbeats this connection only looked alive
        finally:
            await peer.close()

    def _prepare(self, peer: Peer) -> None:
        """What a connection must be able to answer from its first frame on."""
        methods.answer(peer, methods.PROPOSE, self._on_propose)
        methods.answer(peer, methods.ACK, self._on_ack)
        self.feed.hear(peer)

    def _talking(self) -> list[TraderChannel]:
        """Channels that still have something to say to the broker."""
        silent = {Phase.SETTLED, Phase.WITHDRAWN, Phase.ABANDONED}
        return [channel for channel in self.channels.values() if Phase(channel.record.phase) not in silent]

    async def _beat(self, peer: Peer) -> None:
        """Heartbeats: they tell the broker that we are present, and us that he is."""
        while True:
            talking = self._talking()
            await asyncio.sleep(min((channel.terms.heartbeat for channel in talking), default=5) / 2)
            try:
                for channel in talking:
                    await self.heartbeat(channel)
                if not talking:
                    await methods.ask(peer, methods.INSTRUMENTS, InstrumentsRequest(), 10)
                    self.live.last_word = self.clock.now()
            except WalletError as error:
                self.live.problem = error
                await peer.close()
                return
            self._changed()

    async def heartbeat(self, channel: TraderChannel) -> None:
        """One signed heartbeat and its echo."""
        if channel.last is None or channel.signer is None:
            return
        beat = Heartbeat(channel.id, channel.last.state.increment, channel.last.digest, int(self.clock.now()))
        typed = channel.domain.digest(beat)
        sent = self.clock.monotonic()
        message = messages.Beat(channel.id, beat.increment, beat.digest, beat.time, channel.signer.sign(typed))
        result = await self._ask(channel, methods.HEARTBEAT, message)
        if result.echo == typed.digest:
            channel.echoed = sent
            self.live.round_trip = self.clock.monotonic() - sent

    # --- resume ---

    async def _join(self, channel: TraderChannel) -> None:
        """Says who we are for this channel, agrees on the highest validated state, says again what may be lost."""
        if channel.signer is None:
            return
        await self._authenticate(channel.signer)
        if Phase(channel.record.phase) is Phase.REQUESTED and channel.last is None:
            return
        await self.resume(channel)
        await self.heartbeat(channel)
        for row in channel.intents():
            await self._repeat(channel, row)

    async def prove(self, signer: StateSigner) -> None:
        """The broker shows that he holds the key of his profile; WalletError("AUTH_BROKER") if he can't."""
        await self._authenticate(signer)

    async def _authenticate(self, signer: StateSigner) -> AuthResult:
        async with self._authenticating:
            known = self._auth.get(signer.address)
            if known is not None:
                return known
            result = await authenticate(
                self.connected(),
                domain=self.profile.domain,
                signer=signer,
                account=signer.address,
                broker_signer=self.profile.signer,
                host=self.profile.host,
            )
            self._auth[signer.address] = result
            return result

    async def resume(self, channel: TraderChannel) -> None:
        """Both sides say what is highest; what we lost is taken back, what he lost he will propose again.

        Raises WalletError("RES-FORK") if our key signed something we do not know: it is in use elsewhere;
        WalletError("RES-AHEAD-NO-PROOF") if he only says so; OFFLINE, RESTORED.
        """
        if channel.signer is None:
            raise WalletError("RESTORED")
        auth = self._auth.get(channel.signer.address)
        if auth is None:
            self.connected()
            auth = await self._authenticate(channel.signer)
        last = channel.last
        number, digest = (last.state.increment, last.digest) if last else (0, ZERO_DIGEST)
        if channel.forked:
            raise WalletError("RES-FORK", increment=number)
        mine = Resume(channel.id, number, digest, auth.nonce, auth.peer_nonce)
        signature = channel.signer.sign(channel.domain.digest(mine))
        result = await self._ask(channel, methods.RESUME, messages.Standing(channel.id, number, digest, signature))
        his = Resume(channel.id, result.increment, result.digest, auth.peer_nonce, auth.nonce)
        require_signer(channel.domain.digest(his), result.signature, channel.terms.signers(Role.BROKER))
        if his.digest != ZERO_DIGEST:
            await self._catch_up(channel, his)
        self._resumed.add(channel.id)
        await self._tell()

    async def _catch_up(self, channel: TraderChannel, his: Resume) -> None:
        """Adopts what he shows up to the state he named, if our own signatures prove it."""
        while channel.last is None or his.increment > channel.last.state.increment:
            entries, intents = await self._states_after(channel, channel.last.state.increment if channel.last else -1)
            if not channel.adopt(entries, intents):
                raise WalletError("RES-AHEAD-NO-PROOF", increment=his.increment)
        if channel.last.state.increment == his.increment and channel.last.digest != his.digest:
            entries, _ = await self._states_after(channel, his.increment - 1)
            if any(entry.digest == his.digest and channel.is_ours(entry) for entry in entries):
                raise channel.fork(his.increment)
            raise WalletError("RES-AHEAD-NO-PROOF", increment=his.increment)

    async def _states_after(self, channel: TraderChannel, after: int) -> tuple[list[Entry], list[SignedOrder]]:
        page = await self._ask(channel, methods.STATES, messages.StatesRequest(channel.id, after, 100))
        return [_entry(channel, row) for row in page.states], [order for row in page.states for order in row.intents]

    async def _repeat(self, channel: TraderChannel, row: IntentRecord) -> None:
        """Sends a request again whose answer never came; the broker knows it by its id."""
        now = self.clock.now()
        with contextlib.suppress(RemoteError):
            if row.status in (STAGED, UNKNOWN) and row.signed.order.open_before > now:
                await self._send_order(channel, row.signed)
            unreceipted = row.cancel is not None and row.receipt is None
            may_rest = row.status == OPEN or (row.status in ALIVE and row.signed.order.open_before > now)
            if row.cancel is not None and unreceipted and may_rest:
                await self._send_cancel(channel, row.signed.id, row.cancel)

    # --- what the broker asks ---

    async def _on_propose(self, message: messages.Propose, frame: Frame) -> messages.ProposeAnswer:
        channel = self._channel(message.channel)
        self.live.last_word = self.clock.now()
        if message.state.increment and channel.id not in self._resumed:
            raise WalletError("BUSY")  # not before both know where they stand; he tries again
        received = self.clock.monotonic() - (time.monotonic() - frame.received)
        try:
            answer = channel.propose(Proposal(message.state, message.signature, frame.raw, received))
            if channel.last is not None and Phase(channel.record.phase) is Phase.REQUESTED:
                self.set_phase(channel, Phase.AGREED)
        finally:
            await self._tell()
        if isinstance(answer, Ack):
            return messages.ProposeAnswer(ack=answer.signature, refuse=None)
        void = answer.void
        assert void.trader_signature is not None
        return messages.ProposeAnswer(ack=None, refuse=messages.SignedState(void.state, void.trader_signature))

    async def _on_ack(self, message: messages.Ack, frame: Frame) -> messages.Done:
        self._channel(message.channel).countersigned(message.increment, message.digest, message.signature)
        await self._tell()
        return messages.Done()

    def _channel(self, channel_id: bytes) -> TraderChannel:
        channel = self.channels.get(channel_id)
        if channel is None:
            raise WalletError("CHN-UNKNOWN-CHANNEL")
        return channel

    # --- what we ask ---

    async def offer(self, trader: bytes, signer: StateSigner, allocations: list[tuple[bytes, int]]) -> Terms:
        """The terms the broker proposes for these allocations, not yet agreed to."""
        await self._authenticate(signer)
        wanted = messages.OfferRequest(trader, signer.address, tuple(allocations), None)
        return (await methods.ask(self.connected(), methods.OFFER, wanted, 10)).terms

    async def setup(self, record: ChannelRecord, owner_signature: bytes) -> TraderChannel:
        """The seed's *Request setup*: keeps the channel, then asks the broker to propose state 0."""
        self.journal.add_channel(record)
        channel = self._load(record)
        try:
            await self._ask(channel, methods.SETUP, messages.Setup(record.terms, owner_signature))
        except RemoteError:
            if channel.last is None:
                self.set_phase(channel, Phase.ABANDONED)
            raise
        self._resumed.add(channel.id)
        await self.until(lambda: channel.last is not None, min(channel.terms.answer_time, LONGEST_ANSWER))
        if channel.last is None:
            raise WalletError("SETUP_UNANSWERED")
        return channel

    async def place(
        self,
        channel: TraderChannel,
        market: tuple[bytes, bytes],
        side: Side,
        price: int,
        amount: int,
        time_in_force: TimeInForce,
        lifetime: int,
    ) -> bytes:
        """Signs an order intent, keeps it, sends it; its id once the broker has taken it.

        Raises WalletError(rule's code) for an order that no state could open, RemoteError if the broker rejects
        it, WalletError("ORDER_UNKNOWN") if no answer came: it may still open within ten seconds.
        """
        signer = _require_signer(channel)
        now = int(self.clock.now())
        order = Order(
            channel.id,
            channel.next_nonce(),
            *market,
            side,
            price,
            amount,
            time_in_force,
            now + MAX_OPEN_AHEAD,
            now + lifetime,
        )
        typed = channel.domain.digest(order)
        self._check_fits(channel, typed.digest, order)
        self.connected()
        signed = SignedOrder(typed.digest, order, signer.sign(typed))
        channel.add_intent(IntentRecord(signed, STAGED, "", now))
        await self._tell()
        try:
            await self._send_order(channel, signed)
        finally:
            await self._tell()
        return signed.id

    async def _send_order(self, channel: TraderChannel, signed: SignedOrder) -> None:
        try:
            await self._ask(channel, methods.ORDER, messages.PlaceOrder(signed))
        except RemoteError as error:
            channel.mark_intent(signed.id, REJECTED, error.code)
            row = channel.intent(signed.id)
            if row is None or row.status == REJECTED:
                raise
            return  # he says no, but a state that he signed opened it: that counts
        except WalletError as error:
            channel.mark_intent(signed.id, UNKNOWN)
            if error.code == "STORE_FAILED":
                raise
            raise WalletError("ORDER_UNKNOWN", order=codec.show_hex(signed.id)) from error
        channel.mark_intent(signed.id, SUBMITTED)

    def _check_fits(self, channel: TraderChannel, order_id: bytes, order: Order) -> None:
        """That a state could open it: by the rules, after all that may open before it."""
        assert channel.last is not None
        contents: Contents = contents_of(channel.last.state)
        try:
            for pending in channel.uncertain():
                with contextlib.suppress(RuleBroken):
                    contents = create_order(channel.terms, contents, channel.domain.digest(pending).digest, pending)
            create_order(channel.terms, contents, order_id, order)
        except RuleBroken as broken:
            raise WalletError(broken.code, expected=broken.expected, got=broken.got) from broken

    async def cancel(self, channel: TraderChannel, order_id: bytes) -> None:
        """Takes an order back: signed, kept, sent; done when the broker's receipt is on disk."""
        signer = _require_signer(channel)
        row = channel.intent(order_id)
        if row is None:
            raise WalletError("ORDER_NOT_FOUND", order=codec.show_hex(order_id))
        signature = row.cancel or signer.sign(channel.domain.digest(Cancel(channel.id, order_id)))
        channel.mark_cancel(order_id, cancel=signature)
        await self._send_cancel(channel, order_id, signature)

    async def _send_cancel(self, channel: TraderChannel, order_id: bytes, signature: bytes) -> None:
        message = messages.CancelOrder(channel.id, order_id, signature)
        receipt = (await self._ask(channel, methods.CANCEL, message)).signature
        typed = channel.domain.digest(CancelReceipt(channel.id, order_id))
        require_signer(typed, receipt, channel.terms.signers(Role.BROKER))
        channel.mark_cancel(order_id, receipt=receipt)
        await self._tell()

    async def cancel_open(self, channel: TraderChannel, wait: float) -> None:
        """Takes all open orders back; returns when no state holds one. WalletError("CANCEL_UNANSWERED") if not."""
        deadline = self.clock.monotonic() + wait
        while _open_orders(channel):
            if self.clock.monotonic() > deadline:
                raise WalletError("CANCEL_UNANSWERED")
            for order in _open_orders(channel):
                await self.cancel(channel, order.id)
            await self.until(lambda: not _open_orders(channel), 2)

    async def finalize(self, channel: TraderChannel, wait: float) -> None:
        """Asks for the final state of this very state, with no open orders; done when both have signed it.

        Raises WalletError("FINALIZE_UNANSWERED") when the broker does not answer in time: asking again is safe.
        """
        signer = _require_signer(channel)
        deadline = self.clock.monotonic() + wait
        while not channel.final:
            left = deadline - self.clock.monotonic()
            if left <= 0 or channel.last is None:
                raise WalletError("FINALIZE_UNANSWERED")
            await self.cancel_open(channel, left)
            request = FinalizeRequest(channel.id, channel.last.digest, int(self.clock.now()) + 60)
            channel.request_finalize(request.last_digest)
            signature = signer.sign(channel.domain.digest(request))
            message = messages.Finalize(channel.id, request.last_digest, request.valid_until, signature)
            try:
                await self._ask(channel, methods.FINALIZE, message)
            except RemoteError as error:
                unseen = error.code == "CHANNEL_PHASE" and error.params.get("phase") == "agreed"  # the opening's block
                if error.code != "FIN-NOT-NOW" and not unseen:
                    raise
                await asyncio.sleep(0.5 if unseen else 0.1)
                continue
            await self.until(lambda: channel.final, min(left, channel.terms.answer_time, LONGEST_ANSWER))
        self.set_phase(channel, Phase.FINAL)

    # --- inside ---

    def set_phase(self, channel: TraderChannel, phase: Phase) -> None:
        self.journal.set_phase(channel.id, phase.value)
        channel.record = replace(channel.record, phase=phase.value)
        self._changed()

    def _load(self, record: ChannelRecord) -> TraderChannel:
        signer: StateSigner | None
        try:
            signer = self.keys.signer(record.terms.trader_signer)
        except WalletError:
            signer = None  # restored from a backup: this channel signs no states any more
        channel = TraderChannel(self.journal, record, signer, self.clock)
        self.channels[record.id] = channel
        if channel.last is not None and Phase(record.phase) is Phase.REQUESTED:
            self.set_phase(channel, Phase.AGREED)  # ended between the two steps
        return channel

    def connected(self) -> Peer:
        """The connection; WalletError with why there is none."""
        if self._peer is None:
            raise self.live.problem or WalletError("OFFLINE", broker=self.profile.name)
        return self._peer

    async def _ask(self, channel: TraderChannel, method: Method[P, R], params: P) -> R:
        within = min(float(channel.terms.answer_time), LONGEST_ANSWER)
        result = await methods.ask(self.connected(), method, params, within)
        self.live.last_word = self.clock.now()
        return result

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()
        self._changed()


def _open_orders(channel: TraderChannel) -> tuple[OpenOrder, ...]:
    return channel.last.state.open_orders if channel.last else ()


def _require_signer(channel: TraderChannel) -> StateSigner:
    if channel.signer is None:
        raise WalletError("RESTORED")
    if channel.forked:
        raise WalletError("RES-FORK", increment=channel.last.state.increment if channel.last else 0)
    if channel.frozen is not None:
        raise WalletError("FROZEN")
    return channel.signer


def _entry(channel: TraderChannel, row: messages.ProvenState) -> Entry:
    """A state the broker gives back to us; :meth:`TraderChannel.adopt` judges its proof."""
    return Entry(
        row.state,
        channel.domain.digest(row.state).digest,
        Role.TRADER if row.state.transition is Transition.VOID else Role.BROKER,
        Status.VALIDATED,
        broker_signature=row.signatures.broker,
        trader_signature=row.signatures.trader,
    )
