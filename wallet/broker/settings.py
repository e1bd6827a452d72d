"""A broker's file: what he trades, on which chain, under which terms, and how much he risks. TOML, strictly read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from wallet.broker.config import BrokerConfig, MarketConfig, Policy, Signer, Token, check_config
from wallet.broker.tables import REQUIRED, Table, read_tables
from wallet.protocol.amounts import PPM
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import (
    MAX_ASSETS,
    MAX_CHALLENGE_PERIOD,
    MAX_MARKETS,
    MAX_OPEN_WINDOW,
    MIN_CHALLENGE_PERIOD,
    NATIVE,
    Initiative,
    Market,
)
from wallet.wire.hosts import is_loopback, read_url

MAX_DECIMALS: Final = 36
DAY: Final = 86_400
# [terms] and [limits]: lowest and highest value. The defaults are those of Policy.
_TERMS: Final = {
    "challenge_period": (MIN_CHALLENGE_PERIOD, MAX_CHALLENGE_PERIOD),
    "max_fee": (0, PPM),
    "heartbeat": (1, 3_600),
    "answer_time": (1, 3_600),
    "skew": (1, 3_600),
    "yield_interval": (0, 3_600),
    "max_open_orders": (1, 200),
    "max_fills": (1, 100),
    "open_window": (60, MAX_OPEN_WINDOW),
    "max_expiry": (60, 365 * DAY),
    "collateral_of_others": (0, 1_000),
    "collateral_of_own": (0, 1_000),
}
_LIMITS: Final = {
    "channels": (1, 100_000),
    "channels_per_owner": (1, 1_000),
    "unopened_per_owner": (1, 1_000),
    "unopened": (1, 100_000),
    "close_after": (60, 30 * DAY),
    "refused_fills": (1, 1_000),
}
_DEFAULTS: Final = {row.name: row.default for row in fields(Policy)}


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the key files are: the owner's account, the signer of states, and the account that pays for answers."""

    owner: Path
    signer: Path
    gas: Path


@dataclass(frozen=True, slots=True)
class Stock:
    """What is kept deposited of an asset, free for new channels, in base units."""

    token: Token
    wanted: int
    line: int


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file. ``nodes`` are the broker's own; ``public_nodes`` those he tells traders of."""

    path: Path
    folder: Path
    name: str
    keys: Keys
    chain_id: int
    nodes: tuple[str, ...]
    public_nodes: tuple[str, ...]
    contract: bytes
    host: str
    port: int
    url: str
    tls: tuple[Path, Path] | None
    plain: bool
    policy: Policy
    stock: tuple[Stock, ...]
    markets: tuple[MarketConfig, ...]
    test: bool
    lines: Mapping[str, int]

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, self.contract)

    def config(self, owner: bytes, signer: Signer) -> BrokerConfig:
        """What the broker is told. Raises WalletError("SETTINGS_TERMS") for terms that nobody could sign."""
        config = BrokerConfig(
            folder=self.folder,
            name=self.name,
            domain=self.domain,
            owner=owner,
            signer=signer,
            tokens=tuple(row.token for row in self.stock),
            markets=self.markets,
            policy=self.policy,
            rpc=self.public_nodes,
            host=self.host,
            port=self.port,
            url=self.url,
            tls=self.tls,
            plain=self.plain,
            names=(read_url(self.url).host,) if self.url else (),
            test=self.test,
        )
        try:
            check_config(config)
        except WalletError as error:
            name = str(error.params.get("field", ""))
            line = self.lines.get(f"terms.{name}") or self.lines.get(name) or 1
            got = error.params.get("got", error.code)
            raise WalletError(
                "SETTINGS_TERMS",
                path=str(self.path),
                line=line,
                field=name or error.code,
                got="0x" + got.hex() if isinstance(got, bytes) else got,
            ) from error
        return config


def read_settings(path: Path) -> Settings:
    """The broker's file at ``path``. Raises WalletError("SETTINGS_…", path, line, key, …); nothing is changed."""
    top = read_tables(path)
    name = top.text("name", "My broker", longest=80)
    folder = top.file("folder", "data", "data")
    keys = top.table("keys")
    listen, chain, terms = top.table("listen"), top.table("chain"), top.table("terms")
    found = Keys(keys.file("owner", "owner.key"), keys.file("signer", "signer.key"), keys.file("gas", "gas.key"))
    keys.done()
    nodes = _nodes(chain, "rpc")
    stock, minimum, own, whole = _assets(top.tables("assets"))
    markets = _markets(top.tables("markets"), {row.token.symbol: row.token for row in stock})
    policy = Policy(
        **_numbers(terms, _TERMS),
        **_numbers(limits := top.table("limits"), _LIMITS),
        initiative=Initiative[terms.choice("initiative", ("broker", "cooperative"), "broker").upper()],
        confirmations=chain.number("confirmations", 1, 1_000, 3),
        minimum_collateral=minimum,
        collateral_per_owner=own,
        collateral_in_all=whole,
    )
    terms.done()
    limits.done()
    host, port, url, tls, plain = _listening(listen)
    settings = Settings(
        path=path,
        folder=folder,
        name=name,
        keys=found,
        chain_id=chain.number("id", 1, 2**53 - 1),
        nodes=nodes,
        public_nodes=_nodes(chain, "public_rpc"),
        contract=chain.address("contract"),
        host=host,
        port=port,
        url=url,
        tls=tls,
        plain=plain,
        policy=policy,
        stock=stock,
        markets=markets,
        test=chain.flag("test", default=False),
        lines={
            "markets": top.line("markets[0]"),
            **{f"terms.{key}": terms.line(key) for key in (*_TERMS, "initiative")},
        },
    )
    chain.done()
    top.done()
    return settings


