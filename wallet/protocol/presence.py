"""When a valid fill or opening is stale and the trader refuses it: judged by receipt, on his own clock.

Every fill that waits for an ACK is an option its signer has written; the trader in turn must not be filled on an
order he could not have taken back. A refusal is no accusation: the channel goes on. Source: design §3 (Refuse), §4.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Terms


@dataclass(frozen=True, slots=True)
class Presence:
    """What the trader knows about time, all in seconds of his own monotonic clock.

    ``echoed`` is when he sent the last heartbeat that the broker echoed (None: none on this connection);
    ``open_before`` and ``expiry`` are the deadlines of his intents; ``cancelled`` holds the orders whose cancel
    the broker has receipted.
    """

    echoed: float | None
    open_before: Mapping[bytes, float]
    expiry: Mapping[bytes, float]
    cancelled: Set[bytes] = frozenset()


def refusal(terms: Terms, last: State, state: State, presence: Presence, received: float) -> str | None:
    """Why a state that breaks no rule is refused all the same, as a code; None if it is not.

    ``received`` is when the state's bytes first arrived, on the same clock as ``presence``.
    """
    if state.transition is Transition.CREATE_ORDER:
        order_id = state.open_orders[-1].id
        if received > presence.open_before.get(order_id, received):
            return "STALE-OPENING"
        if received > presence.expiry.get(order_id, received):
            return "EXPIRED-OPENING"
        if order_id in presence.cancelled:
            return "CANCELLED-OPENING"
    if state.transition is Transition.TRADE:
        if presence.echoed is None or received > presence.echoed + 2 * terms.heartbeat:
            return "STALE-FILL"
        for fill in state.fills:
            if received > presence.expiry.get(fill.order, received):
                return "EXPIRED-FILL"
            if fill.order in presence.cancelled:
                return "CANCELLED-FILL"
    return None
