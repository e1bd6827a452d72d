"""A broker as the user added him: where he listens, who he is, on which chain and contract, and what he offers.

The file is a stranger's: strictly parsed, every bound checked, and nothing in it can give a listed symbol to
another address. Source: design/ui "Choose a broker", design §8 (pinning, wss except on loopback).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wallet.protocol import codec, strictjson
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain
from wallet.protocol.terms import MAX_ASSETS, Initiative, Market, Terms
from wallet.session.tokens import check_name, listed
from wallet.wire.hosts import is_loopback, read_url

FORMAT = "trading-channels/broker"
MAX_FILE = 256 * 1024
MAX_DECIMALS = 36
# Chains whose coins are worth nothing; "test" of any other chain is a lie that would switch warnings off.
# The sandbox's own and other development chains, then Sepolia, Holesky, Hoodi and the test chains of Base, Arbitrum,
# Optimism and Polygon.
SANDBOX_CHAIN = int.from_bytes(b"tcdn", "big")
DEVELOPMENT_CHAINS = frozenset({SANDBOX_CHAIN, 1337, 31337})  # one node's own: nothing there is ever reorganised
TEST_CHAINS = DEVELOPMENT_CHAINS | frozenset({11155111, 17000, 560048, 84532, 421614, 11155420, 80002})


@dataclass(frozen=True, slots=True)
class Token:
    """What the profile calls an asset; the chain's own decimals are checked against it before money moves."""

    address: bytes
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Offer:
    """The terms this broker offers to everyone: all but parties, nonce and amounts."""

    initiative: Initiative
    rules: tuple[tuple[str, int], ...]  # attribute of Terms, value
    markets: tuple[Market, ...]

    def difference(self, terms: Terms) -> str | None:
        """The first rule in which ``terms`` are not what was offered; None if there is none."""
        for name, value in self.rules:
            if getattr(terms, name) != value:
                return name
        if terms.initiative is not self.initiative:
            return "initiative"
        if terms.markets != tuple(market for market in self.markets if market in terms.markets):
            return "markets"
        return None


@dataclass(frozen=True, slots=True)
class BrokerProfile:
    name: str
    url: str
    broker: bytes
    signer: bytes
    chain_id: int
    rpc: tuple[str, ...]
    adjudicator: bytes
    tokens: tuple[Token, ...]
    offer: Offer
    test: bool
    simulated: bool

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, self.adjudicator)

    @property
    def host(self) -> str:
        """host:port as dialled, the form that both sides sign in Auth."""
        return read_url(self.url).host

    def vouched(self, address: bytes) -> bool:
        """Whether this program knows the asset by itself, or it is worth nothing anyway (a test chain's)."""
        return self.test or address in listed(self.chain_id)

    def token(self, address: bytes) -> Token | None:
        return next((token for token in self.tokens if token.address == address), None)


_KEYS = (
    "format",
    "version",
    "name",
    "url",
    "broker",
    "brokerSigner",
    "chainId",
    "rpc",
    "adjudicator",
    "tokens",
    "offer",
    "test",
    "simulated",
)


