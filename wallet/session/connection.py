"""The connection to one broker, kept for ever: proposals answered as they come, heartbeats, market data.

Dial → authenticate → resume each channel → stay. A broken connection changes nothing but time; the next one resumes
from what is on disk. Nothing is shared with the connection to another broker. Source: design §4, §8.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from wallet.history.journal import ChannelRecord, Journal
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TurnRequest
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role
from wallet.session import clocks
from wallet.session.alarms import Alarms
from wallet.session.answers import Ack, Next, Proposal, StateSigner
from wallet.session.backoff import Backoff
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.conversation import Conversation, patience
from wallet.session.feed import MarketFeed
from wallet.session.line import ChannelLine
from wallet.session.liveness import Liveness
from wallet.session.phases import CONNECTION, LIFE, OVER, Event, Phase, Turn, Word, follow
from wallet.session.turns import is_cooperative
from wallet.wire import messages, methods
from wallet.wire.client import connect
from wallet.wire.forms import Message
from wallet.wire.frames import Frame
from wallet.wire.market_messages import InstrumentsRequest
from wallet.wire.methods import Method
from wallet.wire.peer import Goodbye, Peer

log = logging.getLogger(__name__)

P = TypeVar("P", bound=Message)
R = TypeVar("R", bound=Message)
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
TRUSTED_AFTER = 5.0  # seconds online after which a connection counts as a success: one that breaks at once does not


class SessionKeys(Protocol):
    """Where session keys, and the owner's for restored channels, are; WalletError for one that is not at hand."""

    def signer(self, address: bytes) -> StateSigner: ...


