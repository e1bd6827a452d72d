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
    Channel,
    Create,
    Execute,
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
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.rules import Ground, check_void
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import Fill, State, Transition, setup_state
from wallet.protocol.terms import Role
from wallet.protocol.transitions import (
    Contents,
    RuleBroken,
    apply_fill,
    cancel_order,
    contents_of,
    create_order,
    successor,
)
from wallet.protocol.typed import TypedDigest

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
            present = channel.is_present(self._clock.monotonic())
            while channel.connected and (step := next_step(channel, present=present)) is not None:
                if self._issue(channel, step):
                    break

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

    def _next(self, channel: Channel, transition: Transition, after: Contents, fills: tuple[Fill, ...] = ()) -> None:
        last = channel.last
        assert last is not None
        increment = channel.next_increment
        self._sign(channel, successor(last.state, last.digest, increment, transition, after, self._now(), fills=fills))

    def _sign(self, channel: Channel, state: State) -> None:
        typed = self._domain.digest(state)
        entry = Entry(
            state,
            typed.digest,
            Role.BROKER,
            Status.PENDING,
            broker_signature=self._signer.sign(typed),
            own=True,
            recorded=self._now(),
        )
        self._ledger.journal.record(entry)
        channel.pending = entry
        self._ready.append(channel)

    # --- answers ---

    def check_ack(self, channel: Channel, entry: Entry, signature: bytes) -> None:
        """Raises WalletError("SIG-…") unless it is the trader's signature on exactly this state."""
        require_signer(TypedDigest("State", entry.digest), signature, channel.terms.signers(Role.TRADER))

    def acknowledged(self, channel: Channel, entry: Entry, signature: bytes) -> None:
        """The trader signed too: the state is validated, and what it allows follows. Checked before."""
        if channel.pending is None or channel.pending.digest != entry.digest:
            return
        validated = replace(entry.signed(Role.TRADER, signature, own=False), status=Status.VALIDATED)
        with self._ledger.turn():
            self._ledger.journal.record(validated)
            was_late = channel.late
            before = self._advance(channel, validated)
            self._follow(channel, validated.state, before)
            if was_late:
                self._floor.come(channel)
            self.touch(channel)
        self.settled(channel)

    def _advance(self, channel: Channel, entry: Entry) -> Entry | None:
        before, channel.last, channel.pending, channel.late = channel.last, entry, None, False
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

    def check_refuse(self, channel: Channel, refused: Entry, void: State, signature: bytes) -> TypedDigest:
        """The digest of a valid Refuse of ``refused``; WalletError for anything else."""
        last = channel.last
        if last is None:
            raise WalletError("VOID_SETUP")
        ground = Ground(channel.terms, last.state, last.digest, refused.state.increment + 1, channel.orders)
        flag = check_void(ground, void)
        if flag is not None:
            raise WalletError(flag.code, expected=flag.expected[:100], got=flag.got[:100])
        typed = self._domain.digest(void)
        require_signer(typed, signature, channel.terms.signers(Role.TRADER))
        return typed

    def refused(self, channel: Channel, entry: Entry, void: State, signature: bytes) -> None:
        """The trader's Refuse: countersigned, and what was refused is the broker's to carry."""
        typed = self.check_refuse(channel, entry, void, signature)
        if channel.pending is None or channel.pending.digest != entry.digest:
            return
        with self._ledger.turn():
            journal = self._ledger.journal
            journal.record(replace(entry, status=Status.REFUSED))
            validated = Entry(
                void,
                typed.digest,
                Role.TRADER,
                Status.VALIDATED,
                broker_signature=self._signer.sign(typed),
                trader_signature=signature,
                own=True,
                recorded=self._now(),
            )
            journal.record(validated)
            was_late = channel.late
            self._advance(channel, validated)
            self._drop(channel, entry.state)
            if was_late:
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
        elif state.transition is Transition.FINALIZE:
            self._no_finalize(channel)

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
