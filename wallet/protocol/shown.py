"""What a flag says it expected and got: text for a person, of addresses, amounts and rows."""

from __future__ import annotations

from wallet.protocol.state import Balance, Outcome


def show(value: object) -> str:
    """Bytes as ``0x…``, rows with the names of their columns, several things in a line; amounts in base units."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Balance):
        return f"{show(value.asset)} available {value.available}, locked {value.locked}"
    if isinstance(value, Outcome):
        return f"{show(value.asset)} to broker {value.to_broker}, to trader {value.to_trader}"
    if isinstance(value, (list, tuple)):
        return "; ".join(map(show, value)) or "none"
    return str(value)
