"""What the journal's rows stand for, and how each is read back.

A row whose seal or shape is wrong raises here; the journal says which file and row. Source: design §3, §8.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import msgspec

from wallet.history.rows import CHANNELS, FLAGS, INTENTS, STATES, decode_state
from wallet.history.store import Row
from wallet.protocol import codec
from wallet.protocol.eip712 import Domain
from wallet.protocol.intents import SignedOrder
from wallet.protocol.rules import Flag
from wallet.protocol.state import State
from wallet.protocol.terms import Role, Terms


class Status(IntEnum):
    """What became of an issued state."""

    PENDING = 0  # issued, not answered
    VALIDATED = 1
    REFUSED = 2
    FLAGGED = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One recorded state. ``own`` tells that our signature is on it, ``number`` which row of the channel it is."""

    state: State
    digest: bytes
    issuer: Role
    status: Status
    broker_signature: bytes | None = None
    trader_signature: bytes | None = None
    own: bool = False
    recorded: int = 0
    number: int = field(default=-1, compare=False)

    def signature(self, role: Role) -> bytes | None:
        return self.broker_signature if role is Role.BROKER else self.trader_signature

    def signed(self, role: Role, signature: bytes, *, own: bool) -> Entry:
        """The same entry with one more signature."""
        own = own or self.own
        if role is Role.BROKER:
            return replace(self, broker_signature=signature, own=own)
        return replace(self, trader_signature=signature, own=own)


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel as it stands in the journal; ``role`` is ours."""

    id: bytes
    role: Role
    chain_id: int
    contract: bytes
    terms: Terms
    phase: str
    created: int

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, self.contract)


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """One of the trader's order intents and what became of it. ``cancel`` and ``receipt`` are signatures."""

    signed: SignedOrder
    status: str
    reason: str
    created: int
    cancel: bytes | None = None
    receipt: bytes | None = None


@dataclass(frozen=True, slots=True)
class FlagRecord:
    id: int
    channel: bytes
    increment: int
    flag: Flag
    digest: bytes
    raw: bytes
    signature: bytes
    time: int
    last_good: int
    resolved: bool


def read_entry(row: Row) -> Entry:
    """A row of ``states``."""
    channel, number, increment, digest, issuer, transition, body, *rest = STATES.opened(row)
    broker, trader, own, status, recorded = rest
    state = decode_state(channel, increment, transition, body)
    return Entry(state, digest, Role(issuer), Status(status), broker, trader, bool(own), recorded, number)


def read_channel(row: Row) -> ChannelRecord:
    """A row of ``channels``."""
    channel, role, chain_id, contract, terms, phase, created = CHANNELS.opened(row)
    return ChannelRecord(
        channel, Role(role), chain_id, contract, codec.read_terms(msgspec.json.decode(terms)), phase, created
    )


def read_intent(row: Row) -> IntentRecord:
    """A row of ``intents``."""
    _, _, _, body, status, reason, created, cancel, receipt = INTENTS.opened(row)
    return IntentRecord(codec.read_signed_order(msgspec.json.decode(body)), status, reason, created, cancel, receipt)


def read_flag(row: Row) -> FlagRecord:
    """A row of ``flags``, its id before it."""
    number = row[0]
    channel, increment, code, expected, got, cost, digest, raw, signature, time, last_good, resolved = FLAGS.opened(
        row[1:]
    )
    losses = tuple((bytes.fromhex(asset[2:]), int(amount)) for asset, amount in msgspec.json.decode(cost))
    return FlagRecord(
        number,
        channel,
        increment,
        Flag(code, expected, got, losses),
        digest,
        raw,
        signature,
        time,
        last_good,
        bool(resolved),
    )
