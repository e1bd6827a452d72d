"""Nodes and gas key in the window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt

from tests.gui.scripted import CHANNEL, ETH, GAS, NODES, NOW, ScriptedBackend, app_view, done, failed
from wallet.app.snapshots import ChannelRow, Phase
from wallet.gui.models import chain as model
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError


def click(qtbot: Any, widget: Any) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def calls(backend: ScriptedBackend, name: str) -> list[Any]:
    return [call for call in backend.calls if call[0] == name]


@pytest.fixture
def shown(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> Any:
    backend.publish(app_view(gas=GAS, nodes=NODES))
    assert trading.room is not None
    room = trading.room
    qtbot.waitUntil(lambda: room._view.gas is not None)
    room.show_chain()
    return find("chain")


def test_what_the_gas_key_reaches_for() -> None:
    assert model.gas_words(None)[1] == "muted"
    assert model.gas_words(replace(GAS, known=False))[1] == "muted"
    assert model.gas_words(GAS) == ("It holds 0.002 ETH: enough for 27 answers at the present price of gas.", "good")
    assert model.gas_words(replace(GAS, balance=1, answers=0))[1] == "bad"
    assert "1 answer at" in model.gas_words(replace(GAS, answers=1))[0]
    assert model.fund_words(replace(GAS, lacking=10**15)) == ""  # two thirds are there: no transaction for so little
    assert model.fund_words(replace(GAS, lacking=3 * 10**15)) == "Give it 0.003 ETH"


def test_the_gas_key_is_shown_funded_and_swept_back(
    shown: Any, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    assert find("chain.gas.address").text() == "0x" + "44" * 20
    assert "enough for 27 answers" in find("chain.gas").text()
    assert not find("chain.gas.fund").isEnabled()
    backend.publish(app_view(gas=replace(GAS, balance=0, answers=0, lacking=10**15), nodes=NODES))
    qtbot.waitUntil(lambda: find("chain.gas.fund").isEnabled())
    assert find("chain.gas.fund").text() == "Give it 0.001 ETH"
    assert not find("chain.gas.sweep").isEnabled()
    click(qtbot, find("chain.gas.fund"))
    qtbot.waitUntil(lambda: find("chain.said").text() == "It was given 0.001 ETH.")
    backend.publish(app_view(gas=GAS, nodes=NODES))
    qtbot.waitUntil(lambda: find("chain.gas.sweep").isEnabled())
    click(qtbot, find("chain.gas.sweep"))
    qtbot.waitUntil(lambda: find("chain.said").text() == "0.001 ETH came back to your account.")
    assert [call[2] for call in calls(backend, "sweep_gas")] == [False]


def test_while_a_session_is_open_taking_it_back_is_asked_about(
    shown: Any, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    running = ChannelRow(CHANNEL, b"", Phase.OPEN, 5, 0, NOW, ((ETH, 1),))
    backend.publish(app_view(gas=GAS, nodes=NODES, channels=(running,)))
    qtbot.waitUntil(lambda: model.in_use(shown._view))
    click(qtbot, find("chain.gas.sweep"))
    assert calls(backend, "sweep_gas") == []
    click(qtbot, find("ask.yes"))
    qtbot.waitUntil(lambda: [call[2] for call in calls(backend, "sweep_gas")] == [True])


def test_nodes_are_listed_added_and_removed(shown: Any, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    assert find("chain.node.0").text() == "asked now · block 1\u202f234"
    assert find("chain.node.1").text() == "no good answer"
    click(qtbot, find("chain.node.0.remove"))
    qtbot.waitUntil(lambda: calls(backend, "remove_node") == [("remove_node", NODES[0].name)])
    backend.answers["add_node"] = failed(WalletError("NODES_NO_BROKER", chain=5))
    find("chain.node.url").setText(" https://my.node/key ")
    click(qtbot, find("chain.node.add"))
    qtbot.waitUntil(lambda: "on chain 5" in find("chain.said").text())
    assert find("chain.node.url").text() == " https://my.node/key "
    backend.answers["add_node"] = done(5)
    click(qtbot, find("chain.node.add"))
    qtbot.waitUntil(lambda: find("chain.node.url").text() == "")
    assert calls(backend, "add_node") == [("add_node", "https://my.node/key")] * 2
