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
    good: str  # what went well or badly, whichever colours up and down have
    good_soft: str
    bad: str
    bad_soft: str
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
    good="#2fc58d",
    good_soft="#12322a",
    bad="#ff6376",
    bad_soft="#3a1c24",
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
    up_fill="#0a8457",
    down="#c5283d",
    down_soft="#fde3e6",
    down_fill="#cc2f45",
    on_fill="#ffffff",
    good="#097a50",
    good_soft="#dcf3e8",
    bad="#c5283d",
    bad_soft="#fde3e6",
    warn="#8a5a00",
    warn_soft="#fdf0d2",
    held="#e0a020",
)

CONTRAST = Theme(
    name="contrast",
    dark=True,
    window="#000000",
    surface="#000000",
    raised="#101820",
    sunken="#000000",
    line="#8a96a3",
    line_strong="#c8d2dc",
    text="#ffffff",
    muted="#e3e9f0",
    faint="#a8b4c0",
    accent="#ffd84d",
    accent_hover="#ffe68a",
    accent_soft="#3d3300",
    on_accent="#000000",
    up="#4dffb8",
    up_soft="#00331f",
    up_fill="#00704a",
    down="#ff9aa6",
    down_soft="#4a0010",
    down_fill="#a80026",
    on_fill="#ffffff",
    good="#4dffb8",
    good_soft="#00331f",
    bad="#ff9aa6",
    bad_soft="#4a0010",
    warn="#ffcc33",
    warn_soft="#332600",
    held="#ffcc33",
)

# Blue and orange are told apart by nearly everybody (Okabe and Ito, Color Universal Design, 2008).
_BLUE = {
    True: {"up": "#6bb5ff", "up_soft": "#10294a", "up_fill": "#1a66b8"},
    False: {"up": "#0a5cab", "up_soft": "#dcebfb", "up_fill": "#0a5cab"},
}
_ORANGE = {
    True: {"down": "#ff9d42", "down_soft": "#3d2408", "down_fill": "#a85600"},
    False: {"down": "#9c4a00", "down_soft": "#fdeadb", "down_fill": "#a85000"},
}


def coloured(theme: Theme, trend: str) -> Theme:
    """The theme with other colours for up and down: ``usual``, ``swapped`` (as in East Asia) or ``blind`` (safe)."""
    if trend == "blind":
        return _with(theme, {**_BLUE[theme.dark], **_ORANGE[theme.dark]})
    if trend == "swapped":
        pairs = {f"up{end}": f"down{end}" for end in ("", "_soft", "_fill")}
        pairs |= {down: up for up, down in pairs.items()}
        return _with(theme, {name: getattr(theme, other) for name, other in pairs.items()})
    return theme


def _with(theme: Theme, colours: Mapping[str, str]) -> Theme:
    return Theme(**{**asdict(theme), **colours})


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
