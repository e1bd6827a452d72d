"""What a fill came to: its price with the fee in it. Pure."""

from __future__ import annotations


def effective(side: str, unit: int, price: int, quantity: int, fee: int, whole: int) -> int | None:
    """Quote base units per ``whole`` base units of base, once the fee is paid; rounded against the trader.

    ``price`` is quote base units per ``unit`` of base, ``fee`` in base units of what was received (a buyer's is taken
    from the base). None where the fee took all of it.
    """
    value = price * quantity // unit
    if side == "buy":
        kept = quantity - fee
        return -(-value * whole // kept) if kept > 0 else None
    return (value - fee) * whole // quantity if quantity > 0 else None
