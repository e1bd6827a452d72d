"""What the speeds bid, and what takes the place of what."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.chain import fees
from wallet.chain.fees import Price, Speed
from wallet.chain.records import FeeHistory, read_fee_history
from wallet.chain.tx import GWEI, FeePolicy, Quote
from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError

POLICY = FeePolicy()
WEI = st.one_of(st.integers(0, 2**128 - 1), st.integers(0, 600_000).map(lambda thousandths: thousandths * 10**6))


def test_each_speed_bids_by_the_middle_block() -> None:
    history = FeeHistory((8 * GWEI, 10 * GWEI), ((1, 2, 3), (10, 20, 30), (100, 200, 300)))
    found = fees.prices(history, 5, POLICY)
    assert [found[speed].tip for speed in Speed] == [10, 20, 30]
    assert [found[speed].most for speed in Speed] == [
        10 * GWEI * 9 // 8 + 10,
        20 * GWEI + 20,
        30 * GWEI + 30,
    ]


def test_where_blocks_were_empty_the_nodes_word_counts_up_to_the_limit() -> None:
    found = fees.prices(FeeHistory((GWEI,), ()), 10**18, POLICY)
    assert {row.tip for row in found.values()} == {POLICY.max_tip}
    assert fees.prices(FeeHistory((GWEI,), ()), 0, POLICY)[Speed.SLOW].tip == 1


@given(
    st.lists(WEI, min_size=1, max_size=21),
    st.lists(st.tuples(*[WEI] * 3), max_size=20),
    WEI,
    st.integers(21_000, 5_000_000),
)
def test_no_node_makes_it_bid_beyond_the_policy(
    base: list[int], tips: list[tuple[int, ...]], suggested: int, gas: int
) -> None:
    found = fees.prices(FeeHistory(tuple(base), tuple(tips)), suggested, POLICY)
    assert found[Speed.SLOW].tip <= found[Speed.NORMAL].tip <= found[Speed.FAST].tip <= POLICY.max_tip
    for price in found.values():
        with suppress(WalletError):
            bid = fees.quote(price, gas, POLICY)
            assert bid.tip <= bid.max_fee_per_gas <= POLICY.max_fee_per_gas
            assert bid.max_cost <= POLICY.max_cost


@given(st.integers(0, 500_000), st.integers(0, 5_000), st.integers(0, 300_000), st.integers(21_000, 5_000_000))
def test_what_is_raised_is_taken_by_nodes(most: int, tip: int, base: int, gas: int) -> None:
    """In thousandths of a gwei: of wide ranges hypothesis draws small numbers, which no limit ever meets."""
    most, tip, base = most * GWEI // 1000, tip * GWEI // 1000, base * GWEI // 1000
    before = Quote(gas, max(most, tip), tip)
    price = Price(2 * base + 7, 7, base)
    with suppress(WalletError):
        bid = fees.raised(before, price, POLICY)
        assert fees.replaces(bid, before)
        assert bid.tip <= bid.max_fee_per_gas <= POLICY.max_fee_per_gas
        assert bid.max_cost <= POLICY.max_cost


def test_beyond_the_policy_it_says_so() -> None:
    with pytest.raises(WalletError, match="TX_FEE_TOO_HIGH"):
        fees.raised(Quote(21_000, POLICY.max_fee_per_gas, 1), Price(1, 1, 1), POLICY)
    with pytest.raises(WalletError, match="TX_FEE_TOO_HIGH"):
        fees.quote(Price(2, 1, POLICY.max_fee_per_gas), 21_000, POLICY)
    with pytest.raises(WalletError, match="TX_GAS_LIMIT"):
        fees.quote(Price(2, 1, 1), POLICY.max_gas + 1, POLICY)


def test_much_gas_may_not_cost_more_than_little() -> None:
    """5 million gas may cost 0.2 of the coin, too: 40 gwei each."""
    assert fees.quote(Price(60 * GWEI, 1, 30 * GWEI), 5_000_000, POLICY).max_fee_per_gas == 40 * GWEI
    with pytest.raises(WalletError, match="TX_FEE_TOO_HIGH"):
        fees.quote(Price(60 * GWEI, 1, 50 * GWEI), 5_000_000, POLICY)


def test_a_tenth_more_of_both_is_needed() -> None:
    before = Quote(21_000, 1_000, 100)
    assert fees.replaces(Quote(21_000, 1_100, 110), before)
    assert not fees.replaces(Quote(21_000, 1_099, 110), before)
    assert not fees.replaces(Quote(21_000, 1_100, 109), before)


def test_a_history_with_its_one_fraction_is_read_and_others_are_not() -> None:
    text = b'{"oldestBlock":"0x1","baseFeePerGas":["0x5","0x6"],"gasUsedRatio":[0.5],"reward":[["0x1","0x2","0x3"]]}'
    found = read_fee_history(strictjson.loads(text, fractions=True), 64, 3)
    assert found == FeeHistory((5, 6), ((1, 2, 3),))
    with pytest.raises(WalletError, match="JSON_NUMBER"):
        strictjson.loads(text)
    assert read_fee_history(strictjson.loads(b'{"baseFeePerGas":["0x5"],"reward":null}'), 64, 3).tips == ()


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[]",
        "{}",
        '{"baseFeePerGas":[]}',
        '{"baseFeePerGas":["5"]}',
        '{"baseFeePerGas":["0x5"],"reward":[["0x1"]]}',
        '{"baseFeePerGas":["0x5"],"reward":[[null,"0x1","0x2"]]}',
        '{"baseFeePerGas":["0x1' + "0" * 33 + '"]}',
        '{"baseFeePerGas":[' + ",".join(['"0x1"'] * 66) + "]}",
    ],
)
def test_what_is_no_history_is_refused(text: str) -> None:
    with pytest.raises(WalletError, match="RPC_BAD_REPLY"):
        read_fee_history(strictjson.loads(text.encode(), fractions=True), 64, 3)
