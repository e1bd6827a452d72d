"""Whatever was traded: realised + unrealised is the change of worth, in integers, to the last unit."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.gui.scripted import ETH, ETH_USDT, MARKETS, NOW, USDT, WBTC_USDT, channel, fill, market_view
from wallet.app.snapshots import FillView
from wallet.gui.models.result import Position, flow, lines, middle, position_of, quotes, result, total_text, worth

TICK, LOT, ONE = ETH_USDT.tick_size, ETH_USDT.lot_size, 10**18
fills = st.lists(
    st.builds(
        lambda side, ticks, lots, fee, at: replace(
            fill(1, side, ticks * TICK, lots * LOT),
            fee=fee * (lots * LOT if side == "buy" else ticks * TICK * lots * LOT // ONE) // 10**6,
            increment=at,
        ),
        st.sampled_from(("buy", "sell")),
        st.integers(1, 10**6),
        st.integers(1, 10**5),
        st.integers(0, 2_000),
        st.integers(1, 50),
    ),
    max_size=12,
)


@given(fills, st.integers(1, 10**10))
def test_realised_and_unrealised_are_the_change_of_worth(done: list[FillView], mid: int) -> None:
    position = position_of(done, ETH_USDT)
    held = sum(flow(ETH_USDT, row)[0] for row in done)
    paid = sum(flow(ETH_USDT, row)[1] for row in done)
    assert position.held == held
    assert position.realised + position.unrealised(ETH_USDT, mid) == mid * held // ETH_USDT.unit - paid
    if held == 0:
        assert position.cost == 0
        assert position.realised == -paid


@given(fills, st.integers(1, 10**10))
def test_it_is_what_the_channel_says_it_owes(done: list[FillView], mid: int) -> None:
    """The outcomes of the state, each at its worth, are the same figure."""
    base = sum(flow(ETH_USDT, row)[0] for row in done)
    quote = -sum(flow(ETH_USDT, row)[1] for row in done)
    rows = tuple(
        replace(row, to_trader=max(value, 0), to_broker=max(-value, 0))
        for row, value in zip(channel().balances, (base, quote, 0), strict=True)
    )
    shown = result(channel(balances=rows, fills=tuple(done)), MARKETS, {"ETH/USDT": mid}, USDT, NOW)
    traded = shown.markets[0] if done else None
    assert shown.total == (traded.position.realised + (traded.unrealised or 0) if traded else 0)
    if done:
        assert shown.points[-1][1] == shown.total
        assert len(shown.points) == len(done) + 1


def test_a_gain_and_a_loss_by_hand() -> None:
    position = Position().moved(2 * ONE, 6_000 * 10**6)  # two bought at 3 000
    position = position.moved(-ONE, -3_500 * 10**6)  # one sold at 3 500
    assert position == Position(ONE, 3_000 * 10**6, 500 * 10**6)
    assert position.unrealised(ETH_USDT, 2_900 * 10**6) == -100 * 10**6
    position = position.moved(-3 * ONE, -9_300 * 10**6)  # three sold at 3 100: one closes, two are short
    assert position == Position(-2 * ONE, -6_200 * 10**6, 600 * 10**6)
    assert position.unrealised(ETH_USDT, 3_000 * 10**6) == 200 * 10**6


def test_a_missing_price_is_said_and_not_guessed() -> None:
    shown = result(channel(fills=(fill(1),)), MARKETS, {}, USDT, NOW)
    assert shown.total is None
    assert total_text(shown) == ("\u2013", "muted")
    assert lines(shown)[0].unrealised == "\u2013"


def test_it_can_be_told_in_another_asset() -> None:
    assert [asset.symbol for asset in quotes(MARKETS)] == ["USDT", "ETH", "WBTC"]
    mids = {"ETH/USDT": 3_000 * 10**6, "WBTC/USDT": 60_000 * 10**6}
    assert worth(USDT, 1_500 * 10**6, ETH, MARKETS, mids) == ONE // 2
    assert worth(WBTC_USDT.base, 10**8, ETH, MARKETS, mids) is None  # no market between them
    assert (
        middle(market_view().book) == sum(row[0][0] for row in (market_view().book.bids, market_view().book.asks)) // 2
    )


def test_the_rows_say_it_in_words() -> None:
    done = (fill(2, "sell", 3_100_000_000, ONE // 20), fill(3, "buy"))
    shown = result(channel(fills=done), MARKETS, {"ETH/USDT": 3_000 * 10**6, "WBTC/USDT": 1}, USDT, NOW)
    market, *assets = lines(shown)
    assert (market.what, market.realised_tone) == ("ETH/USDT", "up")
    assert market.realised.startswith("▲ +4.")
    assert [row.what for row in assets] == ["ETH", "USDT", "WBTC"]
    assert assets[0].left == "8.25025"


def test_a_fee_is_taken_from_what_a_fill_brings() -> None:
    assert flow(ETH_USDT, replace(fill(1, "buy", 3_000_000_000, ONE), fee=ONE // 1000)) == (
        ONE - ONE // 1000,
        3_000 * 10**6,
    )
    assert flow(ETH_USDT, replace(fill(1, "sell", 3_000_000_000, ONE), fee=3_000_000)) == (-ONE, -2_997 * 10**6)
