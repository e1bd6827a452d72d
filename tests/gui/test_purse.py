"""The page of the owner's accounts in the window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from tests.gui.scripted import ANNA, DRAFT, ETH, ME, PURSE, SAVINGS, STUCK, ScriptedBackend, done, failed
from wallet.gui.purse.copying import Copier
from wallet.gui.purse.page import PursePage
from wallet.gui.purse.send import Preview
from wallet.gui.widgets.text import AmountLabel
from wallet.gui.window import MainWindow
from wallet.protocol.addresses import show_address
from wallet.protocol.errors import WalletError


def click(qtbot: Any, widget: Any) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def calls(backend: ScriptedBackend, name: str) -> list[Any]:
    return [call for call in backend.calls if call[0] == name]


@pytest.fixture
def page(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> PursePage:
    trading.menus.actions["purse"].trigger()
    assert trading.purse is not None
    page = trading.purse
    qtbot.waitUntil(lambda: len(page._model.rows) == 3)
    return page


def test_it_opens_from_the_menu_and_leads_back(page: PursePage, trading: MainWindow, qtbot: Any, find: Any) -> None:
    assert trading.stack.currentWidget() is page
    assert find("purse.where").text() == "chain 31337 · block 1234"
    assert not trading.menus.actions["buy"].isEnabled()  # one types here
    click(qtbot, find("purse.back"))
    assert trading.stack.currentWidget() is trading.room


def test_without_a_wallet_there_is_no_page(window: MainWindow) -> None:
    assert not window.menus.actions["purse"].isEnabled()


def test_receiving_shows_the_chosen_accounts_address_and_code(page: PursePage, qtbot: Any, find: Any) -> None:
    assert find("purse.address").text() == show_address(ME)
    first = find("purse.code").modules
    assert len(first) == len(first[0]) >= 29  # a QR code of 42 letters is of version 3 at least
    page.table.selectRow(1)
    qtbot.waitUntil(lambda: find("purse.address").text() == show_address(SAVINGS))
    assert find("purse.code").modules != first


def test_copying_is_read_back_and_cleared(page: PursePage, qtbot: Any, find: Any) -> None:
    clipboard = QGuiApplication.clipboard()
    click(qtbot, find("purse.copy"))
    assert clipboard.text() == show_address(ME)
    assert "read back the same" in find("purse.notice").text
    page._copier.clear()
    assert clipboard.text() == ""
    click(qtbot, find("purse.copy"))
    clipboard.setText("a shopping list")
    page._copier.clear()
    assert clipboard.text() == "a shopping list"  # not ours to clear


def test_a_program_that_swaps_addresses_is_noticed(qtbot: Any, window: MainWindow) -> None:
    said: list[tuple[str, str]] = []
    copier = Copier(window, seconds=3600)
    copier.said.connect(lambda text, tone: said.append((text, tone)))
    copier.copy(ME)
    QGuiApplication.clipboard().setText(show_address(ANNA))
    assert [tone for _, tone in said] == ["good", "bad"]
    copier.clear()
    assert QGuiApplication.clipboard().text() == show_address(ANNA)
    QGuiApplication.clipboard().clear()


def shown(page: PursePage) -> bool:
    """Whether a preview is open."""
    return any(dialog.isVisible() for dialog in page.window().findChildren(Preview))


def fill(qtbot: Any, find: Any, page: PursePage, to: str, amount: str) -> None:
    page.show_part("send")
    find("purse.to").setText(to)
    find("purse.amount").setText(amount)
    find("purse.amount").textEdited.emit(amount)
    click(qtbot, find("purse.review"))


def test_a_payment_is_previewed_and_sent_as_previewed(
    page: PursePage, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    page.show_part("send")
    assert find("purse.have").text() == "Account 1 has 10 ETH"
    click(qtbot, find("purse.speed.fast"))
    assert "0.000066 ETH" in find("purse.fee").text()
    fill(qtbot, find, page, "Anna", "0.5")
    assert calls(backend, "prepare_send") == [("prepare_send", b"", ME, ANNA, ETH.address, 5 * 10**17, "fast")]
    qtbot.waitUntil(lambda: shown(page))
    assert find("purse.preview.title").text() == "Send 0.5 ETH"
    assert find("purse.preview.2").text() == "0.000044 ETH"
    assert calls(backend, "send_prepared") == []  # nothing is signed for a look
    click(qtbot, find("purse.preview.yes"))
    qtbot.waitUntil(lambda: calls(backend, "send_prepared") == [("send_prepared", b"", ME, DRAFT.unsigned)])
    qtbot.waitUntil(lambda: page.stack.currentWidget() is page.sent)
    assert find("purse.to").text() == ""


def test_a_preview_that_is_cancelled_sends_nothing(
    page: PursePage, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    fill(qtbot, find, page, show_address(ANNA), "0.5")
    qtbot.waitUntil(lambda: shown(page))
    click(qtbot, find("purse.preview.no"))
    qtbot.waitUntil(lambda: not shown(page))
    assert calls(backend, "send_prepared") == []


def test_a_warning_must_be_answered_first(page: PursePage, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    warned = (("WARN-ALIKE", (("address", "0xAB"), ("other", "0xCD (Anna)"))),)
    backend.answers["prepare_send"] = done(replace(DRAFT, warnings=warned))
    fill(qtbot, find, page, show_address(ANNA), "0.5")
    qtbot.waitUntil(lambda: shown(page))
    assert not find("purse.preview.yes").isEnabled()
    find("purse.preview.sure").setChecked(True)
    assert find("purse.preview.yes").isEnabled()


def test_what_is_wrong_is_said_beside_the_button(
    page: PursePage, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    fill(qtbot, find, page, "0x12", "1")
    assert "is no address" in find("purse.failure").text()
    fill(qtbot, find, page, "Anna", "11")
    assert "11 ETH is to be sent, and 10 ETH is there" in find("purse.failure").text()
    assert calls(backend, "prepare_send") == []
    backend.answers["prepare_send"] = failed(WalletError("TOKEN_REFUSES", token="0x12"))
    fill(qtbot, find, page, "Anna", "1")
    qtbot.waitUntil(lambda: "would not move this" in find("purse.failure").text())


def test_max_asks_for_all_there_is_until_something_else_is_typed(
    page: PursePage, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    page.show_part("send")
    find("purse.to").setText("Anna")
    click(qtbot, find("purse.max"))
    assert find("purse.amount").text() == "10"
    click(qtbot, find("purse.review"))
    assert calls(backend, "prepare_send")[-1][5] is None
    fill(qtbot, find, page, "Anna", "3")
    assert calls(backend, "prepare_send")[-1][5] == 3 * 10**18


def test_what_is_stuck_is_sped_up_or_cancelled(
    page: PursePage, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    page.show_part("sent")
    assert not find("purse.faster").isEnabled()
    page.sent.table.selectRow(1)  # confirmed
    assert not find("purse.cancel").isEnabled()
    page.sent.table.selectRow(0)
    click(qtbot, find("purse.faster"))
    click(qtbot, find("purse.cancel"))
    asked = [call[1:] for call in calls(backend, "prepare_replacement")]
    assert asked == [(b"", STUCK.hash, False, "normal"), (b"", STUCK.hash, True, "normal")]
    assert find("purse.hash").text() == "0x" + STUCK.hash.hex()


def test_the_address_book(page: PursePage, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    page.show_part("book")
    find("purse.book.name").setText("Bruno")
    find("purse.book.address").setText("nonsense")
    click(qtbot, find("purse.book.save"))
    assert "is no address" in find("purse.book.failure").text()
    find("purse.book.address").setText(show_address(SAVINGS))
    click(qtbot, find("purse.book.save"))
    assert calls(backend, "name_address") == [("name_address", SAVINGS, "Bruno")]
    qtbot.waitUntil(lambda: find("purse.book.name").text() == "")
    page.book.table.selectRow(0)  # a broker's: not ours to remove
    assert not find("purse.book.remove").isEnabled()
    page.book.table.selectRow(2)
    click(qtbot, find("purse.book.remove"))
    assert calls(backend, "forget_address") == [("forget_address", ANNA)]
    click(qtbot, find("purse.book.pay"))
    assert page.stack.currentWidget() is page.send
    assert find("purse.to").text() == show_address(ANNA)


def test_accounts_are_added_and_found(page: PursePage, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    added = replace(PURSE.accounts[1], address=b"\x34" * 20, label="")
    backend.purse_shown = replace(PURSE, accounts=(*PURSE.accounts, added))
    click(qtbot, find("purse.add"))
    qtbot.waitUntil(lambda: "is added" in find("purse.notice").text)
    # what is marked in the list is what is shown, and paid from
    qtbot.waitUntil(lambda: find("purse.address").text() == show_address(added.address))
    assert page.table.currentIndex().row() == 3
    click(qtbot, find("purse.find"))
    qtbot.waitUntil(lambda: find("purse.notice").text == "2 accounts found and added.")
    backend.answers["add_account"] = failed(WalletError("KEYS_NO_PHRASE"))
    click(qtbot, find("purse.add"))
    qtbot.waitUntil(lambda: "no recovery words" in find("purse.notice").text)


def test_what_is_only_watched_can_not_be_sent_from(page: PursePage, qtbot: Any, find: Any) -> None:
    page.show_part("send")
    page.table.selectRow(2)
    qtbot.waitUntil(lambda: not find("purse.review").isEnabled())
    assert "only watched" in find("purse.failure").text()
    page.table.selectRow(0)
    qtbot.waitUntil(lambda: find("purse.review").isEnabled())
    assert find("purse.failure").text() == ""


def test_the_keys_and_their_worst_are_shown(page: PursePage, find: Any, qtbot: Any) -> None:
    page.show_part("keys")
    qtbot.waitUntil(lambda: find("purse.keys.owner").text() == "unlocked")
    assert "everything" in find("purse.keys.owner.worst").text()


def test_hidden_amounts_are_hidden_here_too(page: PursePage, trading: MainWindow) -> None:
    private = [
        column.title for table in (page.table, page.sent.table) for column in table._rows.columns if column.private
    ]
    assert private == ["Holds", "Amount", "Network fee"]
    assert isinstance(page.send._have, AmountLabel)
    assert all(isinstance(part[3], AmountLabel) for part in page.keys._parts.values())


def test_it_asks_only_while_it_is_in_sight(page: PursePage, trading: MainWindow, backend: ScriptedBackend) -> None:
    assert page._timer.isActive()
    trading.show_workspace()
    assert not page._timer.isActive()
