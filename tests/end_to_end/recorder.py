"""A proxy between wallet and broker that changes nothing and writes down every byte, with its direction and time.

It knows neither WebSocket nor JSON: what the bytes mean is for the reader of the file to say (:mod:`recording`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from pathlib import Path
from types import TracebackType

# time (Unix seconds), connection, direction, length; then as many bytes
HEAD = struct.Struct(">dIBI")
TO_BROKER, TO_TRADER, CLOSED = 0, 1, 2
_CHUNK = 65_536


class Recorder:
    """Listens on a free port of 127.0.0.1 and passes on to ``upstream``, which may move when a broker is restarted."""

    def __init__(self, file: Path, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.proposals = 0  # frames that look like one, of both processes' lives: enough to see that states flow
        self._file = file.open("ab")
        self._count = 0
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)  # from here on nobody is refused, however late the thread comes
        self.port: int = listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self._listener = listener
        self._thread = threading.Thread(target=self._main, name="recorder", daemon=True)

    def __enter__(self) -> Recorder:
        ready = threading.Event()
        self._loop.call_soon(ready.set)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._file.close()

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._take, sock=self._listener))
        try:
            self._loop.run_forever()
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            for task in self._tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
            self._loop.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        number = self._count
        own = asyncio.current_task()
        assert own is not None
        self._tasks.add(own)
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection(*self.upstream)
        except OSError:
            writer.transport.abort()
            self._done(own, writer)
            return
        self._writers.add(back)
        pumps = [
            asyncio.create_task(self._pump(number, TO_BROKER, reader, back)),
            asyncio.create_task(self._pump(number, TO_TRADER, there, writer)),
        ]
        self._tasks.update(pumps)
        try:
            await asyncio.wait(pumps)
        finally:
            self._write(number, CLOSED, b"")
            self._done(own, writer, back)
            self._tasks.difference_update(pumps)

    def _done(self, task: asyncio.Task[None], *writers: asyncio.StreamWriter) -> None:
        self._tasks.discard(task)
        for writer in writers:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _pump(
        self, number: int, direction: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Until one side ends. What a dead process still had in its socket is written down, then passed on."""
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                self._write(number, direction, data)
                if direction == TO_TRADER:
                    self.proposals += data.count(b'"method":"propose"')
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    def _write(self, number: int, direction: int, data: bytes) -> None:
        self._file.write(HEAD.pack(time.time(), number, direction, len(data)) + data)
        self._file.flush()
