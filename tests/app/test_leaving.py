"""Leaving without the broker, and a broker who cheats while the wallet is closed: real driver, broker and chain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until
from wallet.app.account import Account
from wallet.app.profile import Profile
from wallet.chain.calls import Validation
from wallet.chain.client import Adjudicator, Status
from wallet.chain.guard import Act
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Sender
from wallet.keys.kdf import KdfParams
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, create_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.sandbox.boot import Sandbox, sandbox
from wallet.sandbox.devnet.node import Devnet
from wallet.sandbox.plan import POLICY
from wallet.session.phases import Phase

ETH = 10**18
PERIOD = POLICY.challenge_period
CHEAP = KdfParams(8 * 1024, 1, 1)


class Machine:
    """A profile, and a sandbox whose broker can be ended for good and whose clock can be turned."""

    def __init__(self, folder: Path, found: Sandbox) -> None:
        self.profile, self.found = Profile(folder), found
        self.vault: Vault = create_vault(self.profile.vault, create_phrase(), Secret("a password"), params=CHEAP)

    @asynccontextmanager
    async def wallet(self, *, alone: bool = False) -> AsyncIterator[Account]:
        account = Account(self.profile, self.vault, self.found.profile)
        account.start()
        try:
            await (account.chain.ready(20) if alone else account.online(20))
            yield account
        finally:
            await account.stop()

    async def traded(self, account: Account) -> int:
        """Opens a channel and leaves some states behind; the number of the last."""
        await account.open_channel([(NATIVE, ETH)])
        for price in (2_900, 2_950, 3_000):
            await account.place_order("ETH/USDT", "sell", price * 10**6 * 2, ETH // 10, "good_till_time")
        await until(lambda: account.channel is not None and account.channel.last.state.increment >= 3)
        channel = account.channel
        assert channel is not None
        assert channel.last is not None
        return channel.last.state.increment

    async def cheat(self, account_id: bytes, stale: Any) -> None:
        """The broker's owner challenges with an old state that both signed."""
        async with Rpc(self.found.chain.url) as rpc:
            contract = Adjudicator(rpc, self.found.profile.chain_id, self.found.profile.adjudicator)
            sender = Sender(rpc, self.found.profile.chain_id, KeySigner(self.found.identity.owner), lambda _: None)
            entry, terms = stale
            proof = Validation(entry.trader_signature, entry.broker_signature)
            await contract.challenge(sender, terms, entry.state, proof)
            assert (await contract.channel(account_id)).increment == entry.state.increment

    async def turn_the_clock(self, seconds: int) -> None:
        async with Rpc(self.found.chain.url) as rpc:
            await rpc.request("evm_increaseTime", seconds)
            await rpc.request("evm_mine")


def run(path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[Machine], Awaitable[None]]) -> None:
    start = Devnet.start

    async def with_a_clock(*arguments: Any, **options: Any) -> Devnet:
        return await start(*arguments, **{**options, "allow_time_travel": True})

    monkeypatch.setattr(Devnet, "start", with_a_clock)

    async def main() -> None:
        async with sandbox(path / "box") as found:
            machine = Machine(path / "profile", found)
            async with machine.wallet() as account:
                await account.faucet()
            try:
                await work(machine)
            finally:
                machine.profile.close()

    asyncio.run(main())


def deeds(account: Account) -> list[Act]:
    assert account.chain.watcher is not None
    return [deed.act for deed in account.chain.watcher.deeds]


