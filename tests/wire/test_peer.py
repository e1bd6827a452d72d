"""Calls, answers and notifications between two honest ends, and how each call ends when something fails."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest

from tests.support.waiting import PATIENCE, until
from tests.wire.kit import pair, run
from wallet.protocol.errors import WalletError
from wallet.wire.frames import MAX_FRAME, Frame, RemoteError, Reply
from wallet.wire.limits import Limits
from wallet.wire.peer import Goodbye, Peer


def test_both_ends_call_each_other_at_once() -> None:
    async def main() -> None:
        async def ping_back(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            return await broker.call("echo", {"and": params["n"]}, PATIENCE)

        async with pair(lambda peer: peer.handlers.update(ping=ping_back)) as (client, broker):
            client.handlers["echo"] = lambda params, frame: _same(params)
            answers = await asyncio.gather(*(client.call("ping", {"n": n}, PATIENCE) for n in range(60)))
            assert answers == [{"and": n} for n in range(60)]
            assert not broker.closed

    run(main())


async def _same(params: dict[str, Any]) -> dict[str, Any]:
    return params


def test_handlers_start_in_the_order_of_the_requests_and_finish_in_any() -> None:
    async def main() -> None:
        started: list[int] = []
        first = asyncio.Event()

        async def handler(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            started.append(params["n"])
            if params["n"] == 0:
                await first.wait()
            return params

        async with pair(lambda peer: peer.handlers.update(echo=handler)) as (client, _):
            calls = [asyncio.create_task(client.call("echo", {"n": n}, PATIENCE)) for n in range(10)]
            await asyncio.wait(calls[1:])
            assert not calls[0].done()
            first.set()
            assert await calls[0] == {"n": 0}
            assert started == list(range(10))

    run(main())


def test_a_handler_gets_the_bytes_and_when_they_came() -> None:
    async def main() -> None:
        seen: list[Frame] = []

        async def handler(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            seen.append(frame)
            return {}

        async with pair(lambda peer: peer.handlers.update(propose=handler)) as (client, _):
            before = time.monotonic()
            await client.call("propose", {"price": "12"}, PATIENCE)
            assert seen[0].raw == b'{"jsonrpc":"2.0","id":1,"method":"propose","params":{"price":"12"}}'
            assert before <= seen[0].received <= time.monotonic()

    run(main())


def test_an_error_is_the_peers_no() -> None:
    async def main() -> None:
        async def handler(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            raise WalletError("FIN-NOT-NOW", digest=b"\x01\x02", why="a\u202eb", count=3)

        async with pair(lambda peer: peer.handlers.update(finalize=handler)) as (client, _):
            with pytest.raises(RemoteError) as caught:
                await client.call("finalize", {}, PATIENCE)
            assert caught.value.code == "FIN-NOT-NOW"
            assert caught.value.params == {"digest": "0x0102", "why": "a\\u202eb", "count": "3"}

    run(main())


@pytest.mark.parametrize(
    ("error", "code", "number"),
    [
        (WalletError("WIR-FORM", what="x"), "WIR-FORM", -32602),
        (RuntimeError("the path is /home/somebody"), "INTERNAL", -32603),
        (KeyError("x"), "INTERNAL", -32603),
    ],
)
def test_what_a_handler_raises(error: Exception, code: str, number: int, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async def handler(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            raise error

        async with pair(lambda peer: peer.handlers.update(echo=handler)) as (client, _):
            with pytest.raises(RemoteError) as caught:
                await client.call("echo", {}, PATIENCE)
            assert (caught.value.code, caught.value.number) == (code, number)
            assert "somebody" not in str(caught.value)

    with caplog.at_level(logging.ERROR, "wallet.wire"):
        run(main())
    assert ("answering echo failed" in caplog.text) == (code == "INTERNAL")


@pytest.mark.parametrize("result", [{"a": "x" * MAX_FRAME}, {"a": object()}])
def test_a_result_that_fits_in_no_frame_is_an_internal_error(result: dict[str, Any]) -> None:
    async def main() -> None:
        async def handler(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            return result

        async with pair(lambda peer: peer.handlers.update(echo=handler)) as (client, _):
            with pytest.raises(RemoteError, match="INTERNAL"):
                await client.call("echo", {}, PATIENCE)
            with pytest.raises(RemoteError, match="METHOD method=nothing"):
                await client.call("nothing", {}, PATIENCE)

    run(main())


def test_a_call_without_an_answer_is_unknown_and_its_late_answer_is_let_go() -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def slow(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            await gate.wait()
            return params

        async with pair(lambda peer: peer.handlers.update(echo=slow)) as (client, _):
            began = time.monotonic()
            with pytest.raises(WalletError, match="RPC_UNKNOWN method=echo") as caught:
                await client.call("echo", {}, 0.3)
            assert not isinstance(caught.value, RemoteError)
            assert 0.3 <= time.monotonic() - began < 2
            gate.set()
            assert await client.call("echo", {"n": 1}, PATIENCE) == {"n": 1}
            assert not client.closed

    run(main())


def test_a_cancelled_call_leaves_the_connection_alone() -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def slow(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            await gate.wait()
            return params

        async with pair(lambda peer: peer.handlers.update(echo=slow)) as (client, _):
            call = asyncio.create_task(client.call("echo", {}, PATIENCE))
            await asyncio.sleep(0.05)
            call.cancel()
            gate.set()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await client.call("echo", {"n": 1}, PATIENCE) == {"n": 1}

    run(main())


def test_an_answer_in_the_very_moment_of_cancelling_harms_nobody() -> None:
    async def main() -> None:
        async with pair(lambda peer: None) as (client, broker):
            broker.handlers["echo"] = lambda params, frame: asyncio.sleep(0.1, {"n": 1})
            call = asyncio.create_task(client.call("echo", {}, PATIENCE))
            await asyncio.sleep(0)
            call.cancel()
            client._take(Reply(1, {}))  # the real one is then one too many, but this was its place
            with pytest.raises(asyncio.CancelledError):
                await call

    run(main())


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_connection_that_ends_ends_its_calls(how: str) -> None:
    async def main() -> None:
        finished: list[bool] = []

        async def slow(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            await asyncio.sleep(0.3)
            finished.append(True)
            return params

        async with pair(lambda peer: peer.handlers.update(echo=slow)) as (client, broker):
            ended: list[str] = []
            client.at_end(lambda: ended.append("client"))
            calls = [asyncio.create_task(client.call("echo", {}, PATIENCE)) for _ in range(3)]
            await asyncio.sleep(0.05)
            if how == "close":
                await broker.close(1001, "bye")
                assert (client.close_code, client.close_reason) == (1001, "bye")
            else:
                broker.abort()
                await broker.wait_closed()
            for call in calls:
                with pytest.raises(WalletError, match="RPC_CLOSED"):
                    await call
            assert finished == [True] * 3  # what was begun was not cut off
            assert ended == ["client"]
            with pytest.raises(WalletError, match="RPC_CLOSED"):
                await client.call("echo", {}, PATIENCE)
            assert not client.notify("depth", {})
            client.at_end(lambda: ended.append("late"))
            assert ended == ["client", "late"]

    run(main())


def test_a_handler_may_say_no_and_goodbye() -> None:
    async def main() -> None:
        async def handler(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            raise Goodbye("AUTH_SIGNATURE")

        async with pair(lambda peer: peer.handlers.update(auth=handler)) as (client, _):
            with pytest.raises(RemoteError, match="AUTH_SIGNATURE"):
                await client.call("auth", {}, PATIENCE)
            await client.wait_closed()
            assert (client.close_code, client.close_reason) == (1008, "AUTH_SIGNATURE")

    run(main())


def test_a_handler_may_close_its_own_connection() -> None:
    async def main() -> None:
        def on(peer: Peer) -> None:
            async def handler(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
                await peer.close()
                return {}

            peer.handlers["leave"] = handler

        async with pair(on) as (client, _):
            with pytest.raises(WalletError, match="RPC_CLOSED"):
                await client.call("leave", {}, PATIENCE)

    run(main())


# --- bounds ------------------------------------------------------------------------------------------------------


def test_no_more_calls_are_under_way_than_agreed() -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def slow(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            await gate.wait()
            return params

        generous = Limits(in_flight=100)
        async with pair(lambda peer: peer.handlers.update(echo=slow), Limits(in_flight=4)) as (client, _):
            calls = [asyncio.create_task(client.call("echo", {"n": n}, PATIENCE)) for n in range(6)]
            for call in calls[4:]:
                with pytest.raises(RemoteError, match="BUSY"):
                    await call
            gate.set()
            assert await asyncio.gather(*calls[:4]) == [{"n": n} for n in range(4)]
        async with pair(lambda peer: None, generous, Limits(in_flight=2)) as (client, broker):
            broker.handlers["echo"] = slow
            gate.clear()
            calls = [asyncio.create_task(client.call("echo", {}, PATIENCE)) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(WalletError, match="RPC_BUSY") as caught:
                await client.call("echo", {}, PATIENCE)
            assert not isinstance(caught.value, RemoteError)
            gate.set()
            await asyncio.gather(*calls)

    run(main())


def test_a_call_that_fits_in_no_frame_is_not_sent() -> None:
    async def main() -> None:
        async with pair() as (client, _):
            room = MAX_FRAME - len(b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":""}}')
            assert await client.call("echo", {"a": "x" * (room - 200)}, PATIENCE) == {"a": "x" * (room - 200)}
            with pytest.raises(WalletError, match="RPC_SIZE"):
                await client.call("echo", {"a": "x" * (room + 1)}, PATIENCE)
            assert await client.call("echo", {}, PATIENCE) == {}

    run(main())


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    async def main() -> None:
        limits = Limits(rate=2, burst=20, costs={"cancel": 0.1})

        async def done(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            return {}

        async with pair(lambda peer: peer.handlers.update(order=done, cancel=done), limits) as (client, _):
            answers = await asyncio.gather(
                *(client.call("order", {}, PATIENCE) for _ in range(25)), return_exceptions=True
            )
            refused = [error for error in answers if isinstance(error, RemoteError)]
            assert answers[:17] == [{}] * 17
            assert {error.code for error in refused} == {"RATE"}
            for _ in range(15):  # cancels, in a hurry, have a reserve
                assert await client.call("cancel", {}, PATIENCE) == {}
            with pytest.raises(RemoteError, match="RATE") as caught:
                await client.call("order", {}, PATIENCE)
            await asyncio.sleep(int(caught.value.params["retryAfterMs"]) / 1_000)
            assert await client.call("order", {}, PATIENCE) == {}

    run(main())


def test_a_slow_reader_of_market_data_loses_it_but_gets_every_answer() -> None:
    async def main() -> None:
        heard: list[int] = []
        async with pair() as (client, broker):
            client.notices["depth"] = lambda params, frame: heard.append(params["n"])
            client._connection.transport.pause_reading()  # a window that hangs
            sent = 0
            while broker.notify("depth", {"n": sent, "fill": "x" * 20_000}):
                sent += 1
                await asyncio.sleep(0)
                assert sent < 5_000
            call = asyncio.create_task(broker.call("echo", {}, PATIENCE))
            client.handlers["echo"] = lambda params, frame: _same({"ok": True})
            await asyncio.sleep(0.05)
            client._connection.transport.resume_reading()
            assert await call == {"ok": True}
            assert heard == list(range(len(heard)))  # a prefix: the rest was dropped, with the subscription
            assert len(heard) < sent
            assert broker.notify("depth", {"n": len(heard), "fill": ""})  # and may be taken up again
            await until(lambda: heard[-1] == len(heard) - 1)

    run(main())


def test_answers_overtake_market_data_that_waits() -> None:
    async def main() -> None:
        order: list[tuple[float, str]] = []

        async def handler(params: dict[str, Any], frame: Frame) -> dict[str, Any]:
            order.append((frame.received, "propose"))
            return {}

        async with pair() as (client, broker):
            client.notices["depth"] = lambda params, frame: order.append((frame.received, "depth"))
            client.handlers["propose"] = handler
            for _ in range(10):
                broker.notify("depth", {})
            await broker.call("propose", {}, PATIENCE)
            await until(lambda: len(order) == 11)
            assert min(order)[1] == "propose"

    run(main())


def test_who_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.wire.peer.STALL", 0.5)

    async def main() -> None:
        async with pair() as (client, broker):
            client._connection.transport.pause_reading()
            calls = [asyncio.create_task(broker.call("echo", {"a": "x" * 900_000}, 20)) for _ in range(8)]
            began = time.monotonic()
            done = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(error, WalletError) and error.code == "RPC_CLOSED" for error in done)
            assert time.monotonic() - began < 5
            client._connection.transport.resume_reading()

    run(main())


def test_what_waits_for_a_peer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.wire.peer.CLOSE_TIMEOUT", 0.2)

    async def main() -> None:
        async with pair() as (client, broker):
            client._connection.transport.pause_reading()
            began = time.monotonic()
            calls = [asyncio.create_task(broker.call("echo", {"a": "x" * 1_000_000}, 20)) for _ in range(30)]
            done = await asyncio.gather(*calls, return_exceptions=True)
            assert time.monotonic() - began < 6  # the farewell itself has no room, and isn't waited for
            assert all(isinstance(error, WalletError) and error.code == "RPC_CLOSED" for error in done)
            assert broker._outbox._private_bytes <= 8 * 2**20
            client._connection.transport.resume_reading()

    run(main())
