"""A whole wallet against a real broker and a real chain, ended at every point of an opening; and against liars."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.session.brokers import sample, sample_json
from wallet.app.account import Account
from wallet.app.accounts import Accounts
from wallet.app.opening import Opening
from wallet.app.profile import Profile
from wallet.chain.tx import Outgoing, Sender
from wallet.history.journal import ChannelRecord, Journal
from wallet.keys.kdf import KdfParams
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, create_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE, Role, Terms
from wallet.sandbox.boot import Sandbox, sandbox
from wallet.session.broker_profile import parse
from wallet.session.link import BrokerLink
from wallet.session.phases import Phase
from wallet.session.settlement import ChainLink

ETH = 10**18
CHEAP = KdfParams(8 * 1024, 1, 1)
ONE, TWO = [(NATIVE, ETH)], [(NATIVE, 2 * ETH)]


class Killed(Exception):
    """The process ends here."""


class Machine:
    """One profile directory on which wallets start and are killed."""

    def __init__(self, folder: Path, found: Sandbox) -> None:
        self.profile, self.found = Profile(folder), found
        self.vault: Vault = create_vault(self.profile.vault, create_phrase(), Secret("a password"), params=CHEAP)

    @asynccontextmanager
    async def wallet(self) -> AsyncIterator[Account]:
        account = Account(self.profile, self.vault, self.found.profile)
        account.start()
        try:
            await account.online(20)
            yield account
        finally:
            await account.stop()

    @asynccontextmanager
    async def accounts(self) -> AsyncIterator[Accounts]:
        """The same with all that a window has; connected."""
        self.profile.pin(self.found.profile)
        accounts = Accounts(self.profile, self.vault)
        accounts.start()
        try:
            await accounts.account(b"").online(20)
            yield accounts
        finally:
            await accounts.stop()


def run(path: Path, work: Callable[[Machine], Awaitable[None]]) -> None:
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


def dies(*_: object, **__: object) -> None:
    raise Killed


async def dies_later(*_: object, **__: object) -> None:
    raise Killed


def _before_setup(patch: pytest.MonkeyPatch) -> None:
    add = Journal.add_channel

    def add_and_die(self: Journal, record: ChannelRecord) -> None:
        add(self, record)
        raise Killed

    patch.setattr(Journal, "add_channel", add_and_die)


def _after_state_0(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BrokerLink, "advance", dies)


def _agreed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Opening, "_deposit", dies_later)


def _before_the_transaction(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("wallet.chain.client.Adjudicator.open", dies_later)


def dies_opening(patch: pytest.MonkeyPatch, method: str) -> None:
    """At a call of the contract; the gas key's share, a plain transfer, goes before."""
    real = getattr(Sender, method)

    async def until_it_calls(self: Sender, outgoing: Outgoing, **options: Any) -> Any:
        if outgoing.call.data:
            raise Killed
        return await real(self, outgoing, **options)

    patch.setattr(Sender, method, until_it_calls)


def _gas_signed_and_not_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sender, "resend", dies_later)


def _signed_and_not_sent(patch: pytest.MonkeyPatch) -> None:
    dies_opening(patch, "resend")


def _sent_and_not_awaited(patch: pytest.MonkeyPatch) -> None:
    dies_opening(patch, "wait")


POINTS = [
    _before_setup,
    _after_state_0,
    _agreed,
    _gas_signed_and_not_sent,
    _before_the_transaction,
    _signed_and_not_sent,
    _sent_and_not_awaited,
]


