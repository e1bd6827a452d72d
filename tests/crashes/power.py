"""Power loss, judged: what one wallet's disk may hold after a cut, opened by the program's own store and driver.

The promise: it opens, it verifies, it holds all that had left for the broker, and whatever a hostile broker then
shows, no second digest is signed at a number at which one has left.
"""

from __future__ import annotations

import json
import random
import shutil
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tests.broker.kit import BROKER_SIGNER
from tests.crashes.disk import Disk
from tests.crashes.trace import Event, Send, Sync
from tests.crashes.wallet_worker import MEMORY, PASSWORD
from tests.end_to_end.recording import Stream
from wallet.app.installation import Installation
from wallet.history.journal import Entry, Journal
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history
from wallet.keys.vault import SessionKeys, open_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role
from wallet.session.answers import Ack, Proposal, Refusal
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock

LATELY = 3  # numbers below the last at which the hostile broker tries


@dataclass
class Sent:
    """What had left one wallet for the broker."""

    acks: set[bytes] = field(default_factory=set)  # signatures on states
    orders: set[bytes] = field(default_factory=set)  # signatures of intents
    cancels: set[bytes] = field(default_factory=set)
    channels: set[bytes] = field(default_factory=set)  # the owner's signatures on terms
    resumed: int = -1

    @property
    def any(self) -> bool:
        return bool(self.acks)

    def hear(self, message: dict[str, Any]) -> None:
        params, result = message.get("params", {}), message.get("result", {})
        if "ack" in result:
            self.acks.add(_read(result["ack"]))
        elif "refuse" in result:
            self.acks.add(_read(result["refuse"]["signature"]))
        elif message.get("method") in ("propose", "ack"):  # in the cooperative flow
            self.acks.add(_read(params["signature"]))
        elif message.get("method") == "order":
            self.orders.add(_read(params["intent"]["signature"]))
        elif message.get("method") == "cancel":
            self.cancels.add(_read(params["signature"]))
        elif message.get("method") == "setup":
            self.channels.add(_read(params["signature"]))
        elif message.get("method") == "resume":
            self.resumed = max(self.resumed, params["increment"])


@dataclass
class Truth:
    """One wallet's journal as it was at the end, when nothing had been lost."""

    states: dict[int, Entry]
    by_signature: dict[bytes, int]

    @classmethod
    def read(cls, file: Path) -> Truth:
        journal = Journal.open(file)
        (record,) = journal.channels()
        states = {entry.state.increment: entry for entry in journal.walk(record.id) if entry.own}
        journal.close()
        signed = {entry.trader_signature: number for number, entry in states.items()}
        return cls(states, {signature: number for signature, number in signed.items() if signature is not None})


@dataclass
class Outcome:
    """``findings`` is what was wrong, in words; empty is acquittal."""

    cuts: int = 0
    verified: int = 0  # of them: whole histories, signature by signature
    held: int = 0  # cuts after at least one answer had left
    manners: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)


class Heard(Protocol):
    """What had left for the other side."""

    @property
    def any(self) -> bool:
        """Whether anything had left that a power cut must not take back."""
        ...

    def hear(self, message: dict[str, Any]) -> None: ...


S = TypeVar("S", bound=Heard)


