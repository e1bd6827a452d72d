"""The clocks of the driver: one for claims, one for deadlines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def awake_or_asleep() -> float:
    """Seconds that pass while the computer sleeps, too: time.monotonic stands still then on Linux and macOS.

    Else a fill matched while a laptop's lid was shut would look as fresh as the last heartbeat before.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if hasattr(time, "clock_gettime"):
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # macOS: this one goes on, what time.monotonic reads does not
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall clock for claims, monotonic clock for deadlines; both in seconds."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = awake_or_asleep
