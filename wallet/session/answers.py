"""What the broker proposes and what we answer, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wallet.history.journal import Entry
from wallet.protocol import codec, strictjson
from wallet.protocol.state import State
from wallet.protocol.typed import TypedDigest


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


def proposed_state(raw: bytes) -> State:
    """The state in the bytes of a ``propose`` request, as they arrived."""
    frame: codec.Json = strictjson.loads(raw)
    return codec.read_state(frame["params"]["envelope"], frame["params"]["state"])
