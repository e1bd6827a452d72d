"""The page over everything else while the wallet is locked: what goes on, and the password."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit

from wallet.gui.pages.page import Page
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import Label, describe


class LockPage(Page):
    """``wanted`` carries the password that was typed."""

    wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__("lock", "Locked", "", width=520, has_back=False)
        self._password = QLineEdit()
        self._password.setEchoMode(QLineEdit.EchoMode.Password)
        self._password.setMaxLength(1024)
        describe(self._password, "Password", object_name="lock.password")
        self._said = Label("", tone="bad", wrap=True)
        self._said.setObjectName("lock.said")
        self._go = button("Unlock", "lock.unlock", role="primary", large=True)
        self._go.clicked.connect(self._send)
        self._password.returnPressed.connect(self._send)
        self.set_body(
            column(Label("Password", tone="muted"), self._password, self._said, row(self._go, None), spacing=8)
        )

    def begin(self) -> None:
        self._password.clear()
        self._said.show_text("")
        self._set_busy(busy=False)
        self._password.setFocus()

    def fail(self, text: str) -> None:
        self.begin()
        self._said.show_text(text)

    def _set_busy(self, *, busy: bool) -> None:
        self._go.setEnabled(not busy)
        self._password.setEnabled(not busy)
        self._go.setText("Unlocking…" if busy else "Unlock")

    def _send(self) -> None:
        password = self._password.text()
        if not password:
            self._said.show_text("Type the password.")
            return
        self._password.clear()
        self._said.show_text("")
        self._set_busy(busy=True)
        self.wanted.emit(password)
