"""The broker's end: take connections."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from http import HTTPStatus

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.http11 import Request, Response

from wallet.protocol.errors import WalletError
from wallet.wire import peer as wire
from wallet.wire.frames import MAX_FRAME
from wallet.wire.hosts import canonical_host
from wallet.wire.limits import Limits
from wallet.wire.methods import COSTS
from wallet.wire.peer import Peer
from wallet.wire.sockets import socket_logger

SERVER_LIMITS = Limits(rate=500, burst=1_000, costs=COSTS)
MAX_CONNECTIONS = 256

logger = logging.getLogger("wallet.wire")


class Server:
    """A listening socket and the connections it took."""

    def __init__(self, on_peer: Callable[[Peer], None], limits: Limits, max_connections: int) -> None:
        self.peers: set[Peer] = set()
        self._on_peer = on_peer
        self._limits = limits
        self._max = max_connections
        self._socket: SocketServer | None = None

    async def open(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen; WalletError("LISTEN", why=…) if the address can't be had."""
        try:
            self._socket = await listen(
                self._connected,
                host,
                port,
                ssl=tls,
                origins=[None],  # no web page, wherever it came from, talks to a broker on this computer
                compression=None,
                server_header=None,
                process_request=self._admit,
                open_timeout=wire.OPEN_TIMEOUT,
                close_timeout=wire.CLOSE_TIMEOUT,
                ping_interval=wire.PING_INTERVAL,
                ping_timeout=wire.PING_TIMEOUT,
                max_size=MAX_FRAME,
                logger=socket_logger(),
            )
        except OSError as error:
            raise WalletError("LISTEN", host=host, port=port, why=error.strerror or str(error)) from error

    @property
    def port(self) -> int:
        """The port it listens on (the system's choice, if it was opened with 0)."""
        assert self._socket is not None
        found: int = next(iter(self._socket.sockets)).getsockname()[1]
        return found

    async def close(self) -> None:
        """Take no more, close all (1001), and wait until their handlers are done."""
        if self._socket is not None:
            self._socket.close(close_connections=False)
            await asyncio.gather(*(peer.close(1001, "the broker is closing") for peer in list(self.peers)))
            self._socket.close()
            await self._socket.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        hosts = request.headers.get_all("Host")
        if len(hosts) != 1 or canonical_host(hosts[0]) is None:
            return connection.respond(HTTPStatus.BAD_REQUEST, "")
        if len(self.peers) >= self._max:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "")
        return None

    async def _connected(self, connection: ServerConnection) -> None:
        request = connection.request
        host = canonical_host(request.headers["Host"]) if request is not None else None
        assert host is not None  # _admit saw to it
        peer = Peer(connection, host, self._limits)
        try:
            self._on_peer(peer)
        except Exception:
            logger.exception("taking a connection failed")
            await connection.close(1011, "internal error")
            return
        self.peers.add(peer)
        peer.at_end(lambda: self.peers.discard(peer))
        peer.start()
        await peer.wait_closed()


async def serve(
    host: str,
    port: int,
    on_peer: Callable[[Peer], None],
    *,
    limits: Limits = SERVER_LIMITS,
    max_connections: int = MAX_CONNECTIONS,
    tls: ssl.SSLContext | None = None,
) -> Server:
    """Listen on ``host``:``port`` (0: any free). ``on_peer`` sets the handlers of a new connection, before it reads."""
    server = Server(on_peer, limits, max_connections)
    await server.open(host, port, tls)
    return server
