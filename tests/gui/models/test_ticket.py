"""The ticket's arithmetic and its reasons, in base units."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gui.scripted import BALANCES, ETH_USDT, FLAG, app_view, channel, market_view, order
from wallet.app.snapshots import ConnectionView, Link, OrderStatus, Phase, RecoveryView
from wallet.gui.models.steppers import step_amount, step_price
from wallet.gui.models.ticket import (
    FOK,
    IOC,
    MARKET,
    POST_ONLY,
    Draft,
    Situation,
    assess,
    largest,
    led_by_total,
    wish,
)

PRICE = "3000.00"
BOOK = market_view().book


def situation(**more: Any) -> Situation:
    return replace(Situation.of(app_view(), ETH_USDT, BOOK), **more)


def test_figures_of_a_buy() -> None:
    result = assess(Draft("buy", price=PRICE, amount="2.5"), situation())
    assert result.reason is None
    assert (result.price, result.amount) == (3_000_000_000, 25 * 10**17)
    assert result.total == 7_500_000_000
    assert result.fee == 25 * 10**17 // 1000  # taker fee of 1000 ppm, of what is received
    assert result.receives == 25 * 10**17 - 25 * 10**14
    assert result.locked_after == 1_500_000_000 + 7_500_000_000
    assert result.available_after == 18_231_450_000 - 7_500_000_000


def test_figures_of_a_sell_take_the_fee_from_the_quote() -> None:
    result = assess(Draft("sell", price=PRICE, amount="1"), situation())
    assert result.fee == 3_000_000
    assert result.receives == 2_997_000_000
    assert result.locked_after == 15 * 10**17


def test_post_only_pays_the_maker_fee_and_the_terms_cap_every_fee() -> None:
    resting = assess(Draft("buy", POST_ONLY, "2990.00", "1"), situation())
    assert (resting.fee, resting.reason) == (0, None)
    capped = situation(channel=channel(max_fee=10))
    assert assess(Draft("sell", price=PRICE, amount="1"), capped).fee == 30_000


@pytest.mark.parametrize(
    ("draft", "code", "field"),
    [
        (Draft(), "TICKET-PRICE-EMPTY", "price"),
        (Draft(price="0"), "TICKET-PRICE-ZERO", "price"),
        (Draft(price="3000.005"), "TICKET-TICK", "price"),
        (Draft(price="1.2345678"), "DECIMAL_PRECISION", "price"),
        (Draft(price="1e3"), "DECIMAL_FORM", "price"),
        (Draft(price="-5"), "DECIMAL_FORM", "price"),
        (Draft(price="١٢"), "DECIMAL_FORM", "price"),
        (Draft(price=PRICE), "TICKET-AMOUNT-EMPTY", "amount"),
        (Draft(price=PRICE, amount="0.0"), "TICKET-AMOUNT-ZERO", "amount"),
        (Draft(price=PRICE, amount="0.00005"), "TICKET-LOT", "amount"),
        (Draft(price=PRICE, amount="0.0001"), "TICKET-MINIMUM", "amount"),
        (Draft(price=PRICE, amount="6.1"), "TICKET-FUNDS", "amount"),
        (Draft("sell", price=PRICE, amount="3.3"), "TICKET-FUNDS", "amount"),
        (Draft(price="1.00", amount="8.3"), "TICKET-COLLATERAL", "amount"),
        (Draft("sell", price="60000.00", amount="2"), "TICKET-COLLATERAL", "amount"),
        (Draft(price="9" * 60 + ".00", amount="9" * 50), "ORD-OVERFLOW", "amount"),
        (Draft("buy", POST_ONLY, "3100.00", "1"), "TICKET-WOULD-TAKE", "price"),
        (Draft("sell", POST_ONLY, "2900.00", "1"), "TICKET-WOULD-TAKE", "price"),
    ],
)
def test_what_cannot_be_sent_says_why(draft: Draft, code: str, field: str) -> None:
    reason = assess(draft, situation()).reason
    assert reason is not None
    assert (reason.code, reason.field) == (code, field)


@pytest.mark.parametrize(
    "draft",
    [
        Draft(price=PRICE, amount="6"),  # 18 000 of 18 231.45
        Draft("sell", price=PRICE, amount="3.2497"),  # 3.24975, in whole lots
        Draft(price=PRICE, amount="0.0017"),  # 5.10 USDT, above the minimum of 5
        Draft(price="1.00", amount="8.25"),  # collateral left: 8.25025
        Draft("buy", POST_ONLY, "2999.00", "1"),
    ],
)
def test_the_valid_neighbours_pass(draft: Draft) -> None:
    assert assess(draft, situation()).reason is None


GOOD = Draft(price=PRICE, amount="1")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"channel": None}, "TICKET-NO-SESSION"),
        ({"channel": channel(phase=Phase.OPENING)}, "TICKET-OPENING"),
        ({"channel": channel(phase=Phase.FINALIZING)}, "TICKET-LEAVING"),
        ({"channel": channel(phase=Phase.DISPUTED)}, "TICKET-LEAVING"),
        (
            {"channel": channel(recovery=RecoveryView("RECOVERING-CONNECT", shown=False, shares=()))},
            "TICKET-RECOVERING",
        ),
        ({"channel": channel(phase=Phase.FLAGGED)}, "TICKET-FLAGGED"),
        ({"flagged": True}, "TICKET-FLAGGED"),
        ({"broker": Link.CONNECTING}, "TICKET-OFFLINE"),
    ],
)
def test_a_session_that_takes_no_orders_says_so_first(more: dict[str, Any], code: str) -> None:
    reason = assess(GOOD, situation(**more)).reason
    assert reason is not None
    assert reason.code == code


def test_the_situation_is_read_from_the_snapshot() -> None:
    view = app_view(flags=(FLAG,), connection=ConnectionView(broker=Link.OFFLINE))
    now = Situation.of(view, ETH_USDT, None)
    assert (now.flagged, now.broker) == (True, Link.OFFLINE)
    assert not Situation.of(app_view(flags=(replace(FLAG, resolved=True),)), ETH_USDT, None).flagged


@pytest.mark.parametrize("phase", [Phase.NONE, Phase.WITHDRAWN, Phase.ABANDONED])
def test_a_session_that_is_over_has_nothing_to_spend(phase: Phase) -> None:
    now = Situation.of(app_view(channel=channel(phase=phase)), ETH_USDT, BOOK)
    assert (now.spendable("buy"), now.spendable("sell")) == (0, 0)
    result = assess(GOOD, now)
    assert result.reason is not None
    assert (result.reason.code, result.available_after) == ("TICKET-NO-SESSION", None)


def test_orders_on_their_way_count_against_what_is_available() -> None:
    waiting = order(9, "buy", 3_000_000_000, 10**18, status=OrderStatus.STAGED)
    now = situation(channel=channel(orders=(waiting,)))
    assert now.spendable("buy") == 18_231_450_000 - 3_000_000_000
    assert now.spendable("sell") == situation().spendable("sell")
    opened = situation(channel=channel(orders=(replace(waiting, status=OrderStatus.OPEN),)))
    assert opened.spendable("buy") == 18_231_450_000  # it is in `locked` by now


@pytest.mark.parametrize("percent", [25, 50, 75, 100])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_percent_is_whole_lots_that_can_be_sent(side: str, percent: int) -> None:
    now = situation()
    amount = largest(Draft(side, price=PRICE), now, percent)
    assert amount is not None
    assert amount % ETH_USDT.lot_size == 0
    budget = now.spendable(side) * percent // 100
    cost = 3_000 * 10**6 * amount // 10**18 if side == "buy" else amount
    next_lot = cost + (3_000 * 10**6 * ETH_USDT.lot_size // 10**18 if side == "buy" else ETH_USDT.lot_size)
    assert cost <= budget < next_lot


@given(st.integers(1, 10**7), st.integers(1, 100), st.sampled_from(["buy", "sell"]))
def test_what_percent_gives_is_never_refused_for_funds(ticks: int, percent: int, side: str) -> None:
    price = f"{ticks // 100}.{ticks % 100:02d}"
    now = situation(book=None)
    amount = largest(Draft(side, price=price), now, percent)
    assert amount is not None
    shown = f"{amount // 10**18}.{amount % 10**18:018d}"
    reason = assess(Draft(side, price=price, amount=shown), now).reason
    assert reason is None or reason.code in ("TICKET-AMOUNT-ZERO", "TICKET-MINIMUM")


def test_percent_stays_within_the_collateral() -> None:
    poor = replace(BALANCES[0], collateral=BALANCES[0].to_trader + 10**18)
    now = situation(channel=channel(balances=(poor, *BALANCES[1:])))
    assert largest(Draft("buy", price=PRICE), now, 100) == 10**18


def test_percent_of_a_buy_needs_a_price_and_that_of_a_sell_does_not() -> None:
    assert largest(Draft("buy"), situation(), 50) is None
    assert largest(Draft("buy", price="x"), situation(), 50) is None
    assert largest(Draft("sell"), situation(), 100) == 32_497 * 10**14


@pytest.mark.parametrize(
    ("price", "steps", "after"),
    [("3000.00", 1, "3000.01"), ("3000.00", -10, "2999.90"), ("3000.005", 1, "3000.01"), ("3000.005", -1, "3000.00"),
     ("0.01", -5, "0.01")],
)  # fmt: skip
def test_price_steps_keep_the_tick(price: str, steps: int, after: str) -> None:
    assert step_price(Draft(price=price), situation(), steps) == after


def test_an_empty_price_starts_at_the_best_one() -> None:
    assert step_price(Draft("buy"), situation(), 1) == "3000.03"
    assert step_price(Draft("sell"), situation(), 1) == "2999.95"
    assert step_price(Draft("sell"), situation(book=None), 1) == ""


def test_amount_steps_by_lots() -> None:
    assert step_amount(Draft(amount=""), situation(), 1) == "0.0001"
    assert step_amount(Draft(amount="1.00005"), situation(), 1) == "1.0001"
    assert step_amount(Draft(amount="1"), situation(), -10) == "0.9990"


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        (Draft("buy", price="3000.50", amount="1"), "TICKET-TAKES"),
        (Draft("buy", price="3200.00", amount="1"), "TICKET-FAR"),
        (Draft("sell", price="2800.00", amount="1"), "TICKET-FAR"),
        (Draft("buy", IOC, "2990.00", "1"), "TICKET-WOULD-MISS"),
        (Draft("buy", IOC, "3001.00", "1"), None),
        (Draft("buy", price="2990.00", amount="1"), None),
    ],
)
def test_hints_warn_without_forbidding(draft: Draft, code: str | None) -> None:
    result = assess(draft, situation())
    assert result.reason is None
    assert (result.hint.code if result.hint else None) == code


# --- market orders ------------------------------------------------------------------------------------------------


def test_a_market_order_is_an_ioc_with_a_price_of_protection() -> None:
    now = situation()
    best = BOOK.asks[0][0]
    found = wish(Draft("buy", MARKET, amount="0.5", cap=10_000), now)
    assert found is not None
    assert (found.time_in_force, found.amount) == (IOC, 5 * 10**17)
    assert best < found.price <= best * 101 // 100
    assert found.price % ETH_USDT.tick_size == 0


def test_a_market_order_locks_for_the_worst_and_tells_the_likely() -> None:
    result = assess(Draft("buy", MARKET, amount="2"), situation())
    assert result.reason is None
    assert result.estimate is not None
    assert result.price is not None
    assert result.total is not None
    assert result.total == result.estimate.value < result.price * 2
    assert result.locked_after == 1_500_000_000 + result.price * 2


@pytest.mark.parametrize("book", [None, replace(BOOK, stale=True), replace(BOOK, asks=())])
def test_without_a_fresh_book_there_is_no_market_order(book: Any) -> None:
    reason = assess(Draft("buy", MARKET, amount="1"), situation(book=book)).reason
    assert reason is not None
    assert reason.code == "TICKET-NO-BOOK"


def thin(*asks: tuple[int, int]) -> Any:
    return replace(BOOK, bids=((2_990_000_000, 10**18),), asks=asks)


def test_a_dear_market_order_asks_for_a_tick_and_a_warning_comes_first() -> None:
    draft = Draft("buy", MARKET, amount="2", cap=100_000)
    slips = thin((3_010_000_000, 10**18), (3_150_000_000, 10**18))  # 80 above 3000: 2.67 %
    result = assess(draft, situation(book=slips))
    assert result.reason is None
    assert result.hint is not None
    assert result.hint.code == "TICKET-SLIPS"
    assert result.hint.params == {"percent": "2.67"}
    dear = situation(book=thin((3_010_000_000, 10**18), (3_300_000_000, 10**18)))  # 155 above: 5.17 %
    result = assess(draft, dear)
    assert result.reason is not None
    assert result.reason.code == "TICKET-DEAR"
    assert result.reason.params == {"percent": "5.17"}
    assert assess(replace(draft, consent=True), dear).reason is None


def test_what_the_book_cannot_fill_asks_for_a_tick() -> None:
    now = situation(book=thin((3_010_000_000, 10**18)))
    draft = Draft("buy", MARKET, amount="2")
    assert wish(draft, now) is None
    result = assess(draft, now)
    assert result.reason is not None
    assert (result.reason.code, result.reason.field) == ("TICKET-THIN", "consent")
    assert wish(replace(draft, consent=True), now) is not None


def test_fill_or_kill_says_when_the_book_is_too_thin() -> None:
    now = situation(book=thin((3_010_000_000, 10**18)))
    hint = assess(Draft("buy", FOK, "3010.00", "2"), now).hint
    assert hint is not None
    assert hint.code == "TICKET-NOT-WHOLE"
    assert assess(Draft("buy", FOK, "3010.00", "1"), now).hint is None


@pytest.mark.parametrize(
    ("draft", "amount"),
    [
        (Draft("buy", price="3000.00", total="1500"), "0.5000"),
        (Draft("buy", price="3000.00", total="1500.29"), "0.5000"),  # whole lots, never more than was said
        (Draft("sell", price="3000.00", total="100"), "0.0333"),
        (Draft("buy", total="1500"), ""),
        (Draft("buy", price="3000.00", amount="7", total="x"), ""),
        (Draft("buy", price="3000.00", amount="7"), "7"),
    ],
)
def test_the_amount_follows_the_total_while_that_leads(draft: Draft, amount: str) -> None:
    assert led_by_total(draft, situation()).amount == amount


def test_the_total_of_a_market_order_is_walked_through_the_book() -> None:
    now = situation(book=thin((3_000_000_000, 10**18), (3_020_000_000, 10**18)))
    draft = led_by_total(Draft("buy", MARKET, total="4510"), now)
    assert draft.amount == "1.5000"


def test_collateral_left_is_shown_after_the_order() -> None:
    result = assess(Draft("buy", price=PRICE, amount="1"), situation())
    assert result.collateral_after == situation().room("buy") - 10**18