def _numbers(table: Table, known: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    return {key: table.number(key, low, high, int(str(_DEFAULTS[key]))) for key, (low, high) in known.items()}


def _nodes(chain: Table, key: str) -> tuple[str, ...]:
    urls = chain.texts(key, "https://node.example")
    for url in urls:
        try:
            parts = urlsplit(url)
            fits = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        except ValueError:  # brackets that hold no address
            fits = False
        if not fits:
            chain.refuse(key, "addresses with https://, or with http:// on this computer")
    return urls


def _listening(listen: Table) -> tuple[str, int, str, tuple[Path, Path] | None, bool]:
    """Host, port, the URL that traders dial ("" for the same), certificate and key, whether TLS is done in front."""
    host = listen.text("host", "127.0.0.1", "127.0.0.1", longest=253)
    port = listen.number("port", 1, 65_535, 8_700)
    url = listen.text("url", "wss://broker.example:8700", "")
    plain = listen.flag("plain", default=False)
    certificate, key = (listen.text(name, f"{name}.pem", "") for name in ("certificate", "key"))
    listen.done()
    if bool(certificate) != bool(key):
        listen.refuse("certificate" if certificate else "key", "set together with the other of certificate and key")
    tls = (listen.path.parent / certificate, listen.path.parent / key) if certificate else None
    for name, file in zip(("certificate", "key"), tls or (), strict=False):
        if not file.is_file():
            listen.refuse(name, f"a file that is there: {file} is not")
    if tls is None and not is_loopback(host) and not plain:
        listen.refuse("host", "this computer's own without certificate and key, or plain = true behind a TLS proxy")
    if url:
        try:
            url = read_url(url).url
        except WalletError:
            listen.refuse("url", "wss:// and host, with port and path if need be; ws:// only on this computer")
    elif not is_loopback(host):
        listen.refuse("url", 'the address under which traders dial, such as url = "wss://broker.example:8700"')
    return host, port, url, tls, plain


Amounts = tuple[tuple[bytes, int], ...]


def _assets(rows: list[Table]) -> tuple[tuple[Stock, ...], Amounts, Amounts, Amounts]:
    """The stock; then by asset the least collateral of a channel, and the most per trader and in all."""
    stock, least, own, whole = list[Stock](), list[tuple[bytes, int]](), dict[bytes, int](), dict[bytes, int]()
    for row in rows:
        symbol = row.text("symbol", "ETH", longest=12)
        if not symbol.isascii() or not symbol.isalnum() or symbol in {one.token.symbol for one in stock}:
            row.refuse("symbol", "letters and digits, and no other asset's")
        address = row.address("address")
        if address in own:
            row.refuse("address", "no other asset's")
        decimals = row.number("decimals", 0, MAX_DECIMALS, 18 if address == NATIVE else REQUIRED)
        stock.append(Stock(Token(address, symbol, decimals), row.amount("stock", decimals), row.line("decimals")))
        own[address] = row.amount("per_trader", decimals)
        whole[address] = row.amount("in_all", decimals)
        if minimum := row.amount("minimum", decimals, "0"):
            least.append((address, minimum))
        if own[address] > whole[address]:
            row.refuse("per_trader", "at most in_all")
        row.done()
    if len(stock) > MAX_ASSETS:
        rows[-1].refuse("symbol", f"one of at most {MAX_ASSETS} assets")
    return tuple(stock), tuple(least), tuple(own.items()), tuple(whole.items())


def _markets(rows: list[Table], tokens: Mapping[str, Token]) -> tuple[MarketConfig, ...]:
    found = list[MarketConfig]()
    for row in rows:
        base, quote = (tokens[row.choice(side, tokens)] for side in ("base", "quote"))
        if base == quote or any({base.address, quote.address} == set(one.pair) for one in found):
            row.refuse("base", "another asset than quote, and the pair no other market's")
        rules = Market(
            base=base.address,
            quote=quote.address,
            unit=10**base.decimals,
            tick_size=row.amount("tick", quote.decimals, zero=False),
            lot_size=row.amount("lot", base.decimals, zero=False),
            min_notional=row.amount("minimum", quote.decimals),
            max_unacked=row.amount("unacknowledged", quote.decimals, zero=False),
        )
        if rules.tick_size * rules.lot_size % rules.unit:
            row.refuse("lot", "such that tick × lot is a whole number of the quote asset's base units")
        maker, taker = row.number("maker_fee", 0, PPM), row.number("taker_fee", 0, PPM)
        price = row.amount("reference_price", quote.decimals, zero=False)
        found.append(MarketConfig(rules, maker, taker, price))
        row.done()
    if len(found) > MAX_MARKETS:
        rows[-1].refuse("base", f"in one of at most {MAX_MARKETS} markets")
    return tuple(found)
