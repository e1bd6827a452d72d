"""What a trader issues in his turn of a cooperative channel: judged, answered, and on disk before the answer leaves.

The mirror of :class:`wallet.session.channel.TraderChannel`, by the same rules. Source: seed (second diagram), design
§3, §4.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from wallet.broker.channel import Channel, Phase
from wallet.broker.errors import refused
from wallet.broker.floor import Clock, Floor
from wallet.broker.intake import Intake
from wallet.broker.issuer import Issuer
from wallet.broker.ledger import Ledger
from wallet.history.journal import Entry, FlagRecord, Status
from wallet.history.seat import Seat, Standing, answer_of, implied
from wallet.protocol import rules
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order, SignedOrder, TurnRequest
from wallet.protocol.rules import Flag
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role
from wallet.protocol.turns import YieldMeter
from wallet.wire.messages import Propose, ProposeAnswer, SignedState
from wallet.wire.peer import Goodbye

MAX_EVIDENCE = 20  # flags kept of a channel: two digests at one number prove all there is to prove

_log = logging.getLogger("wallet.broker")


class Receiver:
    """Takes the trader's states. What it raises has changed nothing, but for the evidence of a flag."""

    def __init__(self, ledger: Ledger, floor: Floor, issuer: Issuer, intake: Intake, clock: Clock) -> None:
        self._ledger = ledger
        self._floor = floor
        self._issuer = issuer
        self._intake = intake
        self._clock = clock

    # --- the setup ---

    def agree(self, channel: Channel, state: State, signature: bytes) -> ProposeAnswer:
        """The trader's Setup and our ACK; inside the turn that adds the channel. Raises WalletError before it.

        His owner's signature, not the session key's: it says that the owner wants this channel.
        """
        seat = self._issuer.seat(channel.terms)
        entry = seat.acknowledge(seat.received(state, signature, self._now()))
        self._issuer.validated(channel, entry)
        assert entry.broker_signature is not None
        return ProposeAnswer(ack=entry.broker_signature)

    def check_setup(self, channel: Channel, state: State, signature: bytes) -> None:
        """Raises WalletError unless it is the setup of these terms, signed by the owner."""
        typed = self._intake.domain.digest(state)
        try:
            require_signer(typed, signature, (channel.terms.trader,))
        except WalletError as error:
            raise refused("SETUP_SIGNATURE", why=error.code) from error
        flag = rules.check_setup(channel.terms, channel.id, state)
        if flag is not None:
            raise WalletError(flag.code, expected=flag.expected[:100], got=flag.got[:100])
        self._require_time(channel, state)

    # --- the rest ---

    def propose(self, channel: Channel, message: Propose, raw: bytes) -> ProposeAnswer:
        """Answers a state of the trader's: ACK, Refuse, or to a yield the state that follows.

        Raises WalletError: SIG-… (dropped), FLAGGED (kept as evidence; nothing more is signed here), HELD, RATE,
        DISPUTED, FROZEN, CHANNEL_…; Goodbye after a storm of yields.
        """
        state, seat = message.state, self._issuer.seat(channel.terms)
        entry = seat.received(state, message.signature, self._now())
        known = self._ledger.journal.by_digest(channel.id, entry.digest)
        if known is not None:
            return self._same(known)
        self._require_judgeable(channel, state)
        basis = implied(channel.pending, state)
        offered = self._offered(channel, message.intents)
        flag = self._flag(channel, entry, basis, offered)
        if flag is not None:
            raise self._keep(channel, flag, entry, raw)
        if channel.void is not None:
            raise refused("FROZEN")
        if state.transition is Transition.YIELD:
            self._count_yield(channel)
        with self._ledger.turn():
            if basis is not None:
                self._issuer.validated(channel, basis)
            reason = self._objection(channel, state, offered)
            if reason is not None:
                answer = self.refuse(channel, entry, reason)
            else:
                answer = self._accept(channel, seat, entry, offered)
        self._issuer.settled(channel)
        return answer

    def countersigned(self, channel: Channel, increment: int, digest: bytes, signature: bytes) -> None:
        """The trader's signature on our void: the channel goes on from there. The same again is no error."""
        void = channel.void
        if void is None or (void.state.increment, void.digest) != (increment, digest):
            known = self._ledger.journal.by_digest(channel.id, digest)
            if known is not None and known.status is Status.VALIDATED:
                return
            raise refused("ACK_UNEXPECTED")
        validated = self._issuer.seat(channel.terms).take_ack(void, signature)
        with self._ledger.turn():
            channel.void = None
            self._issuer.validated(channel, validated)

    def ask_turn(self, channel: Channel, request: TurnRequest, signature: bytes) -> None:
        """The trader wants the turn: we yield within T. A request of an earlier turn asks for nothing."""
        self._intake.require_signed(channel, request, signature)
        last = channel.last
        if last is None or last.state.turn is Role.TRADER or request.increment < channel.turn_since:
            return
        with self._ledger.turn():
            if channel.he_asks_at is None:
                channel.he_asks_at = self._clock.monotonic()
            self._issuer.touch(channel)

    # --- judging ---

    def _same(self, known: Entry) -> ProposeAnswer:
        """The same state again: the same bytes again, never a second answer."""
        answer = answer_of(self._ledger.journal, Role.BROKER, known)
        if answer is None or answer.broker_signature is None:
            raise refused("NOT_ANSWERED", increment=known.state.increment)
        if answer.digest == known.digest:
            return ProposeAnswer(ack=answer.broker_signature)
        if known.status is Status.REFUSED:
            reason = self._ledger.journal.fact(known.state.channel, f"refused-{known.state.increment}")
            return _refusal(answer, reason.decode() if reason else None)
        return ProposeAnswer(next=answer.digest)

    def _require_judgeable(self, channel: Channel, state: State) -> None:
        if channel.flagged:
            raise refused("FROZEN", rule=channel.flagged)
        if channel.phase in (Phase.PROPOSED, Phase.AGREED):
            raise refused("CHANNEL_NOT_OPEN")
        if channel.phase is Phase.DISPUTED:
            if state.transition not in (Transition.CANCEL_ORDER, Transition.FINALIZE):
                raise refused("DISPUTED")
        elif channel.phase not in (Phase.OPEN, Phase.FINALIZING, Phase.FINAL):
            raise refused("CHANNEL_PHASE", phase=channel.phase.value)
        self._require_time(channel, state)

    def _require_time(self, channel: Channel, state: State) -> None:
        if rules.is_ahead(channel.terms, state, self._now()):
            raise refused("HELD", time=state.time, now=self._now())

    def _offered(self, channel: Channel, intents: Iterable[SignedOrder]) -> dict[bytes, SignedOrder]:
        """The intents that came with the state, if the trader signed them: nobody else's are any."""
        found = {}
        for signed in intents:
            typed = self._intake.domain.digest(signed.order)
            if typed.digest != signed.id:
                continue
            try:
                require_signer(typed, signed.signature, channel.terms.signers(Role.TRADER))
            except WalletError:
                continue
            found[signed.id] = signed
        return found

    def _flag(
        self, channel: Channel, entry: Entry, basis: Entry | None, offered: dict[bytes, SignedOrder]
    ) -> Flag | None:
        last, state = basis or channel.last, entry.state
        assert last is not None
        orders: dict[bytes, Order] = channel.orders | {order: signed.order for order, signed in offered.items()}
        standing = Standing(channel.terms, last, channel.void, orders)
        taken = state.increment in channel.flagged_at
        return standing.flag_of(self._ledger.journal, state, entry.digest, Role.TRADER, taken=taken)

    def _keep(self, channel: Channel, flag: Flag, entry: Entry, raw: bytes) -> WalletError:
        """Evidence first; then nothing more is signed here until somebody has looked at it."""
        kept = self._ledger.journal.flags(channel.id)
        same = sum(row.increment == entry.state.increment for row in kept)
        with self._ledger.turn():
            channel.flagged = channel.flagged or flag.code
            channel.flagged_at.add(entry.state.increment)
            if len(kept) < MAX_EVIDENCE and same < 2:
                assert entry.trader_signature is not None
                last = channel.last.state.increment if channel.last else 0
                record = FlagRecord(
                    0,
                    channel.id,
                    entry.state.increment,
                    replace(flag, expected=flag.expected[:1_000], got=flag.got[:1_000]),
                    entry.digest,
                    raw,
                    entry.trader_signature,
                    self._now(),
                    last,
                    resolved=False,
                )
                self._ledger.journal.add_flag(record)
            self._floor.leave(channel)
        _log.error("channel 0x%s: the trader signed what he must not: %s", channel.id.hex(), flag.code)
        return refused("FLAGGED", rule=flag.code)

    def _count_yield(self, channel: Channel) -> None:
        now = self._clock.monotonic()
        if channel.meter is None:
            channel.meter = YieldMeter(channel.terms.yield_interval, now)
        wait = channel.meter.take(now)
        if channel.meter.is_storm:
            channel.meter.strikes = 0
            raise Goodbye("TRN-YIELD-STORM")
        if wait:
            raise WalletError("RATE", retryAfterMs=int(wait * 1_000) + 1)

    def _objection(self, channel: Channel, state: State, offered: dict[bytes, SignedOrder]) -> str | None:
        """Why a state that breaks no rule is refused all the same, as a code."""
        if state.transition is Transition.CREATE_ORDER:
            signed = offered.get(state.open_orders[-1].id)
            if signed is None:
                return "ORD-UNKNOWN"
            try:
                self._intake.admit(channel, signed)
            except WalletError as error:
                return error.code
        if state.transition is Transition.CANCEL_ORDER and any(map(channel.has_fills, _gone(channel, state))):
            return refused("ORDER_MATCHED").code
        return None

    # --- answering ---

    def _accept(self, channel: Channel, seat: Seat, entry: Entry, offered: dict[bytes, SignedOrder]) -> ProposeAnswer:
        state = entry.state
        if state.transition is Transition.YIELD:
            self._issuer.validated(channel, replace(entry, status=Status.VALIDATED))
            if self._issuer.issue_next(channel, answering=True):
                assert channel.pending is not None
                return ProposeAnswer(next=channel.pending.digest)
            signed = seat.acknowledge(entry)
            self._ledger.journal.record(signed)
            channel.last = signed
        else:
            signed = seat.acknowledge(entry)
            if state.transition is Transition.CREATE_ORDER:
                self._intake.take(channel, offered[state.open_orders[-1].id])
            for order_id in _gone(channel, state):
                self._floor.withdraw(channel, order_id)
            self._issuer.validated(channel, signed)
        assert signed.broker_signature is not None
        return ProposeAnswer(ack=signed.broker_signature)

    def refuse(self, channel: Channel, entry: Entry, reason: str) -> ProposeAnswer:
        """The void that answers ``entry``; inside a turn of the ledger."""
        assert channel.last is not None
        void = self._issuer.seat(channel.terms).refuse(channel.last, entry, self._now())
        journal = self._ledger.journal
        journal.record(replace(entry, status=Status.REFUSED))
        journal.record(void)
        journal.set_fact(channel.id, f"refused-{entry.state.increment}", reason.encode())
        channel.void = void
        return _refusal(void, reason)

    def _now(self) -> int:
        return int(self._clock.now())


def _gone(channel: Channel, state: State) -> list[bytes]:
    """The orders that a cancel takes out."""
    if state.transition is not Transition.CANCEL_ORDER or channel.last is None:
        return []
    kept = {row.id for row in state.open_orders}
    return [row.id for row in channel.last.state.open_orders if row.id not in kept]


def _refusal(void: Entry, reason: str | None) -> ProposeAnswer:
    assert void.broker_signature is not None
    return ProposeAnswer(refuse=SignedState(void.state, void.broker_signature), reason=reason)
