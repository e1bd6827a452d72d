"""A peer that breaks the protocol is disconnected, with the right code, at once, and without harm to anyone else."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import struct
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.waiting import PATIENCE, until
from tests.wire.kit import ask_text, pair, raw_broker, raw_client, run, serving, url, with_echo
from tests.wire.test_frames import MALFORMED
from wallet.protocol.errors import WalletError
from wallet.wire.client import connect
from wallet.wire.frames import Frame
from wallet.wire.limits import Limits
from wallet.wire.peer import Peer
from wallet.wire.server import Server


async def messages(connection: ClientConnection) -> AsyncIterator[str | bytes]:
    """All until the other side closes, however it closes."""
    try:
        while True:
            yield await connection.recv()
    except ConnectionClosed:
        pass


async def closing(connection: ClientConnection) -> int | None:
    """Read until the other side closes; its close code."""
    async with asyncio.timeout(PATIENCE):
        async for _ in messages(connection):
            pass
    return connection.close_code


def depth_text(number: int) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": "depth", "params": {"n": number}})


@pytest.fixture(scope="module")
def calm() -> Any:
    """After each attack, an honest client on the same server is served as if nothing had been."""

    async def check(server: Server) -> None:
        client = await connect(url(server))
        assert await client.call("echo", {"still": "here"}, PATIENCE) == {"still": "here"}
        await client.close()

    return check


BAD: dict[str, tuple[str | bytes, int]] = {
    **{name: (text, 1009 if name == "size" else 1002) for name, text in MALFORMED.items()},
    "binary": (ask_text(1).encode(), 1003),
    "unasked answer": ('{"jsonrpc":"2.0","id":1,"result":{}}', 1002),
    "unasked error": (
        '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"","data":{"code":"X","params":{}}}}',
        1002,
    ),
    "unknown notification": ('{"jsonrpc":"2.0","method":"depth","params":{}}', 1002),
    "one byte too many": (" " * (2**20 + 1 - len(ask_text(1))) + ask_text(1), 1009),
}


@pytest.mark.parametrize(("data", "code"), BAD.values(), ids=BAD.keys())
def test_the_broker_hangs_up_on_what_is_no_frame(data: str | bytes, code: int, calm: Any) -> None:
    async def main() -> None:
        async with serving() as server:
            async with raw_client(server) as connection:
                await connection.send(data)
                assert await closing(connection) == code
            await calm(server)

    run(main())


@pytest.mark.parametrize(("data", "code"), BAD.values(), ids=BAD.keys())
def test_the_trader_hangs_up_on_what_is_no_frame(data: str | bytes, code: int) -> None:
    async def main() -> None:
        async def broker(connection: ServerConnection) -> None:
            request = json.loads(await connection.recv())
            await connection.send(data if '"id":1' not in str(data) else str(data).replace('"id":1', '"id":77', 1))
            await connection.wait_closed()
            codes.append(connection.close_code)
            assert request["method"] == "instruments"

        codes: list[int | None] = []
        async with raw_broker(broker) as address:
            client = await connect(address)
            with pytest.raises(WalletError, match="RPC_CLOSED"):
                await client.call("instruments", {}, PATIENCE)
            await client.wait_closed()
        assert codes == [code]

    run(main())


def test_a_frame_of_exactly_the_limit_passes() -> None:
    async def main() -> None:
        async with serving() as server, raw_client(server) as connection:
            await connection.send(" " * (2**20 - len(ask_text(1))) + ask_text(1))
            assert json.loads(await connection.recv()) == {"jsonrpc": "2.0", "id": 1, "result": {}}

    run(main())


# Each is sent as raw bytes after an honest handshake: first byte FIN/RSV/opcode, second MASK/length.
RAW = {
    "reserved bit": (b"\xc1\x80\0\0\0\0", 1002),
    "reserved opcode": (b"\x83\x80\0\0\0\0", 1002),
    "unmasked": (b"\x81\x02{}", 1002),
    "continuation of nothing": (b"\x80\x80\0\0\0\0", 1002),
    "long ping": (b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126, 1002),
    "giant length": (b"\x81\xff" + struct.pack(">Q", 2**62) + b"\0\0\0\0", 1009),
    "not UTF-8": (b"\x81\x84\0\0\0\0\xff\xfe\xfd\xfc", 1007),
    "surrogate": (b'\x81\x85\0\0\0\0"\xed\xa0\x80"', 1007),
    "bad close code": (b"\x88\x82\0\0\0\0\x03\xe7", 1002),
    "too many fragments": (b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 10_000, 1009),
}


@pytest.mark.parametrize(("data", "code"), RAW.values(), ids=RAW.keys())
def test_the_broker_hangs_up_on_what_is_no_websocket(data: bytes, code: int, calm: Any) -> None:
    async def main() -> None:
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(HANDSHAKE)
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(data)
            head = await asyncio.wait_for(reader.readexactly(4), PATIENCE)
            assert (head[0], struct.unpack(">H", head[2:])[0]) == (0x88, code)
            writer.close()
            await calm(server)

    run(main())


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ((b"Host: 127.0.0.1:1", b"Host: 127.0.0.1:1\r\nOrigin: https://example.org"), 403),
        ((b"Host: 127.0.0.1:1", b"Host: a b"), 400),
        ((b"Host: 127.0.0.1:1", b"Host: 127.0.0.1:1\r\nHost: other:1"), 400),
        ((b"Host: 127.0.0.1:1\r\n", b""), 400),
        ((b"GET /", b"POST /"), 405),
    ],
    ids=["web page", "no host", "two hosts", "host missing", "post"],
)
def test_handshakes_that_are_not_taken(change: tuple[bytes, bytes], status: int, calm: Any) -> None:
    async def main() -> None:
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(HANDSHAKE.replace(*change))
            line = await asyncio.wait_for(reader.read(100), PATIENCE)
            assert b" 101 " not in line
            assert f" {status} ".encode() in line
            writer.close()
            assert not server.peers
            await calm(server)

    run(main())


def test_a_handshake_that_never_ends_is_cut(monkeypatch: pytest.MonkeyPatch, calm: Any) -> None:
    monkeypatch.setattr("wallet.wire.peer.OPEN_TIMEOUT", 0.5)

    async def main() -> None:
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            began = time.monotonic()

            async def trickle() -> None:
                for byte in HANDSHAKE:
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.05)

            drip = asyncio.create_task(trickle())
            await calm(server)
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
            assert 0.3 < time.monotonic() - began < 3
            drip.cancel()
            writer.close()

    run(main())


def test_a_broker_that_never_answers_the_handshake_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.wire.peer.OPEN_TIMEOUT", 0.3)

    async def main() -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(WalletError, match="BROKER_UNREACHABLE"):
                await connect(f"ws://127.0.0.1:{port}")

    run(main())


def test_no_more_connections_than_the_broker_bears(calm: Any) -> None:
    async def main() -> None:
        async with serving(max_connections=2) as server:
            first, second = await connect(url(server)), await connect(url(server))
            assert await second.call("echo", {}, PATIENCE) == {}
            with pytest.raises(WalletError, match="BROKER_FULL"):
                await connect(url(server))
            with pytest.raises(InvalidStatus):
                async with raw_client(server):
                    pass
            await first.close()
            await asyncio.sleep(0.05)
            await calm(server)
            await second.close()

    run(main())


def test_a_flood_of_requests_is_refused_and_then_cut(calm: Any) -> None:
    async def main() -> None:
        limits = Limits(rate=50, burst=20, refusal_rate=1, refusal_burst=30)
        async with serving(limits=limits) as server:
            async with raw_client(server) as connection:
                answers = 0
                try:
                    for number in range(20_000):
                        await connection.send(ask_text(number))
                except ConnectionClosed:
                    pass
                async for _ in messages(connection):
                    answers += 1
                assert connection.close_code == 1008
            assert 18 <= answers <= 120
            await calm(server)

    run(main())


def test_a_flood_of_notifications_is_cut() -> None:
    async def main() -> None:
        async def broker(connection: ServerConnection) -> None:
            try:
                for number in range(20_000):
                    await connection.send(depth_text(number))
            except ConnectionClosed as closed:
                codes.append(closed.rcvd.code if closed.rcvd else None)

        codes: list[int | None] = []
        heard: list[int] = []

        def on_depth(params: dict[str, Any], frame: Frame) -> None:
            heard.append(params["n"])

        async with raw_broker(broker) as address:
            client = await connect(address, notices={"depth": on_depth}, limits=Limits(rate=100, burst=200))
            await asyncio.wait_for(client.wait_closed(), PATIENCE)
            assert client.close_code == 1008
        assert 180 <= len(heard) <= 400

    run(main())


def test_everyone_gets_a_turn_while_frames_pour_in() -> None:
    async def main() -> None:
        heard: list[int] = []
        seen = [0]

        async def others() -> None:
            while True:
                seen.append(len(heard))
                await asyncio.sleep(0)

        async def broker(connection: ServerConnection) -> None:
            await connection.recv()
            texts = [depth_text(number).encode() for number in range(1_000)]
            connection.transport.write(b"".join(bytes([0x81, len(text)]) + text for text in texts))
            await connection.wait_closed()

        async with raw_broker(broker) as address:
            client = await connect(address, notices={"depth": lambda params, frame: heard.append(params["n"])})
            working = asyncio.create_task(others())
            client.notify("start", {})
            await until(lambda: len(heard) == 1_000)
            seen.append(len(heard))
            working.cancel()
            await client.close()
        assert heard == list(range(1_000))
        assert max(after - before for before, after in itertools.pairwise(seen)) <= 32

    run(main())


def test_answers_to_pings_that_nobody_reads_are_bounded(monkeypatch: pytest.MonkeyPatch, calm: Any) -> None:
    monkeypatch.setattr("wallet.wire.peer._MAX_UNSENT", 200_000)

    async def main() -> None:
        async with serving() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1_000)
            writer.write(HANDSHAKE)
            await reader.readuntil(b"\r\n\r\n")
            ping = b"\x89\xfd\0\0\0\0" + b"p" * 125

            async def flood() -> None:
                for _ in range(5_000):
                    writer.write(ping * 100)
                    await asyncio.wait_for(writer.drain(), PATIENCE)

            with pytest.raises(ConnectionError):
                await flood()
            writer.close()
            await calm(server)

    run(main())


def test_the_same_request_twice_while_it_is_answered() -> None:
    async def main() -> None:
        async def slow(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            await asyncio.sleep(0.2)
            return {}

        async with serving(lambda peer: peer.handlers.update(echo=slow)) as server, raw_client(server) as connection:
            await connection.send(ask_text(1))
            await connection.send(ask_text(1))
            assert await closing(connection) == 1002

    run(main())


def test_an_answer_given_twice() -> None:
    async def main() -> None:
        async def broker(connection: ServerConnection) -> None:
            number = json.loads(await connection.recv())["id"]
            for _ in range(2):
                await connection.send(json.dumps({"jsonrpc": "2.0", "id": number, "result": {}}))
            await connection.wait_closed()

        async with raw_broker(broker) as address:
            client = await connect(address)
            assert await client.call("echo", {}, PATIENCE) == {}
            await asyncio.wait_for(client.wait_closed(), PATIENCE)
            assert client.close_code == 1002

    run(main())


def test_a_request_for_what_is_not_served_is_refused_and_the_connection_stays() -> None:
    async def main() -> None:
        async with serving() as server, raw_client(server) as connection:
            await connection.send(ask_text(1, "nothing"))
            error = json.loads(await connection.recv())["error"]
            assert (error["code"], error["data"]) == (-32601, {"code": "METHOD", "params": {"method": "nothing"}})
            await connection.send(ask_text(2))
            assert json.loads(await connection.recv())["id"] == 2

    run(main())


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 20, 60])
def test_a_cut_in_the_middle_of_a_frame_ends_the_call_and_nothing_else(cut: int) -> None:
    async def main() -> None:
        async def broker(connection: ServerConnection) -> None:
            number = json.loads(await connection.recv())["id"]
            text = json.dumps({"jsonrpc": "2.0", "id": number, "result": {"fill": "x" * 40}}).encode()
            connection.transport.write((bytes([0x81, len(text)]) + text)[:cut])
            await asyncio.sleep(0.05)
            connection.transport.abort()

        async with raw_broker(broker) as address:
            client = await connect(address)
            with pytest.raises(WalletError, match="RPC_CLOSED"):
                await client.call("echo", {}, PATIENCE)

    run(main())


def test_a_peer_that_doesnt_answer_a_close_is_left_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.wire.peer.CLOSE_TIMEOUT", 0.3)

    async def main() -> None:
        async with pair() as (client, broker):
            broker._connection.transport.pause_reading()
            began = time.monotonic()
            await client.close()
            assert time.monotonic() - began < 2
            broker.abort()

    run(main())


def test_noise_of_every_kind(calm: Any) -> None:
    async def main() -> None:
        async with serving(with_echo) as server:
            for _ in range(30):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(HANDSHAKE + os.urandom(200))
                await writer.drain()
                writer.close()
            await calm(server)

    run(main())


def test_a_broker_that_fails_at_the_door_closes_it(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        def on(peer: Peer) -> None:
            raise RuntimeError("no room for the file")

        async with serving(on) as server:
            client = await connect(url(server))
            with pytest.raises(WalletError, match="RPC_CLOSED"):
                await client.call("echo", {}, PATIENCE)
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (1011, "internal error")
            assert not server.peers

    run(main())
    assert "taking a connection failed" in caplog.text
