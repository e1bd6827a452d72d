"""The long history that benchmarks and scale tests stand on is valid, truly signed, the same each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import long_history
from tests.support.long_history import CHANNEL, make_history
from wallet.history.journal import Entry, Status
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role


def rows_of(path: Path) -> list[Entry]:
    with HistoryReader(path) as reader:
        return list(reader.walk(CHANNEL))


def test_it_holds_and_has_what_a_real_session_has(tmp_path: Path) -> None:
    made = make_history(tmp_path / "a.db", states=1_500)
    rows = rows_of(made.path)
    assert made.states == len(rows) in (1_500, 1_501)
    assert made.signatures == sum(bool(row.signature(role)) for row in rows for role in Role)
    assert made.top == rows[-1].state.increment
    assert {row.state.transition for row in rows} >= {
        Transition.SETUP,
        Transition.CREATE_ORDER,
        Transition.TRADE,
        Transition.CANCEL_ORDER,
        Transition.VOID,
    }
    assert any(row.status is Status.REFUSED for row in rows)
    assert any(row.status is Status.VALIDATED and row.trader_signature is None for row in rows)
    assert {len(row.state.open_orders) for row in rows[20:]} <= {3, 4}
    with HistoryReader(made.path) as reader:
        verdict = verify_history(reader, CHANNEL)
        assert made.intents == sum(1 for _ in reader.walk_intents(CHANNEL))
    assert verdict.sound
    assert verdict.states == made.states


def test_stopped_on_the_way_it_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_history, "BATCH", 100)
    whole = make_history(tmp_path / "whole.db", states=400)
    written, write = [], long_history._write

    def stopping(*args: object) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        write(*args)
        written.append(args)

    monkeypatch.setattr(long_history, "_write", stopping)
    with pytest.raises(KeyboardInterrupt):
        make_history(tmp_path / "parts.db", states=400)
    assert len(rows_of(tmp_path / "parts.db")) == 200
    monkeypatch.setattr(long_history, "_write", write)
    parts = make_history(tmp_path / "parts.db", states=400)
    assert rows_of(parts.path) == rows_of(whole.path)
    assert (parts.states, parts.signatures, parts.intents) == (whole.states, whole.signatures, whole.intents)
    monkeypatch.setattr(long_history, "_write", stopping)
    assert make_history(tmp_path / "parts.db", states=400) == parts  # nothing is made twice