async def opened(account: Account) -> int:
    """How many channels the chain says this wallet has opened."""
    return len(await account.chain.contract.opened_by(account.address, 0, account.chain.block))


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.__name__.strip("_"))
def test_an_opening_that_was_killed_goes_on_and_is_paid_once(
    tmp_path: Path, point: Callable[[pytest.MonkeyPatch], None]
) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            had = account.chain.holdings.wallet[NATIVE]
            with pytest.MonkeyPatch.context() as patch:
                point(patch)
                with pytest.raises((Killed, WalletError)):
                    await account.open_channel(ONE)
        async with machine.wallet() as account:
            if account.channel is None or Phase(account.channel.record.phase) is not Phase.OPEN:
                await account.open_channel(ONE)  # else it went on by itself
            await account.chain.refresh()
            assert account.open_channel_or_refuse().last is not None
            assert await opened(account) == 1
            spent = had - account.chain.holdings.wallet[NATIVE] - account.chain.holdings.free[NATIVE]
            assert ETH <= spent < ETH + ETH // 20  # the allocation once, and fees
            running = [row.phase for row in account.journal.channels() if row.phase != Phase.ABANDONED.value]
            assert running == [Phase.OPEN.value]
            # and the way out
            await account.finalize()
            await account.withdraw()
            await account.chain.refresh()
            assert account.chain.holdings.wallet[NATIVE] > had - ETH // 20

    run(tmp_path, work)


def test_who_asks_for_other_amounts_gets_those(tmp_path: Path) -> None:
    """What broke off before must not be opened in place of what is on the screen now."""

    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            with pytest.MonkeyPatch.context() as patch:
                _agreed(patch)
                with pytest.raises(Killed):
                    await account.open_channel(TWO)
            await account.open_channel(ONE)
            terms = account.open_channel_or_refuse().terms
            assert {row.asset: row.allocation for row in terms.assets if row.allocation} == dict(ONE)
            assert await opened(account) == 1

    run(tmp_path, work)


