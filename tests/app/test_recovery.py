"""A profile lost, and restored from its backup on another computer: real driver, broker and chain, to the unit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from tests.app.test_leaving import CHEAP, ETH, PERIOD, deeds
from tests.support.waiting import until
from wallet.app import backup, proofs
from wallet.app.account import Account
from wallet.app.alone_service import AloneService
from wallet.app.profile import Profile
from wallet.app.rediscovery import WHY, Rediscovered
from wallet.chain.client import Status
from wallet.chain.guard import Act
from wallet.chain.rpc import Rpc
from wallet.cli.main import main
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, create_vault, open_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE, Initiative
from wallet.sandbox.boot import Sandbox, sandbox
from wallet.sandbox.devnet.node import Devnet
from wallet.session.phases import Phase

WORD = Secret("a password")
PRICE = 3_000 * 10**6
TENTH = ETH // 10
NOWHERE = "ws://127.0.0.1:9"


@dataclass
class Machine:
    """One computer with one profile."""

    profile: Profile
    vault: Vault
    found: Sandbox

    @classmethod
    def new(cls, folder: Path, found: Sandbox) -> Machine:
        profile = Profile(folder)
        return cls(profile, create_vault(profile.vault, create_phrase(), WORD, params=CHEAP), found)

    @classmethod
    def restored(cls, folder: Path, found: Sandbox, file: Path) -> Machine:
        assert backup.restore(file, WORD, folder).open_channels == 1
        profile = Profile(folder)
        return cls(profile, open_vault(profile.vault).unlock(WORD), found)

    @classmethod
    def of_phrase(cls, folder: Path, found: Sandbox, phrase: Secret) -> Machine:
        profile = Profile(folder)
        return cls(profile, create_vault(profile.vault, phrase, WORD, params=CHEAP), found)

    @asynccontextmanager
    async def wallet(self, *, alone: bool = False) -> AsyncIterator[Account]:
        """``alone``: the broker can't be reached from here, whatever he does elsewhere."""
        broker = self.found.profile
        account = Account(self.profile, self.vault, replace(broker, url=NOWHERE) if alone else broker)
        account.start()
        try:
            await (account.chain.ready(30) if alone else account.online(30))
            yield account
        finally:
            await account.stop()

    async def turn_the_clock(self, seconds: int) -> None:
        async with Rpc(self.found.chain.url) as rpc:
            await rpc.request("evm_increaseTime", seconds)
            await rpc.request("evm_mine")


@dataclass
class Lost:
    """What was there when the first computer burned: its backup, and how far it had come after."""

    file: Path
    channel: bytes
    backed_up: int  # the number of the backup's last state
    last: int
    phrase: Secret
    proof: Path  # of the last state


def usdt(account: Account) -> bytes:
    return account.market("ETH/USDT").quote.address


async def trade(seller: Account, buyer: Account) -> None:
    """A tenth of an ETH for 300 USDT, at no fee that anybody could be asked for twice."""
    before = buyer.channel.last.state.increment  # type: ignore[union-attr]
    order = await seller.place_order("ETH/USDT", "sell", PRICE, TENTH, "good_till_time")
    await until(lambda: any(row.id == order for row in seller.channel.last.state.open_orders))  # type: ignore[union-attr]
    await buyer.place_order("ETH/USDT", "buy", PRICE, TENTH, "good_till_time")
    await until(lambda: buyer.channel.last.state.increment >= before + 2)  # type: ignore[union-attr]
    await until(lambda: not any(row.channel.last.state.open_orders for row in (seller, buyer)))  # type: ignore[union-attr]


