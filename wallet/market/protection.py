"""The price a market order is sent at: the protocol knows limits only, so it takes no worse than this. Pure."""

from __future__ import annotations

from wallet.protocol.amounts import PPM


def protection(tick: int, best: int, side: str, cap: int) -> int:
    """The worst price a market order accepts: ``cap`` ppm through the ``best`` one, on tick, never beyond the cap.

    Prices and ``tick`` are quote base units per unit of base; ``side`` is the taker's, "buy" or "sell".
    """
    if side == "buy":
        worst = best * (PPM + cap) // PPM
        return max(worst - worst % tick, best)
    worst = -(-best * (PPM - cap) // PPM)
    return min(worst + -worst % tick, best)
