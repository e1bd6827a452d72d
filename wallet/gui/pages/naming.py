"""Asks for a name."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from wallet.gui.widgets.layout import button, column, give_back_focus, row
from wallet.gui.widgets.text import Label, describe


class NameDialog(QDialog):
    """``named`` gives what was typed, without the blanks around it; never an empty name."""

    named = Signal(str)

    def __init__(self, title: str, words: str, longest: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("naming")
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._name = QLineEdit()
        self._name.setMaxLength(longest)
        describe(self._name, "Name", object_name="naming.name")
        self._yes = button("Save", "naming.yes", role="primary")
        self._yes.setEnabled(False)
        no = button("Cancel", "naming.no")
        self._name.textChanged.connect(lambda text: self._yes.setEnabled(bool(text.strip())))
        self._name.returnPressed.connect(self._take)
        self._yes.clicked.connect(self._take)
        no.clicked.connect(self.reject)
        told = Label(words, tone="muted", wrap=True)
        parts = (Label(title, level="strong"), told, self._name, row(None, no, self._yes))
        self.setLayout(column(*parts, margins=(18, 18, 18, 18), spacing=10))
        self.setMinimumWidth(360)
        give_back_focus(self)

    def _take(self) -> None:
        name = self._name.text().strip()
        if name:
            self.named.emit(name)
            self.accept()
