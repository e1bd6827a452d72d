"""The trader's half of one channel: what arrives is checked, answered and on disk before the answer leaves.

Receive → check → sign → commit → answer, one state at a time. The journal's unique index stands behind it as the
last guard of *one digest per increment*. Source: seed (both diagrams), design §3–§5 and §8 "Resume".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wallet.history.journal import ChannelRecord, Entry, FlagRecord, Journal, Status
from wallet.history.seat import Seat, answer_of, implied, is_answerable
from wallet.protocol.errors import WalletError
from wallet.protocol.evidence import state_in
from wallet.protocol.intents import Order
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import State, Transition, setup_state
from wallet.protocol.terms import Role
from wallet.protocol.turns import YieldMeter
from wallet.protocol.typed import TypedDigest
from wallet.session.answers import Ack, Answer, Next, Proposal, Refusal, SoundSigner, StateSigner
from wallet.session.clock import Clock
from wallet.session.evidence import Evidence
from wallet.session.judging import flag_of, require_judgeable, staleness
from wallet.session.phases import Phase
from wallet.session.requests import REJECTED, SUBMITTED, Requests
from wallet.session.turns import Turns, next_state
from wallet.wire import frames
from wallet.wire.messages import Propose


class TraderChannel:
    """One channel of ours. Not thread-safe; belongs to the driver's loop.

    ``requests`` is what we asked for in it, ``evidence`` what the broker signed and must not have. A ``restored`` one
    can't know what was signed in it elsewhere: its signer is the owner, for cancels and the end (design §8).
    """

    def __init__(self, journal: Journal, record: ChannelRecord, signer: StateSigner | None, clock: Clock) -> None:
        """``signer`` is the session key; of a restored channel the owner's, None while that is not at hand."""
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
        self.restored = journal.fact(record.id, "restored") is not None
        self.shown = journal.fact(record.id, "shown") is not None  # his signed Resume is kept: what he called highest
        self.dropped = 0
        self.held: int | None = None  # the claimed time of a state that is ahead of our clock and waits
        waiting = journal.pending(record.id)
        voided = waiting is not None and waiting.state.transition is Transition.VOID
        self.void = waiting if voided else None  # ours that waits for the broker's signature
        self.pending = None if voided else waiting  # what we issued, and he has not answered
        self.turns = Turns()
        self.problem: WalletError | None = None  # why the broker gave no answer to what we issued
        self.requests = Requests(journal, record.id, clock)
        self.evidence = Evidence(journal, record.id, clock)

    @property
    def signer(self) -> StateSigner | None:
        """The key, for as long as the journal takes what it signs."""
        return self._signer

    @signer.setter
    def signer(self, key: StateSigner | None) -> None:
        self._signer = None if key is None else SoundSigner(key, self.journal.store)

    # --- what others ask ---

    @property
    def final(self) -> bool:
        return self.last is not None and self.last.state.transition is Transition.FINALIZE

    @property
    def frozen(self) -> FlagRecord | None:
        """The flag that stops the channel until the user has decided."""
        return next(iter(self.evidence.undecided), None)

    @property
    def mark(self) -> int:
        """The orderNonce of the last state: no order up to it can open any more."""
        return self.last.state.order_nonce if self.last else 0

    def next_nonce(self) -> int:
        return self.requests.next_nonce(self.mark)

    def uncertain(self) -> list[Order]:
        """Orders that may still open: they count against what is available."""
        return self.requests.uncertain(self.mark)

    # --- what the broker says ---

    def propose(self, proposal: Proposal) -> Answer:
        """Answers a proposed state; the answer is on disk when this returns.

        Raises WalletError: SIG-… for what the broker did not sign (dropped and counted), FLAGGED for an invalid
        state (kept as evidence), HELD for a claimed time ahead of our clock, DISPUTED, RESTORED, NOT_OPEN, RES-FORK,
        RATE and TRN-YIELD-STORM for yields that come too fast.
        """
        state, typed = proposal.state, self.domain.digest(proposal.state)
        try:
            require_signer(typed, proposal.signature, self.terms.signers(Role.BROKER))
        except WalletError:
            self.dropped += 1
            raise
        known = None if self._is_new(state) else self.journal.by_digest(self.id, typed.digest)
        if known is not None and known.status is not Status.FLAGGED:
            return self._same(known)
        self.held = None
        require_judgeable(self, state)
        basis = implied(self.pending, state)
        if basis is not None:
            self.commit(basis)  # he signed what stands on it: that is its answer, whatever this state is
        flag = flag_of(self, state, typed.digest)
        if flag is not None:
            self.evidence.keep(flag, proposal, typed.digest, self.last.state.increment if self.last else 0)
            raise WalletError("FLAGGED", rule=flag.code)
        entry = Entry(
            state, typed.digest, Role.BROKER, Status.PENDING, proposal.signature, recorded=int(self.clock.now())
        )
        if self.frozen is not None or self.void is not None:
            raise WalletError("FROZEN")
        reason = staleness(self, proposal)
        if reason is not None:
            return Refusal(self._answer_with_void(entry, reason), reason)
        if state.transition is Transition.YIELD:
            self._count_yield()
            following = next_state(self, entry, answering=True)
            if following is not None:
                return Next(self._issue(following, entry).digest)
        return Ack(self._acknowledge(entry, typed))

    def countersigned(self, increment: int, digest: bytes, signature: bytes) -> None:
        """The broker's signature on our void: the channel goes on from there.

        Raises WalletError("ACK-UNASKED") for anything but the void that waits, SIG-… for a wrong signature.
        """
        void = self.void
        if void is None or (void.state.increment, void.digest) != (increment, digest):
            known = self.journal.by_digest(self.id, digest)
            if known is not None and known.status is Status.VALIDATED:
                return  # said twice, or taken back meanwhile
            raise WalletError("ACK-UNASKED", increment=increment)
        require_signer(TypedDigest("State", digest), signature, self.terms.signers(Role.BROKER))
        self.commit(replace(void, status=Status.VALIDATED, broker_signature=signature))

    def refuse(self, flag_id: int) -> Entry | None:
        """The user's decision on a flag: a void that answers the invalid state, or None if there is none to answer.

        Nothing is sent here; the broker gets the void when he next shows the state it answers. All that he signed at
        numbers up to the void's is decided with it: the void beats it.
        """
        record = self.evidence.find(flag_id)
        if record is None:
            raise WalletError("FLAG_UNKNOWN", flag=flag_id)
        if self.void is not None and record.increment > self.void.state.increment:
            return self.void  # one answer at a time: this flag stays until that one is countersigned
        if self.void is not None or not is_answerable(self.last, self.pending, record.increment):
            self.evidence.resolve([flag_id])  # evidence only: there is nothing here to answer
            self.evidence.reload()
            return self.void
        if self.final or self.disputed or self.restored:
            raise WalletError("REFUSE_IMPOSSIBLE", increment=record.increment)
        state = state_in(record.raw)
        entry = Entry(state, record.digest, Role.BROKER, Status.REFUSED, record.signature, recorded=record.time)
        decided = [row.id for row in self.evidence.rows if row.increment <= record.increment + 1]
        return self._answer_with_void(entry, record.flag.code, decided)

    def fork(self, increment: int) -> WalletError:
        """Our key signed what we did not: it is in use elsewhere, and never signs here again."""
        self.journal.set_fact(self.id, "forked", str(increment).encode())
        self.forked = True
        return WalletError("RES-FORK", increment=increment)

    def roll_back(self, why: str) -> None:
        """This journal is not all that our key has signed: it trades no more, and the session key signs no more."""
        if not self.restored:
            self.journal.set_fact(self.id, "restored", why.encode())
            self.restored, self.signer = True, None

    def keep_shown(self, resume: bytes) -> None:
        """Keeps what the broker signed as the highest state: whoever shows a higher one later has lied."""
        self.journal.set_fact(self.id, "shown", resume)
        self.shown = True

    def request_finalize(self, digest: bytes) -> None:
        """Remembers, durably, which state our FinalizeRequest names."""
        self.journal.set_fact(self.id, "finalize_on", digest)
        self.finalize_on = digest

    def commit(self, entry: Entry) -> None:
        """One durable step: the validated state and what it makes of our requests."""
        with self.journal.store.transaction():
            self.journal.record(entry)
            changes = self.requests.record(self.last.state if self.last else None, entry.state)
        self.last = entry
        if entry.state.transition is Transition.YIELD:
            self.turns.passed(entry.state)
        if self.void is not None and entry.state.increment >= self.void.state.increment:
            self.void = None  # countersigned, or given back to us as what it has become
        if self.pending is not None and entry.state.increment >= self.pending.state.increment:
            self.pending = None
        self.requests.apply(changes)

    # --- what we issue in our turn ---

    @property
    def seat(self) -> Seat:
        """Our place in the channel. WalletError("RESTORED") where we have no key for it."""
        if self.signer is None:
            raise WalletError("RESTORED")
        return Seat(self.domain, self.terms, Role.TRADER, self.signer)

    def set_up(self, owner: StateSigner) -> Entry:
        """The seed's Setup: state 0 with the owner's signature, on disk."""
        now = int(self.clock.now())
        entry = replace(self.seat, signer=SoundSigner(owner, self.journal.store)).issue(
            setup_state(self.terms, self.id, now), now
        )
        self.journal.record(entry)
        self.pending = entry
        return entry

    def issue(self) -> None:
        """Issues what is next, if anything is and nothing waits for an answer; on disk when this returns."""
        if self.pending is None and self.last is not None:
            state = next_state(self, self.last)
            if state is not None:
                self._issue(state)

    def _issue(self, state: State, basis: Entry | None = None) -> Entry:
        """``basis``: a yield of the broker's that this state validates, in the same step."""
        entry = self.seat.issue(state, int(self.clock.now()))
        with self.journal.store.transaction():
            if basis is not None:
                self.journal.record(replace(basis, status=Status.VALIDATED))
            self.journal.record(entry)
        if basis is not None:
            self.last = replace(basis, status=Status.VALIDATED)
            self.turns.passed(basis.state)
        self.pending = entry
        if state.transition is Transition.CREATE_ORDER:
            self.requests.mark(state.open_orders[-1].id, SUBMITTED)
        elif state.transition is Transition.YIELD:
            self.turns.yielded_at = self.clock.monotonic()
        return entry

    def acknowledged(self, own: bytes, signature: bytes) -> None:
        """The broker's ACK of the state on which our signature is ``own``. Raises WalletError("SIG-…")."""
        if self.pending is not None and self.pending.trader_signature == own:
            self.commit(self.seat.take_ack(self.pending, signature))
        elif self.last is not None and self.last.trader_signature == own and self.last.broker_signature is None:
            self.last = self.seat.take_ack(self.last, signature)  # his next state had said so already
            self.journal.record(self.last)

    def refused(self, own: bytes, void: State, signature: bytes, reason: str) -> Entry | None:
        """His Refuse of it: countersigned, the channel goes on from there; the void, to be handed over.

        Raises WalletError, with nothing changed, for anything that is no valid Refuse; FLAGGED, with the evidence kept,
        for one of a state that he has answered otherwise before.
        """
        entry = self.pending
        if entry is None or entry.trader_signature != own:
            self._keep_second_answer(void, signature)
            return None
        now = int(self.clock.now())
        taken = self.seat.take_refusal(self.last, entry, void, signature, self.requests.orders, now)
        with self.journal.store.transaction():
            self.journal.record(replace(entry, status=Status.REFUSED))
            self.journal.record(taken)
        self.last, self.pending = taken, None
        if entry.state.transition is Transition.CREATE_ORDER:
            self.requests.mark(entry.state.open_orders[-1].id, REJECTED, reason or "REFUSED")
        return taken

    # --- inside ---

    def _keep_second_answer(self, void: State, signature: bytes) -> None:
        """A void where he had signed another state: by it he could go back to before what he has validated."""
        typed = self.domain.digest(void)
        if self.last is None or self.journal.by_digest(self.id, typed.digest) is not None:
            return  # said twice, or taken back meanwhile
        require_signer(typed, signature, self.terms.signers(Role.BROKER))
        flag = flag_of(self, void, typed.digest)
        if flag is not None:  # it came in an answer: kept in the form in which states are shown
            raw = frames.request(0, "propose", Propose(void, signature, ()).show())
            proposal = Proposal(void, signature, raw, self.clock.monotonic())
            self.evidence.keep(flag, proposal, typed.digest, self.last.state.increment)
            raise WalletError("FLAGGED", rule=flag.code)

    def _is_new(self, state: State) -> bool:
        """Whether it is the next one, and nothing was ever recorded at its number: what most states are."""
        if self.last is None or self.void is not None or self.pending is not None:
            return False
        return state.increment == self.last.state.increment + 1 and not self.evidence.is_at(state.increment)

    def _same(self, known: Entry) -> Answer:
        """The same state again: the same bytes again, never a second answer."""
        answer = answer_of(self.journal, Role.TRADER, known)
        if answer is None or answer.trader_signature is None:
            raise WalletError("NOT_ANSWERED", increment=known.state.increment)
        if answer.digest == known.digest:
            return Ack(answer.trader_signature)
        if known.status is Status.REFUSED:
            reason = self.journal.fact(self.id, f"refused-{known.state.increment}")
            return Refusal(answer, reason.decode() if reason else None)
        return Next(answer.digest)

    def _count_yield(self) -> None:
        """TRN-YIELD-STORM: each yield costs us a signature and a place in the history."""
        now = self.clock.monotonic()
        if self.turns.meter is None:
            self.turns.meter = YieldMeter(self.terms.yield_interval, now)
        meter = self.turns.meter
        wait = meter.take(now)
        if meter.is_storm:
            meter.strikes = 0
            raise WalletError("TRN-YIELD-STORM")
        if wait:
            raise WalletError("RATE", retryAfterMs=int(wait * 1_000) + 1)

    def _acknowledge(self, entry: Entry, typed: TypedDigest) -> bytes:
        signed = self.seat.acknowledge(entry, typed)
        self.commit(signed)
        assert signed.trader_signature is not None
        return signed.trader_signature

    def _answer_with_void(self, refused: Entry, reason: str, decided: Iterable[int] = ()) -> Entry:
        """Signs and keeps the void that answers ``refused``, and that the flags ``decided`` are; all in one step."""
        if self.last is None or self.signer is None:
            raise WalletError("REFUSE_IMPOSSIBLE", increment=refused.state.increment)
        void = self.seat.refuse(self.last, refused, int(self.clock.now()))
        kept = replace(refused, status=Status.REFUSED)
        with self.journal.store.transaction():
            self.journal.record(kept)
            self.journal.record(void)
            self.journal.set_fact(self.id, f"refused-{refused.state.increment}", reason.encode())
            self.evidence.resolve(decided)
        self.void = void
        self.evidence.reload()
        return void
