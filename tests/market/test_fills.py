"""The price of a fill with its fee in it."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from wallet.market.fills import effective

AMOUNTS = st.integers(1, 10**30)


@given(st.sampled_from(["buy", "sell"]), AMOUNTS, AMOUNTS, st.integers(0, 10**30))
def test_it_is_what_is_paid_for_what_is_kept_rounded_against_the_trader(
    side: str, price: int, quantity: int, fee: int
) -> None:
    found, value = effective(side, 1, price, quantity, fee, 10**18), price * quantity
    if side == "sell":
        exact = Fraction((value - fee) * 10**18, quantity)
        assert found is not None
        assert exact - 1 < found <= exact
    elif fee >= quantity:
        assert found is None
    else:
        exact = Fraction(value * 10**18, quantity - fee)
        assert found is not None
        assert exact <= found < exact + 1


def test_one_by_hand() -> None:
    """1 ETH at 3000 USDT, 0.1 %: bought, 0.999 ETH cost 3000; sold, it brings 2997."""
    assert effective("buy", 10**18, 3_000_000_000, 10**18, 10**15, 10**18) == 3_003_003_004
    assert effective("sell", 10**18, 3_000_000_000, 10**18, 3_000_000, 10**18) == 2_997_000_000
