"""Where the money is: the rows of the channel panel, and what leaving pays out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wallet.app.snapshots import AppView, AssetInfo, BalanceView
from wallet.gui.models.figures import exact, fixed, signed

PERMILLE = 1000


@dataclass(frozen=True, slots=True)
class FundsRow:
    """One asset: figures as text, and the thin bar in permille of the longer of allocation and total."""

    asset: AssetInfo
    total: str
    available: str
    locked: str
    outcome: str
    outcome_tone: str  # up, down or plain
    collateral: str
    bar_available: int
    bar_locked: int
    bar_mark: int  # where the allocation ends
    tip: str


def rows(balances: Sequence[BalanceView]) -> tuple[FundsRow, ...]:
    return tuple(_row(row) for row in balances)


def _row(row: BalanceView) -> FundsRow:
    asset = row.asset
    longest = max(row.total, row.allocation, 1)
    tone = "up" if row.outcome > 0 else "down" if row.outcome < 0 else "plain"
    arrow = {"up": "▲ ", "down": "▼ ", "plain": ""}[tone]
    return FundsRow(
        asset=asset,
        total=fixed(row.total, asset.decimals),
        available=fixed(row.available, asset.decimals),
        locked=fixed(row.locked, asset.decimals),
        outcome=arrow + signed(row.outcome, asset.decimals),
        outcome_tone=tone,
        collateral=fixed(row.collateral_left, asset.decimals),
        bar_available=PERMILLE * row.available // longest,
        bar_locked=PERMILLE * row.locked // longest,
        bar_mark=PERMILLE * row.allocation // longest,
        tip="\n".join(
            (
                f"Allocated: {exact(asset, row.allocation)}",
                f"Available: {exact(asset, row.available)}",
                f"Locked in open orders: {exact(asset, row.locked)} (free again when they are filled or cancelled)",
                f"Outcome so far: {exact(asset, row.outcome)}",
                f"Collateral left: {exact(asset, row.collateral_left)} (the most you can still gain in this session)",
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class Payout:
    """One line of what leaving pays."""

    asset: AssetInfo
    amount: int
    change: int  # against the allocation


def payouts(view: AppView) -> tuple[Payout, ...]:
    """What the last state signed by both pays the owner, per asset: the same by closing together or alone."""
    channel = view.channel
    if channel is None:
        return ()
    return tuple(Payout(row.asset, row.allocation + row.outcome, row.outcome) for row in channel.balances)
