"""Whose clock is wrong: ours, the broker's, or nobody can say. Pure.

A claimed time proves nothing, but a block that exists was not made in the future: the newest block's time is a floor
that neither side can have set back, give or take what validators may put into it. Source: design §3 (``time``).
"""

from __future__ import annotations

from wallet.protocol.errors import WalletError

WARN = 60.0  # seconds apart from which the user is told
BLOCK_ORDERS = 600.0  # seconds apart from which no new order is signed: its deadlines would mean nothing
DRIFT = 30  # seconds a block may be ahead of the true time
QUIET = 120  # seconds without a block after which the newest says nothing about who is ahead


def difference(ahead: float, now: float, block: int) -> WalletError | None:
    """What to tell if the broker's clock is ``ahead`` of ours by so many seconds (less than 0: behind), else None.

    ``now`` is our own Unix time, ``block`` that of the newest block we know (0: none).
    CLOCK_OURS, CLOCK_BROKER or CLOCK_UNSURE, with ``seconds``.
    """
    if abs(ahead) <= WARN:
        return None
    his, seconds = now + ahead, round(abs(ahead))
    if block and min(now, his) + DRIFT < block:  # the one behind claims a time before a block that exists
        return WalletError("CLOCK_OURS" if now < his else "CLOCK_BROKER", seconds=seconds)
    if block and abs(min(now, his) - block) <= QUIET < max(now, his) - block:  # the chain goes on, by the other's time
        return WalletError("CLOCK_OURS" if now > his else "CLOCK_BROKER", seconds=seconds)
    return WalletError("CLOCK_UNSURE", seconds=seconds)
