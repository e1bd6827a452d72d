"""How the specification's files are written: plain JSON values, one entry of a table on one line."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

from wallet.protocol.codec import show_hex
from wallet.protocol.eip712 import FIELDS, Domain

Json = Any


def show_domain(domain: Domain) -> dict[str, Json]:
    return {"chainId": domain.chain_id, "verifyingContract": show_hex(domain.contract)}


def message_of(name: str, value: Any) -> dict[str, Json]:
    """The EIP-712 message of one struct: bytes as ``0x…``, integers as decimal strings, as every library takes them."""
    cells = [getattr(value, field.name) for field in fields(value)] if is_dataclass(value) else list(value)
    return {field: _cell(kind, cell) for (kind, field), cell in zip(FIELDS[name], cells, strict=True)}


def _cell(kind: str, value: Any) -> Json:
    if kind.endswith("[]"):
        return [message_of(kind[:-2], row) for row in value]
    if kind == "string":
        return value
    return show_hex(value) if isinstance(value, bytes) else str(int(value))


def render(value: Json, depth: int = 2) -> bytes:
    """JSON text: the outer ``depth`` levels one entry to a line, what is inside on one line. Ends with a newline."""
    return (_render(value, depth, "") + "\n").encode()


def _render(value: Json, depth: int, indent: str) -> str:
    if depth == 0 or not isinstance(value, dict | list) or not value:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    inner = indent + " "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key)}: {_render(item, depth - 1, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _render(item, depth - 1, inner) for item in value) + f"\n{indent}]"
