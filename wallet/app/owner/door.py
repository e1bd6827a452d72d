"""The owner's side of the socket: one thread that serves the user's other programs while this one has the profile.

Reading is free: the same user can read the profile's files. To act takes the profile's password, or a yes of the user
at the window (as ssh-agent's ``-c`` and 1Password's command line do it): the socket alone gives nobody a signature.
Source: architecture, "One profile, one owner"; research/security §2, desktop-wallets (Electrum's open JSON-RPC).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from wallet.app.backend import Commands
from wallet.app.owner import frames, hello, local
from wallet.app.owner.calls import PERMIT, Call, Failure, calls
from wallet.app.owner.question import question, refusal
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

log = logging.getLogger(__name__)

MAX_GUESTS = 8
HELLO_WITHIN = 5.0
IDLE = 300.0  # seconds a guest may say nothing
BEAT = 2.0  # seconds between the signs of life while a call runs
GRACE = 3.0  # seconds that what runs may take when the owner ends
MAX_PASSWORDS = 3  # wrong ones, on one connection


class Front(Protocol):
    """The window, if there is one. Called from the door's thread; returns at once."""

    def raise_window(self, token: str) -> None: ...

    def lock_window(self) -> None: ...

    def ask(self, text: str) -> Future[bool]:
        """A yes or no of the user's; cancelling the future takes the question away."""


class Served(Commands, Protocol):
    def check_password(self, password: Secret) -> None: ...


