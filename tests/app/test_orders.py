"""Changing an order, taking back those of one market, stopping: against a real broker and a real chain."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.app.test_account import ETH, Machine, run
from tests.support.waiting import until
from wallet.app.account import Account
from wallet.protocol.errors import WalletError
from wallet.protocol.state import OpenOrder
from wallet.protocol.terms import NATIVE
from wallet.session.channel import TraderChannel
from wallet.session.link import BrokerLink
from wallet.session.requests import STAGED

FAR = 30  # seconds for what needs only a moment


async def trading(account: Account) -> tuple[str, str]:
    """A channel open with coins on both sides; the names of two markets."""
    quote = next(info.quote.address for info in account.names.markets)
    await account.open_channel([(NATIVE, 2 * ETH), (quote, 20_000 * 10**6)])
    names = [info.name for info in account.names.markets if info.quote.address == quote]
    return names[0], names[1]


def resting(account: Account) -> tuple[OpenOrder, ...]:
    channel = account.channel
    assert channel is not None
    assert channel.last is not None
    return channel.last.state.open_orders


async def until_open(account: Account, count: int) -> None:
    assert await account.link.until(lambda: len(resting(account)) == count, FAR)


async def place(account: Account, market: str, percent: int = 10) -> bytes:
    """A bid far below any price, for the least amount that may stand there."""
    info = account.market(market)
    price = 100 * 10**info.quote.decimals * info.unit // 10**info.base.decimals * percent // 10
    price -= price % info.tick_size
    amount = -(-info.min_notional * info.unit // price) * 4
    amount += -amount % info.lot_size
    return await account.place_order(market, "buy", price, amount, "good_till_time")


def test_an_order_is_changed_by_taking_it_back_first(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            market, _ = await trading(account)
            old = await place(account, market)
            await until_open(account, 1)
            (row,) = resting(account)
            lot, tick = account.market(market).lot_size, account.market(market).tick_size
            new = await account.orders.amend(old, row.price + 3 * tick, row.amount - lot)
            await until_open(account, 1)
            (found,) = resting(account)
            assert (found.id, found.price, found.amount) == (new, row.price + 3 * tick, row.amount - lot)
            assert new != old
            assert account.order_view(old).status.value == "cancelled"
            with pytest.raises(WalletError, match="ORDER_NOT_OPEN"):
                await account.orders.amend(old, row.price, row.amount)
            with pytest.raises(WalletError, match="ORDER_NOT_FOUND"):
                await account.orders.amend(bytes(32), row.price, row.amount)
            assert [row.id for row in resting(account)] == [new]

    run(tmp_path, work)


def test_orders_of_one_market_are_taken_back(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            one, two = await trading(account)
            kept = await place(account, two)
            await place(account, one)
            await place(account, one, 9)
            await until_open(account, 3)
            assert await account.orders.cancel_all(None, one) == 2
            await until_open(account, 1)
            assert [row.id for row in resting(account)] == [kept]
            with pytest.raises(WalletError, match="MARKET_NOT_OFFERED"):
                await account.orders.cancel_all(None, "NO/SUCH")

    run(tmp_path, work)


def test_stopped_signs_no_order_also_after_a_restart_until_resumed(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.accounts() as accounts:
            account = accounts.account(b"")
            market, other = await trading(account)
            await place(account, market)
            await place(account, other)
            await until_open(account, 2)
            assert await accounts.stop_trading() == 2
            await until_open(account, 0)
            assert accounts.app_view().stopped
        async with machine.accounts() as accounts:
            account = accounts.account(b"")
            with pytest.raises(WalletError, match="STOPPED"):
                await place(account, market)
            channel = account.channel
            assert channel is not None
            assert [row.status for row in channel.requests.rows()] == ["cancelled", "cancelled"]  # nothing was signed
            await accounts.resume_trading()
            assert not accounts.app_view().stopped
            await place(account, market)
            await until_open(account, 1)

    run(tmp_path, work)


def test_what_is_on_its_way_is_stopped_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The intent is signed and on disk, not yet answered: with its cancel receipted it can't open any more."""

    async def work(machine: Machine) -> None:
        async with machine.accounts() as accounts:
            account = accounts.account(b"")
            market, _ = await trading(account)
            sent = account.link._send_order
            held = asyncio.Event()

            async def late(*arguments: object) -> None:
                await held.wait()
                await sent(*arguments)  # type: ignore[arg-type]

            monkeypatch.setattr(account.link, "_send_order", late)
            placing = asyncio.create_task(place(account, market))
            channel = account.channel
            assert channel is not None
            assert await account.link.until(lambda: any(r.status == STAGED for r in channel.requests.rows()), FAR)
            assert await accounts.stop_trading() == 1
            held.set()
            with pytest.raises(WalletError):
                await placing
            assert resting(account) == ()

    run(tmp_path, work)


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "stays"), [(-1, True), (3_600, False), (0, False)])
def test_after_a_break_no_order_comes_back_if_that_is_asked_for(tmp_path: Path, limit: int, *, stays: bool) -> None:
    """The cancels are receipted before the heartbeat that would put the orders back into the book."""

    async def work(machine: Machine) -> None:
        async with machine.accounts() as accounts:
            market, other = await trading(accounts.account(b""))
            await place(accounts.account(b""), market)
            await place(accounts.account(b""), other)
            await until_open(accounts.account(b""), 2)
            await accounts.limit_breaks(limit)
        receipts: list[list[bool]] = []
        beat = BrokerLink.heartbeat

        async def first(self: BrokerLink, channel: TraderChannel) -> None:
            receipts.append([row.receipt is not None for row in channel.requests.rows()])
            await beat(self, channel)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BrokerLink, "heartbeat", first)
            async with machine.accounts() as accounts:
                await until_open(accounts.account(b""), 2 if stays else 0)
        assert receipts[0] == [not stays] * 2

    run(tmp_path, work)


@pytest.mark.slow
def test_a_short_break_leaves_the_orders_a_long_one_does_not(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.accounts() as accounts:
            account = accounts.account(b"")
            market, _ = await trading(account)
            await place(account, market)
            await until_open(account, 1)
            for limit, left in ((3_600, 1), (0, 0)):
                await accounts.limit_breaks(limit)
                talk = account.link._talk
                await account.link.connected().close()
                await until(lambda talk=talk: account.link._talk not in (None, talk) and account.link._online.is_set())
                await until_open(account, left)

    run(tmp_path, work)
