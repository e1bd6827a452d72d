"""The broker's half of a channel: issues one state at a time and takes the answer.

Everything here happens inside a turn of the ledger: what is signed is on disk before it leaves, and the same bytes
leave again after a break. Source: design §3 (ACK, Refuse), §5, §8 (resume).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from wallet.broker.book import Reason
from wallet.broker.channel import (
    Ask,
    Channel,
    Create,
    Execute,
    PassTurn,
    Phase,
    Step,
    TakeOut,
    fill_row,
    merge,
    next_step,
)
from wallet.broker.config import Signer
from wallet.broker.floor import Clock, Floor
from wallet.broker.ledger import Ledger, QueuedFill
from wallet.history.journal import Entry, Status
from wallet.history.seat import Seat
from wallet.protocol.eip712 import Domain
from wallet.protocol.state import Fill, State, Transition, setup_state
from wallet.protocol.terms import Role, Terms
from wallet.protocol.transitions import (
    Contents,
    RuleBroken,
    apply_fill,
    cancel_order,
    contents_of,
    create_order,
    successor,
)

_log = logging.getLogger("wallet.broker")


class Issuer:
    """Issues what :func:`next_step` decides, for every channel that was touched in a turn."""

    def __init__(self, domain: Domain, signer: Signer, ledger: Ledger, floor: Floor, clock: Clock) -> None:
        self.issued: Callable[[Channel], None] = lambda _: None  # after the commit: send it
        self.settled: Callable[[Channel], None] = lambda _: None  # after an answer was taken
        self._domain = domain
        self._signer = signer
        self._ledger = ledger
        self._floor = floor
        self._clock = clock
        self._touched: dict[bytes, Channel] = {}
        self._ready: list[Channel] = []
        floor.touched = self.touch
        ledger.before_commit = self._issue_all
        ledger.after_commit = self._send_all

    def touch(self, channel: Channel) -> None:
        """Something may be issued in this channel at the end of the turn."""
        self._touched[channel.id] = channel

    # --- issuing ---

    def propose_setup(self, channel: Channel) -> None:
        state = setup_state(channel.terms, channel.id, self._now())
        self._sign(channel, state)

    def _issue_all(self) -> None:
        while self._touched:
            _, channel = self._touched.popitem()
            self.issue_next(channel)

    def issue_next(self, channel: Channel, *, answering: bool = False) -> bool:
        """Issues what is next in a channel, if anything is; inside a turn of the ledger.

        ``answering``: only what may answer a yield, which another yield does not.
        """
        now = self._clock.monotonic()
        present = channel.is_present(now)
        while channel.connected and (step := next_step(channel, present=present, now=now)) is not None:
            if isinstance(step, Ask):
                channel.needs_turn_at = channel.needs_turn_at or now
                return False
            if answering and isinstance(step, PassTurn):
                return False
            if self._issue(channel, step):
                return True
        return False

    def _send_all(self) -> None:
        ready, self._ready = self._ready, []
        for channel in ready:
            self.issued(channel)

    def _issue(self, channel: Channel, step: Step) -> bool:
        """Signs and records the state of ``step``; False if nothing came of it and the next is to be looked for."""
        assert channel.last is not None
        before = contents_of(channel.last.state)
        if isinstance(step, Create):
            return self._issue_create(channel, before, step)
        if isinstance(step, Execute):
            return self._issue_trade(channel, before, step)
        if isinstance(step, TakeOut):
            if channel.order(step.order) is None:
                channel.cancels.pop(step.order, None)
                return False
            after = cancel_order(channel.terms, before, step.order)
            self._next(channel, Transition.CANCEL_ORDER, after)
            return True
        if isinstance(step, PassTurn):
            channel.yielded_at = self._clock.monotonic()
            self._next(channel, Transition.YIELD, before, turn=Role.TRADER)
            return True
        return self._issue_finalize(channel, before)

    def _issue_create(self, channel: Channel, before: Contents, step: Create) -> bool:
        signed = channel.queue.popleft()
        assert signed is step.signed
        if signed.order.open_before < self._clock.now():
            self._forget(channel, signed.id, "late")
            return False
        try:
            after = create_order(channel.terms, before, signed.id, signed.order)
        except RuleBroken as rule:  # a fill it counted on was refused since it was accepted
            self._forget(channel, signed.id, rule.code)
            return False
        self._next(channel, Transition.CREATE_ORDER, after)
        return True

    def _issue_trade(self, channel: Channel, before: Contents, step: Execute) -> bool:
        taken = set(step.fills)
        channel.fills = type(channel.fills)(fill for fill in channel.fills if fill not in taken)
        after, rows, sent = before, [], []
        for group in _groups(step.fills):
            row = fill_row(channel, merge(group)[0])
            try:
                order = channel.intents[row.order].order
                after = apply_fill(channel.terms, after, row, order)
            except RuleBroken as rule:  # an earlier fill of this order was refused
                self._carry(channel, group, rule.code)
                continue
            rows.append(row)
            sent += group
        if not rows:
            return False
        channel.sent = sent
        self._ledger.send_fills(sent, channel.next_increment)
        self._next(channel, Transition.TRADE, after, tuple(rows))
        return True

    def _issue_finalize(self, channel: Channel, before: Contents) -> bool:
        request, last = channel.finalize, channel.last
        assert last is not None
        if request is None or request.last_digest != last.digest or request.valid_until < self._clock.now():
            self._no_finalize(channel)
            return False
        self._next(channel, Transition.FINALIZE, before)
        return True

    def _next(
        self,
        channel: Channel,
        transition: Transition,
        after: Contents,
        fills: tuple[Fill, ...] = (),
        turn: Role | None = None,
    ) -> None:
        last, now = channel.last, self._now()
        assert last is not None
        increment = channel.next_increment
        state = successor(last.state, last.digest, increment, transition, after, now, fills=fills, turn=turn)
        self._sign(channel, state)

    def seat(self, terms: Terms) -> Seat:
        """The broker's place in a channel of these terms."""
        return Seat(self._domain, terms, Role.BROKER, self._signer)

    def _sign(self, channel: Channel, state: State) -> None:
        entry = self.seat(channel.terms).issue(state, self._now())
        self._ledger.journal.record(entry)
        channel.pending = entry
        self._ready.append(channel)

    # --- answers ---

    def acknowledged(self, channel: Channel, entry: Entry, signature: bytes) -> None:
        """The trader signed too: the state is validated, and what it allows follows.

        Raises WalletError("SIG-…"), with nothing changed, unless it is his signature on exactly this state.
        """
        validated = self.seat(channel.terms).take_ack(entry, signature)
        if channel.pending is None or channel.pending.digest != entry.digest:
            last = channel.last
            if last is not None and last.digest == entry.digest and last.trader_signature is None:
                with self._ledger.turn():  # his next state had said so already
                    self._ledger.journal.record(validated)
                    channel.last = validated
            return
        with self._ledger.turn():
            self.validated(channel, validated)
        self.settled(channel)

    def validated(self, channel: Channel, entry: Entry) -> None:
        """A state is the last now; inside a turn of the ledger."""
        self._ledger.journal.record(entry)
        was_late = channel.late
        before = self._advance(channel, entry)
        self._follow(channel, entry.state, before)
        if was_late and not channel.late:
            self._floor.come(channel)
        self.touch(channel)

    def _advance(self, channel: Channel, entry: Entry) -> Entry | None:
        state = entry.state
        before, channel.last, channel.pending = channel.last, entry, None
        if state.turn is Role.BROKER:
            channel.needs_turn_at, channel.told = None, False
        if state.transition is Transition.YIELD:
            channel.turn_since = state.increment
            channel.he_asks_at = None
        # who keeps back the turn that is asked of him does not become punctual by what he issues meanwhile
        channel.late = channel.late and channel.needs_turn_at is not None
        if before is not None:
            channel.recent.append((before.digest, self._clock.monotonic()))
        return before

    def _follow(self, channel: Channel, state: State, before: Entry | None) -> None:
        if state.transition is Transition.SETUP:
            self.set_phase(channel, Phase.OPEN if channel.confirmed else Phase.AGREED)
        elif state.transition is Transition.CREATE_ORDER:
            order_id = state.open_orders[-1].id
            self._ledger.journal.set_intent(order_id, "open")
            if order_id in channel.cancelled:
                self._floor.take_out(channel, order_id, Reason.ASKED)
            else:
                self._floor.enter(channel, order_id)
        elif state.transition is Transition.TRADE:
            self._fills_done(channel, before)
        elif state.transition is Transition.CANCEL_ORDER:
            self._orders_gone(channel, before, "cancelled")
        elif state.transition is Transition.FINALIZE:
            channel.finalize = None
            self.set_phase(channel, Phase.FINAL)

    def _fills_done(self, channel: Channel, before: Entry | None) -> None:
        for fill in channel.sent:
            channel.count_unacked(fill, -1)
        self._ledger.settle_fills(channel.sent)
        channel.sent = []
        self._orders_gone(channel, before, "filled")
        self._floor.retry(channel)

    def _orders_gone(self, channel: Channel, before: Entry | None, status: str) -> None:
        for row in before.state.open_orders if before else ():
            if channel.order(row.id) is None:
                reason = channel.cancels.get(row.id)
                self._forget(channel, row.id, status, reason.name if reason is not None else "")

    def _forget(self, channel: Channel, order_id: bytes, status: str, reason: str = "") -> None:
        channel.intents.pop(order_id, None)
        channel.cancels.pop(order_id, None)
        channel.kept.discard(order_id)
        channel.waiting.discard(order_id)
        self._ledger.journal.set_intent(order_id, status, reason)

    # --- refusals ---

    def refused(self, channel: Channel, entry: Entry, void: State, signature: bytes) -> None:
        """The trader's Refuse: countersigned, and what was refused is the broker's to carry.

        Raises WalletError, with nothing changed, for anything that is no valid Refuse of ``entry``.
        """
        seat = self.seat(channel.terms)
        validated = seat.take_refusal(channel.last, entry, void, signature, channel.orders, self._now())
        if channel.pending is None or channel.pending.digest != entry.digest:
            return
        with self._ledger.turn():
            self._ledger.journal.record(replace(entry, status=Status.REFUSED))
            self._ledger.journal.record(validated)
            was_late = channel.late
            self._advance(channel, validated)
            self._drop(channel, entry.state)
            if was_late and not channel.late:
                self._floor.come(channel)
            self.touch(channel)
        self.settled(channel)

    def _drop(self, channel: Channel, state: State) -> None:
        """What a refused state would have done is not done, and not tried again."""
        if state.transition is Transition.CREATE_ORDER:
            self._forget(channel, state.open_orders[-1].id, "refused")
        elif state.transition is Transition.TRADE:
            sent, channel.sent = channel.sent, []
            channel.refusals += 1
            self._carry(channel, sent, "refused")
            for order_id in {fill.order for fill in sent}:
                self._floor.take_out(channel, order_id, Reason.REFUSED)
        elif state.transition is Transition.CANCEL_ORDER and channel.last is not None:
            kept = {row.id for row in state.open_orders}
            for row in channel.last.state.open_orders:
                if row.id not in kept:
                    channel.cancels.pop(row.id, None)
                    channel.kept.add(row.id)

    def _no_finalize(self, channel: Channel) -> None:
        channel.finalize = None
        if channel.phase is Phase.FINALIZING:
            self.set_phase(channel, Phase.OPEN)

    def _carry(self, channel: Channel, fills: list[QueuedFill], why: str) -> None:
        for fill in fills:
            channel.count_unacked(fill, -1)
        self._ledger.carry_fills(fills, why)
        self._floor.retry(channel)
        self.settled(channel)  # a cancel may have waited for them
        _log.warning("channel 0x%s: the broker carries %d fills (%s)", channel.id.hex(), len(fills), why)

    # --- the rest ---

    def complete(self, channel: Channel) -> Entry | None:
        """The last state; what so far our next state alone validated, now with our signature on itself too."""
        last = channel.last
        if last is not None and last.broker_signature is None:
            with self._ledger.turn():
                last = channel.last = self.seat(channel.terms).acknowledge(last)
                self._ledger.journal.record(last)
        return last

    def dispute(self, channel: Channel) -> None:
        """A challenge was seen: from now on only cancels and finalize are signed; what is queued is carried."""
        with self._ledger.turn():
            self.set_phase(channel, Phase.DISPUTED)
            self._floor.leave(channel)
            queued, channel.fills = list(channel.fills), type(channel.fills)()
            if queued:
                self._carry(channel, queued, "disputed")
            while channel.queue:
                self._forget(channel, channel.queue.popleft().id, "disputed")
            self.touch(channel)

    def set_phase(self, channel: Channel, phase: Phase) -> None:
        if channel.phase is not phase:
            channel.phase = phase
            self._ledger.journal.set_phase(channel.id, phase.value)

    def _now(self) -> int:
        return int(self._clock.now())


def _groups(fills: tuple[QueuedFill, ...]) -> list[list[QueuedFill]]:
    """The fills that become one row each."""
    groups: list[list[QueuedFill]] = []
    for fill in fills:
        if groups and len(merge([groups[-1][-1], fill])) == 1:
            groups[-1].append(fill)
        else:
            groups.append([fill])
    return groups
