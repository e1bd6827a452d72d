"""What the window may ask where there is neither broker nor backup: see :mod:`wallet.app.alone_service`."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wallet.app.snapshots import AssetInfo, ShareView


@dataclass(frozen=True, slots=True)
class FoundView:
    """A channel as the chain shows it. ``status`` is "open", "disputed" or "settled", ``shares`` of its state."""

    channel: bytes
    status: str
    increment: int
    deadline: int  # Unix seconds; 0 unless disputed
    shares: tuple[ShareView, ...]


class AloneBackend(Protocol):
    """Calls return at once, as those of :class:`wallet.app.backend.Backend` do."""

    def rows(self) -> Future[tuple[FoundView, ...]]:
        """The owner's channels on the contract, oldest first."""

    def worth(self, channel: bytes, proof: Path | None) -> Future[tuple[int, tuple[ShareView, ...]]]:
        """Number of the state that leaving would be with, and what it pays. WalletError("PROOF_…" | "ALONE_…")."""

    def leave(self, channel: bytes, proof: Path | None) -> Future[str]:
        """Leave with a proof, or with the opening state: "challenge", "respond" or "close"."""

    def withdraw(self) -> Future[tuple[tuple[AssetInfo, int], ...]]:
        """Settle what may be settled and bring everything home; what arrived."""

    def close(self) -> None: ...
