"""What the broker puts up and what he could come to owe: pure arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.game import ETH, ETH_USDT, ONE, PRICE, USDT, WBTC, WBTC_USDT, make_terms
from wallet.broker.exposure import Prices, collateral_for, short_of_collateral
from wallet.protocol.state import OpenOrder, Outcome, Side, setup_state
from wallet.protocol.terms import Asset
from wallet.protocol.transitions import Contents, contents_of

PRICES = Prices([(ETH_USDT, PRICE), (WBTC_USDT, 60_000 * 10**6)])


@pytest.mark.parametrize(
    ("amount", "asset", "other", "worth"),
    [
        (ONE, ETH, USDT, 2_000 * 10**6),
        (2_000 * 10**6, USDT, ETH, ONE),
        (30 * ONE, ETH, WBTC, 10**8),  # by way of USDT
        (10**8, WBTC, ETH, 30 * ONE),
        (7, ETH, ETH, 7),
        (0, b"\x99" * 20, ETH, 0),
        (1, b"\x99" * 20, ETH, None),
        (1, ETH, USDT, 0),
    ],
)
def test_worth(amount: int, asset: bytes, other: bytes, worth: int | None) -> None:
    assert PRICES.worth(amount, asset, other) == worth


def test_collateral_by_example() -> None:
    allocations = {ETH: ONE, USDT: 1_000 * 10**6, WBTC: 0}
    plenty = dict.fromkeys(allocations, 10**30)
    found = collateral_for(allocations, PRICES, plenty, {WBTC: 10**7}, 150, 50)
    assert found == {
        ETH: ONE // 2 * 150 // 100 + ONE // 2,
        USDT: (2_000 * 150 + 1_000 * 50) * 10**6 // 100,
        WBTC: 10**7,  # 3,000 USDT are a twentieth of it: 7,500,000 base units, less than the minimum
    }
    scarce = collateral_for(allocations, PRICES, {ETH: 5, USDT: -3}, {WBTC: 10**7}, 150, 50)
    assert scarce == {ETH: 5, USDT: 0, WBTC: 0}


def _contents(orders: tuple[OpenOrder, ...], nets: dict[bytes, int]) -> Contents:
    terms = make_terms()
    before = contents_of(setup_state(terms, b"\x01" * 32, 1))
    outcomes = tuple(
        Outcome(row.asset, max(-nets.get(row.asset, 0), 0), max(nets.get(row.asset, 0), 0)) for row in terms.assets
    )
    return before._replace(open_orders=orders, outcomes=outcomes)


def order(number: int, side: Side, price: int, amount: int, filled: int = 0) -> OpenOrder:
    return OpenOrder(number.to_bytes(32, "big"), ETH, USDT, int(side), price, amount, filled)


def test_every_open_order_may_be_filled_and_no_payment_counts() -> None:
    terms = make_terms()  # collateral: 10 ETH, 20,000 USDT
    buys = (order(1, Side.BUY, PRICE, 6 * ONE), order(2, Side.BUY, PRICE, 5 * ONE, ONE))
    assert short_of_collateral(terms, _contents(buys, {})) is None
    assert short_of_collateral(terms, _contents(buys, {ETH: 1})) == (ETH, 1)
    assert short_of_collateral(terms, _contents(buys, {ETH: -5 * ONE})) is None
    sells = (order(3, Side.SELL, PRICE, 10 * ONE),)
    assert short_of_collateral(terms, _contents(buys + sells, {})) is None
    better = {sells[0].id: PRICE + 10**6}
    assert short_of_collateral(terms, _contents(sells, {}), better) == (USDT, 10 * 10**6)


@given(
    st.dictionaries(st.sampled_from([ETH, USDT, WBTC]), st.integers(0, 10**24), min_size=1),
    st.dictionaries(st.sampled_from([ETH, USDT, WBTC]), st.integers(0, 10**24)),
)
def test_collateral_is_never_more_than_is_free(allocations: dict[bytes, int], free: dict[bytes, int]) -> None:
    found = collateral_for(allocations, PRICES, free, {ETH: ONE}, 150, 50)
    assert set(found) == set(allocations)
    assert all(0 <= amount <= free.get(asset, 0) for asset, amount in found.items())
    assert all(type(Asset(asset, 0, amount).collateral) is int for asset, amount in found.items())
