"""Backups by schedule: where, how often, how many are kept; made beside the driver's work, one at a time.

A failure is an alarm until a backup succeeds, and is tried again. What is kept beyond the wish is deleted oldest
first, and only what this profile's schedule has named itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import msgspec

from wallet.app import backup
from wallet.app.profile import write_file
from wallet.app.snapshots import BackupView
from wallet.keys.vault import Vault
from wallet.protocol import codec, strictjson
from wallet.protocol.errors import WalletError
from wallet.session.alarms import Alarms

SETTINGS = "backups.json"
WORK = "backing up"  # the alarm's name
AGAIN = 600.0  # seconds after a failure
LONGEST_REST = 60.0  # seconds between two looks at the clock: it may be put right meanwhile
MAX_HOURS = 24 * 365
MAX_KEPT = 1_000
TOLD_EVERY = 0.1  # seconds between two words on the progress
_NAME = "channel-wallet-{tag}-{time}.backup"
_TIME = "%Y%m%d-%H%M%S"


@dataclass(frozen=True, slots=True)
class Plan:
    """``hours`` between two backups, 0 for none; ``tag`` names this profile's files, and says nothing of it."""

    folder: str = ""
    hours: int = 0
    keep: int = 10
    tag: str = ""


def load(profile: Path) -> Plan:
    """What was chosen for a profile. WalletError("BACKUP_SETTINGS") for a file that is not understood."""
    path = profile / SETTINGS
    try:
        row = codec.read_object(
            strictjson.loads(path.read_bytes(), max_bytes=65_536), "backups", ("folder", "hours", "keep", "tag")
        )
        tag = codec.read_text(row["tag"], "tag", 8)
        if not re.fullmatch(r"[0-9a-f]{8}", tag, re.ASCII):
            raise WalletError("BACKUP_SETTINGS", path=str(path))
        return Plan(
            codec.read_text(row["folder"], "folder", 4_096),
            codec.read_int(row["hours"], "hours", MAX_HOURS),
            max(1, codec.read_int(row["keep"], "keep", MAX_KEPT)),
            tag,
        )
    except FileNotFoundError:
        return Plan(tag=secrets.token_hex(4))
    except (OSError, WalletError) as error:
        raise WalletError("BACKUP_SETTINGS", path=str(path)) from error


def save(profile: Path, plan: Plan) -> None:
    row = {"folder": plan.folder, "hours": plan.hours, "keep": plan.keep, "tag": plan.tag}
    write_file(profile / SETTINGS, msgspec.json.encode(row))


def file_of(plan: Plan, now: float) -> Path:
    """Where a backup made at ``now`` (Unix seconds) goes."""
    named = _NAME.format(tag=plan.tag, time=datetime.fromtimestamp(now, UTC).strftime(_TIME))
    return Path(plan.folder) / named


