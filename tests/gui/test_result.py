"""The dock of the session's result, fed as the window feeds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.gui.scripted import BALANCES, ScriptedBackend, app_view, channel, fill, market_view
from tests.gui.test_room import room_of
from wallet.gui.models.result import middle
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui


def test_the_result_follows_fills_and_prices(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    flat = tuple(replace(row, to_trader=0, to_broker=0) for row in BALANCES)
    won = (replace(flat[0], to_trader=10**17 - 10**14), replace(flat[1], to_broker=300 * 10**6), flat[2])
    backend.publish(app_view(channel=channel(balances=won, fills=(fill(1),))))
    trading.menus.actions["result"].trigger()
    view = room_of(trading).workspace.result
    table = view.table.model()
    qtbot.waitUntil(lambda: view.isVisible() and table.rowCount() == 4)
    assert table.index(0, 0).data() == "ETH/USDT"
    backend.on_market(market_view(middle=3_100_000_000))
    mid = middle(market_view(middle=3_100_000_000).book) or 0
    expected = (10**17 - 10**14) * mid // 10**18 - 300 * 10**6  # what was won, its fee taken off
    qtbot.waitUntil(lambda: find("result.total").text() == f"▲ +{expected // 10**4 / 100:.2f} USDT")
    quote = find("result.quote")
    quote.setCurrentIndex(1)
    quote.activated.emit(1)
    assert find("result.total").text().endswith(" ETH")
