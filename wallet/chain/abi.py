"""Functions and events of a contract as its artifact describes them: selectors, topics, encoding.

Source: the Contract ABI specification. eth-abi is loaded at first use: importing it costs a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from wallet.protocol.eip712 import keccak
from wallet.protocol.errors import WalletError

Json = Any


@dataclass(frozen=True)
class Function:
    """One function: its name and the canonical types of what goes in and comes out."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @cached_property
    def selector(self) -> bytes:
        return keccak(f"{self.name}({','.join(self.inputs)})".encode())[:4]

    def encode(self, *arguments: object) -> bytes:
        """Calldata. Addresses are 20 bytes, structs tuples; ValueError and the like are the caller's mistake."""
        return self.selector + encode(self.inputs, arguments)

    def decode_result(self, data: bytes) -> tuple[Any, ...]:
        """What a node says the function returned. Raises WalletError("RPC_BAD_REPLY")."""
        return decode(self.outputs, data, self.name)


@dataclass(frozen=True)
class Event:
    """One event: (name, type) of its indexed and of its other members."""

    name: str
    indexed: tuple[tuple[str, str], ...]
    plain: tuple[tuple[str, str], ...]
    inputs: tuple[str, ...]

    @cached_property
    def topic(self) -> bytes:
        return keccak(f"{self.name}({','.join(self.inputs)})".encode())

    def decode(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """The members by name. Indexed members must be of static types. Raises WalletError("RPC_BAD_REPLY")."""
        if len(topics) != len(self.indexed) + 1:
            raise WalletError("RPC_BAD_REPLY", method=self.name, reason="wrong number of topics")
        found = {
            name: decode((kind,), topic, self.name)[0]
            for (name, kind), topic in zip(self.indexed, topics[1:], strict=True)
        }
        values = decode([kind for _, kind in self.plain], data, self.name)
        return found | {name: value for (name, _), value in zip(self.plain, values, strict=True)}


@dataclass(frozen=True)
class Abi:
    """A contract's functions by name, its events by topic."""

    functions: Mapping[str, Function]
    events: Mapping[bytes, Event]

    def topic(self, name: str) -> bytes:
        """The first topic of the event called ``name``."""
        return next(topic for topic, event in self.events.items() if event.name == name)


def read_abi(entries: Json) -> Abi:
    """An ABI from its JSON form, as compilers write it. Overloaded names are not supported (ValueError)."""
    functions: dict[str, Function] = {}
    events: dict[bytes, Event] = {}
    for entry in entries:
        if entry["type"] == "function":
            if entry["name"] in functions:
                raise ValueError(f"overloaded function {entry['name']}")
            functions[entry["name"]] = Function(entry["name"], _types(entry["inputs"]), _types(entry["outputs"]))
        elif entry["type"] == "event":
            event = Event(
                entry["name"],
                tuple((part["name"], _type(part)) for part in entry["inputs"] if part["indexed"]),
                tuple((part["name"], _type(part)) for part in entry["inputs"] if not part["indexed"]),
                _types(entry["inputs"]),
            )
            events[event.topic] = event
    return Abi(functions, events)


def encode(types: Sequence[str], values: Sequence[object]) -> bytes:
    from eth_abi.abi import encode as encode_values

    return encode_values(types, values)


def decode(types: Sequence[str], data: bytes, what: str) -> tuple[Any, ...]:
    """Values of what a node returned; addresses as 20 bytes. Raises WalletError("RPC_BAD_REPLY")."""
    from eth_abi.abi import decode as decode_values
    from eth_abi.exceptions import DecodingError

    try:
        values = decode_values(types, data)
    except (DecodingError, OverflowError, ValueError) as error:
        raise WalletError("RPC_BAD_REPLY", method=what, reason=type(error).__name__) from error
    return tuple(_plain(kind, value) for kind, value in zip(types, values, strict=True))


def _plain(kind: str, value: Any) -> Any:
    # eth-abi gives addresses as hex strings; everything in this program has them as bytes.
    if kind == "address":
        return bytes.fromhex(value[2:])
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return tuple(_plain(inner, item) for item in value)
    if kind.startswith("("):
        return tuple(_plain(part, item) for part, item in zip(_split(kind[1:-1]), value, strict=True))
    return value


def _split(text: str) -> list[str]:
    """The members of a tuple type, split at the commas of the outermost level."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(text):
        if letter == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
        depth += (letter == "(") - (letter == ")")
    return [*parts, text[start:]]


def _types(parts: Json) -> tuple[str, ...]:
    return tuple(map(_type, parts))


def _type(part: Json) -> str:
    kind: str = part["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_types(part['components']))})" + kind.removeprefix("tuple")
