"""Both ways in which a state is validated, as the history knows and shows them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.game import LOT, Game, cooperative
from tests.support.histories import entry_of, issued, journal_with, played
from wallet.history.export import export_csv, export_json
from wallet.history.journal import Entry, Status
from wallet.history.validation import Validation, best_validated, validation_of
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def silent(entry: Entry, role: Role) -> Entry:
    return replace(entry, **{f"{role.name.lower()}_signature": None})


def how(path: Path, game: Game, entries: list[Entry], index: int) -> Validation | None:
    journal = journal_with(path, game, entries)
    found = validation_of(journal, entries[index])
    journal.close()
    return found


def test_by_both_signatures(path: Path) -> None:
    game, entries = played()
    assert how(path, game, entries, 3) == Validation()


@pytest.mark.parametrize("role", list(Role))
def test_by_the_other_roles_signature_on_its_successor(path: Path, role: Role) -> None:
    game, entries = played()
    entries[6] = silent(entries[6], role)
    assert how(path, game, entries, 6) == Validation(role, entries[7])


def test_the_void_after_a_refused_state_is_its_successor(path: Path) -> None:
    """And the refused one is, too, for who issued it: whatever became of it, it names its predecessor."""
    game, entries = played()
    trader, broker = (silent(entries[3], role) for role in (Role.TRADER, Role.BROKER))
    assert how(path, game, [*entries[:3], trader, *entries[4:]], 3) == Validation(Role.TRADER, entries[5])
    assert how(path.with_name("b"), game, [*entries[:3], broker, *entries[4:]], 3) == Validation(
        Role.BROKER, entries[4]
    )


def test_a_successor_far_ahead(path: Path) -> None:
    game = Game()
    game.apply(game.create(game.intent()))
    entries = [entry_of(game, state, issuer) for state, issuer in game.states]
    entries[1] = silent(entries[1], Role.BROKER)
    lies = (replace(game.next(Transition.CANCEL_ORDER, increment=2), time=game.now + n) for n in range(1, 10))
    entries += [silent(issued(game, lie, Role.BROKER, Status.FLAGGED), Role.BROKER) for lie in lies]
    far = entry_of(game, game.next(Transition.VOID, increment=1_000), Role.TRADER)
    assert how(path, game, [*entries, far], 1) == Validation(Role.BROKER, far)


def test_what_does_not_validate(path: Path) -> None:
    game, entries = played()
    first, last = silent(entries[0], Role.TRADER), silent(entries[9], Role.TRADER)
    refused = entries[4]
    for number, (rows, index) in enumerate(
        (
            ([first, *entries[1:]], 0),  # setup needs both on itself
            ([*entries[:9], last], 9),  # so does finalize
            (entries, 4),  # nobody built on a refused state
            ([*entries[:6], silent(entries[6], Role.TRADER)], 6),  # nothing follows
            ([*entries[:6], silent(entries[6], Role.TRADER), silent(entries[7], Role.TRADER)], 6),  # same role on both
            # depth exactly one: the signature on the grandchild counts for the child alone
            (
                [*entries[:6], silent(entries[6], Role.TRADER), silent(entries[7], Role.TRADER), *entries[8:]],
                6,
            ),
            ([*entries[:4], silent(refused, Role.BROKER)], 4),  # no signature at all
        )
    ):
        assert how(path.with_name(str(number)), game, rows, index) is None, number


def test_the_best_is_the_highest_that_can_be_proved(tmp_path: Path) -> None:
    game = cooperative()
    game.apply(game.create(game.intent()))
    game.apply(game.hand_over())
    answer = game.trade(game.fill(game.last.open_orders[0].id, LOT * 10))
    entries = [entry_of(game, state, issuer) for state, issuer in game.states]
    given = issued(game, game.states[2][0], Role.TRADER, Status.PENDING)
    journal = journal_with(tmp_path / "a", game, [*entries[:2], given])
    assert best_validated(journal, game.channel) == (entries[1], Validation())
    # the yield is validated by the broker's trade, which itself waits for its answer
    journal.record(issued(game, answer, Role.BROKER, Status.PENDING))
    best = best_validated(journal, game.channel)
    assert best is not None
    assert (best[0].state.increment, best[1].implied) == (2, Role.BROKER)
    assert best_validated(journal, b"\1" * 32) is None
    journal.close()


def test_exports_say_which(path: Path, tmp_path: Path) -> None:
    game, entries = played()
    entries[6] = silent(entries[6], Role.TRADER)
    journal = journal_with(path, game, entries)
    export_json(journal, game.channel, tmp_path / "a.json")
    export_csv(journal, game.channel, tmp_path / "a.csv")
    journal.close()
    shown = [row["validation"] for row in json.loads((tmp_path / "a.json").read_bytes())["states"]]
    implied = {"kind": "implied", "role": "trader", "increment": 7, "digest": "0x" + entries[7].digest.hex()}
    assert shown == [{"kind": "both"}] * 4 + [None, {"kind": "both"}, implied] + [{"kind": "both"}] * 3
    with (tmp_path / "a.csv").open(newline="") as file:
        kinds = [row["validation"] for row in csv.DictReader(file)]
    assert kinds == ["both"] * 4 + ["", "both", "implied"] + ["both"] * 3
