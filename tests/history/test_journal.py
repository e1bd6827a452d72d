"""The journal keeps what was signed, once per number, and gives it back as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.game import LOT, NOW, USDT, Game
from tests.support.histories import entry_of, issued, journal_with, played, record_of
from tests.support.tamper import tamper
from wallet.history.journal import ChannelRecord, Entry, FlagRecord, Journal, Status
from wallet.history.reader import HistoryReader
from wallet.history.schema import SCHEMA_VERSION
from wallet.protocol.errors import WalletError
from wallet.protocol.rules import Flag
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def game() -> Game:
    return Game()


@pytest.fixture
def journal(path: Path, game: Game) -> Iterator[Journal]:
    journal = journal_with(path, game, [])
    yield journal
    journal.close()


def code_of(call: object, *args: object) -> str:
    assert callable(call)
    with pytest.raises(WalletError) as caught:
        call(*args)
    return caught.value.code


# --- one digest per increment ----------------------------------------------------------------------------------------


def test_our_second_digest_at_a_number_is_refused(journal: Journal, game: Game) -> None:
    first, second = (entry_of(game, game.create(game.intent(amount=LOT * n)), Role.BROKER) for n in (100, 200))
    journal.record(first)
    assert code_of(journal.record, second) == "SIGNED_ALREADY"
    assert journal.at(game.channel, 1) == [first]
    assert journal.own_at(game.channel, 1) == first


def test_nor_may_it_become_ours_later(journal: Journal, game: Game) -> None:
    """What the broker signed twice is evidence; our signature goes on one of them."""
    one, two = (game.create(game.intent(amount=LOT * n)) for n in (100, 200))
    journal.record(entry_of(game, one, Role.BROKER))
    journal.record(issued(game, two, Role.BROKER, Status.FLAGGED))
    assert len(journal.at(game.channel, 1)) == 2
    assert code_of(journal.record, entry_of(game, two, Role.BROKER)) == "SIGNED_ALREADY"
    kept = journal.by_digest(game.channel, game.digest(two))
    assert kept is not None
    assert (kept.own, kept.trader_signature, kept.status) == (False, None, Status.FLAGGED)


def test_refused_inside_a_transaction_that_goes_on(journal: Journal, game: Game) -> None:
    one, two = (game.create(game.intent(amount=LOT * n)) for n in (100, 200))
    journal.record(entry_of(game, one, Role.BROKER))
    with journal.store.transaction():
        assert code_of(journal.record, entry_of(game, two, Role.BROKER)) == "SIGNED_ALREADY"
        journal.set_fact(game.channel, "x", b"1")
    assert journal.fact(game.channel, "x") == b"1"
    assert len(journal.at(game.channel, 1)) == 1


def test_also_below_the_code(path: Path, journal: Journal, game: Game) -> None:
    """The index itself refuses it, whoever writes."""
    journal.record(entry_of(game, game.setup, Role.BROKER))
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(
            "INSERT INTO states SELECT seq + 1, channel, number + 1, increment, x'00', issuer, transition, body,"
            " broker_signature, trader_signature, own, status, recorded, seal FROM states"
        )
    raw.close()


def test_the_same_state_on_two_channels(journal: Journal, game: Game) -> None:
    other = Game(replace(game.terms, nonce=2))
    journal.add_channel(record_of(other))
    for each in (game, other):
        journal.record(entry_of(each, each.setup, Role.BROKER))
    assert journal.count(game.channel) == journal.count(other.channel) == 1
    assert journal.by_digest(game.channel, other.digest(other.setup)) is None


def test_a_channel_nobody_added(journal: Journal, game: Game) -> None:
    stranger = Game(replace(game.terms, nonce=9))
    assert code_of(journal.record, entry_of(stranger, stranger.setup, Role.BROKER)) == "CHANNEL_UNKNOWN"
    assert code_of(journal.add_intent, stranger.intent(), "open", NOW) == "CHANNEL_UNKNOWN"


# --- signatures and status -------------------------------------------------------------------------------------------


def test_signatures_are_added_never_taken(journal: Journal, game: Game) -> None:
    state = game.create(game.intent())
    both = entry_of(game, state, Role.BROKER)
    journal.record(issued(game, state, Role.BROKER, Status.PENDING))
    assert journal.pending(game.channel) is not None
    assert journal.latest(game.channel) is None
    journal.record(both)
    assert journal.latest(game.channel) == both
    journal.record(issued(game, state, Role.BROKER, Status.VALIDATED))
    assert journal.latest(game.channel) == both
    other = replace(both, broker_signature=bytes(65), trader_signature=bytes(65))
    journal.record(other)
    assert journal.latest(game.channel) == both
    assert journal.pending(game.channel) is None


@pytest.mark.parametrize("role", list(Role))
def test_entry_signed(game: Game, role: Role) -> None:
    entry = Entry(game.setup, game.digest(game.setup), Role.BROKER, Status.PENDING)
    signed = entry.signed(role, b"\1" * 65, own=True)
    assert signed.signature(role) == b"\1" * 65
    assert signed.signature(role.other) is None
    assert signed.own
    assert signed.signed(role.other, b"\2" * 65, own=False).own
    assert not entry.own


def test_there_and_back(path: Path) -> None:
    game, entries = played()
    journal = journal_with(path, game, entries)
    journal.close()
    again = Journal.open(path)
    assert list(again.walk(game.channel)) == entries
    assert again.channel(game.channel) == record_of(game)
    assert again.channels() == [record_of(game)]
    record = again.channels()[0]
    assert record.domain == game.domain
    assert isinstance(record, ChannelRecord)
    assert [row.signed for row in again.intents(game.channel)] == list(game.intents.values())
    assert again.latest(game.channel) == entries[-1]
    again.close()


# --- queries ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def full(path: Path) -> Iterator[tuple[Journal, Game, list[Entry]]]:
    game, entries = played()
    journal = journal_with(path, game, entries)
    yield journal, game, entries
    journal.close()


def test_pages_newest_first(full: tuple[Journal, Game, list[Entry]]) -> None:
    journal, game, entries = full
    got: list[Entry] = []
    before: int | None = None
    while page := journal.page(game.channel, before, 3):
        assert len(page) <= 3
        got += page
        before = page[-1].state.increment
    assert got == entries[::-1]
    assert journal.page(b"\1" * 32, None, 3) == []
    assert journal.page(game.channel, 0, 3) == []


def test_a_page_never_cuts_through_a_number(full: tuple[Journal, Game, list[Entry]]) -> None:
    journal, game, entries = full
    twin = replace(entries[5].state, order_nonce=9)
    journal.record(issued(game, twin, Role.BROKER, Status.FLAGGED))
    page = journal.page(game.channel, 7, 2)
    assert [entry.state.increment for entry in page] == [6, 5, 5]
    assert [entry.state.increment for entry in journal.page(game.channel, 5, 2)] == [4, 3]


@pytest.mark.parametrize("batch", [1, 2, 3, 10, 500])
def test_walk_in_batches(full: tuple[Journal, Game, list[Entry]], batch: int) -> None:
    journal, game, entries = full
    twin = issued(game, replace(entries[5].state, order_nonce=9), Role.BROKER, Status.FLAGGED)
    journal.record(twin)
    walked = list(journal.walk(game.channel, batch))
    assert len(walked) == journal.count(game.channel) == len(entries) + 1
    assert [entry for entry in walked if entry != twin] == entries
    assert list(journal.walk_intents(game.channel, batch)) == journal.intents(game.channel)


def test_validated_states_to_give_back(full: tuple[Journal, Game, list[Entry]]) -> None:
    journal, game, entries = full
    valid = [entry for entry in entries if entry.status is Status.VALIDATED]
    assert journal.after(game.channel, 2, 100) == [entry for entry in valid if entry.state.increment > 2]
    assert journal.after(game.channel, -1, 4) == valid[:4]


def test_intents(journal: Journal, game: Game) -> None:
    signed = game.intent()
    journal.add_intent(signed, "staged", NOW)
    assert code_of(journal.add_intent, signed, "staged", NOW) == "NONCE_USED"
    same_nonce = game.intent(order_nonce=signed.order.order_nonce, amount=LOT * 100)
    assert code_of(journal.add_intent, same_nonce, "staged", NOW) == "NONCE_USED"
    journal.set_intent(signed.id, "rejected", "ORD-FUNDS")
    journal.set_cancel(signed.id, cancel=b"c")
    journal.set_cancel(signed.id, receipt=b"r")
    journal.set_cancel(signed.id, cancel=b"other", receipt=b"other")
    found = journal.intent(signed.id)
    assert found is not None
    assert (found.signed, found.status, found.reason) == (signed, "rejected", "ORD-FUNDS")
    assert (found.cancel, found.receipt, found.created) == (b"c", b"r", NOW)
    assert journal.intent(b"\1" * 32) is None


def test_flags(journal: Journal, game: Game) -> None:
    flag = Flag("BAL-DEFLATE", "2", "1", ((USDT, 7), (bytes(20), 2**256 - 1)))
    record = FlagRecord(0, game.channel, 1, flag, b"\1" * 32, b"raw", bytes(65), NOW, 0, resolved=False)
    number = journal.add_flag(record)
    assert journal.add_flag(record) == number
    assert journal.add_flag(replace(record, digest=b"\2" * 32)) == number + 1
    assert journal.flags(game.channel)[0] == replace(record, id=number)
    journal.resolve_flag(number)
    assert [row.resolved for row in journal.flags()] == [True, False]
    assert journal.flags(b"\1" * 32) == []


def test_phase_and_facts(journal: Journal, game: Game) -> None:
    journal.set_phase(game.channel, "final")
    found = journal.channel(game.channel)
    assert found is not None
    assert found.phase == "final"
    assert journal.channel(b"\1" * 32) is None
    assert code_of(journal.add_channel, record_of(game)) == "SET-NONCE-REUSE"
    for value in (b"1", b"2"):
        journal.set_fact(b"", "seen", value)
    assert journal.fact(b"", "seen") == b"2"
    assert journal.fact(game.channel, "seen") is None


# --- what is wrong with the file -------------------------------------------------------------------------------------


def test_newer_journal_is_refused(path: Path, journal: Journal) -> None:
    journal.store.row(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    journal.close()
    assert code_of(Journal.open, path) == "STORE_NEWER_VERSION"


def test_nothing_is_signed_on_a_disk_that_failed(journal: Journal, game: Game) -> None:
    """A full disk in the middle of a step: the state is not there, and no later one goes in either."""
    pages = journal.store.row("PRAGMA page_count")
    journal.store.row(f"PRAGMA max_page_count={pages[0] if pages else 0}")
    game.apply(game.create(game.intent()))

    def step() -> None:
        with journal.store.transaction():
            for name in range(1000):
                journal.set_fact(game.channel, str(name), bytes(1000))
            journal.record(entry_of(game, game.setup, Role.BROKER))

    assert code_of(step) == "STORE_FAILED"
    journal.store.row("PRAGMA max_page_count=100000")
    assert code_of(journal.record, entry_of(game, game.setup, Role.BROKER)) == "STORE_FAILED"
    assert journal.count(game.channel) == 0


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(
    "change",
    ["body = '{'", "body = x'ff'", "body = x'90'", "body = 7", "issuer = 9", "status = 9", "transition = 9"],
)
def test_unreadable_rows_are_named(
    path: Path, full: tuple[Journal, Game, list[Entry]], change: str, sealed: bool
) -> None:
    journal, game, entries = full
    tamper(path, f"UPDATE states SET {change} WHERE increment = 4", sealed=sealed)
    walk = journal.walk(game.channel)
    assert [next(walk) for _ in range(4)] == entries[:4]
    with pytest.raises(WalletError) as caught:
        next(walk)
    assert (caught.value.code, caught.value.params) == ("STATE_UNREADABLE", {"increment": 4})


# --- the reader ------------------------------------------------------------------------------------------------------


def test_reader_answers_as_the_journal_does(path: Path, full: tuple[Journal, Game, list[Entry]]) -> None:
    journal, game, entries = full
    with HistoryReader(path) as reader:
        assert reader.channels() == journal.channels()
        assert reader.channel(game.channel) == journal.channel(game.channel)
        assert reader.count(game.channel) == len(entries)
        assert reader.page(game.channel, None, 100) == entries[::-1]
        assert list(reader.walk(game.channel)) == entries
        assert reader.latest(game.channel) == entries[-1]
        assert reader.by_digest(game.channel, entries[2].digest) == entries[2]
        assert list(reader.walk_intents(game.channel)) == journal.intents(game.channel)
        assert reader.intent(next(iter(game.intents))) == journal.intent(next(iter(game.intents)))
        assert reader.flags(game.channel) == []
        assert reader.entry(game.channel, 99) is None


def test_reader_prefers_what_was_validated(path: Path, full: tuple[Journal, Game, list[Entry]]) -> None:
    journal, game, entries = full
    for nonce in range(10, 20):
        journal.record(issued(game, replace(entries[5].state, order_nonce=nonce), Role.BROKER, Status.FLAGGED))
    with HistoryReader(path) as reader:
        assert reader.entry(game.channel, 5) == entries[5]
        assert len(reader.entries(game.channel, 5)) == 11
        refused = reader.entry(game.channel, 4)
        assert refused is not None
        assert (refused.status, refused.state.transition) == (Status.REFUSED, Transition.TRADE)
