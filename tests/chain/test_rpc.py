"""A node that lies, stalls, floods or sends nonsense: each answer is refused with its own code, and nothing hangs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wallet.chain import token
from wallet.chain.calls import Call
from wallet.chain.records import read_block, read_receipt
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Outgoing, Sender
from wallet.protocol.errors import WalletError

ADDRESS = b"\x11" * 20
HASH = b"\x22" * 32
HEX_HASH = "0x" + "22" * 32


class FakeNode:
    """An HTTP server on loopback whose every answer is given, as bytes or as a JSON-RPC result by method."""

    def __init__(self, answer: Callable[[dict[str, Any]], bytes]) -> None:
        self.answer = answer
        self.requests: list[dict[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")
            )
            request = json.loads(await reader.readexactly(length))
            self.requests.append(request)
            writer.write(self.answer(request))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def result(request: dict[str, Any], value: Any) -> bytes:
    return http(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": value}).encode())


def with_node(
    answer: Callable[[dict[str, Any]], bytes], use: Callable[[Rpc], Awaitable[object]], **options: Any
) -> tuple[object, FakeNode]:
    async def body() -> tuple[object, FakeNode]:
        node = FakeNode(answer)
        server = await asyncio.start_server(node.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Rpc(f"http://127.0.0.1:{port}/key", **options) as rpc:
            return await use(rpc), node

    return asyncio.run(body())


def refusal(
    answer: Callable[[dict[str, Any]], bytes], use: Callable[[Rpc], Awaitable[object]], **options: Any
) -> WalletError:
    with pytest.raises(WalletError) as caught:
        with_node(answer, use, **options)
    return caught.value


def envelope(**changes: Any) -> Callable[[dict[str, Any]], bytes]:
    """An answer to eth_chainId, right but for ``changes``; a value of Ellipsis takes the key away."""

    def answer(request: dict[str, Any]) -> bytes:
        reply = {"jsonrpc": "2.0", "id": request["id"], "result": "0x1", **changes}
        return http(json.dumps({key: value for key, value in reply.items() if value is not ...}).encode())

    return answer


def raw(body: bytes) -> Callable[[dict[str, Any]], bytes]:
    return lambda _: http(body)


ENVELOPES = [
    ("RPC_BAD_REPLY", raw(b"")),
    ("RPC_BAD_REPLY", raw(b"<html>")),
    ("RPC_BAD_REPLY", raw(b"[]")),
    ("RPC_BAD_REPLY", raw(b"null")),
    ("RPC_BAD_REPLY", raw(b'{"jsonrpc":"2.0","id":1,"result":"0x1","result":"0x2"}')),
    ("RPC_BAD_REPLY", raw(b'{"jsonrpc":"2.0","id":1,"result":NaN}')),
    ("RPC_BAD_REPLY", raw(b"[" * 100_000)),
    ("RPC_BAD_REPLY", envelope(jsonrpc="1.0")),
    ("RPC_BAD_REPLY", envelope(jsonrpc=...)),
    ("RPC_BAD_REPLY", envelope(id=2)),
    ("RPC_BAD_REPLY", envelope(id="1")),
    ("RPC_BAD_REPLY", envelope(id=True)),
    ("RPC_BAD_REPLY", envelope(id=None)),
    ("RPC_BAD_REPLY", envelope(result=...)),
    ("RPC_BAD_REPLY", envelope(error={"code": 1, "message": "x"})),
    ("RPC_BAD_REPLY", envelope(error="x", result=...)),
    ("RPC_BAD_REPLY", envelope(error={"message": "x"}, result=...)),
    ("RPC_BAD_REPLY", envelope(error={"code": "1", "message": "x"}, result=...)),
    ("RPC_ERROR", envelope(error={"code": -32000, "message": "busy"}, result=...)),
    ("RPC_HTTP", lambda _: http(b"{}", "500 Internal Server Error")),
    ("RPC_HTTP", lambda _: http(b"", "302 Found", "Location: http://127.0.0.1:1/")),
    ("RPC_BAD_REPLY", lambda _: http(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip")),
    ("RPC_UNREACHABLE", lambda _: b"nonsense\r\n\r\n"),
    ("RPC_UNREACHABLE", lambda _: b""),
    ("RPC_UNREACHABLE", lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
]


@pytest.mark.parametrize(("code", "answer"), ENVELOPES)
def test_what_is_no_answer(code: str, answer: Callable[[dict[str, Any]], bytes]) -> None:
    error = refusal(answer, lambda rpc: rpc.chain_id())
    assert error.code == code
    assert "key" not in str(error)


def test_an_answer_is_read_no_further_than_its_bound() -> None:
    error = refusal(raw(b" " * 5000), lambda rpc: rpc.chain_id(), max_reply=1000)
    assert error.code == "RPC_SIZE"


def test_a_node_that_stalls_is_left() -> None:
    slow = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: keep-alive\r\n\r\n"

    async def body() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(slow)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Rpc(f"http://127.0.0.1:{port}", timeout=0.3) as rpc:
            with pytest.raises(WalletError, match="RPC_TIMEOUT"):
                await rpc.chain_id()

    asyncio.run(body())


@pytest.mark.parametrize(
    "value", ["0x", "1", 1, None, "0x01", "0xg", "0x" + "f" * 65, "0X1", " 0x1", "-0x1", True, "0x1\n", ["0x1"]]
)
def test_quantities_are_strict(value: Any) -> None:
    assert refusal(lambda r: result(r, value), lambda rpc: rpc.balance(ADDRESS)).code == "RPC_BAD_REPLY"


def test_quantities_are_bounded_by_what_they_are() -> None:
    assert with_node(lambda r: result(r, hex(2**256 - 1)), lambda rpc: rpc.balance(ADDRESS))[0] == 2**256 - 1
    assert refusal(lambda r: result(r, hex(2**64)), lambda rpc: rpc.chain_id()).code == "RPC_BAD_REPLY"
    assert refusal(lambda r: result(r, hex(2**128)), lambda rpc: rpc.gas_price()).code == "RPC_BAD_REPLY"


@pytest.mark.parametrize("value", ["", "0", "0x0", "0x" + "0" * 63, "0xzz", None, 5, "0x" + "00" * (1 << 20) + "00"])
def test_data_is_strict(value: Any) -> None:
    assert refusal(lambda r: result(r, value), lambda rpc: rpc.code(ADDRESS)).code == "RPC_BAD_REPLY"


@pytest.mark.parametrize(
    "url",
    ["", "file:///etc/passwd", "ftp://a", "javascript:1", "//a", "http://", "http:///x", "http://a b", "http://u:p@a",
     "http://a:99999", "http://a\n", "http://\u0430", "localhost:8545"],
)  # fmt: skip
def test_only_plain_http_addresses(url: str) -> None:
    with pytest.raises(WalletError) as caught:
        Rpc(url)
    assert caught.value.code == "RPC_URL"


def revert(data: Any, message: str = "execution reverted", code: int = 3) -> Callable[[dict[str, Any]], bytes]:
    return envelope(error={"code": code, "message": message, "data": data}, result=...)


REASON = (
    "0x08c379a0" + (32).to_bytes(32, "big").hex() + (7).to_bytes(32, "big").hex() + b"BALANCE".ljust(32, b"\0").hex()
)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (revert(REASON), "BALANCE"),
        (revert({"data": REASON}), "BALANCE"),
        (revert(REASON, "VM Exception", -32000), "BALANCE"),
        (revert("0x"), "execution reverted"),
        (revert("0x08c379a0ffff"), "execution reverted"),
        (revert(None, "execution reverted: \u202eTRADER\nx"), "execution reverted: ?TRADER?x"),
        (revert("0x", "revert " + "a" * 10_000), "revert " + "a" * 193),
    ],
)
def test_the_reason_of_a_revert_is_plain_text(answer: Callable[[dict[str, Any]], bytes], reason: str) -> None:
    error = refusal(answer, lambda rpc: rpc.call(ADDRESS, b""))
    assert (error.code, error.params["reason"]) == ("RPC_REVERTED", reason)


BLOCK = {
    "number": "0x5", "hash": HEX_HASH, "parentHash": HEX_HASH, "timestamp": "0x64", "baseFeePerGas": "0x7",
    "gasLimit": "0x1c9c380", "transactions": [],
}  # fmt: skip
LOG = {
    "address": "0x" + ADDRESS.hex(), "topics": [HEX_HASH], "data": "0x", "blockNumber": "0x5", "blockHash": HEX_HASH,
    "transactionHash": HEX_HASH, "logIndex": "0x0", "removed": False,
}  # fmt: skip
RECEIPT = {
    "transactionHash": HEX_HASH, "blockNumber": "0x5", "blockHash": HEX_HASH, "status": "0x1", "gasUsed": "0x5208",
    "effectiveGasPrice": "0x8", "contractAddress": None, "logs": [LOG],
}  # fmt: skip


def test_a_block_and_a_receipt_are_read() -> None:
    block = read_block(BLOCK)
    assert (block.number, block.time, block.base_fee, block.gas_limit) == (5, 100, 7, 30_000_000)
    receipt = read_receipt(RECEIPT, HASH)
    assert (receipt.succeeded, receipt.gas_used, receipt.gas_price, len(receipt.logs)) == (True, 21_000, 8, 1)
    assert not read_receipt({**RECEIPT, "status": "0x0"}, HASH).succeeded


@pytest.mark.parametrize("key", ["hash", "parentHash", "timestamp", "gasLimit", "baseFeePerGas", "number"])
def test_a_block_with_a_wrong_member(key: str) -> None:
    with pytest.raises(WalletError, match="RPC_BAD_REPLY"):
        read_block({**BLOCK, key: "0x0g"})


@pytest.mark.parametrize(
    "change",
    [
        {"transactionHash": "0x" + "33" * 32}, {"status": "0x2"}, {"status": None}, {"blockHash": "0x22"}, {"logs": {}},
        {"logs": [{**LOG, "topics": [HEX_HASH] * 5}]}, {"logs": [{**LOG, "data": "x"}]}, {"logs": [[]]},
        {"contractAddress": "0x11"}, {"gasUsed": -1},
    ],
)  # fmt: skip
def test_a_receipt_with_a_wrong_member(change: dict[str, Any]) -> None:
    with pytest.raises(WalletError, match="RPC_BAD_REPLY"):
        read_receipt({**RECEIPT, **change}, HASH)


@pytest.mark.parametrize(
    "change", [{"address": "0x" + "12" * 20}, {"blockNumber": "0x6"}, {"topics": []}, {"topics": ["0x" + "00" * 32]}]
)
def test_events_that_were_not_asked_for_are_not_believed(change: dict[str, Any]) -> None:
    error = refusal(lambda r: result(r, [{**LOG, **change}]), lambda rpc: rpc.logs(0, 5, ADDRESS, (HASH,)))
    assert error.code == "RPC_BAD_REPLY"


def test_events_that_were_removed_are_left_out() -> None:
    found, node = with_node(
        lambda r: result(r, [LOG, {**LOG, "removed": True}]),
        lambda rpc: rpc.logs(0, 5, ADDRESS, ((HASH, ADDRESS * 2), None)[:1]),
    )
    assert isinstance(found, tuple)
    assert len(found) == 1
    assert node.requests[0]["params"][0]["topics"] == [[HEX_HASH, "0x" + (ADDRESS * 2).hex()]]


def word(value: int) -> str:
    return value.to_bytes(32, "big").hex()


def text(content: bytes) -> str:
    return "0x" + word(32) + word(len(content)) + content.ljust(-(-len(content) // 32) * 32, b"\0").hex()


@pytest.mark.parametrize(
    ("decimals", "symbol", "code"),
    [
        ("0x" + word(37), text(b"USDT"), "TOKEN_METADATA"),
        ("0x" + word(77), text(b"USDT"), "TOKEN_METADATA"),
        ("0x" + word(256), text(b"USDT"), "RPC_BAD_REPLY"),
        ("0x", text(b"USDT"), "RPC_BAD_REPLY"),
        ("0x" + word(6), text(b""), "TOKEN_METADATA"),
        ("0x" + word(6), text(b"A" * 13), "TOKEN_METADATA"),
        ("0x" + word(6), text(b"US DT"), "TOKEN_METADATA"),
        ("0x" + word(6), text("USD\u202e".encode()), "TOKEN_METADATA"),
        ("0x" + word(6), text(b"U" * 100_000), "TOKEN_METADATA"),
        ("0x" + word(6), text(b"\xff\xfe"), "RPC_BAD_REPLY"),
        ("0x" + word(6), "0x" + word(2**255), "RPC_BAD_REPLY"),
        ("0x" + word(6), "0x" + word(32) + word(2**200), "RPC_BAD_REPLY"),
    ],
)
def test_what_a_token_says_of_itself_is_bounded(decimals: str, symbol: str, code: str) -> None:
    def answer(request: dict[str, Any]) -> bytes:
        return result(request, decimals if request["params"][0]["data"] == "0x313ce567" else symbol)

    assert refusal(answer, lambda rpc: token.metadata(rpc, ADDRESS)).code == code


# --- transactions ------------------------------------------------------------------------------------------------


def honest(request: dict[str, Any]) -> Any:
    """What a node with one rich account says, by method."""
    return {
        "eth_chainId": "0x1",
        "eth_estimateGas": "0x5208",
        "eth_getBlockByNumber": BLOCK,
        "eth_maxPriorityFeePerGas": "0x1",
        "eth_getBalance": hex(10**18),
        "eth_getTransactionCount": "0x0",
        "eth_getTransactionByHash": None,
        "eth_blockNumber": "0x5",
    }.get(request["method"])


def sending(overrides: dict[str, Any]) -> Callable[[dict[str, Any]], bytes]:
    """An honest node, but for the methods in ``overrides``: a value, or a dict with "error"."""

    def answer(request: dict[str, Any]) -> bytes:
        given = overrides.get(request["method"], honest(request))
        if isinstance(given, dict) and "error" in given:
            return http(json.dumps({"jsonrpc": "2.0", "id": request["id"], **given}).encode())
        return result(request, given)

    return answer


def sender(rpc: Rpc, stored: list[Outgoing]) -> Sender:
    return Sender(rpc, 1, KeySigner(b"\x01" * 32), stored.append)


def failure(message: str) -> dict[str, Any]:
    return {"error": {"code": -32000, "message": message}}


@pytest.mark.parametrize(
    "message", ["already known", "ALREADY_KNOWN: already known", "Known transaction: 0x", "nonce too low"]
)
def test_a_node_that_has_it_already_is_no_failure(message: str) -> None:
    stored: list[Outgoing] = []
    found = {"eth_getTransactionByHash": {"hash": HEX_HASH}} if message == "nonce too low" else {}
    sent, node = with_node(
        sending({"eth_sendRawTransaction": failure(message), **found}),
        lambda rpc: sender(rpc, stored).send(Call(ADDRESS, b"", 5)),
    )
    assert stored == [sent]
    assert isinstance(sent, Outgoing)
    assert node.requests[-1]["method"] in {"eth_sendRawTransaction", "eth_getTransactionByHash"}


@pytest.mark.parametrize("message", ["nonce too low", "replacement transaction underpriced", "intrinsic gas too low"])
def test_a_refused_transaction_is_an_error_and_stays_stored(message: str) -> None:
    stored: list[Outgoing] = []
    error = refusal(
        sending({"eth_sendRawTransaction": failure(message)}),
        lambda rpc: sender(rpc, stored).send(Call(ADDRESS, b"", 5)),
    )
    assert (error.code, error.params["message"], len(stored)) == ("RPC_ERROR", message, 1)


def test_the_chain_id_is_asked_before_every_signature() -> None:
    stored: list[Outgoing] = []
    error = refusal(sending({"eth_chainId": "0x2"}), lambda rpc: sender(rpc, stored).send(Call(ADDRESS, b"", 5)))
    assert (error.code, stored) == ("CHAIN_WRONG_ID", [])


def test_a_greedy_fee_is_capped_and_a_dear_one_refused() -> None:
    stored: list[Outgoing] = []
    dear = {**BLOCK, "baseFeePerGas": hex(10**12 * 10**9)}
    error = refusal(
        sending({"eth_getBlockByNumber": dear}), lambda rpc: sender(rpc, stored).send(Call(ADDRESS, b"", 5))
    )
    assert (error.code, stored) == ("TX_FEE_TOO_HIGH", [])
    sent, _ = with_node(
        sending({"eth_maxPriorityFeePerGas": hex(10**12 * 10**9), "eth_sendRawTransaction": HEX_HASH}),
        lambda rpc: sender(rpc, stored).send(Call(ADDRESS, b"", 5)),
    )
    assert isinstance(sent, Outgoing)
    assert sent.max_fee_per_gas == 2 * 7 + 5 * 10**9
    assert sent.max_cost == sent.gas_limit * sent.max_fee_per_gas


def test_a_reorganised_receipt_counts_anew() -> None:
    """The block that a receipt names must be the one that the chain has at that height."""
    seen: list[str] = []

    def answer(request: dict[str, Any]) -> bytes:
        method = request["method"]
        if method == "eth_getTransactionReceipt":
            seen.append(method)
            asked = request["params"][0]
            return result(request, {**RECEIPT, "transactionHash": asked, "logs": []})
        if method == "eth_getBlockByNumber" and len(seen) == 1:
            return result(request, {**BLOCK, "hash": "0x" + "99" * 32})
        return result(request, honest(request))

    outgoing = Outgoing(b"", HASH, ADDRESS, 0, Call(ADDRESS, b""), 21_000, 1)
    receipt, _ = with_node(answer, lambda rpc: sender(rpc, []).wait(outgoing, poll=0.01))
    assert len(seen) == 2
    assert receipt == read_receipt({**RECEIPT, "logs": []}, HASH)


def test_a_node_that_is_away_for_a_moment_is_waited_for() -> None:
    seen: list[str] = []

    def answer(request: dict[str, Any]) -> bytes:
        seen.append(request["method"])
        if len(seen) < 4:
            return [b"", http(b"", "503 Service Unavailable"), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"][
                len(seen) - 1
            ]
        if request["method"] == "eth_getTransactionReceipt":
            return result(request, {**RECEIPT, "logs": []})
        return result(request, honest(request))

    outgoing = Outgoing(b"", HASH, ADDRESS, 0, Call(ADDRESS, b""), 21_000, 1)
    receipt, _ = with_node(answer, lambda rpc: sender(rpc, []).wait(outgoing, poll=0.01))
    assert receipt == read_receipt({**RECEIPT, "logs": []}, HASH)


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"eth_getTransactionReceipt": None}, "TX_NOT_MINED"),
        ({"eth_getTransactionReceipt": {**RECEIPT, "status": "0x0"}}, "TX_FAILED"),
        ({"eth_getTransactionReceipt": RECEIPT, "eth_blockNumber": "0x6"}, "TX_NOT_MINED"),
    ],
)
def test_waiting_ends(overrides: dict[str, Any], code: str) -> None:
    outgoing = Outgoing(b"", HASH, ADDRESS, 0, Call(ADDRESS, b""), 21_000, 1)
    depth = 3 if "eth_blockNumber" in overrides else 1
    error = refusal(
        sending(overrides), lambda rpc: sender(rpc, []).wait(outgoing, confirmations=depth, within=0.3, poll=0.05)
    )
    assert error.code == code