class Cuts(ABC, Generic[S]):
    """One side's part of a trace, cut at random points in order."""

    def __init__(self, events: list[Event], root: Path, file: Path) -> None:
        """``root`` is the traced folder and ``file`` the database in it, relative to it."""
        self.events = events
        self._root, self._file = root.resolve(), file

    @abstractmethod
    def nothing(self) -> S:
        """What has left before anything has."""

    @abstractmethod
    def look(self, image: Path, sent: S, *, whole: bool) -> list[str]:
        """What is wrong with what a cut left behind. ``whole``: the history is verified, signature by signature."""

    @property
    def checkpoints(self) -> int:
        """How often the WAL went into the database while states flowed."""
        file = str(self._root / self._file)
        synced = [event.path == file for event in self.events if isinstance(event, Sync)]
        return sum(after and not before for before, after in pairwise(synced))

    def run(self, cuts: int, chance: random.Random, folder: Path, *, every: int = 10) -> Outcome:
        """``cuts`` cuts; every ``every``-th history is verified whole, signature by signature."""
        outcome, disk, sent, streams = Outcome(), Disk(), self.nothing(), dict[str, Stream]()
        opened = next(at for at, event in enumerate(self.events) if isinstance(event, Send))
        points = Counter(chance.randrange(opened, len(self.events)) for _ in range(cuts))
        for at, event in enumerate(self.events):
            for _ in range(points[at]):
                image = folder / "image"
                shutil.rmtree(image, ignore_errors=True)
                manner = disk.cut(chance, self._root, image)
                found = self.look(image, sent, whole=outcome.cuts % every == 0)
                outcome.findings += [f"cut {at} ({manner}): {text}" for text in found]
                outcome.manners[manner] += 1
                outcome.cuts += 1
                outcome.verified += (outcome.cuts - 1) % every == 0
                outcome.held += sent.any
            disk.apply(event)
            if isinstance(event, Send):
                for text in streams.setdefault(event.path, Stream()).feed(event.data):
                    sent.hear(_json(text))
        return outcome


class Replay(Cuts[Sent]):
    """One wallet's."""

    def __init__(self, events: list[Event], root: Path, name: str, truth: Truth) -> None:
        """``name`` is the wallet's profile in ``root``."""
        self._name, self._truth = name, truth
        mine = tuple(f"{root.resolve() / each}/" for each in (name, MEMORY))
        sockets = _sockets_of(events, truth)
        own = [
            event
            for event in events
            if (event.path in sockets if isinstance(event, Send) else f"{event.path}/".startswith(mine))
        ]
        super().__init__(own, root, Path(name) / "history.db")

    def nothing(self) -> Sent:
        return Sent()

    def look(self, image: Path, sent: Sent, *, whole: bool) -> list[str]:
        profile = image / self._name
        if not (profile / "history.db").exists():
            return ["the journal is gone"] if sent.channels else []
        try:
            journal = Journal.open(profile / "history.db")
        except WalletError as error:
            return [f"it does not open: {error}"]
        try:
            if journal.store.row("PRAGMA integrity_check") != ("ok",):
                return ["SQLite finds it damaged"]
            findings = _lost(journal, sent)
            if whole:
                findings += _verify(profile / "history.db", journal)
            if sent.acks and not Installation(journal, image / MEMORY / "channel-wallet" / "profiles").sound:
                findings.append("it is taken for an old copy of itself")
            if sent.acks:
                findings += self._go_on(journal, profile, sent)
            return findings
        except WalletError as error:
            return [f"it can't be read: {error}"]
        finally:
            journal.close()

    def _go_on(self, journal: Journal, profile: Path, sent: Sent) -> list[str]:
        """A broker who shows other states at the numbers that were answered; and then the same ones again."""
        try:
            keys = open_vault(profile / "keys.vault").unlock(PASSWORD).session_keys
        except WalletError as error:
            return [f"the keys are lost: {error}"]
        records = journal.channels()
        if not records:
            return ["the channel is lost"]
        known = self._truth.by_signature  # a broken build lost some of them for good
        left = {known[signature] for signature in sent.acks if signature in known}
        numbers = sorted(left)[-LATELY:]
        latest = journal.latest(records[0].id)
        if latest is not None and latest.state.increment + 1 in left:  # what the journal takes for free is not
            numbers.insert(0, latest.state.increment + 1)
        findings = self._issued(journal, keys, left)
        answered = [number for number in numbers if _is_answer(self._truth.states[number])]
        for number in answered:
            channel = _revived(journal, keys, self._truth.states[number])
            other = replace(self._truth.states[number].state, time=self._truth.states[number].state.time + 1)
            signed = _shown(channel, other)
            if isinstance(signed, Ack):
                findings.append(f"two digests are signed at {number}")
            elif isinstance(signed, Refusal) and self._had_left(number + 1, signed.void.digest, sent):
                findings.append(f"two digests are signed at {number + 1}")
        if not answered:
            return findings
        last = self._truth.states[answered[-1]]
        again = _shown(_revived(journal, keys, last), last.state)
        if not isinstance(again, Ack) or again.signature != last.trader_signature:
            findings.append(f"state {answered[-1]} is not answered with the same bytes again: {again}")
        return findings

    def _issued(self, journal: Journal, keys: SessionKeys, left: set[int]) -> list[str]:
        """In the cooperative flow: what this program issues by itself now, where something else had left."""
        channel = _revived(journal, keys, self._truth.states[max(left)])
        channel.turns.heard = channel.turns.wanted = channel.turns.he_asks = True
        channel.issue()
        pending = channel.pending
        before = self._truth.states.get(pending.state.increment) if pending is not None else None
        if pending is None or before is None or pending.state.increment not in left or pending.digest == before.digest:
            return []
        return [f"two digests are issued at {pending.state.increment}"]

    def _had_left(self, number: int, other: bytes, sent: Sent) -> bool:
        """Whether our signature on another digest than ``other`` had left at this number."""
        before = self._truth.states.get(number)
        return before is not None and before.trader_signature in sent.acks and before.digest != other


