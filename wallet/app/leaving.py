"""Leaving without the broker, before it is done: what it pays, what each step costs, how long it takes."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.app.messages import sentence
from wallet.app.snapshots import AssetInfo
from wallet.protocol.amounts import format_amount

OWNER, GAS_KEY = "owner", "gas key"


@dataclass(frozen=True, slots=True)
class ExitStep:
    """One transaction, or one kind of them. ``cost``: wei at the present price of gas; ``payer``: OWNER or GAS_KEY."""

    code: str
    gas: int
    cost: int
    payer: str


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """``pays``: base units by asset, of the state the contract will be shown. All costs in wei.

    ``period``: seconds the broker has to show a higher state; ``deadline``: its end where it runs already. Without a
    period (``final``) it is paid at once. ``gas_share``: what the gas key is given first, and gives back by a sweep.
    """

    channel: bytes
    increment: int
    final: bool
    pays: tuple[tuple[AssetInfo, int], ...]
    steps: tuple[ExitStep, ...]
    coin: AssetInfo
    gas_price: int
    gas_share: int
    owner_has: int
    period: int
    deadline: int

    @property
    def cost(self) -> int:
        return sum(step.cost for step in self.steps)

    @property
    def owner_needs(self) -> int:
        """What the first step must find on the owner's account: leaving goes on from there by the gas key."""
        first = self.steps[0] if self.steps else None
        return first.cost if first is not None and first.payer == OWNER else 0


# --- in words ----------------------------------------------------------------------------------------------------


def shown_coin(found: ExitPlan, wei: int) -> str:
    """An amount of the chain's coin, rounded up to six decimals: a fee is an estimate."""
    unit = 10 ** max(found.coin.decimals - 6, 0)
    return f"{format_amount(-(-wei // unit) * unit, found.coin.decimals)} {found.coin.symbol}"


def cost_words(found: ExitPlan) -> str:
    """What it costs, and where the money for it is."""
    said = [sentence("EXIT-COSTS", {"cost": shown_coin(found, found.cost)})]
    if found.gas_share:
        said.append(sentence("EXIT-GAS-SHARE", {"share": shown_coin(found, found.gas_share)}))
    if found.owner_has < found.owner_needs:
        need = shown_coin(found, found.owner_needs)
        said.append(sentence("EXIT-TOO-POOR", {"need": need, "have": shown_coin(found, found.owner_has)}))
    return " ".join(said)


def time_words(found: ExitPlan, period: str, end: str) -> str:
    """How long it takes and what to do meanwhile; ``period``, and its ``end``, as the screen shows times."""
    code = "EXIT-RUNS" if found.deadline else "EXIT-TAKES" if found.period else "EXIT-AT-ONCE"
    return sentence(code, {"period": period, "end": end})


def step_rows(found: ExitPlan) -> tuple[tuple[str, str], ...]:
    """Each step and its cost."""
    return tuple((sentence(step.code), f"≈ {shown_coin(found, step.cost)}") for step in found.steps)
