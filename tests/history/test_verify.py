"""A played history holds, from either side; with any one row tampered with, the first that does not is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.forge import moved
from tests.support.game import CONTRACT, ETH, KEYS, LOT, Game, cooperative, make_terms
from tests.support.histories import entry_of, issued, journal_with, played, record_of
from tests.support.tamper import tamper
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.history.reader import HistoryReader
from wallet.history.verify import PROGRESS_EVERY, Verdict, verify_history
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.signatures import sign
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role

Rows = list[Entry]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def verdict_of(path: Path, game: Game, entries: Rows, role: Role = Role.TRADER) -> Verdict:
    journal = journal_with(path, game, entries, role)
    found = verify_history(journal, game.channel)
    journal.close()
    return found


# --- histories that hold ---------------------------------------------------------------------------------------------


def test_a_whole_session_holds(path: Path) -> None:
    game, entries = played()
    assert verdict_of(path, game, entries) == Verdict(10, 9, 9)
    with HistoryReader(path) as reader:
        assert verify_history(reader, game.channel).sound


def test_from_the_brokers_side_too(path: Path) -> None:
    game, entries = played()
    assert verdict_of(path, game, entries, Role.BROKER).sound


def test_every_beginning_of_it_holds(tmp_path: Path) -> None:
    """As it stands after each step; only a refused state needs its void beside it."""
    game, entries = played()
    for count in range(len(entries) + 1):
        found = verdict_of(tmp_path / f"{count}.db", game, entries[:count])
        assert found.sound is (count != 5), count
    assert (found.bad, found.code) == (None, "")


def test_pending_states_at_the_top(tmp_path: Path) -> None:
    game, entries = played()
    last = issued(game, entries[3].state, Role.BROKER, Status.PENDING)
    assert verdict_of(tmp_path / "a.db", game, [*entries[:3], last]) == Verdict(4, 3, 2)
    void = issued(game, entries[5].state, Role.TRADER, Status.PENDING)
    assert verdict_of(tmp_path / "b.db", game, [*entries[:5], void]) == Verdict(6, 4, 3)


def test_evidence_beside_the_states(path: Path) -> None:
    """What the broker signed and nobody else did is kept; it spoils nothing."""
    game, entries = played()
    lies = [
        replace(entries[3].state, order_nonce=9),
        moved(entries[9].state, balances={ETH: (-1, 0)}),
        replace(entries[9].state, increment=77),
    ]
    flagged = [issued(game, state, Role.BROKER, Status.FLAGGED) for state in lies]
    assert verdict_of(path, game, [*entries, *flagged]) == Verdict(13, 9, 9)


def test_a_refused_lie_far_ahead(path: Path) -> None:
    """Its void beats it, so the numbers go on from there."""
    game = Game()
    lie = replace(game.create(game.intent()), increment=40)
    void = game.void(lie)
    refused = issued(game, lie, Role.BROKER, Status.REFUSED)
    entries = [entry_of(game, game.setup, Role.BROKER), refused, entry_of(game, void, Role.TRADER)]
    game.apply(void, Role.TRADER)
    entries.append(entry_of(game, game.create(game.intent()), Role.BROKER))
    assert entries[-1].state.increment == 42
    assert verdict_of(path, game, entries) == Verdict(4, 3, 42)


def test_void_adopted_without_what_it_answered(path: Path) -> None:
    game, entries = played()
    del entries[4]
    assert verdict_of(path, game, entries) == Verdict(9, 9, 9)


def test_owners_signature_counts(path: Path) -> None:
    game, entries = played()
    signature = sign(KEYS["trader"], game.domain.digest(entries[0].state))
    entries[0] = replace(entries[0], trader_signature=signature)
    assert verdict_of(path, game, entries).sound


def yielded(answer_roles: tuple[Role, ...], status: Status) -> tuple[Game, Rows]:
    """A yield that only the trader signed, and the state with which the broker answers it."""
    game = cooperative()
    game.apply(game.create(game.intent()))
    game.apply(game.hand_over())
    answer = game.trade(game.fill(game.last.open_orders[0].id, LOT * 10))
    entries = [entry_of(game, state, issuer) for state, issuer in game.states]
    entries[2] = issued(game, game.states[2][0], Role.TRADER, Status.VALIDATED)
    return game, [*entries, entry_of(game, answer, Role.BROKER, status, answer_roles)]


def test_an_acknowledgement_lost_is_implied_by_the_next(path: Path) -> None:
    """His signature on a state is one on exactly this predecessor (design §3)."""
    game, entries = played()
    assert verdict_of(path, game, with_row(2, stripped(Role.TRADER))(game, entries)).sound


@pytest.mark.parametrize("status", [Status.VALIDATED, Status.PENDING])
def test_validated_by_its_successor(path: Path, status: Status) -> None:
    roles = tuple(Role) if status is Status.VALIDATED else (Role.BROKER,)
    game, entries = yielded(roles, status)
    assert verdict_of(path, game, entries).sound


def test_a_successor_by_the_same_role_validates_nothing(tmp_path: Path) -> None:
    game, entries = yielded((Role.BROKER,), Status.PENDING)
    assert verdict_of(tmp_path / "a.db", game, entries[:3]).code == "SIG-MISSING"
    game = cooperative()
    first = game.apply(game.create(game.intent()))
    second = game.create(game.intent(amount=LOT * 100))
    rows = [
        entry_of(game, game.setup, Role.TRADER),
        issued(game, first, Role.TRADER, Status.VALIDATED),
        issued(game, second, Role.TRADER, Status.VALIDATED),
    ]
    found = verdict_of(tmp_path / "b.db", game, rows)
    assert (found.bad, found.code, found.expected) == (1, "SIG-MISSING", "BROKER")


# --- histories that don't --------------------------------------------------------------------------------------------


def resigned(game: Game, entry: Entry, state: State) -> Entry:
    """``entry`` with another state, properly signed by the same roles."""
    roles = tuple(role for role in Role if entry.signature(role))
    return entry_of(game, state, entry.issuer, entry.status, roles)


def with_row(index: int, change: Callable[[Game, Entry], Entry]) -> Callable[[Game, Rows], Rows]:
    def tamper(game: Game, entries: Rows) -> Rows:
        return [*entries[:index], change(game, entries[index]), *entries[index + 1 :]]

    return tamper


def with_state(index: int, change: Callable[[State], State]) -> Callable[[Game, Rows], Rows]:
    return with_row(index, lambda game, entry: resigned(game, entry, change(entry.state)))


def stripped(role: Role) -> Callable[[Game, Entry], Entry]:
    return lambda _, entry: replace(entry, **{f"{role.name.lower()}_signature": None})


def with_other_v(signature: bytes) -> bytes:
    return signature[:64] + bytes([55 - signature[64]])


def malleated(signature: bytes) -> bytes:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


TAMPERED: dict[str, tuple[int, str, Callable[[Game, Rows], Rows]]] = {
    "digest of another state": (
        3,
        "STATE_DIGEST",
        with_row(3, lambda _, entry: replace(entry, digest=b"\1" * 32)),
    ),
    "content changed, digest kept": (
        6,
        "STATE_DIGEST",
        with_row(6, lambda _, entry: replace(entry, state=moved(entry.state, balances={ETH: (1, 0)}))),
    ),
    "broker's signature lost": (2, "SIG-MISSING", with_row(2, stripped(Role.BROKER))),
    "trader's signature lost, and on what follows": (
        2,
        "SIG-MISSING",
        lambda game, entries: with_row(3, stripped(Role.TRADER))(
            game, with_row(2, stripped(Role.TRADER))(game, entries)
        ),
    ),
    "setup signed by one": (0, "SIG-MISSING", with_row(0, stripped(Role.TRADER))),
    "finalize signed by one": (9, "SIG-MISSING", with_row(9, stripped(Role.TRADER))),
    "void's issuer did not sign": (5, "SIG-MISSING", with_row(5, stripped(Role.TRADER))),
    "signatures swapped": (
        1,
        "SIG-OTHER-KEY",
        with_row(
            1,
            lambda _, entry: replace(
                entry, broker_signature=entry.trader_signature, trader_signature=entry.broker_signature
            ),
        ),
    ),
    "signature of a stranger": (
        8,
        "SIG-OTHER-KEY",
        with_row(
            8,
            lambda game, entry: replace(
                entry, trader_signature=sign(KEYS["stranger"], game.domain.digest(entry.state))
            ),
        ),
    ),
    "signature with the other v": (
        7,
        "SIG-OTHER-KEY",
        with_row(7, lambda _, entry: replace(entry, trader_signature=with_other_v(entry.trader_signature or b""))),
    ),
    "signature malleated": (
        7,
        "SIG-HIGH-S",
        with_row(7, lambda _, entry: replace(entry, broker_signature=malleated(entry.broker_signature or b""))),
    ),
    "signature cut short": (
        7,
        "SIG-LEN",
        with_row(7, lambda _, entry: replace(entry, broker_signature=(entry.broker_signature or b"")[:64])),
    ),
    "refused state's issuer did not sign": (4, "SIG-MISSING", with_row(4, stripped(Role.BROKER))),
    "refused state signed by both": (
        4,
        "REFUSED_SIGNED",
        with_row(4, lambda game, entry: replace(entry_of(game, entry.state, Role.BROKER), status=Status.REFUSED)),
    ),
    "refused state never answered": (4, "STATE_UNVOIDED", lambda _, entries: entries[:5]),
    "refused state followed by another than its void": (
        5,
        "STATE_UNVOIDED",
        with_state(5, lambda state: replace(state, transition=Transition.CANCEL_ORDER)),
    ),
    "two states refused before one void": (
        4,
        "STATE_UNVOIDED",
        lambda game, entries: [
            *entries[:5],
            issued(game, replace(entries[4].state, increment=5), Role.BROKER, Status.REFUSED),
        ],
    ),
    "void of another number than its answer has": (
        7,
        "INC-SKIP",
        lambda game, entries: [
            *entries[:4],
            entries[4],
            resigned(game, entries[5], replace(entries[5].state, increment=7)),
        ],
    ),
    "void by the one whose turn it was": (
        5,
        "TRN-NOT-HIS",
        with_row(5, lambda _, entry: replace(entry, issuer=Role.BROKER)),
    ),
    "void that moves a unit": (5, "BAL-DEFLATE", with_state(5, lambda state: moved(state, balances={ETH: (-1, 0)}))),
    "void of the next number": (
        4,
        "INC-SKIP",
        lambda game, entries: [*entries[:4], resigned(game, entries[5], replace(entries[5].state, increment=4))],
    ),
    "state left out": (3, "INC-SKIP", lambda _, entries: [*entries[:2], *entries[3:]]),
    "setup left out": (1, "SET-NONZERO", lambda _, entries: entries[1:]),
    "previous of another state": (
        6,
        "CHN-PREV-FORK",
        with_state(6, lambda state: replace(state, previous=b"\1" * 32)),
    ),
    "a unit moved, signed by both": (
        6,
        "BAL-DEFLATE",
        with_state(6, lambda state: moved(state, balances={ETH: (-1, 0)})),
    ),
    "issued by the wrong role": (
        3,
        "TRN-NOT-HIS",
        with_row(3, lambda _, entry: replace(entry, issuer=Role.TRADER)),
    ),
    "setup with other funds": (
        0,
        "SET-FUNDING",
        with_state(0, lambda state: moved(state, balances={ETH: (-1, 0)})),
    ),
    "pending in the middle": (
        3,
        "STATE_UNANSWERED",
        with_row(3, lambda game, entry: issued(game, entry.state, Role.BROKER, Status.PENDING)),
    ),
    "pending state breaks a rule": (
        3,
        "BAL-INFLATE",
        lambda game, entries: [
            *entries[:3],
            issued(game, moved(entries[3].state, balances={ETH: (1, 0)}), Role.BROKER, Status.PENDING),
        ],
    ),
    "a state after finalize": (
        10,
        "FIN-AFTER",
        lambda game, entries: [
            *entries,
            entry_of(game, replace(game.next(Transition.VOID), increment=10), Role.TRADER),
        ],
    ),
    "our signature on a second state at one number": (
        3,
        "SIGNED_TWICE",
        lambda game, entries: [
            *entries,
            replace(
                entry_of(game, replace(entries[3].state, order_nonce=9), Role.BROKER, Status.FLAGGED),
                own=False,
            ),
        ],
    ),
}


@pytest.mark.parametrize(("bad", "code", "tamper"), TAMPERED.values(), ids=TAMPERED)
def test_first_bad_row_is_named(path: Path, bad: int, code: str, tamper: Callable[[Game, Rows], Rows]) -> None:
    game, entries = played()
    found = verdict_of(path, game, tamper(game, entries))
    assert (found.bad, found.code) == (bad, code)
    assert not found.sound
    assert found.complete


def test_what_stands_below_the_bad_row_is_told(path: Path) -> None:
    game, entries = played()
    entries[6] = resigned(game, entries[6], moved(entries[6].state, balances={ETH: (-1, 0)}))
    found = verdict_of(path, game, entries)
    assert (found.states, found.validated, found.increment) == (6, 5, 5)
    assert found.expected != found.got


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ("DELETE FROM intents WHERE nonce = 1", ("ORD-UNKNOWN", "ORD-UNKNOWN")),
        (
            "UPDATE intents SET body = replace(body, '\"buy\"', '\"sell\"') WHERE nonce = 1",
            ("ORD-UNKNOWN", "ORD-UNKNOWN"),
        ),
        ("UPDATE states SET body = x'90' WHERE increment = 1", ("STATE_UNREADABLE", "STATE_UNREADABLE")),
        (
            "UPDATE states SET body = (SELECT body FROM states WHERE increment = 2) WHERE increment = 1",
            ("STATE_UNREADABLE", "STATE_DIGEST"),
        ),
    ],
)
def test_tampered_in_the_file_itself(path: Path, change: str, codes: tuple[str, str], sealed: bool) -> None:
    game, entries = played()
    journal_with(path, game, entries).close()
    assert tamper(path, change, sealed=sealed) == 1
    with HistoryReader(path) as reader:
        found = verify_history(reader, game.channel)
    assert (found.bad, found.code, found.validated) == (1, codes[sealed], 1)


def test_a_state_of_another_channel_among_ours(path: Path) -> None:
    """Signed by both and well formed, but for the same terms on another chain."""
    game, entries = played()
    other = Game(replace(game.terms, nonce=2))
    journal = journal_with(path, game, entries)
    journal.add_channel(record_of(other))
    entry = entry_of(other, replace(entries[2].state, channel=other.channel), Role.BROKER)
    journal.record(entry)
    journal.close()
    tamper(path, "DELETE FROM states WHERE channel = ? AND increment = 2", game.channel)
    assert tamper(path, "UPDATE states SET channel = ?, number = 2 WHERE seq = 11", game.channel, sealed=True)
    with HistoryReader(path) as reader:
        found = verify_history(reader, game.channel)
    assert (found.bad, found.code) == (2, "STATE_DIGEST")


def test_an_intent_somebody_else_signed(path: Path) -> None:
    game, entries = played()
    first = next(iter(game.intents.values()))
    forged = sign(KEYS["broker signer"], game.domain.digest(first.order))
    game.intents[first.id] = SignedOrder(first.id, first.order, forged)
    found = verdict_of(path, game, entries)
    assert (found.bad, found.code) == (1, "ORD-UNKNOWN")


def record_with(game: Game, **changes: object) -> ChannelRecord:
    return replace(record_of(game), **changes)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda game: record_with(game, terms=replace(game.terms, max_fee=1)), "CHANNEL_TERMS"),
        (lambda game: record_with(game, chain_id=1), "CHANNEL_TERMS"),
        (lambda game: record_with(game, contract=CONTRACT[::-1][:-1] + b"\1"), "CHANNEL_TERMS"),
        (lambda game: record_with(game, terms=make_terms(challenge_period=0)), "SET-PERIOD"),
    ],
)
def test_terms_that_are_not_the_channels(path: Path, change: Callable[[Game], ChannelRecord], code: str) -> None:
    game, _ = played()
    journal = Journal.open(path)
    journal.add_channel(change(game))
    found = verify_history(journal, game.channel)
    assert (found.bad, found.code, found.states) == (0, code, 0)
    journal.close()


# --- long histories --------------------------------------------------------------------------------------------------


def long_history(path: Path, count: int) -> tuple[Game, Journal]:
    """Openings and cancels of one order each."""
    game = Game()
    while len(game.states) < count:
        game.open(amount=LOT * 100)
        game.apply(game.cancel(game.last.open_orders[-1].id))
    return game, journal_with(path, game, [entry_of(game, state, issuer) for state, issuer in game.states])


def test_progress_and_cancel(path: Path) -> None:
    game, journal = long_history(path, 2 * PROGRESS_EVERY + 1)
    told: list[tuple[int, int]] = []
    found = verify_history(journal, game.channel, lambda done, of: told.append((done, of)))
    assert found.sound
    total = len(game.states)
    assert told == [(PROGRESS_EVERY, total), (2 * PROGRESS_EVERY, total), (total, total)]
    stopped = verify_history(journal, game.channel, cancelled=lambda: True)
    assert (stopped.states, stopped.complete, stopped.bad, stopped.sound) == (PROGRESS_EVERY, False, None, False)
    journal.close()


def test_unknown_channel(path: Path) -> None:
    journal = Journal.open(path)
    with pytest.raises(WalletError) as caught:
        verify_history(journal, b"\1" * 32)
    assert caught.value.code == "CHANNEL_UNKNOWN"
    journal.close()


def test_an_empty_history_holds(path: Path) -> None:
    assert verdict_of(path, Game(), []) == Verdict(0, 0, 0)
