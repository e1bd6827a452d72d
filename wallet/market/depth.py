"""What the broker says about the order book: a snapshot, then deltas, and a checksum over the top of both sides.

Quantities are absolute (0 removes the level), so a replica that starts late heals by itself; a delta names the one
it follows. Prices and amounts are integers: quote base units per unit of base, and base units of base.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple
from zlib import crc32

CHECKED_LEVELS = 10
MAX_LEVELS = 1_000  # per side; what a broker may send and a replica holds

PriceLevel = tuple[int, int]  # price, amount


class Snapshot(NamedTuple):
    """A side of the book best level first: bids from the highest price, asks from the lowest."""

    seq: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]
    checksum: int


class Delta(NamedTuple):
    """The levels that changed since ``prev_seq``."""

    prev_seq: int
    seq: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]
    checksum: int


def checksum(bids: Iterable[PriceLevel], asks: Iterable[PriceLevel]) -> int:
    """CRC32 of ``price:amount`` of the ten best bids, then of the ten best asks, joined by ``|``."""
    rows = [f"{price}:{amount}" for side in (bids, asks) for price, amount in islice(side, CHECKED_LEVELS)]
    return crc32("|".join(rows).encode("ascii"))


def difference(before: Iterable[PriceLevel], after: Iterable[PriceLevel]) -> tuple[PriceLevel, ...]:
    """What turns ``before`` into ``after``: new and changed levels, and 0 for those that went."""
    old, new = dict(before), dict(after)
    changed = [(price, amount) for price, amount in new.items() if old.get(price) != amount]
    gone = [(price, 0) for price in old if price not in new]
    return tuple(changed + gone)
