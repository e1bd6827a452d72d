"""The system's word that the computer is about to sleep, where there is one (logind, over the system bus)."""

from __future__ import annotations

from PySide6.QtCore import SLOT, QObject, Signal, Slot
from PySide6.QtDBus import QDBusConnection

SERVICE, PATH, INTERFACE = "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"


class SleepWatch(QObject):
    """``going`` comes just before the computer sleeps; never, where nobody tells. ``told`` says which it is."""

    going = Signal()

    def __init__(self, parent: QObject, bus: QDBusConnection | None = None, service: str = SERVICE) -> None:
        """``service``: "" takes the signal from anybody on ``bus``."""
        super().__init__(parent)
        self._bus = bus or QDBusConnection.systemBus()
        self.told = self._bus.isConnected() and self._bus.connect(  # type: ignore[call-overload]  # it takes text
            service, PATH, INTERFACE, "PrepareForSleep", self, SLOT("prepare(bool)")
        )

    @Slot(bool)
    def prepare(self, begins: bool) -> None:
        if begins:
            self.going.emit()