def load(path: Path) -> BrokerProfile:
    """Reads a broker profile file.

    Raises WalletError("FILE_UNREADABLE" | "BROKER_PROFILE", path, why).
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise WalletError("FILE_UNREADABLE", path=str(path), why=error.strerror or "") from error
    try:
        return parse(strictjson.loads(data, max_bytes=MAX_FILE))
    except WalletError as error:
        raise WalletError("BROKER_PROFILE", path=str(path), why=str(error)) from error


def parse(value: Any) -> BrokerProfile:
    """A profile from its JSON object. Raises WalletError for anything but exactly this form."""
    row = codec.read_object(value, "profile", _KEYS)
    if row["format"] != FORMAT or row["version"] != 1:
        raise WalletError("PROFILE_VERSION", got=plain(f"{row['format']} {row['version']}", 60))
    for key in ("test", "simulated"):
        if type(row[key]) is not bool:
            raise codec.malformed(key, row[key])
    tokens = tuple(_token(token) for token in codec.read_list(row["tokens"], "tokens"))
    if len(tokens) > MAX_ASSETS or len({token.address for token in tokens}) != len(tokens):
        raise codec.malformed("tokens", len(tokens))
    if len({token.symbol for token in tokens}) != len(tokens):
        raise codec.malformed("tokens", "a symbol twice")
    rpc = tuple(node_url(codec.read_text(url, "rpc")) for url in codec.read_list(row["rpc"], "rpc"))
    if not 1 <= len(rpc) <= 8:
        raise codec.malformed("rpc", len(rpc))
    profile = BrokerProfile(
        name=plain(codec.read_text(row["name"], "name", 80), 80),
        url=read_url(codec.read_text(row["url"], "url")).url,
        broker=codec.read_hex(row["broker"], 20, "broker"),
        signer=codec.read_hex(row["brokerSigner"], 20, "brokerSigner"),
        chain_id=codec.read_int(row["chainId"], "chainId"),
        rpc=rpc,
        adjudicator=codec.read_hex(row["adjudicator"], 20, "adjudicator"),
        tokens=tokens,
        offer=_offer(row["offer"]),
        test=row["test"],
        simulated=row["simulated"],
    )
    if profile.test and profile.chain_id not in TEST_CHAINS:
        raise codec.malformed("test", f"chain {profile.chain_id} is no test chain")
    for token in tokens:
        check_name(profile.chain_id, token.address, token.symbol, token.decimals)
    known = {token.address for token in tokens}
    for market in profile.offer.markets:
        if not {market.base, market.quote} <= known:
            raise codec.malformed("markets", "an asset that tokens does not name")
    return profile


def show(profile: BrokerProfile) -> dict[str, Any]:
    """The JSON object of a profile."""
    return {
        "format": FORMAT,
        "version": 1,
        "name": profile.name,
        "url": profile.url,
        "broker": codec.show_hex(profile.broker),
        "brokerSigner": codec.show_hex(profile.signer),
        "chainId": profile.chain_id,
        "rpc": list(profile.rpc),
        "adjudicator": codec.show_hex(profile.adjudicator),
        "tokens": [
            {"address": codec.show_hex(token.address), "symbol": token.symbol, "decimals": token.decimals}
            for token in profile.tokens
        ],
        "offer": {
            "initiative": codec.show_enum(profile.offer.initiative),
            **{key: dict(profile.offer.rules)[name] for key, name in codec.RULES.items()},
            "markets": codec.show_markets(profile.offer.markets),
        },
        "test": profile.test,
        "simulated": profile.simulated,
    }


def _offer(value: Any) -> Offer:
    row = codec.read_object(value, "offer", ("initiative", *codec.RULES, "markets"))
    return Offer(
        codec.read_enum(Initiative, row["initiative"], "initiative"),
        tuple((name, codec.read_int(row[key], key)) for key, name in codec.RULES.items()),
        codec.read_markets(row["markets"]),
    )


def _token(value: Any) -> Token:
    row = codec.read_object(value, "token", ("address", "symbol", "decimals"))
    symbol = codec.read_text(row["symbol"], "symbol", 12)
    if not symbol or not (symbol.isascii() and symbol.isalnum()):
        raise codec.malformed("symbol", symbol)
    decimals = codec.read_int(row["decimals"], "decimals", MAX_DECIMALS)
    return Token(codec.read_hex(row["address"], 20, "address"), symbol, decimals)


def node_url(url: str) -> str:
    """``url`` as it is. Raises WalletError("RPC_URL") for any but https, or http on this computer."""
    try:
        parts = urlsplit(url)
    except ValueError as error:  # brackets that hold no address
        raise WalletError("RPC_URL", url=plain(url)) from error
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return url
    raise WalletError("RPC_URL", url=plain(url))
