"""All keys of the program, and a field beside each to choose others."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QKeySequenceEdit, QLineEdit, QScrollArea, QWidget

from wallet.gui.models.actions import ACTIONS, FIXED, Action, find, taken
from wallet.gui.settings import Preferences
from wallet.gui.widgets.layout import button, column, give_back_focus, row
from wallet.gui.widgets.text import Label, describe

_PORTABLE = QKeySequence.SequenceFormat.PortableText


class KeyboardDialog(QDialog):
    """Keys that another action has are refused with its name."""

    def __init__(self, preferences: Preferences, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("keyboard")
        self.setWindowTitle("Keyboard")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(540, 560)
        self._preferences = preferences
        self._edits: dict[str, QKeySequenceEdit] = {}
        grid = QGridLayout()
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        for index, action in enumerate(ACTIONS):
            edit = self._edit(action)
            menu = action.menu.replace("&", "")
            grid.addWidget(Label(f"{menu} · {action.title}"), index, 0)
            grid.addWidget(edit, index, 1)
        for index, (keys, what) in enumerate(FIXED, len(ACTIONS)):
            grid.addWidget(Label(what, tone="muted", wrap=True), index, 0)
            grid.addWidget(Label(keys, tone="muted"), index, 1)
        body = QWidget()
        body.setLayout(column(grid, None, margins=(0, 0, 10, 0)))
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._said = Label("Click a field and press the keys you want.", tone="muted", wrap=True)
        self._said.setObjectName("keyboard.said")
        reset = button("Back to the first ones", "keyboard.reset")
        reset.clicked.connect(self._reset)
        close = button("Close", "keyboard.close", role="primary")
        close.clicked.connect(self.accept)
        layout = column(area, 10, self._said, 10, row(reset, None, close), margins=(20, 18, 20, 16))
        layout.setStretch(0, 1)
        self.setLayout(layout)
        give_back_focus(self)
        self._show()

    def _edit(self, action: Action) -> QKeySequenceEdit:
        edit = QKeySequenceEdit()
        edit.setMaximumSequenceLength(1)
        edit.setClearButtonEnabled(True)
        edit.setFixedWidth(170)
        describe(edit, f"Keys of {action.title}", object_name=f"keyboard.{action.id}")
        for inner in edit.findChildren(QLineEdit):
            inner.setAccessibleName(f"Keys of {action.title}")
        edit.editingFinished.connect(lambda action=action: self._choose(action))
        edit.keySequenceChanged.connect(lambda _, action=action: self._choose(action))
        self._edits[action.id] = edit
        return edit

    def _choose(self, action: Action) -> None:
        keys = self._edits[action.id].keySequence().toString(_PORTABLE)
        known = self._preferences.keys()
        if keys == known[action.id]:
            return
        other = taken(keys, known, action.id)
        if other:
            self._said.show_text(f"{keys} belongs to “{find(other).title}” already. Nothing was changed.")
            self._said.set_tone("warn")
            self._show()
            return
        self._preferences.set_keys(action.id, keys)
        self._said.show_text(f"{action.title}: {keys or 'no keys'}.")
        self._said.set_tone("muted")

    def _reset(self) -> None:
        for action in ACTIONS:
            self._preferences.set_keys(action.id, action.keys)
        self._show()

    def _show(self) -> None:
        for action, keys in self._preferences.keys().items():
            edit = self._edits[action]
            with QSignalBlocker(edit):
                edit.setKeySequence(QKeySequence(keys))
