"""The broker: everything put together, and the life of it."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from wallet.broker.chain_watch import ChainWatch
from wallet.broker.channel import Ask, Channel, Phase, next_step
from wallet.broker.config import BrokerConfig, check_config
from wallet.broker.desk import Desk
from wallet.broker.errors import refused
from wallet.broker.feed import Feed
from wallet.broker.flags import Flags
from wallet.broker.floor import Clock, Floor
from wallet.broker.intake import Intake
from wallet.broker.issuer import Issuer
from wallet.broker.keeper import Keeper, every
from wallet.broker.ledger import Ledger
from wallet.broker.line import Line
from wallet.broker.loading import load, load_channel
from wallet.broker.lock import FolderLock
from wallet.broker.offers import Offers
from wallet.broker.receiver import Receiver
from wallet.history.journal import ChannelRecord, Entry
from wallet.protocol import codec
from wallet.protocol.terms import Initiative, Role, Terms
from wallet.wire.auth import Identity
from wallet.wire.hosts import is_loopback
from wallet.wire.limits import Limits
from wallet.wire.messages import Propose
from wallet.wire.peer import Peer
from wallet.wire.server import SERVER_LIMITS, Server, serve

SWEEP = 0.25  # seconds between two looks at who is present
MAX_CONNECTIONS = 512

_log = logging.getLogger("wallet.broker")


class SystemClock:
    """The computer's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class Broker:
    """One broker: ``start``, serve until ``stop``. ``chain`` is its eyes and hands on chain."""

    def __init__(
        self, config: BrokerConfig, chain: ChainWatch, clock: Clock | None = None, limits: Limits = SERVER_LIMITS
    ) -> None:
        check_config(config)
        self.config = config
        self.chain = chain
        self.clock = clock or SystemClock()
        self.identity = Identity(config.domain, config.signer, frozenset())
        self._limits = limits
        self._lines: dict[bytes, Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: Server | None = None
        self._lock: FolderLock | None = None
        self._loaded = False
        self.stopped = asyncio.Event()

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load what is on disk, watch the chain, listen. Raises WalletError."""
        config = self.config
        config.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FolderLock(config.folder)
        try:
            self._load()
            await self.chain.start(self.keeper.changed)
            await self.chain.refresh(list(self.floor.channels))
            self.identity = self._identify(config.port)  # who knows the port may come at once
            self._server = await serve(
                config.host,
                config.port,
                self._greet,
                limits=self._limits,
                max_connections=MAX_CONNECTIONS,
                tls=_tls(config),
            )
        except BaseException:
            await self.stop()
            raise
        self.identity = self._identify(self.port)
        self._spawn(every(1 / max(config.policy.frames_per_second, 1), self._frame))
        self._spawn(every(SWEEP, self._sweep))
        self._spawn(every(1, self._chore))

    def _load(self) -> None:
        config = self.config
        self.ledger = Ledger(config.folder / "broker.db", asyncio.get_running_loop().call_soon)
        self._loaded = True
        self.ledger.on_failure = self._halt
        self.floor = Floor(config.markets, self.ledger, self.clock)
        self.issuer = Issuer(config.domain, config.signer, self.ledger, self.floor, self.clock)
        self.issuer.issued = self.awake
        self.intake = Intake(config.domain, config.policy, self.ledger, self.floor, self.issuer, self.clock)
        self.receiver = Receiver(self.ledger, self.floor, self.issuer, self.intake, self.clock)
        self.offers = Offers(config, self.floor, self.clock)
        self.keeper = Keeper(config, self.chain, self.ledger, self.floor, self.issuer, self.clock, self._spawn)
        self.flags = Flags(self.ledger, self.floor, self.issuer, self.receiver, self.keeper, self._dismiss)
        self.feed = Feed(
            config.markets, config.tokens, self.floor.books, self.ledger, self.clock.now, config.policy.depth
        )
        self.floor.moved, self.floor.traded = self.feed.moved, self.feed.traded
        for channel in load(self.ledger):
            self.floor.channels[channel.id] = channel
            self.chain.watch(channel.id)

    async def stop(self) -> None:
        """Close all connections, commit, close the file. What is under way goes on at the next start."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.close()
        for line in self._lines.values():
            line.stop()
        await self.chain.stop()
        if self._loaded:
            self.ledger.close()
        lock.release()
        self.stopped.set()

    def _halt(self) -> None:
        """The disk or the program failed: nothing more is signed or answered."""
        self.ledger.failed = True
        if self._server is not None:
            for peer in list(self._server.peers):
                peer.abort()
        self.stopped.set()

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.port

    def profile(self) -> dict[str, Any]:
        """What a trader needs to know to trade here: the broker profile."""
        config, policy = self.config, self.config.policy
        return {
            "format": "trading-channels/broker",
            "version": 1,
            "name": config.name,
            "url": config.url or f"{'wss' if config.tls else 'ws'}://{config.host}:{self.port}",
            "broker": codec.show_hex(config.owner),
            "brokerSigner": codec.show_hex(config.signer.address),
            "chainId": config.domain.chain_id,
            "rpc": list(config.rpc),
            "adjudicator": codec.show_hex(config.domain.contract),
            "tokens": [
                {"address": codec.show_hex(token.address), "symbol": token.symbol, "decimals": token.decimals}
                for token in config.tokens
            ],
            "offer": {
                **{key: getattr(policy, name) for key, name in codec.RULES.items()},
                "initiative": codec.show_enum(policy.initiative),
                "markets": codec.show_markets(tuple(market.rules for market in config.markets)),
            },
            "test": config.test,
            "simulated": config.simulated,
        }

    def _identify(self, port: int) -> Identity:
        """Its own host:port names, and those that the configuration adds."""
        config = self.config
        names = {config.host, *(("localhost", "127.0.0.1") if is_loopback(config.host) else ())}
        hosts = frozenset((*(f"{name}:{port}" for name in names), *config.names))
        return Identity(config.domain, config.signer, hosts)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """A task that died is an alarm, not silence: who matches without looking who is present must stop."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("a task of the broker failed", exc_info=error)
            self._halt()

    # --- connections ---------------------------------------------------------------------------------------------

    def _greet(self, peer: Peer) -> None:
        Desk(self, peer)
        peer.at_end(lambda: self._gone(peer))

    def _gone(self, peer: Peer) -> None:
        self.feed.drop(peer)
        for channel_id, line in list(self._lines.items()):
            if line.peer is peer:
                del self._lines[channel_id]
                line.stop()
                self._absent(line.channel)

    def _absent(self, channel: Channel) -> None:
        channel.connected, channel.beat_at, channel.beat_time = False, None, 0
        self.intake.release(channel)
        self.floor.leave(channel)

    def channels_of(self, account: bytes) -> Sequence[bytes]:
        """The live channels in which an account may speak."""
        return [
            channel.id
            for channel in self.floor.channels.values()
            if account in (channel.terms.trader, channel.terms.trader_signer)
        ]

    def past(self, channel_id: bytes) -> Channel | None:
        """A channel that is over: its trader may still ask where it stood, so that he finds out that it is."""
        record = self.ledger.journal.channel(channel_id)
        if record is None or record.role is not Role.BROKER:
            return None
        attached = self._lines.get(channel_id)
        return attached.channel if attached else load_channel(self.ledger, record)

    def is_attached(self, channel: Channel, peer: Peer) -> bool:
        line = self._lines.get(channel.id)
        return line is not None and line.peer is peer

    def attach(self, channel: Channel, peer: Peer, *, caught_up: bool = True, unheard: Entry | None = None) -> None:
        """From now on this connection is the channel's; an older one is the trader's past.

        ``caught_up``: whether the trader has the last validated state; ``unheard``: a void to countersign once more.
        """
        old = self._lines.pop(channel.id, None)
        if old is not None:
            old.stop()
            self._absent(channel)
        if peer.closed:
            return
        channel.connected, channel.caught_up, channel.stuck = True, caught_up, ""
        if channel.pending is None and channel.needs_turn_at is None:
            channel.late = False  # nothing is owed: what was declined before the break is over with it
        channel.told = False
        line = Line(
            channel,
            peer,
            self.issuer,
            self.ledger,
            self.config.domain,
            self.config.signer,
            self.clock.monotonic,
            self._late,
            unheard,
        )
        self._lines[channel.id] = line
        line.start()
        with self.ledger.turn():
            self.issuer.touch(channel)

    def awake(self, channel: Channel) -> None:
        line = self._lines.get(channel.id)
        if line is not None:
            line.wake()

    def _late(self, channel: Channel) -> None:
        """No answer within T: the trader's orders leave the books until he has answered and is present."""
        channel.late = True
        self.floor.leave(channel)

    def _dismiss(self, channel: Channel) -> None:
        """Its trader comes again, and both say anew where they stand."""
        line = self._lines.get(channel.id)
        if line is not None:
            self._spawn(line.peer.close(1012, "come again"))

    # --- setup ---------------------------------------------------------------------------------------------------

    def open_channel(self, terms: Terms, signature: bytes, free: Mapping[bytes, int]) -> Channel:
        """Signs the setup of terms that were offered. Raises WalletError."""
        channel_id = self.config.domain.digest(terms).digest
        known = self.floor.channels.get(channel_id)
        if known is not None:
            return known
        self.offers.accept(terms, signature, free)
        if terms.initiative is Initiative.COOPERATIVE:
            raise refused("SETUP_INITIATIVE")
        channel = self._fresh(terms, channel_id)
        with self.ledger.turn():
            self._add(channel)
            self.issuer.propose_setup(channel)
        return channel

    def agree(self, terms: Terms, setup: Propose, free: Mapping[bytes, int]) -> Channel:
        """Signs the setup that a trader proposes, of terms that were offered. Raises WalletError."""
        known = self.floor.channels.get(setup.channel)
        if known is not None:
            return known
        self.offers.check(terms, free)
        channel = self._fresh(terms, setup.channel)
        self.receiver.check_setup(channel, setup.state, setup.signature)
        with self.ledger.turn():
            self._add(channel)
            self.receiver.agree(channel, setup.state, setup.signature)
        return channel

    def _fresh(self, terms: Terms, channel_id: bytes) -> Channel:
        if self.ledger.journal.channel(channel_id) is not None:
            raise refused("SETUP_UNKNOWN_OFFER")
        return Channel(channel_id, terms, Phase.PROPOSED)

    def _add(self, channel: Channel) -> None:
        domain, now = self.config.domain, int(self.clock.now())
        record = ChannelRecord(
            channel.id, Role.BROKER, domain.chain_id, domain.contract, channel.terms, Phase.PROPOSED.value, now
        )
        self.ledger.journal.add_channel(record)
        self.floor.channels[channel.id] = channel
        self.chain.watch(channel.id)

    # --- time ----------------------------------------------------------------------------------------------------

    async def _frame(self) -> None:
        self.feed.frame()

    async def _sweep(self) -> None:
        """Whoever is no longer present leaves the books before anyone is matched with him."""
        now = self.clock.monotonic()
        for channel in list(self.floor.channels.values()):
            if channel.intents and not channel.is_present(now):
                self.floor.leave(channel)
            if channel.is_cooperative:
                self._look_at_turn(channel, now)

    def _look_at_turn(self, channel: Channel, now: float) -> None:
        """The turn that is to be asked for, or was in vain; the yield that had to wait for its interval."""
        if channel.withholds_turn(now) and not channel.late:
            _log.warning("channel 0x%s: the turn was not yielded", channel.id.hex())
            self._late(channel)
        elif channel.is_to_ask(now):
            self.awake(channel)
        elif channel.connected and not isinstance(
            next_step(channel, present=channel.is_present(now), now=now), Ask | None
        ):
            with self.ledger.turn():
                self.issuer.touch(channel)

    async def _chore(self) -> None:
        self.feed.beat()
        with self.ledger.turn():
            self.floor.expire()
        await self.keeper.chores()


def _tls(config: BrokerConfig) -> ssl.SSLContext | None:
    if config.tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = config.tls
    context.load_cert_chain(certificate, key)
    return context