class Door:
    """Listens from its making until :meth:`close`. The profile's lock must be held for as long."""

    def __init__(self, folder: Path) -> None:
        """Raises WalletError("OWNER_NO_DOOR") where there can be none."""
        self._folder = folder
        self._socket = local.listen(folder)
        self._front: Front | None = None
        self._served: Served | None = None
        self._closing = False
        self._guests: set[asyncio.Task[None]] = set()
        self._checking = asyncio.Lock()  # a key derivation takes much memory: one at a time
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._main, name="owner", daemon=True)
        self._thread.start()
        self._started.wait()

    # --- for the owner, from any thread ---

    def attend(self, front: Front) -> None:
        """From now on there is a window."""
        self._front = front

    def serve(self, served: Served | None) -> None:
        """From now on the profile is unlocked and its commands can be called; None: not any more."""
        self._served = served

    def close(self) -> None:
        """Lets nobody in any more, gives what runs a moment, and ends. Blocks until done."""
        if self._closing:
            return
        self._closing = True
        (self._folder / local.NAME).unlink(missing_ok=True)  # still under the lock: it can be no successor's
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(GRACE + 5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # --- the thread ---

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_unix_server(self._admit, sock=self._socket))
        self._loop.call_soon(self._started.set)
        self._loop.run_forever()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        if self._guests:
            _, late = await asyncio.wait(tuple(self._guests), timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        peer: socket.socket = writer.get_extra_info("socket")
        try:
            if not local.is_same_user(peer):
                log.warning("a stranger at the door was sent away")
            elif len(self._guests) >= MAX_GUESTS:
                async with asyncio.timeout(HELLO_WITHIN):
                    await frames.receive(reader, frames.MAX_HELLO)  # unread words would make a reset of our answer
                await self._say_hello(writer, "busy")
            else:
                self._guests.add(task)
                await _Guest(self, reader, writer).run()
        except (WalletError, ConnectionError, TimeoutError) as error:
            log.info("a guest was hung up on: %s", error)
        except Exception:
            log.exception("serving a guest failed")
        finally:
            self._guests.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _say_hello(self, writer: asyncio.StreamWriter, state: hello.State) -> None:
        writer.write(frames.encode(hello.owner(state, window=self._front is not None)))
        await writer.drain()

    @property
    def state(self) -> hello.State:
        if self._closing:
            return "closing"
        return "ready" if self._served is not None else "locked"


class _Guest:
    """One connection: hello, then requests, one after the other."""

    def __init__(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._door, self._reader, self._writer = door, reader, writer
        self._trusted = False  # knows the password
        self._wrong = 0

    async def run(self) -> None:
        door = self._door
        async with asyncio.timeout(HELLO_WITHIN):
            first = await frames.receive(self._reader, frames.MAX_HELLO)
        if first is None:
            return
        his = hello.read_guest(first)
        front = door._front  # as the hello says: a window that comes meanwhile was not asked
        await door._say_hello(self._writer, door.state)
        if his.want == "raise":
            if front is not None:
                front.raise_window(his.token)
                await self._send({"raised": True})
            return
        if his.want == "lock":  # needs no leave: it takes away, and the password brings back
            if front is not None:
                front.lock_window()
                await self._send({"locked": True})
            return
        try:
            hello.check_version(his)
        except WalletError:
            return  # our hello tells him
        while not door._closing:
            try:
                async with asyncio.timeout(IDLE):
                    request = await frames.receive(self._reader, frames.MAX_REQUEST)
            except TimeoutError:
                return
            if request is None:
                return
            await self._answer(request)

    async def _send(self, value: dict[str, Any]) -> None:
        frame = frames.encode(value)
        if len(frame) > frames.MAX_ANSWER:
            frame = frames.encode({"error": Failure.of(WalletError("OWNER_TOO_MUCH"))})
        self._writer.write(frame)
        await self._writer.drain()

    async def _answer(self, request: dict[str, Any]) -> None:
        try:
            if request.keys() != {"method", "params"}:
                raise WalletError("OWNER_FRAME", what="no request")
            work = asyncio.create_task(self._do(request["method"], request["params"]))
            await self._send({"result": await self._watched(work)})
        except WalletError as error:
            await self._send({"error": Failure.of(error)})
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # the window's user has its traceback in the log, the guest a sentence
            log.exception("a guest's command failed")
            await self._send({"error": Failure.of(WalletError("OWNER_FAILED", why=type(error).__name__))})

    async def _watched(self, work: asyncio.Task[Any]) -> Any:
        """The result of ``work``, with signs of life meanwhile; a guest who hangs up ends what can be ended."""
        gone = asyncio.create_task(self._reader.read(1))  # one request at a time: nothing may come now
        try:
            while not work.done():
                await asyncio.wait((work, gone), timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
                if gone.done() and not work.done():
                    raise ConnectionResetError("the guest hung up")
                if not work.done():
                    await self._send({"beat": True})
            return work.result()
        finally:
            work.cancel()
            gone.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def _do(self, method: object, params: object) -> Any:
        served = self._door._served
        if served is None:
            raise WalletError("OWNER_LOCKED")
        if method == PERMIT:
            return await self._permit(served, params)
        call = calls().get(method) if isinstance(method, str) else None
        if call is None:
            raise WalletError("OWNER_FRAME", what="no such command")
        arguments = call.read(params)
        if call.acts and not self._trusted:
            await self._ask(served, call, arguments)
        if call.progress:
            arguments["progress"] = self._progress()
        running: Future[Any] = getattr(served, call.name)(**arguments)
        waiting = asyncio.wrap_future(running)
        # What was begun is not torn off when a guest leaves: an order half sent would be an order in doubt.
        return await (asyncio.shield(waiting) if call.acts else waiting)

    async def _permit(self, served: Served, params: object) -> None:
        """Takes the profile's password: what knows it is the user, or has all of him anyway."""
        if not isinstance(params, dict) or params.keys() != {"password"} or not isinstance(params["password"], str):
            raise WalletError("OWNER_FRAME", what="no password")
        if self._wrong >= MAX_PASSWORDS:
            raise WalletError("OWNER_REFUSED")
        async with self._door._checking:
            password = Secret(params["password"])
            try:
                await asyncio.to_thread(served.check_password, password)
            except WalletError:
                self._wrong += 1
                raise
            finally:
                password.wipe()
        self._trusted = True

    async def _ask(self, served: Served, call: Call, arguments: dict[str, Any]) -> None:
        """Raises WalletError("OWNER_REFUSED" | "OWNER_UNASKED") unless the user at the window says yes."""
        front = self._door._front
        if front is None:
            raise WalletError("OWNER_UNASKED")
        view = await asyncio.wrap_future(served.view(arguments.get("broker", b""), arguments.get("channel", b"")))
        problem = refusal(call.name, view)
        if problem is not None:
            raise problem
        if not await asyncio.wrap_future(front.ask(question(call.name, arguments, view))):
            raise WalletError("OWNER_REFUSED")

    def _progress(self) -> Callable[[int, int], None]:
        """Called from a reader thread, however often; what reaches the guest is a few words a second."""
        loop, last = asyncio.get_running_loop(), [-1.0]

        def tell(done: int, of: int) -> None:
            now = loop.time()
            if now - last[0] > 0.1 or done == of:
                last[0] = now
                loop.call_soon_threadsafe(self._writer.write, frames.encode({"progress": [done, of]}))

        return tell
