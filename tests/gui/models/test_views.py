"""Strip, funds, steps, allocation, ledger and history: what a snapshot becomes."""

from dataclasses import replace

import pytest

from tests.gui.scripted import (
    BALANCES,
    CHANNEL,
    ETH,
    ETH_USDT,
    FLAG,
    MARKETS,
    NOW,
    USDT,
    WALLET,
    app_view,
    channel,
    fill,
    order,
)
from wallet.app.snapshots import ConnectionView, Link, OrderStatus, Phase, Step
from wallet.gui.models import allocation, funds, ledger, onboarding, status, steps
from wallet.gui.models.history import Names, compare

BY_NAME = {market.name: market for market in MARKETS}


def cells(view: object, now: float = NOW + 0.4) -> dict[str, status.Cell]:
    return {cell.key: cell for cell in status.strip(view, now)}  # type: ignore[arg-type]


def test_the_strip_says_all_of_it() -> None:
    shown = cells(app_view())
    assert (shown["broker"].value, shown["broker"].tone) == ("connected 12 ms", "good")
    assert shown["chain"].value == "block 1\u202f234"
    assert (shown["session"].value, shown["state"].value) == ("open", "#118 · signed by both")
    assert shown["age"].value == "0.4 s ago"
    assert "0x" + CHANNEL.hex() in shown["session"].tip
    assert "24 h" in shown["session"].tip


@pytest.mark.parametrize(("who", "words"), [("broker", "broker signs next"), ("trader", "you sign next")])
def test_who_owes_the_next_signature(who: str, words: str) -> None:
    cell = cells(app_view(channel=channel(awaiting=who)))["state"]
    assert words in cell.value
    assert cell.tone == "warn"


def test_a_silent_broker_is_no_good_news_whatever_the_socket_says() -> None:
    assert cells(app_view(), NOW + 40)["broker"].value == "silent for 40 s"
    assert cells(app_view(), NOW + 40)["broker"].tone == "warn"


def test_without_a_channel_nothing_is_claimed() -> None:
    shown = cells(app_view(channel=None, connection=ConnectionView()))
    assert (shown["session"].value, shown["state"].value, shown["age"].value) == ("no session", "–", "–")
    assert (shown["broker"].value, shown["broker"].tone) == ("offline", "bad")


@pytest.mark.parametrize("phase", [Phase.SETTLED, Phase.WITHDRAWN, Phase.ABANDONED])
def test_of_a_session_that_is_over_the_last_state_is_not_kept_up(phase: Phase) -> None:
    shown = cells(app_view(channel=channel(phase=phase)))
    assert (shown["state"].value, shown["age"].value) == ("–", "–")
    assert shown["session"].value == phase.value


def test_every_phase_has_a_word() -> None:
    assert set(status.PHASES) == set(Phase)


def lines(card: funds.Card) -> dict[str, tuple[str, str]]:
    return {line.label: (line.value, line.tone) for line in card.lines}


def test_funds_add_up_and_signs_are_said_twice() -> None:
    eth, usdt, _ = funds.cards(app_view())
    assert eth.total == "3.74975000"
    assert lines(eth) == {
        "Available": ("3.24975000", "text"),
        "Locked in orders": ("0.50000000", "text"),
        "Outcome": ("▲ +1.74975000", "up"),
        "Collateral left": ("8.25025000", "muted"),
        "Outside this session": ("5.00000000", "muted"),
    }
    assert lines(usdt)["Outcome"] == ("▼ −5\u202f268.550000", "down")
    assert eth.bar_first + eth.bar_second <= funds.PERMILLE
    assert eth.bar_mark < funds.PERMILLE == usdt.bar_mark  # what was won lies beyond the allocation


def test_an_empty_asset_has_an_empty_bar() -> None:
    nothing = replace(BALANCES[2], allocation=0, available=0)
    assert funds.cards(app_view(channel=channel(balances=(nothing,))))[0].bar_first == 0


@pytest.mark.parametrize("over", [None, channel(phase=Phase.WITHDRAWN), channel(phase=Phase.ABANDONED)])
def test_without_a_session_the_wallet_itself_is_shown(over: object) -> None:
    row = replace(WALLET[1], free=10 * 10**6, credit=5 * 10**6)
    (card,) = funds.cards(app_view(channel=over, wallet=(row,)))
    assert card.total == "50\u202f015.000000"
    assert [line.label for line in card.lines] == ["In your account", "Deposited, in no session", "To be withdrawn"]
    assert not funds.in_session(app_view(channel=over))


def test_what_is_settled_still_counts_as_the_session_until_it_is_withdrawn() -> None:
    assert funds.in_session(app_view(channel=channel(phase=Phase.SETTLED)))


def test_leaving_pays_allocation_and_outcome() -> None:
    paid = funds.payouts(BALANCES)
    assert [(row.asset.symbol, row.amount, row.change) for row in paid] == [
        ("ETH", 3_749_750 * 10**12, 1_749_750 * 10**12),
        ("USDT", 19_731_450_000, -5_268_550_000),
        ("WBTC", 50_000_000, 0),
    ]
    assert funds.payouts(()) == ()


