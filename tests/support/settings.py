"""A broker's file to start from: the example that ships, filled in."""

from __future__ import annotations

from wallet.resources import resource

_FILLED = {
    "CHAIN": "31337",
    "RPC": "http://127.0.0.1:8545",
    "CONTRACT": "0x" + "ad" * 20,
    "TEST": "true",
    "QUOTE": "USDT",
    "TOKEN": "0x" + "11" * 20,
    "DECIMALS": "6",
}


def example() -> str:
    text = resource("broker/broker.toml").read_text(encoding="utf-8")
    for name, value in _FILLED.items():
        text = text.replace(f"@{name}@", value)
    return text


def filled(text: str, **changes: str) -> str:
    """The file with other values for the first key of each name."""
    lines = text.splitlines()
    for key, value in changes.items():
        index = next(number for number, line in enumerate(lines) if line.startswith(f"{key} ="))
        lines[index] = f"{key} = {value}"
    return "\n".join(lines) + "\n"
