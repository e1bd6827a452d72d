"""The page for who has his words alone: what must be typed, what is found, and the way out of each session."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog

from tests.gui.scripted import ETH, ScriptedLauncher, failed
from tests.gui.scripted import done as answered
from wallet.app.alone_service import FoundView
from wallet.app.messages import sentence
from wallet.app.snapshots import ShareView
from wallet.gui.models.alone import Form, missing, pays, title
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui
Find = Callable[[str], Any]
CONTRACT = "0x" + "ab" * 20
ONE, TWO = b"\x01" * 32, b"\x02" * 32
SHARES = (ShareView(ETH, 10**18, 0, 5 * 10**17),)
OPEN = FoundView(ONE, "open", 0, 0, SHARES)
DISPUTED = FoundView(TWO, "disputed", 7, 1_000_060, SHARES)


class Alone:
    """Records calls; two sessions, until all is settled."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.found = (OPEN, DISPUTED)
        self.answers: dict[str, Future[Any]] = {}

    def _do(self, name: str, *arguments: Any, value: Any) -> Future[Any]:
        self.calls.append((name, *arguments))
        return self.answers.get(name, answered(value))

    def rows(self) -> Future[Any]:
        return self._do("rows", value=self.found)

    def worth(self, channel: bytes, proof: Path | None) -> Future[Any]:
        return self._do("worth", channel, proof, value=(9 if proof else 0, SHARES))

    def leave(self, channel: bytes, proof: Path | None) -> Future[Any]:
        return self._do("leave", channel, proof, value="challenge")

    def withdraw(self) -> Future[Any]:
        return self._do("withdraw", value=((ETH, 10**18),))

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": ""}, "NEW-PASSWORD-EMPTY"),
        ({"password": "short", "again": "short"}, "NEW-PASSWORD-SHORT"),
        ({"again": "another one"}, "NEW-PASSWORD-DIFFERS"),
        ({"folder": ""}, "NEW-NO-FOLDER"),
        ({"node": ""}, "ALONE-NO-NODE"),
        ({"contract": "0x12"}, "ALONE-NO-CONTRACT"),
        ({"phrase": "", "password": "old", "again": ""}, ""),
        ({}, ""),
    ],
)
def test_what_must_be_typed(changes: dict[str, str], code: str) -> None:
    whole = {
        "phrase": "word " * 12,
        "password": "long enough",
        "again": "long enough",
        "folder": "/new",
        "node": "https://node",
        "contract": CONTRACT,
    }
    reason = missing(Form(**{**whole, **changes}))
    assert (reason.code if reason else "") == code


def test_what_is_said_of_a_channel() -> None:
    assert title(OPEN, 0) == "0x0101010101…  open"
    assert "state 7, 1:00 left" in title(DISPUTED, 1_000_000)
    assert "to be settled" in title(DISPUTED, 1_000_061)
    assert pays(OPEN) == "Its opening state pays 1 ETH."


@pytest.fixture
def alone(window: MainWindow, launcher: ScriptedLauncher, find: Find, qtbot: Any, tmp_path: Path) -> Alone:
    """The page, with what the chain shows."""
    find("start.alone").click()
    find("alone.find").click()
    assert find("alone.says").text() == sentence("NEW-PASSWORD-EMPTY")
    find("alone.phrase").setPlainText("  Legal winner\nthank ")
    for name in ("alone.password", "alone.password.again"):
        find(name).setText("long enough")
    find("alone.folder").setText(str(tmp_path / "new"))
    find("alone.node").setText("https://node")
    find("alone.contract").setText(CONTRACT)
    there = Alone()
    find("alone.find").click()
    wanted = ("recover", tmp_path / "new", "legal winner thank", "long enough", "https://node", b"\xab" * 20)
    assert launcher.calls[-1] == wanted
    launcher.recovered.set_result(there)
    qtbot.waitUntil(lambda: find("alone.row.1") is not None)
    assert find("alone.password").text() == ""
    assert find("alone.phrase").toPlainText() == ""
    return there


def test_each_is_left_after_it_was_said_what_that_may_cost(alone: Alone, find: Find, qtbot: Any) -> None:
    assert not find("alone.leave.1").isVisible()  # a dispute runs: only a proof can answer
    find("alone.leave.0").click()
    qtbot.waitUntil(lambda: find("ask.yes") is not None)
    assert "State 0, the highest here, pays you 1 ETH." in find("ask").informativeText()
    assert "0.5 ETH" in find("ask").informativeText()
    assert not [call for call in alone.calls if call[0] == "leave"]
    find("ask.yes").click()
    qtbot.waitUntil(lambda: ("leave", ONE, None) in alone.calls)


def test_with_a_proof_file(alone: Alone, find: Find, qtbot: Any) -> None:
    find("alone.proof.1").click()
    shown = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QFileDialog) and w.isVisible())
    shown.fileSelected.emit("/usb/proof.json")
    shown.close()
    qtbot.waitUntil(lambda: find("ask.yes") is not None)
    assert find("ask").windowTitle() == "Leave with state 9?" or "state 9" in find("ask").text()
    find("ask.yes").click()
    qtbot.waitUntil(lambda: ("leave", TWO, Path("/usb/proof.json")) in alone.calls)


def test_money_comes_home_and_refusals_are_said(
    alone: Alone, launcher: ScriptedLauncher, find: Find, window: MainWindow, qtbot: Any
) -> None:
    alone.answers["worth"] = failed(WalletError("ALONE_OTHER_CHANNEL", channel="0x77"))
    find("alone.leave.0").click()
    qtbot.waitUntil(lambda: "The proof is of the channel 0x77" in find("alone.says").text())
    find("alone.withdraw").click()
    qtbot.waitUntil(lambda: "Arrived in your account" in find("alone.says").text())
    find("page.alone.back").click()
    assert launcher.calls[-1] == ("let_go", alone)
    assert window.stack.currentWidget() is window.start
