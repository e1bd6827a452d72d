"""The broker's file: the example is one, and every mistake is told with its line and what to write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.broker.kit import BROKER_OWNER, BROKER_SIGNER
from tests.support.settings import example, filled
from wallet.app.messages import explain
from wallet.broker.settings import Settings, read_settings
from wallet.broker.tables import MAX_FILE
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE, Initiative


def read(folder: Path, text: str) -> Settings:
    path = folder / "broker.toml"
    path.write_text(text)
    return read_settings(path)


def refused(folder: Path, text: str) -> tuple[str, int, str]:
    """The code, the line, and the whole sentence."""
    with pytest.raises(WalletError) as error:
        read(folder, text).config(BROKER_OWNER.address, BROKER_SIGNER)
    said = explain(error.value)
    assert "?" not in said, said
    return error.value.code, int(error.value.params.get("line", 0)), said


def test_the_example_is_what_it_says(tmp_path: Path) -> None:
    found = read(tmp_path, example())
    assert found.name == "My broker"
    assert found.folder == tmp_path / "data"
    assert found.keys.owner == tmp_path / "owner.key"
    assert found.policy.challenge_period == 86_400
    assert found.policy.initiative is Initiative.BROKER
    assert dict(found.policy.collateral_in_all)[NATIVE] == 20 * 10**18
    (market,) = found.markets
    assert (market.rules.unit, market.rules.tick_size, market.rules.lot_size) == (10**18, 10**4, 10**15)
    config = found.config(BROKER_OWNER.address, BROKER_SIGNER)
    assert config.tokens[1].decimals == 6


def test_what_is_marked_as_default_is_the_default(tmp_path: Path) -> None:
    shown = read(tmp_path, example())
    kept = [line for line in example().splitlines() if "# default" not in line]
    bare = read(tmp_path, "\n".join(kept))
    changed = replace(bare.policy, challenge_period=shown.policy.challenge_period)
    assert bare.policy.challenge_period == 3_600
    assert changed == shown.policy
    assert (bare.host, bare.port, bare.url, bare.tls, bare.plain) == ("127.0.0.1", 8_700, "", None, False)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("name", "7", "name is 7; it must be a plain text"),
        ("name", '"a\\u202eb"', "plain text"),
        ("id", "0", "chain.id is 0; it must be a whole number from 1"),
        ("id", "true", "whole number"),
        ("id", "1.5", "whole number"),
        ("rpc", "[]", "1 to 8 texts"),
        ("rpc", '["http://node.example"]', "https://"),
        ("rpc", '["ftp://node.example"]', "https://"),
        ("public_rpc", "[1]", "1 to 8 texts"),
        ("contract", '"0x12"', "40 hexadecimal digits"),
        ("confirmations", "0", "from 1 to 1000"),
        ("test", '"yes"', "true or false"),
        ("host", '"0.0.0.0"', "certificate and key"),
        ("port", "70000", "from 1 to 65535"),
        ("url", '"ws://broker.example"', "wss://"),
        ("certificate", '"cert.pem"', "together with the other"),
        ("challenge_period", "5", "from 60 to"),
        ("max_fee", "2_000_000", "from 0 to 1000000"),
        ("initiative", '"mine"', '"broker", "cooperative"'),
        ("symbol", '"E/TH"', "letters and digits"),
        ("stock", "1.5", "in quotes"),
        ("stock", '"-1"', "in quotes"),
        ("stock", '"1e3"', "in quotes"),
        ("per_trader", '"21"', "at most in_all"),
        ("base", '"DOGE"', '"ETH", "USDT"'),
        ("base", '"USDT"', "another asset than quote"),
        ("tick", '"0.0000001"', "at most 6 decimals"),
        ("tick", '"0"', "more than zero"),
        ("lot", '"0.00000000000000001"', "whole number of the quote"),
        ("reference_price", '"0"', "more than zero"),
        ("taker_fee", "-1", "from 0 to"),
    ],
)
def test_a_wrong_value_is_told_with_its_line(tmp_path: Path, key: str, value: str, says: str) -> None:
    text = filled(example(), **{key: value})
    line = next(number for number, row in enumerate(text.splitlines(), 1) if row.startswith(f"{key} ="))
    code, at, said = refused(tmp_path, text)
    assert (code, at) == ("SETTINGS_VALUE", line)
    assert f"line {line}" in said
    assert says in said


@pytest.mark.parametrize("key", ["id", "rpc", "public_rpc", "contract", "symbol", "address", "stock", "in_all", "tick"])
def test_what_is_missing_is_told_with_an_example(tmp_path: Path, key: str) -> None:
    lines = example().splitlines()
    lines.remove(next(row for row in lines if row.startswith(f"{key} =")))
    code, line, said = refused(tmp_path, "\n".join(lines))
    assert code == "SETTINGS_MISSING"
    assert line > 0
    assert f"Write: {key} = " in said


def test_a_misspelt_limit_is_no_limit_and_is_refused(tmp_path: Path) -> None:
    text = (
        example().replace("in_all = ", "in_al = ", 1).replace('per_trader = "2"', 'per_trader = "2"\nin_all = "20"', 1)
    )
    code, line, said = refused(tmp_path, text)
    assert code == "SETTINGS_UNKNOWN"
    assert text.splitlines()[line - 1].startswith("in_al =")
    assert "in_all" in said
    assert refused(tmp_path, example() + "\n[surprise]\na = 1\n")[0] == "SETTINGS_UNKNOWN"


def test_a_fee_above_the_terms_is_refused_as_a_whole(tmp_path: Path) -> None:
    code, _, said = refused(tmp_path, filled(example(), taker_fee="2001"))
    assert code == "SETTINGS_TERMS"
    assert "fees" in said


@pytest.mark.parametrize(
    ("text", "code"),
    [("name = ", "SETTINGS_SYNTAX"), ("a = 1\na = 2", "SETTINGS_SYNTAX"), ("x" * (MAX_FILE + 1), "SETTINGS_FILE")],
)
def test_what_is_no_toml(tmp_path: Path, text: str, code: str) -> None:
    assert refused(tmp_path, text)[0] == code


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "broker.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(WalletError) as error:
        read_settings(tmp_path / "broker.toml")
    assert error.value.code == "SETTINGS_SYNTAX"


def test_certificate_and_key_have_to_be_there(tmp_path: Path) -> None:
    text = filled(example(), certificate='"cert.pem"', key='"key.pem"', host='"0.0.0.0"', url='"wss://b.example:9"')
    assert "cert.pem" in refused(tmp_path, text)[2]
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
    found = read(tmp_path, text)
    assert found.tls == (tmp_path / "cert.pem", tmp_path / "key.pem")
    assert found.url == "wss://b.example:9"
    plain = read(tmp_path, filled(example(), host='"0.0.0.0"', plain="true", url='"wss://b.example"'))
    assert plain.plain
    assert plain.config(BROKER_OWNER.address, BROKER_SIGNER).names == ("b.example:443",)
