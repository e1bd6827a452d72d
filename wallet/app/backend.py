"""What a front end may ask of the application: the boundary that window and command line share.

Calls return :class:`concurrent.futures.Future`; they run on the driver's own thread and never block the caller.
Failures arrive as :class:`wallet.protocol.errors.WalletError`. Updates come as frozen snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from wallet.app.snapshots import AppView, MarketView, StateRow


class Backend(Protocol):
    """Commands and queries. Amounts and prices are integers in base units; ``market`` is a name like ``ETH/USDT``."""

    def subscribe(self, on_app: Callable[[AppView], None], on_market: Callable[[MarketView], None]) -> None:
        """Deliver snapshots from the driver's thread, at most 30 a second each; the current ones at once."""

    def watch_market(self, market: str, interval: int) -> None:
        """Choose the market and candle interval (seconds) that :class:`MarketView` describes."""

    def faucet(self) -> Future[None]:
        """Ask a test chain for coins."""

    def open_channel(self, allocations: Sequence[tuple[bytes, int]]) -> Future[bytes]:
        """Open a session with these allocations per asset; progress shows in ``AppView.steps``. The channel's id."""

    def place_order(self, market: str, side: str, price: int, amount: int, time_in_force: str) -> Future[bytes]:
        """Sign and send an order intent; the id, once the broker has taken it."""

    def cancel_order(self, order: bytes) -> Future[None]: ...

    def cancel_all(self) -> Future[int]:
        """Cancel every open order; how many."""

    def finalize(self) -> Future[int]:
        """Cancel all, then end the session together with the broker; the final increment."""

    def withdraw(self) -> Future[None]:
        """Close on chain with the final state and withdraw every asset to the owner's account."""

    def refuse(self, flag: int) -> Future[None]:
        """Answer a flagged state with a void state and go on."""

    def history(self, before: int | None, limit: int) -> Future[list[StateRow]]:
        """A page of states, newest first, with increments below ``before``."""

    def state_detail(self, increment: int) -> Future[dict[str, Any]]:
        """One state in full: ``array``, ``envelope``, ``digest``, ``signatures``, ``previous_array``, ``proof``."""

    def verify_history(self, progress: Callable[[int, int], None]) -> Future[int]:
        """Check chain, signatures and rules of the whole history; how many states hold."""

    def export_history(self, path: Path) -> Future[int]: ...

    def export_proof(self, path: Path, increment: int | None = None) -> Future[int]:
        """Write a withdrawal proof of the given (or best) validated state; its increment."""

    def export_evidence(self, path: Path, flag: int) -> Future[None]:
        """Write the very bytes the broker signed, with signature, rule and the last good state, to a file."""

    def close(self) -> None:
        """Stop the driver and let go of the profile; blocks until done."""
