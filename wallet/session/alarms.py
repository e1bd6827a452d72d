"""A dead task is an alarm, not silence: what must never fail unseen is run and watched here.

An alarm stays until the program is started again: whoever looks later still learns of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from wallet.protocol.errors import WalletError

log = logging.getLogger(__name__)

KEPT = 20  # different alarms; whoever can cause more can't fill the memory


class Alarms:
    """What went wrong that must not, by the name of the work, with the tasks that are watched for it."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.rows: dict[str, WalletError] = {}
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()

    def sound(self, work: str, error: BaseException) -> None:
        """Tells of a failure that no code expected; the first of each ``work`` is kept."""
        log.error("%s failed", work, exc_info=error)
        if work not in self.rows and len(self.rows) < KEPT:
            died = WalletError("TASK_DIED", why=f"{work}: {type(error).__name__}")
            self.rows[work] = error if isinstance(error, WalletError) else died
        self._changed()

    def watch(self, work: str, task: Coroutine[Any, Any, None], *, endless: bool = True) -> asyncio.Task[None]:
        """Runs ``task``; its failure, and the end of one that is ``endless``, is an alarm."""
        watched = asyncio.create_task(task, name=work)
        self._tasks.add(watched)
        watched.add_done_callback(lambda done: self._ended(work, done, endless=endless))
        return watched

    def _ended(self, work: str, task: asyncio.Task[None], *, endless: bool) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.sound(work, error)
        elif endless:
            self.sound(work, WalletError("TASK_DIED", why=f"{work} ended"))

    async def stop(self) -> None:
        """Cancels all that is watched and waits for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
