"""What the window remembers, beside the profile it belongs to: layout, size, theme. No secrets, no orders."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

from wallet.gui.look import Mode

NAME = "window.ini"
THEME = "theme"


def settings_of(profile: Path | None) -> QSettings | None:
    """The settings of a profile's folder; None without one: a throwaway market keeps nothing."""
    if profile is None or not profile.is_dir():
        return None
    return QSettings(str(profile / NAME), QSettings.Format.IniFormat)


def mode_of(settings: QSettings | None) -> Mode:
    """The theme chosen last; what is not understood follows the system."""
    kept = str(settings.value(THEME, "")) if settings is not None else ""
    return next((mode for mode in Mode if mode.value == kept), Mode.SYSTEM)
