"""Which broker a session is opened with: a row of names, there only where there is a choice."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton

from wallet.app.choice import short
from wallet.app.snapshots import AppView
from wallet.gui.widgets.layout import row, tool
from wallet.gui.widgets.text import Label
from wallet.protocol.plain import plain

MOST_NAME = 24


class BrokerChoice(QFrame):
    """``chosen`` gives a broker's address."""

    chosen = Signal(bytes)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("session.brokers")
        self._group = QButtonGroup(self)
        self._buttons: dict[bytes, QToolButton] = {}
        self._row = row(spacing=4)
        self.setLayout(row(Label("Broker", tone="muted"), 6, self._row, None, margins=(0, 0, 0, 12)))
        self.hide()

    def show_view(self, view: AppView) -> None:
        names = [broker.name for broker in view.brokers]
        known = {
            broker.id: plain(broker.name if names.count(broker.name) == 1 else short(broker.id), MOST_NAME)
            for broker in view.brokers
        }
        for gone in set(self._buttons) - set(known):
            self._buttons.pop(gone).deleteLater()
        for address, name in known.items():
            if address not in self._buttons:
                self._add(address, name)
        if view.broker in self._buttons:
            self._buttons[view.broker].setChecked(True)
        self.setVisible(len(known) > 1)

    def _add(self, address: bytes, name: str) -> None:
        made = tool(name, f"session.broker.{address.hex()}", role="segment", tip=f"0x{address.hex()}", checkable=True)
        made.clicked.connect(lambda: self.chosen.emit(address))
        self._group.addButton(made)
        self._row.addWidget(made)
        self._buttons[address] = made
