"""A node that lies with well-formed answers: it passes questions on to a real one and changes what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from wallet.chain.rpc import Rpc
from wallet.protocol.errors import WalletError

Lie = Callable[[str, list[Any], Any], Any]
"""From method, parameters and the true result to what is answered."""


@asynccontextmanager
async def liar(truth: str, lie: Lie) -> AsyncIterator[str]:
    """Its address."""
    async with Rpc(truth) as rpc:

        async def answer(request: web.Request) -> web.Response:
            asked = await request.json()
            reply: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
            method, params = asked["method"], asked.get("params", [])
            try:
                true = None if method in SWALLOWED else await rpc.request(method, *params)
                reply["result"] = lie(method, params, true)
            except WalletError as error:
                reply["error"] = {"code": 3 if error.code == "RPC_REVERTED" else -32000, "message": str(error)}
            return web.json_response(reply)

        app = web.Application()
        app.router.add_post("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


SWALLOWED = frozenset({"eth_sendRawTransaction"})
