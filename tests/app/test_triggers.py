"""Stop-loss and take-profit against a real broker and a real chain, with another trader who makes the price."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.app.test_account import ETH, Killed, Machine
from tests.support.waiting import until
from wallet.app.account import Account
from wallet.app.records import Stored
from wallet.app.triggers import Triggers
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.sandbox.boot import sandbox
from wallet.session.feed import MarketCopy
from wallet.session.triggers import FIRED

USDT = 10**6
MARKET = "ETH/USDT"
Work = Callable[[Machine, Account], Awaitable[None]]


def run(path: Path, work: Work) -> None:
    """A trader's machine, and a maker who is there all the time."""

    async def main() -> None:
        async with sandbox(path / "box") as found:
            machines = [Machine(path / name, found) for name in ("trader", "maker")]
            try:
                for machine in machines:
                    async with machine.wallet() as account:
                        await account.faucet()
                async with machines[1].wallet() as maker:
                    await open_session(maker)
                    await work(machines[0], maker)
            finally:
                for machine in machines:
                    machine.profile.close()

    asyncio.run(main())


async def open_session(account: Account) -> None:
    quote = account.market(MARKET).quote.address
    await account.open_channel([(NATIVE, 2 * ETH), (quote, 20_000 * USDT)])


async def quotes(maker: Account, bid: int, ask: int) -> None:
    """The maker's book from now on: nothing else stands in it."""
    await maker.orders.cancel_all()
    await maker.until_gone(None, 30)
    for side, price in (("buy", bid), ("sell", ask)):
        await maker.place_order(MARKET, side, price * USDT, ETH, "good_till_time")


def book(account: Account) -> MarketCopy:
    info = account.market(MARKET)
    return account.link.feed.watch((info.base.address, info.quote.address), 60)


async def sees(account: Account, bid: int, ask: int) -> None:
    copy = book(account)
    await until(lambda: (copy.book.best_bid, copy.book.best_ask) == (bid * USDT, ask * USDT))


def orders(account: Account) -> list[Any]:
    channel = account.channel
    assert channel is not None
    return channel.requests.rows()


