"""A whole channel history, checked from nothing but its own rows: what it proves, and the first row that proves wrong.

Digests are computed anew, signatures checked by the strict rules, the hash chain followed, every state held against
the rules and the intents it rests on. The signatures of some hundred rows are checked together, which is twice as fast
(:mod:`wallet.protocol.batch`); only if anything there does not hold, they are gone through one by one, and that says
what and where. Source: seed "Increment", design §3 and §5.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from wallet.history.journal import ChannelRecord, Entry, FlagRecord, IntentRecord, Status
from wallet.history.signed_orders import Require, SignedOrders
from wallet.protocol import rules
from wallet.protocol.batch import SignatureBatch
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.rules import Flag, Ground
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role, Terms, check_terms
from wallet.protocol.typed import TypedDigest

PROGRESS_EVERY = 200


class History(Protocol):
    """Where a history is read from: a journal, or a reader of one."""

    def channel(self, channel: bytes) -> ChannelRecord | None: ...
    def count(self, channel: bytes) -> int: ...
    def walk(self, channel: bytes, *, after: int = -1, upto: int | None = None) -> Iterator[Entry]: ...
    def intent(self, order: bytes) -> IntentRecord | None: ...
    def walk_intents(self, channel: bytes, *, after: int = -1, upto: int | None = None) -> Iterator[IntentRecord]: ...
    def flags(self, channel: bytes | None = None) -> list[FlagRecord]: ...
    def missing(self, channel: bytes) -> int | None: ...
    def stray(self) -> str | None: ...
    def lost(self) -> tuple[int, int] | None: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """``states`` were looked at and ``validated`` of them hold, up to ``increment``.

    ``bad`` is the number of the first row that does not hold (None: all do), ``code`` says why; ``complete`` is
    False if the check was stopped before its end.
    """

    states: int
    validated: int
    increment: int
    bad: int | None = None
    code: str = ""
    expected: str = ""
    got: str = ""
    complete: bool = True

    @property
    def sound(self) -> bool:
        return self.complete and self.bad is None


class _Bad(Exception):
    """The row at ``increment`` does not hold."""

    def __init__(self, increment: int, code: str, expected: object = "", got: object = "") -> None:
        super().__init__(code)
        self.increment, self.code, self.expected, self.got = increment, code, str(expected), str(got)


def verify_history(
    history: History,
    channel: bytes,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Verdict:
    """Checks every state of ``channel``; ``progress`` is told (done, all) every few hundred states.

    ``cancelled`` is asked as often, and stops the check when it says so. Never raises for what the history says;
    WalletError("CHANNEL_UNKNOWN") if there is no such channel, WalletError("STORE_…") if it can't be read at all.
    """
    lost = history.lost()  # first of all: the mark moves while others write
    total = history.count(channel)
    found, rows = verify_part(history, channel, Span(), lambda done: progress(done, total), cancelled)
    if found.sound:
        found = verify_whole(history, channel, found, rows, lost)
    if found.sound:
        found = verify_orders(history, channel, found)
    if found.sound:
        progress(found.states, total)
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """The rows above increment (orders: nonce) ``after``, up to ``upto`` (None: to the end).

    If ``after`` is not -1, the state validated there is taken as it stands: it is the last of the span before.
    """

    after: int = -1
    upto: int | None = None


def verify_part(
    history: History,
    channel: bytes,
    span: Span,
    progress: Callable[[int], None] = lambda _done: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Verdict, int]:
    """Checks the rows of one span; spans that follow one another show together what the whole history shows.

    Also tells how many rows the channel must have, by the numbers that these carry.
    """
    record = history.channel(channel)
    if record is None:
        raise WalletError("CHANNEL_UNKNOWN", channel="0x" + channel.hex())
    check, batch = _Check(record, history), SignatureBatch(secrets.token_bytes)
    rows = 0
    try:
        check.terms()
        if span.after >= 0:
            for entry in history.walk(channel, after=span.after - 1, upto=span.after):
                check.follow(entry)
        for some in _some(history.walk(channel, after=span.after, upto=span.upto)):
            together = check.together(some, batch)
            if together is None:
                check.rows(some)
            check = together or check
            rows = max(rows, max(entry.number for entry in some) + 1)
            if len(some) == PROGRESS_EVERY:
                progress(check.done)
                if cancelled():
                    return replace(check.verdict(), complete=False), rows
        if span.upto is None:
            check.end()
    except (_Bad, WalletError) as error:
        return _damning(error, check.verdict()), rows
    return check.verdict(), rows


def _some(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Rows some hundred at a time; those before one that can't be read come before its error."""
    some: list[Entry] = []
    try:
        for entry in entries:
            some.append(entry)
            if len(some) == PROGRESS_EVERY:
                yield some
                some = []
    except WalletError:
        if some:
            yield some
        raise
    if some:
        yield some