class Connection:
    """Kept for ever; what a break may have lost is said again by :meth:`_repeat`. Belongs to one asyncio loop."""

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
        self.alarms = Alarms(changed)
        self.feed = MarketFeed(changed, self.alarms)
        self.channels: dict[bytes, TraderChannel] = {}
        self.block_time: Callable[[], int] = lambda: 0  # of the newest block, to see whose clock is wrong
        self._changed = changed
        self._backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
        self._talk: Conversation | None = None
        self._lines: dict[bytes, ChannelLine] = {}  # of cooperative channels, on this connection
        self._moved = asyncio.Condition()
        self._online = asyncio.Event()
        self._lost_at = -math.inf  # monotonic: of the last connection that was up; a start comes after a long break
        for record in journal.channels():
            if record.terms.broker == profile.broker and record.domain == profile.domain:
                self._load(record)

    # --- life ---

    async def run(self) -> None:
        """Keeps the connection, for ever; cancel to stop."""
        try:
            while True:
                await self._try()
                await asyncio.sleep(self._backoff.next())
        finally:
            self._turn(Turn.STOP)
            await self.alarms.stop()

    async def _try(self) -> None:
        """One connection from its beginning to its end."""
        self._turn(Turn.DIAL)
        try:
            await self._stay_connected()
        except WalletError as error:
            self.live.trouble = error
            log.info("broker %s: %s", self.profile.host, error)
        except Exception as error:  # noqa: BLE001 - whatever a broker can do to us, he can't end us
            self.live.trouble = WalletError("TASK_DIED", why=type(error).__name__)
            self.alarms.sound("connection", error)
        finally:
            self._turn(Turn.LOST)
            if self._online.is_set():
                self._lost_at = self.clock.monotonic()
            self._online.clear()
            self._talk = None
            for line in self._lines.values():
                line.stop()
            self._lines.clear()
            self.feed.lost()
            await self._tell()

    def _turn(self, turn: Turn) -> None:
        self.live.stage = follow(CONNECTION, self.live.stage, turn)

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
        talk = Conversation(peer, self.profile, self.clock, self.live)
        self._prepare(talk)  # nothing was read yet: no other task has run since
        try:
            self._talk = talk
            self._turn(Turn.CONNECTED)
            problem = await self._join_all()
            self._turn(Turn.JOINED)
            self.live.trouble, self.live.last_word = problem, self.clock.now()
            self._online.set()
            self.feed.attach(peer)
            await self._tell()
            since = self.clock.monotonic()
            try:
                await self._stay(talk)
            finally:
                if self.clock.monotonic() - since >= TRUSTED_AFTER:
                    self._backoff.succeeded()
        finally:
            await peer.close()

    async def _stay(self, talk: Conversation) -> None:
        """Until the connection or its heartbeats end."""
        beats, end = asyncio.create_task(self._beat(talk)), asyncio.create_task(talk.peer.wait_closed())
        try:
            await asyncio.wait((beats, end), return_when=asyncio.FIRST_COMPLETED)
        finally:
            beats.cancel()
            await asyncio.gather(beats, return_exceptions=True)
            await talk.peer.close()
            await asyncio.gather(end, return_exceptions=True)
        if not beats.cancelled() and (failure := beats.exception()) is not None:
            raise failure  # without heartbeats this connection only looked alive

    def _prepare(self, talk: Conversation) -> None:
        """What a connection must be able to answer from its first frame on."""

        async def propose(message: messages.Propose, frame: Frame) -> messages.ProposeAnswer:
            return await self._guarded(self._on_propose(talk, message, frame))

        async def ack(message: messages.Ack, frame: Frame) -> messages.Done:
            return await self._guarded(self._on_ack(message))

        async def turn(message: messages.AskTurn, frame: Frame) -> messages.Done:
            return await self._guarded(self._on_turn(message))

        methods.answer(talk.peer, methods.PROPOSE, propose)
        methods.answer(talk.peer, methods.ACK, ack)
        methods.answer(talk.peer, methods.TURN, turn)
        self.feed.hear(talk.peer)

    async def _guarded(self, answer: Awaitable[R]) -> R:
        try:
            return await answer
        except WalletError:
            raise
        except Exception as error:  # the broker learns INTERNAL, the user more
            self.alarms.sound("answering", error)
            raise

    def _talking(self) -> list[TraderChannel]:
        """Channels that still have something to say to the broker."""
        return [channel for channel in self.channels.values() if Phase(channel.record.phase) not in OVER]

    async def _beat(self, talk: Conversation) -> None:
        """Heartbeats, every half of the shortest H."""
        while True:
            await asyncio.sleep(min((channel.terms.heartbeat for channel in self._talking()), default=2) / 2)
            talking = self._talking()  # now: one may have been opened meanwhile
            try:
                for channel in talking:
                    channel.requests.bury()
                    if talk.answers(channel):
                        await self.heartbeat(channel)
                if not talking:
                    await methods.ask(talk.peer, methods.INSTRUMENTS, InstrumentsRequest(), 10)
                    self.live.last_word = self.clock.now()
            except WalletError as error:
                self.live.trouble = error
                await talk.peer.close()
                return
            self._changed()

    async def heartbeat(self, channel: TraderChannel) -> None:
        """One signed heartbeat and its echo."""
        await self._talking_now().beat(channel)
        self.live.clocks = clocks.difference(self.live.ahead, self.clock.now(), self.block_time())

    # --- joining ---

    async def _join_all(self) -> WalletError | None:
        """Joins every channel that still talks; what is wrong with one of several does not keep the others away."""
        talking, problem = self._talking(), None
        for channel in talking:
            try:
                await self._join(channel)
            except WalletError as error:
                if len(talking) == 1 or not error.code.startswith("RES"):
                    raise
                log.warning("channel %s: %s", channel.id.hex()[:8], error)
                problem = error
        return problem

    async def _join(self, channel: TraderChannel) -> None:
        """Says who we are for this channel, agrees on the highest validated state, says again what may be lost."""
        if channel.signer is None:
            self._take_key(channel)  # unlocked meanwhile?
        if channel.signer is None:
            return
        await self.introduce(channel, channel.signer)
        if Phase(channel.record.phase) is Phase.REQUESTED and channel.last is None:
            await self._repeat_setup(channel)
            return
        await self.resume(channel)
        await self._before_presence(channel)
        await self.heartbeat(channel)
        self.start_line(channel)
        await self._repeat(channel)

    async def prove(self, signer: StateSigner) -> None:
        """The broker shows that he holds the key of his profile; WalletError("AUTH_BROKER") if he can't."""
        await self._talking_now().introduce(signer)

    async def introduce(self, channel: TraderChannel, signer: StateSigner) -> None:
        """The broker learns who speaks for this channel on this connection."""
        talk = self._talking_now()
        await talk.introduce(signer)
        talk.move(channel, Word.INTRODUCED)

    async def resume(self, channel: TraderChannel) -> None:
        """See :meth:`Conversation.resume`."""
        talk = self._talking_now()
        before = channel.last, channel.restored
        await talk.resume(channel)
        if channel.restored and before != (channel.last, True):
            # Once more: as the owner if it was found out just now, and with what was taken back, since no heartbeat
            # will tell the broker that we have it.
            self._take_key(channel)
            await talk.resume(channel)
        await self._tell()

    async def _repeat_setup(self, channel: TraderChannel) -> None:
        """The same for the setup, where we propose it."""

    async def _before_presence(self, channel: TraderChannel) -> None:
        """What must be said after a break before the broker may match this channel's orders again."""

    async def _repeat(self, channel: TraderChannel) -> None:
        """Says again what was asked before the break and has no answer; whoever asks knows what that is."""

    # --- what the broker asks ---

    async def _on_propose(self, talk: Conversation, message: messages.Propose, frame: Frame) -> messages.ProposeAnswer:
        channel = self._channel(message.channel)
        self.live.last_word = self.clock.now()
        if message.state.increment and not talk.answers(channel):
            raise WalletError("BUSY")  # not before both know where they stand; he tries again
        received = self.clock.monotonic() - (time.monotonic() - frame.received)
        try:
            with self.journal.store.grouped():
                answer = channel.propose(Proposal(message.state, message.signature, frame.raw, received))
                if channel.last is not None and Phase(channel.record.phase) is Phase.REQUESTED:
                    self.advance(channel, Event.AGREED)
        except WalletError as error:
            if error.code == "TRN-YIELD-STORM":
                raise Goodbye(error.code) from error
            raise
        finally:
            await self._kept()
        if isinstance(answer, Ack):
            return messages.ProposeAnswer(ack=answer.signature)
        if isinstance(answer, Next):
            return messages.ProposeAnswer(next=answer.digest)
        void = answer.void
        assert void.trader_signature is not None
        refused = messages.SignedState(void.state, void.trader_signature)
        return messages.ProposeAnswer(refuse=refused, reason=answer.reason)

    async def _on_ack(self, message: messages.Ack) -> messages.Done:
        self._channel(message.channel).countersigned(message.increment, message.digest, message.signature)
        await self._tell()
        return messages.Done()

    async def _on_turn(self, message: messages.AskTurn) -> messages.Done:
        """The broker wants the turn: we yield once we have nothing to do that comes first."""
        channel = self._channel(message.channel)
        if not is_cooperative(channel):
            raise WalletError("TURN_UNEXPECTED")
        typed = channel.domain.digest(TurnRequest(channel.id, message.increment))
        require_signer(typed, message.signature, channel.terms.signers(Role.BROKER))
        if message.increment >= channel.turns.since:
            channel.turns.he_asks = True
        await self._tell()
        return messages.Done()

    # --- what we issue ---

    def start_line(self, channel: TraderChannel) -> None:
        """Begins to issue in a cooperative channel, once both sides know where they stand."""
        talk = self._talking_now()
        if channel.id in self._lines or not is_cooperative(channel):
            return
        last = channel.last
        voided = last is not None and last.issuer is Role.BROKER and last.state.transition is Transition.VOID
        unheard = last if voided and talk.behind.get(channel.id) else None
        line = self._lines[channel.id] = ChannelLine(channel, talk.peer, patience(channel), self._tell, unheard)
        line.start()

    def _channel(self, channel_id: bytes) -> TraderChannel:
        channel = self.channels.get(channel_id)
        if channel is None:
            raise WalletError("CHN-UNKNOWN-CHANNEL")
        return channel

    # --- inside ---

    def advance(self, channel: TraderChannel, event: Event) -> None:
        """Something happened in the life of a channel; WalletError("PHASE") if it can't happen where it is."""
        phase = follow(LIFE, Phase(channel.record.phase), event)
        if phase.value != channel.record.phase:
            self.journal.set_phase(channel.id, phase.value)
            channel.record = replace(channel.record, phase=phase.value)
        self._changed()

    def _load(self, record: ChannelRecord) -> TraderChannel:
        channel = TraderChannel(self.journal, record, None, self.clock)
        self._take_key(channel)
        channel.requests.bury()
        self.channels[record.id] = channel
        if channel.last is not None and Phase(record.phase) is Phase.REQUESTED:
            self.advance(channel, Event.AGREED)  # ended between the two steps
        return channel

    async def take_in(self, record: ChannelRecord) -> TraderChannel:
        """A channel that came into the journal from elsewhere: known here from now on, and asked about if we can."""
        channel = self._load(record)
        if self._talk is not None:
            try:
                await self._join(channel)
            except WalletError as error:  # the next connection tries again
                log.info("channel %s: %s", channel.id.hex()[:8], error)
        await self._tell()
        return channel

    def _take_key(self, channel: TraderChannel) -> None:
        """The key that may sign in a channel, if it is at hand. Who has no session key has restored a backup."""
        if not channel.restored:
            try:
                channel.signer = self.keys.signer(channel.terms.trader_signer)
            except WalletError as error:
                if error.code == "KEYS_NO_SESSION_KEY" and Phase(channel.record.phase) not in OVER:
                    channel.roll_back("no session key")
        if channel.restored:
            with contextlib.suppress(WalletError):
                channel.signer = self.keys.signer(channel.terms.trader)

    def renew_keys(self) -> None:
        """The owner's key was locked, or is back: channels that only he can sign in lose it or get it."""
        for channel in self.channels.values():
            if channel.restored:
                channel.signer = None
                self._take_key(channel)

    def connected(self) -> Peer:
        """The connection; WalletError with why there is none."""
        return self._talking_now().peer

    def _talking_now(self) -> Conversation:
        if self._talk is None:
            raise self.live.problem or WalletError("OFFLINE", broker=self.profile.name)
        return self._talk

    async def _ask(self, channel: TraderChannel, method: Method[P, R], params: P) -> R:
        return await self._talking_now().ask(channel, method, params)

    async def _kept(self) -> None:
        """What was written is on disk: then, and if it never will be, those who wait may look."""
        try:
            await self.journal.store.durable()
        finally:
            await self._tell()

    async def _tell(self) -> None:
        for line in self._lines.values():
            line.wake()
        async with self._moved:
            self._moved.notify_all()
        self._changed()
