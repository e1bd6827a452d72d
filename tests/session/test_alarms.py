"""A dead task is an alarm: failures injected into every piece of background work."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import ground
from tests.session.moves import cancelled, shown
from tests.support.waiting import until
from wallet.protocol.errors import WalletError
from wallet.session.alarms import KEPT, Alarms


def test_a_watched_task_that_fails_or_ends_is_an_alarm(caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []

    async def fails() -> None:
        raise KeyError("a mistake")

    async def ends() -> None:
        return

    async def stays() -> None:
        await asyncio.Event().wait()

    async def work() -> None:
        alarms = Alarms(lambda: told.append(1))
        alarms.watch("one", fails())
        alarms.watch("two", ends())
        alarms.watch("three", ends(), endless=False)
        task = alarms.watch("four", stays())
        await asyncio.sleep(0.05)
        assert {name: row.params["why"] for name, row in alarms.rows.items()} == {
            "one": "one: KeyError",
            "two": "two ended",
        }
        await alarms.stop()
        assert task.cancelled()
        assert set(alarms.rows) == {"one", "two"}  # ended because we said so

    with caplog.at_level(logging.ERROR):
        asyncio.run(work())
    assert len(told) == 2
    assert "one failed" in caplog.text
    assert "a mistake" in caplog.text


def test_alarms_keep_the_first_of_each_kind_and_not_without_bound() -> None:
    alarms = Alarms()
    alarms.sound("one", WalletError("STORE_FAILED", why="first"))
    alarms.sound("one", WalletError("STORE_FAILED", why="second"))
    assert alarms.rows["one"].params == {"why": "first"}
    for number in range(100):
        alarms.sound(f"task {number}", KeyError())
    assert len(alarms.rows) == KEPT


@pytest.mark.parametrize(
    ("where", "what", "work_named"),
    [
        ("_beat", "heartbeats", "connection"),
        ("_join_all", "joining", "connection"),
        ("_on_propose", "a proposal", "answering"),
        ("feed", "market data", "market data"),
    ],
)
def test_a_failure_in_the_driver_is_an_alarm_and_the_driver_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, what: str, work_named: str
) -> None:
    async def fails(*_: Any) -> None:
        raise KeyError(what)

    async def work() -> None:
        async with ground(tmp_path) as there:
            target, name = (there.link.feed, "_load") if where == "feed" else (there.link, where)
            with monkeypatch.context() as patch:
                patch.setattr(target, name, fails)
                if where == "feed":
                    there.link.feed.watch((b"\x00" * 20, b"\x11" * 20), 60)
                elif where == "_on_propose":
                    assert (await there.liar.show(*shown(cancelled(there, there.buy))))["error"] == "INTERNAL"
                else:
                    there.liar.joined.clear()
                    there.liar.peers[-1].abort()
                await until(lambda: work_named in there.link.alarms.rows)
            assert there.link.alarms.rows[work_named].code == "TASK_DIED"
            await until(lambda: there.link.live.online)
            assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))

    asyncio.run(work())
