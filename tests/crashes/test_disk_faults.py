"""The disk is full or lies: signing stops at once, who is concerned is told, and nothing is signed before a restart.

The faults are made by the kernel (a limit on the size of files, a small file system) or by strace in its place: one
``fdatasync`` that fails once, although everything after it would succeed, is what SQLite would go on after.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from tests.crashes.arena import START, Arena
from tests.crashes.test_power_loss import needs_strace
from tests.end_to_end.recording import messages
from wallet.history.reader import HistoryReader

AFTER = 2.0  # seconds in which nothing may leave
needs_prlimit = pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit is Linux's own")

pytestmark = pytest.mark.e2e


def injected(call: str, error: str, when: str, file: Path) -> tuple[str, ...]:
    """A program whose ``call`` on one file fails."""
    quiet = ("-o", "/dev/null", "-P", str(file), "-e", f"trace={call}")
    return ("strace", "-D", "-f", *quiet, "-e", f"inject={call}:error={error}:when={when}", "--")


def channel_of(file: Path) -> str:
    with HistoryReader(file) as history:
        return "0x" + history.channels()[0].id.hex()


def kept(file: Path) -> set[str]:
    """The trader's signatures on states that his journal holds."""
    with HistoryReader(file) as history:
        entries = history.walk(history.channels()[0].id)
        return {"0x" + entry.trader_signature.hex() for entry in entries if entry.trader_signature}


def signed_after(
    recording: Path, moment: float, *, by_broker: bool, channel: str, known: Collection[str] = ()
) -> list[str]:
    """What one side signed in a channel and sent after a moment, by its kind: states, orders, cancels, receipts.

    But for the signatures in ``known``, which were on disk before: they may leave late, and again.
    """
    asked: dict[tuple[int, bool, int], dict[str, object]] = {}
    found = []
    for said in messages(recording):
        value = said.value
        if "method" in value and "id" in value:
            asked[said.connection, said.by_broker, value["id"]] = value
            params = value["params"]
            about = params.get("channel") or params.get("intent", {}).get("order", {}).get("channel")
            kinds = ("propose", "order", "cancel", "finalize", "ack")
            mine = said.by_broker is by_broker and about == channel and value["method"] in kinds
            kind = value["method"]
        elif "result" in value:
            question = asked.pop((said.connection, not said.by_broker, value["id"]), {"method": "", "params": {}})
            kind = f"answer {question['method']}"
            if value["result"].get("ack") in known:
                continue
            about = question["params"].get("channel")  # type: ignore[attr-defined]
            mine = said.by_broker is by_broker and about == channel and kind in ("answer propose", "answer cancel")
        else:
            continue
        if mine and said.time > moment:
            found.append(kind)
    return found


def fail_wallet(folder: Path, under: tuple[str, ...], *, others: bool) -> None:
    """Ann's disk fails while states flow; ``others``: only hers does, and Bob goes on."""
    with Arena(folder) as arena:
        arena.wait_for_flow()
        arena.wallet.kill()
        arena.wallet_under = under
        arena.start_wallet()
        said = arena.wallet.says(START)
        while said.get("failed") != "ann":
            said = arena.wallet.says(START)
        moment, channel, known = time.time(), channel_of(folder / "ann" / "history.db"), kept(folder / "ann/history.db")
        assert said["problem"] == said["told"] == "STORE_FAILED"
        proposals = arena.recorder.proposals
        time.sleep(AFTER)
        assert signed_after(arena.recording, moment, by_broker=False, channel=channel, known=known) == []
        assert signed_after(arena.recording, 0, by_broker=False, channel=channel) != []  # it had been
        assert not others or arena.recorder.proposals > proposals, "one failed disk stopped everybody"
        arena.wallet_under = ()
        arena.strike("wallet")
        arena.wait_for_flow()
        verdict = arena.conclude()
    print(f"\n{said}; after a restart {verdict.states} states in all")


def fail_broker(folder: Path, under: tuple[str, ...]) -> None:
    """The broker's disk fails while states flow: it stops, and says why."""
    with Arena(folder) as arena:
        arena.wait_for_flow()
        arena.broker.kill()
        arena.broker_under = under
        arena.start_broker()
        said = arena.broker.says(START)
        assert said["halted"] is True
        assert arena.broker.process.wait(START) == 4
        assert "could not be written" in (folder / "broker.log").read_text() + logged(folder)
        channel = channel_of(folder / "ann" / "history.db")
        moment = time.time()
        time.sleep(AFTER)
        assert signed_after(arena.recording, moment, by_broker=True, channel=channel) == []
        arena.broker_under = ()
        arena.start_broker()
        arena.wait_for_flow()
        verdict = arena.conclude()
    print(f"\nhalted; after a restart {verdict.states} states in all")


def logged(folder: Path) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in (folder / "broker-logs").glob("*"))


@needs_strace
def test_a_sync_that_fails_once_ends_a_wallets_signing(tmp_path: Path) -> None:
    """Although every later one would succeed."""
    wal = tmp_path / "ann" / "history.db-wal"
    fail_wallet(tmp_path, injected("fdatasync", "EIO", "40", wal), others=True)


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize(("call", "error", "when"), [("pwrite64", "ENOSPC", "90+"), ("pwrite64", "EIO", "90")])
def test_a_write_that_fails_ends_a_wallets_signing(tmp_path: Path, call: str, error: str, when: str) -> None:
    fail_wallet(tmp_path, injected(call, error, when, tmp_path / "ann" / "history.db-wal"), others=True)


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "when"), [("fdatasync", "EIO", "40"), ("pwrite64", "ENOSPC", "90+"), ("pwrite64", "EIO", "90")]
)
def test_a_disk_that_fails_stops_a_broker(tmp_path: Path, call: str, error: str, when: str) -> None:
    fail_broker(tmp_path, injected(call, error, when, tmp_path / "broker" / "broker.db-wal"))


@pytest.mark.slow
@needs_prlimit
def test_files_that_may_not_grow_end_a_wallets_signing(tmp_path: Path) -> None:
    fail_wallet(tmp_path, ("prlimit", "--fsize=700000", "--"), others=False)


@pytest.mark.slow
@needs_prlimit
def test_files_that_may_not_grow_stop_a_broker(tmp_path: Path) -> None:
    fail_broker(tmp_path, ("prlimit", "--fsize=700000", "--"))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a little more than a megabyte."""
    place = tmp_path / "ann"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root mounts a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_a_full_disk_ends_a_wallets_signing(tmp_path: Path, small: Path) -> None:
    """A real one; when there is room again, the same profile goes on."""
    with Arena(tmp_path) as arena:
        said = arena.wallet.says(START)
        while said.get("failed") != "ann":
            said = arena.wallet.says(4 * START)
        moment, channel, known = time.time(), channel_of(small / "history.db"), kept(small / "history.db")
        time.sleep(AFTER)
        assert signed_after(arena.recording, moment, by_broker=False, channel=channel, known=known) == []
        arena.wallet.kill()
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        arena.start_wallet()
        arena.wait_for_flow()
        arena.conclude()