def states(found: tuple[Step, ...]) -> list[str]:
    return [step.state for step in found]


def test_leaving_step_by_step() -> None:
    with_orders, without = channel(orders=(order(1),)), channel()
    assert states(steps.leaving(with_orders, (), begun=False, failed=False)) == ["todo"] * 4
    assert states(steps.leaving(with_orders, (), begun=True, failed=False)) == ["doing", "todo", "todo", "todo"]
    assert states(steps.leaving(without, (), begun=True, failed=False)) == ["done", "doing", "todo", "todo"]
    assert states(steps.leaving(without, (), begun=True, failed=True)) == ["done", "failed", "todo", "todo"]
    final = channel(phase=Phase.FINAL)
    assert states(steps.leaving(final, (), begun=False, failed=False)) == ["done", "done", "doing", "todo"]
    over = channel(phase=Phase.WITHDRAWN)
    assert states(steps.leaving(over, (), begun=True, failed=False)) == ["done"] * 4
    assert steps.left(over)
    assert not steps.left(final)


def test_the_drivers_own_report_counts_while_it_is_about_this() -> None:
    told = (Step("STEP-CANCEL", "done"), Step("STEP-FINALIZE", "failed", "FINALIZE_UNANSWERED"))
    assert steps.leaving(channel(), told, begun=True, failed=True) == told
    assert steps.opening(channel(phase=Phase.OPENING), told)[0].code == "STEP-OFFER"
    mine = (Step("STEP-OFFER", "doing"),)
    assert steps.opening(None, mine) == mine
    assert states(steps.leaving(channel(), mine, begun=True, failed=False)) == ["done", "doing", "todo", "todo"]


def test_choices_keep_back_fees_in_the_chains_own_currency_only() -> None:
    eth, usdt, wbtc = allocation.choices(app_view())
    assert (eth.most, eth.kept) == (998 * 10**16, 2 * 10**16)  # as the snapshot says
    assert usdt.most == 50_000 * 10**6 == usdt.balance
    assert wbtc.kept == 0
    assert eth.at(allocation.PERMILLE) == eth.most
    assert eth.text(eth.at(500)) == "4.99"
    assert usdt.text(usdt.at(333)) == "16650"
    assert eth.position(eth.most * 2) == allocation.PERMILLE


def test_an_amount_above_the_balance_is_refused_in_words() -> None:
    usdt = allocation.choices(app_view())[1]
    assert allocation.amount_of(usdt, "50000") == (50_000 * 10**6, None)
    assert allocation.amount_of(usdt, "") == (0, None)
    amount, reason = allocation.amount_of(usdt, "50000.000001")
    assert amount is None
    assert reason is not None
    assert reason.code == "SESSION-TOO-MUCH"
    assert allocation.amount_of(usdt, "1.2345678")[1] is not None


def test_what_stands_in_the_way_of_a_session() -> None:
    good: dict[bytes, int | None] = {ETH.address: 1, USDT.address: 0}
    assert allocation.obstacle(app_view(), good) is None
    cases = [
        (app_view(), {ETH.address: 0}, "SESSION-EMPTY"),
        (app_view(), {ETH.address: None}, "SESSION-AMOUNT"),
        (app_view(connection=ConnectionView(Link.CONNECTING, Link.ONLINE)), good, "SESSION-OFFLINE"),
        (app_view(connection=ConnectionView(Link.ONLINE, Link.CONNECTING)), good, "SESSION-NO-CHAIN"),
    ]
    for view, amounts, code in cases:
        reason = allocation.obstacle(view, amounts)  # type: ignore[arg-type]
        assert reason is not None
        assert reason.code == code


def test_an_empty_wallet_is_seen() -> None:
    poor = tuple(replace(row, wallet=0) for row in WALLET)
    assert allocation.empty(allocation.choices(app_view(wallet=poor)))
    assert not allocation.empty(allocation.choices(app_view()))


def test_orders_on_their_way_stand_before_older_ones_and_ended_ones_are_gone() -> None:
    given = (
        order(1),
        order(2, status=OrderStatus.FILLED),
        order(3, status=OrderStatus.CANCELLED),
        order(4, status=OrderStatus.SUBMITTED, filled=0),
        order(5, "sell", filled=25 * 10**16),
    )
    lines = ledger.open_orders(channel(orders=given), BY_NAME)
    assert [line.order.id[0] for line in lines] == [5, 4, 1]
    sell, submitted, buy = lines
    assert (sell.filled(), sell.locked()) == ("25 %", "0.7500 ETH")
    assert submitted.locked() == "–"  # not in a state yet
    assert buy.locked() == "3\u202f000.00 USDT"
    assert buy.total() == "3\u202f000.00"
    assert ledger.open_orders(None, BY_NAME) == ()


def test_every_status_of_an_order_has_a_word() -> None:
    assert set(ledger.STATUS) == set(OrderStatus)


def test_an_order_of_an_unknown_market_is_still_shown() -> None:
    line = ledger.OrderLine(order(1), None)
    assert (line.price(), line.total(), line.locked()) == ("3000000000", "–", "–")


