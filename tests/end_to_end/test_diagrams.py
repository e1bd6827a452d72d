"""Both diagrams of the seed, arrow by arrow: what really passed between the real driver and the real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.broker.kit import PRICE, MemoryChain
from tests.end_to_end.pair import Wallet, brokering, start
from tests.end_to_end.recorder import Recorder
from tests.end_to_end.recording import Said, messages
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history
from wallet.protocol.state import Side, Transition
from wallet.protocol.terms import Initiative

# the seed's words for what is proposed
NAMES = {
    "setup": "Setup",
    "create_order": "CreateOrder",
    "cancel_order": "Cancel",
    "trade": "Trade",
    "yield": "Yield",
    "finalize": "Finalize",
}
ASKED = {"setup": "Request setup", "order": "CreateOrder", "cancel": "Request cancel", "finalize": "Request Finalize"}

SERVER_INITIATIVE = """
    Trader-->>Broker: Request setup
    Broker->>Trader: Setup
    Trader->>Broker: Setup ACK
    Trader-->>Broker: CreateOrder
    Broker->>Trader: Lock balance
    Trader->>Broker: Lock balance ACK
    Broker->>Trader: Trade
    Trader->>Broker: Trade ACK
    Trader-->>Broker: Request Finalize
    Broker->>Trader: Finalize
    Trader->>Broker: Finalize ACK
"""

COOPERATIVE = """
    Trader->>Broker: Setup
    Broker->>Trader: Setup ACK
    Trader->>Broker: CreateOrder
    Broker->>Trader: CreateOrder ACK
    Trader->>Broker: Yield
    Broker->>Trader: Trade
    Trader->>Broker: Trade ACK
    Broker->>Trader: Yield
    Trader->>Broker: Finalize
    Broker->>Trader: Finalize ACK
"""


def arrows(said: list[Said]) -> list[str]:
    """What passed, in the seed's words. Left out: who is there (Auth, Resume, heartbeats), the offer, and the answers
    that sign nothing: ``{}``, an order's id, and the digest with which a yield is told that a state follows."""
    asked: dict[tuple[int, bool, int], dict[str, Any]] = {}
    found = []
    for one in said:
        value, there = one.value, "Broker->>Trader" if one.by_broker else "Trader->>Broker"
        if "method" in value:
            asked[one.connection, one.by_broker, value.get("id", 0)] = value
            if value["method"] == "propose":
                found.append(f"{there}: {name(value, by_broker=one.by_broker)}")
            elif value["method"] in ("setup", "order", "cancel", "finalize", "turn"):
                found.append(f"{there.replace('->>', '-->>')}: {ASKED.get(value['method'], value['method'])}")
        else:
            question = asked[one.connection, not one.by_broker, value["id"]]
            if question["method"] == "propose" and "ack" in value.get("result", {}):
                found.append(f"{there}: {name(question, by_broker=not one.by_broker)} ACK")
            elif "error" in value or "refuse" in value.get("result", {}):
                found.append(f"{there}: no")
    return found


def name(value: dict[str, Any], *, by_broker: bool) -> str:
    transition = value["params"]["envelope"]["transition"]
    return "Lock balance" if by_broker and transition == "create_order" else NAMES[transition]


def lines(diagram: str) -> list[str]:
    return [line.strip() for line in diagram.strip().splitlines()]


def replay(folder: Path, initiative: Initiative, body: Callable[[Wallet, Wallet], Awaitable[None]]) -> list[str]:
    """The arrows of Anna's connection while ``body`` runs; Ben, who takes the other side, is not recorded."""

    async def whole(recorder: Recorder) -> None:
        chain = MemoryChain()
        async with brokering(folder / "broker", recorder, chain, initiative, heartbeat=30, answer_time=5) as broker:
            ben = start(folder / "ben", broker, chain, f"127.0.0.1:{broker.port}")
            anna = start(folder / "anna", broker, chain, recorder.host)
            await ben.open()
            await body(anna, ben)
            await anna.stop()
            await ben.stop()

    with Recorder(folder / "recording", ("127.0.0.1", 9)) as recorder:
        asyncio.run(whole(recorder))
    for side in ("anna/history.db", "ben/history.db", "broker/broker.db"):
        history = HistoryReader(folder / side)
        for record in history.channels():
            found = verify_history(history, record.id)
            assert found.sound, (side, found)
        history.close()
    return arrows(list(messages(folder / "recording")))


def test_server_initiative(tmp_path: Path) -> None:
    async def body(anna: Wallet, ben: Wallet) -> None:
        await ben.place(Side.SELL, PRICE)
        await anna.open()
        order = await anna.place(Side.BUY, PRICE)
        await anna.until(order, "filled")
        await anna.link.finalize(anna.channel, 5)

    assert replay(tmp_path, Initiative.BROKER, body) == lines(SERVER_INITIATIVE)


def test_cooperative(tmp_path: Path) -> None:
    """The end is wanted when the trade is there: then the broker's yield is answered by the finalize itself."""

    async def body(anna: Wallet, ben: Wallet) -> None:
        await ben.place(Side.SELL, PRICE)
        channel = await anna.open()
        ending: list[asyncio.Task[None]] = []

        def look() -> None:
            last = channel.last
            if last is not None and last.state.transition is Transition.TRADE and not ending:
                ending.append(asyncio.create_task(anna.link.finalize(channel, 5)))

        anna.link._changed = look
        order = await anna.place(Side.BUY, PRICE)
        await anna.until(order, "filled")
        await ending[0]
        assert anna.kinds() == ["SETUP", "CREATE_ORDER", "YIELD", "TRADE", "YIELD", "FINALIZE"]
        kept = {entry.state.increment: entry for entry in anna.link.journal.after(channel.id, -1, 10)}
        # both yields are validated by the state that follows alone, one of each role
        assert kept[2].broker_signature is None
        assert kept[4].trader_signature is None

    assert replay(tmp_path, Initiative.COOPERATIVE, body) == lines(COOPERATIVE)
