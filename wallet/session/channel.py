"""The trader's half of one channel: what arrives is checked, answered and on disk before the answer leaves.

Receive → check → sign → commit → answer, one state at a time. The journal's unique index stands behind it as the
last guard of *one digest per increment*. Source: seed (both diagrams), design §3–§5 and §8 "Resume".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from wallet.history.journal import ChannelRecord, Entry, FlagRecord, IntentRecord, Journal, Status
from wallet.protocol import codec, rules, strictjson
from wallet.protocol.amounts import MAX_INCREMENT
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order, SignedOrder
from wallet.protocol.plain import plain
from wallet.protocol.presence import Presence, refusal
from wallet.protocol.rules import Flag, Ground
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role
from wallet.protocol.transitions import contents_of, successor
from wallet.protocol.typed import TypedDigest
from wallet.session.clock import Clock
from wallet.session.phases import Phase


class StateSigner(Protocol):
    """A key that signs the protocol's own structs and nothing else."""

    @property
    def address(self) -> bytes: ...

    def sign(self, typed: TypedDigest) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Proposal:
    """A state as the broker proposed it: ``raw`` are the bytes that arrived, at monotonic time ``received``."""

    state: State
    signature: bytes
    raw: bytes
    received: float


@dataclass(frozen=True, slots=True)
class Ack:
    signature: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """The void state that answers a proposal, with our signature on it."""

    void: Entry


# states of an intent in the journal
STAGED, SUBMITTED, OPEN = "staged", "submitted", "open"
FILLED, CANCELLED, REJECTED, DEAD = "filled", "cancelled", "rejected", "dead"
ALIVE = (STAGED, SUBMITTED, "unknown")

MAX_FLAGS = 100  # undecided ones kept of a channel: who signs nonsense all day must not fill the disk
MAX_EVIDENCE = 8 * 2**20  # bytes of them
PER_NUMBER = 2  # pieces of evidence at one increment: two digests prove all there is to prove
MAX_FINDING = 1_000  # characters of what a flag expected and got
FAR = 2**20  # numbers above the last state at which there is nothing to answer: a void there would use them all up

# Before the chain has the channel and after it has paid it out, no state above the setup is signed.
_NOT_TRADING = (
    Phase.REQUESTED,
    Phase.AGREED,
    Phase.OPENING,
    Phase.SETTLED,
    Phase.WITHDRAWN,
    Phase.ABANDONED,
)