@asynccontextmanager
async def burned(path: Path, found: Sandbox) -> AsyncIterator[Lost]:
    """One trade, a backup, one more trade; then nothing of the first computer is left but the backup."""
    other, first = Machine.new(path / "other", found), Machine.new(path / "first", found)
    async with other.wallet() as seller, first.wallet() as buyer:
        await seller.faucet()
        await buyer.faucet()
        await seller.open_channel([(NATIVE, ETH)])
        await buyer.open_channel([(usdt(buyer), 1_000 * 10**6)])
        await trade(seller, buyer)
        at = buyer.channel.last.state.increment  # type: ignore[union-attr]
        await asyncio.to_thread(backup.make, first.profile.path, first.vault, path / "one.backup")
        await trade(seller, buyer)
        last = buyer.channel.last.state.increment  # type: ignore[union-attr]
        assert last > at
        proofs.save(buyer.journal, buyer.channel.record, path / "proof.json", None)  # type: ignore[arg-type,union-attr]
        phrase, channel = first.vault.export_phrase(), buyer.channel.id  # type: ignore[union-attr]
        lost = Lost(path / "one.backup", channel, at, last, phrase, path / "proof.json")
    first.profile.close()
    yield lost
    other.profile.close()


def run(
    path: Path,
    patch: pytest.MonkeyPatch,
    work: Callable[[Sandbox, Lost], Awaitable[None]],
    initiative: Initiative = Initiative.BROKER,
) -> None:
    start = Devnet.start

    async def with_a_clock(*arguments: Any, **options: Any) -> Devnet:
        return await start(*arguments, **{**options, "allow_time_travel": True})

    patch.setattr(Devnet, "start", with_a_clock)

    async def main() -> None:
        async with sandbox(path / "box", initiative) as found, burned(path, found) as lost:
            await work(found, lost)

    asyncio.run(main())


def fees(received: int, account: Account) -> int:
    return received * account.market("ETH/USDT").taker_fee // 10**6


@pytest.mark.parametrize(
    "initiative", [Initiative.BROKER, pytest.param(Initiative.COOPERATIVE, marks=pytest.mark.slow)]
)
def test_with_the_broker_it_adopts_what_he_shows_finalizes_and_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, initiative: Initiative
) -> None:
    async def work(found: Sandbox, lost: Lost) -> None:
        machine = Machine.restored(tmp_path / "second", found, lost.file)
        async with machine.wallet() as account:
            channel = account.channel
            assert channel is not None
            assert channel.id == lost.channel
            assert channel.restored
            assert channel.terms.initiative is initiative
            assert channel.last is not None
            passed = initiative is Initiative.COOPERATIVE  # and the broker has yielded since
            assert channel.last.state.increment - lost.last in (
                (0, 1) if passed else (0,)
            )  # what came after the backup is taken back
            assert channel.signer.address == account.address  # type: ignore[union-attr]
            assert machine.vault.session_addresses() == ()
            with pytest.raises(WalletError, match="RESTORED"):
                await account.place_order("ETH/USDT", "buy", PRICE, TENTH, "good_till_time")
            await until(lambda: account.names.markets[0].taker_fee)
            await account.finalize()
            paid = await account.withdraw()
            assert paid == {NATIVE: 2 * (TENTH - fees(TENTH, account)), usdt(account): 400 * 10**6}
        machine.profile.close()

    run(tmp_path, monkeypatch, work, initiative)


@pytest.mark.slow  # a challenge period
def test_without_him_it_leaves_with_the_backups_state_and_he_answers_with_a_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(found: Sandbox, lost: Lost) -> None:
        machine = Machine.restored(tmp_path / "second", found, lost.file)
        async with machine.wallet(alone=True) as account:
            channel, contract = account.channel, account.chain.contract
            assert channel is not None
            assert channel.last.state.increment == lost.backed_up  # type: ignore[union-attr]
            had = await wallet_of(account)
            await account.leave_alone()
            await until_increment(account, lost.last)
            await machine.turn_the_clock(PERIOD + 1)
            await until(lambda: Act.PAY_OUT in deeds(account))
            assert (await contract.channel(lost.channel)).status is Status.SETTLED
            await until(lambda: Phase(channel.record.phase) is Phase.WITHDRAWN)
            got = await wallet_of(account)
            assert got[1] - had[1] == 400 * 10**6  # of the newer: both trades
            assert got[0] > had[0]
        machine.profile.close()

    run(tmp_path, monkeypatch, work)


