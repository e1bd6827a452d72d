"""Receiving: the address in full, and as a code to be scanned."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from wallet.app.purse_views import AccountView, PurseView
from wallet.gui.models.purse import account_name
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import Label, describe
from wallet.protocol.addresses import show_address

_QUIET = 4  # modules of white around a code (ISO/IEC 18004)
_SIDE = 232


class Code(QWidget):
    """A QR code, dark on white in every theme: readers want it so."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._text = ""
        self._rows: tuple[bytes, ...] = ()
        self.setFixedSize(QSize(_SIDE, _SIDE))
        describe(self, "The address as a QR code", object_name=name)

    def show_text(self, text: str) -> None:
        if text == self._text:
            return
        import segno  # late: only who receives needs it

        self._text = text
        self._rows = tuple(bytes(line) for line in segno.make(text, error="m", micro=False).matrix)
        self.update()

    @property
    def modules(self) -> tuple[bytes, ...]:
        return self._rows

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("white"))
        size = self.width() / (len(self._rows) + 2 * _QUIET)
        dark = QColor("black")
        for y, line in enumerate(self._rows):
            for x, module in enumerate(line):
                if module:
                    # a little wider than a module, or hairlines of white show where pixels and modules do not meet
                    area = QRectF((x + _QUIET) * size, (y + _QUIET) * size, size + 0.5, size + 0.5)
                    painter.fillRect(area, dark)


class Receive(QWidget):
    """``copy_wanted`` gives the address."""

    copy_wanted = Signal(bytes)

    def __init__(self) -> None:
        super().__init__()
        self._address = b""
        self._code = Code("purse.code")
        self._name = Label("", level="title")
        self._text = Label("", level="mono")
        self._text.setObjectName("purse.address")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._words = Label("", tone="muted", wrap=True)
        self._copy = button("Copy address", "purse.copy", role="primary")
        self._copy.clicked.connect(lambda: self.copy_wanted.emit(self._address))
        words = column(self._name, 8, self._text, 10, row(self._copy, None), 14, self._words, None)
        layout = row(self._code, 24, words, margins=(0, 8, 0, 0))
        layout.setStretch(2, 1)
        layout.setAlignment(self._code, Qt.AlignmentFlag.AlignTop)
        self.setLayout(layout)

    def show_account(self, view: PurseView, account: AccountView) -> None:
        self._address = account.address
        self._name.show_foreign(f"Receive on {account_name(view, account)}")
        self._text.show_text(show_address(account.address))
        self._code.show_text(show_address(account.address))
        symbols = ", ".join(info.symbol for info in view.assets)
        self._words.show_text(
            f"Only what is on chain {view.chain_id} arrives here: {symbols}. What is sent on another chain may be lost."
            " Compare the first and the last digits after pasting, and some in the middle. The address leaves the "
            "clipboard by itself after a minute."
        )
