"""A broker profile is a stranger's file: exactly one form, every bound checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.session.brokers import ETH, USDT, sample, sample_json
from wallet.protocol.errors import WalletError
from wallet.session.broker_profile import load, parse, show


def test_what_is_shown_reads_back() -> None:
    assert parse(show(sample())) == sample()
    assert show(sample()) == sample_json()


def test_host_is_as_dialled() -> None:
    assert sample().host == "127.0.0.1:4000"


BAD: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("another format", lambda row: row.update(format="x")),
    ("a newer version", lambda row: row.update(version=2)),
    ("an extra key", lambda row: row.update(extra=1)),
    ("a missing key", lambda row: row.pop("rpc")),
    ("plain ws to another computer", lambda row: row.update(url="ws://broker.example:4000")),
    ("a url with a user", lambda row: row.update(url="wss://a:b@broker.example")),
    ("plain http to another computer", lambda row: row.update(rpc=["http://node.example"])),
    ("a file as rpc", lambda row: row.update(rpc=["file:///etc/passwd"])),
    ("no rpc", lambda row: row.update(rpc=[])),
    ("a short address", lambda row: row.update(broker="0x11")),
    ("an upper-case address", lambda row: row.update(broker="0x" + "AB" * 20)),
    ("a chain id as text", lambda row: row.update(chainId="31337")),
    ("a boolean chain id", lambda row: row.update(chainId=True)),
    ("the same token twice", lambda row: row["tokens"].append(row["tokens"][0])),
    (
        "a listed symbol for another address",
        lambda row: row["tokens"].append({"address": "0x" + "33" * 20, "symbol": "USDT", "decimals": 6}),
    ),
    ("77 decimals", lambda row: row["tokens"][0].update(decimals=77)),
    ("a symbol with markup", lambda row: row["tokens"][0].update(symbol="<b>ETH</b>")),
    ("a symbol in other letters", lambda row: row["tokens"][0].update(symbol="ЕTH")),
    ("a market of an unknown token", lambda row: row["offer"]["markets"][0].__setitem__(0, "0x" + "99" * 20)),
    ("test as a number", lambda row: row.update(test=1)),
]


@pytest.mark.parametrize(("name", "bend"), BAD, ids=[name for name, _ in BAD])
def test_anything_else_is_refused(name: str, bend: Callable[[dict[str, Any]], Any]) -> None:
    row = sample_json()
    bend(row)
    with pytest.raises(WalletError):
        parse(row)


def test_a_file_says_where_and_why(tmp_path: Path) -> None:
    path = tmp_path / "broker.json"
    with pytest.raises(WalletError, match="FILE_UNREADABLE"):
        load(path)
    path.write_text(json.dumps(sample_json()))
    assert load(path) == sample()
    for text in ("", "{", "[" * 100_000, '{"format":1,"format":2}', "\ufeff{}", '{"a":1e5}'):
        path.write_text(text)
        with pytest.raises(WalletError, match="BROKER_PROFILE"):
            load(path)


def test_terms_that_differ_from_the_offer_are_named() -> None:
    from dataclasses import replace

    from tests.support.game import ETH_USDT, make_terms

    profile = sample()
    same = make_terms(
        markets=profile.offer.markets, challenge_period=3600, max_fee=2000, max_open_orders=20, max_fills=16
    )
    assert profile.offer.difference(same) is None
    assert profile.offer.difference(replace(same, max_fee=2001)) == "max_fee"
    assert profile.offer.difference(replace(same, challenge_period=60)) == "challenge_period"
    other = ETH_USDT._replace(base=bytes.fromhex(ETH[2:]), quote=bytes.fromhex(USDT[2:]), tick_size=7)
    assert profile.offer.difference(replace(same, markets=(other,))) == "markets"


USDT_MAINNET = "0xdac17f958d2ee523a2206206994597c13d831ec7"


def test_a_listed_symbol_belongs_to_its_address_alone() -> None:
    row = sample_json() | {"chainId": 1, "test": False}
    row["offer"]["markets"] = [[ETH, USDT_MAINNET, str(10**18), "10000", str(10**14), "1000000", "50000000000"]]
    row["tokens"] = [
        {"address": ETH, "symbol": "ETH", "decimals": 18},
        {"address": USDT_MAINNET, "symbol": "USDT", "decimals": 6},
    ]
    profile = parse(row)
    assert profile.vouched(bytes.fromhex(USDT_MAINNET[2:]))
    other = row | {"tokens": [row["tokens"][0], {**row["tokens"][1], "address": USDT}]}
    renamed = row | {"tokens": [row["tokens"][0], {**row["tokens"][1], "symbol": "USDC"}]}
    finer = row | {"tokens": [row["tokens"][0], {**row["tokens"][1], "decimals": 18}]}
    for lie in (other, renamed, finer):
        with pytest.raises(WalletError, match="TOKEN_LISTED"):
            parse(lie)


def test_what_is_not_listed_is_not_vouched_for() -> None:
    from dataclasses import replace

    profile = replace(sample(), chain_id=1, test=False)
    assert not profile.vouched(bytes.fromhex(USDT[2:]))
    assert profile.vouched(bytes(20))
    assert sample().vouched(bytes.fromhex(USDT[2:]))  # a test chain's coins are worth nothing
