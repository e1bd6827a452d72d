"""The real window, as its user has it: a process of its own, an X server, mouse and keyboard, and a chain at the end.

The demo is started by `dev.py demo`; nothing is known of the program but where its widgets stand on the screen. What
happened is read from outside: its journal's file as `channel show` prints it, and the coins from the chain by a script
that imports nothing of the wallet.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.screen import Screen

pytestmark = [pytest.mark.e2e, pytest.mark.gui, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
NATIVE = "0x" + "00" * 20


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    pictures = Path(os.environ.get("CHANNEL_WALLET_PICTURES", tmp_path / "pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    there = Screen(pictures)
    yield there
    there.close()


@pytest.fixture
def demo(screen: Screen, tmp_path: Path) -> Iterator[Path]:
    """`dev.py demo` on that screen; the folder it keeps its state in."""
    folder = tmp_path / "demo"
    output = tmp_path / "output.txt"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "packaging" / "dev.py"), "demo", "--dir", str(folder)],
            env=screen.environment(),
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        yield folder
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
    assert "Traceback" not in output.read_text()


def shown(folder: Path) -> dict[str, Any]:
    """What `channel-wallet channel show --json` says, from another process."""
    done = subprocess.run(
        [sys.executable, "-m", "wallet", "channel", "show", "--json", "--profile", str(folder / "trader")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    found: dict[str, Any] = json.loads(done.stdout or "{}")
    return found


def until_shown(folder: Path, condition: Any, what: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        found = shown(folder)
        if found.get("state") and condition(found):
            return found
        assert time.monotonic() < deadline, f"never came to be: {what}; {found}"
        time.sleep(0.2)


def on_chain(broker: dict[str, Any], account: str) -> dict[str, int]:
    tokens = [token["address"] for token in broker["tokens"]]
    done = subprocess.run(
        [sys.executable, "-I", str(Path(__file__).with_name("chain_reader.py")), broker["rpc"][0], account, *tokens],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not all(map(shutil.which, ("Xvfb", "xdotool", "import"))), reason="needs Xvfb, xdotool, import")
def test_open_trade_cancel_leave_by_clicking(screen: Screen, demo: Path) -> None:
    # the demo market comes up by itself; choose what the session may touch
    screen.until_usable("session.open", 90)
    screen.picture("1-open-a-session")
    broker = json.loads((demo / "sandbox" / "broker.json").read_text())
    symbols = {token["symbol"]: token["address"] for token in broker["tokens"]}
    screen.click("session.open")
    screen.until(lambda rects: rects.get("book.sell.2", {}).get("visible", False), "an order book with prices")
    opened = until_shown(demo, lambda row: row["status"] == "open", "an open channel")
    before = {row[0]: int(row[1]) for row in opened["state"][1]}
    screen.picture("2-workspace")

    # buy by clicking a price in the book
    screen.click("ticket.kind.immediate_or_cancel")
    screen.click("book.sell.4")
    screen.click("ticket.amount")
    screen.type("0.5")
    screen.until_usable("ticket.send")
    screen.picture("3-ticket")
    screen.click("ticket.send")
    screen.click("ask.yes")
    traded = until_shown(demo, lambda row: any(int(out[2]) for out in row["state"][3]), "an outcome to the trader")
    after = {row[0]: int(row[1]) for row in traded["state"][1]}
    outcome = {row[0]: int(row[2]) - int(row[1]) for row in traded["state"][3]}
    assert after[NATIVE] - before[NATIVE] == outcome[NATIVE] > 0
    assert after[symbols["USDT"]] - before[symbols["USDT"]] == outcome[symbols["USDT"]] < 0
    screen.picture("4-traded")

    # rest an order far below the market, then take it back with one click in its row
    screen.click("ticket.kind.post_only")
    screen.click("book.buy.9")
    screen.click("ticket.amount")
    screen.type("0.1")
    screen.click("ticket.send")
    screen.click("ask.yes")
    until_shown(demo, lambda row: len(row["state"][2]) == 1, "a resting order")
    screen.until_usable("orders.table.action.0")
    screen.picture("5-resting-order")
    screen.click("orders.table.action.0")
    cancelled = until_shown(demo, lambda row: not row["state"][2], "no open order")
    assert all(int(row[2]) == 0 for row in cancelled["state"][1])

    # leave with the money
    account = json.loads(
        subprocess.run(
            [sys.executable, "-m", "wallet", "keys", "list", "--json", "--profile", str(demo / "trader")],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        ).stdout
    )["accounts"][0]["address"]
    tokens_before = on_chain(broker, account)
    screen.click("strip.leave")
    screen.click("leave.go")
    screen.until(lambda rects: rects.get("strip.session", {}).get("text") == "withdrawn", "the session withdrawn", 90)
    final = until_shown(demo, lambda row: row["status"] == "withdrawn", "a withdrawn channel")
    screen.picture("6-withdrawn")

    # to the unit, from the chain: what the final state says is what arrived; only native fees are paid on the way
    assert final["state"][0] > cancelled["state"][0]
    assert final["state"][1:] == cancelled["state"][1:]
    tokens_after = on_chain(broker, account)
    for asset, available, locked in final["state"][1]:
        arrived = tokens_after[asset] - tokens_before[asset]
        assert int(locked) == 0
        if asset == NATIVE:
            assert int(available) - 10**16 < arrived < int(available)
        else:
            assert arrived == int(available)
