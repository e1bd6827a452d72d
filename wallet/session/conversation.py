"""One connection to a broker while it lives: who we are on it, and where each channel stands on it.

Nothing here outlives the connection. Source: design §4 (heartbeats), §8 (authentication, resume).
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec

from wallet.history.journal import Entry, Status
from wallet.protocol.codec import show_hex
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Heartbeat, Resume, SignedOrder
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import ZERO_DIGEST, Transition
from wallet.protocol.terms import Role
from wallet.session.adoption import adopt, is_ours
from wallet.session.answers import StateSigner
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.liveness import Liveness
from wallet.session.phases import ANSWERING, ON_CONNECTION, Standing, Word, follow
from wallet.wire import messages, methods
from wallet.wire.auth import AuthResult, authenticate
from wallet.wire.forms import Message
from wallet.wire.methods import Method
from wallet.wire.peer import Peer

P = TypeVar("P", bound=Message)
R = TypeVar("R", bound=Message)
LONGEST_ANSWER = 30.0  # seconds that anything here waits for the broker, whatever T the terms allow him
PAGE = 100  # states asked for at once
_RESUME_BYTES = ("channel", "digest", "nonce", "peer_nonce")


def patience(channel: TraderChannel) -> float:
    """Seconds to wait for an answer about this channel."""
    return min(float(channel.terms.answer_time), LONGEST_ANSWER)


class Conversation:
    """Belongs to one asyncio loop, and to one :class:`~wallet.session.connection.Connection`."""

    def __init__(self, peer: Peer, profile: BrokerProfile, clock: Clock, live: Liveness) -> None:
        self.peer = peer
        self._profile = profile
        self._clock = clock
        self._live = live
        self._auth: dict[bytes, AuthResult] = {}
        self._authenticating = asyncio.Lock()  # one hello at a time on a connection
        self._standing: dict[bytes, Standing] = {}
        self.behind: dict[bytes, bool] = {}  # whether the broker named another state than our last

    def standing(self, channel: TraderChannel) -> Standing:
        return self._standing.get(channel.id, Standing.STRANGER)

    def answers(self, channel: TraderChannel) -> bool:
        """Whether both sides know where they stand: before, no state is judged."""
        return self.standing(channel) in ANSWERING

    def move(self, channel: TraderChannel, word: Word) -> None:
        self._standing[channel.id] = follow(ON_CONNECTION, self.standing(channel), word)

    async def ask(self, channel: TraderChannel, method: Method[P, R], params: P) -> R:
        result = await methods.ask(self.peer, method, params, patience(channel))
        self._live.last_word = self._clock.now()
        return result

    async def introduce(self, signer: StateSigner) -> AuthResult:
        """Both show whose keys they hold; once for each of our keys. WalletError("AUTH_…") if he can't."""
        async with self._authenticating:
            known = self._auth.get(signer.address)
            if known is not None:
                return known
            result = await authenticate(
                self.peer,
                domain=self._profile.domain,
                signer=signer,
                account=signer.address,
                broker_signer=self._profile.signer,
                host=self._profile.host,
            )
            self._live.ahead = result.now - self._clock.now()
            self._auth[signer.address] = result
            return result

    # --- presence ---

    async def beat(self, channel: TraderChannel) -> None:
        """One signed heartbeat and its echo: it tells the broker that we are present, and us that he is."""
        await channel.journal.store.settled()  # what it names is on disk
        if channel.last is None or channel.signer is None or channel.restored:
            return  # a restored channel is not present: nothing may be matched in it
        beat = Heartbeat(channel.id, channel.last.state.increment, channel.last.digest, int(self._clock.now()))
        typed = channel.domain.digest(beat)
        sent = self._clock.monotonic()
        message = messages.Beat(channel.id, beat.increment, beat.digest, beat.time, channel.signer.sign(typed))
        result = await self.ask(channel, methods.HEARTBEAT, message)
        if result.echo == typed.digest:
            channel.echoed = sent
            self._live.round_trip = self._clock.monotonic() - sent
            self._live.ahead = result.now - (self._clock.now() - self._live.round_trip / 2)

    # --- resume ---

    async def resume(self, channel: TraderChannel) -> None:
        """Both sides say what is highest; what we lost is taken back, what he lost he will propose again.

        Raises WalletError("RES-FORK") if our key signed something we do not know: it is in use elsewhere;
        WalletError("RES-AHEAD-NO-PROOF") if he only says so; OFFLINE, RESTORED.
        """
        if channel.signer is None:
            raise WalletError("RESTORED")
        auth = await self.introduce(channel.signer)
        self.move(channel, Word.INTRODUCED)
        self.move(channel, Word.ASK)
        try:
            his, signature = await self._compare(channel, channel.signer, auth)
            if his.digest != ZERO_DIGEST:
                await self._catch_up(channel, his)
        except WalletError as error:
            if error.code.startswith("RES-"):
                self.move(channel, Word.DISAGREE)
            raise
        if channel.restored:
            channel.keep_shown(_kept(his, signature))
        self.move(channel, Word.AGREE)
        self.behind[channel.id] = his.digest != (channel.last.digest if channel.last else ZERO_DIGEST)

    async def _compare(self, channel: TraderChannel, signer: StateSigner, auth: AuthResult) -> tuple[Resume, bytes]:
        await channel.journal.store.settled()  # what we say we have is on disk
        last = channel.last
        number, digest = (last.state.increment, last.digest) if last else (0, ZERO_DIGEST)
        if channel.forked:
            raise WalletError("RES-FORK", increment=number)
        mine = Resume(channel.id, number, digest, auth.nonce, auth.peer_nonce)
        signature = signer.sign(channel.domain.digest(mine))
        result = await self.ask(channel, methods.RESUME, messages.Standing(channel.id, number, digest, signature))
        his = Resume(channel.id, result.increment, result.digest, auth.peer_nonce, auth.nonce)
        require_signer(channel.domain.digest(his), result.signature, channel.terms.signers(Role.BROKER))
        return his, result.signature

    async def _catch_up(self, channel: TraderChannel, his: Resume) -> None:
        """Adopts what he shows up to the state he named, if our own signatures prove it."""
        if channel.pending is not None and his.digest == channel.pending.digest:
            return  # he has answered what we issued: it is proposed again, and so is his answer
        while his.increment > _number(channel):
            entries, intents = await self._states_after(channel, _number(channel))
            if not adopt(channel, entries, intents) and his.increment > _number(channel):
                raise WalletError("RES-AHEAD-NO-PROOF", increment=his.increment)
        if channel.last is not None and _number(channel) == his.increment and channel.last.digest != his.digest:
            entries, _ = await self._states_after(channel, his.increment - 1)
            if any(entry.digest == his.digest and is_ours(channel, entry) for entry in entries):
                raise channel.fork(his.increment)
            raise WalletError("RES-AHEAD-NO-PROOF", increment=his.increment)

    async def _states_after(self, channel: TraderChannel, after: int) -> tuple[list[Entry], list[SignedOrder]]:
        page = await self.ask(channel, methods.STATES, messages.StatesRequest(channel.id, after, PAGE))
        return [_entry(channel, row) for row in page.states], [order for row in page.states for order in row.intents]


def _number(channel: TraderChannel) -> int:
    return channel.last.state.increment if channel.last is not None else -1


def _kept(his: Resume, signature: bytes) -> bytes:
    """A broker's Resume as it is kept: the struct and his signature on it, so that others can check it."""
    row = {"increment": his.increment, **{name: show_hex(getattr(his, name)) for name in _RESUME_BYTES}}
    return msgspec.json.encode(row | {"signature": show_hex(signature)})


def _entry(channel: TraderChannel, row: messages.ProvenState) -> Entry:
    """A state the broker gives back to us; :mod:`~wallet.session.adoption` judges its proof."""
    return Entry(
        row.state,
        channel.domain.digest(row.state).digest,
        # the turn is its issuer's, but the void's is the other's, and a yield has passed it on
        row.state.turn.other if row.state.transition in (Transition.VOID, Transition.YIELD) else row.state.turn,
        Status.VALIDATED,
        broker_signature=row.signatures.broker,
        trader_signature=row.signatures.trader,
    )