def test_a_cheat_while_the_wallet_is_closed_is_answered_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Owner locked, broker gone: the answer, the settlement and the money come by themselves, to the unit."""

    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            best = await machine.traded(account)
            channel = account.channel
            assert channel is not None
            stale = account.journal.at(channel.id, 1)[0], channel.terms
            channel_id = channel.id
        await machine.found.broker.stop()
        await machine.cheat(channel_id, stale)
        machine.vault.lock_owner()
        async with machine.wallet(alone=True) as account:
            contract = account.chain.contract
            await until(lambda: deeds(account) == [Act.ANSWER])
            assert (await contract.channel(channel_id)).increment == best
            await account.chain.refresh()
            had = account.chain.holdings.wallet[NATIVE]
            account.journal.set_fact(channel_id, "pay_out", b"")
            await machine.turn_the_clock(PERIOD + 1)
            await until(lambda: Act.PAY_OUT in deeds(account))
            assert deeds(account) == [Act.ANSWER, Act.SETTLE, Act.PAY_OUT]
            assert (await contract.channel(channel_id)).status is Status.SETTLED
            await account.chain.refresh()
            assert account.chain.holdings.wallet[NATIVE] == had + ETH
            assert account.channel is not None
            await until(lambda: Phase(account.channel.record.phase) is Phase.WITHDRAWN)  # type: ignore[union-attr]
            assert account.alarm is None

    run(tmp_path, monkeypatch, work)


def test_leaving_with_the_broker_dead_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            best = await machine.traded(account)
            channel = account.channel
            assert channel is not None
            await machine.found.broker.stop()

            async def too_poor(_: object) -> int:
                raise WalletError("TX_NO_GAS", have=0, need=1, address="")

            monkeypatch.setattr(account.chain, "fund_gas", too_poor)  # which keeps nobody from leaving
            said = await account.exit_plan(channel.id)
            assert [(info.symbol, amount) for info, amount in said.pays if amount] == [("ETH", ETH)]
            assert (said.increment, said.final, said.period) == (best, False, PERIOD)
            assert [step.code for step in said.steps] == ["STEP-CHALLENGE", "STEP-SETTLE", "STEP-WITHDRAW"]
            assert said.owner_has > said.owner_needs == said.steps[0].cost
            spent = account.chain.holdings.wallet[NATIVE]
            until_when = await account.leave_alone(channel.id)
            await account.chain.refresh()
            spent -= account.chain.holdings.wallet[NATIVE]
            assert said.steps[0].cost // 3 < spent < 3 * said.steps[0].cost
            running = await account.exit_plan(channel.id)
            assert (running.deadline, running.owner_needs) == (until_when, 0)
            assert [step.code for step in running.steps] == ["STEP-SETTLE", "STEP-WITHDRAW"]
            assert channel.disputed
            found = await account.chain.contract.channel(channel.id)
            assert (found.status, found.increment, found.deadline) == (Status.DISPUTED, best, until_when)
            had = account.chain.holdings.wallet[NATIVE]
            machine.vault.lock_owner()
            await machine.turn_the_clock(PERIOD + 1)
            await until(lambda: Act.PAY_OUT in deeds(account))
            assert deeds(account) == [Act.SETTLE, Act.PAY_OUT]
            await account.chain.refresh()
            assert account.chain.holdings.wallet[NATIVE] == had + ETH

    run(tmp_path, monkeypatch, work)


def test_a_finalize_that_is_ignored_turns_into_leaving_at_the_time_given_though_locked_and_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner's word is signed while he is there; the gas key does the rest, to the unit."""
    monkeypatch.setattr("wallet.session.mandate.GRACE", 1)
    monkeypatch.setattr("wallet.app.account.ONLINE_WAIT", 0.5)

    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            best = await machine.traded(account)
            channel = account.channel
            assert channel is not None
            channel_id = channel.id
            await machine.found.broker.stop()
            before = time.time()
            with pytest.raises(WalletError):
                await account.finalize(channel_id, 500)
            view = account.app_view(channel_id).channel
            assert view is not None
            assert view.phase.value == "finalizing"
            assert before + 500 - 1 <= view.exit_at <= time.time() + 500
            with pytest.raises(WalletError, match="CHANNEL_LEAVING"):
                await account.place_order("ETH/USDT", "sell", 3_000 * 10**6, ETH // 10, "good_till_time")
        machine.vault.lock_owner()
        async with machine.wallet(alone=True) as account:
            assert account.chain.watcher is not None
            await account.chain.watcher.look()
            assert deeds(account) == []  # not before the time
        monkeypatch.setattr(time, "time", lambda real=time.time: real() + 500)
        async with machine.wallet(alone=True) as account:
            contract = account.chain.contract
            await until(lambda: Act.CHALLENGE in deeds(account))
            assert time.time() >= view.exit_at
            found = await contract.channel(channel_id)
            assert (found.status, found.increment) == (Status.DISPUTED, best)
            assert account.channel is not None
            assert account.channel.disputed
            with pytest.raises(WalletError, match="EXIT_UNDER_WAY"):
                await account.stay(channel_id)
            await account.chain.refresh()
            had = account.chain.holdings.wallet[NATIVE]
            await machine.turn_the_clock(PERIOD + 1)
            await until(lambda: Act.PAY_OUT in deeds(account))
            assert deeds(account) == [Act.CHALLENGE, Act.SETTLE, Act.PAY_OUT]
            await account.chain.refresh()
            assert account.chain.holdings.wallet[NATIVE] == had + ETH

    run(tmp_path, monkeypatch, work)


@pytest.mark.slow
def test_a_broker_who_is_there_and_never_signs_the_end_is_left_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He takes the request, echoes every heartbeat, and issues nothing: the time given runs all the while."""
    monkeypatch.setattr("wallet.session.mandate.GRACE", 0)
    monkeypatch.setattr("wallet.app.account.FINALIZE_WAIT", 2)

    async def work(machine: Machine) -> None:
        monkeypatch.setattr(machine.found.broker.intake, "finalize", lambda *_: None)
        async with machine.wallet() as account:
            await machine.traded(account)
            channel = account.channel
            assert channel is not None
            with pytest.raises(WalletError, match="FINALIZE_UNANSWERED"):
                await account.finalize(channel.id, 500)
            echoed = channel.echoed
            await until(lambda: channel.echoed != echoed)  # he is there
            assert deeds(account) == []
            assert channel.last is not None
            assert not channel.last.state.open_orders
            monkeypatch.setattr(time, "time", lambda real=time.time: real() + 500)
            await until(lambda: Act.CHALLENGE in deeds(account))
            found = await account.chain.contract.channel(channel.id)
            assert (found.status, found.increment) == (Status.DISPUTED, channel.last.state.increment)
            await account.chain.refresh()
            had = account.chain.holdings.wallet[NATIVE]
            await machine.turn_the_clock(PERIOD + 1)
            await until(lambda: Act.PAY_OUT in deeds(account))
            await account.chain.refresh()
            assert account.chain.holdings.wallet[NATIVE] == had + ETH

    run(tmp_path, monkeypatch, work)


@pytest.mark.slow
def test_a_broker_who_answers_in_time_is_left_together_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """He is asked again by itself; and if nobody closes, the gas key does when the time is up."""
    monkeypatch.setattr("wallet.session.mandate.GRACE", 0)
    monkeypatch.setattr("wallet.app.account.ASK_AGAIN", 0.1)
    refused: list[float] = []

    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            await machine.traded(account)
            channel, real = account.channel, account.link.finalize
            assert channel is not None

            async def ignored(asked: Any, wait: float) -> None:
                refused.append(wait)
                if len(refused) < 3:
                    raise WalletError("FINALIZE_UNANSWERED")
                await real(asked, wait)

            monkeypatch.setattr(account.link, "finalize", ignored)
            with pytest.raises(WalletError, match="FINALIZE_UNANSWERED"):
                await account.finalize(channel.id, 3_600)
            await until(lambda: channel.final)
            await until(lambda: Phase(channel.record.phase) is Phase.FINAL)
            await account.chain.refresh()
            had = account.chain.holdings.wallet[NATIVE]
            assert deeds(account) == []
            monkeypatch.setattr(time, "time", lambda real=time.time: real() + 3_600)
            await until(lambda: Act.PAY_OUT in deeds(account))
            assert deeds(account) == [Act.CLOSE, Act.PAY_OUT]
            await account.chain.refresh()
            assert account.chain.holdings.wallet[NATIVE] == had + ETH
            channel.restored = True  # of another copy of the profile: its word is not this one's
            assert account.chain.departures.leaving(channel) is None

    run(tmp_path, monkeypatch, work)


def test_the_word_can_be_taken_back_and_does_not_come_back_with_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.session.mandate.GRACE", 0)
    monkeypatch.setattr("wallet.app.account.ONLINE_WAIT", 0.5)

    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            await machine.traded(account)
            assert account.channel is not None
            channel_id = account.channel.id
            await machine.found.broker.stop()
            with pytest.raises(WalletError):
                await account.finalize(channel_id, 1_000)
            account.chain.departures.give(account.channel, 3, machine.vault.owner())  # given anew: the time is another
            await account.stay(channel_id)
        async with machine.wallet(alone=True) as account:
            view = account.app_view(channel_id).channel
            assert view is not None
            assert (view.phase.value, view.exit_at) == ("open", 0)
            await until(lambda: account.chain.watcher is not None and account.chain.watcher.block is not None)
            monkeypatch.setattr(time, "time", lambda real=time.time: real() + 100_000)
            assert account.chain.watcher is not None
            await account.chain.watcher.look()
            assert deeds(account) == []
            assert (await account.chain.contract.channel(channel_id)).status is Status.OPEN

    run(tmp_path, monkeypatch, work)


def test_the_gas_key_gets_its_share_when_a_channel_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            watcher = account.chain.watcher
            assert watcher is not None
            await until(lambda: watcher.gas is not None)
            assert watcher.gas == 0
            await account.open_channel([(NATIVE, ETH)])
            await watcher.look()
            assert watcher.gas
            assert not watcher.alarms
            assert await account.chain.fund_gas(account.owner) == 0  # it has enough
            account.chain.agreement.alarm = WalletError("NODES_BEHIND", first="a", second="b", blocks=20)
            assert account.app_view().connection.problem == "NODES_BEHIND"  # said where the user looks

    run(tmp_path, monkeypatch, work)
