"""The tape of a market's last trades, bounded, and without repeats."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

TAPE_LENGTH = 500


class Trade(NamedTuple):
    """One public trade: ``side`` is the taker's (0 buys), ``time_ms`` Unix milliseconds as the broker says."""

    id: int
    time_ms: int
    side: int
    price: int
    amount: int


class Tape:
    """The last trades of one market, oldest first."""

    def __init__(self, length: int = TAPE_LENGTH) -> None:
        self._trades: deque[Trade] = deque(maxlen=length)

    def add(self, trades: Iterable[Trade]) -> list[Trade]:
        """Takes what is new, which is returned: ids rise, so a repeat after a reconnect is dropped."""
        added = []
        for trade in trades:
            if trade.id > self.last_id and trade.price > 0 and trade.amount > 0:
                self._trades.append(trade)
                added.append(trade)
        return added

    @property
    def last_id(self) -> int:
        return self._trades[-1].id if self._trades else 0

    def trades(self) -> tuple[Trade, ...]:
        return tuple(self._trades)