class TraderChannel:
    """One channel of ours. Not thread-safe; belongs to the driver's loop."""

    def __init__(self, journal: Journal, record: ChannelRecord, signer: StateSigner | None, clock: Clock) -> None:
        """``signer`` is the session key; None for a restored channel, which signs nothing any more."""
        self.journal = journal
        self.record = record
        self.terms = record.terms
        self.domain = record.domain
        self.id = record.id
        self.signer = signer
        self.clock = clock
        self.last = journal.latest(record.id)
        self.disputed = Phase(record.phase) is Phase.DISPUTED  # until the chain is heard again
        self.echoed: float | None = None
        self.finalize_on: bytes | None = journal.fact(record.id, "finalize_on")
        self.forked = journal.fact(record.id, "forked") is not None
        self.dropped = 0
        self.unkept = 0
        self._void = self._pending_void()
        self.flags = journal.flags(record.id)
        self._intents: dict[bytes, IntentRecord] = {}
        self.orders: dict[bytes, Order] = {}
        self._open_before: dict[bytes, float] = {}
        self._expiry: dict[bytes, float] = {}
        self._receipted: set[bytes] = set()
        for row in journal.intents(record.id):
            self._index(row)

    # --- what others ask ---

    @property
    def final(self) -> bool:
        return self.last is not None and self.last.state.transition is Transition.FINALIZE

    @property
    def frozen(self) -> FlagRecord | None:
        """The flag that stops the channel until the user has decided."""
        return next((row for row in self.flags if not row.resolved), None)

    @property
    def awaiting_countersignature(self) -> bool:
        return self._void is not None

    def intents(self) -> list[IntentRecord]:
        return list(self._intents.values())

    def intent(self, order: bytes) -> IntentRecord | None:
        return self._intents.get(order)

    def next_nonce(self) -> int:
        used = [row.signed.order.order_nonce for row in self._intents.values()]
        return max([self.last.state.order_nonce if self.last else 0, *used]) + 1

    def uncertain(self) -> list[Order]:
        """Intents that may still open: they count against what is available."""
        now = self.clock.monotonic()
        mark = self.last.state.order_nonce if self.last else 0
        return [
            row.signed.order
            for order, row in self._intents.items()
            if row.status in ALIVE and row.signed.order.order_nonce > mark and now <= self._open_before[order]
        ]

    # --- what the broker says ---

    def propose(self, proposal: Proposal) -> Ack | Refusal:
        """Answers a proposed state; the answer is on disk when this returns.

        Raises WalletError: SIG-… for what the broker did not sign (dropped and counted), FLAGGED for an invalid
        state (kept as evidence), HELD for a claimed time ahead of our clock, DISPUTED, RESTORED, NOT_OPEN, RES-FORK.
        """
        state, typed = proposal.state, self.domain.digest(proposal.state)
        try:
            require_signer(typed, proposal.signature, self.terms.signers(Role.BROKER))
        except WalletError:
            self.dropped += 1
            raise
        known = self.journal.by_digest(self.id, typed.digest)
        if known is not None and known.status is not Status.FLAGGED:
            return self._same(known)
        self._refuse_to_judge(state)
        flag = self._flag(state, typed.digest)
        if flag is not None:
            raise self._freeze(flag, proposal, typed.digest)
        entry = Entry(
            state, typed.digest, Role.BROKER, Status.PENDING, proposal.signature, recorded=int(self.clock.now())
        )
        if self.frozen is not None or self._void is not None:
            raise WalletError("FROZEN")
        reason = self._stale(proposal)
        if reason is not None:
            return Refusal(self._answer_with_void(entry, reason))
        return Ack(self._acknowledge(entry, typed))

    def countersigned(self, increment: int, digest: bytes, signature: bytes) -> None:
        """The broker's signature on our void: the channel goes on from there.

        Raises WalletError("ACK-UNASKED") for anything but the void that waits, SIG-… for a wrong signature.
        """
        void = self._void
        if void is None or (void.state.increment, void.digest) != (increment, digest):
            if self.last is not None and self.last.digest == digest:
                return  # said twice
            raise WalletError("ACK-UNASKED", increment=increment)
        require_signer(TypedDigest("State", digest), signature, self.terms.signers(Role.BROKER))
        signed = replace(void, status=Status.VALIDATED, broker_signature=signature)
        self._commit(signed)

    def refuse(self, flag_id: int) -> Entry | None:
        """The user's decision on a flag: a void that answers the invalid state, or None if there is none to answer.

        Nothing is sent here; the broker gets the void when he next shows the state it answers. All that he signed at
        numbers up to the void's is decided with it: the void beats it.
        """
        record = next((row for row in self.flags if row.id == flag_id and not row.resolved), None)
        if record is None:
            raise WalletError("FLAG_UNKNOWN", flag=flag_id)
        if self._void is not None and record.increment > self._void.state.increment:
            return self._void  # one answer at a time: this flag stays until that one is countersigned
        if self._void is not None or not self._is_answerable(record):
            self.journal.resolve_flag(flag_id)  # evidence only: there is nothing here to answer
            self.flags = self.journal.flags(self.id)
            return self._void
        if self.final or self.disputed:
            raise WalletError("REFUSE_IMPOSSIBLE", increment=record.increment)
        state = proposed_state(record.raw)
        entry = Entry(state, record.digest, Role.BROKER, Status.REFUSED, record.signature, recorded=record.time)
        decided = [row.id for row in self.flags if row.increment <= record.increment + 1]
        return self._answer_with_void(entry, record.flag.code, decided)

    def _is_answerable(self, record: FlagRecord) -> bool:
        if self.last is None:
            return False
        return 0 < record.increment - self.last.state.increment <= FAR and record.increment < MAX_INCREMENT

    def adopt(self, entries: list[Entry], intents: Iterable[SignedOrder] = ()) -> int:
        """Takes back validated states we lost, proved by our own signature and the chain; how many.

        ``intents`` are the orders that they open. Raises WalletError("RES-AHEAD-NO-PROOF" | "RES-FORGED-OURS" |
        "RES-GAP" | "RES-FORK").
        """
        for signed in intents:
            self._take_back(signed)
        adopted = 0
        for entry in entries:
            typed = self.domain.digest(entry.state)
            if entry.trader_signature is None or entry.broker_signature is None:
                raise WalletError("RES-AHEAD-NO-PROOF", increment=entry.state.increment)
            try:
                require_signer(typed, entry.trader_signature, self.terms.signers(Role.TRADER))
                require_signer(typed, entry.broker_signature, self.terms.signers(Role.BROKER))
            except WalletError as error:
                raise WalletError("RES-FORGED-OURS", increment=entry.state.increment) from error
            if self.last is not None and entry.state.previous != self.last.digest:
                raise WalletError("RES-GAP", increment=entry.state.increment)
            mine = self.journal.own_at(self.id, entry.state.increment)
            if mine is not None and mine.digest != typed.digest:
                raise self.fork(entry.state.increment)
            now = int(self.clock.now())
            self._commit(replace(entry, digest=typed.digest, status=Status.VALIDATED, own=True, recorded=now))
            adopted += 1
        return adopted

    def fork(self, increment: int) -> WalletError:
        """Our key signed what we did not: it is in use elsewhere, and never signs here again."""
        self.journal.set_fact(self.id, "forked", str(increment).encode())
        self.forked = True
        return WalletError("RES-FORK", increment=increment)

    def is_ours(self, entry: Entry) -> bool:
        """Whether a state carries a signature of ours."""
        if entry.trader_signature is None:
            return False
        try:
            require_signer(self.domain.digest(entry.state), entry.trader_signature, self.terms.signers(Role.TRADER))
        except WalletError:
            return False
        return True

    def _take_back(self, signed: SignedOrder) -> None:
        """An order of ours that this journal lost; without it nobody here would know when it expires."""
        typed = self.domain.digest(signed.order)
        if signed.id in self._intents or signed.id != typed.digest or signed.order.channel != self.id:
            return
        with contextlib.suppress(WalletError):  # not ours, or its number is taken: fills of it are refused
            require_signer(typed, signed.signature, self.terms.signers(Role.TRADER))
            self.add_intent(IntentRecord(signed, SUBMITTED, "", int(self.clock.now())))

    # --- our own requests ---

    def add_intent(self, row: IntentRecord) -> None:
        """Keeps a signed intent, durably, before it leaves."""
        self.journal.add_intent(row.signed, row.status, row.created)
        self._index(row)

    def mark_intent(self, order: bytes, status: str, reason: str = "") -> None:
        """What the answer to our request made of an intent; states say more, and win whichever comes first."""
        row = self._intents.get(order)
        if row is None or row.status in (OPEN, FILLED, CANCELLED):
            return
        self.journal.set_intent(order, status, reason)
        self._index(replace(row, status=status, reason=reason))

    def mark_cancel(self, order: bytes, *, cancel: bytes | None = None, receipt: bytes | None = None) -> None:
        self.journal.set_cancel(order, cancel=cancel, receipt=receipt)
        row = self._intents.get(order)
        if row is None:
            return  # let go of meanwhile: it can't open any more
        self._index(replace(row, cancel=row.cancel or cancel, receipt=row.receipt or receipt))

    def forget_past_intents(self, kept: int = 500) -> None:
        """Lets go, in memory, of orders that are not open and more than ``kept`` numbers below the highest opened.

        They can never open again. Without this a program that trades for days would hold every order it ever made.
        """
        if self.last is None:
            return
        mark, resting = self.last.state.order_nonce - kept, {row.id for row in self.last.state.open_orders}
        past = [order for order, row in self._intents.items() if row.signed.order.order_nonce < mark]
        for order in past:
            if order not in resting:
                for known in (self._intents, self.orders, self._open_before, self._expiry):
                    known.pop(order)
                self._receipted.discard(order)

    def request_finalize(self, digest: bytes) -> None:
        """Remembers, durably, which state our FinalizeRequest names."""
        self.journal.set_fact(self.id, "finalize_on", digest)
        self.finalize_on = digest

    # --- inside ---

    def _same(self, known: Entry) -> Ack | Refusal:
        """The same state again: the same bytes again, never a second signature."""
        if known.status is Status.VALIDATED and known.trader_signature is not None:
            return Ack(known.trader_signature)
        if known.status is Status.REFUSED:
            for entry in self.journal.at(self.id, known.state.increment + 1):
                if entry.own and entry.state.transition is Transition.VOID:
                    return Refusal(entry)
        raise WalletError("NOT_ANSWERED", increment=known.state.increment)

    def _refuse_to_judge(self, state: State) -> None:
        """What must not even be looked at as the next state."""
        if self.signer is None:
            raise WalletError("RESTORED")
        if self.forked:
            raise WalletError("RES-FORK", increment=state.increment)
        phase = Phase(self.record.phase)
        if phase in _NOT_TRADING and (state.increment or (self.last is None and phase is not Phase.REQUESTED)):
            raise WalletError("NOT_OPEN", phase=phase.value)
        if self.disputed and state.transition not in (Transition.CANCEL_ORDER, Transition.FINALIZE):
            raise WalletError("DISPUTED")
        if rules.is_ahead(self.terms, state, int(self.clock.now())):
            raise WalletError("HELD", time=state.time, now=int(self.clock.now()))

    def _flag(self, state: State, digest: bytes) -> Flag | None:
        """The rule a validly signed state breaks, if any."""
        if state.channel != self.id:
            return Flag("CHN-OTHER-CHANNEL", self.id.hex(), state.channel.hex())
        if self.last is None:
            return rules.check_setup(self.terms, self.id, state)
        if state.increment <= self.last.state.increment or self._frozen_at(state.increment):
            return self._equivocation(state, digest)
        if self.final:
            return Flag("FIN-AFTER", "nothing after finalize", state.transition.name)
        ground = self._ground()
        return rules.check(ground, state, Role.BROKER)

    def _ground(self) -> Ground:
        assert self.last is not None
        return Ground(
            terms=self.terms,
            last=self.last.state,
            last_digest=self.last.digest,
            increment=self.last.state.increment + 1,
            orders=self.orders,
            finalize_on=self.finalize_on,
            known=lambda digest: self.journal.by_digest(self.id, digest) is not None,
        )

    def _frozen_at(self, increment: int) -> bool:
        """Whether the broker has signed another state at this number that we did not accept."""
        if self._void is not None and increment <= self._void.state.increment:
            return True
        return any(row.increment == increment for row in self.flags)

    def _equivocation(self, state: State, digest: bytes) -> Flag:
        if state.increment == 0:
            code = "INC-ZERO"
        elif self.final and self.last is not None and state.increment == self.last.state.increment:
            code = "FIN-TWICE"
        else:
            code = "EQV-TWO"
        first = next((entry.digest.hex() for entry in self.journal.at(self.id, state.increment)), "another state")
        return Flag(code, first, digest.hex())

    def _freeze(self, flag: Flag, proposal: Proposal, digest: bytes) -> WalletError:
        """Evidence first, then everything else."""
        if not self._is_kept(proposal):
            self.unkept += 1
            return WalletError("FLAGGED", rule=flag.code)
        record = FlagRecord(
            id=0,
            channel=self.id,
            increment=proposal.state.increment,
            flag=replace(flag, expected=plain(flag.expected, MAX_FINDING), got=plain(flag.got, MAX_FINDING)),
            digest=digest,
            raw=proposal.raw,
            signature=proposal.signature,
            time=int(self.clock.now()),
            last_good=self.last.state.increment if self.last else 0,
            resolved=False,
        )
        self.journal.add_flag(record)
        self.flags = self.journal.flags(self.id)
        return WalletError("FLAGGED", rule=flag.code)

    def _is_kept(self, proposal: Proposal) -> bool:
        """Whether more evidence is worth its place; the channel is frozen, or has its proof, where it is not."""
        undecided = [row for row in self.flags if not row.resolved]
        if sum(row.increment == proposal.state.increment for row in self.flags) >= PER_NUMBER:
            return False
        size = sum(len(row.raw) for row in undecided) + len(proposal.raw)
        return not undecided or (len(undecided) < MAX_FLAGS and size <= MAX_EVIDENCE)

    def _stale(self, proposal: Proposal) -> str | None:
        if self.last is None:
            return None
        if any(fill.order not in self.orders for fill in proposal.state.fills):
            return "EXPIRED-FILL"  # an order this journal lost: nobody here knows whether it has expired
        presence = Presence(
            echoed=self.echoed,
            open_before=self._open_before,
            expiry=self._expiry,
            cancelled=self._receipted,
        )
        return refusal(self.terms, self.last.state, proposal.state, presence, proposal.received)

    def _acknowledge(self, entry: Entry, typed: TypedDigest) -> bytes:
        assert self.signer is not None
        signature = self.signer.sign(typed)
        self._commit(replace(entry, status=Status.VALIDATED, trader_signature=signature, own=True))
        return signature

    def _commit(self, entry: Entry) -> None:
        """One durable step: the validated state and what it makes of our intents."""
        before = self.last
        with self.journal.store.transaction():
            self.journal.record(entry)
            changed = self._intent_changes(before.state if before else None, entry.state)
            for order, status in changed.items():
                self.journal.set_intent(order, status)
        self.last = entry
        if self._void is not None and entry.state.increment >= self._void.state.increment:
            self._void = None  # countersigned, or given back to us as what it has become
        for order, status in changed.items():
            self._intents[order] = replace(self._intents[order], status=status, reason="")

    def _intent_changes(self, before: State | None, after: State) -> dict[bytes, str]:
        old = {row.id for row in before.open_orders} if before else set()
        new = {row.id for row in after.open_orders}
        gone = FILLED if after.transition is Transition.TRADE else CANCELLED
        changes = dict.fromkeys(new - old, OPEN) | dict.fromkeys(old - new, gone)
        return {order: status for order, status in changes.items() if order in self._intents}

    def _answer_with_void(self, refused: Entry, reason: str, decided: Iterable[int] = ()) -> Entry:
        """Signs and keeps the void that answers ``refused``, and that the flags ``decided`` are; all in one step."""
        if self.last is None or self.signer is None:
            raise WalletError("REFUSE_IMPOSSIBLE", increment=refused.state.increment)
        last = self.last.state
        now = int(self.clock.now())
        state = successor(last, self.last.digest, refused.state.increment + 1, Transition.VOID, contents_of(last), now)
        typed = self.domain.digest(state)
        void = Entry(
            state,
            typed.digest,
            Role.TRADER,
            Status.PENDING,
            trader_signature=self.signer.sign(typed),
            own=True,
            recorded=now,
        )
        kept = replace(refused, status=Status.REFUSED)
        with self.journal.store.transaction():
            self.journal.record(kept)
            self.journal.record(void)
            self.journal.set_fact(self.id, f"refused-{refused.state.increment}", reason.encode())
            for flag_id in decided:
                self.journal.resolve_flag(flag_id)
        self._void, self.flags = void, self.journal.flags(self.id)
        return void

    def _pending_void(self) -> Entry | None:
        entry = self.journal.pending(self.id)
        return entry if entry is not None and entry.own and entry.state.transition is Transition.VOID else None

    def _index(self, row: IntentRecord) -> None:
        """Keeps an intent where the rules look it up; its deadlines on the monotonic clock."""
        order, order_id = row.signed.order, row.signed.id
        shift = self.clock.monotonic() - self.clock.now()
        self._intents[order_id] = row
        self.orders[order_id] = order
        self._open_before.setdefault(order_id, order.open_before + shift)
        self._expiry.setdefault(order_id, order.expiry + shift)
        if row.receipt or row.status == REJECTED:
            self._receipted.add(order_id)  # said to be dead: placed again by now, for all the broker knows


def proposed_state(raw: bytes) -> State:
    """The state in the bytes of a ``propose`` request, as they arrived."""
    frame: codec.Json = strictjson.loads(raw)
    return codec.read_state(frame["params"]["envelope"], frame["params"]["state"])
