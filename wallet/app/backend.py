"""What a front end may ask of the application: the boundary that window and command line share.

Calls return :class:`concurrent.futures.Future`; they run on the driver's own thread and never block the caller.
Failures arrive as :class:`wallet.protocol.errors.WalletError`. Answers and updates are frozen snapshots, so that the
same calls cross a process boundary: :mod:`wallet.app.owner` carries :class:`Commands` over a local socket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wallet.app.leaving import ExitPlan
from wallet.app.purse_views import DraftView, PurseView
from wallet.app.snapshots import AppView, MarketView, OrderView, StateRow
from wallet.keys.secret import Secret

if TYPE_CHECKING:
    from wallet.history.search import Search  # no window waits for it

ORDER_LIFETIME = 86_400  # seconds an order lives unless the user says otherwise


class Commands(Protocol):
    """Commands and queries. Amounts and prices are integers in base units; ``market`` is a name like ``ETH/USDT``.

    ``broker`` is his address, ``channel`` its id; b"" means the usual one: of the newest channel that is not over.
    """

    def view(self, broker: bytes, channel: bytes) -> Future[AppView]:
        """The account side with this channel (or the usual one of this broker) in view."""

    def online(self, broker: bytes, chain_only: bool) -> Future[None]:
        """Waits until chain and broker (or the chain alone) answer; else WalletError with what is wrong."""

    def add_broker(self, path: Path) -> Future[bytes]:
        """Add the broker of a profile file, once he has proved who he is; his address."""

    def remove_broker(self, broker: bytes) -> Future[None]:
        """Let go of a broker with whom no channel is open; WalletError("BROKER_HAS_CHANNELS")."""

    def add_node(self, url: str) -> Future[int]:
        """Keep one of the user's own nodes, once it has shown chain and contract; its chain's id."""

    def remove_node(self, url: str) -> Future[None]: ...

    def fund_gas(self, broker: bytes) -> Future[int]:
        """The owner gives the gas key what it should have; how much (wei), 0 if it had enough."""

    def sweep_gas(self, broker: bytes, anyway: bool) -> Future[int]:
        """What the gas key holds goes back to the owner; wei that arrive. ``anyway``: while a channel is open, too."""

    def faucet(self, broker: bytes) -> Future[None]:
        """Ask a test chain for coins."""

    def purse(self, broker: bytes) -> Future[PurseView]:
        """The owner's accounts on this broker's chain: what they hold, what was sent, the address book, fees."""

    def prepare_send(
        self, broker: bytes, sender: bytes, to: bytes, asset: bytes, amount: int | None, speed: str
    ) -> Future[DraftView]:
        """The bytes of a payment and what they would do, read from them; nothing is signed. ``amount`` None: all.

        ``speed`` is "slow", "normal" or "fast".
        """

    def prepare_replacement(self, broker: bytes, transaction: bytes, cancel: bool, speed: str) -> Future[DraftView]:
        """The same for what takes the place of a transaction that is stuck; ``cancel``: by one that moves nothing."""

    def send_prepared(self, broker: bytes, sender: bytes, unsigned: bytes) -> Future[bytes]:
        """Sign exactly these bytes, keep them, send them; the hash."""

    def add_account(self, label: str) -> Future[bytes]:
        """Derive the next account of the phrase; its address."""

    def rename_account(self, address: bytes, label: str) -> Future[None]: ...

    def find_accounts(self, broker: bytes) -> Future[int]:
        """Keep the accounts of the phrase that this broker's chain shows as used; how many are new."""

    def name_address(self, address: bytes, label: str) -> Future[None]:
        """Put an address into the address book, or give it another name there."""

    def forget_address(self, address: bytes) -> Future[None]: ...

    def find_channels(self, broker: bytes) -> Future[tuple[int, int]]:
        """Look on the chain for channels that this profile does not know: how many were taken in to be left, and how

        many are of others than this broker, or of markets he does not have now.
        """

    def open_channel(self, broker: bytes, allocations: Sequence[tuple[bytes, int]], another: bool) -> Future[bytes]:
        """Open a session with these allocations per asset; progress shows in ``AppView.steps``. The channel's id.

        ``another`` allows one beside a channel that is open with this broker already.
        """

    def place_order(
        self,
        channel: bytes,
        market: str,
        side: str,
        price: int,
        amount: int,
        time_in_force: str,
        client_id: str = "",
        lifetime: int = ORDER_LIFETIME,
    ) -> Future[bytes]:
        """Sign and send an order intent; the id, once the broker has taken it.

        ``client_id``: the caller's name for what he wants once; asked for again with it, nothing is signed anew.
        ``lifetime``: seconds until it expires by itself.
        """

    def market_price(self, channel: bytes, market: str, side: str, cap: int) -> Future[int]:
        """The limit of a market order now: ``cap`` ppm through the best price; WalletError("BOOK_UNKNOWN")."""

    def order(self, order: bytes) -> Future[OrderView]:
        """What became of one order."""

    def cancel_order(self, order: bytes) -> Future[None]: ...

    def amend_order(self, order: bytes, price: int, amount: int) -> Future[bytes]:
        """Take an open order back and place what is left of ``amount`` at ``price`` once it is gone; the new id."""

    def cancel_all(self, channel: bytes, market: str = "") -> Future[int]:
        """Cancel every trigger, and every order that rests or may yet open, of one market or of all; how many."""

    def add_trigger(
        self, channel: bytes, market: str, side: str, kind: str, at: int, amount: int, cap: int
    ) -> Future[bytes]:
        """Arm a "stop_loss" or "take_profit": once the price is ``at``, an order at no more than ``cap`` ppm of

        slippage is sent by this program, if it runs then; the trigger's id.
        """

    def cancel_trigger(self, trigger: bytes) -> Future[None]: ...

    def limit_breaks(self, seconds: int) -> Future[None]:
        """Cancel every order after a break of the connection of so many seconds, before any is matched again; −1: none.

        The end of this program is a break, too.
        """

    def stop_trading(self) -> Future[int]:
        """Take back every order and trigger of every channel, and sign none until ``resume_trading``; how many."""

    def resume_trading(self) -> Future[None]: ...

    def orders_gone(self, channel: bytes, order: bytes, seconds: int) -> Future[None]:
        """Waits until no signed state holds the order (b"": any order); WalletError("CANCEL_UNANSWERED")."""

    def finalize(self, channel: bytes, exit_after: int = 0) -> Future[int]:
        """Cancel all, then end the session together with the broker; the final increment.

        ``exit_after``: seconds after which it is left without him if he has not signed by then; 0: never.
        """

    def stay(self, channel: bytes) -> Future[None]:
        """Take that back: the session goes on; WalletError("EXIT_UNDER_WAY") if it is too late."""

    def exit_plan(self, channel: bytes) -> Future[ExitPlan]:
        """What leaving without the broker would pay, cost and take; nothing is signed."""

    def withdraw(self, channel: bytes) -> Future[tuple[tuple[bytes, int], ...]]:
        """Close on chain with the final state and bring every asset to the owner's account; what arrived, by asset."""

    def leave_alone(self, channel: bytes) -> Future[int]:
        """Leave without the broker: the end of the challenge period (Unix seconds), or 0 if it is settled already.

        After it the watcher settles and pays out by itself.
        """

    def refuse(self, flag: int) -> Future[None]:
        """Answer a flagged state with a void state and go on."""

    def check_proof(self, path: Path) -> Future[dict[str, Any]]:
        """What a proof file of anyone's is worth: ``text``, ``value``, ``proof``, and how it stands on its chain now
        (``standing``, what is and who may do what next, empty where no node of that chain is known; ``counts``)."""

    def submit_proof(self, path: Path) -> Future[dict[str, Any]]:
        """Send what a withdrawal proof allows; ``sent``, ``transaction`` and ``next``."""

    def count_states(self, channel: bytes) -> Future[int]:
        """How many states are recorded; their rows are numbered from 0, in the order in which they came."""

    def states(self, channel: bytes, numbers: Sequence[int]) -> Future[list[StateRow]]:
        """The states in these rows (a few hundred at most), newest first."""

    def state_detail(self, channel: bytes, number: int) -> Future[dict[str, Any]]:
        """The state in one row in full: ``array``, ``envelope``, ``typed_data``, ``digest``, ``signatures``,

        ``previous_array``, ``validation``, ``proof`` (whether one can leave with it), ``pays`` (base units by asset).
        """

    def verify_history(self, channel: bytes, progress: Callable[[int, int], None]) -> Future[int]:
        """Check chain, signatures and rules of the whole history; how many states hold."""

    def export_history(self, channel: bytes, path: Path) -> Future[int]: ...

    def export_fills(self, channel: bytes, path: Path) -> Future[int]:
        """Write every fill of a channel as CSV; how many."""

    def export_proof(self, channel: bytes, path: Path, increment: int | None = None) -> Future[int]:
        """Write a withdrawal proof of the given (or best) validated state; its increment."""

    def export_evidence(self, path: Path, flag: int) -> Future[None]:
        """Write the very bytes the broker signed, with signature, rule and the last good state, to a file."""


