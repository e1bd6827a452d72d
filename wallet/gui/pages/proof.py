"""A proof file of anyone's: what it is worth to whom, whether it still counts, and a page of paper of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QWidget

from wallet.app.backend import Backend
from wallet.app.messages import explain
from wallet.app.snapshots import AssetInfo
from wallet.gui.frames import Courier
from wallet.gui.widgets.files import ask_where
from wallet.gui.widgets.layout import button, column, give_back_focus, row
from wallet.gui.widgets.text import Label, describe
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain

LONGEST = 4000


class ProofDialog(QDialog):
    """``send_wanted``: the user wants sent what the proof allows; only where there is an account to send from."""

    send_wanted = Signal()

    def __init__(self, path: Path, assets: Sequence[AssetInfo], parent: QWidget, *, can_send: bool) -> None:
        super().__init__(parent)
        self.setObjectName("proof")
        self.setWindowTitle("A withdrawal proof")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(620)
        self._assets = {asset.address: asset for asset in assets}
        self._proof: dict[str, Any] = {}
        self._can_send = can_send
        self._verdict = Label("Checking…", level="strong", wrap=True)
        self._verdict.setObjectName("proof.verdict")
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setProperty("level", "mono")
        self._text.setMinimumHeight(170)
        describe(self._text, "What the proof is worth", object_name="proof.text")
        self._said = Label("", tone="muted", wrap=True)
        self._said.setObjectName("proof.said")
        self._print = button("Save as a page…", "proof.print", tip="A PDF with codes that hold the whole proof")
        self._send = button("Send what it allows…", "proof.send")
        close = button("Close", "proof.close", role="primary")
        for made in (self._print, self._send):
            made.setEnabled(False)
        self._send.setVisible(can_send)
        self._print.clicked.connect(lambda: ask_where(self, "Save as a page", f"{path.stem}.pdf", self._write))
        self._send.clicked.connect(self._begin_sending)
        close.clicked.connect(self.accept)
        name = Label(plain(path.name, 80), tone="muted")
        buttons = row(self._print, self._send, None, close)
        parts = (name, 4, self._verdict, 10, self._text, 8, self._said, 12, buttons)
        self.setLayout(column(*parts, margins=(22, 18, 22, 16)))
        give_back_focus(self)

    def show_worth(self, found: dict[str, Any]) -> None:
        self._proof = found["proof"]
        self._verdict.show_text(found["standing"] or "The proof holds. How its channel stands on the chain is unknown.")
        self._verdict.set_tone("good" if found["counts"] else "")
        value = found["value"]
        facts = [f"{key}: {value[key]}" for key in ("chainId", "adjudicator", "channel", "trader", "broker")]
        self._text.setPlainText("\n".join((found["text"], "", *facts))[:LONGEST])
        self._print.setEnabled(True)
        self._send.setEnabled(self._can_send)

    def show_error(self, error: WalletError) -> None:
        """What is wrong with the file, or with what was sent."""
        where = self._said if self._proof else self._verdict
        where.show_text(explain(error))
        where.set_tone("bad")
        self._send.setEnabled(bool(self._proof) and self._can_send)

    def show_sent(self, sent: dict[str, Any]) -> None:
        self._said.show_text(f"{sent['sent']} is mined. {sent['next']}")
        self._said.set_tone("good")

    def _begin_sending(self) -> None:
        self._send.setEnabled(False)
        self._said.show_text("Sending…")
        self.send_wanted.emit()

    def _write(self, path: Path) -> None:
        from wallet.app.sheet import sheet
        from wallet.gui.paper import write_pdf  # only now: what draws codes would make every start slower

        try:
            write_pdf(sheet(self._proof, self._assets), path)
        except WalletError as error:
            self.show_error(error)
            return
        self._said.show_text(f"The page is written to {plain(str(path))}.")
        self._said.set_tone("good")


def open_proof(
    path: Path, assets: Sequence[AssetInfo], window: QWidget, courier: Courier, backend: Backend | None
) -> None:
    """Show what a proof file is worth; the chain is asked where the profile knows a node of it."""
    dialog = ProofDialog(path, assets, window, can_send=backend is not None)
    found = backend.check_proof(path) if backend is not None else _check_alone(path)
    courier.deliver(found, dialog, dialog.show_worth, dialog.show_error)
    if backend is not None:
        dialog.send_wanted.connect(
            lambda: courier.deliver(backend.submit_proof(path), dialog, dialog.show_sent, dialog.show_error)
        )
    dialog.open()


def _check_alone(path: Path) -> Future[dict[str, Any]]:
    """The same as the backend's, without a profile: no chain is asked. On a thread of its own: a file may be slow."""
    future: Future[dict[str, Any]] = Future()

    def work() -> None:
        from wallet.app import proofs  # what checks signatures would make every start slower

        try:
            future.set_result(proofs.told(proofs.load(path)))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            future.set_exception(error)

    threading.Thread(target=work, name="checking a proof", daemon=True).start()
    return future
