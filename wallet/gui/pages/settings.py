"""The settings, each with its words and its control, found by typing; what is changed holds at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QLineEdit, QScrollArea, QWidget

from wallet.gui.models.settings import SETTINGS, Setting, T
from wallet.gui.settings import Preferences
from wallet.gui.widgets.layout import button, column, give_back_focus, line, row
from wallet.gui.widgets.text import Label, describe


class SettingsDialog(QDialog):
    """Drawn from the table alone."""

    def __init__(self, preferences: Preferences, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("settings")
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 520)
        self._rows: list[tuple[Setting[Any], QWidget]] = []
        self._headings: dict[str, QWidget] = {}
        self._none = Label("No setting is called that.", tone="muted")
        search = QLineEdit()
        search.setPlaceholderText("Search")
        search.setClearButtonEnabled(True)
        describe(search, "Search the settings", object_name="settings.search")
        search.textChanged.connect(self._show_found)
        body = QWidget()
        body.setLayout(column(*self._parts(preferences), self._none, None, margins=(0, 0, 10, 0), spacing=0))
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(body)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close = button("Close", "settings.close", role="primary")
        close.clicked.connect(self.accept)
        layout = column(search, 12, area, 12, row(None, close), margins=(20, 18, 20, 16))
        layout.setStretch(2, 1)
        self.setLayout(layout)
        self._show_found("")
        give_back_focus(self)
        search.setFocus()

    def _parts(self, preferences: Preferences) -> list[QWidget]:
        parts: list[QWidget] = []
        for setting in SETTINGS:
            if setting.section not in self._headings:
                heading = QWidget()
                heading.setLayout(column(10, Label(setting.section, level="strong"), 4, line()))
                self._headings[setting.section] = heading
                parts.append(heading)
            made = _setting_row(setting, preferences)
            self._rows.append((setting, made))
            parts.append(made)
        return parts

    def _show_found(self, query: str) -> None:
        sections = set()
        for setting, made in self._rows:
            is_found = setting.finds(query)
            made.setVisible(is_found)
            if is_found:
                sections.add(setting.section)
        for section, heading in self._headings.items():
            heading.setVisible(section in sections)
        self._none.setVisible(not sections)


def _setting_row(setting: Setting[Any], preferences: Preferences) -> QWidget:
    control = _picker(setting, preferences) if setting.options else _tick(setting, preferences)
    made = QWidget()
    words = column(Label(setting.title), spacing=1)
    if setting.help:
        words.addWidget(Label(setting.help, tone="muted", level="small", wrap=True))
    box = row(words, 16, control, margins=(0, 7, 0, 7))
    box.setStretch(0, 1)
    made.setLayout(box)
    return made


def _picker(setting: Setting[T], preferences: Preferences) -> QComboBox:
    box = QComboBox()
    values = [value for value, _ in setting.options]
    box.addItems([text for _, text in setting.options])
    describe(box, setting.title, object_name=f"settings.{setting.key}")
    box.activated.connect(lambda index: preferences.set(setting, values[index]))
    _follow(box, setting, preferences, lambda: box.setCurrentIndex(values.index(preferences.get(setting))))
    return box


def _tick(setting: Setting[bool], preferences: Preferences) -> QCheckBox:
    box = QCheckBox()
    describe(box, setting.title, object_name=f"settings.{setting.key}")
    box.clicked.connect(lambda ticked: preferences.set(setting, ticked))
    _follow(box, setting, preferences, lambda: box.setChecked(preferences.get(setting)))
    return box


def _follow(box: QWidget, setting: Setting[T], preferences: Preferences, show: Callable[[], None]) -> None:
    """The control shows what is set elsewhere too, as long as it is there."""
    show()

    def changed(key: str) -> None:
        if key in ("", setting.key):
            show()

    preferences.changed.connect(changed)
    box.destroyed.connect(lambda: preferences.changed.disconnect(changed))
