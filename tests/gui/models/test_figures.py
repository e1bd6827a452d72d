"""Figures are exact or floored, never rounded up, and read back as they were."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gui.scripted import ETH, ETH_USDT, USDT, WBTC_USDT
from wallet.gui.models import figures
from wallet.protocol.errors import WalletError

N = figures.GROUP


@pytest.mark.parametrize(
    ("amount", "decimals", "places", "shown"),
    [
        (0, 6, None, "0.000000"),
        (1_234_567_899_999, 6, None, f"1{N}234{N}567.899999"),
        (1_999_999_999_999_999_999, 18, None, "1.99999999"),  # not 2.00000000
        (1_999_999, 6, 2, "1.99"),
        (-1_000_001, 6, 2, "−1.01"),  # floored: a loss is never shown smaller
        (5, 0, 0, "5"),
        (12, 0, 2, "12.00"),
        (-5, 0, None, "−5"),
    ],
)
def test_fixed_floors(amount: int, decimals: int, places: int | None, shown: str) -> None:
    assert figures.fixed(amount, decimals, places) == shown


@given(st.integers(min_value=-(10**40), max_value=10**40), st.integers(0, 18), st.integers(0, 18))
def test_fixed_never_shows_more_than_there_is(amount: int, decimals: int, places: int) -> None:
    shown = figures.fixed(amount, decimals, places).replace(N, "").replace("−", "-").replace(".", "")
    assert int(shown) * 10 ** max(decimals - places, 0) <= amount * 10 ** max(places - decimals, 0)


def test_compact_drops_zeros_behind_the_point_only() -> None:
    assert [figures.compact(text) for text in ("1.500", "100", "2.000", "0.0010")] == ["1.5", "100", "2", "0.001"]


def test_signed_shows_both_signs() -> None:
    assert figures.signed(1_500_000, 6, 2) == "+1.50"
    assert figures.signed(-1_500_000, 6, 2) == "−1.50"
    assert figures.signed(0, 6, 2) == "0.00"


def test_prices_have_the_decimals_of_a_tick_and_amounts_those_of_a_lot() -> None:
    assert figures.price_text(ETH_USDT, 3_012_500_000) == f"3{N}012.50"
    assert figures.price_text(WBTC_USDT, 61_234_500_000) == f"61{N}234.5"
    assert figures.amount_text(ETH_USDT, 12 * 10**17) == "1.2000"
    assert figures.amount_text(WBTC_USDT, 1_000) == "0.00001"


@given(st.integers(min_value=1, max_value=10**12))
def test_a_price_shown_is_the_price_typed(ticks: int) -> None:
    price = ticks * ETH_USDT.tick_size
    assert figures.parse_price(ETH_USDT, figures.price_text(ETH_USDT, price)) == price


def test_a_market_whose_unit_is_coarser_than_the_quote_shows_whole_numbers_only() -> None:
    coarse = replace(ETH_USDT, unit=10**10, tick_size=1)  # price × 10^8 / 10^6: hundreds per tick
    assert figures.price_decimals(coarse) == -2
    assert figures.price_text(coarse, 31) == f"3{N}100"
    assert figures.parse_price(coarse, "3100") == 31
    with pytest.raises(WalletError, match="DECIMAL_PRECISION"):
        figures.parse_price(coarse, "3150.5")


def test_exact_drops_no_digit() -> None:
    assert figures.exact(ETH, 1_999_999_999_999_999_999) == "1.999999999999999999 ETH"
    assert figures.exact(USDT, 1_500_000) == "1.5 USDT"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-3, "0.0 s"), (0.34, "0.3 s"), (12, "12 s"), (300, "5 min"), (7200, "2 h"), (400_000, "4 d")],
)
def test_ages(seconds: float, shown: str) -> None:
    assert figures.age(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(86_400, "24 h"), (604_800, "7 d"), (5_400, "90 min"), (3_600, "60 min"), (60, "60 s"), (3_601, "3601 s")],
)
def test_durations_are_exact(seconds: int, shown: str) -> None:
    assert figures.duration(seconds) == shown


def test_a_time_no_calendar_holds_is_still_shown() -> None:
    assert figures.stamp(2**63)[:4] == "9999"
