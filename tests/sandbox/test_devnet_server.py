"""What the endpoint answers to strangers and to malformed requests."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.devnet_process import DevnetProcess

ASK = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevnetProcess]:
    with DevnetProcess(tmp_path_factory.mktemp("devnet")) as running:
        yield running
        # Whatever was thrown at it, it still answers.
        assert running.result("eth_chainId") == hex(running.chain_id)


def test_it_listens_on_loopback_only(chain: DevnetProcess) -> None:
    address = urlsplit(chain.url)
    assert address.hostname == "127.0.0.1"
    # Were it bound to all addresses, another loopback address would reach it too.
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", address.port))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:{port}"}, 200),
        ({"Host": "attacker.example"}, 403),
        ({"Host": "attacker.example:{port}"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:{port}"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_web_pages_and_other_names_are_refused(chain: DevnetProcess, headers: dict[str, str], status: int) -> None:
    port = urlsplit(chain.url).port
    given = {name: value.format(port=port) for name, value in headers.items()}
    answered, body = chain.post(ASK, given)
    assert answered == status
    assert (b"0x7463646e" in body) == (status == 200)


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "DELETE"])
def test_only_post_is_served(chain: DevnetProcess, method: str) -> None:
    assert chain.post(b"", method=method)[0] == 405


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"eth_chainId"}', -32700),
        (b'{"id":' + b"9" * 5_000 + b"}", -32700),
        (b"[" * 100_000, -32700),
        (b'{"a":' * 50_000, -32700),
        (b"7", -32600),
        (b"null", -32600),
        (b'"eth_chainId"', -32600),
        (b"[]", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[1]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_sendTransaction","params":[{}]}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"__init__","params":[]}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"evm_increaseTime","params":[1]}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"evm_mine","params":[]}', -32601),
    ],
)
def test_malformed_requests_get_the_code_the_specification_gives(chain: DevnetProcess, body: bytes, code: int) -> None:
    status, answer = chain.post(body)
    assert status == 200
    assert json.loads(answer)["error"]["code"] == code


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("eth_getBalance", []),
        ("eth_getBalance", [7]),
        ("eth_getBalance", ["0x" + "11" * 19]),
        ("eth_getBalance", ["0x" + "11" * 20, "newest"]),
        ("eth_getBalance", ["0x" + "11" * 20, {"blockHash": "0x12"}]),
        ("eth_getBalance", ["0x" + "11" * 20, "0x8" + "0" * 15]),
        ("eth_getBalance", ["0x" + "11" * 20, "latest", "latest"]),
        ("eth_getStorageAt", ["0x" + "11" * 20, "0xzz"]),
        ("eth_call", ["0x"]),
        ("eth_call", [{"to": "0x12"}]),
        ("eth_call", [{"to": "0x" + "11" * 20, "value": 1}]),
        ("eth_call", [{"to": "0x" + "11" * 20, "value": "0x" + "f" * 65}]),
        ("eth_call", [{"to": "0x" + "11" * 20, "data": "0x123"}]),
        ("eth_call", [{"to": "0x" + "11" * 20, "data": "0x12", "input": "0x13"}]),
        ("eth_call", [{"to": "0x" + "11" * 20, "dat": "0x12"}]),
        ("eth_sendRawTransaction", ["02f8"]),
        ("eth_sendRawTransaction", []),
        ("eth_getTransactionReceipt", ["0x" + "11" * 31]),
        ("eth_getBlockByNumber", ["latest", 1]),
        ("eth_getLogs", [[]]),
        ("eth_getLogs", [{"topics": ["0x11"]}]),
        ("eth_getLogs", [{"topics": [None] * 5}]),
        ("eth_getLogs", [{"address": ["0x" + "11" * 20] * 101}]),
        ("eth_getLogs", [{"blockHash": "0x" + "11" * 32, "fromBlock": "0x0"}]),
        ("eth_getLogs", [{"from": "0x0"}]),
        ("eth_getLogs", [{"fromBlock": "0x8" + "0" * 15}]),
        ("eth_feeHistory", ["0x1", "latest", [50, 10]]),
        ("eth_feeHistory", ["0x1", "latest", [101]]),
        ("eth_feeHistory", ["0x1", "latest", ["50"]]),
    ],
)
def test_wrong_parameters_are_named(chain: DevnetProcess, method: str, parameters: list[Any]) -> None:
    error = chain.error(method, *parameters)
    assert error["code"] == -32602
    assert len(error["message"]) < 200


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("0x", "type not supported"),
        ("0x03c0", "type not supported"),
        ("0x04c0", "type not supported"),
        ("0x02", "rlp"),
        ("0x02c0", "rlp"),
        ("0x02f8ff", "rlp"),
        ("0xc0", "rlp"),
        ("0xff", "rlp"),
        ("0xf86080808080808080", "rlp"),
        ("0xc9808080808080808080", "rlp|EIP-155"),
        ("0x" + "02" * 131_073, "oversized"),
    ],
)
def test_what_is_no_transaction_is_refused(chain: DevnetProcess, raw: str, words: str) -> None:
    error = chain.error("eth_sendRawTransaction", raw)
    assert error["code"] == -32000
    assert any(word in error["message"] for word in words.split("|"))


def test_a_body_too_large_is_not_read(chain: DevnetProcess) -> None:
    assert chain.post(b" " * (2**20 + 1))[0] == 413


def test_a_batch_is_answered_in_order_and_notifications_not_at_all(chain: DevnetProcess) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": "a", "method": "net_version"},
        {"jsonrpc": "2.0", "method": "net_version"},
        7,
        {"jsonrpc": "2.0", "id": None, "method": "nothing"},
    ]
    answers = json.loads(chain.post(json.dumps(batch).encode())[1])
    assert answers[0] == {"jsonrpc": "2.0", "id": "a", "result": str(chain.chain_id)}
    assert [answer["id"] for answer in answers] == ["a", None, None]
    assert [answer["error"]["code"] for answer in answers[1:]] == [-32600, -32601]
    assert chain.post(json.dumps(batch[1:2]).encode()) == (204, b"")
    assert chain.post(json.dumps(batch[1]).encode()) == (204, b"")
    assert json.loads(chain.post(json.dumps(batch[:1] * 101).encode())[1])["error"]["code"] == -32600
