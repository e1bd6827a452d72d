"""JSON-RPC 2.0 over HTTP POST, for programs on this machine only.

Loopback alone does not keep out a web page that the user has open: browsers will post to 127.0.0.1 for any site, under
any name that resolves there. So a foreign Host header, any Origin, and bodies that are not declared as JSON are refused
before they are read.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError
from wallet.sandbox.devnet.errors import INTERNAL, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, RpcError

HOST = "127.0.0.1"
MAX_BODY = 1_048_576
MAX_BATCH = 100
Answer = Callable[[str, Sequence[object]], Awaitable[object]]

_log = logging.getLogger(__name__)


class Server:
    """One listening socket; `answer` computes the result of a method or raises RpcError."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int) -> None:
        """Listens on `port` of 127.0.0.1, any free one for 0. Raises WalletError DEVNET_PORT."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":
                # Without it a restart on the same port has to wait for old connections to be forgotten; on Windows it
                # means theft.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            listener.close()
            raise WalletError("DEVNET_PORT", port=port, reason=str(error)) from None
        self.port = listener.getsockname()[1]
        application = web.Application(client_max_size=MAX_BODY)
        application.router.add_route("*", "/", self._serve)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listener, backlog=128).start()

    async def stop(self) -> None:
        """Closes the socket and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            asked = _parse(await request.read())
        except RpcError as error:
            return _json(_failure(None, error))
        if not isinstance(asked, list):
            single = await self._one(asked)
            return web.Response(status=204) if single is None else _json(single)
        if not 0 < len(asked) <= MAX_BATCH:
            return _json(_failure(None, RpcError(INVALID_REQUEST, f"a batch holds 1 to {MAX_BATCH} requests")))
        answers = [answer for entry in asked if (answer := await self._one(entry)) is not None]
        return _json(answers) if answers else web.Response(status=204)

    def _refusal(self, request: web.Request) -> web.Response | None:
        host = request.headers.get("Host", "").lower()
        if host not in {f"{HOST}:{self.port}", f"localhost:{self.port}"}:
            return web.Response(status=403, text="this chain answers only to 127.0.0.1\n")
        if "Origin" in request.headers or "Sec-Fetch-Site" in request.headers:
            return web.Response(status=403, text="this chain does not answer web pages\n")
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"}, text="JSON-RPC over POST only\n")
        if request.content_type != "application/json":
            return web.Response(status=415, text="Content-Type must be application/json\n")
        return None

    async def _one(self, asked: object) -> dict[str, object] | None:
        """The response to one request; None for a notification."""
        identity = asked.get("id") if isinstance(asked, dict) else None
        try:
            if isinstance(identity, bool) or not isinstance(identity, str | int | None):
                identity = None
                raise RpcError(INVALID_REQUEST, "id is not a string, a number or null")
            method, parameters = _request(asked)
            result = await self._answer(method, parameters)
        except RpcError as error:
            answer = _failure(identity, error)
        except Exception:  # noqa: BLE001 - whatever it was: the caller gets an answer, the log the cause
            _log.exception("a request failed")
            answer = _failure(identity, RpcError(INTERNAL, "internal error"))
        else:
            answer = {"jsonrpc": "2.0", "id": identity, "result": result}
        notification = (
            isinstance(asked, dict) and "id" not in asked and asked.get("jsonrpc") == "2.0" and "method" in asked
        )
        return None if notification else answer


def _parse(body: bytes) -> object:
    try:
        return strictjson.loads(body, max_bytes=MAX_BODY)
    except WalletError as error:
        raise RpcError(PARSE_ERROR, f"parse error: {error.code}") from None


def _request(asked: object) -> tuple[str, Sequence[object]]:
    if not isinstance(asked, dict) or asked.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, "invalid request: not a JSON-RPC 2.0 object")
    method, parameters = asked.get("method"), asked.get("params", [])
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "invalid request: method is not a string")
    if not isinstance(parameters, list):
        raise RpcError(INVALID_PARAMS, "params is not a list: parameters go by position")
    return method, parameters


def _failure(identity: object, error: RpcError) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": identity, "error": error.as_json()}


def _json(answer: object) -> web.Response:
    return web.Response(body=json.dumps(answer).encode("ascii"), content_type="application/json")
