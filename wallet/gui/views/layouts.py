"""How the docks stand: three ways that ship with the program, and the user's own by name, kept with a version."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QByteArray, QObject, QSettings, Qt, Signal
from PySide6.QtWidgets import QMainWindow, QTabBar

from wallet.gui.views.dock import Dock
from wallet.protocol.plain import plain

STANDARD, COMPACT, CHART = "standard", "compact", "chart"
PRESETS = (STANDARD, COMPACT, CHART)
SCHEMA = 1  # of a saved layout: another number, and the saved one is not used
SMALL = 700  # pixels of height below which the trades share a place with the book
ROOMY = 850  # below which ticket and book don't stand one above the other
LARGE = 1400
TICKET_HEIGHT = 428
MAX_KEPT = 20
MAX_NAME = 40
_GROUP = "layouts"
_HORIZONTAL, _VERTICAL = Qt.Orientation.Horizontal, Qt.Orientation.Vertical


class Layouts(QObject):
    """Of one workspace. ``changed``: there are others to choose from. Without ``settings`` nothing is kept."""

    changed = Signal()

    def __init__(self, workspace: QMainWindow, docks: Mapping[str, Dock], settings: QSettings | None) -> None:
        super().__init__(workspace)
        self._workspace, self._docks = workspace, docks
        self._settings = settings
        self._own: dict[str, QByteArray] = {}
        self._load()

    # --- those that ship with the program ------------------------------------------------------------------------

    def usual(self) -> str:
        """The one of the first start, by the room there is: sensible from 1280×720."""
        return COMPACT if self._workspace.height() < SMALL else STANDARD

    def arrange(self, preset: str) -> None:
        """All docks in their places, none of them detached."""
        docks, window = self._docks, self._workspace
        for dock in docks.values():
            dock.setFloating(False)  # while it still has a place: one that has none stays a window of its own
            window.removeDockWidget(dock)
            dock.show()
        window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, docks["markets"])
        window.splitDockWidget(docks["markets"], docks["chart"], _HORIZONTAL)
        window.splitDockWidget(docks["chart"], docks["ticket"], _HORIZONTAL)
        window.splitDockWidget(docks["markets"], docks["funds"], _VERTICAL)
        window.splitDockWidget(docks["chart"], docks["orders"], _VERTICAL)
        if preset == CHART and window.height() >= ROOMY:
            window.splitDockWidget(docks["ticket"], docks["book"], _VERTICAL)
        elif preset == CHART:
            window.tabifyDockWidget(docks["funds"], docks["book"])
        else:
            window.splitDockWidget(docks["chart"], docks["book"], _HORIZONTAL)
        if preset == STANDARD:
            window.splitDockWidget(docks["ticket"], docks["tape"], _VERTICAL)
        else:
            window.tabifyDockWidget(docks["book"], docks["tape"])
        window.tabifyDockWidget(docks["chart"], docks["depth"])
        for name in docks:
            if name not in _PLACED:
                window.tabifyDockWidget(docks["orders"], docks[name])
        for name in ("chart", "orders", "book"):
            docks[name].raise_()
        self._size(preset)
        self.mark_tabs()

    def _size(self, preset: str) -> None:
        docks, resize = self._docks, self._workspace.resizeDocks
        width, height = max(self._workspace.width(), 1000), max(self._workspace.height(), 560)
        left, ticket = min(max(width // 6, 242), 290), min(max(width // 6, 264), 300)
        middle, book = width - left - ticket, min(max(width // 6, 236), 310)
        resize([docks["markets"], docks["chart"], docks["ticket"]], [left, middle, ticket], _HORIZONTAL)
        if preset != CHART:
            resize([docks["chart"], docks["book"]], [middle - book, book], _HORIZONTAL)
        most = 300 if height < LARGE else 520
        lower = min(max(height * (2 if preset == CHART else 3) // 10, 190), most)
        resize([docks["chart"], docks["orders"]], [height - lower, lower], _VERTICAL)
        resize([docks["markets"], docks["funds"]], [122, height - 122], _VERTICAL)
        under = {STANDARD: "tape", CHART: "book"}.get(preset)
        if under is not None and (preset == STANDARD or self._workspace.height() >= ROOMY):
            resize([docks["ticket"], docks[under]], [TICKET_HEIGHT, height - TICKET_HEIGHT], _VERTICAL)

    def mark_tabs(self) -> None:
        """Among tabs a dock has no title of its own."""
        for dock in self._docks.values():
            dock.set_tabbed(tabbed=bool(self._workspace.tabifiedDockWidgets(dock)))
        for bar in self._workspace.findChildren(QTabBar):
            bar.setDrawBase(False)
            bar.setExpanding(False)
            bar.setAccessibleName("Panels")

    # --- the last one --------------------------------------------------------------------------------------------

    def remember(self) -> None:
        """As the docks stand now, for the next start."""
        if self._settings is not None:
            self._settings.setValue("layout/schema", SCHEMA)
            self._settings.setValue("layout/state", self._workspace.saveState(SCHEMA))

    def restore(self) -> None:
        """As they stood last, if that is one of ours; else as at the first start."""
        state = None
        if self._settings is not None and str(self._settings.value("layout/schema", "")) == str(SCHEMA):
            state = self._settings.value("layout/state")
        if not isinstance(state, QByteArray) or not self._workspace.restoreState(state, SCHEMA):
            self.arrange(self.usual())
        self.mark_tabs()

    # --- the user's own ------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        return sorted(self._own, key=str.casefold)

    def keep(self, name: str) -> str:
        """The docks as they stand now, under a name; an older one of that name goes. The name as it is shown."""
        name = plain(name.strip(), MAX_NAME)
        if not name or (name not in self._own and len(self._own) >= MAX_KEPT):
            return ""
        self._own[name] = self._workspace.saveState(SCHEMA)
        if self._settings is not None:
            self._settings.setValue(_key(name), self._own[name])
        self.changed.emit()
        return name

    def show(self, name: str) -> bool:
        """Whether there is one of this name that can be used; if not, everything stays as it is."""
        state = self._own.get(name)
        shown = state is not None and self._workspace.restoreState(state, SCHEMA)
        self.mark_tabs()
        return shown

    def remove(self, name: str) -> None:
        if self._own.pop(name, None) is not None:
            if self._settings is not None:
                self._settings.remove(_key(name))
            self.changed.emit()

    def _load(self) -> None:
        """What the file holds of them; what is no layout is passed over."""
        if self._settings is None:
            return
        self._settings.beginGroup(_GROUP)
        keys = self._settings.childKeys()[:MAX_KEPT]
        self._settings.endGroup()
        for key in keys:
            state = self._settings.value(f"{_GROUP}/{key}")
            try:
                name = bytes.fromhex(key).decode()
            except ValueError:
                continue
            if isinstance(state, QByteArray) and name == plain(name, MAX_NAME):
                self._own[name] = state


_PLACED = ("markets", "funds", "chart", "depth", "book", "tape", "ticket", "orders")


def _key(name: str) -> str:
    """A name may hold what a settings file gives a meaning: it is written as hexadecimal digits."""
    return f"{_GROUP}/{name.encode().hex()}"
