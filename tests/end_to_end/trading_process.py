"""A wallet that trades without pause until it is killed, or told to stop by SIGTERM: it then cancels all and says where
it stands. Everything in it is the program's own: profile, vault, driver, journal.

``python -m tests.end_to_end.trading_process PROFILE_DIRECTORY BROKER_PROFILE``
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path

from wallet.app.account import Account
from wallet.app.logs import start_logging
from wallet.app.profile import Profile
from wallet.keys.kdf import KdfParams
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault, open_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.session import broker_profile, connection
from wallet.session.channel import TraderChannel
from wallet.session.phases import Phase

PHRASE = Secret("test test test test test test test test test test test junk")
PASSWORD = Secret("as good as none")
CHEAP = KdfParams(memory_kib=8 * 1024, passes=1, lanes=1)  # it starts a hundred times
PATIENCE = 0.5  # seconds at most between two tries to connect: a broker who dies every second is what this is about
ETH = 10**18
ALLOCATION = {"ETH": 2 * ETH, "USDT": 20_000 * 10**6}
AMOUNT = ETH // 100
HIGH, LOW, FAR = (price * 10**6 for price in (6_000, 1_000, 500))  # USDT for an ETH: crosses any book; rests in any
GONE = ("filled", "cancelled", "rejected", "dead")


class Trading:
    """The owner's account and what he does with it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.stopping = asyncio.Event()
        self.errors: Counter[str] = Counter()

    async def run(self) -> None:
        """Opens a channel if none is open, trades in it until told to stop, leaves it when the broker benches it."""
        while not self.stopping.is_set():
            try:
                await self._open()
                await self._trade()
            except WalletError as error:
                self.errors[str(error)[:100] if error.code == "RPC_ERROR" else error.code] += 1
                await asyncio.sleep(0.2)
        await self._quiet()

    async def _open(self) -> None:
        account = self.account
        await account.online(30)
        channel = account.channel
        phase = Phase(channel.record.phase) if channel is not None else None
        if phase in (Phase.FINAL, Phase.CLOSING, Phase.SETTLED):
            await account.withdraw()
            phase = Phase.WITHDRAWN
        if phase is not Phase.OPEN:
            if not account.chain.holdings.wallet.get(NATIVE):
                await account.faucet()
            symbols = {token.symbol: token.address for token in account.broker.tokens}
            await account.open_channel([(symbols[name], amount) for name, amount in ALLOCATION.items()])

    async def _trade(self) -> None:
        channel = self.account.open_channel_or_refuse()
        benched = asyncio.Event()
        work: list[Callable[[TraderChannel], Coroutine[None, None, None]]] = [self._cross, self._cross, self._rest]
        tasks = [asyncio.create_task(self._repeat(one, channel, benched)) for one in work]
        ends = [asyncio.create_task(event.wait()) for event in (self.stopping, benched)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in (*tasks, *ends):
            task.cancel()
        await asyncio.gather(*tasks, *ends, return_exceptions=True)
        if benched.is_set() and not self.stopping.is_set():
            await self.account.finalize()

    async def _repeat(
        self,
        work: Callable[[TraderChannel], Coroutine[None, None, None]],
        channel: TraderChannel,
        benched: asyncio.Event,
    ) -> None:
        while True:
            try:
                await work(channel)
            except WalletError as error:  # the broker is away, or has to be waited for: that is what this is about
                self.errors[error.code] += 1
                if error.code == "ORDER_BENCHED":
                    benched.set()
                await asyncio.sleep(0.05)

    async def _cross(self, channel: TraderChannel) -> None:
        """A buy and a sell that take whatever is in the book."""
        for side, price in (("buy", HIGH), ("sell", LOW)):
            order = await self.account.place_order("ETH/USDT", side, price, AMOUNT, "immediate_or_cancel")
            await self.account.link.until(lambda order=order: _status(channel, order) in GONE, 5)

    async def _rest(self, channel: TraderChannel) -> None:
        """An order that rests, taken back."""
        order = await self.account.place_order("ETH/USDT", "buy", FAR, AMOUNT, "post_only")
        await self.account.link.until(lambda: _status(channel, order) in ("open", *GONE), 5)
        if _status(channel, order) == "open":
            await self.account.cancel_order(order)
            await self.account.link.until(lambda: _status(channel, order) in GONE, 5)

    async def _quiet(self) -> None:
        """Nothing open, nothing uncertain, nothing under way."""
        account = self.account
        await account.online(30)
        channel = account.channel
        assert channel is not None
        while channel.uncertain() or (channel.last is not None and channel.last.state.open_orders):
            with contextlib.suppress(WalletError):
                await account.link.cancel_open(channel, 10)
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)


def _status(channel: TraderChannel, order: bytes) -> str:
    row = channel.requests.get(order)
    return row.status if row is not None else "dead"


async def main(directory: Path, broker: Path) -> None:
    profile = Profile(directory)
    start_logging(profile.logs)
    if profile.vault.exists():
        vault = open_vault(profile.vault).unlock(PASSWORD)
    else:
        vault = create_vault(profile.vault, PHRASE, PASSWORD, params=CHEAP)
    connection.LONGEST_PAUSE = PATIENCE
    account = Account(profile, vault, broker_profile.load(broker))
    trading = Trading(account)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, trading.stopping.set)
    account.start()
    print(json.dumps({"started": True}), flush=True)
    await trading.run()
    standing = {
        "0x" + channel.id.hex(): [channel.last.state.increment, "0x" + channel.last.digest.hex()]
        for channel in account.link.channels.values()
        if channel.last is not None
    }
    flags = [row.flag.code for row in account.journal.flags()]
    await account.stop()
    print(json.dumps({"standing": standing, "flags": flags, "errors": trading.errors}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
