"""What the broker proposes and what we answer, as values."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.history.journal import Entry
from wallet.history.seat import StateSigner
from wallet.history.store import Store
from wallet.protocol.state import State
from wallet.protocol.typed import TypedDigest


@dataclass(frozen=True, slots=True)
class SoundSigner:
    """A key that signs only while the journal can keep what it signed: after a write that failed, nothing at all."""

    key: StateSigner
    store: Store

    @property
    def address(self) -> bytes:
        return self.key.address

    def sign(self, typed: TypedDigest) -> bytes:
        """Raises WalletError("STORE_FAILED") from the first failed write on, until the journal is opened anew."""
        self.store.require_sound()
        return self.key.sign(typed)


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
    """The void state that answers a proposal, with our signature on it; ``reason`` is a code."""

    void: Entry
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """Our own state upon the broker's yield: its signature validates the yield."""

    digest: bytes


Answer = Ack | Refusal | Next


__all__ = ["Ack", "Answer", "Next", "Proposal", "Refusal", "StateSigner"]
