"""A long history verified by all cores: spans of it, each by a process of its own, one after another from the lowest.

Python checks one signature at a time in a process. What is told is what one process would tell: spans meet in states
that both sides signed, and the first span that does not hold decides. Memory does not grow with the history.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wallet.history.reader import HistoryReader
from wallet.history.verify import Span, Verdict, verify_history, verify_orders, verify_part, verify_whole
from wallet.protocol.errors import WalletError

SPAN = 4_000  # states: about half a second of one core, and so of patience after a cancel
SHORT = 5 * SPAN  # a history not longer than this is done before other processes have started
ORDERS = 10 * SPAN
AHEAD = 2  # spans that wait for each process


@dataclass(frozen=True, slots=True)
class _Found:
    """What one process found: a verdict and :func:`verify_part`'s rows, or an error that is none of the history."""

    verdict: Verdict | None
    rows: int = 0
    error: tuple[str, dict[str, Any]] = ("", {})


def verify_file(
    path: Path,
    channel: bytes,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    workers: int | None = None,
    span: int = SPAN,
) -> Verdict:
    """:func:`verify_history` of the journal at ``path``, by ``workers`` processes (None: one for each core)."""
    workers = os.cpu_count() or 1 if workers is None else workers
    with HistoryReader(path) as history:
        total = history.count(channel)
        if workers < 2 or total <= SHORT * span // SPAN:
            return verify_history(history, channel, progress, cancelled)
        lost = history.lost()  # first of all: the mark moves while others write
        pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
        try:
            found, rows = Verdict(0, 0, 0), 0
            for part in _in_order(pool, _states, path, channel, _spans(history, channel, span), workers):
                assert part.verdict is not None
                found, rows = _sum(found, part.verdict), max(rows, part.rows)
                if not found.sound:
                    return found
                progress(found.states, total)
                if cancelled():
                    return replace(found, complete=False)
            found = verify_whole(history, channel, found, rows, lost)
            nonces = _nonces(history.top_nonce(channel), ORDERS * span // SPAN)
            for part in _in_order(pool, _orders, path, channel, nonces, workers) if found.sound else ():
                assert part.verdict is not None
                if part.verdict.bad is not None:
                    bad = part.verdict
                    return replace(found, bad=found.increment, code=bad.code, expected=bad.expected, got=bad.got)
                if cancelled():
                    return replace(found, complete=False)
            return found
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _spans(history: HistoryReader, channel: bytes, length: int) -> Iterator[Span]:
    """The whole history: each span but the last ends with a validated state."""
    after = -1
    while (upto := history.validated_from(channel, after + length)) is not None:
        yield Span(after, upto)
        after = upto
    yield Span(after)


def _nonces(top: int, length: int) -> Iterator[Span]:
    after = -1
    while after + length < top:
        yield Span(after, after + length)
        after += length
    yield Span(after)


def _in_order(
    pool: ProcessPoolExecutor,
    work: Callable[[Path, bytes, Span], _Found],
    path: Path,
    channel: bytes,
    spans: Iterator[Span],
    workers: int,
) -> Iterator[_Found]:
    """What ``work`` finds in each span, the lowest first, with a few always under way."""
    waiting: deque[Future[_Found]] = deque()
    for span in spans:
        waiting.append(pool.submit(work, path, channel, span))
        if len(waiting) > AHEAD * workers:
            yield _result(waiting.popleft())
    while waiting:
        yield _result(waiting.popleft())


def _result(future: Future[_Found]) -> _Found:
    found = future.result()
    if found.verdict is None:
        code, params = found.error
        raise WalletError(code, **params)
    return found


def _sum(before: Verdict, part: Verdict) -> Verdict:
    return replace(part, states=before.states + part.states, validated=before.validated + part.validated)


# --- in the other processes ------------------------------------------------------------------------------------------


def _states(path: Path, channel: bytes, span: Span) -> _Found:
    try:
        with HistoryReader(path) as history:
            return _Found(*verify_part(history, channel, span))
    except WalletError as error:  # its parameters don't survive the way back by themselves
        return _Found(None, error=(error.code, dict(error.params)))


def _orders(path: Path, channel: bytes, span: Span) -> _Found:
    try:
        with HistoryReader(path) as history:
            return _Found(verify_orders(history, channel, Verdict(0, 0, 0), span))
    except WalletError as error:
        return _Found(None, error=(error.code, dict(error.params)))
