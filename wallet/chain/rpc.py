"""A node reached by JSON-RPC over HTTP, and trusted with nothing: every answer is bounded, parsed and checked here.

Source: EIP-1474; threat model "malicious chain RPC". A node can still lie with well-formed answers: what is decided
from them waits for confirmations, and code hash and chain id are compared with what the program knows.
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from wallet.chain.abi import decode
from wallet.chain.quantities import (
    bad_reply,
    plain_text,
    read_data,
    read_quantity,
    read_record,
    show_data,
    show_quantity,
)
from wallet.chain.records import (
    Block,
    FeeHistory,
    Log,
    Receipt,
    read_block,
    read_fee_history,
    read_logs,
    read_receipt,
)
from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    import aiohttp

Json = Any

MAX_REPLY = 8 << 20
MAX_LOGS = 20_000
MAX_FEE_BLOCKS = 64
_FEE_HISTORY = "eth_feeHistory"  # its gasUsedRatio, which is not read, is the one fraction of all answers
REVERT_ERROR = bytes.fromhex("08c379a0")  # Error(string)
_HEADER_ONLY = False  # of a block: hashes instead of transactions
REVERT_CODE = 3  # JSON-RPC error code of a revert, by custom


class Rpc:
    """One node. Use as an async context manager, or `close` it. One connection pool, no shared state."""

    def __init__(self, url: str, *, timeout: float = 15.0, max_reply: int = MAX_REPLY) -> None:
        """``url``: http or https; ``timeout``: seconds for a whole exchange. Raises WalletError("RPC_URL")."""
        self._name = _node_name(url)
        self._url = url
        self._timeout = timeout
        self._max_reply = max_reply
        self._next_id = 0
        self._session: aiohttp.ClientSession | None = None

    @property
    def node(self) -> str:
        """Scheme, host and port of the node: what may be shown and logged."""
        return self._name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # --- methods -------------------------------------------------------------------------------------------------

    async def chain_id(self) -> int:
        return read_quantity(await self.request("eth_chainId"), "eth_chainId", bits=64)

    async def block_number(self) -> int:
        return read_quantity(await self.request("eth_blockNumber"), "eth_blockNumber", bits=63)

    async def block(self, which: int | str = "latest") -> Block | None:
        """The header of a block, by number or tag (latest, pending, safe, finalized, earliest); None if unknown."""
        name = show_quantity(which) if isinstance(which, int) else which
        found = await self.request("eth_getBlockByNumber", name, _HEADER_ONLY)
        return None if found is None else read_block(found)

    async def code(self, address: bytes) -> bytes:
        return read_data(await self.request("eth_getCode", show_data(address), "latest"), "eth_getCode")

    async def balance(self, address: bytes) -> int:
        """Wei."""
        return read_quantity(await self.request("eth_getBalance", show_data(address), "latest"), "eth_getBalance")

    async def nonce(self, address: bytes, tag: str = "pending") -> int:
        found = await self.request("eth_getTransactionCount", show_data(address), tag)
        return read_quantity(found, "eth_getTransactionCount", bits=63)

    async def call(self, to: bytes, data: bytes, sender: bytes | None = None, tag: str = "latest") -> bytes:
        """What a call returns without being sent. Raises WalletError("RPC_REVERTED")."""
        return read_data(await self.request("eth_call", _transaction(to, data, 0, sender), tag), "eth_call")

    async def estimate_gas(self, to: bytes, data: bytes, value: int, sender: bytes, *, mined: bool = False) -> int:
        """Raises WalletError("RPC_REVERTED") for a transaction that would fail.

        ``mined``: go by what is in blocks; nodes differ in whether they count what still waits, unless told.
        """
        tag = ("latest",) if mined else ()
        found = await self.request("eth_estimateGas", _transaction(to, data, value, sender), *tag)
        return read_quantity(found, "eth_estimateGas", bits=63)

    async def gas_price(self) -> int:
        """Wei per gas."""
        return read_quantity(await self.request("eth_gasPrice"), "eth_gasPrice", bits=128)

    async def priority_fee(self) -> int:
        """Wei per gas that the node suggests as a tip."""
        return read_quantity(await self.request("eth_maxPriorityFeePerGas"), "eth_maxPriorityFeePerGas", bits=128)

    async def fee_history(self, blocks: int, shares: tuple[int, ...]) -> FeeHistory:
        """What the newest ``blocks`` (1 … 64) cost; tips at these shares (0 … 100, rising) of each block's gas."""
        found = await self.request(_FEE_HISTORY, show_quantity(blocks), "latest", list(shares))
        return read_fee_history(found, MAX_FEE_BLOCKS, len(shares))

    async def send_raw(self, raw: bytes) -> bytes:
        """The hash the node gives the transaction."""
        return read_data(
            await self.request("eth_sendRawTransaction", show_data(raw)), "eth_sendRawTransaction", size=32
        )

    async def receipt(self, transaction: bytes) -> Receipt | None:
        """None while it is not mined."""
        found = await self.request("eth_getTransactionReceipt", show_data(transaction))
        return None if found is None else read_receipt(found, transaction)

    async def knows_transaction(self, transaction: bytes) -> bool:
        """Whether the node has it, mined or waiting."""
        found = await self.request("eth_getTransactionByHash", show_data(transaction))
        if found is not None and type(found) is not dict:
            raise bad_reply("eth_getTransactionByHash", "no object")
        return found is not None

    async def transaction_data(self, transaction: bytes) -> bytes | None:
        """What a transaction says to whom it calls; None if the node does not have it."""
        found = await self.request("eth_getTransactionByHash", show_data(transaction))
        if found is None:
            return None
        row = read_record(found, "eth_getTransactionByHash")
        return read_data(row.get("input"), "eth_getTransactionByHash")

    async def logs(
        self, first: int, last: int, address: bytes, topics: tuple[bytes | tuple[bytes, ...] | None, ...] = ()
    ) -> tuple[Log, ...]:
        """Events of ``address`` in blocks first … last, both included; a topic of None matches any."""
        wanted = {
            "fromBlock": show_quantity(first),
            "toBlock": show_quantity(last),
            "address": show_data(address),
            "topics": [_topic(topic) for topic in topics],
        }
        logs = read_logs(await self.request("eth_getLogs", wanted), "eth_getLogs", MAX_LOGS)
        for log in logs:
            # What was not asked for must not be believed.
            if log.address != address or not first <= log.block_number <= last or not _matches(log.topics, topics):
                raise bad_reply("eth_getLogs", "an event that was not asked for")
        return logs

    # --- transport -----------------------------------------------------------------------------------------------

    async def request(self, method: str, *params: Json) -> Json:
        """The result of one call, unchecked but for its envelope.

        Raises WalletError: RPC_UNREACHABLE, RPC_TIMEOUT, RPC_HTTP, RPC_SIZE, RPC_BAD_REPLY, RPC_ERROR, RPC_REVERTED.
        """
        self._next_id += 1
        identifier = self._next_id
        body = json.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}).encode()
        data = await self._post(body, method)
        try:
            fractions = method == _FEE_HISTORY
            reply = strictjson.loads(data, max_bytes=self._max_reply, max_depth=32, fractions=fractions)
        except WalletError as error:
            raise bad_reply(method, error.code) from error
        return _result(reply, identifier, method)

    async def _post(self, body: bytes, method: str) -> bytes:
        import aiohttp

        if self._session is None:
            # No environment proxy, no cookies; identity encoding, so that the size read is the size there is.
            self._session = aiohttp.ClientSession(
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                },
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            )
        try:
            async with self._session.post(self._url, data=body, allow_redirects=False) as response:
                if response.status != 200:
                    raise WalletError("RPC_HTTP", node=self._name, method=method, status=response.status)
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise bad_reply(method, "encoded content")
                return await self._read(response.content, method)
        except TimeoutError as error:
            raise WalletError("RPC_TIMEOUT", node=self._name, method=method, seconds=self._timeout) from error
        except (aiohttp.ClientError, OSError) as error:
            reason = plain_text(type(error).__name__)
            raise WalletError("RPC_UNREACHABLE", node=self._name, method=method, reason=reason) from error

    async def _read(self, content: aiohttp.StreamReader, method: str) -> bytes:
        parts = bytearray()
        while chunk := await content.readany():
            parts += chunk
            if len(parts) > self._max_reply:
                raise WalletError("RPC_SIZE", node=self._name, method=method, limit=self._max_reply)
        return bytes(parts)


