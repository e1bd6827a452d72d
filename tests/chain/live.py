"""A real node in the process, with the adjudicator on it: what the client's tests talk to over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chain.evm import Actor
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, Session, make_terms
from wallet.chain.client import Adjudicator
from wallet.chain.rpc import Rpc
from wallet.chain.tx import FeePolicy, KeySigner, Outgoing, Sender
from wallet.protocol.terms import NATIVE, Asset
from wallet.resources import resource
from wallet.sandbox.devnet.node import Devnet

ETHER = 10**18
USDT = 10**6


@dataclass
class Live:
    """A running chain, its adjudicator, and a record of every transaction that was about to be sent."""

    node: Devnet
    rpc: Rpc
    adjudicator: Adjudicator
    usdt: bytes
    stored: list[Outgoing] = field(default_factory=list)

    def sender(self, who: Actor, policy: FeePolicy | None = None) -> Sender:
        return Sender(self.rpc, self.node.chain_id, KeySigner(who.key.secret), self.stored.append, policy)

    async def now(self) -> int:
        block = await self.rpc.block()
        assert block is not None
        return block.time

    async def travel(self, seconds: int) -> None:
        await self.rpc.request("evm_increaseTime", seconds)
        await self.rpc.request("evm_mine")

    async def stock_broker(self) -> None:
        sender = self.sender(BROKER)
        for asset, amount in ((NATIVE, ETHER), (self.usdt, 5_000 * USDT)):
            await self.adjudicator.deposit(sender, asset, amount)
            await self.adjudicator.authorize(sender, BROKER_SIGNER.address, asset, amount, await self.now() + 10**6)

    async def session(self, nonce: int = 1) -> Session:
        now = await self.now()
        assets = tuple(
            Asset(asset, amount, amount)
            for asset, amount in sorted({NATIVE: ETHER // 10, self.usdt: 1_000 * USDT}.items())
        )
        return Session(self.adjudicator.domain, make_terms(assets, now, nonce), now)


@asynccontextmanager
async def live(folder: Path) -> AsyncIterator[Live]:
    node = await Devnet.start(folder, allow_time_travel=True)
    try:
        artifact = json.loads(resource("contracts/adjudicator-1.json").read_text(encoding="utf-8"))
        address = await node.deploy(artifact)
        for who in (TRADER, BROKER, STRANGER):
            await node.fund(who.address, native=10 * ETHER, usdt=50_000 * USDT)
        async with Rpc(node.url) as rpc:
            yield Live(node, rpc, Adjudicator(rpc, node.chain_id, address), node.tokens["USDT"].address)
    finally:
        await node.stop()


def run(folder: Path, body: Callable[[Live], Awaitable[None]]) -> None:
    """Runs ``body`` against a fresh chain."""

    async def whole() -> None:
        async with live(folder) as found:
            await body(found)

    asyncio.run(whole())
