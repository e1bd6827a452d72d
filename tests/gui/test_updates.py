"""The notice of a newer release in the window: a real server on this computer, files signed as minisign signs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from tests.app.test_updates import Pages, Signer
from wallet import __version__
from wallet.app import updates
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui
Find = Callable[[str], Any]
PATIENCE = 30_000  # ms


@pytest.fixture
def pages() -> Iterator[Pages]:
    there = Pages()
    yield there
    there.server.shutdown()
    there.server.server_close()


@pytest.fixture
def profile(window: MainWindow, tmp_path: Path) -> Path:
    """The window with a profile's folder in use."""
    folder = tmp_path / "profile"
    folder.mkdir()
    window._remember_in(folder)
    return folder


def switch_on(window: MainWindow, find: Find, url: str, key: str) -> Any:
    window.show_updates()
    dialog = find("updates")
    find("updates.url").setText(url)
    find("updates.key").setText(key)
    find("updates.on").click()
    return dialog


def look(window: MainWindow, qtbot: Any) -> str:
    """One look as the clock has it; what the corner of the menu bar says afterwards."""
    with qtbot.waitSignal(window.updates.found, timeout=PATIENCE):
        window.updates._due()
    corner: Any = window.menuBar().cornerWidget()
    return str(corner.text()) if not corner.isHidden() else ""


def test_it_is_off_and_asks_nobody_until_it_is_switched_on(window: MainWindow, profile: Path, find: Find) -> None:
    threads = threading.active_count()
    window.updates._due()
    assert window.updates._looking is None
    assert threading.active_count() <= threads
    window.show_updates()
    assert find("updates.status").text() == "Not looked for."
    assert not find("updates.look").isEnabled()
    assert list(profile.glob("updates*")) == []


def test_a_market_that_keeps_nothing_has_no_such_notice(window: MainWindow, find: Find) -> None:
    window._remember_in(None)
    window.menus.actions["updates"].trigger()
    assert "in a profile" in find("updates.status").text()
    assert not find("updates.on").isEnabled()
    window.updates.look()
    assert window.updates._looking is None


def test_a_newer_release_is_a_quiet_word_in_the_corner(
    window: MainWindow, profile: Path, pages: Pages, find: Find, qtbot: Any
) -> None:
    signer = Signer()
    pages.put(signer.release("99.0.0"))
    switch_on(window, find, pages.url, signer.key).accept()
    QApplication.processEvents()
    assert pages.asked == []  # switching on is not yet looking
    assert look(window, qtbot) == "Version 99.0.0 is out"
    assert pages.asked == ["/release.json", "/release.json.minisig"]
    find("updates.corner").click()
    text = find("updates.status").text()
    assert f"Version 99.0.0 of 2027-01-31 is out; this is {__version__}" in text
    assert "Nothing was downloaded" in text
    assert window.menuBar().cornerWidget().isHidden()


def test_nothing_newer_is_said_only_where_one_asked(
    window: MainWindow, profile: Path, pages: Pages, find: Find, qtbot: Any
) -> None:
    signer = Signer()
    pages.put(signer.release(__version__))
    switch_on(window, find, pages.url, signer.key)
    with qtbot.waitSignal(window.updates.found, timeout=PATIENCE):
        find("updates.look").click()
    assert "No newer release" in find("updates.status").text()
    assert find("updates.look").isEnabled()
    assert window.menuBar().cornerWidget().isHidden()


@pytest.mark.parametrize(
    "hostile",
    [
        lambda signer: Signer().release("99.0.0"),
        lambda signer: (b"<b>99.0.0</b>", signer.sign(b"<b>99.0.0</b>")),
        lambda signer: (b"[" * 4000, signer.sign(b"[" * 4000)),
        lambda signer: (b"x" * 100_000, b"y" * 100_000),
        lambda signer: signer.release("99.0.0", "<img src=x>"),
        lambda signer: signer.release("0.0.1"),
    ],
    ids=["another key", "markup", "deep", "huge", "markup in the date", "rollback"],
)
def test_a_hostile_release_file_is_refused_and_its_words_never_shown(
    window: MainWindow, profile: Path, pages: Pages, find: Find, qtbot: Any, hostile: Callable[[Signer], Any]
) -> None:
    signer = Signer()
    pages.put(hostile(signer))
    switch_on(window, find, pages.url, signer.key).accept()
    QApplication.processEvents()
    kept = (profile / updates.NAME).read_bytes()
    assert look(window, qtbot) == "Release notice refused"
    window.show_updates()
    text = find("updates.status").text()
    assert text
    assert "99.0.0" not in text
    assert "<" not in text
    assert (profile / updates.NAME).read_bytes() == kept


def test_a_server_that_is_away_says_nothing_in_the_corner(
    window: MainWindow, profile: Path, pages: Pages, find: Find, qtbot: Any
) -> None:
    switch_on(window, find, pages.url, Signer().key)  # no file there: a redirect, which is not followed
    assert look(window, qtbot) == ""
    assert "can't be fetched" in find("updates.status").text()


def test_what_is_typed_wrong_changes_nothing(window: MainWindow, profile: Path, find: Find) -> None:
    switch_on(window, find, "http://example.org/release.json", Signer().key)
    assert "https://" in find("updates.status").text()
    find("updates.url").setText("https://example.org/release.json")
    find("updates.key").setText("RW")
    find("updates.on").click()
    assert "minisign" in find("updates.status").text()
    assert list(profile.glob("updates*")) == []


def test_switched_off_it_is_forgotten_also_while_it_looks(
    window: MainWindow, profile: Path, pages: Pages, find: Find
) -> None:
    signer = Signer()
    pages.put(signer.release("99.0.0"))
    switch_on(window, find, pages.url, signer.key)
    find("updates.off").click()
    assert not (profile / updates.NAME).exists()
    assert not find("updates.look").isEnabled()
    with pytest.raises(WalletError, match="UPDATE_OFF"):
        _checked(profile)


def test_settings_that_somebody_damaged_can_be_switched_off(window: MainWindow, profile: Path, find: Find) -> None:
    (profile / updates.NAME).write_text("{")
    window.updates._due()
    assert window.menuBar().cornerWidget().text() == "Release notice refused"
    window.show_updates()
    find("updates.off").click()
    assert not (profile / updates.NAME).exists()


def _checked(folder: Path) -> None:
    import asyncio

    asyncio.run(updates.check(folder, __version__))