def _node_name(url: str) -> str:
    """Scheme, host and port: what may be shown and logged. The path may hold somebody's API key."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WalletError("RPC_URL", reason="not an address") from error
    if parts.scheme not in {"http", "https"}:
        raise WalletError("RPC_URL", reason="only http and https")
    if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
        raise WalletError("RPC_URL", reason="no plain host name")
    if parts.username is not None or parts.password is not None:
        raise WalletError("RPC_URL", reason="no user or password in the address")
    return f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port is not None else "")


def _transaction(to: bytes, data: bytes, value: int, sender: bytes | None) -> dict[str, str]:
    fields = {"data": show_data(data)}
    if to:  # else it makes a contract
        fields["to"] = show_data(to)
    if value:
        fields["value"] = show_quantity(value)
    if sender is not None:
        fields["from"] = show_data(sender)
    return fields


def _topic(topic: bytes | tuple[bytes, ...] | None) -> Json:
    if topic is None:
        return None
    return show_data(topic) if isinstance(topic, bytes) else [show_data(one) for one in topic]


def _matches(topics: tuple[bytes, ...], wanted: tuple[bytes | tuple[bytes, ...] | None, ...]) -> bool:
    if len(topics) < len(wanted):
        return False
    for topic, one in zip(topics, wanted, strict=False):
        if one is not None and topic not in ((one,) if isinstance(one, bytes) else one):
            return False
    return True


def _result(reply: object, identifier: int, method: str) -> Json:
    if not isinstance(reply, dict) or reply.get("jsonrpc") != "2.0":
        raise bad_reply(method, "no JSON-RPC 2.0")
    # Exact type, for True is 1 to Python.
    if type(reply.get("id")) is not int or reply["id"] != identifier:
        raise bad_reply(method, "the answer to another question")
    error = reply.get("error")
    if error is None:
        if "result" not in reply:
            raise bad_reply(method, "neither result nor error")
        return reply["result"]
    if reply.get("result") is not None:
        raise bad_reply(method, "both result and error")
    raise _error(error, method)


def _error(error: object, method: str) -> WalletError:
    if not isinstance(error, dict) or type(error.get("code")) is not int or not isinstance(error.get("message"), str):
        return bad_reply(method, "an error of no form")
    code, message = error["code"], plain_text(error["message"])
    reason = _revert_reason(error.get("data"), method)
    if reason is not None or code == REVERT_CODE or "revert" in message.lower():
        return WalletError("RPC_REVERTED", method=method, reason=reason or message)
    return WalletError("RPC_ERROR", method=method, error=code, message=message)


def _revert_reason(data: Json, method: str) -> str | None:
    """The text of Error(string) in an error's data; some nodes wrap it in an object."""
    if isinstance(data, dict):
        data = data.get("data")
    try:
        output = read_data(data, method)
        if not output.startswith(REVERT_ERROR):
            return None
        return plain_text(decode(("string",), output[4:], method)[0])
    except WalletError:
        return None
