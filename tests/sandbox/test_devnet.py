"""The development chain seen through web3.py, as any Ethereum program sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.exceptions import ContractLogicError, Web3RPCError

from tests.sandbox.devnet_process import DevnetProcess
from wallet.resources import resource

ETHER = 10**18
GWEI = 10**9


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevnetProcess]:
    with DevnetProcess(tmp_path_factory.mktemp("devnet"), "--time-travel") as running:
        yield running


@pytest.fixture(scope="module")
def w3(chain: DevnetProcess) -> Web3:
    return Web3(Web3.HTTPProvider(chain.url))


@pytest.fixture(scope="module")
def artifact() -> Any:
    return json.loads(resource("contracts/test-token.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def abi(artifact: Any) -> Any:
    return artifact["abi"]


@pytest.fixture
def rich(chain: DevnetProcess) -> LocalAccount:
    account: LocalAccount = Account.create()
    chain.result("sandbox_faucet", account.address)
    return account


def payment(w3: Web3, sender: LocalAccount, **changes: Any) -> Any:
    """A payment of one ether from `sender` to nobody in particular, signed, with `changes` made before."""
    fields = {
        "chainId": w3.eth.chain_id,
        "nonce": w3.eth.get_transaction_count(sender.address),
        "to": "0x" + "77" * 20,
        "value": ETHER,
        "gas": 21_000,
        "maxFeePerGas": 2 * GWEI,
        "maxPriorityFeePerGas": GWEI // 10,
        **changes,
    }
    return sender.sign_transaction({key: value for key, value in fields.items() if value is not None})


def test_a_payment_moves_value_and_costs_gas_times_base_fee_and_tip(w3: Web3, rich: LocalAccount) -> None:
    receiver = Account.create().address
    digest = w3.eth.send_raw_transaction(payment(w3, rich, to=receiver).raw_transaction)
    receipt = w3.eth.get_transaction_receipt(digest)
    block = w3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert (receipt["status"], receipt["gasUsed"], receipt["type"]) == (1, 21_000, 2)
    assert receipt["effectiveGasPrice"] == block["baseFeePerGas"] + GWEI // 10
    assert w3.eth.get_balance(receiver) == ETHER
    assert w3.eth.get_balance(rich.address) == 9 * ETHER - 21_000 * receipt["effectiveGasPrice"]
    # What existed before is conserved but for the base fee, which is burnt; the tip is the block's miner's.
    earned = w3.eth.get_balance(block["miner"]) - w3.eth.get_balance(block["miner"], receipt["blockNumber"] - 1)
    assert earned == 21_000 * GWEI // 10
    assert block["transactions"][0]["hash"] == digest
    assert w3.eth.get_transaction(digest)["from"] == rich.address
    assert w3.eth.get_transaction_count(rich.address) == 1
    assert w3.eth.get_balance(receiver, receipt["blockNumber"] - 1) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"maxFeePerGas": None, "maxPriorityFeePerGas": None, "gasPrice": 2 * GWEI},
        {
            "maxFeePerGas": None,
            "maxPriorityFeePerGas": None,
            "gasPrice": 2 * GWEI,
            "gas": 30_000,
            "type": 1,
            "accessList": [{"address": "0x" + "77" * 20, "storageKeys": ["0x" + "00" * 32]}],
        },
    ],
    ids=["legacy", "access list"],
)
def test_older_kinds_of_transactions_are_taken(w3: Web3, rich: LocalAccount, changes: dict[str, Any]) -> None:
    digest = w3.eth.send_raw_transaction(payment(w3, rich, **changes).raw_transaction)
    receipt = w3.eth.get_transaction_receipt(digest)
    entry = w3.eth.get_transaction(digest)
    assert (receipt["status"], receipt["type"]) == (1, changes.get("type", 0))
    assert receipt["effectiveGasPrice"] == entry["gasPrice"] == 2 * GWEI
    assert entry["chainId"] == w3.eth.chain_id


def test_blocks_form_a_chain_whose_time_follows_the_clock(w3: Web3, chain: DevnetProcess) -> None:
    newest = w3.eth.get_block("latest")
    for number in range(newest["number"], 0, -1):
        child, parent = w3.eth.get_block(number), w3.eth.get_block(number - 1)
        assert child["parentHash"] == parent["hash"]
        assert child["timestamp"] > parent["timestamp"]
        assert child["baseFeePerGas"] == parent["baseFeePerGas"]
    assert w3.eth.get_block(newest["hash"])["number"] == newest["number"]
    assert chain.result("eth_getBlockByNumber", hex(10**9), False) is None
    assert chain.result("eth_getBlockByHash", "0x" + "00" * 32, False) is None


def test_tokens_have_their_decimals_and_their_transfers_leave_logs(
    w3: Web3, chain: DevnetProcess, rich: LocalAccount, abi: Any
) -> None:
    for symbol, decimals, gift in (("USDT", 6, 50_000 * 10**6), ("WBTC", 8, 10**8)):
        token = w3.eth.contract(address=Web3.to_checksum_address(chain.tokens[symbol]), abi=abi)
        assert token.functions.symbol().call() == symbol
        assert token.functions.name().call() == f"Test {symbol}"
        assert token.functions.decimals().call() == decimals
        assert token.functions.balanceOf(rich.address).call() == gift
    usdt = w3.eth.contract(address=Web3.to_checksum_address(chain.tokens["USDT"]), abi=abi)
    receiver = Account.create().address
    fields = usdt.functions.transfer(receiver, 123).build_transaction(
        {"from": rich.address, "nonce": w3.eth.get_transaction_count(rich.address)}
    )
    digest = w3.eth.send_raw_transaction(rich.sign_transaction(fields).raw_transaction)
    receipt = w3.eth.get_transaction_receipt(digest)
    # The estimate that build_transaction took must be enough and not wasteful.
    assert receipt["status"] == 1
    assert receipt["gasUsed"] <= fields["gas"] <= receipt["gasUsed"] * 1.1
    (event,) = usdt.events.Transfer().process_receipt(receipt)
    assert event["args"] == {"sender": rich.address, "receiver": receiver, "value": 123}
    number = receipt["blockNumber"]
    found = usdt.events.Transfer().get_logs(from_block=0, argument_filters={"receiver": receiver})
    assert [(entry["transactionHash"], entry["logIndex"]) for entry in found] == [(digest, 0)]
    assert usdt.events.Transfer().get_logs(from_block=number + 1, argument_filters={"receiver": receiver}) == []
    assert len(w3.eth.get_logs({"blockHash": receipt["blockHash"]})) == 1
    assert usdt.functions.balanceOf(receiver).call() == 123


def test_a_faucet_gift_is_one_block_with_its_logs_numbered_through(w3: Web3, chain: DevnetProcess) -> None:
    digests = chain.result("sandbox_faucet", Account.create().address)
    receipts = [w3.eth.get_transaction_receipt(digest) for digest in digests]
    assert len({receipt["blockHash"] for receipt in receipts}) == 1
    assert [receipt["transactionIndex"] for receipt in receipts] == [0, 1, 2]
    assert [[entry["logIndex"] for entry in receipt["logs"]] for receipt in receipts] == [[], [0], [1]]
    total = 0
    for receipt in receipts:
        total += receipt["gasUsed"]
        assert receipt["cumulativeGasUsed"] == total
    assert w3.eth.get_block(receipts[0]["blockNumber"])["gasUsed"] == total


def test_the_faucet_gives_to_an_address_once_in_a_while(chain: DevnetProcess) -> None:
    address = Account.create().address
    chain.result("sandbox_faucet", address)
    assert chain.error("sandbox_faucet", address)["code"] == -32005
    assert chain.error("sandbox_faucet", "0x" + "00" * 20)["code"] == -32602
    assert chain.error("sandbox_faucet", "0x1234")["code"] == -32602
    assert chain.error("sandbox_faucet")["code"] == -32602


def test_a_revert_is_told_with_its_reason_and_data(
    w3: Web3, chain: DevnetProcess, rich: LocalAccount, abi: Any
) -> None:
    usdt = w3.eth.contract(address=Web3.to_checksum_address(chain.tokens["USDT"]), abi=abi)
    too_much = usdt.functions.transfer("0x" + "77" * 20, 10**30)
    for attempt in (
        lambda: too_much.call({"from": rich.address}),
        lambda: too_much.estimate_gas({"from": rich.address}),
    ):
        with pytest.raises(ContractLogicError, match="balance too small") as caught:
            attempt()
        data = str(caught.value.data)
        assert data.startswith("0x08c379a0")
        assert b"balance too small" in bytes.fromhex(data[2:])
    # Sent anyway, it is in a block, has failed, moved nothing and cost its gas.
    fields = too_much.build_transaction(
        {"from": rich.address, "nonce": w3.eth.get_transaction_count(rich.address), "gas": 100_000}
    )
    before = w3.eth.get_balance(rich.address)
    receipt = w3.eth.get_transaction_receipt(w3.eth.send_raw_transaction(rich.sign_transaction(fields).raw_transaction))
    assert (receipt["status"], receipt["logs"]) == (0, [])
    assert w3.eth.get_balance(rich.address) == before - receipt["gasUsed"] * receipt["effectiveGasPrice"]


def test_only_the_minter_mints(w3: Web3, chain: DevnetProcess, rich: LocalAccount, abi: Any) -> None:
    usdt = w3.eth.contract(address=Web3.to_checksum_address(chain.tokens["USDT"]), abi=abi)
    with pytest.raises(ContractLogicError, match="not the minter"):
        usdt.functions.mint(rich.address, 1).call({"from": rich.address})
    minter = usdt.functions.minter().call()
    assert usdt.functions.mint(rich.address, 1).call({"from": minter}) == []


def test_an_allowance_is_used_up(w3: Web3, chain: DevnetProcess, rich: LocalAccount, abi: Any) -> None:
    usdt = w3.eth.contract(address=Web3.to_checksum_address(chain.tokens["USDT"]), abi=abi)
    spender: LocalAccount = Account.create()
    chain.result("sandbox_faucet", spender.address)

    def send(sender: LocalAccount, function: Any) -> Any:
        fields = function.build_transaction(
            {"from": sender.address, "nonce": w3.eth.get_transaction_count(sender.address)}
        )
        return w3.eth.send_raw_transaction(sender.sign_transaction(fields).raw_transaction)

    send(rich, usdt.functions.approve(spender.address, 100))
    send(spender, usdt.functions.transferFrom(rich.address, spender.address, 60))
    assert usdt.functions.allowance(rich.address, spender.address).call() == 40
    with pytest.raises(ContractLogicError, match="allowance too small"):
        usdt.functions.transferFrom(rich.address, spender.address, 41).call({"from": spender.address})
    send(rich, usdt.functions.approve(spender.address, 2**256 - 1))
    send(spender, usdt.functions.transferFrom(rich.address, spender.address, 1))
    assert usdt.functions.allowance(rich.address, spender.address).call() == 2**256 - 1
    assert usdt.functions.balanceOf(spender.address).call() == 50_000 * 10**6 + 61


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonce": 1}, "nonce too high"),
        ({"value": 10 * ETHER}, "insufficient funds"),
        ({"value": 10 * ETHER - 42_000 * GWEI + 1}, "insufficient funds"),
        ({"maxFeePerGas": GWEI - 1, "maxPriorityFeePerGas": 1}, "less than block base fee"),
        ({"maxPriorityFeePerGas": 3 * GWEI}, "max priority fee per gas higher"),
        ({"gas": 20_999}, "intrinsic gas too low"),
        ({"gas": 21_040, "data": "0x" + "01" * 4}, "intrinsic gas too low"),
        ({"gas": 2**24 + 1}, "exceeds block gas limit"),
        ({"chainId": 1}, "invalid chain id"),
        ({"to": "", "data": "0x" + "00" * 49_153, "gas": 5_000_000}, "max initcode size exceeded"),
    ],
)
def test_what_no_node_takes_is_refused_and_changes_nothing(
    w3: Web3, chain: DevnetProcess, rich: LocalAccount, changes: dict[str, Any], words: str
) -> None:
    raw = payment(w3, rich, **changes).raw_transaction
    error = chain.error("eth_sendRawTransaction", "0x" + raw.hex())
    assert error["code"] == -32000
    assert words in error["message"]
    assert w3.eth.get_transaction_count(rich.address) == 0
    assert w3.eth.get_balance(rich.address) == 10 * ETHER
    assert chain.result("eth_getTransactionReceipt", "0x" + Web3.keccak(raw).hex()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 10 * ETHER - 42_000 * GWEI},
        {"maxFeePerGas": GWEI, "maxPriorityFeePerGas": 0},
        {"gas": 21_160, "data": "0x" + "01" * 4},
        {"gas": 2**24, "value": 0},
    ],
)
def test_the_valid_neighbours_of_what_is_refused_are_taken(
    w3: Web3, rich: LocalAccount, changes: dict[str, Any]
) -> None:
    digest = w3.eth.send_raw_transaction(payment(w3, rich, **changes).raw_transaction)
    assert w3.eth.get_transaction_receipt(digest)["status"] == 1


def test_a_transaction_counts_once(w3: Web3, rich: LocalAccount) -> None:
    signed = payment(w3, rich)
    w3.eth.send_raw_transaction(signed.raw_transaction)
    with pytest.raises(Web3RPCError, match="nonce too low"):
        w3.eth.send_raw_transaction(signed.raw_transaction)
    assert w3.eth.get_transaction_count(rich.address) == 1


def test_gas_is_charged_at_the_floor_for_data_that_nobody_reads(w3: Web3, rich: LocalAccount) -> None:
    # EIP-7623: ten gas a token, four tokens for each byte that is not zero.
    digest = w3.eth.send_raw_transaction(payment(w3, rich, data="0x" + "01" * 1_000, gas=100_000).raw_transaction)
    assert w3.eth.get_transaction_receipt(digest)["gasUsed"] == 21_000 + 10 * 4 * 1_000


def test_storage_and_code_are_to_be_seen(w3: Web3, chain: DevnetProcess, artifact: Any) -> None:
    usdt = Web3.to_checksum_address(chain.tokens["USDT"])
    assert w3.eth.get_code(usdt).hex() == artifact["runtime"].removeprefix("0x")
    assert w3.eth.get_code(Account.create().address) == b""
    token = w3.eth.contract(address=usdt, abi=artifact["abi"])
    # Two slots for each string, one for its length and one for its bytes: decimals stands in the fifth.
    assert int.from_bytes(w3.eth.get_storage_at(usdt, 4), "big") == token.functions.decimals().call() == 6


def test_blocks_are_named_by_tag_number_or_hash(w3: Web3, chain: DevnetProcess, rich: LocalAccount) -> None:
    receipt = w3.eth.get_transaction_receipt(w3.eth.send_raw_transaction(payment(w3, rich).raw_transaction))
    number, digest = receipt["blockNumber"], "0x" + receipt["blockHash"].hex()
    for choice, nonce in (
        ("latest", 1),
        ("pending", 1),
        ("safe", 1),
        ("finalized", 1),
        ("earliest", 0),
        (hex(number), 1),
        (hex(number - 1), 0),
        ({"blockNumber": hex(number)}, 1),
        ({"blockHash": digest}, 1),
    ):
        assert chain.result("eth_getTransactionCount", rich.address, choice) == hex(nonce)
    for unknown in (hex(number + 10**6), {"blockHash": "0x" + "11" * 32}):
        assert chain.error("eth_getTransactionCount", rich.address, unknown)["message"] == "header not found"
    assert chain.error("eth_getTransactionCount", rich.address, {"number": "0x0"})["code"] == -32602


@pytest.mark.parametrize(
    ("call", "words"),
    [({"gas": "0x5207"}, "intrinsic gas too low"), ({"value": hex(10 * ETHER + 1)}, "insufficient funds")],
)
def test_a_call_that_could_not_be_sent_is_refused(
    chain: DevnetProcess, rich: LocalAccount, call: dict[str, str], words: str
) -> None:
    possible = {"from": rich.address, "to": "0x" + "77" * 20, "gas": "0x5208", "value": hex(10 * ETHER)}
    assert chain.result("eth_call", possible, "latest") == "0x"
    for method in ("eth_call", "eth_estimateGas"):
        error = chain.error(method, {**possible, **call})
        assert error["code"] == -32000
        assert words in error["message"]


def test_fee_history_agrees_with_the_blocks(w3: Web3, rich: LocalAccount) -> None:
    digest = w3.eth.send_raw_transaction(payment(w3, rich, maxPriorityFeePerGas=5).raw_transaction)
    number = w3.eth.get_transaction_receipt(digest)["blockNumber"]
    history = w3.eth.fee_history(2, number, [0, 50, 100])
    block = w3.eth.get_block(number)
    assert history["oldestBlock"] == number - 1
    assert history["baseFeePerGas"] == [GWEI] * 3
    assert history["gasUsedRatio"][1] == 21_000 / block["gasLimit"]
    assert history["reward"][1] == [5, 5, 5]
    assert w3.eth.gas_price == GWEI + w3.eth.max_priority_fee


def test_time_can_be_moved_where_tests_asked_for_it(w3: Web3, chain: DevnetProcess) -> None:
    before = w3.eth.get_block("latest")["timestamp"]
    chain.result("evm_increaseTime", 3_600)
    assert w3.eth.get_block("pending")["timestamp"] >= before + 3_600
    chain.result("evm_mine")
    assert 3_600 <= w3.eth.get_block("latest")["timestamp"] - before < 3_660
    assert chain.error("evm_increaseTime", -1)["code"] == -32602