def verify_whole(history: History, channel: bytes, found: Verdict, rows: int, lost: tuple[int, int] | None) -> Verdict:
    """What states can show together alone: that there are all. ``found`` is of all of them, each of which holds.

    ``lost`` is what the history's mark said before anything was looked at.
    """
    if found.states != rows:
        bad = _Bad(history.missing(channel) or 0, "STATE_MISSING", f"{rows} rows", f"{found.states} rows")
        return _damning(bad, found)
    if lost is not None:
        return _damning(_Bad(found.increment + 1, "STATE_LOST", f"row {lost[0]}", f"row {lost[1]}"), found)
    return found


def verify_orders(history: History, channel: bytes, found: Verdict, span: Span | None = None) -> Verdict:
    """Orders (those of ``span`` of nonces) and flags that no state needs are what was written, too."""
    span = span or Span()
    try:
        for _ in history.walk_intents(channel, after=span.after, upto=span.upto):
            pass  # reading them is the check
        if span.upto is None:
            history.flags(channel)
            if (table := history.stray()) is not None:
                raise _Bad(found.increment, "ROW_STRAY", "a channel of this file", table)
    except (_Bad, WalletError) as error:
        return _damning(error, found)
    return found


def _damning(error: _Bad | WalletError, found: Verdict) -> Verdict:
    """The verdict that an error means; raises it again if it says nothing about the history."""
    if isinstance(error, _Bad):
        return replace(found, bad=error.increment, code=error.code, expected=error.expected, got=error.got)
    if error.code not in ("STATE_UNREADABLE", "INTENT_UNREADABLE", "FLAG_UNREADABLE"):
        raise error
    at = error.params.get("increment", found.increment)
    return replace(found, bad=int(str(at)), code=error.code)


