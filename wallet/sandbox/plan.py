"""What the sandbox offers: its markets, its broker's terms, and how its market makers quote."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.broker.config import MarketConfig, Policy
from wallet.protocol.terms import NATIVE, Market
from wallet.sandbox.prices import PricePath
from wallet.sandbox.quotes import Style

NAME = "Demo market (simulated prices)"
MAKER_FEE, TAKER_FEE, FEE_CEILING = 500, 1_000, 2_000  # parts per million: 0.05 %, 0.1 %, 0.2 %
LEVELS = 9  # per side and maker
MAKERS = 2  # per market

ETH, USDT, WBTC = 10**18, 10**6, 10**8  # base units of one

# A challenge is over while one still watches; nothing else about it differs from a real one.
POLICY = Policy(
    challenge_period=120,
    max_fee=FEE_CEILING,
    heartbeat=5,
    answer_time=10,
    max_open_orders=2 * LEVELS + 6,
    confirmations=1,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One market: its rules and fees, what its price does, how it is quoted."""

    symbol: str
    config: MarketConfig
    path: PricePath
    style: Style
    inventory: tuple[tuple[bytes, int], ...]  # what a maker of it brings to a channel: asset, base units


def plans(usdt: bytes, wbtc: bytes, seed: bytes) -> tuple[Plan, ...]:
    """Both markets, given the tokens' addresses and the seed of the prices."""
    eth_rules = Market(NATIVE, usdt, ETH, USDT // 100, ETH // 1_000, 5 * USDT, 1_000_000 * USDT)
    wbtc_rules = Market(wbtc, usdt, WBTC, USDT // 10, WBTC // 100_000, 5 * USDT, 1_000_000 * USDT)
    return (
        Plan(
            "ETH/USDT",
            MarketConfig(eth_rules, MAKER_FEE, TAKER_FEE, 3_000 * USDT),
            PricePath(seed + b"ETH", 3_000 * USDT),
            Style(eth_rules, cell=USDT * 2 // 5, half_spread=USDT // 10, levels=LEVELS, typical=ETH * 3 // 5),
            ((NATIVE, 500 * ETH), (usdt, 1_500_000 * USDT)),
        ),
        Plan(
            "WBTC/USDT",
            MarketConfig(wbtc_rules, MAKER_FEE, TAKER_FEE, 60_000 * USDT),
            PricePath(seed + b"WBTC", 60_000 * USDT),
            Style(wbtc_rules, cell=8 * USDT, half_spread=2 * USDT, levels=LEVELS, typical=WBTC * 3 // 100),
            ((usdt, 1_500_000 * USDT), (wbtc, 25 * WBTC)),
        ),
    )
