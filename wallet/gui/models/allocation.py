"""How much of the wallet a session may touch: the page "Open a session" without a screen. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wallet.app.snapshots import AppView, AssetInfo, BalanceView, Link
from wallet.gui.models.figures import asset_amount, fixed, input_text
from wallet.gui.models.ticket import Reason
from wallet.protocol.amounts import parse_decimal
from wallet.protocol.errors import WalletError

PERMILLE = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """One asset that can be allocated: what there is, and the most that may go in."""

    asset: AssetInfo
    balance: int
    most: int

    @property
    def kept(self) -> int:
        return self.balance - self.most

    def at(self, permille: int) -> int:
        """The amount at a slider's position, cut to figures a person would choose."""
        if permille >= PERMILLE:
            return self.most
        raw = self.most * permille // PERMILLE
        coarse: int = 10 ** max(len(str(self.most)) - 4, 0)
        return raw - raw % coarse

    def position(self, amount: int) -> int:
        return min(PERMILLE * amount // self.most, PERMILLE) if self.most else 0

    def text(self, amount: int) -> str:
        places = min(self.asset.decimals, 8)
        shown = input_text(fixed(amount, self.asset.decimals, places))
        return shown.rstrip("0").rstrip(".") if "." in shown else shown


def choices(view: AppView) -> tuple[Choice, ...]:
    """One row per asset of the broker's markets, with what the wallet holds (own account and free deposit)."""
    held = {row.asset.address: row for row in view.wallet}
    return tuple(_choice(asset, held.get(asset.address)) for asset in view.assets)


def _choice(asset: AssetInfo, row: BalanceView | None) -> Choice:
    balance = row.wallet + row.free if row else 0
    return Choice(asset, balance, row.spendable if row else 0)


def amount_of(choice: Choice, text: str) -> tuple[int | None, Reason | None]:
    """What was typed for one asset, or why it won't do."""
    if not text.strip():
        return 0, None
    try:
        amount = parse_decimal(input_text(text), choice.asset.decimals)
    except WalletError as error:
        return None, Reason(error.code, dict(error.params))
    if amount > choice.most:
        return None, Reason("SESSION-TOO-MUCH", {"most": asset_amount(choice.asset, choice.most)})
    return amount, None


def obstacle(view: AppView, amounts: Mapping[bytes, int | None]) -> Reason | None:
    """Why the session can't be opened now; None if it can."""
    if view.connection.broker is not Link.ONLINE:
        return Reason("SESSION-OFFLINE")
    if view.connection.chain is not Link.ONLINE:
        return Reason("SESSION-NO-CHAIN")
    if any(amount is None for amount in amounts.values()):
        return Reason("SESSION-AMOUNT")
    if not any(amounts.values()):
        return Reason("SESSION-EMPTY")
    return None


def empty(rows: Sequence[Choice]) -> bool:
    return not any(row.balance for row in rows)
