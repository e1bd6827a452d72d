"""Where the one who runs a broker asks it: a local socket in its folder, for the same user alone.

One question, one line of JSON; one answer, one line of JSON. Who may not be is told apart by the kernel
(:mod:`wallet.app.owner.local`). The ledger's folder is the broker's own, so no wallet's socket can be there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from wallet.app.owner import local
from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError

MAX_LINE = 64 * 1024  # of a question
MAX_ANSWER = 16 * 1024 * 1024
PATIENCE = 20.0  # seconds

Answer = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]

log = logging.getLogger(__name__)


@asynccontextmanager
async def office(folder: Path, answers: Mapping[str, Answer]) -> AsyncIterator[None]:
    """Answers questions by their ``ask`` for as long as the context lasts; the caller holds the folder's lock.

    Where the system has no local sockets there is none, and the broker runs without.
    """

    under_way = set[asyncio.Task[Any]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        try:
            if local.is_same_user(writer.get_extra_info("socket")):
                async with asyncio.timeout(PATIENCE):
                    writer.write(json.dumps(await _answer(await reader.readline(), answers)).encode() + b"\n")
                    await writer.drain()
        except (OSError, TimeoutError, ValueError) as error:
            log.info("a question was not answered: %s", type(error).__name__)
        finally:
            writer.close()

    try:
        door = local.listen(folder)
    except WalletError as error:
        log.warning("nobody can ask this broker: %s", error)
        yield
        return
    server = await asyncio.start_unix_server(serve, sock=door, limit=MAX_LINE)
    try:
        yield
    finally:
        server.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        (folder / local.NAME).unlink(missing_ok=True)


async def _answer(line: bytes, answers: Mapping[str, Answer]) -> dict[str, Any]:
    try:
        question = strictjson.loads(line, max_bytes=MAX_LINE)
        ask = question.get("ask") if isinstance(question, dict) else None
        if not isinstance(question, dict) or not isinstance(ask, str) or ask not in answers:
            raise WalletError("OPERATOR_ASK", ask=str(ask)[:40])
        return {"answer": await answers[ask](question)}
    except WalletError as error:
        return {"error": error.code, "params": {key: str(value) for key, value in error.params.items()}}


def ask(folder: Path, question: str, **params: Any) -> dict[str, Any]:
    """The running broker's answer. Raises WalletError("OWNER_GONE") if none runs, "OPERATOR_BUSY", or what he says."""
    with contextlib.closing(local.connect(folder, PATIENCE)) as line:
        try:
            line.sendall(json.dumps({"ask": question, **params}).encode() + b"\n")
            data = bytearray()
            while not data.endswith(b"\n") and len(data) <= MAX_ANSWER:
                part = line.recv(64 * 1024)
                if not part:
                    break
                data += part
        except OSError as error:
            raise WalletError("OPERATOR_BUSY", folder=str(folder)) from error
    try:
        reply = strictjson.loads(bytes(data), max_bytes=MAX_ANSWER)
    except WalletError as error:
        raise WalletError("OPERATOR_BUSY", folder=str(folder)) from error
    if isinstance(reply, dict) and isinstance(reply.get("answer"), dict):
        return dict(reply["answer"])
    if isinstance(reply, dict) and isinstance(reply.get("error"), str) and isinstance(reply.get("params"), dict):
        raise WalletError(reply["error"], **reply["params"])
    raise WalletError("OPERATOR_BUSY", folder=str(folder))