class Backend(Commands, Protocol):
    """What the window holds: the commands, and snapshots as they change."""

    def subscribe(self, on_app: Callable[[AppView], None], on_market: Callable[[MarketView], None]) -> None:
        """Deliver snapshots from the driver's thread, at most 30 a second each; the current ones at once."""

    def choose(self, broker: bytes, channel: bytes) -> None:
        """Which broker and channel the snapshots have in view."""

    def watch_market(self, market: str, interval: int) -> None:
        """Choose the market, of the broker in view, and candle interval (s) that :class:`MarketView` describes."""

    def find_states(self, channel: bytes, search: Search, told: Callable[[], None]) -> Future[int]:
        """Run ``search`` beside all else; ``told`` is called as it goes on. How many states it found."""

    def verify_history(
        self, channel: bytes, progress: Callable[[int, int], None], cancelled: Callable[[], bool] = ...
    ) -> Future[int]:
        """As above; WalletError("CANCELLED") soon after ``cancelled`` says so."""

    def export_history(
        self,
        channel: bytes,
        path: Path,
        progress: Callable[[int, int], None] = ...,
        cancelled: Callable[[], bool] = ...,
    ) -> Future[int]:
        """As above; WalletError("EXPORT_CANCELLED") soon after ``cancelled`` says so, and nothing is written."""

    def lock(self, keep_signing: bool) -> Future[None]:
        """Forget the owner's keys. With ``keep_signing`` sessions go on with theirs; without, every key is forgotten
        and nobody is answered, no challenge either, until :meth:`unlock`."""

    def unlock(self, password: Secret) -> Future[None]:
        """Undo :meth:`lock`; WalletError("KEYS_WRONG_PASSWORD" | "KEYS_WAIT" | "STORE_…")."""

    def back_up(self, path: Path | None) -> Future[Path]:
        """Write a backup of the profile to ``path``, or to the schedule's folder; where. Progress shows in AppView."""

    def plan_backups(self, folder: str, hours: int, keep: int) -> Future[None]:
        """Choose folder, hours between two backups (0: none), and how many are kept."""

    def change_password(self, old: Secret, new: Secret) -> Future[None]:
        """Seal the keys under another one; WalletError("KEYS_WRONG_PASSWORD" | "KEYS_WAIT" | "KEYS_PASSWORD_…")."""

    def stays_unlocked(self) -> bool:
        """Whether this computer's keyring opens the wallet; quick."""

    def stay_unlocked(self, on: bool) -> Future[None]:
        """Let the keyring open it, or not any more; WalletError("KEYRING_…" | "KEYS_LOCKED")."""

    def close(self) -> None:
        """Stop the driver and let go of the profile; blocks until done."""
