"""How long to wait before the next try: twice as long each time, spread, up to a ceiling.

Spread over the whole interval ("full jitter"): after a broker's restart thousands of wallets come back one by one,
not in waves. Source: Brooker, "Exponential Backoff and Jitter" (AWS architecture blog, 2015).
"""

from __future__ import annotations

import random
from collections.abc import Callable

FLOOR = 0.1  # of the interval: never at once


class Backoff:
    """Pauses in seconds, each between a tenth of its interval and all of it."""

    def __init__(self, first: float, longest: float, spread: Callable[[], float] = random.random) -> None:
        """``spread`` gives numbers in [0, 1); jitter needs no secrecy."""
        self._first = first
        self._longest = longest
        self._spread = spread
        self._interval = first

    def next(self) -> float:
        """The pause before the next try."""
        interval, self._interval = self._interval, min(2 * self._interval, self._longest)
        return interval * (FLOOR + (1 - FLOOR) * self._spread())

    def succeeded(self) -> None:
        """It went well for long enough to believe it: the next trouble is a new one."""
        self._interval = self._first
