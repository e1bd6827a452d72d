"""A trader without a screen: keys, journal and channel of its own, over the same driver as the wallet's.

Nothing about it is privileged but the purse: what it lacks to open a channel, the sandbox gives it. It opens a channel,
trades in it for as long as that goes well, leaves with the money, and begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from wallet.history.journal import ChannelRecord, Journal
from wallet.keys.signer import AccountSigner, Signer
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE, Role, Terms, check_terms
from wallet.sandbox.upkeep import forget_channels, trim_channel
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.link import BrokerLink
from wallet.session.phases import Event, Phase
from wallet.session.settlement import ChainLink

RETRY = 1.0  # seconds
OPEN_WITHIN = 30.0
LEAVE_WITHIN = 20.0
LEAVE_TRIES = 5
TRIM_EVERY = 60.0
MAX_STRIKES = 40  # requests in a row that came to nothing, after which a channel is left for a new one
GAS_MONEY = 10**18
_COMING = (Phase.REQUESTED, Phase.AGREED, Phase.OPENING)
_OVER = (Phase.WITHDRAWN, Phase.ABANDONED, Phase.DISPUTED)

log = logging.getLogger(__name__)

# Gives an address so many base units of each asset; they are there when it returns.
Purse = Callable[[bytes, Mapping[bytes, int]], Awaitable[None]]


class Strategy(Protocol):
    """What to do in a channel that is open."""

    async def step(self, link: BrokerLink, channel: TraderChannel) -> float:
        """Does what there is to do now; seconds until it wants to be asked again.

        Raises WalletError for a request that came to nothing.
        """
        ...


class Keyring:
    """The keys of one such trader, in its own journal's file: the owner's, and one per channel."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.owner = AccountSigner(self._secret("owner") or self._new("owner"))

    def new_session(self) -> Signer:
        """A random key for a new channel, on disk before anyone hears of it."""
        secret = secrets.token_bytes(32)
        signer = Signer(secret)
        self._journal.set_fact(b"", _session(signer.address), secret)
        return signer

    def signer(self, address: bytes) -> Signer:
        """Raises WalletError("KEYS_NO_SESSION_KEY")."""
        secret = self._secret(_session(address))
        if secret is None:
            raise WalletError("KEYS_NO_SESSION_KEY", address="0x" + address.hex())
        return Signer(secret)

    def _secret(self, name: str) -> bytes | None:
        return self._journal.fact(b"", name)

    def _new(self, name: str) -> bytes:
        secret = secrets.token_bytes(32)
        self._journal.set_fact(b"", name, secret)
        return secret


def _session(address: bytes) -> str:
    return f"session-{address.hex()}"