class _Check:
    """What is known after each row, from the lowest number up."""

    def __init__(self, record: ChannelRecord, history: History) -> None:
        self._require: Require = require_signer
        self._id = record.id
        self._role = record.role
        self._terms: Terms = record.terms
        self._domain: Domain = record.domain
        self._orders = SignedOrders(history.intent, record)
        self._last: Entry | None = None
        self._owed: Role | None = None  # whose signature the last validated state still lacks
        self._refused: Entry | None = None  # waits for the void that answers it
        self._pending: Entry | None = None
        self._ours: Entry | None = None  # the last row that we signed
        self._validated = 0
        self.done = 0

    def verdict(self) -> Verdict:
        return Verdict(self.done, self._validated, self._last.state.increment if self._last else 0)

    def terms(self) -> None:
        """The terms are some a channel may have, and this channel's own."""
        try:
            check_terms(self._terms)
        except WalletError as error:
            raise _Bad(0, error.code) from error
        digest = self._domain.digest(self._terms).digest
        if digest != self._id:
            raise _Bad(0, "CHANNEL_TERMS", digest.hex(), self._id.hex())

    def follow(self, entry: Entry) -> None:
        """Takes a row of the last increment that was checked elsewhere as what the next ones stand on."""
        if entry.status is Status.VALIDATED:
            self._last, self._owed = entry, next((role for role in Role if entry.signature(role) is None), None)
        if entry.signature(self._role) is not None:
            self._ours = entry

    def rows(self, entries: Sequence[Entry]) -> None:
        """Each by itself, up to the first that does not hold."""
        self._ask(require_signer)
        for entry in entries:
            self._row(entry)
            self.done += 1

    def together(self, entries: Sequence[Entry], batch: SignatureBatch) -> _Check | None:
        """What is known after all of them, their signatures checked as one; None if anything does not hold."""
        after = copy.copy(self)
        after._ask(batch.add)
        try:
            for entry in entries:
                after._row(entry)
        except (_Bad, WalletError):
            batch.drop()
            return None
        after.done += len(entries)
        return after if batch.hold() else None

    def _ask(self, require: Require) -> None:
        """Who is asked about signatures from here on. What was seen to hold stays so."""
        self._require = require
        self._orders = self._orders.asking(require)

    def _row(self, entry: Entry) -> None:
        state = entry.state
        typed = self._domain.digest(state)
        digest = typed.digest
        if digest != entry.digest:
            raise _Bad(state.increment, "STATE_DIGEST", digest.hex(), entry.digest.hex())
        if state.channel != self._id:
            raise _Bad(state.increment, "CHN-OTHER-CHANNEL", self._id.hex(), state.channel.hex())
        self._signatures(entry, typed)
        if entry.status is Status.FLAGGED:
            return  # evidence: that its issuer signed it is all it has to show
        if self._pending is not None:
            raise _Bad(self._pending.state.increment, "STATE_UNANSWERED", "the highest state", state.increment)
        if entry.status is Status.REFUSED:
            self._refuse(entry)
        else:
            self._advance(entry)

    def end(self) -> None:
        """Nothing is left open that an unanswered state at the very top does not explain."""
        if self._refused is not None:
            raise _Bad(self._refused.state.increment, "STATE_UNVOIDED", "a void that answers it", "none")
        self._require_paid()

    # --- one row ---

    def _signatures(self, entry: Entry, typed: TypedDigest) -> None:
        """All that are there are strict and by the right role; the issuer's is there; ours only once per number."""
        increment = entry.state.increment
        for role in Role:
            signature = entry.signature(role)
            if signature is None:
                if role is entry.issuer:
                    raise _Bad(increment, "SIG-MISSING", role.name, "none")
                continue
            try:
                self._require(typed, signature, self._terms.signers(role))
            except WalletError as error:
                raise _Bad(increment, error.code, role.name, error.params.get("got", "")) from error
        if entry.signature(self._role) is not None:
            if self._ours is not None and self._ours.state.increment == increment:
                raise _Bad(increment, "SIGNED_TWICE", self._ours.digest.hex(), entry.digest.hex())
            self._ours = entry

    def _refuse(self, entry: Entry) -> None:
        """A refused state: only its issuer signed it, and a void follows."""
        if entry.signature(entry.issuer.other) is not None:
            raise _Bad(entry.state.increment, "REFUSED_SIGNED", "no signature", entry.issuer.other.name)
        if self._refused is not None:
            raise _Bad(self._refused.state.increment, "STATE_UNVOIDED", "a void that answers it", entry.state.increment)
        self._refused = entry

    def _advance(self, entry: Entry) -> None:
        """A validated state, or one at the top that waits for its answer."""
        state = entry.state
        flag = self._flag(entry)
        if flag is not None:
            raise _Bad(state.increment, flag.code, flag.expected, flag.got)
        if self._owed is not None and entry.signature(self._owed) is not None:
            self._owed = None  # by signing a new state he validates the one before (seed)
        self._refused = None
        if entry.status is Status.PENDING:
            self._pending = entry
            return
        self._require_paid()
        self._owe(entry)
        self._last = entry
        self._validated += 1

    def _flag(self, entry: Entry) -> Flag | None:
        """The rule this state breaks, seen from the last validated one."""
        state = entry.state
        if self._last is None:
            return rules.check_setup(self._terms, self._id, state)
        last = self._last
        if last.state.transition is Transition.FINALIZE:
            return Flag("FIN-AFTER", "nothing after finalize", state.transition.name)
        ground = Ground(
            terms=self._terms,
            last=last.state,
            last_digest=last.digest,
            increment=last.state.increment + 1,
            orders=self._orders,
            finalize_on=last.digest,  # the trader's request is in his signature on the state itself
        )
        if state.transition is not Transition.VOID:
            if self._refused is not None:
                return Flag("STATE_UNVOIDED", "a void", state.transition.name)
            return rules.check(ground, state, entry.issuer)
        # it answers a state of a higher number than the last, which a side that adopted the void may not have
        answered = self._refused.state.increment if self._refused else max(ground.increment, state.increment - 1)
        if entry.issuer is not last.state.turn.other:
            return Flag("TRN-NOT-HIS", last.state.turn.other.name, entry.issuer.name)
        return rules.check_void(replace(ground, increment=answered + 1), state)

    def _owe(self, entry: Entry) -> None:
        """Remembers whose signature a validated state lacks: the next state must bring it."""
        for role in Role:
            if entry.signature(role) is None:
                if entry.state.transition in (Transition.SETUP, Transition.FINALIZE):
                    raise _Bad(entry.state.increment, "SIG-MISSING", role.name, "none")
                self._owed = role

    def _require_paid(self) -> None:
        if self._owed is not None and self._last is not None:
            raise _Bad(self._last.state.increment, "SIG-MISSING", self._owed.name, "none")
