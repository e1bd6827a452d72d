"""The development chain goes on where it was, whatever ended it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.sandbox.devnet_process import DevnetProcess

GWEI = 10**9


def signed(sender: LocalAccount, chain_id: int, nonce: int, to: str = "0x" + "77" * 20) -> str:
    fields = {
        "chainId": chain_id,
        "nonce": nonce,
        "to": to,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 2 * GWEI,
        "maxPriorityFeePerGas": 1,
    }
    return "0x" + sender.sign_transaction(fields).raw_transaction.hex()


def everything(chain: DevnetProcess, last: int) -> Any:
    """All that can be asked about the blocks up to `last`, but for what moves with the clock."""
    blocks = [chain.result("eth_getBlockByNumber", hex(number), True) for number in range(last + 1)]
    digests = [entry["hash"] for block in blocks for entry in block["transactions"]]
    return (
        blocks,
        [chain.result("eth_getTransactionReceipt", digest) for digest in digests],
        chain.result("eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(last)}),
        [chain.result("eth_getBalance", block["transactions"][0]["from"], hex(last)) for block in blocks[1:3]],
    )


def test_killed_and_started_again_it_is_the_same_chain(tmp_path: Path) -> None:
    account: LocalAccount = Account.create()
    with DevnetProcess(tmp_path) as chain:
        tokens = chain.tokens
        chain.result("sandbox_faucet", account.address)
        digest = chain.result("eth_sendRawTransaction", signed(account, chain.chain_id, 0))
        last = int(chain.result("eth_getTransactionReceipt", digest)["blockNumber"], 16)
        before = everything(chain, last)
        chain.kill()
    with DevnetProcess(tmp_path) as chain:
        assert chain.tokens == tokens
        assert everything(chain, last) == before
        assert chain.result("eth_getTransactionCount", account.address, "latest") == "0x1"
        chain.result("eth_sendRawTransaction", signed(account, chain.chain_id, 1))
        assert chain.result("eth_getTransactionCount", account.address, "latest") == "0x2"
        assert chain.terminate() == 0
    with DevnetProcess(tmp_path) as chain:
        assert everything(chain, last) == before
        assert chain.result("eth_getTransactionCount", account.address, "latest") == "0x2"


def test_no_transaction_is_lost_whose_hash_was_given(tmp_path: Path) -> None:
    account: LocalAccount = Account.create()
    given: list[str] = []
    for _ in range(3):
        with DevnetProcess(tmp_path) as chain:
            if not given:
                chain.result("sandbox_faucet", account.address)
            enough = len(given) + 15
            nonce = int(chain.result("eth_getTransactionCount", account.address, "latest"), 16)
            # At most the one that was under way at the kill is in a block without its sender having heard of it.
            assert nonce - len(given) in {0, 1}
            given.extend(["unheard"] * (nonce - len(given)))

            def send(first: int, chain: DevnetProcess = chain) -> None:
                try:
                    for number in itertools.count(first):
                        digest = chain.result("eth_sendRawTransaction", signed(account, chain.chain_id, number))
                        given.append(digest)
                except (OSError, ValueError, AssertionError):
                    return  # the chain was killed, which is the point

            sender = threading.Thread(target=send, args=(nonce,))
            sender.start()
            while len(given) < enough:
                time.sleep(0.002)
            chain.kill()
            sender.join(timeout=60)
    with DevnetProcess(tmp_path) as chain:
        digests = [digest for digest in given if digest != "unheard"]
        assert len(digests) >= 40
        for digest in digests:
            assert chain.result("eth_getTransactionReceipt", digest)["status"] == "0x1"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DevnetProcess, Path]]:
    directory = tmp_path_factory.mktemp("devnet") / "new"
    with DevnetProcess(directory) as running:
        yield running, directory


def test_one_directory_belongs_to_one_process(quiet: tuple[DevnetProcess, Path]) -> None:
    chain, directory = quiet
    with pytest.raises(RuntimeError, match="^DEVNET_IN_USE") as caught:
        DevnetProcess(directory)
    assert "Traceback" not in str(caught.value)
    assert chain.result("net_version") == str(chain.chain_id)


def test_only_the_owner_can_read_the_directory(quiet: tuple[DevnetProcess, Path]) -> None:
    _, directory = quiet
    assert directory.stat().st_mode & 0o777 == 0o700
    files = list(directory.iterdir())
    assert {path.name for path in files} == {"chain.sqlite", "chain.sqlite-wal"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_every_directory_has_a_key_of_its_own(quiet: tuple[DevnetProcess, Path], tmp_path: Path) -> None:
    def maker(chain: DevnetProcess) -> Any:
        return chain.result("eth_getBlockByNumber", "0x1", True)["transactions"][0]["from"]

    with DevnetProcess(tmp_path) as other:
        assert maker(other) != maker(quiet[0])


def test_a_port_that_is_taken_is_named(quiet: tuple[DevnetProcess, Path], tmp_path: Path) -> None:
    port = quiet[0].url.rpartition(":")[2]
    with pytest.raises(RuntimeError, match=f"^DEVNET_PORT port={port}") as caught:
        DevnetProcess(tmp_path, "--port", port)
    assert "Traceback" not in str(caught.value)


def test_a_file_that_is_no_chain_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "chain.sqlite").write_bytes(b"something else" * 1_000)
    with pytest.raises(RuntimeError, match="^DEVNET_DAMAGED") as caught:
        DevnetProcess(tmp_path)
    assert "Traceback" not in str(caught.value)
    assert (tmp_path / "chain.sqlite").read_bytes() == b"something else" * 1_000


def test_time_passes_on_the_chain_while_nobody_sends_anything(quiet: tuple[DevnetProcess, Path]) -> None:
    chain, _ = quiet
    first = chain.result("eth_getBlockByNumber", "latest", False)
    deadline = time.monotonic() + 60
    while (latest := chain.result("eth_getBlockByNumber", "latest", False)) == first:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert int(latest["timestamp"], 16) == pytest.approx(time.time(), abs=4)
    assert latest["transactions"] == []
