"""How everything looks right now: theme, fonts and icons, handed to whatever paints by itself."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from wallet.gui.models.settings import HIDE_AMOUNTS, TEXT_SIZE, THEME, TREND
from wallet.gui.settings import Preferences
from wallet.gui.theme import CONTRAST, DARK, LIGHT, Theme, coloured, palette, style_sheet
from wallet.gui.widgets.text import HIDING, hides_amounts
from wallet.resources import resource

TEXT_FAMILY = "Inter"
MONO_FAMILY = "JetBrains Mono"
FONT_FILES = ("Inter-Regular.ttf", "Inter-SemiBold.ttf", "JetBrainsMono-Regular.ttf")
BASE_SIZE = 9.0  # points


class Mode(Enum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"
    CONTRAST = "contrast"


class Look(QObject):
    """The one owner of the application's appearance. ``changed`` tells painters to fetch their colours again."""

    changed = Signal()

    def __init__(self, app: QApplication, mode: Mode = Mode.SYSTEM) -> None:
        super().__init__(app)
        self._app = app
        self._mode = mode
        self._trend = TREND.default
        self._size = BASE_SIZE
        self._template = resource("theme/application.qss").read_text(encoding="utf-8")
        self._pictures = {name: resource(f"icons/{name}.svg").as_posix() for name in ("chevron", "tick")}
        self._icons: dict[tuple[str, str], QIcon] = {}
        for name in FONT_FILES:
            QFontDatabase.addApplicationFont(str(resource(f"fonts/{name}")))
        self.theme = self._wanted()
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._follow_system)
        self._apply()

    @property
    def mode(self) -> Mode:
        return self._mode

    def set_mode(self, mode: Mode) -> None:
        self._mode = mode
        hints = self._app.styleHints()
        # The palette alone decides how we look; this tells native frames and file dialogs, where it is supported.
        if mode is Mode.SYSTEM:
            hints.unsetColorScheme()
        else:
            hints.setColorScheme(Qt.ColorScheme.Light if mode is Mode.LIGHT else Qt.ColorScheme.Dark)
        self._follow_system()

    def take(self, preferences: Preferences) -> None:
        """Look as the settings say now."""
        size = BASE_SIZE * preferences.get(TEXT_SIZE) / 100
        if size != self._size:
            self._size = size
            self._apply()
        self._trend = preferences.get(TREND)
        if preferences.get(HIDE_AMOUNTS) != self.hides:
            self._app.setProperty(HIDING, not self.hides)
            self.changed.emit()
            for widget in self._app.allWidgets():
                widget.updateGeometry()
                widget.update()
        self.set_mode(Mode(preferences.get(THEME)))

    @property
    def hides(self) -> bool:
        """Whether amounts of the user's are shown as dots."""
        return hides_amounts()

    def colour(self, name: str, alpha: int = 255) -> QColor:
        """A colour of the theme by its field's name; ``alpha`` from 0 to 255."""
        colour = QColor(getattr(self.theme, name))
        colour.setAlpha(alpha)
        return colour

    def font(self, delta: float = 0, *, bold: bool = False, mono: bool = False) -> QFont:
        """The text face, ``delta`` points larger, with figures of equal width; or the face for digests."""
        font = QFont(MONO_FAMILY if mono else TEXT_FAMILY)
        font.setPointSizeF(self._size + delta)
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def icon(self, name: str, colour: str = "muted") -> QIcon:
        """An icon of ours, drawn in a colour of the theme."""
        key = name, getattr(self.theme, colour)
        if key not in self._icons:
            self._icons[key] = _draw(name, key[1], self.theme.faint)
        return self._icons[key]

    def _wanted(self) -> Theme:
        modes = {Mode.LIGHT: LIGHT, Mode.DARK: DARK, Mode.CONTRAST: CONTRAST}
        # A system without an opinion gets the desk's own habit: dark.
        system = LIGHT if self._app.styleHints().colorScheme() is Qt.ColorScheme.Light else DARK
        return coloured(modes.get(self._mode, system), self._trend)

    def _follow_system(self) -> None:
        wanted = self._wanted()
        if wanted != self.theme:
            self.theme = wanted
            self._apply()

    def _apply(self) -> None:
        self._app.setFont(self.font())
        self._app.setPalette(palette(self.theme))
        self._app.setStyleSheet(style_sheet(self.theme, self._template, self._size, self._pictures))
        self.changed.emit()


def app_icon() -> QIcon:
    """The program's own picture, in its own colours."""
    return QIcon(str(resource("icons/channel-wallet.svg")))


def _draw(name: str, colour: str, disabled: str) -> QIcon:
    source = resource(f"icons/{name}.svg").read_text(encoding="utf-8")
    icon = QIcon()
    for state, shade in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, disabled)):
        renderer = QSvgRenderer(QByteArray(source.replace("currentColor", shade).encode()))
        for side in (16, 32, 48):
            pixmap = QPixmap(QSize(side, side))
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            renderer.render(painter)
            painter.end()
            icon.addPixmap(pixmap, state)
    return icon
