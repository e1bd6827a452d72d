"""What to bid for a place in a block: slow, normal or fast, from what the last blocks cost. Pure.

Source: EIP-1559 (a full block raises the base fee by an eighth), ``eth_feeHistory`` (EIP-1474's successor in the
execution API).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wallet.chain.records import FeeHistory
from wallet.chain.tx import FeePolicy, Quote
from wallet.protocol.errors import WalletError

BLOCKS = 20
SHARES = (10, 50, 90)  # per cent of a block's gas that was paid for with less


class Speed(Enum):
    """How soon it is to be mined: when blocks empty a little, in one of the next, in the next."""

    SLOW = "slow"
    NORMAL = "normal"
    FAST = "fast"


# How much of the coming base fee is offered at most (numerator, denominator): for one, six and nine full blocks.
_ROOM = {Speed.SLOW: (9, 8), Speed.NORMAL: (2, 1), Speed.FAST: (3, 1)}
_RAISE = (9, 8)  # nodes take no replacement below a tenth more


@dataclass(frozen=True, slots=True)
class Price:
    """Wei per gas. ``base``: what the next block asks, of which ``most`` keeps some in reserve."""

    most: int
    tip: int
    base: int


def prices(history: FeeHistory, suggested: int, policy: FeePolicy) -> dict[Speed, Price]:
    """What each speed bids. ``suggested``: the node's own tip, where no block had a transaction to learn from.

    Never above the policy's limits per gas.
    """
    base = history.base_fees[-1]
    found = {}
    floor = 0
    for index, speed in enumerate(Speed):
        column = sorted(tip[index] for tip in history.tips)
        tip = column[len(column) // 2] if column else suggested
        tip = floor = max(min(tip, policy.max_tip), floor, 1)
        times, of = _ROOM[speed]
        found[speed] = Price(min(base * times // of + tip, policy.max_fee_per_gas), tip, base)
    return found


def quote(price: Price, gas_limit: int, policy: FeePolicy) -> Quote:
    """The bid for ``gas_limit``; WalletError("TX_GAS_LIMIT" | "TX_FEE_TOO_HIGH") beyond what the policy allows."""
    if gas_limit > policy.max_gas:
        raise WalletError("TX_GAS_LIMIT", got=gas_limit, limit=policy.max_gas)
    ceiling = min(policy.max_fee_per_gas, policy.max_cost // gas_limit)
    if price.base + price.tip > ceiling:
        raise WalletError("TX_FEE_TOO_HIGH", fee=price.base + price.tip, limit=ceiling)
    return Quote(gas_limit, min(price.most, ceiling), price.tip)


def raised(before: Quote, price: Price, policy: FeePolicy) -> Quote:
    """A bid that takes the place of ``before``: an eighth more of both, or what ``price`` says if that is more.

    Raises WalletError("TX_FEE_TOO_HIGH") where the policy does not allow as much.
    """
    times, of = _RAISE
    tip = max(before.tip * times // of + 1, price.tip)
    most = max(before.max_fee_per_gas * times // of + 1, price.most, tip)
    ceiling = min(policy.max_fee_per_gas, policy.max_cost // before.gas_limit)
    if most > ceiling:
        most = max(before.max_fee_per_gas * times // of + 1, tip)
    if most > ceiling:
        raise WalletError("TX_FEE_TOO_HIGH", fee=most, limit=ceiling)
    return Quote(before.gas_limit, most, tip)


def replaces(bid: Quote, before: Quote) -> bool:
    """Whether nodes take ``bid`` in the place of ``before``: a tenth more of both."""
    return 10 * bid.max_fee_per_gas >= 11 * before.max_fee_per_gas and 10 * bid.tip >= 11 * before.tip
