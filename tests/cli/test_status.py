"""``channel-wallet status``: liveness of each broker and standing of each channel, in lines and as one object."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from tests.gui.scripted import CHANNEL, app_view
from wallet.app.snapshots import BrokerRow, ChannelRow, ConnectionView, Link, Phase
from wallet.cli.brokers import _show_live
from wallet.cli.output import Context

BROKER = b"\xb0" * 20
CONNECTION = ConnectionView(Link.ONLINE, Link.ONLINE, 12, 1_800_000_000_123, 7, "Good broker")
ROW = ChannelRow(
    CHANNEL, BROKER, Phase.OPEN, 118, 2, 0, (), int(time.time()) - 3, awaiting="broker", note="", offline_safe=86_400
)
TROUBLE = replace(CONNECTION, problem="CLOCK_OURS", problem_params=(("seconds", "700"),))


def shown(capsys: pytest.CaptureFixture[str], connection: ConnectionView, row: ChannelRow, *, as_json: bool) -> str:
    broker = BrokerRow(BROKER, "Good broker", "127.0.0.1:1", 31337, False, connection)
    _show_live(Context(None, as_json=as_json), replace(app_view(), brokers=(broker,), channels=(row,), flags=()))
    return capsys.readouterr().out


def test_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, CONNECTION, ROW, as_json=False)
    assert "Good broker: online, 12 ms, chain online\n" in text
    assert "open  state 118  2 open orders  signed " in text
    assert text.rstrip().endswith("s ago  broker signs next  safe offline for 86400 s")


def test_what_is_wrong_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, TROUBLE, replace(ROW, note="RESTORED", awaiting="trader"), as_json=False)
    assert "This computer's clock is wrong by 700 seconds" in text
    assert "you sign next" in text
    assert text.rstrip().endswith("RESTORED")


def test_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(shown(capsys, TROUBLE, ROW, as_json=True))
    (broker,), (channel,) = value["brokers"], value["channels"]
    assert (broker["roundTripMs"], broker["lastWordMs"], broker["problem"]) == (12, 1_800_000_000_123, "CLOCK_OURS")
    assert "clock" in broker["message"]
    assert (channel["awaiting"], channel["safeOfflineSeconds"], channel["note"]) == ("broker", 86_400, "")
    assert channel["lastSigned"] == ROW.last_time
