"""A restored session: the banner says what comes next, the dialog what an old state may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from PySide6.QtWidgets import QWidget

from tests.gui.scripted import ETH, USDT, ScriptedBackend, app_view, channel
from wallet.app.messages import sentence
from wallet.app.recovering import cost_words
from wallet.app.snapshots import Phase, RecoveryView, ShareView
from wallet.cli.recovering import consent
from wallet.gui.models.onboarding import Words
from wallet.gui.models.steps import alone_words
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui

SHARES = (
    ShareView(ETH, 10**18, 5 * 10**17, 9 * 10**18),
    ShareView(USDT, 0, 0, 50_000 * 10**6),
)
WAITING = RecoveryView("RECOVERING-CONNECT", shown=False, shares=SHARES)


def test_the_banner_says_what_comes_next_until_it_is_over(
    trading: MainWindow, backend: ScriptedBackend, find: Callable[[str], QWidget], qtbot: Any
) -> None:
    banner = find("recovering.banner")
    assert not banner.isVisible()
    backend.publish(app_view(channel=channel(recovery=WAITING, note="RESTORED")))
    qtbot.waitUntil(banner.isVisible)
    text: Any = find("recovering.next")
    assert text.text() == sentence("RECOVERING-CONNECT")
    adopted = replace(WAITING, step="RECOVERING-FINALIZE", shown=True)
    backend.publish(app_view(channel=channel(recovery=adopted, increment=7)))
    qtbot.waitUntil(lambda: "state 7" in text.text())
    find("recovering.leave").click()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: find("leave").isVisible())
    backend.publish(app_view(channel=channel(recovery=adopted, phase=Phase.DISPUTED, deadline=2**40)))
    qtbot.waitUntil(lambda: not banner.isVisible())  # the dispute has a banner of its own
    assert find("dispute.banner").isVisible()


@pytest.mark.parametrize("restoring", [True, False])
def test_after_a_phrase_was_restored_the_chain_is_searched(
    window: MainWindow, backend: ScriptedBackend, qtbot: Any, tmp_path: Any, *, restoring: bool
) -> None:
    backend.shown = app_view(channel=None, broker=b"\xb7" * 20)
    window._begin(window.restored_wallet if restoring else window.new_wallet)
    window._create(tmp_path / "new", Words("words"), "password", tmp_path / "broker.json")
    qtbot.waitUntil(lambda: window.room is not None and window.view.account != b"")
    room: Any = window.room
    searched = [call for call in backend.calls if call[0] == "find_channels"]
    if restoring:
        assert searched == [("find_channels", b"\xb7" * 20)]
        qtbot.waitUntil(lambda: room.notice.text == "Found on the chain: 1. They are only left, not traded in.")
        assert window.stack.currentWidget() is room
    else:
        assert searched == []
        assert window.stack.currentWidget() is window.session


def test_an_old_state_is_said_to_be_one_before_a_challenge_with_it() -> None:
    shown = channel(recovery=WAITING, increment=7)
    words = cost_words(7, SHARES, shown=False)
    assert "State 7" in words[0]
    assert "1 ETH" in words[0]
    assert "0.5 ETH" in words[1]
    assert "9 ETH, 50000 USDT" in words[2]
    assert all(text in alone_words(shown) for text in words)
    assert cost_words(7, SHARES, shown=True) == (words[0], sentence("RECOVERING-SHOWN"))
    assert "backup" not in alone_words(channel())


def test_the_command_line_asks_for_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    view = app_view(channel=channel(recovery=WAITING, increment=7))
    with CliRunner().isolation(), pytest.raises(WalletError, match="RECOVERING_OLD_STATE"):
        consent(view, given=False)
    consent(view, given=True)
    assert "9 ETH, 50000 USDT" in capsys.readouterr().err
    consent(app_view(), given=False)


def test_the_dialog_is_as_high_as_what_it_says(
    trading: MainWindow, backend: ScriptedBackend, find: Callable[[str], QWidget], qtbot: Any
) -> None:
    backend.publish(app_view(channel=channel(recovery=WAITING)))
    qtbot.waitUntil(find("recovering.banner").isVisible)
    room: Any = trading.room
    room.show_leave()
    room._leave._change_way()
    costs: Any = find("leave.costs")
    qtbot.waitUntil(lambda: "network fees" in costs.text())
    dialog = room._leave
    assert dialog.height() >= dialog.layout().totalHeightForWidth(dialog.width())
    assert costs.height() >= costs.heightForWidth(costs.width())
    dialog.close()
