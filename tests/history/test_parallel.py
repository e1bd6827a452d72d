"""A history verified in spans, by several processes, says what one walk from the bottom says."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.long_history import LongHistory, make_history
from tests.support.tamper import tamper
from wallet.history.parallel import verify_file
from wallet.history.reader import HistoryReader
from wallet.history.verify import Span, Verdict, verify_history, verify_orders, verify_part, verify_whole
from wallet.protocol.errors import WalletError

STATES, SPAN = 240, 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> LongHistory:
    return make_history(tmp_path_factory.mktemp("long") / "history.db", STATES, seed=3)


@pytest.fixture
def copy(made: LongHistory, tmp_path: Path) -> Path:
    return Path(shutil.copy(made.path, tmp_path / "history.db"))


def spans(history: HistoryReader, channel: bytes, length: int) -> Iterator[Span]:
    after = -1
    while (upto := history.validated_from(channel, after + length)) is not None:
        yield Span(after, upto)
        after = upto
    yield Span(after)


def by_spans(path: Path, channel: bytes, length: int) -> Verdict:
    """What the spans say together, in this process."""
    found, rows = Verdict(0, 0, 0), 0
    with HistoryReader(path) as history:
        lost = history.lost()
        for span in spans(history, channel, length):
            part, most = verify_part(history, channel, span)
            found = replace(part, states=found.states + part.states, validated=found.validated + part.validated)
            rows = max(rows, most)
            if not found.sound:
                return found
        found = verify_whole(history, channel, found, rows, lost)
        return verify_orders(history, channel, found) if found.sound else found


def by_one(path: Path, channel: bytes) -> Verdict:
    with HistoryReader(path) as history:
        return verify_history(history, channel)


def test_spans_of_any_length_add_up(made: LongHistory) -> None:
    whole = by_one(made.path, made.channel)
    assert whole.sound
    assert whole.states == made.states
    for length in (1, 2, 7, 50, 10_000):
        assert by_spans(made.path, made.channel, length) == whole


DAMAGE = (
    "UPDATE states SET broker_signature = trader_signature WHERE increment = ?",
    "UPDATE states SET trader_signature = NULL, own = 0 WHERE increment = ?",
    "UPDATE states SET trader_signature = NULL, own = 0 WHERE increment IN (?1, ?1 + 1)",
    "UPDATE states SET body = x'00' WHERE increment = ?",
    "UPDATE states SET status = 2 WHERE increment = ?",
    "UPDATE states SET status = 0 WHERE increment = ?",
    "DELETE FROM states WHERE increment = ?",
)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("sealed", [True, False])
def test_damage_anywhere_is_named_the_same(made: LongHistory, tmp_path: Path, damage: str, *, sealed: bool) -> None:
    chance = random.Random(damage + str(sealed))
    with HistoryReader(made.path) as history:
        edges = [span.upto for span in spans(history, made.channel, SPAN) if span.upto is not None]
    edge = chance.choice(edges[:-1])
    for increment in (edge, edge + 1, chance.randrange(STATES - 20)):
        path = Path(shutil.copy(made.path, tmp_path / f"{increment}.db"))
        tamper(path, damage, increment, sealed=sealed)
        assert by_spans(path, made.channel, SPAN) == by_one(path, made.channel), increment


def test_other_processes_say_the_same(made: LongHistory, copy: Path) -> None:
    told: list[tuple[int, int]] = []
    found = verify_file(made.path, made.channel, lambda *row: told.append(row), workers=2, span=SPAN)
    assert found == by_one(made.path, made.channel)
    assert found.sound
    assert told[-1] == (made.states, made.states)
    assert told == sorted(told)
    assert len(told) > STATES // SPAN
    tamper(copy, "UPDATE states SET broker_signature = trader_signature WHERE increment = 130", sealed=True)
    assert verify_file(copy, made.channel, workers=2, span=SPAN) == by_one(copy, made.channel)
    assert by_one(copy, made.channel).bad == 130


def test_damaged_orders_are_found_by_other_processes(made: LongHistory, copy: Path) -> None:
    top = by_one(made.path, made.channel).increment
    assert tamper(copy, "UPDATE intents SET created = created + 1 WHERE nonce = 5") == 1
    found = verify_file(copy, made.channel, workers=2, span=SPAN)
    assert (found.code, found) == (by_one(copy, made.channel).code, by_one(copy, made.channel))
    assert not found.sound
    assert found.bad is not None
    assert found.bad <= top


def test_it_can_be_stopped(made: LongHistory) -> None:
    stops = iter([False, True])
    found = verify_file(made.path, made.channel, cancelled=lambda: next(stops), workers=2, span=SPAN)
    assert (found.complete, found.bad, found.sound) == (False, None, False)
    assert 0 < found.states < made.states


def test_a_channel_that_is_not_there(made: LongHistory) -> None:
    with pytest.raises(WalletError) as caught:
        verify_file(made.path, bytes(32), workers=2, span=SPAN)
    assert caught.value.code == "CHANNEL_UNKNOWN"
