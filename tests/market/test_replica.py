"""The replica follows any broker that keeps to the protocol, and stops showing a book it can't trust."""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.market.depth import Delta, Snapshot, checksum, difference
from wallet.market.replica import BookReplica, Problem

BIDS, ASKS = ((99, 5), (98, 7)), ((101, 3), (103, 4))


def snapshot(seq: int = 7) -> Snapshot:
    return Snapshot(seq, BIDS, ASKS, checksum(BIDS, ASKS))


def loaded() -> BookReplica:
    replica = BookReplica()
    assert replica.load(snapshot()) is None
    return replica


def test_the_checksum_is_what_the_protocol_says() -> None:
    assert checksum(BIDS, ASKS) == crc32(b"99:5|98:7|101:3|103:4")
    many = tuple((1000 - number, 1) for number in range(20))
    assert checksum(many, ()) == crc32("|".join(f"{1000 - number}:1" for number in range(10)).encode())
    assert checksum((), ()) == 0


def test_a_snapshot_and_a_delta() -> None:
    replica = loaded()
    after_bids, after_asks = ((100, 1), (98, 9)), ((101, 3),)
    delta = Delta(7, 8, ((100, 1), (98, 9), (99, 0), (50, 0)), ((103, 0),), checksum(after_bids, after_asks))
    assert replica.apply(delta) is None
    assert (replica.bids(), replica.asks(), replica.seq) == (after_bids, after_asks, 8)
    assert (replica.best_bid, replica.best_ask, replica.mid) == (100, 101, 100)


def test_what_came_before_the_snapshot_is_skipped() -> None:
    replica = loaded()
    assert replica.apply(Delta(5, 7, ((1, 1),), (), 0)) is None
    assert replica.bids() == BIDS


@pytest.mark.parametrize(
    ("delta", "problem"),
    [
        (Delta(8, 9, (), (), checksum(BIDS, ASKS)), Problem.GAP),
        (Delta(7, 8, ((97, 1),), (), checksum(BIDS, ASKS)), Problem.CHECKSUM),
        (Delta(7, 8, ((101, 1),), (), checksum(((101, 1), *BIDS), ASKS)), Problem.CROSSED),
        (Delta(7, 8, ((0, 1),), (), checksum(BIDS, ASKS)), Problem.FORM),
        (Delta(7, 8, ((97, 2**256),), (), checksum(BIDS, ASKS)), Problem.FORM),
    ],
)
def test_a_wrong_delta_needs_a_new_snapshot(delta: Delta, problem: Problem) -> None:
    replica = loaded()
    assert replica.apply(delta) is problem
    assert (replica.problem, replica.bids(), replica.asks()) == (problem, (), ())
    assert replica.apply(Delta(8, 9, (), (), 0)) is problem  # and stays so
    assert replica.load(snapshot(20)) is None
    assert (replica.bids(), replica.problem) == (BIDS, None)


@pytest.mark.parametrize(
    "wrong",
    [
        Snapshot(1, BIDS, ASKS, 1),
        Snapshot(1, BIDS[::-1], ASKS, checksum(BIDS[::-1], ASKS)),
        Snapshot(1, ((99, 0),), (), checksum(((99, 0),), ())),
        Snapshot(1, ((99, 1), (99, 2)), (), checksum(((99, 1), (99, 2)), ())),
        Snapshot(1, ((101, 1),), ((101, 1),), checksum(((101, 1),), ((101, 1),))),
        Snapshot(1, tuple((9999 - n, 1) for n in range(1001)), (), checksum(((9999 - n, 1) for n in range(1001)), ())),
    ],
)
def test_a_wrong_snapshot_is_not_shown(wrong: Snapshot) -> None:
    replica = BookReplica()
    assert replica.load(wrong) is not None
    assert replica.bids() == ()


def test_deltas_can_not_grow_it_without_bound() -> None:
    replica = BookReplica()
    replica.load(Snapshot(0, (), (), 0))
    levels: tuple[tuple[int, int], ...] = ()
    for seq in range(1, 1100):
        levels = (*levels, (2000 - seq, 1))
        if replica.apply(Delta(seq - 1, seq, (levels[-1],), (), checksum(levels, ()))):
            break
    assert replica.problem is Problem.FORM
    assert len(levels) == 1001


def test_a_lost_connection_shows_nothing() -> None:
    replica = loaded()
    replica.lose()
    assert (replica.problem, replica.bids()) == (Problem.EMPTY, ())


def test_sweep_says_what_taking_would_cost() -> None:
    replica = loaded()
    assert replica.sweep(0, 5) == (103, 3 * 101 + 2 * 103)
    assert replica.sweep(1, 12) == (98, 5 * 99 + 7 * 98)
    assert replica.sweep(0, 8) is None


levels = st.dictionaries(st.integers(1, 50), st.integers(1, 9), max_size=15)


@given(st.lists(st.tuples(levels, levels), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_a_replica_shows_what_the_broker_has(books: list[tuple[dict[int, int], dict[int, int]]]) -> None:
    """Any sequence of books, told as differences."""
    replica, seq = BookReplica(), 0
    before: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]] = ((), ())
    replica.load(Snapshot(0, (), (), checksum((), ())))
    for bids, asks in books:
        after = (
            tuple(sorted(bids.items(), reverse=True)),
            tuple(sorted((price + 50, amount) for price, amount in asks.items())),
        )
        changes = (difference(before[0], after[0]), difference(before[1], after[1]))
        delta = Delta(seq, seq + 1, *changes, checksum(*after))
        assert replica.apply(delta) is None
        assert (replica.bids(), replica.asks()) == after
        before, seq = after, seq + 1
