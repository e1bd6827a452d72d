"""The order ticket without a screen: what was typed, what it would do, and why it can't be sent. Pure.

Everything is in base units. A reason is a code of the message catalogue with its parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from wallet.app.snapshots import (
    AppView,
    BalanceView,
    BookView,
    ChannelView,
    Link,
    MarketInfo,
    OrderStatus,
    Phase,
)
from wallet.gui.models.book import best
from wallet.gui.models.figures import (
    amount_text,
    asset_amount,
    input_text,
    notional,
    parse_price,
    parse_quantity,
    price_text,
)
from wallet.gui.models.funds import in_session
from wallet.gui.models.settings import LIFETIME, SLIPPAGE
from wallet.gui.models.sweep import Estimate, affordable, sweep
from wallet.market.protection import protection
from wallet.protocol.amounts import MAX_AMOUNT, PPM, parse_decimal
from wallet.protocol.errors import WalletError

LIMIT, IOC, FOK, POST_ONLY = "good_till_time", "immediate_or_cancel", "fill_or_kill", "post_only"
MARKET = "market"  # no order of the protocol's: an immediate-or-cancel with a price of protection
AT_ONCE = (IOC, FOK, MARKET)
KINDS = (
    (LIMIT, "Limit", "Rests in the book until it is filled, cancelled or expires"),
    (MARKET, "Market", "Takes from the book at once, never worse than the slippage you allow"),
    (IOC, "IOC", "Immediate or cancel: trades at once up to its limit; the rest is cancelled"),
    (FOK, "FOK", "Fill or kill: trades at once and whole, or not at all"),
    (POST_ONLY, "Post", "Post-only: only ever rests, refused if it would trade at once"),
)
FAR_PERCENT = 5  # a limit this far through the book is more likely a slip than a wish
PENDING = (OrderStatus.STAGED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the user has put in so far. ``total`` is not empty while it leads and the amount follows from it."""

    side: str = "buy"
    kind: str = LIMIT
    price: str = ""
    amount: str = ""
    total: str = ""
    cap: int = SLIPPAGE.default  # ppm through the best price that a market order accepts
    lifetime: int = LIFETIME.default  # seconds that a resting order lives
    consent: bool = False  # the box is ticked that a dear market order asks for
    when: str = ""  # "stop_loss" or "take_profit": a market order that waits for the price

    @property
    def trigger(self) -> str:
        """What it waits for; "" if it goes at once."""
        return self.when if self.kind == MARKET else ""


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as it goes to the backend: integers in base units, ``lifetime`` in seconds.

    ``client_id`` names the press of the button: the same one never places two orders.
    """

    market: str
    side: str
    price: int
    amount: int
    time_in_force: str
    lifetime: int
    client_id: str = ""
    trigger: str = ""  # what sets it off, for one that waits: then ``price`` is where, and ``cap`` its slippage in ppm
    cap: int = 0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the button is disabled: a code and its parameters; ``field`` is the input it is about."""

    code: str
    params: dict[str, object] = field(default_factory=dict)
    field: str = ""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What sending the draft would do, as far as that can be said yet."""

    price: int | None = None
    amount: int | None = None
    total: int | None = None
    fee: int | None = None  # at most, in the asset received
    receives: int | None = None  # at least, in the asset received, once filled
    locked_after: int | None = None  # of the asset paid with
    available_after: int | None = None
    collateral_after: int | None = None  # of the asset received: what the broker's collateral still covers then
    estimate: Estimate | None = None  # of what would be taken from the book at once
    reason: Reason | None = None
    hint: Reason | None = None  # worth knowing, no obstacle


@dataclass(frozen=True, slots=True)
class Situation:
    """What the ticket knows of the world."""

    market: MarketInfo
    channel: ChannelView | None = None
    broker: Link = Link.OFFLINE
    flagged: bool = False
    stopped: bool = False
    book: BookView | None = None

    @staticmethod
    def of(view: AppView, market: MarketInfo, book: BookView | None) -> Situation:
        flagged = any(not flag.resolved for flag in view.flags)
        channel = view.channel if in_session(view) else None
        return Situation(market, channel, view.connection.broker, flagged, view.stopped, book)

    def balance(self, asset: bytes) -> BalanceView | None:
        rows = self.channel.balances if self.channel else ()
        return next((row for row in rows if row.asset.address == asset), None)

    def spendable(self, side: str) -> int:
        """Available of the asset paid with, less what orders on their way will lock."""
        paid = self.market.quote if side == "buy" else self.market.base
        row = self.balance(paid.address)
        return max(row.available - self._pending(side), 0) if row else 0

    def _pending(self, side: str) -> int:
        held = 0
        for order in self.channel.orders if self.channel else ():
            if order.status in PENDING and order.side == side and order.market == self.market.name:
                held += notional(self.market, order.price, order.amount) if side == "buy" else order.amount
        return held

    def room(self, side: str) -> int:
        """How much of the asset received the broker's collateral still covers."""
        received = self.market.base if side == "buy" else self.market.quote
        row = self.balance(received.address)
        return max(row.collateral_left, 0) if row else 0


