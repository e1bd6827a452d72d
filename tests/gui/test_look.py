"""Theme, words and access."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontInfo, QFontMetrics, QPalette, QRawFont
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)

import wallet.gui
from wallet.gui.look import MONO_FAMILY, TEXT_FAMILY, Look, Mode
from wallet.gui.models.settings import TREND
from wallet.gui.theme import CONTRAST, DARK, LIGHT, Theme, coloured, palette
from wallet.gui.widgets.text import Label, set_tip
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui


def signs() -> set[str]:
    """Every sign that our own words use; a system may have no other font."""
    root = Path(wallet.gui.__file__).parents[1]
    sources = [*root.joinpath("gui").rglob("*.py"), *root.joinpath("app").glob("*.py")]
    return {sign for path in sources for sign in path.read_text(encoding="utf-8") if ord(sign) > 126} | {"\u202f"}


def luminance(name: str) -> float:
    parts = [value / 255 for value in QColor(name).getRgb()[:3]]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


EVERY = [coloured(theme, trend) for theme in (DARK, LIGHT, CONTRAST) for trend, _ in TREND.options]


@pytest.mark.parametrize("theme", EVERY)
def test_text_can_be_read(theme: Theme) -> None:
    """WCAG AA: 4.5 to 1 for text on what it stands on."""
    for ground in (theme.window, theme.surface, theme.raised, theme.sunken):
        for text in (theme.text, theme.muted):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for text, ground in (
        (theme.up, theme.surface),
        (theme.down, theme.surface),
        (theme.warn, theme.surface),
        (theme.good, theme.surface),
        (theme.bad, theme.surface),
        (theme.good, theme.good_soft),
        (theme.bad, theme.bad_soft),
        (theme.accent, theme.surface),
        (theme.on_accent, theme.accent),
        (theme.on_fill, theme.down_fill),
        (theme.up, theme.up_soft),
        (theme.down, theme.down_soft),
        (theme.warn, theme.warn_soft),
    ):
        assert contrast(text, ground) >= 4.5, (text, ground)
    assert contrast(theme.on_fill, theme.up_fill) >= 4.0  # bold


def test_high_contrast_is_high() -> None:
    """WCAG AAA: 7 to 1."""
    for text in (CONTRAST.text, CONTRAST.muted, CONTRAST.up, CONTRAST.down, CONTRAST.accent, CONTRAST.warn):
        assert contrast(text, CONTRAST.surface) >= 7


def test_up_and_down_can_be_swapped_or_told_apart_by_everybody() -> None:
    swapped, safe = coloured(DARK, "swapped"), coloured(DARK, "blind")
    assert (swapped.up, swapped.down_fill) == (DARK.down, DARK.up_fill)
    assert (swapped.good, swapped.bad) == (DARK.good, DARK.bad)  # a failure stays red
    red, _, blue, _ = QColor(safe.up).getRgb()
    assert blue > red
    red, _, blue, _ = QColor(safe.down).getRgb()
    assert red > blue
    assert coloured(DARK, "usual") is DARK


def test_every_colour_is_one() -> None:
    for theme in EVERY:
        for field in fields(theme):
            value = getattr(theme, field.name)
            if isinstance(value, str) and field.name != "name":
                assert QColor(value).isValid(), field.name


def test_disabled_text_has_its_own_colour() -> None:
    made = palette(DARK)
    assert made.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text) == QColor(DARK.faint)


def test_the_fonts_ship_with_the_program_and_figures_have_one_width(look: Look) -> None:
    assert QFontInfo(look.font()).family() == TEXT_FAMILY
    assert QFontInfo(look.font(mono=True)).family() == MONO_FAMILY
    for bold in (False, True):
        metrics, raw = QFontMetrics(look.font(bold=bold)), QRawFont.fromFont(look.font(bold=bold))
        assert len({metrics.horizontalAdvance(digit * 10) for digit in "0123456789"}) == 1
        assert [sign for sign in sorted(signs()) if not raw.supportsCharacter(ord(sign))] == []


def test_system_mode_follows_the_system_and_others_do_not(look: Look) -> None:
    look.set_mode(Mode.LIGHT)
    assert look.theme is LIGHT
    look.set_mode(Mode.SYSTEM)
    scheme = QApplication.styleHints().colorScheme()
    assert look.theme is (LIGHT if scheme is Qt.ColorScheme.Light else DARK)


def test_icons_take_the_colour_of_the_theme(look: Look) -> None:
    picture = look.icon("key", "accent").pixmap(32, 32).toImage()
    colours = {
        picture.pixelColor(x, y).name() for x in range(32) for y in range(32) if picture.pixelColor(x, y).alpha() == 255
    }
    assert colours == {DARK.accent}


def test_labels_and_tips_are_no_markup(qtbot: Any) -> None:
    label = Label("<b>x</b>")
    qtbot.addWidget(label)
    assert label.textFormat() is Qt.TextFormat.PlainText
    label.show_foreign("a\u202eb<i>" + "x" * 1000)
    assert label.text().startswith("a\\u202eb<i>")
    assert len(label.text()) == 300
    set_tip(label, "<script>\nnext")
    assert label.toolTip() == "<qt>&lt;script&gt;<br>next</qt>"


def test_whatever_can_be_used_has_a_name_and_a_place_in_the_tab_order(trading: MainWindow) -> None:
    kinds = (QAbstractButton, QLineEdit, QComboBox, QAbstractSlider)
    for widget in trading.findChildren(QWidget):
        inside = isinstance(widget.parent(), QTabBar | QComboBox) or widget.objectName().startswith("qt_")
        if not isinstance(widget, kinds) or isinstance(widget, QScrollBar) or inside:
            continue
        assert widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()), widget.objectName()
        if isinstance(widget, QLineEdit):
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_no_dialog_runs_a_loop_of_its_own_and_text_goes_through_one_place() -> None:
    root = Path(wallet.gui.__file__).parent
    for path in root.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if path.name != "app.py":
            assert ".exec(" not in source, path
        assert "exec_(" not in source, path
        if path.name != "text.py":
            assert ".setToolTip(" not in source, path
        assert "RichText" not in source, path
        assert len(source.splitlines()) < 400, path
