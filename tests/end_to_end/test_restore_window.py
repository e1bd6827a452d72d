"""A computer lost: its profile restored from the backup in a real window elsewhere, and left with everything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.processes import ROOT, Process
from tests.end_to_end.screen import Screen
from tests.end_to_end.test_window import on_chain

pytestmark = [pytest.mark.e2e, pytest.mark.gui, pytest.mark.slow, pytest.mark.timeout(300)]
WORD = "correct horse battery"
ETH = 10**18
NATIVE = "0x" + "00" * 20


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    pictures = Path(os.environ.get("CHANNEL_WALLET_PICTURES", tmp_path / "pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    there = Screen(pictures)
    yield there
    there.close()


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Path]:
    """A sandbox; the path of its broker's profile."""
    process = Process(tmp_path / "sandbox.log", "wallet", "sandbox", "--dir", str(tmp_path / "sandbox"))
    try:
        yield Path(process.says(90)["profile"])
    finally:
        process.kill()


def cli(profile: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "wallet", *arguments, "--json", "--profile", str(profile)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "CHANNEL_WALLET_PASSWORD": WORD},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not all(map(shutil.which, ("Xvfb", "xdotool", "import"))), reason="needs Xvfb, xdotool, import")
def test_restored_by_clicking_it_recovers_and_leaves(screen: Screen, market: Path, tmp_path: Path) -> None:
    lost, again, file = tmp_path / "lost", tmp_path / "again", tmp_path / "wallet.backup"
    account = cli(lost, "keys", "create")["address"]
    cli(lost, "faucet", "--broker", str(market))
    cli(lost, "channel", "open", "--broker", str(market), "--allocate", "ETH=2", "--allocate", "USDT=20000")
    cli(lost, "order", "sell", "ETH/USDT", "0.5", "--limit", "9000", "--post-only")
    cli(lost, "backup", "make", str(file))
    cli(lost, "order", "sell", "ETH/USDT", "0.25", "--limit", "9500", "--post-only")
    last = cli(lost, "channel", "show")["increment"]
    shutil.rmtree(lost)

    window = subprocess.Popen([sys.executable, "-m", "wallet"], cwd=ROOT, env=screen.environment())
    try:
        screen.click("start.backup")
        for field, text in (("backup.file", str(file)), ("backup.password", WORD)):
            screen.click(field)
            screen.type(text)
        screen.click("backup.folder")
        screen.key("ctrl+a")
        screen.type(str(again))
        screen.picture("restore-1-page")
        screen.click("backup.restore")
        screen.until(
            lambda rects: f"state {last}" in rects.get("recovering.next", {}).get("text", ""), "what he showed"
        )
        screen.picture("restore-2-recovering")
        shown = cli(again, "channel", "show")
        assert (shown["recovering"], shown["increment"], len(shown["state"][2])) == ("leave", last, 2)

        before = on_chain(json.loads(market.read_text()), account)
        screen.click("recovering.leave")
        screen.until_usable("leave.go")
        screen.picture("restore-3-leave")
        screen.click("leave.go")
        screen.until(lambda rects: rects.get("strip.session", {}).get("text") == "withdrawn", "it withdrawn", 90)
        screen.picture("restore-4-withdrawn")
        after = on_chain(json.loads(market.read_text()), account)
        usdt = next(row["address"] for row in json.loads(market.read_text())["tokens"] if row["symbol"] == "USDT")
        assert after[usdt] - before[usdt] == 20_000 * 10**6
        assert 2 * ETH - ETH // 100 < after[NATIVE] - before[NATIVE] < 2 * ETH
    finally:
        window.terminate()
        window.wait(60)
    deadline = time.monotonic() + 30
    while (final := cli(again, "channel", "show"))["status"] != "withdrawn":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert final["recovering"] is None
