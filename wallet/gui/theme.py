"""Every colour of the window, in one place: palette, style sheet, chart pens and painters are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from string import Template

from PySide6.QtGui import QColor, QPalette


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as ``#rrggbb``. ``*_soft`` lie behind text, ``*_fill`` under ``on_fill`` text."""

    name: str
    dark: bool
    window: str
    surface: str
    raised: str
    sunken: str
    line: str
    line_strong: str
    text: str
    muted: str
    faint: str
    accent: str
    accent_hover: str
    accent_soft: str
    on_accent: str
    up: str
    up_soft: str
    up_fill: str
    down: str
    down_soft: str
    down_fill: str
    on_fill: str
    warn: str
    warn_soft: str
    held: str  # bars of what is locked: never text


DARK = Theme(
    name="dark",
    dark=True,
    window="#0d1117",
    surface="#141a22",
    raised="#1e2630",
    sunken="#0f141b",
    line="#222b36",
    line_strong="#33404f",
    text="#e6ebf2",
    muted="#94a1b2",
    faint="#5d6a7a",
    accent="#5b9dff",
    accent_hover="#7bb0ff",
    accent_soft="#1d304d",
    on_accent="#08111f",
    up="#2fc58d",
    up_soft="#12322a",
    up_fill="#16875f",
    down="#ff6376",
    down_soft="#3a1c24",
    down_fill="#c23048",
    on_fill="#ffffff",
    warn="#f2b13c",
    warn_soft="#352a14",
    held="#f2b13c",
)

LIGHT = Theme(
    name="light",
    dark=False,
    window="#eef1f5",
    surface="#ffffff",
    raised="#f1f4f8",
    sunken="#f7f9fb",
    line="#e1e6ec",
    line_strong="#c6cfd9",
    text="#17202b",
    muted="#586577",
    faint="#95a1af",
    accent="#1f62d8",
    accent_hover="#174fb3",
    accent_soft="#dde9fc",
    on_accent="#ffffff",
    up="#097a50",
    up_soft="#dcf3e8",
    up_fill="#0b8a5b",
    down="#c5283d",
    down_soft="#fde3e6",
    down_fill="#cc2f45",
    on_fill="#ffffff",
    warn="#8a5a00",
    warn_soft="#fdf0d2",
    held="#e0a020",
)


def palette(theme: Theme) -> QPalette:
    """A complete palette for the Fusion style, with its disabled colours."""
    made = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.window,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.surface,
        QPalette.ColorRole.AlternateBase: theme.raised,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.Button: theme.raised,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.BrightText: theme.down,
        QPalette.ColorRole.ToolTipBase: theme.raised,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.faint,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.on_accent,
        QPalette.ColorRole.Accent: theme.accent,
        QPalette.ColorRole.Link: theme.accent,
        QPalette.ColorRole.LinkVisited: theme.accent,
        QPalette.ColorRole.Light: theme.line_strong,
        QPalette.ColorRole.Midlight: theme.line,
        QPalette.ColorRole.Mid: theme.line_strong,
        QPalette.ColorRole.Dark: theme.line_strong,
        QPalette.ColorRole.Shadow: theme.window,
    }
    for role, colour in roles.items():
        made.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.faint))
    return made


def style_sheet(theme: Theme, template: str, size: float, pictures: Mapping[str, str]) -> str:
    """The application's style sheet: geometry from ``template``, colours from ``theme``, ``size`` points of text.

    ``pictures`` are paths of the few pictures a style sheet can only name.
    """
    sizes = {"size": size, "small": size - 1, "title": size + 3.5, "display": size + 10}
    return Template(template).substitute(
        asdict(theme), **pictures, **{key: f"{value:g}" for key, value in sizes.items()}
    )
