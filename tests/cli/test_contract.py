"""``channel-wallet contract`` on anvil: deployed, found again, and told from everything else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.chain.anvil import anvil
from tests.cli.chains import ready, rich
from wallet.app.messages import explain
from wallet.chain.artifact import adjudicator
from wallet.cli.main import main
from wallet.keys.keystore import create_keystore
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

PASSWORD = "as good as none"


@pytest.fixture
def url() -> Iterator[str]:
    with anvil() as address:
        ready(address)
        yield address


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, ["contract", *arguments], env=environment)


def key(folder: Path, url: str, coins: int = 1) -> Path:
    path = folder / "payer.key"
    address = create_keystore(path, Secret(PASSWORD), work=1 << 10)
    rich(url, address, coins * 10**18)
    return path


def test_deployed_and_found_again(url: str, tmp_path: Path) -> None:
    payer = str(key(tmp_path, url))
    arguments = ("--rpc", url, "--key", payer, "--confirmations", "1", "--yes", "--json")
    done = run("deploy", *arguments, CHANNEL_WALLET_KEY_PASSWORD=PASSWORD)
    assert done.exit_code == 0, done.output
    row = json.loads(done.stdout)
    assert row["chainId"] == 31337
    assert row["codeHash"] == "0x" + adjudicator().code_hash.hex()
    assert 4_000_000 < row["gas"] < 7_000_000
    checked = run("check", row["address"], "--rpc", url, "--chain-id", "31337")
    assert checked.exit_code == 0
    assert "is the adjudicator of this release" in checked.stdout


def test_the_password_comes_through_a_descriptor(url: str, tmp_path: Path) -> None:
    payer = str(key(tmp_path, url))
    read, write = os.pipe()
    os.write(write, f"{PASSWORD}\n".encode())
    os.close(write)
    done = run("deploy", "--rpc", url, "--key", payer, "--confirmations", "1", "--yes", "--password-fd", str(read))
    os.close(read)
    assert done.exit_code == 0, done.output
    assert "code hash" in done.stdout
    assert PASSWORD not in done.output


def test_nothing_is_sent_before_a_yes_nor_to_another_chain(url: str, tmp_path: Path) -> None:
    payer = str(key(tmp_path, url))
    arguments = ("deploy", "--rpc", url, "--key", payer)
    no = CliRunner().invoke(main, ["contract", *arguments], input="n\n", env={"CHANNEL_WALLET_KEY_PASSWORD": PASSWORD})
    assert no.exit_code == 1
    assert "at most" in no.stderr
    other = run(*arguments, "--chain-id", "1", "--yes", CHANNEL_WALLET_KEY_PASSWORD=PASSWORD)
    assert other.exit_code == 1
    assert "is on chain 31337, not on 1" in other.stderr
    wrong = run(*arguments, "--yes", CHANNEL_WALLET_KEY_PASSWORD="another")
    assert wrong.stderr.strip() == explain(WalletError("KEYSTORE_PASSWORD", path=payer))


def test_who_can_not_pay_is_told_so(url: str, tmp_path: Path) -> None:
    payer = str(key(tmp_path, url, coins=0))
    done = run("deploy", "--rpc", url, "--key", payer, "--yes", CHANNEL_WALLET_KEY_PASSWORD=PASSWORD)
    assert done.exit_code == 1
    assert "not enough of the chain's currency" in done.stderr


def test_nothing_and_something_else_are_told_apart(url: str, tmp_path: Path) -> None:
    nothing = run("check", "0x" + "11" * 20, "--rpc", url, "--json")
    assert nothing.exit_code == 1
    assert json.loads(nothing.stdout)["codeHash"] is None
    assert run("check", "0x12", "--rpc", url).exit_code == 1
    from tests.cli.chains import call

    call(url, "anvil_setCode", "0x" + "22" * 20, "0x6000")
    other = run("check", "0x" + "22" * 20, "--rpc", url)
    assert other.exit_code == 1
    assert "another contract" in other.stdout
