"""Both ends of a real loopback connection, and a raw WebSocket for what no honest peer would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as raw_connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as raw_serve

from tests.support.waiting import PATIENCE, until
from wallet.wire.client import CLIENT_LIMITS, connect
from wallet.wire.frames import Frame
from wallet.wire.limits import Limits
from wallet.wire.peer import Peer
from wallet.wire.server import SERVER_LIMITS, Server, serve


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run one test; it fails if a task of it is left over or died unseen."""
    lost: list[dict[str, Any]] = []

    async def guarded() -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        async with asyncio.timeout(2 * PATIENCE):
            result = await main
        for _ in range(20):
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if not left:
                break
            await asyncio.sleep(0.05)
        assert not left, left
        return result

    result = asyncio.run(guarded())
    assert not lost, lost
    return result


async def echo(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
    return params


def with_echo(peer: Peer) -> None:
    peer.handlers["echo"] = echo


@asynccontextmanager
async def serving(
    on_peer: Callable[[Peer], None] = with_echo, limits: Limits = SERVER_LIMITS, **options: Any
) -> AsyncIterator[Server]:
    server = await serve("127.0.0.1", 0, on_peer, limits=limits, **options)
    try:
        yield server
    finally:
        await server.close()


def url(server: Server) -> str:
    return f"ws://127.0.0.1:{server.port}"


@asynccontextmanager
async def pair(
    on_peer: Callable[[Peer], None] = with_echo, limits: Limits = SERVER_LIMITS, client_limits: Limits = CLIENT_LIMITS
) -> AsyncIterator[tuple[Peer, Peer]]:
    """(client, server's peer)"""
    arrived: list[Peer] = []

    def on(peer: Peer) -> None:
        on_peer(peer)
        arrived.append(peer)

    async with serving(on, limits) as server:
        client = await connect(url(server), limits=client_limits)
        await until(lambda: bool(arrived))
        try:
            yield client, arrived[0]
        finally:
            await client.close()


@asynccontextmanager
async def raw_client(server: Server, **options: Any) -> AsyncIterator[ClientConnection]:
    async with raw_connect(url(server), compression=None, proxy=None, max_size=None, **options) as connection:
        yield connection


@asynccontextmanager
async def raw_broker(handler: Callable[[ServerConnection], Coroutine[Any, Any, None]]) -> AsyncIterator[str]:
    """A broker that says what ``handler`` says; yields its URL."""
    async with raw_serve(handler, "127.0.0.1", 0, compression=None, close_timeout=0.5) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


def ask_text(number: object, method: str = "echo", params: object = None) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": {} if params is None else params})
