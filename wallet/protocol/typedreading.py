"""EIP-712 JSON of strangers, read as one of the protocol's structs and as nothing else.

The types must be ours to the letter, the domain a trading-channels contract, and every value in range: what comes out
is the digest of exactly what is shown. Source: EIP-712 ("eth_signTypedData").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wallet.protocol import codec
from wallet.protocol.eip712 import DOMAIN_NAME, DOMAIN_VERSION, FIELDS, TYPE_HASHES, Domain, array_hash, keccak
from wallet.protocol.errors import WalletError
from wallet.protocol.typed import TypedDigest

_DOMAIN_TYPE = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
_MAX_ROWS = 1024


@dataclass(frozen=True, slots=True)
class TypedMessage:
    """One struct for one contract on one chain; ``rows`` are its values as they are signed, by dotted name."""

    domain: Domain
    typed: TypedDigest
    rows: tuple[tuple[str, str], ...]


def read_typed_data(value: Any) -> TypedMessage:
    """Parsed JSON. Raises WalletError("TYPED_FORM", why) for any but the protocol's own structs."""
    try:
        row = codec.read_object(value, "typed data", ("types", "primaryType", "domain", "message"))
        name = codec.read_text(row["primaryType"], "primaryType")
        if name not in FIELDS or row["types"] != _types(name):
            raise WalletError("TYPED_FORM", why="it is no message of trading channels")
        domain = _domain(row["domain"])
        rows: list[tuple[str, str]] = []
        struct = _struct(name, row["message"], name, rows)
    except WalletError as error:
        if error.code == "TYPED_FORM":
            raise
        raise WalletError("TYPED_FORM", why=str(error.params.get("what", error.code))) from None
    return TypedMessage(domain, TypedDigest(name, keccak(b"\x19\x01" + domain.separator + struct)), tuple(rows))


def _types(name: str) -> dict[str, list[dict[str, str]]]:
    inner = [kind[:-2] for kind, _ in FIELDS[name] if kind.endswith("[]")]
    ours = {part: [{"name": field, "type": kind} for kind, field in FIELDS[part]] for part in (name, *inner)}
    return {"EIP712Domain": _DOMAIN_TYPE, **ours}


def _domain(value: Any) -> Domain:
    row = codec.read_object(value, "domain", ("name", "version", "chainId", "verifyingContract"))
    if (row["name"], row["version"]) != (DOMAIN_NAME, DOMAIN_VERSION):
        raise WalletError("TYPED_FORM", why="it is for another program")
    contract = codec.read_hex(_lower(row["verifyingContract"]), 20, "verifyingContract")
    return Domain(_number(row["chainId"], 256, "chainId"), contract)


def _struct(name: str, value: Any, at: str, rows: list[tuple[str, str]]) -> bytes:
    """EIP-712 ``hashStruct``."""
    fields = codec.read_object(value, at, tuple(field for _, field in FIELDS[name]))
    words = [_word(kind, fields[field], f"{at}.{field}", rows) for kind, field in FIELDS[name]]
    return keccak(TYPE_HASHES[name] + b"".join(words))


def _word(kind: str, value: Any, at: str, rows: list[tuple[str, str]]) -> bytes:
    if kind.endswith("[]"):
        items = codec.read_list(value, at)
        if len(items) > _MAX_ROWS:
            raise WalletError("TYPED_FORM", why=at)
        return array_hash([_struct(kind[:-2], item, f"{at}.{index}", rows) for index, item in enumerate(items)])
    if kind == "string":
        text = codec.read_text(value, at)
        rows.append((at, text))
        return keccak(text.encode())
    if kind.startswith("uint"):
        number = _number(value, int(kind[4:]), at)
        rows.append((at, str(number)))
        return number.to_bytes(32, "big")
    data = codec.read_hex(_lower(value), 20 if kind == "address" else 32, at)
    rows.append((at, "0x" + data.hex()))
    return data.rjust(32, b"\0")


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value  # others write addresses with EIP-55's capitals


def _number(value: Any, bits: int, at: str) -> int:
    number = codec.read_amount(value, at) if isinstance(value, str) else value
    if type(number) is not int or not 0 <= number < 1 << bits:
        raise WalletError("TYPED_FORM", why=at)
    return number
