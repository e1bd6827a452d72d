"""What a session has brought: realised by what was sold again, unrealised against the middle of the book. Pure.

Integers alone. Each market keeps a position (base) and what it cost (quote). A fill that makes the position smaller
takes its share of the cost with it; what it brought beyond that is realised. So, with every figure an integer:
realised + unrealised = quote that came in − quote that went out + what the position is worth now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wallet.app.snapshots import AssetInfo, BalanceView, BookView, ChannelView, FillView, MarketInfo
from wallet.gui.models.figures import NONE, amount_text, compact, fixed, notional, price_text, signed


@dataclass(frozen=True, slots=True)
class Position:
    """Of one market. ``held`` base units (below zero: sold short), ``cost`` quote units that it stands for."""

    held: int = 0
    cost: int = 0
    realised: int = 0

    def moved(self, base: int, quote: int) -> Position:
        """After ``base`` came in and ``quote`` went out (or the other way about, both below zero)."""
        if self.held == 0 or (self.held > 0) == (base > 0):
            return replace(self, held=self.held + base, cost=self.cost + quote)
        if abs(base) >= abs(self.held):  # all of it, and perhaps on to the other side
            first = quote * self.held // -base if base else 0
            return Position(self.held + base, quote - first, self.realised - self.cost - first)
        part = self.cost * -base // self.held
        return Position(self.held + base, self.cost - part, self.realised - part - quote)

    def unrealised(self, market: MarketInfo, mid: int) -> int:
        return notional(market, mid, self.held) - self.cost


def flow(market: MarketInfo, fill: FillView) -> tuple[int, int]:
    """(base that came in, quote that went out) by a fill, its fee included; both below zero for a sale."""
    gross = notional(market, fill.price, fill.quantity)
    if fill.side == "buy":
        return fill.quantity - fill.fee, gross
    return -fill.quantity, fill.fee - gross


def middle(book: BookView) -> int | None:
    """Between the best bid and the best ask, rounded down; None where one of them is missing."""
    return (book.bids[0][0] + book.asks[0][0]) // 2 if book.bids and book.asks else None


def worth(
    asset: AssetInfo, amount: int, quote: AssetInfo, markets: Iterable[MarketInfo], mids: Mapping[str, int]
) -> int | None:
    """``amount`` in the chosen quote, rounded down, by the one market between the two; None where there is none."""
    if asset.address == quote.address:
        return amount
    for market in markets:
        mid = mids.get(market.name)
        if not mid:
            continue
        if (market.base.address, market.quote.address) == (asset.address, quote.address):
            return notional(market, mid, amount)
        if (market.quote.address, market.base.address) == (asset.address, quote.address):
            return amount * market.unit // mid
    return None


@dataclass(frozen=True, slots=True)
class AssetResult:
    """One asset: what it won or lost, that in the chosen quote, and how much more the collateral covers."""

    asset: AssetInfo
    outcome: int
    value: int | None
    collateral_left: int


@dataclass(frozen=True, slots=True)
class MarketResult:
    market: MarketInfo
    position: Position
    mid: int | None
    fills: int

    @property
    def unrealised(self) -> int | None:
        return None if self.mid is None else self.position.unrealised(self.market, self.mid)


@dataclass(frozen=True, slots=True)
class Result:
    """``total`` is what all outcomes are worth now in ``quote``; None while a price is missing.

    ``points``: Unix seconds and the result then, by the prices of the fills until then; the last by the middle now.
    """

    quote: AssetInfo
    assets: tuple[AssetResult, ...]
    markets: tuple[MarketResult, ...]
    total: int | None
    points: tuple[tuple[int, int], ...]


def quotes(markets: Iterable[MarketInfo]) -> tuple[AssetInfo, ...]:
    """In what a result can be told: whatever a market is quoted in, then the rest."""
    rows = tuple(markets)
    found = {asset.address: asset for asset in (*(row.quote for row in rows), *(row.base for row in rows))}
    return tuple(found.values())


def result(
    channel: ChannelView, markets: Sequence[MarketInfo], mids: Mapping[str, int], quote: AssetInfo, now: int
) -> Result:
    rows = tuple(_asset(row, quote, markets, mids) for row in channel.balances)
    values = [row.value for row in rows]
    total = None if any(value is None for value in values) else sum(value or 0 for value in values)
    fills = sorted(channel.fills, key=lambda fill: (fill.increment, fill.time))
    by_name = {market.name: market for market in markets}
    points = curve(fills, by_name, quote)
    if total is not None and points:
        points = (*points, (max(now, points[-1][0]), total))
    traded = tuple(
        MarketResult(market, position_of(fills, market), mids.get(market.name), len(fills_of(fills, market)))
        for market in markets
    )
    return Result(quote, rows, tuple(row for row in traded if row.fills), total, points)


def _asset(row: BalanceView, quote: AssetInfo, markets: Sequence[MarketInfo], mids: Mapping[str, int]) -> AssetResult:
    value = worth(row.asset, row.outcome, quote, markets, mids) if row.outcome else 0
    return AssetResult(row.asset, row.outcome, value, row.collateral_left)


def fills_of(fills: Iterable[FillView], market: MarketInfo) -> list[FillView]:
    return [fill for fill in fills if fill.market == market.name]


def position_of(fills: Iterable[FillView], market: MarketInfo) -> Position:
    """After these fills, oldest first, of one market."""
    position = Position()
    for fill in fills_of(fills, market):
        position = position.moved(*flow(market, fill))
    return position


def curve(
    fills: Iterable[FillView], markets: Mapping[str, MarketInfo], quote: AssetInfo
) -> tuple[tuple[int, int], ...]:
    """The result after each fill, valued by the last fill of each market; what can't be valued is left out."""
    held: dict[bytes, tuple[AssetInfo, int]] = {}
    marks: dict[str, int] = {}
    points = []
    for fill in fills:
        market = markets.get(fill.market)
        if market is None:
            continue
        base, paid = flow(market, fill)
        for asset, step in ((market.base, base), (market.quote, -paid)):
            held[asset.address] = asset, held.get(asset.address, (asset, 0))[1] + step
        marks[fill.market] = fill.price
        known = (worth(asset, amount, quote, markets.values(), marks) for asset, amount in held.values())
        points.append((fill.time, sum(value for value in known if value is not None)))
    return tuple(points)