def assess(draft: Draft, now: Situation) -> Assessment:
    """Everything the ticket shows below its fields, and the first reason why it can't be sent."""
    price, wrong_price = limit_of(draft, now)
    amount, wrong_amount = read_amount(draft, now)
    known = _figures(draft, now, price, amount) if price and amount and price * amount <= MAX_AMOUNT else Assessment()
    reason = (
        closed(now)
        or wrong_price
        or _price_reason(draft, now, price)
        or wrong_amount
        or amount_reason(draft, now, price, amount)
        or _consent_reason(draft, known.estimate)
    )
    hint = _hint(draft, now, price, known.estimate) if price and reason is None else None
    return replace(known, price=price, amount=amount, reason=reason, hint=hint)


def wish(draft: Draft, now: Situation) -> Wish | None:
    """The order as it would be sent now; None while there is a reason against it."""
    result = assess(draft, now)
    if result.reason is not None or result.price is None or result.amount is None:
        return None
    kind = IOC if draft.kind == MARKET else draft.kind
    return Wish(now.market.name, draft.side, result.price, result.amount, kind, draft.lifetime)


def limit_of(draft: Draft, now: Situation) -> tuple[int | None, Reason | None]:
    """The worst price the draft accepts: what was typed, or a market order's price of protection."""
    if draft.kind != MARKET:
        return read_price(draft, now)
    if draft.trigger:
        at, wrong = read_price(draft, now)
        return protection(now.market.tick_size, at, draft.side, draft.cap) if at else at, wrong
    first = best(now.book, draft.side)
    if first is None or now.book is None or now.book.stale:
        return None, Reason("TICKET-NO-BOOK")
    return protection(now.market.tick_size, first, draft.side, draft.cap), None


def led_by_total(draft: Draft, now: Situation) -> Draft:
    """The draft with the amount that its total pays for, while the total leads."""
    if not draft.total.strip():
        return draft
    value, wrong = _read(draft.total, lambda text: parse_decimal(text, now.market.quote.decimals), "total")
    price, unknown = limit_of(draft, now)
    if wrong or unknown or not value or not price:
        return replace(draft, amount="")
    if draft.kind == MARKET and not draft.trigger and now.book is not None:
        amount = affordable(now.book, now.market, draft.side, value, price)
    else:
        amount = value * now.market.unit // price
        amount -= amount % now.market.lot_size
    return replace(draft, amount=input_text(amount_text(now.market, amount)))


