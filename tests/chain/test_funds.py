"""Deposits, withdrawals and authorizations: what is credited, to whom, and what is refused."""

from __future__ import annotations

import pytest

from tests.chain.evm import ETHER, Reverted
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER
from tests.chain.world import CAP, STOCK, World
from wallet.chain import calls
from wallet.chain.calls import Call
from wallet.protocol.terms import NATIVE

ME = STRANGER.address


@pytest.mark.parametrize("native", [True, False])
def test_a_deposit_is_the_owners_to_withdraw_anywhere(world: World, native: bool) -> None:
    asset = NATIVE if native else world.token.address
    held = world.held(asset)
    (event,) = world.deposit(ME, asset, 700).events
    assert event == ("Deposited", {"owner": ME, "asset": asset, "amount": 700})
    world.deposit(ME, asset, 300)
    assert world.free(ME, asset) == 1000
    assert world.held(asset) == held + 1000
    fresh = b"\x77" * 20
    (event,) = world.withdraw(ME, asset, 400, fresh).events
    assert event == ("Withdrawn", {"owner": ME, "asset": asset, "to": fresh, "amount": 400})
    assert world.free(ME, asset) == 600
    assert (world.chain.balance(fresh) if native else world.token.balance(fresh)) == 400
    world.withdraw(ME, asset, 600, ME)
    assert world.free(ME, asset) == 0
    assert world.held(asset) == held


def test_nobody_withdraws_more_than_he_has(world: World) -> None:
    world.deposit(ME, NATIVE, 500)
    with pytest.raises(Reverted, match="BALANCE"):
        world.withdraw(ME, NATIVE, 501, ME)
    with pytest.raises(Reverted, match="BALANCE"):
        world.withdraw(TRADER.address, NATIVE, 1, TRADER.address)
    assert world.free(ME, NATIVE) == 500


@pytest.mark.parametrize("value", [0, 99, 101])
def test_the_native_value_must_be_the_amount(world: World, value: int) -> None:
    data = calls.deposit(world.chain.contract, NATIVE, 100).data
    with pytest.raises(Reverted, match="WRONG_VALUE"):
        world.chain.send(ME, Call(world.chain.contract, data, value))


def test_a_token_deposit_takes_no_value(world: World) -> None:
    data = calls.deposit(world.chain.contract, world.token.address, 100).data
    with pytest.raises(Reverted, match="WRONG_VALUE"):
        world.chain.send(ME, Call(world.chain.contract, data, 100))


def test_nothing_is_no_deposit_and_no_withdrawal(world: World) -> None:
    with pytest.raises(Reverted, match="ZERO_AMOUNT"):
        world.deposit(ME, NATIVE, 0)
    with pytest.raises(Reverted, match="ZERO_AMOUNT"):
        world.withdraw(ME, NATIVE, 0, ME)
    with pytest.raises(Reverted, match="ZERO_AMOUNT"):
        world.push(NATIVE)


def test_an_amount_beyond_any_money_is_refused(world: World) -> None:
    with pytest.raises(Reverted, match="TOO_MUCH"):
        world.deposit(ME, world.token.address, 2**192)


def test_no_deposit_without_allowance_or_code(world: World) -> None:
    world.token.approve(ME, 10)
    with pytest.raises(Reverted, match="allowance too small"):
        world.deposit(ME, world.token.address, 11)
    with pytest.raises(Reverted):
        world.deposit(ME, b"\x55" * 20, 1)


def test_withdrawing_to_nobody_or_into_the_contract_is_refused(world: World) -> None:
    world.deposit(ME, NATIVE, 5)
    for to in (bytes(20), world.chain.contract):
        with pytest.raises(Reverted, match="BAD_RECIPIENT"):
            world.withdraw(ME, NATIVE, 5, to)


def test_what_is_sent_without_being_asked_is_nobodys(world: World) -> None:
    with pytest.raises(Reverted):
        world.chain.send(ME, Call(world.chain.contract, b"", ETHER))
    world.token.call(ME, "transfer", world.chain.contract, 1000)
    for owner in (ME, TRADER.address, BROKER.address, world.chain.contract):
        expected = STOCK if owner == BROKER.address else 0
        assert world.free(owner, world.token.address) == expected


def test_authorize_sets_the_cap_and_keeps_what_was_used(world: World) -> None:
    session = world.opened_session()
    used = session.terms.assets[0].collateral
    until = world.chain.now + 50
    (event,) = world.authorize(NATIVE, 7, until).events
    assert event == (
        "Authorized",
        {"broker": BROKER.address, "signer": BROKER_SIGNER.address, "asset": NATIVE, "cap": 7, "until": until},
    )
    assert world.chain.view("authorization", BROKER.address, BROKER_SIGNER.address, NATIVE) == (7, used, until)
    other = world.chain.view("authorization", BROKER.address, BROKER_SIGNER.address, world.token.address)
    assert other[:2] == (CAP, used)


def test_authorize_holds_the_largest_and_refuses_more(world: World) -> None:
    world.authorize(NATIVE, 2**112 - 1, 2**32 - 1)
    found = world.chain.view("authorization", BROKER.address, BROKER_SIGNER.address, NATIVE)
    assert found == (2**112 - 1, 0, 2**32 - 1)
    with pytest.raises(Reverted, match="CAP_TOO_HIGH"):
        world.authorize(NATIVE, 2**112)
    with pytest.raises(Reverted, match="UNTIL_TOO_LATE"):
        world.authorize(NATIVE, 1, 2**32)


@pytest.mark.parametrize(
    "name", ["withdraw", "pushCredit", "authorize", "open", "close", "challenge", "respond", "settle"]
)
def test_only_what_deposits_takes_value(world: World, name: str) -> None:
    session = world.opened_session()
    state = world.traded(session, 3)
    final = world.final(session)
    contract = world.chain.contract
    made = {
        "withdraw": calls.withdraw(contract, NATIVE, 1, ME),
        "pushCredit": calls.push_credit(contract, NATIVE, ME),
        "authorize": calls.authorize(contract, ME, NATIVE, 1, 1),
        "open": calls.open_channel(contract, session.terms, session.time, *session.signatures(session.setup)),
        "close": calls.close(contract, session.terms, final, *session.signatures(final)),
        "challenge": calls.challenge(contract, session.terms, state, session.both(state)),
        "respond": calls.respond(contract, session.terms, state, session.both(state)),
        "settle": calls.settle(contract, session.terms, state.outcomes),
    }
    held = world.held(NATIVE)
    with pytest.raises(Reverted):
        world.chain.send(TRADER.address, Call(contract, made[name].data, 1))
    assert world.held(NATIVE) == held
