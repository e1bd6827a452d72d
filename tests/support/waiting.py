"""Waiting for what must come to be, however slow and loaded the machine is.

The limit only ends a test that would hang: no test may say by it how fast something is. A condition must stay true
once it is: one that holds for a moment between two states is missed by whoever looks every few milliseconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds
_POLL = 0.01


async def until(condition: Callable[[], object], within: float = PATIENCE) -> None:
    """In an asyncio loop."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(_POLL)


def eventually(condition: Callable[[], object], within: float = PATIENCE) -> None:
    """Where what is waited for happens in another thread or process."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(_POLL)
