"""JSON-RPC 2.0 in both directions over one WebSocket connection.

One task reads, one writes, one timer watches; requests are answered concurrently, each in a task of its own, and
started in the order they came. Nothing here is cancelled in the middle: when the connection ends, handlers run to
their end and their answers are dropped, so that what a handler persists is never half done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from wallet.protocol.codec import Json
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain
from wallet.wire import frames
from wallet.wire.frames import Frame, Notice, RemoteError, Reply, Request, Violation
from wallet.wire.limits import Limits, Outbox, TokenBucket
from wallet.wire.proposals import ProposalReader

Handler = Callable[[dict[str, Json], Frame], Awaitable[dict[str, Json]]]
NoticeHandler = Callable[[dict[str, Json], Frame], None]

OPEN_TIMEOUT = 5.0  # seconds, as all below
CLOSE_TIMEOUT = 2.0
PING_INTERVAL = 10.0
PING_TIMEOUT = 10.0
STALL = 10.0  # a peer that takes nothing for so long is gone
HANDLER_GRACE = 5.0  # what handlers still run after the end are waited for so long, then cancelled
_TICK = 0.2
_MAX_UNSENT = 4 * 2**20  # bytes in the socket's own buffer: answers to pings go there, past the outbox
_MAX_ABANDONED = 1_024
_TURN = 16  # frames read before everyone else gets a turn

logger = logging.getLogger("wallet.wire")


class Goodbye(WalletError):
    """Raised by a handler: the error is the answer, and the connection is closed (1008) once it is sent."""


@dataclass(frozen=True, slots=True)
class _Pending:
    method: str
    deadline: float
    answer: asyncio.Future[dict[str, Json]]


class Peer:
    """The other end of a connection.

    ``handlers`` and ``notices`` are looked up when a frame comes and may be changed at any time. A handler gets the
    params and the whole :class:`Frame` and returns the result; it may raise WalletError. ``host`` is the canonical
    host:port of the handshake: dialled (client) or asked for (server).
    """

    def __init__(self, connection: Connection, host: str, limits: Limits) -> None:
        self.host = host
        self.handlers: dict[str, Handler] = {}
        self.notices: dict[str, NoticeHandler] = {}
        self._quick = ProposalReader()
        self._connection = connection
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._last_id = 0
        self._pending: dict[int, _Pending] = {}
        self._abandoned: deque[int] = deque(maxlen=_MAX_ABANDONED)
        self._serving: dict[int, asyncio.Task[None]] = {}
        now = time.monotonic()
        self._allowance = TokenBucket(limits.rate, limits.burst, now)
        self._refusals = TokenBucket(limits.refusal_rate, limits.refusal_burst, now)
        self._writing_since: float | None = None
        self._farewell: tuple[int, str] | None = None
        self._verdict: tuple[int, str] | None = None
        self._shutting: asyncio.Task[None] | None = None
        self._running: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        self._at_end: list[Callable[[], None]] = []

    # --- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read and write. Handlers that a first frame may need are set before."""
        self._running = [self._loop.create_task(self._read()), self._loop.create_task(self._write())]
        self._loop.call_later(_TICK, self._tick)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._ended.is_set() or self._shutting is not None or self._farewell is not None

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code once the connection is closed: ours if we hung up, else the peer's."""
        return self._verdict[0] if self._verdict else self._connection.close_code

    @property
    def close_reason(self) -> str:
        """Why it was closed, in the words of whoever closed it (plain text)."""
        return plain(self._verdict[1] if self._verdict else self._connection.close_reason or "")

    def at_end(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once when the connection has ended, however it ended."""
        if self._ended.is_set():
            callback()
        else:
            self._at_end.append(callback)

    async def wait_closed(self) -> None:
        """Until the connection has ended and its handlers are done."""
        await self._ended.wait()
        left = set(self._serving.values()) - {asyncio.current_task()}  # a handler may be the one who waits
        if left:
            _, stuck = await asyncio.wait(left, timeout=HANDLER_GRACE)
            for task in stuck:
                task.cancel()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in any case within a few seconds; calls under way end with RPC_CLOSED."""
        self._shut(code, reason)
        await self.wait_closed()

    def abort(self) -> None:
        """Drop the connection now, without a word."""
        self._connection.transport.abort()

    # --- asking --------------------------------------------------------------------------------------------------

    async def call(self, method: str, params: dict[str, Json], within: float) -> dict[str, Json]:
        """Ask, and wait at most ``within`` seconds (checked every 0.2 s) for the answer.

        Raises :class:`RemoteError` if the peer said no (*rejected*); WalletError("RPC_UNKNOWN") without an answer
        in time and WalletError("RPC_CLOSED") if the connection ended (both *unknown*: he may have acted);
        WalletError("RPC_BUSY") if too much is under way and WalletError("RPC_SIZE") if it fits in no frame (both:
        nothing was sent).
        """
        if self.closed:
            raise WalletError("RPC_CLOSED", method=method)
        if len(self._pending) >= self._limits.in_flight:
            raise WalletError("RPC_BUSY", method=method)
        number = self._last_id + 1
        data = frames.request(number, method, params)
        if len(data) > frames.MAX_FRAME:
            raise WalletError("RPC_SIZE", method=method, size=len(data))
        self._last_id = number
        answer: asyncio.Future[dict[str, Json]] = self._loop.create_future()
        self._pending[number] = _Pending(method, time.monotonic() + within, answer)
        self._send(data)
        try:
            return await answer
        finally:
            if self._pending.pop(number, None) is not None:  # the caller was cancelled
                self._abandoned.append(number)

    def notify(self, method: str, params: dict[str, Json]) -> bool:
        """Queue a notification. False: the peer doesn't keep up, what waited was dropped; end his subscription."""
        if self.closed:
            return False
        queued = self._outbox.put_notice(frames.notice(method, params))
        self._wake.set()
        return queued

    # --- reading -------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            count = 0
            while True:
                data = await self._connection.recv()
                if not self.closed:  # else read on, to find the other side's farewell behind what it still sends
                    self._hear(data, time.monotonic())
                count += 1
                if count % _TURN == 0:
                    await asyncio.sleep(0)  # recv() doesn't suspend while messages are buffered
        except ConnectionClosed:
            pass
        finally:
            self._end()

    def _hear(self, data: str | bytes, received: float) -> None:
        try:
            if not isinstance(data, str):
                raise Violation("text frames only", frames.UNSUPPORTED_DATA)
            self._take(self._quick(data, received) or frames.parse(data.encode(), received))
        except Violation as violation:
            logger.info("closing the connection of %s: %s", self.host, violation.reason)
            self._shut(violation.code, violation.reason)
        except Exception:
            logger.exception("reading failed")
            self._shut(1011, "internal error")

    def _take(self, message: Request | Notice | Reply) -> None:
        if isinstance(message, Reply):
            self._settle(message)
        elif isinstance(message, Notice):
            self._note(message.frame)
        else:
            self._serve(message.id, message.frame)

    def _settle(self, reply: Reply) -> None:
        pending = self._pending.pop(reply.id, None)
        if pending is None:
            if reply.id not in self._abandoned:
                raise Violation("an answer nobody asked for")
            self._abandoned.remove(reply.id)  # late: its caller has been told that the outcome is unknown
        elif pending.answer.done():
            return  # its caller was cancelled this very moment
        elif isinstance(reply.result, RemoteError):
            pending.answer.set_exception(reply.result)
        else:
            pending.answer.set_result(reply.result)

    def _note(self, frame: Frame) -> None:
        handler = self.notices.get(frame.method)
        if handler is None:
            raise Violation("unknown notification")
        if self._charge(frame):
            raise Violation("too many notifications", frames.POLICY)
        try:
            handler(frame.params, frame)
        except WalletError as error:
            raise Violation(plain(str(error), 100)) from error

    def _serve(self, number: int, frame: Frame) -> None:
        if number in self._serving:
            raise Violation("the id of a request that is not answered yet")
        wait = self._charge(frame)
        if wait:
            self._refuse(number, frame, WalletError("RATE", retryAfterMs=int(wait * 1_000) + 1))
        elif len(self._serving) >= self._limits.in_flight:
            self._refuse(number, frame, WalletError("BUSY"))
        elif (handler := self.handlers.get(frame.method)) is None:
            self._refuse(number, frame, WalletError("METHOD", method=frame.method), frames.UNKNOWN_METHOD)
        else:
            self._serving[number] = self._loop.create_task(self._answer(number, handler, frame))

    def _charge(self, frame: Frame) -> float:
        """Take the frame's price from the peer's allowance; seconds to wait if there is too little left."""
        price = self._limits.costs.get(frame.method, 1.0)
        reserve = self._limits.burst / 10 if price >= 1 else 0.0
        return self._allowance.take(price + len(frame.raw) / 65_536, frame.received, reserve)

    def _refuse(self, number: int, frame: Frame, error: WalletError, kind: int = frames.OWN_ERROR) -> None:
        if self._refusals.take(1, frame.received):
            raise Violation("too many requests", frames.POLICY)
        self._send(frames.failure(number, error, kind))

    async def _answer(self, number: int, handler: Handler, frame: Frame) -> None:
        try:
            data = frames.result(number, await handler(frame.params, frame))
            if len(data) > frames.MAX_FRAME:
                raise ValueError(f"a result of {len(data)} bytes")
        except Goodbye as error:
            data = frames.failure(number, error)
            self._send(data)
            self._farewell = (frames.POLICY, error.code)
            return
        except WalletError as error:
            kind = frames.INVALID_PARAMS if error.code == "WIR-FORM" else frames.OWN_ERROR
            data = frames.failure(number, error, kind)
        except Exception:
            logger.exception("answering %s failed", frame.method)
            data = frames.failure(number, WalletError("INTERNAL"), frames.INTERNAL_ERROR)
        finally:
            del self._serving[number]
        self._send(data)

    # --- writing -------------------------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        if self.closed:
            return
        if not self._outbox.put(data):
            self._shut(frames.POLICY, "does not read")
        self._wake.set()

    async def _write(self) -> None:
        try:
            while not self._ended.is_set():
                while (data := self._outbox.take()) is not None:
                    self._writing_since = time.monotonic()
                    await self._connection.send(data, text=True)
                    self._writing_since = None
                if self._farewell is not None:
                    self._shut(*self._farewell)
                    return
                self._wake.clear()
                await self._wake.wait()
        except ConnectionClosed:
            pass

    # --- watching and ending -------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """One timer for all deadlines: a timer per message would outlive its message in Qt's event loop."""
        if self._ended.is_set():
            return
        now = time.monotonic()
        for number, pending in [entry for entry in self._pending.items() if entry[1].deadline <= now]:
            del self._pending[number]
            self._abandoned.append(number)
            if not pending.answer.done():
                pending.answer.set_exception(WalletError("RPC_UNKNOWN", method=pending.method))
        # The keepalive of the connection itself waits for room in the buffer, so it never ends such a peer.
        stalled = self._writing_since is not None and now - self._writing_since > STALL
        if stalled or self._connection.transport.get_write_buffer_size() > _MAX_UNSENT:
            self.abort()
        self._loop.call_later(_TICK, self._tick)

    def _shut(self, code: int, reason: str) -> None:
        if self._shutting is None and not self._ended.is_set():
            self._verdict = code, reason
            self._shutting = self._loop.create_task(self._hang_up(code, reason.encode()[:120].decode(errors="ignore")))

    async def _hang_up(self, code: int, reason: str) -> None:
        closing = self._loop.create_task(self._connection.close(code, reason))
        await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT + 1)
        if not closing.done():
            self.abort()
            await closing

    def _end(self) -> None:
        self._ended.set()
        self._wake.set()
        pending, self._pending = self._pending, {}
        for entry in pending.values():
            if not entry.answer.done():
                entry.answer.set_exception(WalletError("RPC_CLOSED", method=entry.method))
        callbacks, self._at_end = self._at_end, []
        for callback in callbacks:
            callback()
