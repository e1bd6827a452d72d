"""A proof file of anyone's in the window: by the menu, dropped, without a profile, and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from tests.gui.scripted import ScriptedBackend, done
from wallet.app import proofs
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui
VECTORS = Path(__file__).parents[2] / "resources" / "spec" / "vectors"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A proof of the specification's vectors."""
    found = json.loads((VECTORS / "proofs.json").read_text())
    value = next(row["proof"] for row in found["cases"] if "worth" in row)
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(value))
    return path


def test_a_file_is_opened_without_a_profile(window: MainWindow, file: Path, find: Any, qtbot: Any) -> None:
    window.show_proof(file)
    qtbot.waitUntil(lambda: "The proof holds" in find("proof.verdict").text(), timeout=60_000)
    assert "base units" in find("proof.text").toPlainText()
    assert not find("proof.send").isVisible()


def test_what_the_chain_says_comes_first_and_it_can_be_sent(
    trading: MainWindow, backend: ScriptedBackend, file: Path, find: Any, qtbot: Any
) -> None:
    told = {**proofs.told(proofs.load(file)), "standing": "On the chain this channel is open: the proof counts."}
    backend.answers["check_proof"] = done(told)
    backend.answers["submit_proof"] = done({"sent": "close", "transaction": "0x", "next": "Now withdraw."})
    trading.show_proof(file)
    qtbot.waitUntil(lambda: "counts" in find("proof.verdict").text(), timeout=60_000)
    qtbot.mouseClick(find("proof.send"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: find("proof.said").text() == "close is mined. Now withdraw.", timeout=60_000)
    assert ("submit_proof", file) in backend.calls


def test_a_page_is_written(window: MainWindow, file: Path, find: Any, qtbot: Any) -> None:
    window.show_proof(file)
    qtbot.waitUntil(find("proof.print").isEnabled, timeout=60_000)
    pdf = file.with_suffix(".pdf")
    find("proof")._write(pdf)
    assert pdf.read_bytes().startswith(b"%PDF-")
    find("proof")._write(file / "no folder" / "x.pdf")
    assert find("proof.said").property("tone") == "bad"


def test_one_file_may_be_dropped(window: MainWindow, file: Path, find: Any, qtbot: Any) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(QPointF(5, 5), action, mime, button, Qt.KeyboardModifier.NoModifier))
    qtbot.waitUntil(lambda: "The proof holds" in find("proof.verdict").text(), timeout=60_000)


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "<b>x</b>", '{"format":"trading-channels/proof"}', "TC1/<b>", "[" * 9999]
)
def test_a_file_that_is_no_proof_says_so_in_a_sentence(
    window: MainWindow, tmp_path: Path, find: Any, qtbot: Any, text: str
) -> None:
    path = tmp_path / "<b>&lt;.json"
    path.write_text(text)
    window.show_proof(path)
    qtbot.waitUntil(lambda: find("proof.verdict").property("tone") == "bad", timeout=60_000)
    assert not find("proof.print").isEnabled()
    assert "Traceback" not in find("proof.verdict").text()


def test_a_file_that_is_not_there(window: MainWindow, tmp_path: Path, find: Any, qtbot: Any) -> None:
    window.show_proof(tmp_path / "nothing.json")
    qtbot.waitUntil(lambda: find("proof.verdict").property("tone") == "bad", timeout=60_000)