def test_whose_transaction_may_be_on_its_way_is_not_replaced_by_another(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            with pytest.MonkeyPatch.context() as patch:
                _signed_and_not_sent(patch)
                with pytest.raises(Killed):
                    await account.open_channel(TWO)
            with pytest.raises(WalletError, match="CHANNEL_EXISTS"):
                await account.open_channel(ONE)

    run(tmp_path, work)


def test_two_clicks_open_one_channel(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            answers = await asyncio.gather(account.open_channel(ONE), account.open_channel(ONE), return_exceptions=True)
            codes = [answer.code for answer in answers if isinstance(answer, WalletError)]
            assert codes == ["CHANNEL_EXISTS"]
            assert len(account.journal.channels()) == 1

    run(tmp_path, work)


CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("another trader", {"trader": b"\x77" * 20}, "SET-PARTIES"),
    ("another session key", {"trader_signer": b"\x77" * 20}, "SET-PARTIES"),
    ("another broker", {"broker": b"\x77" * 20}, "SET-PARTIES"),
    ("a higher fee", {"max_fee": 900_000}, "SET-TERMS"),
    ("a shorter period", {"challenge_period": 60}, "SET-TERMS"),
    ("fewer markets", {"markets": ()}, "SET-MARKET"),
    ("an offer for a year", {"open_before": int(time.time()) + 365 * 86_400}, "SET-TERMS"),
    ("an offer of yesterday", {"open_before": int(time.time()) - 86_400}, "SET-TERMS"),
]


def test_terms_are_those_that_were_shown(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            real = account.link.offer
            for name, change, code in CHANGES:

                async def offer(*asked: Any, change: dict[str, Any] = change) -> Terms:
                    return replace(await real(*asked), **change)

                account.link.offer = offer  # type: ignore[method-assign]
                with pytest.raises(WalletError) as caught:
                    await account.open_channel(ONE)
                assert caught.value.code == code, name

            async def one_market_less(*asked: Any) -> Terms:
                terms = await real(*asked)
                return replace(terms, markets=terms.markets[:1])

            account.link.offer = one_market_less  # type: ignore[method-assign]
            with pytest.raises(WalletError, match="SET-TERMS"):
                await account.open_channel(ONE)

            async def more(*asked: Any) -> Terms:
                terms = await real(*asked)
                rows = tuple(row._replace(allocation=row.allocation + 1) for row in terms.assets)
                return replace(terms, assets=rows)

            account.link.offer = more  # type: ignore[method-assign]
            with pytest.raises(WalletError, match="SET-FUNDING"):
                await account.open_channel(ONE)
            assert account.journal.channels() == []

            account.link.offer = real  # type: ignore[method-assign]
            account.broker = replace(account.broker, test=False)
            shortest = dict(account.broker.offer.rules)["challenge_period"]
            if shortest < 3_600:
                with pytest.raises(WalletError, match="SET-PERIOD"):
                    await account.open_channel(ONE)

    run(tmp_path, work)


def test_a_full_disk_is_said_on_the_screen(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            await account.open_channel(ONE)
            assert account.app_view().connection.problem == ""
            account.journal.store._failed = True
            assert account.app_view().connection.problem == "STORE_FAILED"
            with pytest.raises(WalletError, match="STORE_FAILED"):
                await account.place_order("ETH/USDT", "sell", 3_000 * 10**6, ETH // 10, "good_till_time")
            assert account.link.channels[account.channel.id].requests.rows() == []  # type: ignore[union-attr]

    run(tmp_path, work)


# --- which broker -------------------------------------------------------------------------------------------------


def usual(profile: Profile, vault: Vault) -> bytes:
    """The broker in view when nobody has chosen one."""
    accounts = Accounts(profile, vault)
    try:
        return accounts.app_view().broker
    finally:
        accounts.journal.close()


def test_another_broker_locks_nobody_out_of_a_channel(tmp_path: Path) -> None:
    """The profile opens with the broker in whose hands a channel is, not with the one added last."""
    profile = Profile(tmp_path / "p")
    first = sample()
    profile.pin(first)
    value = sample_json() | {"broker": "0x" + "ff" * 20, "brokerSigner": "0x" + "fe" * 20}
    second = parse(value)
    profile.pin(second)
    os.utime(profile.path / "brokers" / f"{first.broker.hex()}.json", (1, 1))
    vault = create_vault(profile.vault, create_phrase(), Secret("a password"), params=CHEAP)
    assert usual(profile, vault) == second.broker
    from tests.support.game import make_terms

    journal = Journal.open(profile.journal)
    terms = make_terms(broker=first.broker, broker_signer=first.signer)
    record = ChannelRecord(
        first.domain.digest(terms).digest,
        Role.TRADER,
        first.chain_id,
        first.adjudicator,
        terms,
        Phase.OPEN.value,
        0,
    )
    journal.add_channel(record)
    journal.close()
    assert usual(profile, vault) == first.broker
    profile.close()


def test_no_broker_is_an_error_and_no_accident(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "p")
    vault = create_vault(profile.vault, create_phrase(), Secret("a password"), params=CHEAP)
    assert usual(profile, vault) == b""
    accounts = Accounts(profile, vault)
    with pytest.raises(WalletError, match="NO_BROKER"):
        accounts.account(b"")
    accounts.journal.close()
    profile.close()


@pytest.mark.parametrize(("chain", "ok"), [(31337, True), (11155111, True), (1, False), (8453, False)])
def test_a_chain_where_money_is_real_is_no_test(chain: int, ok: bool) -> None:
    """``test`` switches warnings and bounds off: a stranger's file must not."""
    value = sample_json() | {"chainId": chain}
    if ok:
        assert parse(value).test
        return
    with pytest.raises(WalletError):
        parse(value)
    for token in value["tokens"][1:]:
        token["symbol"] = "X" + token["symbol"]  # of such a chain this program vouches for the real ones only
    assert not parse(value | {"test": False}).test


def test_the_chain_link_has_one_purpose_at_a_time(tmp_path: Path) -> None:
    """Two senders at once would take the same nonce, and one transaction would replace the other."""

    async def work(machine: Machine) -> None:
        async with machine.wallet() as account:
            await account.open_channel(ONE)
            await account.finalize()
            before = account.chain.holdings.wallet[NATIVE]
            await asyncio.gather(account.withdraw(), account.withdraw())
            await account.chain.refresh()
            assert account.chain.holdings.wallet[NATIVE] > before + ETH - ETH // 20
            assert isinstance(account.chain, ChainLink)

    run(tmp_path, work)
