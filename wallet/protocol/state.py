"""The state of a channel: the seed's array and the envelope it is signed with.

Source: seed "State format", design §2 and §3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from wallet.protocol.terms import Initiative, Role, Terms

ZERO_DIGEST = bytes(32)


class Transition(IntEnum):
    """What a state changes; the numbers are those that are signed."""

    SETUP = 0
    CREATE_ORDER = 1
    TRADE = 2
    CANCEL_ORDER = 3
    YIELD = 4
    VOID = 5
    FINALIZE = 6


class Side(IntEnum):
    BUY = 0
    SELL = 1


class Fill(NamedTuple):
    """A fill of one order: ``quantity`` of base at ``price``, and the fee in the asset received."""

    order: bytes
    price: int
    quantity: int
    fee: int


class Balance(NamedTuple):
    """What the trader may trade with, and what his open orders hold."""

    asset: bytes
    available: int
    locked: int


class OpenOrder(NamedTuple):
    """One resting order: ``price`` in quote base units per unit of base, ``amount`` and ``filled`` in base units."""

    id: bytes
    base: bytes
    quote: bytes
    side: int
    price: int
    amount: int
    filled: int


class Outcome(NamedTuple):
    """What this session so far owes from trader to broker, or the other way around; one of the two is zero."""

    asset: bytes
    to_broker: int
    to_trader: int


@dataclass(frozen=True, slots=True)
class State:
    """Everything one signature covers. ``previous`` is the digest of the last validated state."""

    channel: bytes
    previous: bytes
    increment: int
    time: int
    turn: Role
    transition: Transition
    order_nonce: int
    fills: tuple[Fill, ...]
    balances: tuple[Balance, ...]
    open_orders: tuple[OpenOrder, ...]
    outcomes: tuple[Outcome, ...]

    def order(self, order_id: bytes) -> OpenOrder | None:
        for row in self.open_orders:
            if row.id == order_id:
                return row
        return None


def setup_state(terms: Terms, channel: bytes, time: int) -> State:
    """State 0: a function of the terms and the time. All of the allocation is available."""
    return State(
        channel=channel,
        previous=ZERO_DIGEST,
        increment=0,
        time=time,
        turn=Role.TRADER if terms.initiative is Initiative.COOPERATIVE else Role.BROKER,
        transition=Transition.SETUP,
        order_nonce=0,
        fills=(),
        balances=tuple(Balance(row.asset, row.allocation, 0) for row in terms.assets),
        open_orders=(),
        outcomes=tuple(Outcome(row.asset, 0, 0) for row in terms.assets),
    )


def payouts(terms: Terms, state: State) -> tuple[tuple[bytes, int, int], ...]:
    """(asset, to the trader, to the broker) that settling on ``state`` would pay."""
    return tuple(
        (row.asset, row.allocation + out.to_trader - out.to_broker, row.collateral + out.to_broker - out.to_trader)
        for row, out in zip(terms.assets, state.outcomes, strict=True)
    )
