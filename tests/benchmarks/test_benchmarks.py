"""The benchmarks still measure what they say: small runs, judged by their form and by nothing that a clock decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import acknowledge, histories, pair, unlock, update
from tests.benchmarks.report import Figure, Options, table, write
from tests.benchmarks.session import SIZE, TERMS, write_session
from wallet.protocol.rules import Ground, check
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role


def test_the_prepared_session_holds_by_the_rules_and_rests_on_as_many_orders_as_it_says() -> None:
    session = write_session(20, 4)
    orders = {signed.id: signed.order for signed in session.intents}
    last, digest = session.setup, session.states[0].previous
    for state, found in zip(session.states, session.digests, strict=True):
        ground = Ground(TERMS, last, digest, last.increment + 1, orders)
        assert check(ground, state, Role.BROKER) is None
        last, digest = state, found
    measured = session.states[4:]
    assert {len(state.open_orders) for state in measured} == {4, 5}
    assert {state.transition for state in measured} == {
        Transition.CREATE_ORDER,
        Transition.TRADE,
        Transition.CANCEL_ORDER,
    }
    assert len(set(session.digests)) == len(session.digests)
    assert all(fill.quantity < SIZE for state in measured for fill in state.fills)


@pytest.mark.e2e
def test_every_benchmark_gives_figures(tmp_path: Path) -> None:
    options = Options(rounds=1, states=10, folder=tmp_path, history=50)
    results = {
        "update": update.run(options),
        "acknowledge": acknowledge.run(options),
        "pair": pair.run(options),
        "history": histories.run(options),
        "unlock": unlock.run(options),
    }
    assert all(figure.value > 0 for figures in results.values() for figure in figures)
    assert all(figure.ratio is None or figure.ratio > 0.5 for figures in results.values() for figure in figures)
    write(tmp_path / "bench.json", results)
    record = json.loads((tmp_path / "bench.json").read_text())
    assert [row["name"] for row in record["figures"]["update"]] == [figure.name for figure in results["update"]]


def test_the_table_aligns() -> None:
    shown = table("Title", [Figure("a", 1.0, "µs"), Figure("longer name", 12_345.6, "µs", 2.0, "the floor", 3.25)])
    assert shown.splitlines()[1:] == [
        "                value  unit  limit     ×  what the limit is",
        "  a               1.0  µs",
        "  longer name  12,346  µs      2.0  3.25  the floor",
    ]