def test_fills_newest_first() -> None:
    lines = ledger.fills(channel(fills=(fill(3), fill(1), fill(2, "sell"))), BY_NAME)
    assert [line.fill.increment for line in lines] == [99, 98, 97]
    assert lines[0].fee() == "0.00010000 ETH"
    assert lines[1].fee() == "0.300000 USDT"
    assert lines[0].total() == "300.00"


def test_flags_wait_for_a_decision_newest_first() -> None:
    newer, decided = replace(FLAG, id=3), replace(FLAG, id=2, resolved=True)
    assert [flag.id for flag in ledger.unresolved((FLAG, decided, newer))] == [3, 1]
    assert ledger.cost_text(FLAG) == "10.000000 USDT"
    assert "nothing that can be counted" in ledger.cost_text(replace(FLAG, cost=()))


ETH_HEX, USDT_HEX, ORDER_HEX = "0x" + ETH.address.hex(), "0x" + USDT.address.hex(), "0x" + "01" * 32


def test_a_state_is_told_as_old_and_new() -> None:
    old = [
        1,
        [[ETH_HEX, "1000000000000000000", "0"], [USDT_HEX, "7000000", "3000000"]],
        [[ORDER_HEX, ETH_HEX, USDT_HEX, "buy", "3000000000", "1000000000000000", "0"]],
        [[ETH_HEX, "0", "0"], [USDT_HEX, "0", "0"]],
    ]
    new = [
        2,
        [[ETH_HEX, "1001000000000000000", "0"], [USDT_HEX, "7000000", "0"]],
        [],
        [[ETH_HEX, "0", "1000000000000000"], [USDT_HEX, "3000000", "0"]],
    ]
    changes = {change.what: change for change in compare(old, new, Names.of((ETH, USDT), (ETH_USDT,)))}
    assert (changes["Increment"].old, changes["Increment"].new) == ("1", "2")
    assert changes["ETH available"].difference == "+0.001"
    assert (changes["USDT locked"].difference, changes["USDT locked"].tone) == ("−3", "down")
    assert not changes["USDT available"].changed
    assert changes["ETH outcome"].difference == "+0.001"
    assert changes["USDT outcome"].difference == "−3"
    row = changes["Buy ETH/USDT @ 3\u202f000.00"]
    assert (row.old, row.new, row.difference) == ("0 / 0.001", "–", "gone")


def test_the_first_state_has_no_old_side_and_strangers_keep_their_address() -> None:
    unknown = "0x" + "77" * 20
    changes = compare(None, [0, [[unknown, "5", "0"]], [], [[unknown, "0", "0"]]], Names({}, {}))
    assert changes[0].old == "–"
    assert changes[1].what == "0x77777777… available"
    assert (changes[1].old, changes[1].new) == ("–", "5")


def test_asked_words_are_distinct_and_in_order() -> None:
    assert onboarding.asked_words(12, [11, 11, 11]) == (0, 2, 11)
    assert len(set(onboarding.asked_words(12, [5, 5, 0]))) == onboarding.ASKED
    phrase = "legal winner thank"
    assert onboarding.wrong_words(phrase, {0: " LEGAL ", 2: "thanks"}) == (2,)
    assert onboarding.tidy_phrase("  Legal\n winner\tTHANK ") == phrase


def test_password_pairs() -> None:
    assert onboarding.password_reason("long enough", "long enough") is None
    codes = [onboarding.password_reason(*pair) for pair in (("", ""), ("short", "short"), ("long enough", "other"))]
    assert [reason.code for reason in codes if reason] == [
        "NEW-PASSWORD-EMPTY",
        "NEW-PASSWORD-SHORT",
        "NEW-PASSWORD-DIFFERS",
    ]


@pytest.mark.parametrize(
    ("facts", "key", "value", "tone"),
    [
        ({"offline_safe": 86_400}, "away", "for 1 d", "plain"),
        ({"offline_safe": 7_199}, "away", "for 1 h", "plain"),
        ({"offline_safe": 59, "phase": Phase.DISPUTED}, "away", "for 59 s", "bad"),
        ({"offline_safe": 0, "phase": Phase.DISPUTED}, "away", "for 0 s", "bad"),
        ({"offline_safe": 0, "phase": Phase.WITHDRAWN}, "away", "–", "plain"),
        ({"awaiting": "broker"}, "state", "#118 · broker signs next", "warn"),
        ({"awaiting": "trader"}, "state", "#118 · you sign next", "warn"),
        ({"note": "RESTORED", "awaiting": "broker"}, "state", "#118 · restored", "bad"),
        ({"note": "RES-FORK"}, "state", "#118 · key used elsewhere", "bad"),
        ({"note": "HELD"}, "state", "#118 · held", "warn"),
    ],
)
def test_the_strip_says_how_a_channel_stands(facts: dict[str, object], key: str, value: str, tone: str) -> None:
    view = app_view()
    assert view.channel is not None
    shown = cells(replace(view, channel=replace(view.channel, **facts)))[key]  # type: ignore[arg-type]
    assert (shown.value, shown.tone) == (value, tone)
    assert shown.tip
