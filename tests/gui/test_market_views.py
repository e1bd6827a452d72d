"""The markets' list with its search, and the book summed up or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt

from tests.gui.scripted import ETH_USDT, MARKETS, USDT, ScriptedBackend, app_view, market_view
from wallet.app.snapshots import AssetInfo
from wallet.gui.models.book import PERMILLE, ladder
from wallet.gui.models.settings import BOOK_SUMS
from wallet.gui.views.markets import FEW, MarketsView, finds
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui


def many() -> tuple[Any, ...]:
    names = ("SOL", "DOT", "ADA", "XMR")
    return (*MARKETS, *(replace(ETH_USDT, base=AssetInfo(bytes([9, i]) * 10, n, 18)) for i, n in enumerate(names)))


def shown(view: MarketsView) -> list[str]:
    return [line.key for line in view._model.rows]


def test_a_search_finds_every_word_of_it() -> None:
    assert finds(ETH_USDT, "")
    assert finds(ETH_USDT, " usdt ETH ")
    assert finds(ETH_USDT, "h/u")
    assert not finds(ETH_USDT, "eth btc")
    assert USDT.symbol == "USDT"


def test_markets_are_found_by_keyboard_and_the_one_in_view_stays(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    assert trading.room is not None
    workspace = trading.room.workspace
    view = workspace.markets
    assert not view.search.isVisible()  # two need no search
    trading.menus.actions["find-market"].trigger()
    assert trading.focusWidget() is view.search
    qtbot.keyClicks(view.search, "wbtc")
    assert shown(view) == ["WBTC/USDT"]
    assert workspace.market == "ETH/USDT"  # looking is not choosing
    backend.on_market(market_view())
    qtbot.wait(50)
    assert shown(view) == ["WBTC/USDT"]
    qtbot.keyClick(view.search, Qt.Key.Key_Escape)
    assert shown(view) == ["ETH/USDT", "WBTC/USDT"]
    assert not view.search.isVisible()
    trading.menus.actions["find-market"].trigger()
    qtbot.keyClicks(view.search, "wb")
    qtbot.keyClick(view.search, Qt.Key.Key_Return)
    assert workspace.market == "WBTC/USDT"
    assert shown(view) == ["ETH/USDT", "WBTC/USDT"]
    assert view._table.currentIndex().row() == 1
    trading.menus.actions["find-market"].trigger()
    qtbot.keyClicks(view.search, "nothing such")
    assert shown(view) == []
    qtbot.keyClick(view.search, Qt.Key.Key_Return)
    assert workspace.market == "WBTC/USDT"


def test_with_many_markets_the_search_is_in_sight(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    assert trading.room is not None
    view = trading.room.workspace.markets
    assert len(many()) > FEW
    backend.publish(app_view(markets=many()))
    qtbot.waitUntil(view.search.isVisible)
    assert trading.room.workspace.market == "ETH/USDT"


def test_bars_are_of_all_up_to_a_price_or_of_each_alone() -> None:
    book = market_view().book
    summed, alone = ladder(book, ETH_USDT, (), 5), ladder(book, ETH_USDT, (), 5, cumulative=False)
    for side in ("asks", "bids"):
        up, each = getattr(summed, side), getattr(alone, side)
        assert [row.total for row in up] == [row.total for row in each]
        assert [row.share for row in up] == sorted(row.share for row in up)
    rows = (*alone.asks, *alone.bids)
    largest = max(row.amount for row in rows)
    assert [row.share for row in rows] == [PERMILLE * row.amount // largest for row in rows]


def test_the_book_is_summed_up_by_a_click_and_it_is_kept(trading: MainWindow, qtbot: Any, find: Any) -> None:
    assert trading.room is not None
    book = trading.room.workspace.book
    level = next(level for level, _ in book.levels() if level.side == "buy")
    total = book.last_column(level)
    qtbot.mouseClick(find("book.cumulative"), Qt.MouseButton.LeftButton)
    assert trading.preferences.get(BOOK_SUMS) is False
    value = level.price * level.amount // 10**18 // 10**4
    assert book.last_column(level).replace("\u202f", "") == f"{value // 100}.{value % 100:02}"
    qtbot.mouseClick(find("book.cumulative"), Qt.MouseButton.LeftButton)
    assert book.last_column(level) == total
