"""An EVM in the process, for the contract's tests: actors with keys, time, tokens, readable reverts and logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from coincurve import PrivateKey
from pyrevm import EVM, AccountInfo, BlockEnv, CfgEnv, Env

from wallet.chain import calls
from wallet.chain.abi import Abi, decode, encode, read_abi
from wallet.chain.artifact import adjudicator
from wallet.chain.calls import Call
from wallet.protocol.eip712 import Domain, keccak
from wallet.protocol.signatures import address_of
from wallet.resources import resource

CHAIN_ID = 31_415
START = 1_800_000_000
ETHER = 10**18
CALL_GAS = 5_000_000  # many times what the largest channel costs; who burns all of it soon comes to an end
DEPLOYER = b"\xde" * 20


@dataclass(frozen=True)
class Actor:
    """A key and its address."""

    key: PrivateKey
    address: bytes


@cache
def actor(name: str) -> Actor:
    """The same key for the same name, always."""
    key = PrivateKey(keccak(name.encode()))
    return Actor(key, address_of(key.public_key))


class Reverted(Exception):
    """The call reverted; the text is the contract's reason, or "" if it gave none."""


@dataclass(frozen=True)
class Receipt:
    """What a transaction did. (Gas is measured elsewhere: this EVM keeps storage warm between transactions.)"""

    output: bytes
    events: tuple[tuple[str, dict[str, Any]], ...]


def hexed(address: bytes) -> str:
    return "0x" + address.hex()


def revert_reason(output: bytes) -> str:
    """The text of Error(string), or "" for anything else."""
    if output[:4] == bytes.fromhex("08c379a0"):
        return str(decode(("string",), output[4:], "Error")[0])
    return ""


class Chain:
    """One chain with one adjudicator on it."""

    def __init__(self, chain_id: int = CHAIN_ID) -> None:
        self.evm = EVM(env=Env(cfg=CfgEnv(chain_id=chain_id)), spec_id="CANCUN")
        self.evm.set_balance(hexed(DEPLOYER), 10**24)
        self.block = 0
        self.set_time(START)
        self.contract = self.deploy(adjudicator().bytecode)
        self.domain = Domain(chain_id, self.contract)
        self.abi = adjudicator().abi
        self.events: list[tuple[str, dict[str, Any]]] = []  # of the adjudicator, since the beginning

    @property
    def now(self) -> int:
        return self.time

    def set_time(self, time: int) -> None:
        """Begins a block at ``time`` (Unix seconds)."""
        self.time = time
        self.block += 1
        self.evm.set_block_env(BlockEnv(timestamp=time, number=self.block, gas_limit=60_000_000))

    def pass_time(self, seconds: int) -> None:
        self.set_time(self.time + seconds)

    def deploy(self, code: bytes) -> bytes:
        address = self.evm.deploy(hexed(DEPLOYER), code)
        return bytes.fromhex(address[2:])

    def remove_code(self, address: bytes) -> None:
        """As if the contract had destroyed itself."""
        self.evm.insert_account_info(hexed(address), AccountInfo(code=b""))
        assert not (self.evm.get_code(hexed(address)) or b"").strip(b"\0")

    def fund(self, address: bytes, wei: int) -> None:
        self.evm.set_balance(hexed(address), wei)

    def balance(self, address: bytes) -> int:
        return int(self.evm.get_balance(hexed(address)))

    def send(self, sender: bytes, call: Call, abi: Abi | None = None, gas: int | None = None) -> Receipt:
        """A transaction. Raises Reverted; then nothing has changed."""
        self.evm.reset_transient_storage()
        try:
            output = bytes(
                self.evm.message_call(hexed(sender), hexed(call.to), call.data, value=call.value, gas=gas or CALL_GAS)
            )
        except RuntimeError as error:
            raise Reverted(self._why(error)) from None
        result = self.evm.result
        assert result is not None
        assert result.is_success
        self.events += self._events([log for log in result.logs if self._is_ours(log)], self.abi.events)
        known = {**self.abi.events, **(abi.events if abi else {})}
        return Receipt(output, tuple(self._events(result.logs, known)))

    def _is_ours(self, log: Any) -> bool:
        """Whether the adjudicator logged it: a token may log what looks like its events."""
        return bytes.fromhex(str(log.address)[2:]) == self.contract

    def _why(self, error: Exception) -> str:
        text = str(error)
        start = text.find("0x")
        if start < 0:
            return ""
        digits = text[start + 2 :]
        end = next((i for i, letter in enumerate(digits) if letter not in "0123456789abcdefABCDEF"), len(digits))
        return revert_reason(bytes.fromhex(digits[: end - end % 2]))

    @staticmethod
    def _events(logs: Sequence[Any], known: dict[bytes, Any]) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for log in logs:
            topics, data = log.data
            topics = [bytes(topic) for topic in topics]
            if topics and topics[0] in known:
                event = known[topics[0]]
                found.append((event.name, event.decode(topics, bytes(data))))
        return found

    def read(self, to: bytes, function: Any, *arguments: object) -> tuple[Any, ...]:
        """What a view returns."""
        output = self.evm.message_call(hexed(DEPLOYER), hexed(to), function.encode(*arguments), is_static=True)
        return function.decode_result(bytes(output))

    def view(self, name: str, *arguments: object) -> Any:
        """What a view of the adjudicator returns: the value, or a tuple of several."""
        values = self.read(self.contract, calls.function(name), *arguments)
        return values[0] if len(values) == 1 else values

    def token(self, symbol: str = "TKN", decimals: int = 18) -> Token:
        artifact = json.loads(resource("contracts/test-token.json").read_text())
        arguments = encode(("string", "string", "uint8"), (symbol, symbol, decimals))
        code = bytes.fromhex(artifact["bytecode"].removeprefix("0x")) + arguments
        return Token(self, self.deploy(code), read_abi(artifact["abi"]))


@dataclass(frozen=True)
class Token:
    """An ERC-20 on the chain."""

    chain: Chain
    address: bytes
    abi: Abi

    def mint(self, to: bytes, amount: int) -> None:
        self.call(DEPLOYER, "mint", to, amount)

    def approve(self, owner: bytes, amount: int) -> None:
        self.call(owner, "approve", self.chain.contract, amount)

    def balance(self, owner: bytes) -> int:
        return int(self.chain.read(self.address, self.abi.functions["balanceOf"], owner)[0])

    def call(self, sender: bytes, name: str, *arguments: object) -> Receipt:
        return self.chain.send(sender, Call(self.address, self.abi.functions[name].encode(*arguments)), self.abi)
