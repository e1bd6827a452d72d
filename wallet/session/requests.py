"""What we asked of the broker in one channel: signed order intents, their cancels, and what became of each.

Every one is on disk before it leaves. Source: seed (the dashed arrows), design §4 (openBefore, receipts), §5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wallet.history.journal import IntentRecord, Journal
from wallet.protocol.intents import Order
from wallet.protocol.presence import Presence
from wallet.protocol.state import State, Transition
from wallet.session.clock import Clock

# states of an intent in the journal
STAGED, SUBMITTED, OPEN = "staged", "submitted", "open"
FILLED, CANCELLED, REJECTED, DEAD = "filled", "cancelled", "rejected", "dead"
UNKNOWN = "unknown"
ALIVE = (STAGED, SUBMITTED, UNKNOWN)
GRACE = 2.0  # seconds after openBefore: a state that came in time may still be under judgement
MAX_CLIENT_ID = 64
_CLIENT = "client-"


class Requests:
    """The orders of one channel, by id: ``orders`` as the rules look them up. Belongs to the channel's loop."""

    def __init__(self, journal: Journal, channel: bytes, clock: Clock) -> None:
        self.orders: dict[bytes, Order] = {}
        self._journal = journal
        self._channel = channel
        self._clock = clock
        self._rows: dict[bytes, IntentRecord] = {}
        self._open_before: dict[bytes, float] = {}
        self._expiry: dict[bytes, float] = {}
        self._receipted: set[bytes] = set()
        self._top = 0  # the highest nonce of all that were ever here
        for row in journal.intents(channel):
            self._index(row)

    def rows(self) -> list[IntentRecord]:
        return list(self._rows.values())

    def get(self, order: bytes) -> IntentRecord | None:
        return self._rows.get(order)

    def staged(self) -> list[IntentRecord]:
        """Those that were signed here and went nowhere yet."""
        return [row for row in self._rows.values() if row.status == STAGED]

    def next_nonce(self, mark: int) -> int:
        """Above the state's orderNonce ``mark`` and all that was ever used."""
        return max(mark, self._top) + 1

    def uncertain(self, mark: int) -> list[Order]:
        """Those that may still open, above the state's orderNonce: they count against what is available."""
        now = self._clock.monotonic()
        return [
            row.signed.order
            for order, row in self._rows.items()
            if row.status in ALIVE and row.signed.order.order_nonce > mark and now <= self._open_before[order]
        ]

    def presence(self, echoed: float | None) -> Presence:
        """What decides whether an opening or a fill is stale."""
        return Presence(echoed=echoed, open_before=self._open_before, expiry=self._expiry, cancelled=self._receipted)

    # --- what we say ---

    def add(self, row: IntentRecord, client_id: str = "") -> None:
        """Keeps a signed intent, durably, before it leaves; under the caller's own name for it, if he gave one."""
        with self._journal.store.transaction():
            self._journal.add_intent(row.signed, row.status, row.created)
            if client_id:
                self._journal.set_fact(self._channel, _CLIENT + client_id, row.signed.id)
        self._index(row)

    def by_client(self, client_id: str) -> IntentRecord | None:
        """What was signed for this client id: never twice, whatever broke in between."""
        order = self._journal.fact(self._channel, _CLIENT + client_id)
        return None if order is None else self._rows.get(order) or self._journal.intent(order)

    def bury(self) -> None:
        """Orders that no state has opened in time are dead: what was unknown of them is known now."""
        now = self._clock.monotonic()
        for order, row in list(self._rows.items()):
            if row.status in ALIVE and now > self._open_before[order] + GRACE:
                self.mark(order, DEAD, "ORDER_DEAD")

    def mark(self, order: bytes, status: str, reason: str = "") -> None:
        """What the answer to our request made of an intent; states say more, and win whichever comes first."""
        row = self._rows.get(order)
        if row is None or row.status in (OPEN, FILLED, CANCELLED):
            return
        self._journal.set_intent(order, status, reason)
        self._index(replace(row, status=status, reason=reason))

    def mark_cancel(self, order: bytes, *, cancel: bytes | None = None, receipt: bytes | None = None) -> None:
        self._journal.set_cancel(order, cancel=cancel, receipt=receipt)
        row = self._rows.get(order)
        if row is None:
            return  # let go of meanwhile: it can't open any more
        self._index(replace(row, cancel=row.cancel or cancel, receipt=row.receipt or receipt))

    # --- what states say ---

    def record(self, before: State | None, after: State) -> dict[bytes, str]:
        """Writes down what a validated state makes of our intents, inside the caller's transaction; tells it."""
        old = {row.id for row in before.open_orders} if before else set()
        new = {row.id for row in after.open_orders}
        gone = FILLED if after.transition is Transition.TRADE else CANCELLED
        changes = dict.fromkeys(new - old, OPEN) | dict.fromkeys(old - new, gone)
        known = {order: status for order, status in changes.items() if order in self._rows}
        for order, status in known.items():
            self._journal.set_intent(order, status)
        return known

    def apply(self, changes: Mapping[bytes, str]) -> None:
        """What :meth:`record` wrote, once it is on disk."""
        for order, status in changes.items():
            self._rows[order] = replace(self._rows[order], status=status, reason="")

    def forget_past(self, last: State, kept: int = 500) -> None:
        """Lets go, in memory, of orders that are not open and more than ``kept`` numbers below the highest opened.

        They can never open again. Without this a program that trades for days would hold every order it ever made.
        """
        mark, resting = last.order_nonce - kept, {row.id for row in last.open_orders}
        past = [order for order, row in self._rows.items() if row.signed.order.order_nonce < mark]
        for order in past:
            if order not in resting:
                for known in (self._rows, self.orders, self._open_before, self._expiry):
                    known.pop(order)
                self._receipted.discard(order)

    def _index(self, row: IntentRecord) -> None:
        """Keeps an intent where the rules look it up; its deadlines on the monotonic clock."""
        order, order_id = row.signed.order, row.signed.id
        shift = self._clock.monotonic() - self._clock.now()
        self._rows[order_id] = row
        self._top = max(self._top, order.order_nonce)
        self.orders[order_id] = order
        self._open_before.setdefault(order_id, order.open_before + shift)
        self._expiry.setdefault(order_id, order.expiry + shift)
        if row.receipt or row.status == REJECTED:
            self._receipted.add(order_id)  # said to be dead: placed again by now, for all the broker knows
