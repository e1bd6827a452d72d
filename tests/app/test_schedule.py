"""Backups by schedule: when one is due, which go, what a failure sounds like; on a real profile with a real clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.keys.vaults import PASSWORD, make
from wallet.app import backup, schedule
from wallet.app.schedule import WORK, Backups, Plan, file_of, kept, made_at, surplus, wait
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError
from wallet.session.alarms import Alarms

NOW = 1_800_000_000
TAG = "0badcafe"


def plan(folder: Path, hours: int = 1, keep: int = 2) -> Plan:
    return Plan(str(folder), hours, keep, TAG)


@pytest.mark.parametrize(
    ("chosen", "last", "due"),
    [
        (Plan(hours=5, tag=TAG), 0, None),
        (Plan("/x", 0, tag=TAG), 0, None),
        (Plan("/x", 5, tag=TAG), 0, 0.0),
        (Plan("/x", 5, tag=TAG), NOW, 18_000.0),
        (Plan("/x", 5, tag=TAG), NOW - 17_000, 1_000.0),
        (Plan("/x", 5, tag=TAG), NOW - 18_000, 0.0),
        (Plan("/x", 5, tag=TAG), NOW + 10, 18_010.0),
        (Plan("/x", 5, tag=TAG), NOW + 10_000, 0.0),  # a clock was wrong
    ],
)
def test_when_one_is_due(chosen: Plan, last: int, due: float | None) -> None:
    assert wait(chosen, last, NOW) == due


@given(st.integers(0, 4_000_000_000))
def test_a_files_name_says_when_it_was_made(now: int) -> None:
    assert made_at(file_of(plan(Path("/x")), now).name, TAG) == now


@pytest.mark.parametrize(
    "name",
    [
        "channel-wallet-0badcafe-20270115-080000.backup.old",
        "channel-wallet-deadbeef-20270115-080000.backup",
        "channel-wallet-0badcafe-20271315-080000.backup",
        "channel-wallet-0badcafe-.backup",
        "my-channel-wallet-0badcafe-20270115-080000.backup",
        "notes.txt",
        "",
    ],
)
def test_other_files_are_nobodys_business(name: str) -> None:
    assert made_at(name, TAG) is None


def test_the_oldest_go_and_never_the_new_one() -> None:
    files = [file_of(plan(Path("/x")), NOW + number) for number in range(4)]
    assert surplus(files, 2, files[3]) == files[:2]
    assert surplus(files, 9, files[3]) == []
    assert surplus(files, 1, files[0]) == files[1:]  # the clock went back: it is the new one all the same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"folder":"/x","hours":-1,"keep":1,"tag":"0badcafe"}',
        '{"folder":"/x","hours":1,"keep":1,"tag":"../../.."}',
        '{"folder":7,"hours":1,"keep":1,"tag":"0badcafe"}',
        '{"folder":"/x","hours":1,"keep":1}',
    ],
)
def test_choices_that_are_not_understood(tmp_path: Path, text: str) -> None:
    (tmp_path / schedule.SETTINGS).write_text(text, encoding="utf-8")
    with pytest.raises(WalletError, match="BACKUP_SETTINGS"):
        schedule.load(tmp_path)


# --- at work ----------------------------------------------------------------------------------------------------------


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def remove(folder: Path) -> None:
    folder.rmdir()


def restore(folder: Path) -> None:
    folder.mkdir()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        for _ in range(10**6):
            if condition():
                return
            await asyncio.sleep(0.02)


def run(path: Path, work: Callable[[Backups, Alarms, Path], Awaitable[None]]) -> None:
    async def main() -> None:
        vault, alarms = make(path / "profile" / "keys.vault"), Alarms()
        folder = path / "backups"
        folder.mkdir()
        made = Backups(path / "profile", vault, alarms, lambda: None)
        alarms.watch("backups", made.run())
        try:
            await work(made, alarms, folder)
        finally:
            await alarms.stop()
            await made.stop()

    asyncio.run(main())


def test_chosen_it_makes_one_at_once_and_can_be_read(tmp_path: Path) -> None:
    async def work(made: Backups, alarms: Alarms, folder: Path) -> None:
        await asyncio.sleep(0)
        assert not names(folder)
        await made.choose(str(folder), 1, 2)
        await until(lambda: made.view.last and not made.view.doing)
        (file,) = kept(made.plan)
        assert made_at(file.name, made.plan.tag) == made.view.last
        assert file.stat().st_mode & 0o077 == 0
        assert backup.verify(file, Secret(PASSWORD)).channels == 0
        assert not alarms.rows
        again = Backups(tmp_path / "profile", make(tmp_path / "other" / "keys.vault"), Alarms(), lambda: None)
        assert again.plan == made.plan  # after the next start

    run(tmp_path, work)


def test_no_more_are_kept_than_wanted_and_others_files_stay(tmp_path: Path) -> None:
    async def work(made: Backups, alarms: Alarms, folder: Path) -> None:
        (folder / "notes.txt").write_text("mine", encoding="utf-8")
        old = [file_of(plan(folder), 1_000_000 + number).name.replace(TAG, made.plan.tag) for number in range(5)]
        for name in (*old, "channel-wallet-deadbeef-20200101-000000.backup"):
            (folder / name).write_text("old", encoding="utf-8")
        await made.choose(str(folder), 0, 3)
        new = await made.make(None)
        assert [path.name for path in kept(made.plan)] == [*old[-2:], new.name]
        assert names(folder) > {
            "notes.txt",
            "channel-wallet-deadbeef-20200101-000000.backup",
        }

    run(tmp_path, work)


def test_a_folder_that_went_away_is_an_alarm_until_a_backup_succeeds(tmp_path: Path) -> None:
    async def work(made: Backups, alarms: Alarms, folder: Path) -> None:
        await made.choose(str(folder), 0, 3)
        remove(folder)
        made.plan = plan(folder)
        made._woken.set()
        await until(lambda: WORK in alarms.rows)
        assert alarms.rows[WORK].code == "BACKUP_FOLDER"
        restore(folder)
        made._woken.set()
        await until(lambda: WORK not in alarms.rows)
        assert len(names(folder)) == 1

    run(tmp_path, work)


def test_what_is_being_written_is_given_up_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(made: Backups, alarms: Alarms, folder: Path) -> None:
        real = backup.make

        def slow(*given: object) -> int:
            cancelled: Callable[[], bool] = given[-1]  # type: ignore[assignment]
            while not cancelled():
                pass
            return real(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(backup, "make", slow)
        making = asyncio.create_task(made.make(folder / "x"))
        await until(made._one.locked)
        await made.stop()
        with pytest.raises(WalletError, match="BACKUP_CANCELLED"):
            await making
        assert not names(folder)

    run(tmp_path, work)


def test_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    async def work(made: Backups, alarms: Alarms, folder: Path) -> None:
        for wrong in (str(folder / "nowhere"), "relative"):
            with pytest.raises(WalletError, match="BACKUP_FOLDER"):
                await made.choose(wrong, 1, 1)
        with pytest.raises(WalletError, match="BACKUP_FOLDER"):
            await made.make(None)
        assert made.plan.folder == ""

    run(tmp_path, work)
