"""One role's seat at a channel: what each step of the exchange puts on record, alike for whoever issues.

Pure but for the key: entries in, entries out. The caller commits them, in one transaction with what follows from
them, before anything leaves. Source: seed ("by signing a new state the party implicitly validates the previous
state"), design §3 (ACK, Refuse, implicit validation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from wallet.history.journal import Entry, Journal, Status
from wallet.protocol import rules
from wallet.protocol.amounts import MAX_INCREMENT
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order
from wallet.protocol.rules import Flag, Ground, check_void
from wallet.protocol.shown import show
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role, Terms
from wallet.protocol.transitions import contents_of, successor
from wallet.protocol.typed import TypedDigest

FAR = 2**20  # numbers above the last state at which there is nothing to answer: a void there would use them all up
NEEDS_BOTH = (Transition.SETUP, Transition.FINALIZE)  # never validated by a successor


class StateSigner(Protocol):
    """A key that signs the protocol's own structs and nothing else."""

    @property
    def address(self) -> bytes: ...

    def sign(self, typed: TypedDigest) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Seat:
    """Who signs: ``role`` with the key ``signer``. Times are Unix seconds."""

    domain: Domain
    terms: Terms
    role: Role
    signer: StateSigner

    # --- as issuer ---

    def issue(self, state: State, now: int) -> Entry:
        """Our state with our signature; it awaits its answer."""
        typed = self.domain.digest(state)
        entry = Entry(state, typed.digest, self.role, Status.PENDING, recorded=now)
        return entry.signed(self.role, self.signer.sign(typed), own=True)

    def take_ack(self, entry: Entry, signature: bytes) -> Entry:
        """What we issued, validated by the other's signature. WalletError("SIG-…") if it is none of his."""
        other = self.role.other
        require_signer(TypedDigest("State", entry.digest), signature, self.terms.signers(other))
        return replace(entry.signed(other, signature, own=False), status=Status.VALIDATED)

    def take_refusal(
        self, last: Entry | None, entry: Entry, void: State, signature: bytes, orders: Mapping[bytes, Order], now: int
    ) -> Entry:
        """The other's void that answers ``entry``, countersigned. WalletError for anything that is no such void.

        A finalize is never beaten by one: with our signature on it and his own, whoever refused it could settle by it
        at once, whatever was signed after the void.
        """
        if last is None:
            raise WalletError("VOID_SETUP")
        if entry.state.transition is Transition.FINALIZE:
            raise WalletError("VOID_FINALIZE", increment=entry.state.increment)
        ground = Ground(self.terms, last.state, last.digest, entry.state.increment + 1, orders)
        flag = check_void(ground, void)
        if flag is not None:
            raise WalletError(flag.code, expected=flag.expected[:100], got=flag.got[:100])
        typed = self.domain.digest(void)
        require_signer(typed, signature, self.terms.signers(self.role.other))
        taken = Entry(void, typed.digest, self.role.other, Status.VALIDATED, recorded=now)
        taken = taken.signed(self.role.other, signature, own=False)
        return taken.signed(self.role, self.signer.sign(typed), own=True)

    # --- as receiver ---

    def received(self, state: State, signature: bytes, now: int) -> Entry:
        """The other's state, not answered. WalletError("SIG-…") if he did not sign it."""
        typed = self.domain.digest(state)
        require_signer(typed, signature, self.terms.signers(self.role.other))
        entry = Entry(state, typed.digest, self.role.other, Status.PENDING, recorded=now)
        return entry.signed(self.role.other, signature, own=False)

    def acknowledge(self, entry: Entry, typed: TypedDigest | None = None) -> Entry:
        """The ACK: our signature on the same digest; ``typed``, if who asks has it already."""
        typed = typed or self.domain.digest(entry.state)
        assert typed.digest == entry.digest
        signature = self.signer.sign(typed)
        return replace(entry.signed(self.role, signature, own=True), status=Status.VALIDATED)

    def refuse(self, last: Entry, entry: Entry, now: int) -> Entry:
        """The void that answers ``entry``: the contents of ``last``; it awaits the issuer's countersignature."""
        contents = contents_of(last.state)
        return self.issue(
            successor(last.state, last.digest, entry.state.increment + 1, Transition.VOID, contents, now), now
        )


def is_answerable(last: Entry | None, pending: Entry | None, increment: int) -> bool:
    """Whether a void may still answer a state at ``increment``: not beside what we issued ourselves and is open."""
    if last is None or pending is not None:
        return False
    return 0 < increment - last.state.increment <= FAR and increment < MAX_INCREMENT


def implied(pending: Entry | None, successor_of: State) -> Entry | None:
    """``pending`` as validated by the other's signature on a state that names it; None if none does."""
    if pending is None or successor_of.previous != pending.digest or pending.state.transition in NEEDS_BOTH:
        return None
    return replace(pending, status=Status.VALIDATED)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a channel stands for who judges the other's next state; both sides judge alike.

    ``void`` is our own that waits for its countersignature; ``orders`` the signed intents by id; ``finalize_on`` the
    state our FinalizeRequest names.
    """

    terms: Terms
    last: Entry
    void: Entry | None
    orders: Mapping[bytes, Order]
    finalize_on: bytes | None = None

    def flag_of(
        self, journal: Journal, state: State, digest: bytes, issuer: Role, *, taken: bool = False
    ) -> Flag | None:
        """The rule that a state ``issuer`` validly signed breaks, if any.

        ``taken``: he signed another state at this number before, which was not accepted: that is kept as evidence.
        """
        last = self.last.state
        top = self.void.state.increment if self.void is not None else last.increment
        if state.increment <= top or taken:
            return self._equivocation(journal, state, digest)
        if last.transition is Transition.FINALIZE:
            return Flag("FIN-AFTER", "nothing after finalize", state.transition.name)
        ground = Ground(
            terms=self.terms,
            last=last,
            last_digest=self.last.digest,
            increment=last.increment + 1,
            orders=self.orders,
            finalize_on=self.finalize_on,
            known=lambda digest: journal.by_digest(state.channel, digest) is not None,
        )
        return rules.check(ground, state, issuer)

    def _equivocation(self, journal: Journal, state: State, digest: bytes) -> Flag:
        """A second digest where one was signed already, and never the same one again: that is answered, not judged."""
        last = self.last.state
        if state.increment == 0:
            code = "INC-ZERO"
        elif last.transition is Transition.FINALIZE and state.increment == last.increment:
            code = "FIN-TWICE"
        else:
            code = "EQV-TWO"
        first = next((show(entry.digest) for entry in journal.at(state.channel, state.increment)), "another state")
        return Flag(code, first, show(digest))


def answer_of(journal: Journal, role: Role, known: Entry) -> Entry | None:
    """What ``role`` answered to ``known``, as it is on disk: the entry itself (ACK), the void that refused it, or the
    state issued upon it; None if it is not answered."""
    if known.signature(role) is not None and known.status is Status.VALIDATED:
        return known
    for entry in journal.at(known.state.channel, known.state.increment + 1):
        if entry.signature(role) is None:
            continue
        if entry.state.transition is Transition.VOID and known.status is Status.REFUSED:
            return entry
        if entry.state.previous == known.digest:
            return entry
    return None