def made_at(name: str, tag: str) -> int | None:
    """When a file of this name was made, Unix seconds; None for a file that is not of this schedule."""
    before, _, after = _NAME.format(tag=tag, time="|").partition("|")
    stamp = name.removeprefix(before).removesuffix(after)
    if not tag or name != f"{before}{stamp}{after}":
        return None
    try:
        return int(datetime.strptime(stamp, _TIME).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def kept(plan: Plan) -> list[Path]:
    """The schedule's files in its folder, oldest first. Raises OSError."""
    found = [(made_at(path.name, plan.tag), path) for path in Path(plan.folder).iterdir()]
    return [path for _, path in sorted((at, path) for at, path in found if at is not None)]


def surplus(files: Sequence[Path], keep: int, new: Path) -> list[Path]:
    """What goes once ``new`` is there; never itself, whatever the clocks say."""
    others = [path for path in files if path != new]
    return others[: max(0, len(others) - max(keep, 1) + 1)]


def wait(plan: Plan, last: int, now: float) -> float | None:
    """Seconds until the next is due; None if none is wanted. ``last``: when the newest was made, 0 for never."""
    if not plan.folder or not plan.hours:
        return None
    if last > now + LONGEST_REST:  # made by a clock that was ahead: it says nothing of how old the newest is
        return 0.0
    return max(0.0, last + plan.hours * 3_600 - now)


class Backups:
    """The backups of one open profile. Belongs to one asyncio loop; the work is done on other threads."""

    def __init__(self, profile: Path, vault: Vault, alarms: Alarms, changed: Callable[[], None]) -> None:
        self._profile = profile
        self._vault = vault
        self._alarms = alarms
        self._changed = changed
        self._one = asyncio.Lock()
        self._woken = asyncio.Event()
        self._stopping = Event()
        self._told = 0.0
        try:
            self.plan = load(profile)
        except WalletError as error:
            self.plan = Plan(tag=secrets.token_hex(4))
            alarms.sound(WORK, error)
        self.view = BackupView(self.plan.folder, self.plan.hours, self.plan.keep)

    async def run(self) -> None:
        """For ever: a backup whenever one is due; cancel to stop."""
        while True:
            pause = LONGEST_REST
            try:
                last = await asyncio.to_thread(self._last)
                self._show(last=last)
                due = wait(self.plan, last, time.time())
                if due == 0.0:
                    await self.make(None)
                elif due is not None:
                    pause = min(pause, due)
            except (WalletError, OSError) as error:
                self._cry(error)
                pause = AGAIN
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            self._woken.clear()

    async def make(self, target: Path | None) -> Path:
        """A backup now, at ``target`` or where the schedule's go. Raises WalletError("BACKUP_…")."""
        async with self._one:
            plan = self.plan
            if target is None and not plan.folder:
                raise WalletError("BACKUP_FOLDER", path="?")
            path = target or file_of(plan, time.time())
            loop = asyncio.get_running_loop()

            def tell(code: str, done: int, whole: int) -> None:
                now = time.monotonic()
                if now - self._told > TOLD_EVERY or done >= whole:
                    self._told = now
                    loop.call_soon_threadsafe(lambda: self._show(doing=code, done=done, whole=whole))

            try:
                await asyncio.to_thread(backup.make, self._profile, self._vault, path, tell, self._stopping.is_set)
                if target is None:
                    await asyncio.to_thread(self._prune, plan, path)
                    self._alarms.rows.pop(WORK, None)
                    self._show(last=made_at(path.name, plan.tag) or 0)
            finally:
                await asyncio.sleep(0)  # after what was told from the thread
                self._show(doing="", done=0, whole=0)
            return path

    async def choose(self, folder: str, hours: int, keep: int) -> None:
        """Another plan, from now on. Raises WalletError("BACKUP_FOLDER" | "FILE_UNWRITABLE")."""
        if folder and not (Path(folder).is_absolute() and await asyncio.to_thread(Path(folder).is_dir)):
            raise WalletError("BACKUP_FOLDER", path=folder)
        plan = replace(self.plan, folder=folder, hours=min(max(hours, 0), MAX_HOURS), keep=min(max(keep, 1), MAX_KEPT))
        await asyncio.to_thread(save, self._profile, plan)
        self.plan = plan
        self._alarms.rows.pop(WORK, None)
        self._show(folder=plan.folder, hours=plan.hours, keep=plan.keep)
        self._woken.set()

    async def stop(self) -> None:
        """What is being written is given up; nothing of it stays."""
        self._stopping.set()
        async with self._one:
            pass

    def _last(self) -> int:
        if not self.plan.folder:
            return 0
        files = kept(self.plan)
        return (made_at(files[-1].name, self.plan.tag) or 0) if files else 0

    @staticmethod
    def _prune(plan: Plan, new: Path) -> None:
        with contextlib.suppress(OSError):  # one more than wanted is no failure
            for path in surplus(kept(plan), plan.keep, new):
                path.unlink()

    def _cry(self, error: WalletError | OSError) -> None:
        if self._stopping.is_set():
            return
        known = error if isinstance(error, WalletError) else WalletError("BACKUP_FOLDER", path=self.plan.folder)
        self._alarms.rows.pop(WORK, None)  # the newest is what the user must mend
        self._alarms.sound(WORK, known)

    def _show(self, **changes: object) -> None:
        self.view = replace(self.view, **changes)  # type: ignore[arg-type]
        self._changed()
