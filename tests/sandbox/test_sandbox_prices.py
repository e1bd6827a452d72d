"""The made-up prices: bounded, the same for all who know the seed, and as smooth as a market."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wallet.sandbox.prices import PPM, PricePath

DAY = 86_400_000
TIMES = st.integers(0, 2**42)
PATHS = st.builds(PricePath, st.binary(min_size=1, max_size=32), st.integers(10**6, 10**12), st.integers(1, 300))


@given(PATHS, TIMES)
def test_stays_within_its_reach(path: PricePath, time_ms: int) -> None:
    assert abs(path.at(time_ms) - path.anchor) <= path.anchor * path.reach // PPM + 1


@given(PATHS, TIMES)
def test_is_a_function_of_seed_and_time(path: PricePath, time_ms: int) -> None:
    again = PricePath(path.seed, path.anchor, path.swing)
    assert again.at(time_ms) == path.at(time_ms)


@given(PATHS, TIMES)
def test_does_not_jump(path: PricePath, time_ms: int) -> None:
    """Within a tenth of a second the fastest scale can go at most a fraction of its own swing."""
    step = abs(path.at(time_ms + 100) - path.at(time_ms))
    assert step <= path.anchor * 2 * path.swing // PPM + 1


def test_two_seeds_two_markets() -> None:
    one, other = PricePath(b"one", 10**9), PricePath(b"other", 10**9)
    assert [one.at(DAY * n) for n in range(9)] != [other.at(DAY * n) for n in range(9)]


def test_moves_and_comes_back() -> None:
    """Over a month it leaves its anchor to both sides, by some parts in a thousand at least."""
    path = PricePath(bytes(32), 10**9)
    seen = [path.at(DAY * n // 24) - path.anchor for n in range(24 * 30)]
    assert min(seen) < -5_000_000
    assert max(seen) > 5_000_000
    assert abs(sum(seen) // len(seen)) < 5_000_000


def test_moves_within_a_minute() -> None:
    path = PricePath(b"seed", 3_000 * 10**6)
    ranges = []
    for minute in range(120):
        seen = [path.at(minute * 60_000 + second * 1_000) for second in range(60)]
        ranges.append(max(seen) - min(seen))
    assert sum(ranges) // len(ranges) > 10**6  # more than 1 USDT on average
