"""Turns of the cooperative flow: how often one may be passed on. Pure: times are seconds of a monotonic clock.

Each yield costs the other side a signature and a place in its history, so a storm of them is an attack
(research/security §3.7, TRN-YIELD-STORM). Source: design §1 (yieldInterval), §4.
"""

from __future__ import annotations

BURST = 8  # yields that may come together: what a broken connection held back arrives at once
FASTEST = 0.01  # seconds between two yields in the long run where the terms name no interval
PATIENCE = 3  # yields refused for their rate until the connection is closed


class YieldMeter:
    """Counts the yields of one role as they are received."""

    __slots__ = ("_at", "_interval", "_level", "strikes")

    def __init__(self, interval: float, now: float) -> None:
        """``interval``: yieldInterval of the terms, in seconds."""
        self._interval = max(float(interval), FASTEST)
        self._level = float(BURST)
        self._at = now
        self.strikes = 0

    def take(self, now: float) -> float:
        """0 if a yield may pass now; else in how many seconds it may, counted as a strike."""
        self._level = min(float(BURST), self._level + max(0.0, now - self._at) / self._interval)
        self._at = now
        if self._level >= 1:
            self._level -= 1
            self.strikes = 0
            return 0.0
        self.strikes += 1
        return (1 - self._level) * self._interval

    @property
    def is_storm(self) -> bool:
        """Whether so many came too early that the connection is to be closed."""
        return self.strikes > PATIENCE


def may_yield(interval: int, yielded: float | None, now: float) -> bool:
    """Whether who last yielded at ``yielded`` may yield again."""
    return yielded is None or now - yielded >= interval
