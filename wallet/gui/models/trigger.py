"""Stop-loss and take-profit in the ticket: what was typed, what it would do, and why it can't be set. Pure.

A trigger is a market order that waits in this program: the ticket's price is then the one that sets it off.
"""

from __future__ import annotations

from dataclasses import replace

from wallet.app.snapshots import MarketInfo
from wallet.gui.models.book import best
from wallet.gui.models.figures import amount_text, notional, price_text
from wallet.gui.models.ticket import (
    IOC,
    Assessment,
    Draft,
    Reason,
    Situation,
    Wish,
    amount_reason,
    assess,
    closed,
    percent_text,
    read_amount,
    read_price,
    wish,
)
from wallet.market.protection import protection
from wallet.protocol.amounts import MAX_AMOUNT, PPM

NOW, STOP_LOSS, TAKE_PROFIT = "", "stop_loss", "take_profit"
WHEN = ((NOW, "At once"), (STOP_LOSS, "As stop-loss"), (TAKE_PROFIT, "As take-profit"))
NAMES = {STOP_LOSS: "stop-loss", TAKE_PROFIT: "take-profit"}
WHEN_HELP = "A stop-loss or take-profit waits in this program, and works only while it runs."


def rising(side: str, kind: str) -> bool:
    """Whether it waits for the price to rise: a stop of who would buy, a target of who would sell."""
    return (side == "buy") == (kind == STOP_LOSS)


def assess_any(draft: Draft, now: Situation) -> Assessment:
    """What sending the draft would do, be it at once or as a trigger."""
    return _assess(draft, now) if draft.trigger else assess(draft, now)


def wish_any(draft: Draft, now: Situation) -> Wish | None:
    """The order or trigger as it would be sent now; None while there is a reason against it."""
    if not draft.trigger:
        return wish(draft, now)
    found = _assess(draft, now)
    if found.reason is not None or found.price is None or found.amount is None:
        return None
    name = now.market.name
    return Wish(name, draft.side, found.price, found.amount, IOC, draft.lifetime, trigger=draft.trigger, cap=draft.cap)


def question(wanted: Wish, market: MarketInfo) -> tuple[str, str]:
    """What is asked before a trigger is set: the question, and what exactly it would do."""
    amount = f"{amount_text(market, wanted.amount)} {market.base.symbol}"
    price = f"{price_text(market, wanted.price)} {market.quote.symbol}"
    moved = "risen" if rising(wanted.side, wanted.trigger) else "fallen"
    done = "sold" if wanted.side == "sell" else "bought"
    text = (
        f"Once the price has {moved} to {price}, it is {done} at the market, at most {percent_text(wanted.cap)} % "
        "worse than the best price then; what can't be had so is cancelled. It works only while this program runs and "
        "is connected to the broker."
    )
    return f"Set a {NAMES[wanted.trigger]}: {wanted.side} {amount}?", text


def _assess(draft: Draft, now: Situation) -> Assessment:
    market = now.market
    at, wrong_price = read_price(draft, now)
    amount, wrong_amount = read_amount(draft, now)
    worst = protection(market.tick_size, at, draft.side, draft.cap) if at else None
    reason = (
        closed(now)
        or wrong_price
        or _price_reason(draft, now, at)
        or wrong_amount
        or amount_reason(draft, now, worst, amount)
    )
    known = Assessment()
    if at and amount and at * amount * (PPM + draft.cap) // PPM <= MAX_AMOUNT:
        known = _figures(draft, now, at, amount)
    hint = None
    if reason is None and at:
        way = "TRIGGER-RISES" if rising(draft.side, draft.trigger) else "TRIGGER-FALLS"
        hint = Reason(way, {"price": price_text(market, at), "percent": percent_text(draft.cap)})
    return replace(known, price=at, amount=amount, reason=reason, hint=hint)


def _figures(draft: Draft, now: Situation, at: int, amount: int) -> Assessment:
    """About what it would bring if it traded at its price."""
    total = notional(now.market, at, amount)
    gross = amount if draft.side == "buy" else total
    rate = max(now.market.taker_fee, now.market.maker_fee)
    fee = gross * (min(rate, now.channel.max_fee) if now.channel else rate) // PPM
    return Assessment(total=total, fee=fee, receives=gross - fee)


def _price_reason(draft: Draft, now: Situation, at: int | None) -> Reason | None:
    market = now.market
    if not at:
        return Reason("TRIGGER-PRICE", {"quote": market.quote.symbol}, "price")
    if at % market.tick_size:
        return Reason("TICKET-TICK", {"tick": price_text(market, market.tick_size)}, "price")
    first = best(now.book, draft.side)
    if first is None or now.book is None or now.book.stale:
        return Reason("TICKET-NO-BOOK")
    if first >= at if rising(draft.side, draft.trigger) else first <= at:
        return Reason("TRIGGER-REACHED", {"best": price_text(market, first)}, "price")
    return None
