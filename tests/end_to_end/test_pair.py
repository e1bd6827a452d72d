"""Driver and broker at play: orders, cancels, breaks and restarts of either side at random, in both flows.

Whatever happened, both histories hold, they end at the same state, and nobody was flagged.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.broker.kit import ONE, PRICE, MemoryChain
from tests.end_to_end.pair import Wallet, brokering, start
from tests.end_to_end.recorder import Recorder
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.protocol.terms import Initiative

GTT, IOC, FOK, POST = TimeInForce


class Play:
    """Two wallets and a broker; the broker may be restarted between the moves."""

    def __init__(self, folder: Path, initiative: Initiative, seed: int, moves: int) -> None:
        self.folder, self.initiative, self.moves = folder, initiative, moves
        self.chance = random.Random(seed)
        self.chain = MemoryChain()
        self.wallets: dict[str, Wallet] = {}
        self.refused: dict[str, int] = {}
        self.breaks = 0

    async def run(self, recorder: Recorder) -> None:
        for turn in range(3):  # lives of the broker
            async with brokering(self.folder / "broker", recorder, self.chain, self.initiative) as broker:
                for name in ("anna", "ben"):
                    self.wallets[name] = start(
                        self.folder / name, broker, self.chain, recorder.host, self.wallets.get(name)
                    )
                    if not turn:
                        await self.wallets[name].open()
                    await self.wallets[name].link.online(10)
                for _ in range(self.moves):
                    await asyncio.gather(*(self.move(name) for name in self.wallets))
                    if self.chance.random() < 0.1:
                        await self.restart(self.chance.choice(("anna", "ben")), broker, recorder)
                if turn == 2:
                    for wallet in self.wallets.values():
                        await wallet.link.online(10)
                        await self.patiently(wallet)
                await asyncio.gather(*(wallet.stop() for wallet in self.wallets.values()))

    async def patiently(self, wallet: Wallet) -> None:
        for _ in range(5):
            try:
                await wallet.link.finalize(wallet.channel, 10)
            except WalletError as error:
                self.refused[error.code] = self.refused.get(error.code, 0) + 1
            else:
                return
        raise AssertionError(self.refused)

    async def restart(self, name: str, broker: object, recorder: Recorder) -> None:
        self.breaks += 1
        old = self.wallets[name]
        await old.stop()
        self.wallets[name] = start(old.folder, old.broker, self.chain, recorder.host, old)
        await self.wallets[name].link.online(10)

    async def move(self, name: str) -> None:
        wallet, chance = self.wallets[name], self.chance
        try:
            if chance.random() < 0.25 and (last := wallet.channel.last) is not None and last.state.open_orders:
                await wallet.link.cancel(wallet.channel, chance.choice(last.state.open_orders).id)
            elif chance.random() < 0.05 and wallet.link._talk is not None:
                self.breaks += 1
                wallet.link._talk.peer.abort()
                await wallet.link.online(10)
            else:
                side = chance.choice((Side.BUY, Side.SELL))
                price = PRICE + chance.randint(-3, 3) * 10**6
                amount = ONE * chance.randint(1, 4) // 10
                await wallet.place(side, price, amount, chance.choice((GTT, GTT, IOC, FOK, POST)))
        except WalletError as error:
            self.refused[error.code] = self.refused.get(error.code, 0) + 1


def play(folder: Path, initiative: Initiative, seed: int, moves: int) -> Play:
    played = Play(folder, initiative, seed, moves)
    with Recorder(folder / "recording", ("127.0.0.1", 9)) as recorder:
        asyncio.run(played.run(recorder))
    broker = HistoryReader(folder / "broker" / "broker.db")
    for name in ("anna", "ben"):
        own = HistoryReader(folder / name / "history.db")
        (record,) = own.channels()
        for history in (own, broker):
            found = verify_history(history, record.id)
            assert found.sound, (name, found)
        mine, his = own.latest(record.id), broker.latest(record.id)
        assert mine is not None
        assert his is not None
        assert mine.digest == his.digest
        assert mine.state.transition.name == "FINALIZE"
        own.close()
    broker.close()
    return played


@pytest.mark.parametrize("initiative", Initiative, ids=lambda flow: flow.name.lower())
def test_whatever_happens_both_end_at_the_same_state(tmp_path: Path, initiative: Initiative) -> None:
    played = play(tmp_path, initiative, seed=11, moves=12)
    print(played.refused, played.breaks)
    assert played.breaks > 0
