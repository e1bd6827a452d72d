"""The real driver and the real broker in one process, on a real socket, with the recorder between them.

The chain is the one in memory: what is looked at is what passes between the two.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.broker.kit import ETH, ONE, USDT, Key, MemoryChain, make_config
from tests.end_to_end.recorder import Recorder
from wallet.broker.chain_watch import ChainView, Standing
from wallet.broker.server import Broker
from wallet.history.journal import ChannelRecord, Journal
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.protocol.terms import Initiative, Role
from wallet.session import broker_profile
from wallet.session.channel import TraderChannel
from wallet.session.link import BrokerLink
from wallet.session.phases import Event, Phase

PAIR = ETH, USDT
ALLOCATIONS = [(ETH, 10 * ONE), (USDT, 50_000 * 10**6)]


class Keys:
    """The session keys of one installation."""

    def __init__(self) -> None:
        self._keys: dict[bytes, Key] = {}

    def new(self) -> Key:
        key = Key()
        self._keys[key.address] = key
        return key

    def signer(self, address: bytes) -> Key:
        return self._keys[address]


@dataclass
class Wallet:
    """One installation: what is on its disk, its keys, and the driver while it runs."""

    folder: Path
    broker: Broker
    chain: MemoryChain
    host: str
    owner: Key
    keys: Keys
    link: BrokerLink
    task: asyncio.Task[None]

    @property
    def channel(self) -> TraderChannel:
        return next(reversed(self.link.channels.values()))

    async def open(self) -> TraderChannel:
        """Set up, and open on chain: both sides have seen it."""
        await self.link.online(5)
        session = self.keys.new()
        terms = await self.link.offer(self.owner.address, session, list(ALLOCATIONS))
        digest = self.link.profile.domain.digest(terms)
        domain = self.link.profile.domain
        now, phase = int(time.time()), Phase.REQUESTED.value
        record = ChannelRecord(digest.digest, Role.TRADER, domain.chain_id, domain.contract, terms, phase, now)
        channel = await self.link.setup(record, self.owner)
        self.link.advance(channel, Event.AGREED)
        self.chain.tell(channel.id, ChainView(Standing.OPEN))
        self.link.advance(channel, Event.SEEN_OPEN)
        await self.link.heartbeat(channel)
        return channel

    async def place(
        self, side: Side, price: int, amount: int = ONE, tif: TimeInForce = TimeInForce.GOOD_TILL_TIME
    ) -> bytes:
        return await self.link.place(self.channel, PAIR, side, price, amount, tif, 3_600)

    def status(self, order: bytes) -> str:
        row = self.channel.requests.get(order)
        return row.status if row is not None else "dead"

    async def until(self, order: bytes, *statuses: str) -> None:
        assert await self.link.until(lambda: self.status(order) in statuses, 5), self.status(order)

    def kinds(self) -> list[str]:
        """The transitions of what is validated, in order."""
        return [entry.state.transition.name for entry in self.link.journal.after(self.channel.id, -1, 100_000)]

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.link.journal.close()


def start(folder: Path, broker: Broker, chain: MemoryChain, host: str, before: Wallet | None = None) -> Wallet:
    """A wallet at ``host``; ``before``: the same installation, ended."""
    folder.mkdir(exist_ok=True)
    profile = replace(broker_profile.parse(broker.profile()), url=f"ws://{host}")
    keys, owner = (before.keys, before.owner) if before else (Keys(), Key())
    link = BrokerLink(profile, Journal.open(folder / "history.db"), keys, lambda: None)
    return Wallet(folder, broker, chain, host, owner, keys, link, asyncio.create_task(link.run()))


@asynccontextmanager
async def brokering(
    folder: Path, recorder: Recorder, chain: MemoryChain, initiative: Initiative, **policy: object
) -> AsyncIterator[Broker]:
    """A broker that answers to the recorder's name."""
    config = make_config(folder, initiative=initiative, **policy)
    broker = Broker(replace(config, names=(recorder.host,), rpc=("http://127.0.0.1:1",)), chain)
    await broker.start()
    recorder.upstream = "127.0.0.1", broker.port
    try:
        yield broker
    finally:
        await broker.stop()
