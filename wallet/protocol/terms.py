"""The terms of a channel: everything that decides what is valid in it, fixed at setup.

Source: seed "Balances", design §1. Addresses are 20 bytes, amounts base units, times seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from wallet.protocol.amounts import MAX_AMOUNT, PPM
from wallet.protocol.errors import WalletError

ZERO_ADDRESS = bytes(20)
NATIVE = ZERO_ADDRESS  # the chain's own currency, as an asset
MAX_ASSETS = 16
MAX_MARKETS = 64
MIN_CHALLENGE_PERIOD = 60
MAX_CHALLENGE_PERIOD = 30 * 86_400
MAX_OPEN_WINDOW = 3_600


class Role(IntEnum):
    """Who signs. The numbers are those of the EIP-712 fields ``turn`` and ``role``."""

    BROKER = 0
    TRADER = 1

    @property
    def other(self) -> Role:
        return Role(1 - self)


class Initiative(IntEnum):
    """Which of the seed's two flows a channel follows."""

    BROKER = 0
    COOPERATIVE = 1


class Asset(NamedTuple):
    """One asset of a channel: what the trader puts in, and the most the broker may come to owe him."""

    asset: bytes
    allocation: int
    collateral: int


class Market(NamedTuple):
    """One market. A price is quote base units per ``unit`` base units of base; ``tick * lot`` is a multiple of it."""

    base: bytes
    quote: bytes
    unit: int
    tick_size: int
    lot_size: int
    min_notional: int
    max_unacked: int

    def notional(self, price: int, amount: int) -> int:
        """Quote base units that ``amount`` of base is worth at ``price``: exact for whole ticks and lots."""
        return price * amount // self.unit


@dataclass(frozen=True, slots=True)
class Terms:
    """What both parties agree on before anything else. Its EIP-712 digest is the channel's id."""

    trader: bytes
    trader_signer: bytes
    broker: bytes
    broker_signer: bytes
    nonce: int
    open_before: int
    challenge_period: int
    initiative: Initiative
    max_fee: int
    heartbeat: int
    answer_time: int
    skew: int
    yield_interval: int
    max_open_orders: int
    max_fills: int
    assets: tuple[Asset, ...]
    markets: tuple[Market, ...]

    def market(self, base: bytes, quote: bytes) -> Market | None:
        for market in self.markets:
            if market.base == base and market.quote == quote:
                return market
        return None

    def signers(self, role: Role) -> tuple[bytes, bytes]:
        """The owner and the signer whose signatures count for ``role``."""
        return (self.broker, self.broker_signer) if role is Role.BROKER else (self.trader, self.trader_signer)


# field, lowest, highest: the absolute limits of the specification.
_RANGES = (
    ("nonce", 0, MAX_AMOUNT),
    ("open_before", 1, 2**63 - 1),
    ("challenge_period", MIN_CHALLENGE_PERIOD, MAX_CHALLENGE_PERIOD),
    ("max_fee", 0, PPM),
    ("heartbeat", 1, 3_600),
    ("answer_time", 1, 3_600),
    ("skew", 1, 3_600),
    ("yield_interval", 0, 3_600),
    ("max_open_orders", 1, 200),
    ("max_fills", 1, 100),
)
_RANGE_CODES = {"challenge_period": "SET-PERIOD", "max_fee": "SET-FEE"}


def check_terms(terms: Terms) -> None:
    """Refuse terms that no channel may have, whoever proposes them.

    Raises WalletError with a code of the section "Setup" of the flag catalogue.
    """
    for code, field, got in _problems(terms):
        raise WalletError(code, field=field, got=got)


def _problems(terms: Terms) -> Iterator[tuple[str, str, object]]:
    for field, low, high in _RANGES:
        value = getattr(terms, field)
        if not low <= value <= high:
            yield _RANGE_CODES.get(field, "SET-TERMS"), field, value
    parties = (terms.trader, terms.trader_signer, terms.broker, terms.broker_signer)
    if ZERO_ADDRESS in parties or len(set(parties)) != len(parties):
        yield "SET-PARTIES", "parties", "zero or repeated address"
    yield from _asset_problems(terms)
    yield from _market_problems(terms)


def _asset_problems(terms: Terms) -> Iterator[tuple[str, str, object]]:
    if not 1 <= len(terms.assets) <= MAX_ASSETS:
        yield "SET-FUNDING", "assets", len(terms.assets)
    for before, after in zip(terms.assets, terms.assets[1:], strict=False):
        if before.asset >= after.asset:
            yield "AST-ORDER", "assets", after.asset.hex()
    for row in terms.assets:
        # allocation + to_trader must fit a uint256 whatever happens in the session
        if not (0 <= row.allocation and 0 <= row.collateral and row.allocation + row.collateral <= MAX_AMOUNT):
            yield "BAL-OVERFLOW", "assets", row.asset.hex()


def _market_problems(terms: Terms) -> Iterator[tuple[str, str, object]]:
    if not 1 <= len(terms.markets) <= MAX_MARKETS:
        yield "SET-MARKET", "markets", len(terms.markets)
    known = {row.asset for row in terms.assets}
    pairs = [frozenset((market.base, market.quote)) for market in terms.markets]
    for market, pair in zip(terms.markets, pairs, strict=True):
        if len(pair) != 2 or not pair <= known or pairs.count(pair) != 1:
            yield "SET-MARKET", "markets", market.base.hex()
        if not is_unit(market.unit) or market.tick_size <= 0 or market.lot_size <= 0:
            yield "SET-TICK-LOT", "markets", market.base.hex()
        elif market.tick_size * market.lot_size % market.unit or market.tick_size * market.lot_size > MAX_AMOUNT:
            yield "SET-TICK-LOT", "markets", market.base.hex()
        if not (0 <= market.min_notional <= MAX_AMOUNT and 0 < market.max_unacked <= MAX_AMOUNT):
            yield "SET-MARKET", "markets", market.base.hex()


def is_unit(value: int) -> bool:
    """Whether ``value`` is 10^k for 0 ≤ k ≤ 36."""
    return 1 <= value <= 10**36 and str(value) == "1" + "0" * (len(str(value)) - 1)