def stop(account: Account) -> bytes:
    return account.triggers.add(None, MARKET, "sell", "stop_loss", 2_900 * USDT, ETH // 2, 50_000)


def shown(account: Account) -> tuple[Any, ...]:
    channel = account.app_view().channel
    assert channel is not None
    return channel.triggers


def test_a_stop_loss_sells_once_when_the_price_has_fallen(tmp_path: Path) -> None:
    async def work(machine: Machine, maker: Account) -> None:
        await quotes(maker, 2_990, 3_010)
        async with machine.wallet() as account:
            await open_session(account)
            await sees(account, 2_990, 3_010)
            trigger = stop(account)
            assert [(row.id, row.kind, row.at, row.failed) for row in shown(account)] == [
                (trigger, "stop_loss", 2_900 * USDT, False)
            ]
            heard = book(account).updated
            await until(lambda: book(account).updated > heard + 2)  # it has had its time and waits
            assert orders(account) == []
        async with machine.wallet() as account:  # it is still there after a restart
            assert [row.id for row in shown(account)] == [trigger]
            await sees(account, 2_990, 3_010)
            await quotes(maker, 2_890, 3_010)
            await until(lambda: any(row.status in ("filled", "cancelled") for row in orders(account)))
            (row,) = orders(account)
            assert (row.status, row.signed.order.amount) == ("filled", ETH // 2)
            assert row.signed.order.price == 2_745_500_000  # 5 % below the best bid
            await until(lambda: shown(account) == ())
            file = tmp_path / "fills.csv"
            with contextlib.closing(Stored(machine.profile.path)) as stored:
                assert stored.export_fills(b"", file) == 1
            head, line = csv.reader(file.read_text(encoding="utf-8").splitlines())
            assert line[2:8] == ["0x" + row.signed.id.hex(), MARKET, "sell", "2890", "0.5", "1445"]
            cells = dict(zip(head, line, strict=True))
            fee = Fraction(cells["fee"])
            assert 0 < fee <= Fraction("1445") * 2 / 1000
            assert cells["fee asset"] == "USDT"
            assert Fraction(cells["price with fee"]) == (1445 - fee) * 2
        async with machine.wallet() as account:  # and once is once
            await sees(account, 2_890, 3_010)
            heard = book(account).updated
            await until(lambda: book(account).updated > heard + 2)
            assert len(orders(account)) == 1

    run(tmp_path, work)


def test_a_market_orders_limit_is_made_of_a_fresh_book_only(tmp_path: Path) -> None:
    async def work(machine: Machine, maker: Account) -> None:
        await quotes(maker, 2_890, 3_010)
        async with machine.wallet() as account:
            await sees(account, 2_890, 3_010)
            assert await account.market_price(MARKET, "buy", 10_000) == 3_040_100_000  # 1 % above the best ask
            assert await account.market_price(MARKET, "sell", 0) == 2_890 * USDT
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("wallet.app.account.BOOK_LOOKS", 2)
                patch.setattr(MarketCopy, "stale", property(lambda _: True))
                with pytest.raises(WalletError, match="BOOK_UNKNOWN"):
                    await account.market_price(MARKET, "buy", 10_000)
            with pytest.raises(WalletError, match="MARKET_NOT_OFFERED"):
                await account.market_price("NO/SUCH", "buy", 10_000)

    run(tmp_path, work)


@pytest.mark.slow
def test_killed_between_signature_and_its_own_record_it_signs_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(machine: Machine, maker: Account) -> None:
        await quotes(maker, 2_890, 3_010)

        def dies(*_: object) -> None:
            raise Killed

        async with machine.wallet() as account:
            await open_session(account)
            with monkeypatch.context() as patch:
                patch.setattr(Triggers, "_settle", dies)
                stop(account)
                await until(lambda: account.alarms.rows)
            assert len(orders(account)) == 1
        async with machine.wallet() as account:
            assert shown(account) == ()
            channel = account.channel
            assert channel is not None
            assert [row.status for row in account.triggers.rows(channel)] == [FIRED]
            await sees(account, 2_890, 3_010)
            heard = book(account).updated
            await until(lambda: book(account).updated > heard + 2)
            assert len(orders(account)) == 1

    run(tmp_path, work)


def test_only_a_fresh_whole_book_sets_it_off_and_what_is_taken_back_never(tmp_path: Path) -> None:
    async def work(machine: Machine, maker: Account) -> None:
        await quotes(maker, 2_890, 3_010)
        async with machine.wallet() as account:
            await open_session(account)
            await sees(account, 2_890, 3_010)
            channel, copy = account.channel, book(account)
            assert channel is not None
            account.journal.set_fact(b"", "stopped", b"1")  # so that none goes off while it is looked at
            with pytest.raises(WalletError, match="STOPPED"):
                stop(account)
            account.journal.set_fact(b"", "stopped", b"0")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Triggers, "_look", lambda _: True)
                trigger = stop(account)
                (row,) = account.triggers.rows(channel)
                copy.updated = time.time()
                assert account.triggers._quote(row) is not None
                copy.updated -= 60  # silent for a minute
                assert account.triggers._quote(row) is None
                copy.updated = time.time()
                copy.book.lose()  # a gap
                assert account.triggers._quote(row) is None
                assert await account.orders.cancel_all() == 1  # with the orders go the triggers
                with pytest.raises(WalletError, match="TRIGGER_GONE"):
                    account.triggers.cancel(trigger)
                account.triggers.cancel(stop(account))
            await quotes(maker, 2_880, 3_010)
            heard = copy.updated
            await until(lambda: copy.updated > heard + 2)
            assert orders(account) == []
            assert account.journal.fact(channel.id, "triggers") == b"[]"

    run(tmp_path, work)


@pytest.mark.slow
def test_what_no_order_could_be_made_of_says_so_and_is_put_away(tmp_path: Path) -> None:
    async def work(machine: Machine, maker: Account) -> None:
        await quotes(maker, 2_890, 3_010)
        async with machine.wallet() as account:
            await open_session(account)
            with pytest.raises(WalletError, match="ORD-TICK"):
                account.triggers.add(None, MARKET, "sell", "stop_loss", 1, ETH, 0)
            with pytest.raises(WalletError, match="ORD-LOT"):
                account.triggers.add(None, MARKET, "sell", "stop_loss", USDT, 1, 0)
            for side, kind, at, cap in (
                ("both", "stop_loss", USDT, 0),
                ("buy", "stop", USDT, 0),
                ("buy", "stop_loss", 0, 0),
                ("buy", "stop_loss", USDT, 10**6),
            ):
                with pytest.raises(WalletError, match="TRIGGER_FORM"):
                    account.triggers.add(None, MARKET, side, kind, at, ETH, cap)
            account.triggers.add(None, MARKET, "sell", "stop_loss", 2_900 * USDT, 5 * ETH, 10_000)  # not his to sell
            await until(lambda: any(row.failed for row in shown(account)))
            (row,) = shown(account)
            assert row.reason == "ORD-FUNDS"
            account.triggers.cancel(row.id)
            assert shown(account) == ()
            assert orders(account) == []

    run(tmp_path, work)
