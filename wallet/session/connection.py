"""The connection to one broker: who we are on it, where each channel stands, and what he proposes.

Connect → authenticate → resume each channel → stay: heartbeats, proposals answered as they come, market data. A
broken connection changes nothing but time; the next one resumes from what is on disk. Source: design §4, §8.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import (
    Heartbeat,
    Resume,
    SignedOrder,
)
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import ZERO_DIGEST, Transition
from wallet.protocol.terms import Role
from wallet.session.adoption import adopt, is_ours
from wallet.session.answers import Ack, Proposal, StateSigner
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.feed import MarketFeed
from wallet.session.phases import Phase
from wallet.wire import messages, methods
from wallet.wire.auth import AuthResult, authenticate
from wallet.wire.client import connect
from wallet.wire.forms import Message
from wallet.wire.frames import Frame
from wallet.wire.market_messages import InstrumentsRequest
from wallet.wire.methods import Method
from wallet.wire.peer import Peer

log = logging.getLogger(__name__)

P = TypeVar("P", bound=Message)
R = TypeVar("R", bound=Message)
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
            problem = await self._join_all()
            self.live.online, self.live.problem, self.live.last_word = True, problem, self.clock.now()
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
            return
        await self._authenticate(channel.signer)
        if Phase(channel.record.phase) is Phase.REQUESTED and channel.last is None:
            return
        await self.resume(channel)
        await self.heartbeat(channel)
        await self._repeat(channel)

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
            if not adopt(channel, entries, intents):
                raise WalletError("RES-AHEAD-NO-PROOF", increment=his.increment)
        if channel.last.state.increment == his.increment and channel.last.digest != his.digest:
            entries, _ = await self._states_after(channel, his.increment - 1)
            if any(entry.digest == his.digest and is_ours(channel, entry) for entry in entries):
                raise channel.fork(his.increment)
            raise WalletError("RES-AHEAD-NO-PROOF", increment=his.increment)

    async def _states_after(self, channel: TraderChannel, after: int) -> tuple[list[Entry], list[SignedOrder]]:
        page = await self._ask(channel, methods.STATES, messages.StatesRequest(channel.id, after, 100))
        return [_entry(channel, row) for row in page.states], [order for row in page.states for order in row.intents]

    async def _repeat(self, channel: TraderChannel) -> None:
        """Says again what was asked before the break and has no answer; whoever asks knows what that is."""

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
        within = self._patience(channel)
        result = await methods.ask(self.connected(), method, params, within)
        self.live.last_word = self.clock.now()
        return result

    @staticmethod
    def _patience(channel: TraderChannel) -> float:
        """Seconds to wait for an answer about this channel."""
        return min(float(channel.terms.answer_time), LONGEST_ANSWER)

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()
        self._changed()


def _entry(channel: TraderChannel, row: messages.ProvenState) -> Entry:
    """A state the broker gives back to us; :mod:`adoption` judges its proof."""
    return Entry(
        row.state,
        channel.domain.digest(row.state).digest,
        Role.TRADER if row.state.transition is Transition.VOID else Role.BROKER,
        Status.VALIDATED,
        broker_signature=row.signatures.broker,
        trader_signature=row.signatures.trader,
    )
