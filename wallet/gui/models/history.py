"""One state against its predecessor, read from the seed's arrays: what changed, line by line. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wallet.app.snapshots import AssetInfo, MarketInfo
from wallet.gui.models.figures import NONE, amount_text, compact, fixed, price_text, signed

TRANSITIONS = {
    "setup": "Setup",
    "create_order": "Create order",
    "trade": "Trade",
    "cancel_order": "Cancel order",
    "yield": "Yield",
    "void": "Void (refused)",
    "finalize": "Finalize",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a state: what it is about, old, new, and the difference; ``changed`` for emphasis."""

    what: str
    old: str
    new: str
    difference: str
    tone: str  # up, down or plain
    changed: bool


@dataclass(frozen=True, slots=True)
class Names:
    """How addresses are called: assets and markets the application knows."""

    assets: Mapping[bytes, AssetInfo]
    markets: Mapping[tuple[bytes, bytes], MarketInfo]

    @staticmethod
    def of(assets: Sequence[AssetInfo], markets: Sequence[MarketInfo]) -> Names:
        return Names(
            {asset.address: asset for asset in assets},
            {(market.base.address, market.quote.address): market for market in markets},
        )

    def asset(self, text: str) -> AssetInfo:
        address = _bytes(text)
        return self.assets.get(address) or AssetInfo(address, text[:10] + "…", 0, verified=False)


def compare(old: Sequence[Any] | None, new: Sequence[Any], names: Names) -> tuple[Change, ...]:
    """Balances, open orders and outcomes of ``new`` against ``old`` (None: there is no predecessor)."""
    before: Sequence[Any] = old if old is not None else [None, [], [], []]
    changes = [_number("Increment", before[0], new[0])]
    changes += _balances(before[1], new[1], names)
    changes += _orders(before[2], new[2], names)
    changes += _outcomes(before[3], new[3], names)
    return tuple(changes)


@dataclass(frozen=True, slots=True)
class Standing:
    """One asset as a state left it, in words: what settling on it would pay is the last."""

    asset: str
    available: str
    locked: str
    outcome: str
    pays: str
    tone: str


def standings(array: Sequence[Any], pays: Sequence[Sequence[str]], names: Names) -> tuple[Standing, ...]:
    """The balances of a state; ``pays`` are rows of asset and base units."""
    outcomes = {row[0]: int(row[2]) - int(row[1]) for row in array[3]}
    paid = {row[0]: int(row[1]) for row in pays}
    shown = []
    for address, available, locked in array[1]:
        asset, outcome = names.asset(address), outcomes.get(address, 0)
        shown.append(
            Standing(
                asset.symbol,
                compact(fixed(int(available), asset.decimals)),
                compact(fixed(int(locked), asset.decimals)),
                compact(signed(outcome, asset.decimals)),
                compact(fixed(paid[address], asset.decimals)) if address in paid else NONE,
                "up" if outcome > 0 else "down" if outcome < 0 else "text",
            )
        )
    return tuple(shown)


def _number(what: str, old: int | None, new: int) -> Change:
    return Change(what, NONE if old is None else str(old), str(new), "", "plain", old != new)


def _balances(old: Sequence[Any], new: Sequence[Any], names: Names) -> list[Change]:
    before = {row[0]: row for row in old}
    changes = []
    for row in new:
        asset = names.asset(row[0])
        earlier = before.get(row[0])
        for column, word in ((1, "available"), (2, "locked")):
            was = int(earlier[column]) if earlier else None
            changes.append(_amount(f"{asset.symbol} {word}", asset, was, int(row[column])))
    return changes


def _outcomes(old: Sequence[Any], new: Sequence[Any], names: Names) -> list[Change]:
    before = {row[0]: int(row[2]) - int(row[1]) for row in old}
    changes = []
    for row in new:
        asset = names.asset(row[0])
        changes.append(_amount(f"{asset.symbol} outcome", asset, before.get(row[0]), int(row[2]) - int(row[1])))
    return changes


def _amount(what: str, asset: AssetInfo, old: int | None, new: int) -> Change:
    step = new - (old or 0)
    return Change(
        what=what,
        old=NONE if old is None else compact(fixed(old, asset.decimals)),
        new=compact(fixed(new, asset.decimals)),
        difference=compact(signed(step, asset.decimals)) if step else "",
        tone="up" if step > 0 else "down" if step < 0 else "plain",
        changed=bool(step),
    )


def _orders(old: Sequence[Any], new: Sequence[Any], names: Names) -> list[Change]:
    before, after = {row[0]: row for row in old}, {row[0]: row for row in new}
    changes = []
    for order_id in [*before, *(key for key in after if key not in before)]:
        was, now = before.get(order_id), after.get(order_id)
        row = now or was
        if row is None:
            continue
        change = "opened" if was is None else "gone" if now is None else "filled" if was != now else ""
        changes.append(
            Change(
                what=_order_name(row, names),
                old=_rest(was, names),
                new=_rest(now, names),
                difference=change,
                tone="plain",
                changed=bool(change),
            )
        )
    return changes


def _order_name(row: Sequence[Any], names: Names) -> str:
    market = names.markets.get((_bytes(row[1]), _bytes(row[2])))
    if market is None:
        return f"Order {row[0][:10]}…"
    return f"{str(row[3]).capitalize()} {market.name} @ {price_text(market, int(row[4]))}"


def _rest(row: Sequence[Any] | None, names: Names) -> str:
    if row is None:
        return NONE
    market = names.markets.get((_bytes(row[1]), _bytes(row[2])))
    if market is None:
        return f"{row[6]} / {row[5]}"
    filled, amount = (compact(amount_text(market, int(row[at]))) for at in (6, 5))
    return f"{filled} / {amount}"


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return b""
