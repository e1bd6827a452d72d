"""What the window remembers, beside the profile it belongs to: layout, size, settings. No secrets, no orders."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal

from wallet.gui.models.settings import Setting, T

NAME = "window.ini"


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
        kept = self._set.get(setting.key)
        if kept is None and self._store is not None:
            kept = str(self._store.value(setting.key, ""))
        return setting.default if kept is None else setting.read(kept)

    def set(self, setting: Setting[T], value: T) -> None:
        if value == self.get(setting):
            return
        self._set[setting.key] = setting.shown(value)
        if self._store is not None:
            self._store.setValue(setting.key, setting.shown(value))
        self.changed.emit(setting.key)
