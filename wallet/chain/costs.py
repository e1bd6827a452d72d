"""What leaving a channel takes of gas, by the number of its assets: for a person to see before he signs anything.

Straight lines just above the measured table (resources/contracts/gas-1.md; a test holds them against it), each for its
dear case: a trader who was never credited before, ERC-20 tokens, a proof that is implied.
"""

from __future__ import annotations

TRANSFER = 21_000  # of the chain's own coin to a plain account
WITHDRAW = 46_000  # of one asset
_MANDATE = 12_000  # an owner's signed Challenge, carried along and verified


def challenge(assets: int, *, mandate: bool = False) -> int:
    return 84_000 + 4_300 * assets + (_MANDATE if mandate else 0)


def answer(assets: int) -> int:
    return 63_000 + 4_300 * assets


def settle(assets: int) -> int:
    """Also of :func:`close`, which verifies two signatures more and reads no record."""
    return 56_000 + 38_500 * assets


def close(assets: int) -> int:
    return settle(assets)


def pay_out(assets: int) -> int:
    """A push or a withdrawal of each."""
    return WITHDRAW * assets


def watch(assets: int) -> int:
    """All that a watcher may have to send for one channel."""
    return answer(assets) + settle(assets) + pay_out(assets)
