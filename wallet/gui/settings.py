"""What the window remembers, beside the profile it belongs to: layout, size, settings. No secrets, no orders."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QWidget

from wallet.gui.models.actions import ACTIONS, keys_of, taken
from wallet.gui.models.settings import Setting, T

NAME = "window.ini"
FIRST_SIZE = QSize(1600, 940)
KEYS = "keys/"
NO_KEYS = "none"  # an action whose keys the user took away
_PORTABLE = QKeySequence.SequenceFormat.PortableText


def settings_of(profile: Path | None) -> QSettings | None:
    """The settings of a profile's folder; None without one: a throwaway market keeps nothing."""
    if profile is None or not profile.is_dir():
        return None
    return QSettings(str(profile / NAME), QSettings.Format.IniFormat)


class Preferences(QObject):
    """The settings as they are now. ``changed`` gives the key of one that was set, "" when all may be others."""

    changed = Signal(str)

    def __init__(self, store: QSettings | None = None) -> None:
        super().__init__()
        self._store = store
        self._set: dict[str, str] = {}

    def use(self, store: QSettings | None) -> None:
        """From here on they are a profile's."""
        self._store, self._set = store, {}
        self.changed.emit("")

    def get(self, setting: Setting[T]) -> T:
        kept = self._text(setting.key)
        return setting.default if kept is None else setting.read(kept)

    def keys(self) -> dict[str, str]:
        """The keys of every action, by its id. Kept ones that are no keys, or that two would have, are passed over."""
        chosen: dict[str, str] = {}
        for action in ACTIONS:
            kept = self._text(KEYS + action.id)
            if kept is None:
                continue
            keys = "" if kept == NO_KEYS else _readable(kept)
            if keys is not None and not taken(keys, keys_of(chosen), action.id):
                chosen[action.id] = keys
        return keys_of(chosen)

    def set_keys(self, action: str, keys: str) -> None:
        """``keys`` as Qt's portable text; "" for none."""
        self._keep(KEYS + action, keys or NO_KEYS)

    def set(self, setting: Setting[T], value: T) -> None:
        if value == self.get(setting):
            return
        self._keep(setting.key, setting.shown(value))

    def _text(self, key: str) -> str | None:
        kept = self._set.get(key)
        if kept is None and self._store is not None and self._store.contains(key):
            kept = str(self._store.value(key))
        return kept

    def _keep(self, key: str, text: str) -> None:
        self._set[key] = text
        if self._store is not None:
            self._store.setValue(key, text)
        self.changed.emit(key)


def _readable(kept: str) -> str | None:
    """One combination of keys as Qt writes it; None for anything else."""
    sequence = QKeySequence(kept[:64], _PORTABLE)
    known = sequence.count() == 1 and sequence[0].key() != Qt.Key.Key_unknown  # type: ignore[index]  # it is
    return sequence.toString(_PORTABLE) if known else None


def restore_geometry(window: QWidget, store: QSettings | None) -> None:
    """The size and place a window had last; at first, one that fits the screen."""
    room = QGuiApplication.primaryScreen().availableGeometry()
    window.resize(min(FIRST_SIZE.width(), room.width()), min(FIRST_SIZE.height(), room.height()))
    kept = store.value("window/geometry") if store is not None else None
    if isinstance(kept, QByteArray):
        window.restoreGeometry(kept)
