"""Two wallets that trade with each other without pause, in a process made to be killed.

``python -m tests.crashes.wallet_worker FOLDER OPTIONS``; the broker's profile lies in FOLDER. Told to stop by SIGTERM
they take everything back and say where they stand. Profile, vault, journal and driver are the program's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path

from tests.broker.kit import PRICE
from tests.crashes import builds
from tests.crashes.options import Options, say
from tests.crashes.points import Points
from tests.support.game import ETH, ETH_USDT, USDT
from wallet.app.installation import ChannelKeys, open_journal
from wallet.app.logs import start_logging
from wallet.app.profile import Profile
from wallet.history.journal import ChannelRecord
from wallet.keys.kdf import KdfParams
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, create_vault, open_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import OpenOrder, Side
from wallet.protocol.terms import Role
from wallet.session import broker_profile, connection
from wallet.session.channel import TraderChannel
from wallet.session.link import BrokerLink
from wallet.session.phases import Event, Phase

PHRASES = {
    "ann": Secret("test test test test test test test test test test test junk"),
    "bob": Secret("legal winner thank year wave sausage worth useful legal winner thank yellow"),
}
PASSWORD = Secret("as good as none")
CHEAP = KdfParams(memory_kib=8 * 1024, passes=1, lanes=1)  # it starts a thousand times
ALLOCATION = [(ETH, 100 * 10**18), (USDT, 500_000 * 10**6)]
AMOUNT = 100 * ETH_USDT.lot_size  # 0.01 ETH
HIGH, LOW, FAR = PRICE + 10 * 10**6, PRICE - 10 * 10**6, PRICE // 2  # nobody meets an order of his own
DAY = 86_400
PATIENCE = 0.4  # seconds at most between two tries to connect: a broker who dies every second is what this is about
MEMORY = "memory"  # what the computer remembers of the profiles, outside of them
GONE = ("filled", "cancelled", "rejected", "dead")


class Wallet:
    """One owner: his profile, his keys, his channel with the broker."""

    def __init__(self, folder: Path, name: str, broker: broker_profile.BrokerProfile) -> None:
        self.profile = Profile(folder / name)
        self.vault = _vault(self.profile, PHRASES[name])
        self.journal, self._installation = open_journal(self.profile, self.vault)
        self.link = BrokerLink(broker, self.journal, ChannelKeys(self.vault), lambda: None)
        self.errors: Counter[str] = Counter()
        self.failed = False
        work = self.link.run(), self._installation.keep_noting()
        self._running = [asyncio.create_task(one) for one in work]

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self.journal.close()
        self.profile.close()

    def count(self, error: WalletError) -> None:
        """Keeps what was refused; a disk that failed is told at once, as a window would show it."""
        self.errors[error.code] += 1
        problem = self.journal.store.problem
        if problem is not None and not self.failed:
            self.failed = True
            say(failed=self.profile.path.name, problem=problem.code, told=error.code)

    # --- opening ---

    async def open(self) -> TraderChannel:
        """The channel to trade in; where one was begun, on from there."""
        while True:
            try:
                await self.link.online(10)
                return self._begun() or await self._begin()
            except WalletError as error:
                self.errors[error.code] += 1
                await asyncio.sleep(0.05)

    def _begun(self) -> TraderChannel | None:
        for channel in self.link.channels.values():
            phase = Phase(channel.record.phase)
            if phase is Phase.REQUESTED:
                self.link.advance(channel, Event.GIVEN_UP)
            elif phase is Phase.AGREED:
                self.link.advance(channel, Event.SEEN_OPEN)  # what the chain would say
            if Phase(channel.record.phase) is Phase.OPEN:
                return channel
        return None

    async def _begin(self) -> TraderChannel:
        signer = self.vault.session(self.vault.new_session_key())
        owner = self.vault.owner()
        terms = await self.link.offer(owner.address, signer, ALLOCATION)
        domain = self.link.profile.domain
        digest = domain.digest(terms)
        phase, now = Phase.REQUESTED.value, int(time.time())
        record = ChannelRecord(digest.digest, Role.TRADER, domain.chain_id, domain.contract, terms, phase, now)
        channel = await self.link.setup(record, owner)
        self.link.advance(channel, Event.AGREED)
        self.link.advance(channel, Event.SEEN_OPEN)
        await self.link.heartbeat(channel)
        return channel

    # --- trading ---

    async def place(self, channel: TraderChannel, side: Side, price: int, tif: TimeInForce) -> bytes:
        return await self.link.place(channel, (ETH, USDT), side, price, AMOUNT, tif, DAY)

    async def gone(self, channel: TraderChannel, order: bytes) -> bool:
        return await self.link.until(lambda: _status(channel, order) in GONE, 2)

    async def take_back(self, channel: TraderChannel, order: bytes) -> None:
        if _status(channel, order) == "open":
            await self.link.cancel(channel, order)
            await self.gone(channel, order)

    async def quiet(self, channel: TraderChannel) -> None:
        """Nothing open, nothing uncertain, nothing under way."""
        await self.link.online(30)
        while channel.uncertain() or _resting(channel):
            with contextlib.suppress(WalletError):
                await self.link.cancel_open(channel, 10)
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)


def _vault(profile: Profile, phrase: Secret) -> Vault:
    if profile.vault.exists():
        return open_vault(profile.vault).unlock(PASSWORD)
    return create_vault(profile.vault, phrase, PASSWORD, params=CHEAP)


def _resting(channel: TraderChannel) -> tuple[OpenOrder, ...]:
    return channel.last.state.open_orders if channel.last is not None else ()


def _status(channel: TraderChannel, order: bytes) -> str:
    row = channel.requests.get(order)
    return row.status if row is not None else "dead"


class Market:
    """The two and what they do to each other."""

    def __init__(self, ann: Wallet, bob: Wallet) -> None:
        self.ann, self.bob = ann, bob

    async def run(self, stop: asyncio.Event) -> list[TraderChannel]:
        ann, bob = self.ann, self.bob
        channels = await asyncio.gather(ann.open(), bob.open())
        a, b = channels
        say(open=True)
        work: list[tuple[Wallet, Callable[[], Coroutine[None, None, None]]]] = [
            (ann, lambda: self._trade((ann, a), (bob, b), Side.SELL, HIGH)),
            (bob, lambda: self._trade((ann, a), (bob, b), Side.BUY, LOW)),
            (ann, lambda: self._rest(ann, a)),
            (bob, lambda: self._rest(bob, b)),
        ]
        left = [(wallet, channel, row.id) for wallet, channel in ((ann, a), (bob, b)) for row in _resting(channel)]
        tasks = [asyncio.create_task(self._repeat(wallet, one)) for wallet, one in work]
        tasks += [asyncio.create_task(self._clear(*each)) for each in left]
        tasks.append(asyncio.create_task(stop.wait()))
        while not stop.is_set():
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a fault of this program must not look like a broker who is away
                tasks.remove(task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(ann.quiet(a), bob.quiet(b))
        return channels

    async def _repeat(self, wallet: Wallet, work: Callable[[], Coroutine[None, None, None]]) -> None:
        while True:
            try:
                await work()
            except WalletError as error:  # the broker is away, or has to be waited for: that is what this is about
                wallet.count(error)
                await asyncio.sleep(0.02)

    async def _trade(
        self, maker: tuple[Wallet, TraderChannel], taker: tuple[Wallet, TraderChannel], side: Side, price: int
    ) -> None:
        """An order that rests and one that takes it."""
        resting = await maker[0].place(maker[1], side, price, TimeInForce.GOOD_TILL_TIME)
        await maker[0].link.until(lambda: _status(maker[1], resting) in ("open", *GONE), 2)
        other = Side.BUY if side is Side.SELL else Side.SELL
        await taker[0].gone(taker[1], await taker[0].place(taker[1], other, price, TimeInForce.IMMEDIATE_OR_CANCEL))
        if not await maker[0].gone(maker[1], resting):
            await maker[0].take_back(maker[1], resting)

    async def _clear(self, wallet: Wallet, channel: TraderChannel, order: bytes) -> None:
        """An order that a break left in the book."""
        while _status(channel, order) == "open":
            with contextlib.suppress(WalletError):
                await wallet.take_back(channel, order)
            await asyncio.sleep(0.1)

    async def _rest(self, wallet: Wallet, channel: TraderChannel) -> None:
        """An order that rests, taken back."""
        order = await wallet.place(channel, Side.BUY, FAR, TimeInForce.POST_ONLY)
        await wallet.link.until(lambda: _status(channel, order) in ("open", *GONE), 2)
        await wallet.take_back(channel, order)


async def main(folder: Path, options: Options) -> int:
    points = Points(*options.deadly)
    if options.watched:
        points.install()
    builds.BUILDS[options.build]()
    os.environ["XDG_STATE_HOME"] = str(folder / MEMORY)
    connection.LONGEST_PAUSE = PATIENCE
    broker = broker_profile.load(folder / "broker.json")
    try:
        wallets = [Wallet(folder, name, broker) for name in PHRASES]
    except WalletError as error:
        say(refused=error.code)
        return 3
    start_logging(folder / "wallet-logs")
    stop = asyncio.Event()
    options.stop_at_sigterm(stop)
    say(started=True)
    channels = await Market(*wallets).run(stop)
    say(
        standing={
            "0x" + channel.id.hex(): [channel.last.state.increment, "0x" + channel.last.digest.hex()]
            for channel in channels
            if channel.last is not None
        },
        flags=[row.flag.code for wallet in wallets for row in wallet.journal.flags()],
        errors=sum((wallet.errors for wallet in wallets), Counter()),
        points=points.passed,
    )
    for wallet in wallets:
        await wallet.stop()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), Options.read(sys.argv[2]))))
