"""Who trades in the sandbox, and that they go on doing so without filling the disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random

from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.sandbox.boot import Sandbox
from wallet.sandbox.plan import ETH, MAKERS, USDT, WBTC
from wallet.sandbox.quotes import Share
from wallet.sandbox.strategies import Maker, Taker
from wallet.sandbox.trader import Strategy, Trader
from wallet.sandbox.upkeep import trim_broker

UPKEEP_EVERY = 60.0
RESTART_AFTER = 5.0
AFTER_AT_MOST = 3.0

log = logging.getLogger(__name__)


@asynccontextmanager
async def populate(box: Sandbox) -> AsyncIterator[None]:
    """Makers in every market and one taker in all, for as long as the context lasts."""
    traders = list(_traders(box))
    tasks = [asyncio.create_task(_supervise(*pair)) for pair in zip(traders, [None, *traders], strict=False)]
    tasks.append(asyncio.create_task(_keep_up(box, traders)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for trader in traders:
            trader.close()


def _traders(box: Sandbox) -> Iterator[Trader]:
    for number in range(MAKERS):
        for plan in box.plans:
            name = f"maker-{plan.symbol.replace('/', '-').lower()}-{number + 1}.db"
            maker = Maker(plan, Share(number, MAKERS), _chance())
            yield _trader(box, name, dict(plan.inventory), maker)
    tokens = box.chain.tokens
    purse = {NATIVE: 300 * ETH, tokens["USDT"].address: 2_000_000 * USDT, tokens["WBTC"].address: 20 * WBTC}
    yield _trader(box, "taker.db", purse, Taker(box.plans, _chance()))


def _trader(box: Sandbox, name: str, allocations: dict[bytes, int], strategy: Strategy) -> Trader:
    return Trader(box.folder.traders / name, box.profile, allocations, strategy, box.give)


def _chance() -> Random:
    return Random(secrets.randbits(64))  # noqa: S311 - made-up trades need no secrecy


async def _supervise(trader: Trader, before: Trader | None) -> None:
    """One that fails for a reason nobody thought of starts again: a demo without a market is none.

    They come one after the other, so that the first order book is there before the last channel is open.
    """
    if before is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AFTER_AT_MOST):
                await before.trading.wait()
    while True:
        try:
            await trader.run()
        except Exception:
            log.exception("%s failed", trader.name)
            await asyncio.sleep(RESTART_AFTER)


async def _keep_up(box: Sandbox, traders: list[Trader]) -> None:
    while True:
        await asyncio.sleep(UPKEEP_EVERY)
        try:
            for trader in traders:
                trader.forget_past_channels()
            trim_broker(box.broker, {trader.address for trader in traders})
        except WalletError as error:
            log.error("upkeep: %s", error)
