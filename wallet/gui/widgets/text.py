"""The one place where text reaches a widget. Foreign text is made plain; nothing is ever read as markup."""

from __future__ import annotations

import re
from html import escape

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QStyleOption, QSystemTrayIcon, QWidget

from wallet.protocol.plain import plain

FOREIGN_LIMIT = 300
HIDING = "hidesAmounts"  # property of the application
DOTS = "•••"
_FIGURE = re.compile(r"[+\u2212-]?[0-9][0-9.,\u202f]*")


class Label(QLabel):
    """A label that shows its text letter by letter, whatever stands in it."""

    def __init__(
        self, text: str = "", *, level: str = "", tone: str = "", wrap: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if level:
            self.setProperty("level", level)
        if tone:
            self.setProperty("tone", tone)
        self.setText(text)

    def show_text(self, text: str) -> None:
        """Set our own words; costs nothing when they are the same."""
        if text != self.text():
            self.setText(text)

    def show_foreign(self, text: str, limit: int = FOREIGN_LIMIT) -> None:
        """Set what somebody else has written."""
        self.show_text(plain(text, limit))

    def set_tone(self, tone: str) -> None:
        if self.property("tone") != tone:
            set_look(self, tone=tone)


def hides_amounts() -> bool:
    """Whether the user's amounts are shown as dots now: the one switch that all painting looks at."""
    app = QCoreApplication.instance()
    return app is not None and bool(app.property(HIDING))


def veiled(text: str) -> str:
    """``text`` with dots for its figures while amounts are hidden: as many for much as for little."""
    return _FIGURE.sub(DOTS, text) if hides_amounts() else text


class AmountLabel(Label):
    """A label with an amount of the user's. It is hidden when painted: what assistive technology reads stays."""

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        if not hides_amounts():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        flags = int(self.alignment()) | (int(Qt.TextFlag.TextWordWrap) if self.wordWrap() else 0)
        painter.drawText(self.contentsRect(), flags, veiled(self.text()))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Hidden, its width says nothing of how much it is."""
        hint = super().sizeHint()
        if hides_amounts() and not self.wordWrap():
            hint.setWidth(self.fontMetrics().horizontalAdvance(veiled(self.text())) + 2 * self.margin() + 2)
        return hint

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self.sizeHint() if hides_amounts() else super().minimumSizeHint()

    def event(self, event: QEvent) -> bool:
        return (event.type() == QEvent.Type.ToolTip and hides_amounts()) or super().event(event)


class ElidedLabel(Label):
    """A label of one line that gives way: too long a text ends in … and stands whole in the tool tip."""

    def __init__(self, text: str = "", *, level: str = "", tone: str = "", middle: bool = False) -> None:
        super().__init__(text, level=level, tone=tone)
        self._mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(24)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(super().sizeHint().width(), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(24, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        cut = self.fontMetrics().horizontalAdvance(self.text()) > self.contentsRect().width()
        set_tip(self, self.text() if cut else "")

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        option = QStyleOption()
        option.initFrom(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_Widget, option, painter, self)
        area = self.contentsRect()
        shown = QFontMetrics(self.font()).elidedText(self.text(), self._mode, area.width())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(area, int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), shown)


def set_tip(widget: QWidget, text: str) -> None:
    """A tool tip of several lines. Qt guesses whether a tip is markup, so the text is made markup that says itself."""
    tip = f"<qt>{escape(text).replace(chr(10), '<br>')}</qt>" if text else ""
    if tip != widget.toolTip():
        widget.setToolTip(tip)


def set_tray_tip(icon: QSystemTrayIcon, text: str) -> None:
    """Of the icon in the tray, which knows no markup."""
    if text != icon.toolTip():
        icon.setToolTip(text)


def describe(widget: QWidget, name: str, tip: str = "", *, object_name: str = "") -> None:
    """What assistive technology reads, the tool tip, and the constant name that tests and style sheets use."""
    widget.setAccessibleName(name)
    if tip:
        widget.setAccessibleDescription(tip)
        set_tip(widget, tip)
    if object_name:
        widget.setObjectName(object_name)


def set_look(widget: QWidget, **properties: object) -> None:
    """Set properties that the style sheet selects on, and have it applied again."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()