# --- in words ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResultLine:
    """A row of the table; amounts as text, each with its tone."""

    what: str
    held: str
    average: str
    realised: str
    realised_tone: str
    unrealised: str
    unrealised_tone: str
    value: str
    value_tone: str
    left: str


def lines(shown: Result) -> tuple[ResultLine, ...]:
    """Markets first (position, average price, realised, unrealised), then assets (outcome, worth, collateral left)."""
    found = []
    for row in shown.markets:
        market, place = row.market, row.market.quote
        open_ = row.unrealised
        total = None if open_ is None else row.position.realised + open_
        found.append(
            ResultLine(
                market.name,
                compact(amount_text(market, row.position.held)) + f" {market.base.symbol}",
                _average(row),
                *_money(place, row.position.realised),
                *_money(place, open_),
                *_money(place, total),
                "",
            )
        )
    for item in shown.assets:
        asset = item.asset
        found.append(
            ResultLine(
                asset.symbol,
                compact(signed(item.outcome, asset.decimals)),
                *("", "", "text", "", "text"),
                *_money(shown.quote, item.value),
                compact(fixed(item.collateral_left, asset.decimals)),
            )
        )
    return tuple(found)


def total_text(shown: Result) -> tuple[str, str]:
    """The result in words, and its tone."""
    return _money(shown.quote, shown.total)


def _average(row: MarketResult) -> str:
    held, market = row.position.held, row.market
    return price_text(market, row.position.cost * market.unit // held) if held else NONE


def _money(asset: AssetInfo, amount: int | None) -> tuple[str, str]:
    if amount is None:
        return NONE, "muted"
    arrow, tone = ("▲ ", "up") if amount > 0 else ("▼ ", "down") if amount < 0 else ("", "text")
    return f"{arrow}{signed(amount, asset.decimals, min(asset.decimals, 2))} {asset.symbol}", tone