def _is_answer(entry: Entry) -> bool:
    """Whether the broker had proposed it: our signature on it was an ACK."""
    return entry.issuer is Role.BROKER and entry.state.transition is not Transition.VOID


def _lost(journal: Journal, sent: Sent) -> list[str]:
    """What had left and is not there."""
    rows = journal.store.rows("SELECT trader_signature, own, status FROM states WHERE trader_signature NOT NULL")
    held = {bytes(row[0]) for row in rows if row[1]}
    records = journal.channels()
    findings = []
    if lost := len(sent.acks - held):
        findings.append(f"{lost} answered states are lost")
    intents = [row for record in records for row in journal.intents(record.id)]
    if lost := len(sent.orders - {row.signed.signature for row in intents}):
        findings.append(f"{lost} orders are lost")
    if lost := len(sent.cancels - {row.cancel for row in intents}):
        findings.append(f"{lost} cancels are lost")
    if len(sent.channels) > len(records):
        findings.append("a channel is lost")
    latest = max((row.state.increment for each in records if (row := journal.latest(each.id))), default=-1)
    if latest < sent.resumed:
        findings.append(f"it stands at {latest} after having resumed at {sent.resumed}")
    return findings


def _verify(file: Path, journal: Journal) -> list[str]:
    with HistoryReader(file) as history:
        found = [verify_history(history, record.id) for record in journal.channels()]
    return [f"the history does not hold: {verdict}" for verdict in found if not verdict.sound]


def _revived(journal: Journal, keys: SessionKeys, entry: Entry) -> TraderChannel:
    """The driver's channel as it would be after a restart, at the time of ``entry`` and present."""
    (record,) = journal.channels()
    clock = Clock(now=lambda: float(entry.state.time), monotonic=lambda: 1_000.0)
    channel = TraderChannel(journal, replace(record, phase="open"), keys.signer(record.terms.trader_signer), clock)
    channel.echoed = 1_000.0
    return channel


def _shown(channel: TraderChannel, state: Any) -> Ack | Refusal | str:
    try:
        return channel.propose(Proposal(state, BROKER_SIGNER.sign(channel.domain.digest(state)), b"{}", 1_000.0))
    except WalletError as error:
        return str(error)


def _sockets_of(events: list[Event], truth: Truth) -> set[str]:
    """The connections on which the answers of this wallet left."""
    streams: dict[str, Stream] = {}
    found = set()
    for event in events:
        if isinstance(event, Send):
            for text in streams.setdefault(event.path, Stream()).feed(event.data):
                said = _json(text)
                proposed = said.get("params", {}) if said.get("method") == "propose" else {}
                answer = said.get("result", {}).get("ack") or proposed.get("signature")
                if answer is not None and _read(answer) in truth.by_signature:
                    found.add(event.path)
    return found


def _json(text: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _read(text: str) -> bytes:
    return bytes.fromhex(text[2:])
