"""A dock with a slim title of its own: small words, room for the view's controls, no buttons while locked."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDockWidget, QFrame, QWidget

from wallet.gui.widgets.layout import row, tool
from wallet.gui.widgets.text import Label, describe

HEIGHT = 28
LOCKED = QDockWidget.DockWidgetFeature.NoDockWidgetFeatures
FREE = (
    QDockWidget.DockWidgetFeature.DockWidgetClosable
    | QDockWidget.DockWidgetFeature.DockWidgetMovable
    | QDockWidget.DockWidgetFeature.DockWidgetFloatable
)


class _Bar(QFrame):
    """The dock's layout asks for the hint only, whatever the minimum is."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "title")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(120, HEIGHT)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(60, HEIGHT)


class Dock(QDockWidget):
    """``name`` is constant: saved layouts know the dock by it, whatever the language of its title."""

    def __init__(self, name: str, title: str, content: QWidget, controls: QWidget | None = None) -> None:
        super().__init__(title)
        self.setObjectName(f"dock.{name}")
        content.setProperty("role", "body")
        content.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWidget(content)
        self._close = tool("×", f"dock.{name}.close", role="segment", spoken=f"Close {title}")
        self._close.clicked.connect(self.close)
        self._detach = tool("↗", f"dock.{name}.detach", role="segment", spoken=f"Detach {title}")
        self._detach.clicked.connect(lambda: self.setFloating(not self.isFloating()))
        self.topLevelChanged.connect(self._came_off)
        self._bar = _Bar()
        self.heading = Label(title, level="strong", tone="" if controls else "muted")
        parts: list[QWidget | None] = [self.heading, None]
        parts += [controls] if controls else []
        self._bar.setLayout(row(*parts, self._detach, self._close, margins=(10, 2, 4, 2), spacing=4))
        self._none = QWidget(self)
        self._none.setFixedHeight(0)
        self._controls = controls
        self._tabbed = False
        self.lock(locked=True)

    def lock(self, *, locked: bool) -> None:
        """Locked docks stay where they are; unlocked ones can be dragged, floated, closed."""
        self.setFeatures(LOCKED if locked else FREE)
        for made in (self._detach, self._close):
            made.setVisible(not locked)
        self._retitle()

    def set_tabbed(self, *, tabbed: bool) -> None:
        """Among tabs the tab says the title."""
        self._tabbed = tabbed
        self._retitle()

    def _came_off(self, floating: bool) -> None:
        """A window of its own, or back among the others."""
        word = "Put back" if floating else "Detach"
        self._detach.setText("↙" if floating else "↗")
        describe(self._detach, f"{word} {self.windowTitle()}", word)
        self._retitle()

    def _retitle(self) -> None:
        bare = self._tabbed and not self.isFloating() and self.features() == LOCKED and self._controls is None
        wanted = self._none if bare else self._bar
        if self.titleBarWidget() is not wanted:
            self.setTitleBarWidget(wanted)
            self._bar.setVisible(not bare)
