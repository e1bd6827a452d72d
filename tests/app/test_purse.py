"""The owner's accounts on a real chain: found, filled, sent from; what the preview says is what is signed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.app.test_account import ETH, Machine, run
from wallet.app import clear
from wallet.app.accounts import Accounts
from wallet.app.owner.question import question
from wallet.app.snapshots import AppView, AssetInfo
from wallet.chain.calls import Call, approve, deposit
from wallet.chain.envelope import Envelope
from wallet.protocol.addresses import show_address
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE

HIM = b"\xab\xc0" + b"\x11" * 16 + b"\x01\x23"
TWIN = b"\xab\xc7" + b"\x99" * 16 + b"\x71\x23"
COIN, USDT = AssetInfo(NATIVE, "ETH", 18), AssetInfo(b"\x22" * 20, "USDT", 6)
CONTRACT, ME = b"\xcc" * 20, b"\x33" * 20
NAMES = {HIM: "Anna"}


def envelope(call: Call, **more: int) -> Envelope:
    fields = {"chain_id": 5, "nonce": 7, "tip": 10**9, "max_fee_per_gas": 3 * 10**9, "gas_limit": 21_000, **more}
    return Envelope(**fields, to=call.to, value=call.value, data=call.data)


def read(call: Call, chain_id: int = 5) -> clear.Reading:
    assets = {NATIVE: COIN, USDT.address: USDT}
    return clear.read_transaction(envelope(call).unsigned(), ME, assets, chain_id, CONTRACT, NAMES)


def test_the_reading_of_a_payment_says_what_whom_and_at_most() -> None:
    found = read(Call(HIM, b"", 15 * 10**17))
    assert found.title == "Send 1.5 ETH"
    rows = dict(found.rows)
    assert rows["To"] == f"{show_address(HIM)} (Anna)"
    assert rows["Network fee, at most"] == "0.000063 ETH"
    assert rows["Leaves the account, at most"] == "1.500063 ETH"
    assert rows["Chain"] == "5"
    empty = read(Call(ME, b""))
    assert empty.title == "Take the place of a transaction, and move nothing"


def test_what_cannot_be_read_is_not_signed() -> None:
    with pytest.raises(WalletError, match="CHAIN_WRONG_ID"):
        read(Call(HIM, b"", 1), chain_id=6)
    for call in (
        Call(HIM, b"\1\2\3\4"),
        Call(HIM, deposit(CONTRACT, NATIVE, 5).data, 5),  # the right call of another contract
        Call(CONTRACT, b"\1\2\3\4"),
    ):
        with pytest.raises(WalletError, match="SIGN_UNKNOWN_CALL"):
            read(call)
    with pytest.raises(WalletError, match="SIGN_APPROVAL"):
        read(approve(USDT.address, HIM, 2**256 - 1))
    assert read(deposit(CONTRACT, NATIVE, 5 * 10**18)).title == "Deposit 5 ETH"


def test_the_question_at_the_window_is_read_from_the_bytes() -> None:
    view = AppView(assets=(COIN, USDT))
    asked = {"unsigned": envelope(Call(HIM, b"", 10**18)).unsigned(), "sender": ME, "broker": b""}
    assert question("send_prepared", asked, view) == f"Send 1 ETH to {show_address(HIM)}, on the chain of "
    asked["unsigned"] = envelope(Call(CONTRACT, b"\1\2\3\4")).unsigned()
    assert question("send_prepared", asked, view).startswith(f"Call the contract {show_address(CONTRACT)}")


async def _send(accounts: Accounts, sender: bytes, to: bytes, asset: bytes, amount: int | None) -> bytes:
    draft = await accounts.purse.prepare(b"", sender, to, asset, amount, "normal")
    return await accounts.purse.send(b"", sender, draft.unsigned)


def test_a_second_account_is_filled_and_found_again(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.accounts() as accounts:
            purse = accounts.purse
            first = machine.vault.accounts[0].address
            third = machine.vault.derived_addresses(2, 1)[0]
            digest = await _send(accounts, first, third, NATIVE, 2 * ETH)
            view = await purse.view(b"")
            (sent,) = view.transactions
            assert (sent.hash, sent.status, sent.to, sent.amount) == (digest, "confirmed", third, 2 * ETH)
            assert 0 < sent.paid_fee <= sent.most_fee
            assert await purse.find_accounts(b"") == 2  # and the one between
            view = await purse.view(b"")
            assert [row.address for row in view.accounts] == [first, *machine.vault.derived_addresses(1, 2)]
            assert {held.asset.symbol: held.amount for held in view.accounts[2].holdings}["ETH"] == 2 * ETH
            assert await purse.find_accounts(b"") == 0
            await purse.rename_account(third, "Savings")
            usdt = next(info for info in view.assets if info.symbol == "USDT")
            await _send(accounts, first, third, usdt.address, 7)
            assert (await purse.view(b"")).transactions[0].name == "Savings"
            with pytest.raises(WalletError, match="TX_SHORT .*have=0.000007 USDT, need=0.000008 USDT"):
                await _send(accounts, third, first, usdt.address, 8)
            await _send(accounts, third, first, usdt.address, None)
            await _send(accounts, third, first, NATIVE, None)
            left = (await purse.view(b"")).accounts[2].holdings
            assert all(held.amount < ETH // 1000 for held in left)

    run(tmp_path, work)


def test_a_look_alike_and_a_contract_are_warned_of(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.accounts() as accounts:
            purse, me = accounts.purse, machine.vault.accounts[0].address

            async def warned(to: bytes) -> list[str]:
                return [code for code, _ in (await purse.prepare(b"", me, to, NATIVE, 1, "slow")).warnings]

            assert await warned(TWIN) == []
            await purse.name(HIM, "Anna")
            assert await warned(TWIN) == ["WARN-ALIKE"]
            assert await warned(HIM) == []
            await purse.name(TWIN, "Anna's other one")  # looked at, and known from here on
            assert await warned(TWIN) == []
            await purse.forget(TWIN)
            await purse.forget(HIM)
            await _send(accounts, me, HIM, NATIVE, 1)
            assert await warned(TWIN) == ["WARN-ALIKE"]  # who was paid once counts as known
            contract = machine.found.profile.adjudicator
            usdt = next(info for info in (await purse.view(b"")).assets if info.symbol == "USDT").address
            draft = await purse.prepare(b"", me, contract, usdt, 1, "fast")
            assert [code for code, _ in draft.warnings] == ["WARN-CONTRACT"]

    run(tmp_path, work)


def test_what_a_session_needs_for_fees_is_warned_of(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.accounts() as accounts:
            me = machine.vault.accounts[0].address

            async def warned(amount: int | None) -> list[str]:
                return [
                    code for code, _ in (await accounts.purse.prepare(b"", me, HIM, NATIVE, amount, "slow")).warnings
                ]

            assert await warned(None) == []  # nothing is open that could need it
            await accounts.account(b"").open_channel([(NATIVE, ETH)])
            assert await warned(None) == ["WARN-FEES"]
            assert await warned(ETH) == []

    run(tmp_path, work)


def test_what_only_watches_signs_nothing_and_locked_keys_neither(tmp_path: Path) -> None:
    async def work(machine: Machine) -> None:
        async with machine.accounts() as accounts:
            purse, me = accounts.purse, machine.vault.accounts[0].address
            watched = b"\x77" * 20
            await asyncio.to_thread(machine.vault.watch, watched)
            await _send(accounts, me, watched, NATIVE, ETH)
            assert (await purse.view(b"")).accounts[1].holdings[0].amount == ETH
            for sender in (watched, b"\x78" * 20):
                with pytest.raises(WalletError, match="TX_NO_SENDER"):
                    await purse.prepare(b"", sender, me, NATIVE, 1, "normal")
            draft = await purse.prepare(b"", me, HIM, NATIVE, 1, "normal")
            with pytest.raises(WalletError, match="TX_SPEED"):
                await purse.prepare(b"", me, HIM, NATIVE, 1, "warp")
            machine.vault.lock_owner()
            with pytest.raises(WalletError, match="KEYS_LOCKED"):
                await purse.send(b"", me, draft.unsigned)
            assert len((await purse.view(b"")).transactions) == 1

    run(tmp_path, work)
