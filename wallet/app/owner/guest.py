"""The command line's side of the socket: the same commands, carried out by the program that has the profile."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from wallet.app.backend import ORDER_LIFETIME
from wallet.app.leaving import ExitPlan
from wallet.app.owner import frames, hello, local
from wallet.app.owner.calls import PERMIT, Failure, calls
from wallet.app.purse_views import DraftView, PurseView
from wallet.app.snapshots import AppView, OrderView, StateRow
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError
from wallet.wire.frames import RemoteError

HELLO_WITHIN = 5.0
SILENT_AFTER = 20.0  # the owner says a word every two seconds


def _ignore(_done: int, _of: int) -> None:
    """Progress that nobody watches."""


def _greet(folder: Path, want: hello.Want, token: str = "") -> tuple[socket.socket, hello.OwnerHello]:
    """A connection and the owner's hello.

    Raises WalletError("OWNER_GONE" | "OWNER_STRANGER" | "OWNER_SILENT" | "OWNER_BUSY").
    """
    line = local.connect(folder, HELLO_WITHIN)
    try:
        try:
            line.sendall(frames.encode(hello.guest(want, token)))
            his = hello.read_owner(frames.receive_now(line, frames.MAX_HELLO))
        except TimeoutError as error:
            raise WalletError("OWNER_SILENT", path=str(folder)) from error
        except OSError as error:
            raise WalletError("OWNER_GONE") from error
        if his.state == "closing":
            raise WalletError("OWNER_GONE")
        if his.state == "busy":
            raise WalletError("OWNER_BUSY", path=str(folder))
    except BaseException:
        line.close()
        raise
    return line, his


def raise_window(folder: Path, token: str = "") -> bool:
    """Has the owner's window brought to the front; False if the owner has none (a command that runs).

    Raises WalletError as :class:`Guest` does, but for the version: to raise a window any will do.
    """
    line, his = _greet(folder, "raise", token)
    with contextlib.closing(line):
        if not his.window:
            return False
        try:
            return frames.receive_now(line, frames.MAX_HELLO) == {"raised": True}
        except TimeoutError as error:
            raise WalletError("OWNER_SILENT", path=str(folder)) from error


def lock_window(folder: Path) -> bool:
    """Whether the owner's window was told to lock. Raises as :func:`raise_window`."""
    line, his = _greet(folder, "lock", "")
    with contextlib.closing(line):
        if not his.window:
            return False
        try:
            return frames.receive_now(line, frames.MAX_HELLO) == {"locked": True}
        except TimeoutError as error:
            raise WalletError("OWNER_SILENT", path=str(folder)) from error


