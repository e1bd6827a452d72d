"""Pauses between tries: how they grow, how they are spread, and what counts as a success."""

from __future__ import annotations

import asyncio
import random
import statistics
from pathlib import Path

import pytest

from tests.session.ground import ground
from tests.support.waiting import PATIENCE, until
from wallet.session import connection
from wallet.session.backoff import FLOOR, Backoff


def test_the_interval_doubles_up_to_its_ceiling_and_begins_anew_after_a_success() -> None:
    backoff = Backoff(0.25, 15, spread=lambda: 1.0)
    assert [backoff.next() for _ in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15]
    backoff.succeeded()
    assert backoff.next() == 0.25


def test_pauses_are_spread_over_the_whole_interval() -> None:
    """Ten thousand wallets after one broker's restart: evenly over the interval, none at once."""
    spread = random.Random(7)
    pauses = []
    for _ in range(10_000):
        backoff = Backoff(8, 8, spread.random)
        pauses.append(backoff.next())
    assert 8 * FLOOR <= min(pauses) < 8 * FLOOR + 0.1
    assert 7.9 < max(pauses) < 8
    assert statistics.mean(pauses) == pytest.approx(8 * (1 + FLOOR) / 2, rel=0.02)
    tenths = [sum(low <= pause < low + 0.72 for pause in pauses) for low in (0.8 + 0.72 * n for n in range(10))]
    assert all(850 < count < 1_150 for count in tenths)


def test_a_connection_that_breaks_at_once_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker who takes every connection and drops it is not asked four times a second for ever."""

    async def work() -> None:
        async with ground(tmp_path) as there:
            there.link._backoff = Backoff(0.01, 10, spread=lambda: 0.0)
            for count in range(2, 5):
                there.liar.peers[-1].abort()
                await until(lambda n=count: len(there.liar.peers) >= n)
                await there.link.online(PATIENCE)
            assert there.link._backoff._interval == 0.08
            monkeypatch.setattr(connection, "TRUSTED_AFTER", 0.0)
            there.liar.peers[-1].abort()
            await until(lambda: len(there.liar.peers) >= 5)
            assert there.link._backoff._interval == 0.02  # had lasted: one new doubling

    asyncio.run(work())