class Trader:
    """One of them. Belongs to one asyncio loop; `run` until cancelled, then `close`."""

    def __init__(
        self,
        path: Path,
        profile: BrokerProfile,
        allocations: Mapping[bytes, int],
        strategy: Strategy,
        purse: Purse,
    ) -> None:
        """``path`` of its journal; ``allocations``: what it brings to a channel, base units by asset."""
        self.name = path.stem
        self.journal = Journal.open(path)
        self._profile = profile
        self._allocations = dict(sorted(allocations.items()))
        self._strategy = strategy
        self._purse = purse
        self._keys = Keyring(self.journal)
        self._failed: Counter[bytes] = Counter()  # how often leaving a channel has failed
        self.trading = asyncio.Event()  # once it has had a channel to trade in
        self._trimmed = time.monotonic()
        self.link = BrokerLink(profile, self.journal, self._keys, lambda: None)
        self.chain = ChainLink(profile, self.journal, self.link.channels.values, self.link.advance, lambda: None)
        self.chain.account = self.address

    @property
    def address(self) -> bytes:
        """The owner's."""
        return self._keys.owner.address

    def close(self) -> None:
        self.journal.close()

    def forget_past_channels(self) -> None:
        """What was closed and paid needs no memory."""
        gone = [channel.id for channel in self.link.channels.values() if Phase(channel.record.phase) in _OVER[:2]]
        forget_channels(self.journal, gone)
        for channel in gone:
            del self.link.channels[channel]

    async def run(self) -> None:
        """Trades, whatever happens, until cancelled."""
        connection = asyncio.create_task(self.link.run())
        try:
            while True:
                try:
                    await self._session()
                except WalletError as error:
                    log.info("%s: %s", self.name, error)
                if connection.done():
                    connection.result()
                await asyncio.sleep(RETRY)
        finally:
            connection.cancel()
            await asyncio.gather(connection, return_exceptions=True)

    async def _session(self) -> None:
        """One channel from where it stands to its end."""
        await self.link.online(OPEN_WITHIN)
        channel = self._current()
        if channel is None or Phase(channel.record.phase) in _COMING:
            async with self._following_the_chain():
                channel = await self._open(channel or await self._agree())
        if Phase(channel.record.phase) is Phase.OPEN and not self._failed[channel.id]:
            await self._trade(channel)
        await self._leave(channel)

    def _current(self) -> TraderChannel | None:
        running = (
            channel
            for channel in reversed(self.link.channels.values())
            if Phase(channel.record.phase) not in _OVER and self._failed[channel.id] < LEAVE_TRIES
        )
        return next(running, None)

    # --- in ---

    async def _agree(self) -> TraderChannel:
        """The seed's *Setup*, as a wallet does it."""
        await self._provide()
        owner, session = self._keys.owner, self._keys.new_session()
        terms = await self.link.offer(owner.address, session, list(self._allocations.items()))
        self._check(terms, session.address)
        digest = self._profile.domain.digest(terms)
        record = ChannelRecord(
            digest.digest,
            Role.TRADER,
            self._profile.chain_id,
            self._profile.adjudicator,
            terms,
            Phase.REQUESTED.value,
            int(time.time()),
        )
        channel = await self.link.setup(record, owner)
        self.link.advance(channel, Event.AGREED)
        return channel

    def _check(self, terms: Terms, session: bytes) -> None:
        check_terms(terms)
        parties = (self._keys.owner.address, session, self._profile.broker, self._profile.signer)
        if (terms.trader, terms.trader_signer, terms.broker, terms.broker_signer) != parties:
            raise WalletError("SET-PARTIES", field="parties", got="others than agreed")
        # A market in which an allocated asset is traded brings its other asset along, with nothing allocated.
        if {row.asset: row.allocation for row in terms.assets if row.allocation} != self._allocations:
            raise WalletError("SET-FUNDING", field="allocation", got="other amounts than asked for")
        field = self._profile.offer.difference(terms)
        if field is not None:
            raise WalletError("SET-TERMS", field=field, got=str(getattr(terms, field))[:60])

    async def _provide(self) -> None:
        """Has the purse fill up what is lacking for the next channel."""
        lacking = {}
        for asset, amount in self._allocations.items():
            need = amount + (GAS_MONEY if asset == NATIVE else 0)
            have = self.chain.spendable(asset) + self.chain.holdings.credit.get(asset, 0)
            lacking[asset] = max(need - have, 0)
        if self.chain.holdings.wallet.get(NATIVE, 0) < GAS_MONEY:
            lacking[NATIVE] = max(lacking.get(NATIVE, 0), GAS_MONEY)
        if any(lacking.values()):
            await self._purse(self._keys.owner.address, lacking)
        if any(self.chain.holdings.credit.values()):
            await self.chain.withdraw(self._keys.owner)

    async def _open(self, channel: TraderChannel) -> TraderChannel:
        """A channel that is agreed comes on chain; one that was never agreed is forgotten."""
        if Phase(channel.record.phase) is Phase.REQUESTED:
            self.link.advance(channel, Event.GIVEN_UP)
            raise WalletError("SETUP_UNANSWERED")
        if Phase(channel.record.phase) in _COMING:
            await self.chain.open(channel, self._keys.owner)
        if Phase(channel.record.phase) is not Phase.OPEN:
            raise WalletError("OPEN_UNCONFIRMED")
        await self.link.resume(channel)
        await self.link.heartbeat(channel)
        return channel

    # --- while it is open ---

    async def _trade(self, channel: TraderChannel) -> None:
        """Until the channel is of no more use."""
        strikes = 0
        self.trading.set()
        while Phase(channel.record.phase) is Phase.OPEN and not channel.final and strikes < MAX_STRIKES:
            try:
                await self.link.online(OPEN_WITHIN)
                pause = await self._strategy.step(self.link, channel)
                strikes = 0
            except WalletError as error:
                if not self.link.live.online:
                    continue  # a break is nobody's fault
                log.debug("%s: %s", self.name, error)
                strikes, pause = strikes + 1, RETRY / 4
                if channel.frozen is not None:
                    log.error("%s: the broker signed what he must not: %s", self.name, channel.frozen.flag)
                    return
            self._trim(channel)
            await asyncio.sleep(pause)

    def _trim(self, channel: TraderChannel) -> None:
        if time.monotonic() - self._trimmed > TRIM_EVERY:
            self._trimmed = time.monotonic()
            if channel.last is not None:
                channel.requests.forget_past(channel.last.state)
            trim_channel(self.journal, channel.id)

    # --- out ---

    async def _leave(self, channel: TraderChannel) -> None:
        """Finalize, close, take the money home. A channel in which that fails again and again is left as it is."""
        log.info("%s leaves its channel 0x%s (%s)", self.name, channel.id.hex()[:8], channel.record.phase)
        try:
            if not channel.final and Phase(channel.record.phase) is Phase.OPEN:
                await self.link.finalize(channel, LEAVE_WITHIN)
            async with self._following_the_chain():
                if Phase(channel.record.phase) is not Phase.SETTLED:
                    await self.chain.close(channel, self._keys.owner)
                await self.chain.withdraw(self._keys.owner)
        except WalletError:
            if self.link.live.online:
                self._failed[channel.id] += 1
            raise

    @contextlib.asynccontextmanager
    async def _following_the_chain(self) -> AsyncIterator[None]:
        """The chain is asked only for as long as there is something to do there."""
        following = asyncio.create_task(self.chain.run())
        try:
            await self.chain.ready(OPEN_WITHIN)
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