@pytest.mark.slow  # as the one before, and a block of wall time more
def test_with_him_gone_for_good_it_is_paid_by_the_backups_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(found: Sandbox, lost: Lost) -> None:
        await found.broker.stop()
        machine = Machine.restored(tmp_path / "second", found, lost.file)
        async with machine.wallet(alone=True) as account:
            had = await wallet_of(account)
            await account.leave_alone()
            assert (await account.chain.contract.channel(lost.channel)).increment == lost.backed_up
            await machine.turn_the_clock(PERIOD + 1)
            await until(lambda: Act.PAY_OUT in deeds(account))
            await until(lambda: Phase(account.channel.record.phase) is Phase.WITHDRAWN)  # type: ignore[union-attr]
            assert (await wallet_of(account))[1] - had[1] == 700 * 10**6  # one trade of the two
        machine.profile.close()

    run(tmp_path, monkeypatch, work)


async def wallet_of(account: Account) -> tuple[int, int]:
    await account.chain.refresh()
    held = account.chain.holdings.wallet
    return held[NATIVE], held[usdt(account)]


async def until_increment(account: Account, increment: int) -> None:
    async with asyncio.timeout(60):
        for _ in range(10**6):
            if (await account.chain.contract.channel(account.channel.id)).increment == increment:  # type: ignore[union-attr]
                return
            await asyncio.sleep(0.1)


# --- from the phrase alone --------------------------------------------------------------------------------------------


def test_of_the_phrase_alone_the_channel_is_found_adopted_and_finalized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(found: Sandbox, lost: Lost) -> None:
        machine = Machine.of_phrase(tmp_path / "second", found, lost.phrase)
        async with machine.wallet() as account:
            assert account.channels == []
            assert await account.find_channels() == Rediscovered(1, 0)
            assert await account.find_channels() == Rediscovered(0, 0)
            channel = account.channel
            assert channel is not None
            assert (channel.id, channel.restored, channel.shown) == (lost.channel, True, True)
            assert account.journal.fact(channel.id, "restored") == WHY
            assert channel.last is not None
            assert channel.last.state.increment == lost.last
            assert account.journal.at(channel.id, 0)[0].trader_signature is not None
            await until(lambda: account.names.markets[0].taker_fee)
            await account.finalize()
            paid = await account.withdraw()
            assert paid == {NATIVE: 2 * (TENTH - fees(TENTH, account)), usdt(account): 400 * 10**6}
        machine.profile.close()

    run(tmp_path, monkeypatch, work)


@pytest.mark.slow  # a challenge period more
def test_of_the_phrase_alone_with_him_gone_it_leaves_with_the_opening_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(found: Sandbox, lost: Lost) -> None:
        await found.broker.stop()
        machine = Machine.of_phrase(tmp_path / "second", found, lost.phrase)
        async with machine.wallet(alone=True) as account:
            assert machine.profile.brokers() == []
            assert await account.find_channels() == Rediscovered(1, 0)
            assert [row.broker for row in machine.profile.brokers()] == [account.broker.broker]  # for the next start
            had = await wallet_of(account)
            await account.leave_alone()
            await machine.turn_the_clock(PERIOD + 1)
            await until(lambda: Act.PAY_OUT in deeds(account))
            await until(lambda: Phase(account.channel.record.phase) is Phase.WITHDRAWN)  # type: ignore[union-attr]
            assert (await wallet_of(account))[1] - had[1] == 1_000 * 10**6
        machine.profile.close()

    run(tmp_path, monkeypatch, work)


@pytest.mark.slow
def test_channels_of_others_are_counted_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(found: Sandbox, lost: Lost) -> None:
        machine = Machine.of_phrase(tmp_path / "second", found, lost.phrase)
        async with machine.wallet(alone=True) as account:
            broker = account.broker
            account.broker = replace(broker, offer=replace(broker.offer, markets=broker.offer.markets[:1]))
            assert await account.find_channels() == Rediscovered(0, 1)
            account.broker = replace(broker, broker=bytes(20))
            assert await account.find_channels() == Rediscovered(0, 1)
            account.broker = broker

            async def forged(_: object) -> tuple[bytes, bytes]:
                return bytes(65), bytes(65)

            monkeypatch.setattr(account.chain.contract, "opening_signatures", forged)
            assert await account.find_channels() == Rediscovered(0, 1)
            assert account.journal.channels() == []
        machine.profile.close()

    run(tmp_path, monkeypatch, work)


