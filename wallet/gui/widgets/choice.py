"""One of a few, always in sight: a row of buttons of which one is down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QComboBox, QSizePolicy, QWidget

from wallet.gui.widgets.layout import row, tool
from wallet.gui.widgets.text import Label, describe


class Choice(QWidget):
    """``options`` are (key, text, tool tip); ``chosen`` gives the key."""

    chosen = Signal(str)

    def __init__(
        self,
        name: str,
        options: Sequence[tuple[str, str, str]],
        *,
        roles: Sequence[str] = (),
        spacing: int = 2,
        stretch: bool = False,
    ) -> None:
        super().__init__()
        self.setObjectName(name)
        self._group = QButtonGroup(self)
        self._keys = [key for key, _, _ in options]
        self._buttons = []
        for index, (key, text, tip) in enumerate(options):
            role = roles[index] if roles else "segment"
            made = tool(text, f"{name}.{key}", role=role, tip=tip, checkable=True)
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if stretch:
                made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self._group.addButton(made, index)
            self._buttons.append(made)
        self._buttons[0].setChecked(True)
        self.setLayout(row(*self._buttons, *([] if stretch else [None]), spacing=spacing))
        self._group.idClicked.connect(lambda index: self.chosen.emit(self._keys[index]))

    @property
    def key(self) -> str:
        return self._keys[self._group.checkedId()]

    def choose(self, key: str) -> None:
        """Press one without telling anybody."""
        self._buttons[self._keys.index(key)].setChecked(True)


class Picker(QWidget):
    """One of several that need no place in sight: what it is about, and a list. ``chosen`` gives the option's value."""

    chosen = Signal(object)

    def __init__(self, name: str, label: str, options: Sequence[tuple[Any, str]], tip: str = "") -> None:
        super().__init__()
        self._values = [value for value, _ in options]
        self.box = QComboBox()
        self.box.addItems([text for _, text in options])
        describe(self.box, label, tip, object_name=name)
        self.setLayout(row(Label(label, tone="muted"), None, self.box))
        self.setFocusProxy(self.box)
        self.box.activated.connect(lambda index: self.chosen.emit(self._values[index]))

    def choose(self, value: Any) -> None:
        """Show one without telling anybody."""
        with QSignalBlocker(self.box):
            self.box.setCurrentIndex(self._values.index(value))
