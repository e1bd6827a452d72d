"""The persistence points of a process by name, and a death at one of them.

A point lies wherever one layer hands over to the next: a message comes in, a key signs, a row is written, a
transaction is committed, bytes are given to the socket. They are put around the program's own methods here, in the
test's process; the program itself knows nothing of them.
"""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from websockets.asyncio.connection import Connection

from wallet.broker.config import Signer as BrokerSigner
from wallet.history.store import Store
from wallet.keys.signer import Signer
from wallet.protocol import rules
from wallet.protocol.typed import TypedDigest
from wallet.wire.frames import Frame, Notice, Reply, Request
from wallet.wire.peer import Handler, Peer

_TABLE = re.compile(r"^\s*(?:INSERT (?:OR IGNORE )?INTO|UPDATE|DELETE FROM) (\w+)", re.IGNORECASE)


class Points:
    """Counts every point that is passed; at the ``nth`` passage of ``deadly`` the process kills itself (SIGKILL)."""

    def __init__(self, deadly: str = "", nth: int = 1) -> None:
        self.passed: Counter[str] = Counter()
        self._deadly = deadly
        self._nth = nth

    def at(self, name: str) -> None:
        self.passed[name] += 1
        if name == self._deadly and self.passed[name] == self._nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self, *signers: type[BrokerSigner]) -> None:
        """Puts the points around the program's methods, for the whole life of this process."""
        _around_messages(self)
        _around_the_store(self)
        _around_the_rules(self)
        for signer in {Signer, *signers}:
            _around_signing(self, signer)


def _around_messages(points: Points) -> None:
    """``receive M``, ``receive answer M``, ``send M``, ``send answer M``, and ``sent …`` once the socket has it."""
    take, call, answer, write, send = Peer._take, Peer.call, Peer._answer, Peer._send, Connection.send
    served: dict[tuple[int, int], str] = {}
    leaving: dict[bytes, str] = {}

    def receive(peer: Peer, message: Request | Notice | Reply) -> None:
        if isinstance(message, Request):
            points.at(f"receive {message.frame.method}")
        elif isinstance(message, Reply) and message.id in peer._pending:
            points.at(f"receive answer {peer._pending[message.id].method}")
        take(peer, message)

    async def ask(peer: Peer, method: str, params: dict[str, Any], within: float) -> dict[str, Any]:
        points.at(f"send {method}")
        return await call(peer, method, params, within)

    async def serve(peer: Peer, number: int, handler: Handler, frame: Frame) -> None:
        served[id(peer), number] = frame.method
        await answer(peer, number, handler, frame)

    def enqueue(peer: Peer, data: bytes) -> None:
        message = msgspec.json.decode(data)
        method = message.get("method") or f"answer {served.pop((id(peer), message['id']), '?')}"
        if "method" not in message:
            points.at(f"send {method}")
        leaving[data] = method
        write(peer, data)

    async def give(connection: Connection, message: Any, **options: Any) -> None:
        await send(connection, message, **options)
        method = leaving.pop(message, None) if isinstance(message, bytes) else None
        if method is not None:
            points.at(f"sent {method}")

    Peer._take, Peer.call, Peer._answer, Peer._send = receive, ask, serve, enqueue  # type: ignore[method-assign]
    Connection.send = give  # type: ignore[method-assign, assignment]


def _around_the_store(points: Points) -> None:
    """``begin``, ``write T`` and ``wrote T`` for each table, ``commit``, ``committed``."""
    transaction, execute, insert = Store.transaction, Store.execute, Store.insert

    @contextmanager
    def whole(store: Store) -> Iterator[None]:
        outermost = not store._depth
        if outermost:
            points.at("begin")
        with transaction(store):
            yield
            if outermost:
                points.at("commit")
        if outermost:
            points.at("committed")

    def change(original: Callable[..., Any]) -> Callable[..., Any]:
        def run(store: Store, sql: str, values: Sequence[object] = ()) -> Any:
            found = _TABLE.match(sql)
            table = found[1] if found else "?"
            points.at(f"write {table}")
            result = original(store, sql, values)
            points.at(f"wrote {table}")
            return result

        return run

    Store.transaction = whole  # type: ignore[method-assign, assignment]
    Store.execute, Store.insert = change(execute), change(insert)  # type: ignore[method-assign]


def _around_the_rules(points: Points) -> None:
    """``check`` and ``checked``."""
    check = rules.check

    def checking(*arguments: Any, **options: Any) -> Any:
        points.at("check")
        result = check(*arguments, **options)
        points.at("checked")
        return result

    rules.check = checking


def _around_signing(points: Points, signer: Any) -> None:
    """``sign S`` and ``signed S`` for each struct."""
    sign = signer.sign

    def signing(key: Any, typed: TypedDigest) -> bytes:
        points.at(f"sign {typed.struct}")
        signature: bytes = sign(key, typed)
        points.at(f"signed {typed.struct}")
        return signature

    signer.sign = signing