def test_by_command_with_phrase_node_contract_and_proof_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broker gone, profile gone; what is left: the words, a node's address, the contract's, and a proof file."""

    async def work(found: Sandbox, lost: Lost) -> None:
        await found.broker.stop()
        place = "--node", found.chain.url, "--contract", "0x" + found.profile.adjudicator.hex()
        environment = {"CHANNEL_WALLET_PASSWORD": WORD.reveal(), "CHANNEL_WALLET_PHRASE": lost.phrase.reveal()}

        async def command(*words: str, fails: str = "") -> dict[str, Any]:
            arguments = [*words, "--json", "--profile", str(tmp_path / "second")]
            done = await asyncio.to_thread(CliRunner().invoke, main, arguments, env=environment)
            assert done.stdout, repr(done.exception)
            said: dict[str, Any] = json.loads(done.stdout)
            assert said.get("error", "") == fails, done.output
            return said

        await command("keys", "restore")
        (row,) = (await command("recover", "find", *place))["channels"]
        token = "0x" + usdt_of(found).hex()
        assert (row["channel"], row["status"], row["pays"][token]) == ("0x" + lost.channel.hex(), "open", "1000000000")
        await command("recover", "exit", *place, fails="RECOVERING_OLD_STATE")
        sent = await command("recover", "exit", *place, "--proof", str(lost.proof), "--old-state")
        assert sent["sent"] == "challenge"
        (row,) = (await command("recover", "find", *place))["channels"]
        assert (row["status"], row["increment"], row["pays"][token]) == ("disputed", lost.last, "400000000")
        assert (await command("recover", "withdraw", *place))["withdrawn"] == {}
        await Machine.turn_the_clock(SimpleNamespace(found=found), PERIOD + 1)  # type: ignore[arg-type]
        assert (await command("recover", "withdraw", *place))["withdrawn"][token] == "400000000"

    run(tmp_path, monkeypatch, work)


def test_the_windows_way_with_the_words_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made at the first time, opened again at the next; every call from another thread than the chain's."""

    async def work(found: Sandbox, lost: Lost) -> None:
        await found.broker.stop()
        nodes, contract, folder = (found.chain.url,), found.profile.adjudicator, tmp_path / "second"
        monkeypatch.setattr(create_vault, "__kwdefaults__", {**create_vault.__kwdefaults__, "params": CHEAP})  # type: ignore[dict-item]

        def first() -> None:
            service = AloneService(folder, lost.phrase, WORD, nodes, contract)
            try:
                (row,) = service.rows().result(30)
                assert (row.channel, row.status) == (lost.channel, "open")
                assert service.worth(row.channel, lost.proof).result(30)[0] == lost.last
                assert service.leave(row.channel, lost.proof).result(60) == "challenge"
            finally:
                service.close()
                service.close()  # the window may, once more

        def second() -> None:
            with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
                AloneService(folder, None, Secret("another"), nodes, contract)
            service = AloneService(folder, None, WORD, nodes, contract)
            try:
                (row,) = service.rows().result(30)
                assert (row.status, row.increment) == ("disputed", lost.last)
                paid = {info.symbol: amount for info, amount in service.withdraw().result(60)}
                assert paid["USDT"] == 400 * 10**6
            finally:
                service.close()

        await asyncio.to_thread(first)
        await Machine.turn_the_clock(SimpleNamespace(found=found), PERIOD + 1)  # type: ignore[arg-type]
        await asyncio.to_thread(second)

    run(tmp_path, monkeypatch, work)


def usdt_of(found: Sandbox) -> bytes:
    return next(row.address for row in found.profile.tokens if row.symbol == "USDT")
