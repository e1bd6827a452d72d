"""What the broker risks in a channel, as pure functions: collateral it may come to owe, fills that wait for an ACK.

Source: design §4 (every fill without an ACK is an option its signer has written), §2 (``to_trader ≤ collateral``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wallet.protocol.state import OpenOrder, Side
from wallet.protocol.terms import Market, Terms
from wallet.protocol.transitions import Contents, market_of, received_asset

Pair = tuple[bytes, bytes]
HUNDRED = 100


def receivable(terms: Terms, row: OpenOrder, price: int | None = None) -> int:
    """The most the rest of an open order brings at its own limit (or ``price``), in the asset it receives."""
    rest = row.amount - row.filled
    if row.side == Side.BUY:
        return rest
    return market_of(terms, row).notional(row.price if price is None else price, rest)


def short_of_collateral(
    terms: Terms, contents: Contents, better: Mapping[bytes, int] | None = None
) -> tuple[bytes, int] | None:
    """The first asset, and by how much, in which the broker could come to owe more than its collateral; None if none.

    Counts what every open order could still bring, and nothing that any of them pays. ``better`` has prices above
    the limit at which some orders could sell now.
    """
    owed = {row.asset: row.to_trader - row.to_broker for row in contents.outcomes}
    for row in contents.open_orders:
        owed[received_asset(row)] += receivable(terms, row, (better or {}).get(row.id))
    for asset in terms.assets:
        short = owed[asset.asset] - asset.collateral
        if short > 0:
            return asset.asset, short
    return None


class Prices:
    """Values one asset in another at the markets' middle prices; integers, rounded down."""

    def __init__(self, markets: Iterable[tuple[Market, int]]) -> None:
        """``markets``: rules and middle price (quote base units per unit of base, above 0)."""
        self._markets = list(markets)

    def worth(self, amount: int, asset: bytes, other: bytes) -> int | None:
        """What ``amount`` of ``asset`` is worth in ``other``, directly or by one asset between; None if unknown."""
        if asset == other or amount == 0:
            return amount
        direct = self._direct(amount, asset, other)
        if direct is not None:
            return direct
        for market, _ in self._markets:
            for between in (market.base, market.quote):
                first = self._direct(amount, asset, between)
                second = None if first is None else self._direct(first, between, other)
                if second is not None:
                    return second
        return None

    def _direct(self, amount: int, asset: bytes, other: bytes) -> int | None:
        for market, price in self._markets:
            if (market.base, market.quote) == (asset, other):
                return amount * price // market.unit
            if (market.quote, market.base) == (asset, other):
                return amount * market.unit // price
        return None


def collateral_for(
    allocations: Mapping[bytes, int],
    prices: Prices,
    free: Mapping[bytes, int],
    least: Mapping[bytes, int],
    of_others: int,
    of_own: int,
) -> dict[bytes, int]:
    """Per asset what the broker puts up, in base units.

    A session may turn everything into one asset: ``of_others`` per cent of what the other allocations are worth in
    it, and ``of_own`` per cent of its own for profits; at least ``least``, at most what is ``free``.
    """
    offered = {}
    for asset, own in allocations.items():
        others = sum(prices.worth(amount, other, asset) or 0 for other, amount in allocations.items() if other != asset)
        wanted = (others * of_others + own * of_own) // HUNDRED
        offered[asset] = min(max(wanted, least.get(asset, 0)), max(free.get(asset, 0), 0))
    return offered
