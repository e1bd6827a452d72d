"""The ladder: grouping never flatters, own orders are found, bars stand for cumulated depth."""

from dataclasses import replace

from tests.gui.scripted import ETH_USDT, order
from wallet.app.snapshots import BookView, OrderStatus
from wallet.gui.models.book import PERMILLE, best, depth_curve, grouped, ladder

TICK = ETH_USDT.tick_size
BOOK = BookView(
    "ETH/USDT",
    1,
    bids=((99 * TICK, 5), (98 * TICK, 7), (91 * TICK, 1), (89 * TICK, 2)),
    asks=((101 * TICK, 4), (102 * TICK, 6), (109 * TICK, 3), (111 * TICK, 8)),
    stale=False,
    updated_ms=0,
)


def test_levels_are_cumulated_and_the_deepest_bar_is_full() -> None:
    shown = ladder(BOOK, ETH_USDT, (), depth=3)
    assert [(level.price // TICK, level.amount, level.total) for level in shown.bids] == [
        (99, 5, 5),
        (98, 7, 12),
        (91, 1, 13),
    ]
    assert [level.total for level in shown.asks] == [4, 10, 13]
    assert max(level.share for level in (*shown.bids, *shown.asks)) == PERMILLE
    assert shown.bids[0].share == 5 * PERMILLE // 13


def test_grouping_rounds_asks_up_and_bids_down() -> None:
    shown = ladder(BOOK, ETH_USDT, (), depth=5, group=10)
    assert [(level.price // TICK, level.amount) for level in shown.asks] == [(110, 13), (120, 8)]
    assert [(level.price // TICK, level.amount) for level in shown.bids] == [(90, 13), (80, 2)]
    assert grouped(100 * TICK, "sell", 10 * TICK) == 100 * TICK == grouped(100 * TICK, "buy", 10 * TICK)


def test_spread_is_that_of_the_ungrouped_book() -> None:
    shown = ladder(BOOK, ETH_USDT, (), depth=3, group=10)
    assert shown.spread == 2 * TICK
    assert shown.spread_ppm == 20_000


def test_own_orders_are_marked_with_what_is_left_of_them() -> None:
    own = (
        order(1, "buy", 98 * TICK, 10, filled=3),
        order(2, "buy", 98 * TICK, 5),
        order(3, "sell", 98 * TICK, 5),  # other side
        order(4, "buy", 99 * TICK, 5, status=OrderStatus.CANCELLED),
        replace(order(5, "buy", 99 * TICK, 5), market="WBTC/USDT"),
    )
    shown = ladder(BOOK, ETH_USDT, own, depth=4)
    assert [level.own for level in shown.bids] == [0, 12, 0, 0]
    assert [level.own for level in shown.asks] == [0, 0, 0, 0]


def test_an_empty_side_has_no_spread() -> None:
    shown = ladder(replace(BOOK, asks=()), ETH_USDT, (), depth=3)
    assert (shown.asks, shown.spread, shown.spread_ppm) == ((), None, None)
    assert ladder(replace(BOOK, asks=(), bids=()), ETH_USDT, (), depth=3).bids == ()


def test_staleness_is_passed_on() -> None:
    assert ladder(replace(BOOK, stale=True), ETH_USDT, (), depth=1).stale


def test_best_is_what_a_taker_gets() -> None:
    assert best(BOOK, "buy") == 101 * TICK
    assert best(BOOK, "sell") == 99 * TICK
    assert best(None, "buy") is None
    assert best(replace(BOOK, bids=()), "sell") is None


def test_depth_reaches_equally_far_on_both_sides() -> None:
    book = replace(BOOK, bids=((99 * TICK, 5), (50 * TICK, 1)))
    bids, asks = depth_curve(book)
    assert [point.price // TICK for point in asks] == [101, 102, 109, 111]
    assert [point.price // TICK for point in bids] == [99]
    assert [point.total for point in asks] == [4, 10, 13, 21]
    assert depth_curve(replace(BOOK, bids=())) == ((), ())