def largest(draft: Draft, now: Situation, percent: int) -> int | None:
    """The most whole lots that ``percent`` of what is available pays for, within the collateral; None: no price yet.

    The fee is taken from what is received, so it leaves the whole balance usable.
    """
    market = now.market
    budget = now.spendable(draft.side) * percent // 100
    price, wrong = limit_of(draft, now)
    if draft.side == "buy":
        if wrong or not price:
            return None
        amount = min(budget * market.unit // price, now.room("buy"))
    else:
        amount = budget if wrong or not price else min(budget, now.room("sell") * market.unit // price)
    return amount - amount % market.lot_size


def takes(draft: Draft, now: Situation, price: int) -> bool:
    """Whether the order would trade at once against what stands in the book."""
    other = best(now.book, draft.side)
    return other is not None and (price >= other if draft.side == "buy" else price <= other)


def read_price(draft: Draft, now: Situation) -> tuple[int | None, Reason | None]:
    """The price that was typed."""
    return _read(draft.price, lambda text: parse_price(now.market, text), "price")


def read_amount(draft: Draft, now: Situation) -> tuple[int | None, Reason | None]:
    """The amount that was typed."""
    return _read(draft.amount, lambda text: parse_quantity(now.market, text), "amount")


def _read(text: str, parse: Callable[[str], int], where: str) -> tuple[int | None, Reason | None]:
    if not text.strip():
        return None, None
    try:
        return parse(text), None
    except WalletError as error:
        return None, Reason(error.code, dict(error.params), where)


def _figures(draft: Draft, now: Situation, price: int, amount: int) -> Assessment:
    market = now.market
    buys = draft.side == "buy"
    total = notional(market, price, amount)
    gross = amount if buys else total
    rate = market.maker_fee if draft.kind == POST_ONLY else max(market.taker_fee, market.maker_fee)
    if now.channel is not None:
        rate = min(rate, now.channel.max_fee)
    fee = gross * rate // PPM
    paid = market.quote if buys else market.base
    row = now.balance(paid.address)
    cost = total if buys else amount
    taken = sweep(now.book, market, draft.side, amount, price) if now.book and draft.kind != POST_ONLY else None
    if draft.kind == MARKET and taken is not None:
        total = taken.value
        gross = taken.filled if buys else taken.value
        fee = gross * rate // PPM
    return Assessment(
        total=total,
        fee=fee,
        receives=gross - fee,
        locked_after=row.locked + cost if row else None,
        available_after=row.available - cost if row else None,
        collateral_after=now.room(draft.side) - gross if now.channel else None,
        estimate=taken,
    )


def closed(now: Situation) -> Reason | None:
    """Why nothing can be sent at all."""
    channel = now.channel
    if channel is None:
        return Reason("TICKET-NO-SESSION")
    if now.flagged or channel.phase is Phase.FLAGGED:
        return Reason("TICKET-FLAGGED")
    if channel.phase in (Phase.REQUESTED, Phase.AGREED, Phase.OPENING):
        return Reason("TICKET-OPENING")
    if channel.phase is not Phase.OPEN:
        return Reason("TICKET-LEAVING")
    if channel.recovery is not None:
        return Reason("TICKET-RECOVERING")
    if now.stopped:
        return Reason("STOPPED")
    if now.broker is not Link.ONLINE:
        return Reason("TICKET-OFFLINE")
    return None


def _price_reason(draft: Draft, now: Situation, price: int | None) -> Reason | None:
    market = now.market
    if draft.kind == MARKET:
        return None  # made of the book, on tick
    if price is None:
        return Reason("TICKET-PRICE-EMPTY", {"quote": market.quote.symbol}, "price")
    if price == 0:
        return Reason("TICKET-PRICE-ZERO", {}, "price")
    if price % market.tick_size:
        return Reason("TICKET-TICK", {"tick": price_text(market, market.tick_size)}, "price")
    if draft.kind == POST_ONLY and takes(draft, now, price):
        other = best(now.book, draft.side) or 0
        return Reason("TICKET-WOULD-TAKE", {"best": price_text(market, other)}, "price")
    return None


def _consent_reason(draft: Draft, estimate: Estimate | None) -> Reason | None:
    """A market order that is dear, or that the book can't fill within its cap, asks for a tick."""
    if draft.kind != MARKET or draft.consent:
        return None
    if estimate is None or not estimate.whole:
        return Reason("TICKET-THIN", {"percent": percent_text(draft.cap)}, "consent")
    if estimate.needs_consent:
        return Reason("TICKET-DEAR", {"percent": percent_text(estimate.slippage)}, "consent")
    return None


def _hint(draft: Draft, now: Situation, price: int, estimate: Estimate | None) -> Reason | None:
    if draft.kind == MARKET:
        dear = estimate is not None and estimate.is_dear
        return Reason("TICKET-SLIPS", {"percent": percent_text(estimate.slippage)}) if dear and estimate else None
    other = best(now.book, draft.side)
    if other is None:
        return None
    through = (price - other if draft.side == "buy" else other - price) * 100
    if through > FAR_PERCENT * other:
        return Reason("TICKET-FAR", {"percent": FAR_PERCENT, "best": price_text(now.market, other)}, "price")
    if draft.kind in AT_ONCE and not takes(draft, now, price):
        return Reason("TICKET-WOULD-MISS", {"best": price_text(now.market, other)}, "price")
    if draft.kind == FOK and (estimate is None or not estimate.whole):
        return Reason("TICKET-NOT-WHOLE", {}, "amount")
    if draft.kind == LIMIT and takes(draft, now, price):
        return Reason("TICKET-TAKES", {}, "price")
    return None


def percent_text(ppm: int) -> str:
    """Parts per million as percent with two decimals at most, rounded up: ``1.25``."""
    hundredths = -(-ppm // 100)
    return f"{hundredths // 100}.{hundredths % 100:02}".rstrip("0").rstrip(".")


def amount_reason(draft: Draft, now: Situation, price: int | None, amount: int | None) -> Reason | None:
    """What is wrong with the amount of an order that may cost as much as ``price`` says."""
    market = now.market
    if amount is None or price is None:
        return Reason("TICKET-AMOUNT-EMPTY", {"base": market.base.symbol}, "amount")
    if amount == 0:
        return Reason("TICKET-AMOUNT-ZERO", {}, "amount")
    if amount % market.lot_size:
        return Reason("TICKET-LOT", {"lot": amount_text(market, market.lot_size)}, "amount")
    if price * amount > MAX_AMOUNT:
        return Reason("ORD-OVERFLOW", {}, "amount")
    total = notional(market, price, amount)
    if total < market.min_notional:
        return Reason("TICKET-MINIMUM", {"least": asset_amount(market.quote, market.min_notional, 2)}, "amount")
    cost, paid = (total, market.quote) if draft.side == "buy" else (amount, market.base)
    spendable = now.spendable(draft.side)
    if cost > spendable:
        return Reason("TICKET-FUNDS", {"available": asset_amount(paid, spendable)}, "amount")
    gained, received = (amount, market.base) if draft.side == "buy" else (total, market.quote)
    room = now.room(draft.side)
    if gained > room:
        return Reason("TICKET-COLLATERAL", {"left": asset_amount(received, room)}, "amount")
    return None