class Guest:
    """Implements :class:`wallet.app.backend.Commands`; one call at a time, in order."""

    def __init__(self, folder: Path) -> None:
        """Raises WalletError("OWNER_GONE" | "OWNER_STRANGER" | "OWNER_SILENT" | "OWNER_BUSY" | "OWNER_LOCKED" |
        "OWNER_STARTING" | "OWNER_VERSION").
        """
        self._folder = folder
        self._line, his = _greet(folder, "talk")
        self.window = his.window
        try:
            hello.check_version(his)
            if his.state == "locked":
                raise WalletError("OWNER_LOCKED" if his.window else "OWNER_STARTING")
        except BaseException:
            self._line.close()
            raise
        self._line.settimeout(SILENT_AFTER)
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="guest")

    def close(self) -> None:
        """Hangs up; a call that waits fails."""
        self._ended.set()
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._pool.shutdown(cancel_futures=True)
        self._line.close()

    def permit(self, password: Secret) -> Future[None]:
        """Shows that the user is here: acting calls are then not asked about at the window."""
        return self._pool.submit(self._exchange, PERMIT, {"password": password.reveal()}, type(None))

    # --- the exchange ---

    def _call(self, name: str, progress: Callable[[int, int], None] = _ignore, **arguments: Any) -> Future[Any]:
        return self._pool.submit(self._exchange, name, arguments, calls()[name].result, progress)

    def _exchange(
        self, name: str, arguments: dict[str, Any], result: Any, progress: Callable[[int, int], None] = _ignore
    ) -> Any:
        """WalletError("OWNER_LOST") if the owner ends meanwhile: what he was asked may or may not be done."""
        try:
            self._line.sendall(frames.encode({"method": name, "params": arguments}))
            while True:
                answer = frames.receive_now(self._line, frames.MAX_ANSWER)
                if "beat" in answer:
                    continue
                if "progress" not in answer:
                    break
                progress(*frames.read(answer["progress"], tuple[int, int]))
        except TimeoutError as error:
            raise WalletError("OWNER_SILENT", path=str(self._folder)) from error
        except OSError as error:
            raise WalletError("OWNER_LOST") from error
        except WalletError as error:
            if error.code == "OWNER_GONE":
                raise WalletError("OWNER_LOST") from error
            raise
        if "error" in answer:
            failure: Failure = frames.read(answer["error"], Failure)
            if failure.remote:
                raise RemoteError(failure.code, dict(failure.params))
            raise WalletError(failure.code, **failure.params)
        return frames.read(answer.get("result"), result)

    # --- the commands ---

    def view(self, broker: bytes, channel: bytes) -> Future[AppView]:
        return self._call("view", broker=broker, channel=channel)

    def online(self, broker: bytes, chain_only: bool) -> Future[None]:
        return self._call("online", broker=broker, chain_only=chain_only)

    def add_broker(self, path: Path) -> Future[bytes]:
        return self._call("add_broker", path=path.absolute())

    def remove_broker(self, broker: bytes) -> Future[None]:
        return self._call("remove_broker", broker=broker)

    def find_channels(self, broker: bytes) -> Future[tuple[int, int]]:
        return self._call("find_channels", broker=broker)

    def add_node(self, url: str) -> Future[int]:
        return self._call("add_node", url=url)

    def remove_node(self, url: str) -> Future[None]:
        return self._call("remove_node", url=url)

    def fund_gas(self, broker: bytes) -> Future[int]:
        return self._call("fund_gas", broker=broker)

    def sweep_gas(self, broker: bytes, anyway: bool) -> Future[int]:
        return self._call("sweep_gas", broker=broker, anyway=anyway)

    def purse(self, broker: bytes) -> Future[PurseView]:
        return self._call("purse", broker=broker)

    def prepare_send(
        self, broker: bytes, sender: bytes, to: bytes, asset: bytes, amount: int | None, speed: str
    ) -> Future[DraftView]:
        return self._call("prepare_send", broker=broker, sender=sender, to=to, asset=asset, amount=amount, speed=speed)

    def prepare_replacement(self, broker: bytes, transaction: bytes, cancel: bool, speed: str) -> Future[DraftView]:
        return self._call("prepare_replacement", broker=broker, transaction=transaction, cancel=cancel, speed=speed)

    def send_prepared(self, broker: bytes, sender: bytes, unsigned: bytes) -> Future[bytes]:
        return self._call("send_prepared", broker=broker, sender=sender, unsigned=unsigned)

    def add_account(self, label: str) -> Future[bytes]:
        return self._call("add_account", label=label)

    def rename_account(self, address: bytes, label: str) -> Future[None]:
        return self._call("rename_account", address=address, label=label)

    def find_accounts(self, broker: bytes) -> Future[int]:
        return self._call("find_accounts", broker=broker)

    def name_address(self, address: bytes, label: str) -> Future[None]:
        return self._call("name_address", address=address, label=label)

    def forget_address(self, address: bytes) -> Future[None]:
        return self._call("forget_address", address=address)

    def faucet(self, broker: bytes) -> Future[None]:
        return self._call("faucet", broker=broker)

    def open_channel(self, broker: bytes, allocations: Sequence[tuple[bytes, int]], another: bool) -> Future[bytes]:
        return self._call("open_channel", broker=broker, allocations=allocations, another=another)

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
        return self._call(
            "place_order",
            channel=channel,
            market=market,
            side=side,
            price=price,
            amount=amount,
            time_in_force=time_in_force,
            client_id=client_id,
            lifetime=lifetime,
        )

    def market_price(self, channel: bytes, market: str, side: str, cap: int) -> Future[int]:
        return self._call("market_price", channel=channel, market=market, side=side, cap=cap)

    def order(self, order: bytes) -> Future[OrderView]:
        return self._call("order", order=order)

    def cancel_order(self, order: bytes) -> Future[None]:
        return self._call("cancel_order", order=order)

    def amend_order(self, order: bytes, price: int, amount: int) -> Future[bytes]:
        return self._call("amend_order", order=order, price=price, amount=amount)

    def cancel_all(self, channel: bytes, market: str = "") -> Future[int]:
        return self._call("cancel_all", channel=channel, market=market)

    def add_trigger(
        self, channel: bytes, market: str, side: str, kind: str, at: int, amount: int, cap: int
    ) -> Future[bytes]:
        return self._call(
            "add_trigger", channel=channel, market=market, side=side, kind=kind, at=at, amount=amount, cap=cap
        )

    def cancel_trigger(self, trigger: bytes) -> Future[None]:
        return self._call("cancel_trigger", trigger=trigger)

    def limit_breaks(self, seconds: int) -> Future[None]:
        return self._call("limit_breaks", seconds=seconds)

    def stop_trading(self) -> Future[int]:
        return self._call("stop_trading")

    def resume_trading(self) -> Future[None]:
        return self._call("resume_trading")

    def orders_gone(self, channel: bytes, order: bytes, seconds: int) -> Future[None]:
        return self._call("orders_gone", channel=channel, order=order, seconds=seconds)

    def finalize(self, channel: bytes, exit_after: int = 0) -> Future[int]:
        return self._call("finalize", channel=channel, exit_after=exit_after)

    def stay(self, channel: bytes) -> Future[None]:
        return self._call("stay", channel=channel)

    def exit_plan(self, channel: bytes) -> Future[ExitPlan]:
        return self._call("exit_plan", channel=channel)

    def withdraw(self, channel: bytes) -> Future[tuple[tuple[bytes, int], ...]]:
        return self._call("withdraw", channel=channel)

    def leave_alone(self, channel: bytes) -> Future[int]:
        return self._call("leave_alone", channel=channel)

    def refuse(self, flag: int) -> Future[None]:
        return self._call("refuse", flag=flag)

    def check_proof(self, path: Path) -> Future[dict[str, Any]]:
        return self._call("check_proof", path=path)

    def submit_proof(self, path: Path) -> Future[dict[str, Any]]:
        return self._call("submit_proof", path=path.absolute())

    def count_states(self, channel: bytes) -> Future[int]:
        return self._call("count_states", channel=channel)

    def states(self, channel: bytes, numbers: Sequence[int]) -> Future[list[StateRow]]:
        return self._call("states", channel=channel, numbers=list(numbers))

    def state_detail(self, channel: bytes, number: int) -> Future[dict[str, Any]]:
        return self._call("state_detail", channel=channel, number=number)

    def verify_history(self, channel: bytes, progress: Callable[[int, int], None] = _ignore) -> Future[int]:
        return self._call("verify_history", progress, channel=channel)

    def export_fills(self, channel: bytes, path: Path) -> Future[int]:
        return self._call("export_fills", channel=channel, path=path.absolute())

    def export_history(self, channel: bytes, path: Path) -> Future[int]:
        return self._call("export_history", channel=channel, path=path.absolute())

    def export_proof(self, channel: bytes, path: Path, increment: int | None = None) -> Future[int]:
        return self._call("export_proof", channel=channel, path=path.absolute(), increment=increment)

    def export_evidence(self, path: Path, flag: int) -> Future[None]:
        return self._call("export_evidence", path=path.absolute(), flag=flag)
