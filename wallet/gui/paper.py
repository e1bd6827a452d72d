"""A proof on one page of paper: drawn by Qt into a PDF, with or without a window.

Only text in the program's own fonts and squares: nothing of a file reaches the page but as plain, bounded text.
"""

from __future__ import annotations

import os
from pathlib import Path

import segno
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontMetricsF, QGuiApplication, QPageSize, QPainter, QPdfWriter

from wallet.app.profile import write_file
from wallet.app.sheet import Sheet
from wallet.protocol.plain import plain
from wallet.resources import resource

DPI = 300
MM = DPI / 25.4
MARGIN = 14 * MM
COLUMNS = 4
LEAST = 36 * MM  # of a code: three dots and more for each of its modules
QUIET = 4  # modules of white around a code, as its standard asks
_FONTS = ("Inter-Regular.ttf", "Inter-SemiBold.ttf", "JetBrainsMono-Regular.ttf")
_WRAP = int(Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWrapAnywhere)


def write_pdf(sheet: Sheet, path: Path) -> None:
    """Writes the page, owner-only; WalletError("FILE_UNWRITABLE"). Needs a QGuiApplication: see :func:`standalone`."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setPageSize(QPageSize(QPageSize.PageSizeId.A4))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(DPI)
    writer.setTitle(sheet.title)
    writer.setCreator("Channel Wallet")
    painter = QPainter(writer)
    _Page(painter, writer.width(), writer.height()).draw(sheet)
    painter.end()
    buffer.close()
    write_file(path, bytes(data.data()))


def standalone() -> QGuiApplication:
    """An application for a program without a window; no display is needed. Keep it while you draw."""
    existing = QGuiApplication.instance()
    if isinstance(existing, QGuiApplication):
        return existing
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QGuiApplication(["channel-wallet"])
    for name in _FONTS:
        QFontDatabase.addApplicationFont(str(resource(f"fonts/{name}")))
    return app


class _Page:
    """Draws from the top down; ``_y`` is where the next thing goes."""

    def __init__(self, painter: QPainter, width: int, height: int) -> None:
        self._painter = painter
        self._left, self._width, self._bottom = MARGIN, width - 2 * MARGIN, height - MARGIN
        self._y = MARGIN

    def draw(self, sheet: Sheet) -> None:
        self._text(sheet.title, 19, bold=True)
        self._text(sheet.subtitle, 9.5)
        self._gap(3)
        for name, value in sheet.rows:
            self._row(name, value)
        self._gap(2)
        self._row("Pays", "to the trader / to the broker", bold=True)
        for symbol, address, trader, broker in sheet.pays:
            self._row(plain(symbol, 20), f"{trader} / {broker}")
            self._row("", address)
        self._gap(2)
        for number, step in enumerate(sheet.steps, 1):
            self._text(f"{number}.  {step}", 7.5)
        self._gap(2)
        side = self._side(len(sheet.codes))
        self._text(sheet.note if side or not sheet.codes else sheet.no_room, 7.5, colour="#444444")
        self._gap(1)
        if side:
            self._codes(sheet.codes, side)

    def _font(self, size: float, *, bold: bool = False, mono: bool = False) -> QFont:
        font = QFont("JetBrains Mono" if mono else "Inter")
        font.setPointSizeF(size)
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        return font

    def _text(self, text: str, size: float, *, bold: bool = False, colour: str = "#111111") -> None:
        self._y += self._block(text, self._font(size, bold=bold), self._left, self._width, colour, words=True)
        self._gap(1)

    def _row(self, name: str, value: str, *, bold: bool = False) -> None:
        left = 46 * MM
        first = self._block(name, self._font(8, bold=bold), self._left, left - 2 * MM, "#444444")
        second = self._block(
            value, self._font(8, bold=bold, mono=not bold), self._left + left, self._width - left, "#111111"
        )
        self._y += max(first, second)

    def _block(self, text: str, font: QFont, left: float, width: float, colour: str, *, words: bool = False) -> float:
        """Draws at ``_y``; the height it took."""
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap) if words else _WRAP
        self._painter.setFont(font)
        self._painter.setPen(QColor(colour))
        metrics = QFontMetricsF(font, self._painter.device())
        height = metrics.boundingRect(QRectF(0, 0, width, 10_000), flags, text).height()
        self._painter.drawText(QRectF(left, self._y, width, height + metrics.descent()), flags, text)
        return height + 0.6 * MM

    def _gap(self, millimetres: float) -> None:
        self._y += millimetres * MM

    def _side(self, count: int) -> float:
        """How large the codes can be, in a grid on the rest of the page; 0 where no scanner would read them."""
        if not count:
            return 0
        room = self._bottom - self._y - 14 * MM  # the note comes first
        side = min(self._width / _columns(count), room / -(-count // _columns(count)), 62 * MM)
        return side if side >= LEAST else 0

    def _codes(self, codes: tuple[str, ...], side: float) -> None:
        columns = _columns(len(codes))
        for index, text in enumerate(codes):
            left = self._left + (index % columns) * side
            self._code(text, QRectF(left, self._y + (index // columns) * side, side, side))

    def _code(self, text: str, area: QRectF) -> None:
        matrix = segno.make(text, error="m", mode="alphanumeric", micro=False).matrix
        count = len(matrix) + 2 * QUIET
        module = int(area.width() / count)  # whole dots: edges stay sharp
        for y, line in enumerate(matrix):
            for x, dark in enumerate(line):
                if dark:
                    at = QRectF(area.left() + (x + QUIET) * module, area.top() + (y + QUIET) * module, module, module)
                    self._painter.fillRect(at, Qt.GlobalColor.black)


def _columns(count: int) -> int:
    return min(COLUMNS, count) if count > 3 else max(count, 2)
