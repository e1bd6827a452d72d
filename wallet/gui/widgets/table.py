"""Tables from declared columns: rows are frozen values, columns are functions of a row, one delegate paints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from wallet.gui.look import Look
from wallet.gui.widgets.text import describe, veiled

R = TypeVar("R")
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
TONE_ROLE = Qt.ItemDataRole.UserRole + 1
ACTION_ROLE = Qt.ItemDataRole.UserRole + 2
_ROW_HEIGHT = 24


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """``tone`` names a colour of the theme; ``action`` makes the cell a button, on rows where it gives true.

    ``mono``: for addresses, where the text face would make a × of the x between two digits. ``private``: an amount of
    the user's, which he may hide.
    """

    title: str
    width: int
    text: Callable[[R], str]
    right: bool = False
    tone: Callable[[R], str] | None = None
    action: Callable[[R], bool] | None = None
    tip: Callable[[R], str | None] | None = None
    stretch: bool = False
    mono: bool = False
    private: bool = False


class RowsModel(QAbstractTableModel, Generic[R]):
    """``key`` tells which row is which, so that a change of others keeps selection and scroll position."""

    def __init__(self, columns: Sequence[Column[R]], key: Callable[[R], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = columns
        self._key = key
        self.rows: Sequence[R] = ()

    def set_rows(self, rows: tuple[R, ...]) -> None:
        """Replace all rows; only what differs between the equal head and the equal tail is told to the view."""
        if rows == self.rows:
            return
        old, new = [self._key(row) for row in self.rows], [self._key(row) for row in rows]
        head = _common(old, new)
        tail = min(_common(old[::-1], new[::-1]), min(len(old), len(new)) - head)
        before, (gone, come) = tuple(self.rows), (len(old) - tail, len(new) - tail)
        if gone > head:
            self.beginRemoveRows(ROOT, head, gone - 1)
            self.rows = before[:head] + before[gone:]
            self.endRemoveRows()
        if come > head:
            self.beginInsertRows(ROOT, head, come - 1)
            self.rows = rows
            self.endInsertRows()
        self.rows = rows
        if rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1))

    def rowCount(self, parent: Index = ROOT) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = ROOT) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[index.column()].text(self.rows[index.row()])
        if role == TONE_ROLE:
            tone = self.columns[index.column()].tone
            return tone(self.rows[index.row()]) if tone else "text"
        if role == ACTION_ROLE:
            action = self.columns[index.column()].action
            return action(self.rows[index.row()]) if action else None
        if role == Qt.ItemDataRole.ToolTipRole:
            tip = self.columns[index.column()].tip
            return tip(self.rows[index.row()]) if tip else None
        return None

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Vertical:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None


class CellDelegate(QStyledItemDelegate):
    """Paints text in its tone and nothing else: the general delegate costs several times as much."""

    def __init__(self, look: Look, columns: Sequence[Column[Any]], parent: QObject) -> None:
        super().__init__(parent)
        self._look = look
        self._columns = columns

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        return QSize(60, _ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        column = self._columns[index.column()]
        area: QRect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, self._look.colour("accent_soft"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, self._look.colour("raised"))
        action = index.data(ACTION_ROLE)
        if action is not None and not action:
            return
        painter.setFont(self._look.font(-0.5, mono=True) if column.mono else self._look.font())
        text = veiled(str(index.data())) if column.private else str(index.data())
        inner = area.adjusted(7, 0, -7, 0)
        side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
        painter.setPen(self._look.colour(index.data(TONE_ROLE)))
        if action:
            painter.setPen(self._look.colour("line_strong"))
            box = area.adjusted(4, 3, -4, -3)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(box, 3, 3)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
            painter.setPen(self._look.colour("text"))
            side, inner = Qt.AlignmentFlag.AlignHCenter, box
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, int(side | Qt.AlignmentFlag.AlignVCenter), shown)


class Table(QTableView):
    """A dense table. ``acted`` gives the row whose button was clicked (or Delete pressed), ``picked`` the selected,
    ``opened`` the one that was double-clicked (or Enter pressed)."""

    acted = Signal(object)
    opened = Signal(object)
    picked = Signal(object)

    def __init__(self, name: str, title: str, model: RowsModel[Any], look: Look, empty: str = "") -> None:
        super().__init__()
        describe(self, title, object_name=name)
        self._look = look
        self._empty = empty
        self._rows = model
        model.setParent(self)
        self.setModel(model)
        self.setItemDelegate(CellDelegate(look, model.columns, self))
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(36)
        for index, column in enumerate(model.columns):
            self.setColumnWidth(index, column.width)
            if column.stretch:
                header.setSectionResizeMode(index, QHeaderView.ResizeMode.Stretch)
        self.selectionModel().currentRowChanged.connect(self._pick)
        look.changed.connect(self.viewport().update)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        super().mouseReleaseEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index.data(ACTION_ROLE):
            self.acted.emit(self._rows.rows[index.row()])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        row = self.currentIndex().row()
        if event.key() == Qt.Key.Key_Delete and 0 <= row < len(self._rows.rows):
            for number, column in enumerate(self._rows.columns):
                if column.action and self._rows.index(row, number).data(ACTION_ROLE):
                    self.acted.emit(self._rows.rows[row])
                    return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and 0 <= row < len(self._rows.rows):
            self.opened.emit(self._rows.rows[row])
            return
        super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        super().mouseDoubleClickEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and not index.data(ACTION_ROLE):
            self.opened.emit(self._rows.rows[index.row()])

    def paintEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        super().paintEvent(event)
        if not self._rows.rows and self._empty:
            painter = QPainter(self.viewport())
            painter.setPen(self._look.colour("muted"))
            area = self.viewport().rect().adjusted(16, 8, -16, -8)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), self._empty)

    def action_areas(self) -> list[tuple[Any, QRect]]:
        """Every row with a button in sight, and where on the screen it stands."""
        found = []
        for number, column in enumerate(self._rows.columns):
            if column.action is None:
                continue
            for row, value in enumerate(self._rows.rows):
                area = self.visualRect(self._rows.index(row, number))
                if column.action(value) and self.viewport().rect().contains(area.center()):
                    found.append((value, QRect(self.viewport().mapToGlobal(area.topLeft()), area.size())))
        return found

    def _pick(self, current: QModelIndex) -> None:
        self.picked.emit(self._rows.rows[current.row()] if current.isValid() else None)


def _common(left: Sequence[object], right: Sequence[object]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count
