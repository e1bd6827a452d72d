"""Where the money is: the cards of the channel panel, and what leaving pays out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wallet.app.snapshots import AppView, AssetInfo, BalanceView, Phase
from wallet.gui.models.figures import exact, fixed, signed

PERMILLE = 1000
OVER = (Phase.NONE, Phase.WITHDRAWN, Phase.ABANDONED)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a card; ``key`` names the colour of its part of the bar, if it has one."""

    label: str
    value: str
    tone: str = "text"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One asset: its total, the lines it is made of, and the thin bar in permille."""

    asset: AssetInfo
    total: str
    lines: tuple[Line, ...]
    bar_first: int
    bar_second: int
    bar_mark: int  # where the allocation ends; 0: no mark
    tip: str


def in_session(view: AppView) -> bool:
    return view.channel is not None and view.channel.phase not in OVER


def cards(view: AppView) -> tuple[Card, ...]:
    """Of the running session; without one, of the wallet itself."""
    if view.channel is not None and in_session(view):
        return tuple(_session_card(row) for row in view.channel.balances)
    return tuple(_wallet_card(row) for row in view.wallet)


def _session_card(row: BalanceView) -> Card:
    asset = row.asset
    longest = max(row.total, row.allocation, 1)
    tone = "up" if row.outcome > 0 else "down" if row.outcome < 0 else "text"
    arrow = {"up": "▲ ", "down": "▼ "}.get(tone, "")
    account = row.wallet + row.free + row.credit
    return Card(
        asset=asset,
        total=fixed(row.total, asset.decimals),
        lines=(
            Line("Available", fixed(row.available, asset.decimals), key="accent"),
            Line("Locked in orders", fixed(row.locked, asset.decimals), key="held"),
            Line("Outcome", arrow + signed(row.outcome, asset.decimals), tone),
            Line("Collateral left", fixed(row.collateral_left, asset.decimals), "muted"),
            Line("Outside this session", fixed(account, asset.decimals), "muted"),
        ),
        bar_first=PERMILLE * row.available // longest,
        bar_second=PERMILLE * row.locked // longest,
        bar_mark=PERMILLE * row.allocation // longest,
        tip="\n".join(
            (
                f"Allocated: {exact(asset, row.allocation)}",
                f"Available: {exact(asset, row.available)}",
                f"Locked in open orders: {exact(asset, row.locked)} (free again when they are filled or cancelled)",
                f"Outcome so far: {exact(asset, row.outcome)}",
                f"Collateral left: {exact(asset, row.collateral_left)} (the most you can still gain in this session)",
                f"In your own account: {exact(asset, row.wallet)}",
                f"Deposited with the contract, in no session: {exact(asset, row.free)}",
                f"Settled, to be withdrawn: {exact(asset, row.credit)}",
            )
        ),
    )


def _wallet_card(row: BalanceView) -> Card:
    asset = row.asset
    total = row.wallet + row.free + row.credit
    lines = [Line("In your account", fixed(row.wallet, asset.decimals), key="accent")]
    if row.free:
        lines.append(Line("Deposited, in no session", fixed(row.free, asset.decimals), key="held"))
    if row.credit:
        lines.append(Line("To be withdrawn", fixed(row.credit, asset.decimals), key="held"))
    return Card(
        asset=asset,
        total=fixed(total, asset.decimals),
        lines=tuple(lines),
        bar_first=PERMILLE * row.wallet // max(total, 1),
        bar_second=PERMILLE * (row.free + row.credit) // max(total, 1),
        bar_mark=0,
        tip=f"In your own account on chain: {exact(asset, row.wallet)}",
    )


@dataclass(frozen=True, slots=True)
class Payout:
    """One line of what leaving pays."""

    asset: AssetInfo
    amount: int
    change: int  # against the allocation


def payouts(balances: Sequence[BalanceView]) -> tuple[Payout, ...]:
    """What the last state signed by both pays the owner, per asset: the same by closing together or alone."""
    return tuple(Payout(row.asset, row.allocation + row.outcome, row.outcome) for row in balances)
