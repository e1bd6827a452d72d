"""The allowance of a connection and what may wait for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wallet.wire.limits import Outbox, TokenBucket


def test_a_bucket_gives_what_is_in_it_and_then_says_how_long() -> None:
    bucket = TokenBucket(rate=2, burst=4, now=0)
    assert [bucket.take(1, 0) for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert bucket.take(1, 0.5) == 0
    assert bucket.take(0.1, 0.5) == 0.05
    assert bucket.take(4, 100) == 0
    assert bucket.take(1, 100) == 0.5


def test_what_costs_more_than_the_bucket_holds_passes_when_it_is_full() -> None:
    bucket = TokenBucket(rate=1, burst=4, now=0)
    assert bucket.take(10, 0) == 0
    assert bucket.take(10, 1) == 3
    assert bucket.take(10, 4) == 0


def test_what_is_kept_is_there_for_those_who_may_have_it() -> None:
    bucket = TokenBucket(rate=1, burst=4, now=0)
    assert [bucket.take(1, 0, keep=1) for _ in range(4)] == [0, 0, 0, 1]
    assert bucket.take(1, 0) == 0
    assert bucket.take(10, 0, keep=1) == 4


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(rate=1, burst=1, now=10)
    assert bucket.take(1, 10) == 0
    assert bucket.take(1, 5) == 1
    assert bucket.take(1, 5.5) == 0.5


@given(
    st.floats(0.1, 100),
    st.floats(1, 100),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0, 3)), max_size=60),
)
def test_nobody_ever_takes_more_than_the_rate_allows(
    rate: float, burst: float, asked: list[tuple[float, float]]
) -> None:
    bucket, now, taken = TokenBucket(rate, burst, 0), 0.0, 0.0
    for cost, pause in asked:
        now += pause
        wait = bucket.take(cost, now)
        if wait == 0:
            taken += min(cost, burst)
        else:
            assert wait <= burst / rate + 1e-9
        assert taken <= burst + rate * now + 1e-6


def test_answers_first_then_market_data_each_in_order() -> None:
    outbox = Outbox()
    outbox.put_notice(b"n1")
    outbox.put(b"a1")
    outbox.put_notice(b"n2")
    outbox.put(b"a2")
    assert [outbox.take() for _ in range(5)] == [b"a1", b"a2", b"n1", b"n2", None]


def test_market_data_that_nobody_takes_is_dropped_and_answers_are_not() -> None:
    outbox = Outbox()
    outbox.put(b"answer")
    assert all(outbox.put_notice(b"x") for _ in range(Outbox.MAX_NOTICES))
    assert not outbox.put_notice(b"x")
    assert [outbox.take(), outbox.take()] == [b"answer", None]
    assert outbox.put_notice(b"x" * Outbox.MAX_NOTICE_BYTES)
    assert not outbox.put_notice(b"x")
    assert outbox.put_notice(b"x")


def test_answers_are_bounded_too() -> None:
    outbox = Outbox()
    assert outbox.put(b"x" * Outbox.MAX_BYTES)
    assert not outbox.put(b"x")
    outbox.take()
    assert outbox.put(b"x")
