"""The wallet's copy of a broker's order book, kept by snapshot and deltas.

A broker's feed is hostile input: a copy that can no longer be right shows nothing and says why, until a new snapshot
replaces it whole (merging an old copy into a new snapshot is the classic way to ghost prices).
"""

from __future__ import annotations

from bisect import bisect_left
from enum import Enum
from itertools import islice

from wallet.market.depth import MAX_LEVELS, Delta, PriceLevel, Snapshot, checksum
from wallet.protocol.amounts import MAX_AMOUNT


class Problem(Enum):
    """Why a replica needs a new snapshot."""

    EMPTY = "empty"  # there was none yet
    GAP = "gap"  # a delta does not follow the last one
    CHECKSUM = "checksum"
    CROSSED = "crossed"  # the best bid is not below the best ask
    FORM = "form"  # a level that can't be: price 0, negative, unsorted, too many


class _Side:
    """One side: amounts by price, and the prices sorted, best first by ``sign``."""

    def __init__(self, sign: int) -> None:
        self.sign = sign  # 1 for asks, -1 for bids: the key of the best level is the lowest
        self.amounts: dict[int, int] = {}
        self.keys: list[int] = []

    def load(self, levels: tuple[PriceLevel, ...]) -> bool:
        self.amounts = dict(levels)
        self.keys = [self.sign * price for price, _ in levels]
        rising = all(low < high for low, high in zip(self.keys, self.keys[1:], strict=False))
        return rising and len(levels) <= MAX_LEVELS and all(_possible(level) and level[1] for level in levels)

    def change(self, level: PriceLevel) -> bool:
        price, amount = level
        if not _possible(level):
            return False
        key = self.sign * price
        at = bisect_left(self.keys, key)
        known = at < len(self.keys) and self.keys[at] == key
        if amount:
            self.amounts[price] = amount
            if not known:
                self.keys.insert(at, key)
        elif known:
            del self.amounts[price]
            del self.keys[at]
        return True

    def levels(self, count: int | None = None) -> tuple[PriceLevel, ...]:
        return tuple((self.sign * key, self.amounts[self.sign * key]) for key in islice(self.keys, count))


def _possible(level: PriceLevel) -> bool:
    return 0 < level[0] <= MAX_AMOUNT and 0 <= level[1] <= MAX_AMOUNT


class BookReplica:
    """One market's book. ``problem`` is None while the copy is known to be right."""

    def __init__(self) -> None:
        self.seq = 0
        self.problem: Problem | None = Problem.EMPTY
        self._bids = _Side(-1)
        self._asks = _Side(1)

    def load(self, snapshot: Snapshot) -> Problem | None:
        """Replaces everything by ``snapshot``; what is wrong with it, if anything."""
        formed = self._bids.load(snapshot.bids) and self._asks.load(snapshot.asks)
        self.seq = snapshot.seq
        return self._judge(snapshot.checksum, formed=formed)

    def apply(self, delta: Delta) -> Problem | None:
        """Takes one delta; the problem if a new snapshot is needed. Deltas up to the snapshot's ``seq`` are skipped."""
        if self.problem is not None:
            return self.problem
        if delta.seq <= self.seq:
            return None
        if delta.prev_seq != self.seq:
            return self._fail(Problem.GAP)
        formed = all(map(self._bids.change, delta.bids)) and all(map(self._asks.change, delta.asks))
        self.seq = delta.seq
        return self._judge(delta.checksum, formed=formed)

    def lose(self) -> None:
        """The connection broke: nothing is shown until the next snapshot."""
        self._fail(Problem.EMPTY)

    def bids(self, count: int | None = None) -> tuple[PriceLevel, ...]:
        """The ``count`` best bids, (price, amount), highest first."""
        return self._bids.levels(count)

    def asks(self, count: int | None = None) -> tuple[PriceLevel, ...]:
        """The ``count`` best asks, lowest first."""
        return self._asks.levels(count)

    @property
    def best_bid(self) -> int | None:
        return -self._bids.keys[0] if self._bids.keys else None

    @property
    def best_ask(self) -> int | None:
        return self._asks.keys[0] if self._asks.keys else None

    @property
    def mid(self) -> int | None:
        """The floor of the middle between best bid and best ask; the one there is, if only one; None without any."""
        bid, ask = self.best_bid, self.best_ask
        if bid is None or ask is None:
            return bid if ask is None else ask
        return (bid + ask) // 2

    def sweep(self, side: int, amount: int) -> tuple[int, int] | None:
        """(worst price, sum of price × quantity) of taking ``amount`` now; ``side`` is the taker's, 0 buys.

        None if the copy does not hold enough.
        """
        total = worst = 0
        for price, there in self._asks.levels() if side == 0 else self._bids.levels():
            taken = min(there, amount)
            total += price * taken
            worst = price
            amount -= taken
            if not amount:
                return worst, total
        return None

    def _judge(self, claimed: int, *, formed: bool) -> Problem | None:
        bids, asks = self._bids, self._asks
        if not formed or max(len(bids.keys), len(asks.keys)) > MAX_LEVELS:
            return self._fail(Problem.FORM)
        if bids.keys and asks.keys and -bids.keys[0] >= asks.keys[0]:
            return self._fail(Problem.CROSSED)
        if checksum(bids.levels(10), asks.levels(10)) != claimed:
            return self._fail(Problem.CHECKSUM)
        self.problem = None
        return None

    def _fail(self, problem: Problem) -> Problem:
        self.problem = problem
        self._bids, self._asks = _Side(-1), _Side(1)
        return problem
