"""The broker on a real chain: collateral, mandate, openings, disputes, closes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.broker import kit
from tests.broker.kit import BROKER_OWNER, BROKER_SIGNER, ONE, PRICE, Trader, make_config, url_of
from tests.support.game import ETH, ETH_USDT
from wallet.broker.chain_duty import AdjudicatorWatch, OutgoingLog
from wallet.broker.channel import Phase
from wallet.broker.config import MarketConfig, Token
from wallet.broker.server import Broker
from wallet.chain.calls import Validation
from wallet.chain.client import Adjudicator, Status
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Sender
from wallet.protocol.state import Side, State
from wallet.resources import resource
from wallet.sandbox.devnet.node import Devnet


@dataclass
class Stage:
    node: Devnet
    adjudicator: Adjudicator
    broker: Broker
    usdt: bytes
    log: OutgoingLog

    def sender(self, key: kit.Key) -> Sender:
        return Sender(self.adjudicator.rpc, self.node.chain_id, KeySigner(key.key.secret), self.log)

    async def trader(self) -> Trader:
        """One with a channel that is open on chain by his own transaction."""
        trader = Trader(url_of(self.broker))
        await self.node.fund(trader.owner.address, native=20 * ONE, usdt=50_000 * 10**6)
        await trader.connect()
        await trader.setup(await trader.offer([(ETH, 2 * ONE), (self.usdt, 10_000 * 10**6)]))
        assert trader.terms is not None
        assert trader.last is not None
        typed = self.adjudicator.domain.digest(trader.last)
        await self.adjudicator.open(
            self.sender(trader.owner),
            trader.terms,
            trader.last.time,
            trader.owner.sign(typed),
            trader.proposals[0].signature,
        )
        await trader.until(lambda: self.broker.floor.channels[trader.channel].phase is Phase.OPEN)
        await trader.beat()
        trader.start_beating()
        return trader


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    node = await Devnet.start(folder / "chain", allow_time_travel=True)
    try:
        address = await node.deploy(json.loads(resource("contracts/adjudicator-1.json").read_text(encoding="utf-8")))
        usdt = node.tokens["USDT"].address
        await node.fund(BROKER_OWNER.address, native=2_000 * ONE, usdt=1_000_000 * 10**6)
        log = OutgoingLog(folder / "outgoing.db")
        async with Rpc(node.url) as rpc:
            adjudicator = Adjudicator(rpc, node.chain_id, address)
            broker = make_broker(folder, adjudicator, usdt, log)
            await broker.start()
            try:
                yield Stage(node, adjudicator, broker, usdt, log)
            finally:
                await broker.stop()
                log.close()
    finally:
        await node.stop()


def make_broker(folder: Path, adjudicator: Adjudicator, usdt: bytes, log: OutgoingLog) -> Broker:
    kit.DOMAIN = adjudicator.domain
    market = MarketConfig(ETH_USDT._replace(quote=usdt), 500, 1_000, PRICE)
    config = replace(
        make_config(folder / "broker", challenge_period=60),
        domain=adjudicator.domain,
        tokens=(Token(ETH, "ETH", 18), Token(usdt, "USDT", 6)),
        markets=(market,),
    )
    sender = Sender(adjudicator.rpc, adjudicator.chain_id, KeySigner(BROKER_OWNER.key.secret), log)
    stock = {ETH: 500 * ONE, usdt: 500_000 * 10**6}
    watch = AdjudicatorWatch(adjudicator, sender, BROKER_SIGNER.address, confirmations=1, stock=stock, poll=0.05)
    return Broker(config, watch)


def run(folder: Path, body: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        before = kit.DOMAIN
        try:
            async with stage(folder) as found:
                await body(found)
        finally:
            kit.DOMAIN = before

    asyncio.run(whole())


def test_from_collateral_to_a_closed_channel(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        adjudicator, usdt = stage.adjudicator, stage.usdt
        assert await adjudicator.free_balance(BROKER_OWNER.address, usdt) == 500_000 * 10**6
        mandate = await adjudicator.authorization(BROKER_OWNER.address, BROKER_SIGNER.address, usdt)
        assert (mandate.cap, mandate.used) == (500_000 * 10**6, 0)
        assert mandate.until > time.time() + 86_400
        anna, ben = await stage.trader(), await stage.trader()
        market = ETH_USDT._replace(quote=usdt)
        await anna.order(Side.SELL, PRICE, ONE, market=market)
        await ben.order(Side.BUY, PRICE, ONE, market=market)
        await anna.until(anna.fills)
        await ben.until(ben.fills)
        assert not anna.flags + ben.flags
        await anna.finalize()
        await anna.until(lambda: stage.broker.floor.channels[anna.channel].phase is Phase.FINAL)
        assert anna.terms is not None
        assert anna.last is not None
        final = anna.proposals[-1]
        typed = adjudicator.domain.digest(final.state)
        await adjudicator.close(
            stage.sender(anna.owner), anna.terms, final.state, anna.session.sign(typed), final.signature
        )
        await anna.until(lambda: anna.channel not in stage.broker.floor.channels)
        earned = await adjudicator.credit(anna.owner.address, usdt)
        assert earned == 12_000 * 10**6 - 2_000 * 10**6 * 500 // 10**6
        await anna.disconnect()
        await ben.disconnect()

    run(tmp_path, body)


def test_a_challenge_with_an_old_state_is_answered_and_settled(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        adjudicator = stage.adjudicator
        market = ETH_USDT._replace(quote=stage.usdt)
        anna, ben = await stage.trader(), await stage.trader()
        await anna.order(Side.SELL, PRICE, ONE, market=market)
        await ben.order(Side.BUY, PRICE, ONE, market=market)
        await anna.until(anna.fills)
        await anna.until(lambda: stage.broker.floor.channels[anna.channel].pending is None)
        assert anna.terms is not None
        assert anna.last is not None
        old: State = anna.states[1]
        typed = adjudicator.domain.digest(old)
        proof = Validation(anna.session.sign(typed), anna.proposals[1].signature)
        await adjudicator.challenge(stage.sender(anna.owner), anna.terms, old, proof)
        watched = stage.broker.chain._watched  # type: ignore[attr-defined]
        await anna.until(lambda: watched[anna.channel].increment == anna.last.increment)  # type: ignore[union-attr]
        assert (await adjudicator.channel(anna.channel)).increment == anna.last.increment
        assert stage.broker.floor.channels[anna.channel].phase is Phase.DISPUTED
        assert (await adjudicator.channel(anna.channel)).status is Status.DISPUTED
        await ben.disconnect()
        await anna.disconnect()

    run(tmp_path, body)


def test_it_knows_its_channels_again_after_a_restart(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        anna = await stage.trader()
        anna.stop_beating()
        old = stage.broker
        await old.stop()
        stage.broker = make_broker(tmp_path, stage.adjudicator, stage.usdt, stage.log)
        await stage.broker.start()
        anna.url = url_of(stage.broker)
        await anna.reconnect()
        order = await anna.order(Side.SELL, PRICE, ONE, market=ETH_USDT._replace(quote=stage.usdt))
        await anna.until(lambda: anna.has_open(order))
        await anna.disconnect()
        await stage.broker.stop()
        stage.broker = old

    run(tmp_path, body)
