"""What the broker needs of the chain, and no more: where its channels stand, what it can commit, what it must answer.

The tests have one in memory; :mod:`wallet.broker.chain_duty` is the real one, over :mod:`wallet.chain`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from wallet.protocol.state import State
from wallet.protocol.terms import Terms


class Standing(Enum):
    """Where a channel stands on chain, confirmed."""

    NONE = "none"
    OPEN = "open"
    DISPUTED = "disputed"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class ChainView:
    """A channel on chain; ``increment`` and ``deadline`` (Unix seconds) say what is recorded in a dispute.

    ``time`` is that of the block it was seen in (Unix seconds; 0: not known), and no news.
    """

    standing: Standing
    increment: int = 0
    deadline: int = 0
    time: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """A state with both signatures."""

    terms: Terms
    state: State
    trader_signature: bytes
    broker_signature: bytes


class ChainWatch(Protocol):
    """One broker's eyes and hands on chain."""

    async def start(self, changed: Callable[[bytes, ChainView], None]) -> None:
        """Begin to watch; ``changed`` is called with each watched channel whose view is new."""
        ...

    async def stop(self) -> None: ...

    def watch(self, channel: bytes) -> None: ...

    def forget(self, channel: bytes) -> None: ...

    async def refresh(self, channels: Iterable[bytes]) -> None:
        """Look now rather than at the next turn."""
        ...

    async def free(self, assets: Iterable[bytes]) -> Mapping[bytes, int]:
        """What the signer could still commit as collateral: free balance, bounded by its mandate."""
        ...

    async def challenge(self, proof: Proof) -> None:
        """Start a dispute with a validated state."""
        ...

    async def respond(self, proof: Proof) -> None:
        """Answer a challenge with a higher validated state."""
        ...

    async def close(self, proof: Proof) -> None:
        """Settle by a finalize state."""
        ...

    async def settle(self, proof: Proof) -> None:
        """Settle by what is recorded, after the deadline: by ``proof``'s state, or whatever the chain says it is."""
        ...
