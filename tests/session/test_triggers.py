"""When a trigger fires, and what is read back of one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.protocol.errors import WalletError
from wallet.session.triggers import (
    ARMED,
    FAILED,
    FIRED,
    HOLD,
    MAX_ARMED,
    MAX_KEPT,
    Judge,
    Quote,
    Trigger,
    added,
    armed,
    dump,
    load,
    settled,
)

AT = 3_000
STOP = Trigger(bytes(16), b"\1" * 20, b"\2" * 20, "sell", "stop_loss", AT, 10**18, 10_000, 1_790_000_000)


def quote(bid: int, ask: int, heard: float) -> Quote:
    return Quote(bid, ask, heard)


@pytest.mark.parametrize(
    ("side", "kind", "fires", "waits"),
    [
        ("sell", "stop_loss", (2_999, 3_010), (3_001, 3_010)),  # by the bid: what a seller gets
        ("sell", "take_profit", (3_000, 3_010), (2_999, 3_010)),
        ("buy", "stop_loss", (2_900, 3_000), (2_900, 2_999)),  # by the ask: what a buyer pays
        ("buy", "take_profit", (2_900, 2_999), (2_900, 3_001)),
    ],
)
def test_each_kind_waits_for_its_own_side_of_the_book(
    side: str, kind: str, fires: tuple[int, int], waits: tuple[int, int]
) -> None:
    row = replace(STOP, side=side, kind=kind)
    for prices, due in ((fires, True), (waits, False)):
        judge = Judge()
        assert not judge.due(row, quote(*prices, 100.0))  # one look is never enough
        assert judge.due(row, quote(*prices, 100.0 + HOLD)) is due


@pytest.mark.parametrize("between", [None, quote(3_100, 3_101, 100.5)])
def test_a_gap_or_a_price_that_comes_back_begins_the_wait_anew(between: Quote | None) -> None:
    judge = Judge()
    assert not judge.due(STOP, quote(2_990, 2_991, 100.0))
    assert not judge.due(STOP, between)
    assert not judge.due(STOP, quote(2_990, 2_991, 100.0 + HOLD))
    assert judge.due(STOP, quote(2_990, 2_991, 100.0 + 2 * HOLD))


def test_a_feed_that_fell_silent_fires_nothing() -> None:
    """The price is there, but nobody has said so since: the time that counts is that of the broker's words."""
    judge = Judge()
    for _ in range(1_000):
        assert not judge.due(STOP, quote(2_990, 2_991, 100.0))


@pytest.mark.parametrize("status", [FIRED, FAILED])
def test_what_is_over_never_fires(status: str) -> None:
    judge, row = Judge(), replace(STOP, status=status)
    assert not judge.due(row, quote(1, 2, 0.0))
    assert not judge.due(row, quote(1, 2, 1e6))


PRICES = st.integers(1, 2**100)


@given(
    st.lists(
        st.builds(
            Trigger,
            st.binary(min_size=16, max_size=16),
            st.binary(min_size=20, max_size=20),
            st.binary(min_size=20, max_size=20),
            st.sampled_from(["buy", "sell"]),
            st.sampled_from(["stop_loss", "take_profit"]),
            PRICES,
            PRICES,
            st.integers(0, 100_000),
            st.integers(0, 2**40),
            st.sampled_from([ARMED, FIRED, FAILED]),
            st.sampled_from(["", "ORD-FUNDS"]),
        ),
        max_size=8,
    )
)
def test_what_is_written_is_read_back(rows: list[Trigger]) -> None:
    assert load(dump(rows)) == tuple(rows)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"sell"', b'"sel"'),
        (b'"stop_loss"', b'"stop"'),
        (b'"3000"', b'"-1"'),
        (b'"3000"', b'"0"'),
        (b'"3000"', b"3000"),
        (b'"armed"', b'"Armed"'),
        (b"10000,", b"1000000,"),
        (b"[", b"[["),
        (b'"reason":""', b'"reason":"","more":1'),
    ],
)
def test_anything_else_is_no_trigger(old: bytes, new: bytes) -> None:
    text = dump([STOP])
    assert old in text
    with pytest.raises(WalletError, match="TRIGGER_FILE"):
        load(text.replace(old, new, 1))
    assert load(None) == ()


def named(number: int, status: str = ARMED) -> Trigger:
    return replace(STOP, id=number.to_bytes(16, "big"), status=status)


def test_so_many_wait_at_most_and_what_is_over_makes_room() -> None:
    rows: tuple[Trigger, ...] = ()
    for number in range(MAX_ARMED):
        rows = added(rows, named(number))
    with pytest.raises(WalletError, match="TRIGGER_LIMIT"):
        added(rows, named(99))
    for number in range(200):
        rows = added(settled(rows, armed(rows)[0].id, FIRED), named(1_000 + number))
        assert len(rows) <= MAX_KEPT
        assert len(armed(rows)) == MAX_ARMED
        assert len(dump(rows)) < 64 * 1024


def test_its_order_is_named_before_it_is_sent() -> None:
    assert STOP.client_id == "trigger-" + "00" * 16
    assert len(STOP.client_id) <= 64
