"""Price and amount of the ticket up and down, by tick and by lot. Pure."""

from __future__ import annotations

from wallet.gui.models.book import best
from wallet.gui.models.figures import amount_text, input_text, price_text
from wallet.gui.models.ticket import Draft, Situation, read_amount, read_price


def step_price(draft: Draft, now: Situation, steps: int) -> str:
    """The price ``steps`` ticks up or down, kept on tick; an empty field starts at the best price."""
    market = now.market
    price, wrong = read_price(draft, now)
    if wrong or price is None:
        start = best(now.book, draft.side)
        return input_text(price_text(market, start)) if start else draft.price
    moved = _stepped(price, market.tick_size, steps)
    return input_text(price_text(market, moved))


def step_amount(draft: Draft, now: Situation, steps: int) -> str:
    """The amount ``steps`` lots up or down, kept on lot."""
    market = now.market
    amount, wrong = read_amount(draft, now)
    moved = _stepped(0 if wrong or amount is None else amount, market.lot_size, steps)
    return input_text(amount_text(market, moved))


def _stepped(value: int, step: int, steps: int) -> int:
    down, off = divmod(value, step)
    if off:  # the first step goes to the next whole one
        steps += 1 if steps < 0 else 0
    return max((down + steps) * step, step)
