"""What was sent, and the address book."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from wallet.app.messages import explain
from wallet.app.purse_views import SAVED, NamedView, PurseView, TransactionView
from wallet.gui.look import Look
from wallet.gui.models import purse as model
from wallet.gui.models.figures import stamp
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import Label, describe, set_tip
from wallet.protocol.addresses import read_address, show_address
from wallet.protocol.errors import WalletError


class Transactions(QWidget):
    """``faster`` and ``cancel`` give the hash of the one that is selected."""

    faster = Signal(bytes)
    cancel = Signal(bytes)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._view: PurseView | None = None
        self._picked: bytes = b""
        self._model: RowsModel[TransactionView] = RowsModel(self._columns(), lambda line: line.hash)
        self.table = Table("purse.sent", "Transactions", self._model, look, "Nothing was sent from here yet.")
        self.table.picked.connect(self._pick)
        self._faster = button("Speed up…", "purse.faster", tip="Send it again with a higher fee, in its own place")
        self._cancel = button("Cancel it…", "purse.cancel", tip="Take its place by one that moves nothing")
        self._faster.clicked.connect(lambda: self.faster.emit(self._picked))
        self._cancel.clicked.connect(lambda: self.cancel.emit(self._picked))
        self._hash = Label("", tone="muted", level="mono")
        self._hash.setObjectName("purse.hash")
        layout = column(self.table, 8, row(self._faster, self._cancel, 10, self._hash, None), margins=(0, 8, 0, 0))
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self._show_picked()

    def _columns(self) -> tuple[Column[TransactionView], ...]:
        def fee(line: TransactionView) -> str:
            return model.fee_paid(self._view, line) if self._view is not None else ""

        return (
            Column("Time", 150, lambda line: stamp(line.created)),
            Column("What", 130, model.purpose_words),
            Column("To", 170, model.to_words, tip=lambda line: show_address(line.to)),
            Column("Amount", 150, model.amount_words, right=True, private=True),
            Column("Network fee", 170, fee, right=True, private=True),
            Column("Standing", 220, model.status_words, tone=model.status_tone, stretch=True),
        )

    def show_view(self, view: PurseView) -> None:
        self._view = view
        self._model.set_rows(view.transactions)
        self._show_picked()

    def _pick(self, line: TransactionView | None) -> None:
        self._picked = line.hash if line is not None else b""
        self._show_picked()

    def _show_picked(self) -> None:
        rows = self._view.transactions if self._view is not None else ()
        line = next((one for one in rows if one.hash == self._picked), None)
        self._faster.setEnabled(line is not None and line.can_speed_up)
        self._cancel.setEnabled(line is not None and line.can_cancel)
        if line is None:
            set_tip(self._faster, "Select a transaction that waits to be mined.")
        self._hash.show_text("0x" + line.hash.hex() if line is not None else "")


class AddressBook(QWidget):
    """``named`` gives address and name, ``forgotten`` and ``pay`` an address."""

    named = Signal(bytes, str)
    forgotten = Signal(bytes)
    pay = Signal(bytes)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._picked: NamedView | None = None
        columns: tuple[Column[NamedView], ...] = (
            Column("Name", 200, lambda line: line.name),
            Column("Address", 340, lambda line: show_address(line.address), mono=True),
            Column("Whose", 120, model.whose, tone=lambda _: "muted", stretch=True),
        )
        self._model: RowsModel[NamedView] = RowsModel(columns, lambda line: line.address)
        self.table = Table("purse.book", "Address book", self._model, look, "Nobody is in it yet.")
        self.table.picked.connect(self._pick)
        self.table.opened.connect(lambda line: self.pay.emit(line.address))
        self._name, self._address = QLineEdit(), QLineEdit()
        self._name.setMaxLength(40)
        self._name.setPlaceholderText("Name")
        self._address.setMaxLength(80)
        self._address.setPlaceholderText("0x…")
        self._address.setProperty("level", "mono")
        describe(self._name, "Name", object_name="purse.book.name")
        describe(self._address, "Address", object_name="purse.book.address")
        save = button("Save", "purse.book.save")
        save.clicked.connect(self._save)
        self._pay = button("Send to…", "purse.book.pay")
        self._pay.clicked.connect(lambda: self.pay.emit(self._address_picked()))
        self._remove = button("Remove", "purse.book.remove")
        self._remove.clicked.connect(lambda: self.forgotten.emit(self._address_picked()))
        self._failure = Label("", tone="bad", wrap=True)
        self._failure.setObjectName("purse.book.failure")
        typed = row(self._name, self._address, save, 16, self._pay, self._remove)
        typed.setStretch(1, 1)
        layout = column(self.table, 8, typed, 4, self._failure, margins=(0, 8, 0, 0))
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self._pick(None)

    def show_view(self, view: PurseView) -> None:
        self._model.set_rows(view.book)

    def _pick(self, line: NamedView | None) -> None:
        self._picked = line
        self._pay.setEnabled(line is not None)
        self._remove.setEnabled(line is not None and line.whose == SAVED)

    def _address_picked(self) -> bytes:
        return self._picked.address if self._picked is not None else b""

    def _save(self) -> None:
        try:
            address = read_address(self._address.text())
        except WalletError as error:
            self.fail(explain(error))
            return
        self.fail("")
        self.named.emit(address, self._name.text())

    def fail(self, text: str) -> None:
        self._failure.show_text(text)

    def clear(self) -> None:
        self._name.clear()
        self._address.clear()
