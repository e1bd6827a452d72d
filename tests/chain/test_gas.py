"""What a call may cost: ceilings over the measured table (`python -m tests.chain.gas`), for two assets and the most."""

from __future__ import annotations

import pytest

from tests.chain.gas import ROWS, kept, read, table

TWO = "2 (native, ERC-20)"
MOST = "16 (native, 15 ERC-20)"
# Aimed at: answer 75,000, challenge 110,000, withdraw 43,000, close 115,000. A close by which the trader is credited in
# two assets for the first time writes two new words, 44,200 of its gas, which no design with credits to pull can save.
CEILINGS = {
    "deposit, first": 86_000,
    "open with deposit": 133_000,
    "close": 94_000,
    "close, trader's first credit": 128_000,
    "challenge, both on it": 90_000,
    "challenge, implied": 95_000,
    "answer, both on it": 70_000,
    "answer, implied": 75_000,
    "settle": 96_000,
    "withdraw all of the credit": 43_000,
    "withdraw part of the credit": 46_500,
    "push all credit": 43_000,
}


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, int]]:
    return table((TWO, MOST))


@pytest.mark.parametrize("what", CEILINGS)
def test_two_assets_cost_no_more_than(measured: dict[str, dict[str, int]], what: str) -> None:
    assert measured[what][TWO] <= CEILINGS[what]


# Zero bytes in the time of day are cheaper than others; anything more is a change.
SLACK = 100


def differences(measured: dict[str, dict[str, int]]) -> dict[tuple[str, str], int]:
    known = read(kept())
    assert set(known) == set(measured)
    found = {(what, row): gas - known[what][row] for what, figures in measured.items() for row, gas in figures.items()}
    return {where: more for where, more in found.items() if abs(more) > SLACK}


def test_the_kept_table_is_what_it_costs(measured: dict[str, dict[str, int]]) -> None:
    assert tuple(next(iter(read(kept()).values()))) == ROWS
    assert differences(measured) == {}


@pytest.mark.slow
def test_the_whole_kept_table_is_what_it_costs() -> None:
    assert differences(table()) == {}


def test_the_largest_channel_fits_any_block(measured: dict[str, dict[str, int]]) -> None:
    assert max(figures[MOST] for figures in measured.values()) < 1_000_000


def test_open_orders_cost_nothing(measured: dict[str, dict[str, int]]) -> None:
    """The answers measured hold 20 and 4 open orders; what differs is the successor, not the orders."""
    difference = measured["answer, implied"][TWO] - measured["answer, both on it"][TWO]
    challenge = measured["challenge, implied"][TWO] - measured["challenge, both on it"][TWO]
    assert abs(difference - challenge) < 200
