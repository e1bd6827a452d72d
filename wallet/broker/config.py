"""What a broker is told when it starts: where it listens, whom it speaks for, what it trades and how much it risks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wallet.protocol import codec
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import Asset, Initiative, Market, Terms, check_terms
from wallet.protocol.typed import TypedDigest
from wallet.wire.hosts import is_loopback


class Signer(Protocol):
    """A key that signs the protocol's structs: the broker's signer."""

    @property
    def address(self) -> bytes: ...

    def sign(self, typed: TypedDigest) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Token:
    """How an asset is written. The asset *is* its address; decimals are those the chain says."""

    address: bytes
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """One market: its rules, the fees in practice (parts per million) and the price to start from.

    ``reference_price`` values collateral until the market has a price of its own.
    """

    rules: Market
    maker_fee: int
    taker_fee: int
    reference_price: int

    @property
    def pair(self) -> tuple[bytes, bytes]:
        return self.rules.base, self.rules.quote


@dataclass(frozen=True, slots=True)
class Policy:
    """The terms this broker offers, and its limits. Times in seconds, ratios in per cent."""

    challenge_period: int = 3_600
    initiative: Initiative = Initiative.BROKER
    max_fee: int = 2_000
    heartbeat: int = 5
    answer_time: int = 10
    skew: int = 120
    yield_interval: int = 0
    max_open_orders: int = 20
    max_fills: int = 20
    open_window: int = 900  # how long after the offer the channel may be opened
    confirmations: int = 3
    # collateral of an asset: what everything else allocated is worth in it, and a share of its own allocation
    collateral_of_others: int = 150
    collateral_of_own: int = 50
    minimum_collateral: tuple[tuple[bytes, int], ...] = ()  # (asset, base units), whatever is allocated
    # the most that is put up as collateral in live channels, (asset, base units): of one owner's, and of all
    collateral_per_owner: tuple[tuple[bytes, int], ...] = ()
    collateral_in_all: tuple[tuple[bytes, int], ...] = ()
    # limits
    channels: int = 1_000
    channels_per_owner: int = 16
    unopened_per_owner: int = 4
    unopened: int = 200  # of all owners together
    max_expiry: int = 30 * 86_400
    close_after: int = 600  # a final channel that its trader has not closed is closed by the broker
    refused_fills: int = 5  # after so many refused trades a channel opens no more orders
    unknown_cancels: int = 1_000  # per channel
    # market data
    frames_per_second: int = 20
    depth: int = 200


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """Everything a :class:`wallet.broker.server.Broker` needs to run, but its chain."""

    folder: Path
    name: str
    domain: Domain
    owner: bytes
    signer: Signer
    tokens: tuple[Token, ...]
    markets: tuple[MarketConfig, ...]
    policy: Policy = Policy()
    rpc: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    url: str = ""  # under which traders dial it; else that of host and port
    tls: tuple[Path, Path] | None = None  # certificate and key; needed for any host but this computer's own
    plain: bool = False  # no TLS here, on another host: only behind a proxy that does it
    names: tuple[str, ...] = ()  # host:port names under which clients dial it, beside its own
    test: bool = False
    simulated: bool = False


def check_config(config: BrokerConfig) -> None:
    """Refuse a configuration whose terms no trader could sign. Raises WalletError."""
    policy, markets = config.policy, config.markets
    if config.tls is None and not config.plain and not is_loopback(config.host):
        raise WalletError("BROKER_CONFIG", field="tls", got=config.host)
    known = {token.address for token in config.tokens}
    for market in markets:
        if not set(market.pair) <= known:
            raise WalletError("BROKER_CONFIG", field="tokens", got=market.rules.base)
        if max(market.maker_fee, market.taker_fee) > policy.max_fee or min(market.maker_fee, market.taker_fee) < 0:
            raise WalletError("BROKER_CONFIG", field="fees", got=max(market.maker_fee, market.taker_fee))
        if market.reference_price <= 0:
            raise WalletError("BROKER_CONFIG", field="reference_price", got=market.reference_price)
    assets = sorted({asset for market in markets for asset in market.pair})
    check_terms(
        Terms(
            trader=b"\1" * 20,
            trader_signer=b"\2" * 20,
            broker=config.owner,
            broker_signer=config.signer.address,
            nonce=0,
            open_before=1,
            **{name: getattr(policy, name) for name in codec.RULES.values()},
            initiative=policy.initiative,
            assets=tuple(Asset(asset, 0, 0) for asset in assets),
            markets=tuple(market.rules for market in markets),
        )
    )
