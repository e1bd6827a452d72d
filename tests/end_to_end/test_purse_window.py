"""A payment in a real window: typed, looked at, signed, and seen on the chain by somebody else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.processes import ROOT
from tests.end_to_end.screen import Screen
from tests.end_to_end.test_restore_window import ETH, NATIVE, WORD, cli, market, screen  # noqa: F401 - two fixtures
from tests.end_to_end.test_window import on_chain

pytestmark = [pytest.mark.e2e, pytest.mark.gui, pytest.mark.slow, pytest.mark.timeout(300)]
HIM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TWIN = "0x5Aa1111111111111111111111111111111111aeD"


@pytest.mark.skipif(not all(map(shutil.which, ("Xvfb", "xdotool", "import"))), reason="needs Xvfb, xdotool, import")
def test_sent_by_clicking_after_a_look(screen: Screen, market: Path, tmp_path: Path) -> None:  # noqa: F811
    profile = tmp_path / "mine"
    account = cli(profile, "keys", "create")["address"]
    cli(profile, "faucet", "--broker", str(market))
    cli(profile, "broker", "add", str(market))
    broker = json.loads(market.read_text())
    before = on_chain(broker, account)[NATIVE]
    window = subprocess.Popen(
        [sys.executable, "-m", "wallet", "--profile", str(profile)], cwd=ROOT, env=screen.environment()
    )
    try:
        screen.click("open.password")
        screen.type(WORD)
        screen.click("open.unlock")
        screen.until_usable("session.open", 90)
        screen.key("ctrl+shift+w")
        screen.until(lambda rects: len(rects.get("purse.address", {}).get("text", "")) == 42, "the address")
        screen.picture("purse-1-receive")
        assert screen.text("purse.address").lower() == account

        screen.click("purse.part.book")
        for field, text in (("purse.book.name", "Anna"), ("purse.book.address", HIM)):
            screen.click(field)
            screen.type(text)
        screen.click("purse.book.save")
        screen.until(lambda rects: rects["purse.book.name"].get("text") == "", "it saved")
        screen.picture("purse-2-book")

        # one that looks like hers is warned of, and is not sent without a word
        screen.click("purse.part.send")
        screen.click("purse.to")
        screen.type(TWIN.lower())
        screen.click("purse.amount")
        screen.type("0.25")
        screen.click("purse.review")
        screen.until(lambda rects: rects.get("purse.preview.sure", {}).get("visible", False), "the warning")
        screen.picture("purse-3-warned")
        assert not screen.rects()["purse.preview.yes"]["enabled"]
        screen.click("purse.preview.no")

        screen.click("purse.to")
        screen.key("ctrl+a")
        screen.type(HIM)
        screen.click("purse.speed.fast")
        screen.click("purse.review")
        screen.until_usable("purse.preview.yes")
        screen.picture("purse-4-preview")
        assert screen.text("purse.preview.title") == "Send 0.25 ETH"
        assert screen.text("purse.preview.1") == f"{HIM} (Anna)"
        assert on_chain(broker, HIM)[NATIVE] == 0
        screen.click("purse.preview.yes")
        screen.until(lambda rects: rects.get("purse.sent", {}).get("visible", False), "the list")
        screen.picture("purse-5-sent")
        assert on_chain(broker, HIM)[NATIVE] == ETH // 4
        assert on_chain(broker, TWIN.lower())[NATIVE] == 0
        assert ETH // 4 < before - on_chain(broker, account)[NATIVE] < ETH // 4 + ETH // 1000
        screen.click("purse.part.keys")
        screen.until(lambda rects: rects.get("purse.keys.owner", {}).get("text") == "unlocked", "the keys")
        screen.picture("purse-6-keys")
    finally:
        window.terminate()
        window.wait(60)
    (sent,) = cli(profile, "transactions", "list")["transactions"]
    assert (sent["status"], sent["name"], sent["amount"]) == ("confirmed", "Anna", "0.25")
