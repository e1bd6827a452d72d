"""Tokens and recipients that misbehave harm nobody but themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chain.evm import ETHER, Reverted, Token
from tests.chain.hostile import hostile_token, recipient
from tests.chain.scenario import BROKER, STRANGER, TRADER, Session
from tests.chain.world import World
from wallet.chain import calls
from wallet.chain.calls import Call
from wallet.protocol.state import Transition
from wallet.protocol.terms import NATIVE, Asset

ME = STRANGER.address


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def a_token(world: World, kind: str, folder: Path) -> Token:
    token = hostile_token(world.chain, kind, folder)
    for who in (ME, TRADER.address, BROKER.address):
        token.mint(who, 10**9)
    return token


def arm(token: Token, target: bytes, data: bytes) -> None:
    """The token's next move calls ``target`` with ``data``, or fails, as its kind is."""
    token.call(ME, "arm", target, data)


@pytest.mark.parametrize("kind", ["plain", "returns nothing"])
def test_a_token_that_returns_nothing_works_like_any_other(world: World, folder: Path, kind: str) -> None:
    token = a_token(world, kind, folder)
    world.deposit(ME, token.address, 500)
    world.withdraw(ME, token.address, 200, TRADER.address)
    assert (world.free(ME, token.address), token.balance(TRADER.address)) == (300, 10**9 + 200)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("returns false", "TRANSFER_FAILED"),
        ("returns a number", "^$"),
        ("charges a fee", "WRONG_AMOUNT_RECEIVED"),
        ("brings more", "WRONG_AMOUNT_RECEIVED"),
        ("moves nothing", "WRONG_AMOUNT_RECEIVED"),
    ],
)
def test_a_deposit_that_brings_anything_else_is_refused(world: World, folder: Path, kind: str, reason: str) -> None:
    token = a_token(world, kind, folder)
    with pytest.raises(Reverted, match=reason):
        world.deposit(ME, token.address, 500)
    assert world.free(ME, token.address) == 0
    assert token.balance(ME) == 10**9


def doors(world: World, token: Token) -> list[Call]:
    """Each function that changes anything, called so that it would come through if the token sent it by itself."""
    contract = world.chain.contract
    world.deposit(BROKER.address, token.address, 50)
    ended, disputed, session, spent = (world.opened_session(challenge_period=period) for period in (60, 7200, 60, 60))
    state, higher, final = world.traded(ended, 3), world.traded(disputed, 4), world.final(session)
    world.challenge(ended, state)
    world.challenge(disputed, world.traded(disputed, 3))
    world.close(spent, world.final(spent))
    world.chain.pass_time(100)
    open_ones = [
        world.session(world.terms(trader=token.address, assets=(Asset(NATIVE, 0, 0),))),
        world.session(world.terms(trader=token.address, assets=(Asset(NATIVE, 0, 0),))),
    ]
    signed = [(one.terms, one.time, *one.signatures(one.setup)) for one in open_ones]
    fresh = world.opened_session()
    first = world.traded(fresh, 3)
    token.call(ME, "act", contract, calls.deposit(contract, token.address, 20).data)
    return [
        calls.deposit(contract, token.address, 1),
        calls.withdraw(contract, token.address, 1, TRADER.address),
        calls.push_credit(contract, NATIVE, TRADER.address),
        calls.authorize(contract, ME, NATIVE, 1, 1),
        calls.open_channel(contract, *signed[0]),
        calls.open_with_deposit(contract, *signed[1], 0),
        calls.close(contract, session.terms, final, *session.signatures(final)),
        calls.challenge(contract, fresh.terms, first, fresh.both(first), fresh.mandate(TRADER, 0, 2**40)),
        calls.respond(contract, disputed.terms, higher, disputed.both(higher)),
        calls.settle(contract, ended.terms, state.outcomes),
    ]


@pytest.mark.parametrize("kind", ["calls before", "calls after"])
def test_a_token_that_calls_back_finds_every_door_locked(world: World, folder: Path, kind: str) -> None:
    token = a_token(world, kind, folder)
    token.mint(token.address, 1000)
    for call in doors(world, token):
        for enter in (
            lambda: world.deposit(ME, token.address, 10),
            lambda: world.withdraw(ME, token.address, 10, ME),
        ):
            arm(token, world.chain.contract, call.data)
            enter()
            assert world.chain.read(token.address, token.abi.functions["entered"]) == (False,)
        # The lock is what held it: the same call of the same sender comes through when nobody is inside.
        token.call(ME, "act", world.chain.contract, call.data)


def test_paying_while_depositing_is_no_deposit(world: World, folder: Path) -> None:
    """A hook that sends tokens of its own makes the difference wrong, and so the deposit void."""
    token = a_token(world, "calls after", folder)
    token.mint(token.address, 100)
    arm(token, token.address, token.abi.functions["transfer"].encode(world.chain.contract, 5))
    with pytest.raises(Reverted, match="WRONG_AMOUNT_RECEIVED"):
        world.deposit(ME, token.address, 10)


# --- in a channel ------------------------------------------------------------------------------------------------


def channel_with(world: World, token: Token) -> Session:
    """An open channel over native currency and ``token``."""
    world.deposit(BROKER.address, token.address, 5000)
    world.authorize(token.address, 5000)
    assets = (Asset(NATIVE, 1000, 2000), Asset(token.address, 1000, 2000))
    session = world.session(world.terms(assets=assets))
    world.open_with_deposit(session)
    return session


@pytest.mark.parametrize("kind", ["reverts", "burns gas"])
def test_a_token_that_fails_blocks_nothing_but_itself(world: World, folder: Path, kind: str) -> None:
    token = a_token(world, kind, folder)
    session = channel_with(world, token)
    final = session.state(5, {NATIVE: (0, 70), token.address: (60, 0)}, Transition.FINALIZE)
    arm(token, ME, b"")
    world.close(session, final)
    assert (world.credit(NATIVE), world.credit(token.address)) == (1070, 940)
    gas = 1_000_000 if kind == "burns gas" else None
    withdraw = calls.withdraw(world.chain.contract, token.address, 940, TRADER.address)
    with pytest.raises(Reverted):
        world.chain.send(TRADER.address, withdraw, gas=gas)
    world.withdraw(TRADER.address, NATIVE, 1070, TRADER.address)
    assert (world.credit(NATIVE), world.credit(token.address)) == (0, 940)


def test_a_token_that_rebases_takes_from_its_own_holders_only(world: World, folder: Path) -> None:
    token = a_token(world, "plain", folder)
    session = channel_with(world, token)
    token.call(ME, "rebase", world.chain.contract, 100)
    world.close(session, session.state(5, {NATIVE: (0, 70)}, Transition.FINALIZE))
    world.withdraw(TRADER.address, NATIVE, 1070, TRADER.address)
    with pytest.raises(Reverted):
        world.withdraw(TRADER.address, token.address, 1000, TRADER.address)
    world.withdraw(TRADER.address, token.address, 100, TRADER.address)
    assert world.credit(token.address) == 900


def test_a_token_that_lies_can_not_make_settling_overflow(world: World, folder: Path) -> None:
    """Deposits are bounded, so that no number of them makes a sum too large, whatever a token claims to hold."""
    token = a_token(world, "plain", folder)
    token.call(ME, "rebase", TRADER.address, 2**255)
    with pytest.raises(Reverted, match="TOO_MUCH"):
        world.deposit(TRADER.address, token.address, 2**192)
    world.deposit(TRADER.address, token.address, 2**192 - 1)


# --- recipients --------------------------------------------------------------------------------------------------


def test_a_recipient_that_refuses_keeps_its_money_in_the_contract(world: World, folder: Path) -> None:
    proud = recipient(world.chain, folder)
    proud.call(ME, "behave", True, False)
    world.deposit(ME, NATIVE, 500)
    with pytest.raises(Reverted, match="TRANSFER_FAILED"):
        world.withdraw(ME, NATIVE, 500, proud.address)
    assert world.free(ME, NATIVE) == 500
    world.withdraw(ME, NATIVE, 500, TRADER.address)


def test_a_recipient_that_burns_gas_burns_its_callers_own(world: World, folder: Path) -> None:
    greedy = recipient(world.chain, folder)
    greedy.call(ME, "behave", False, True)
    world.deposit(ME, NATIVE, 500)
    call = calls.withdraw(world.chain.contract, NATIVE, 500, greedy.address)
    with pytest.raises(Reverted):
        world.chain.send(ME, call, gas=500_000)
    assert world.free(ME, NATIVE) == 500


def test_a_recipient_that_comes_back_finds_the_door_locked(world: World, folder: Path) -> None:
    thief = recipient(world.chain, folder)
    contract = world.chain.contract
    world.chain.fund(ME, 10 * ETHER)
    deposit = calls.deposit(contract, NATIVE, 500)
    act = thief.abi.functions["act"]
    world.chain.send(ME, Call(thief.address, act.encode(contract, deposit.data), 500))
    assert world.free(thief.address, NATIVE) == 500
    again = calls.withdraw(contract, NATIVE, 250, thief.address)
    thief.call(ME, "arm", contract, again.data)
    world.chain.send(ME, Call(thief.address, act.encode(contract, again.data)))
    assert world.chain.read(thief.address, thief.abi.functions["entered"]) == (False,)
    assert world.free(thief.address, NATIVE) == 250
    assert world.chain.balance(thief.address) == 250


def test_credit_of_one_who_cannot_receive_waits_for_him(world: World, folder: Path) -> None:
    """A trader may be a contract; one that takes no native currency names another address."""
    trader = recipient(world.chain, folder)
    contract = world.chain.contract
    session = world.session(world.terms(trader=trader.address, assets=(Asset(NATIVE, 1000, 2000),)))
    call = calls.open_with_deposit(contract, session.terms, session.time, *session.signatures(session.setup), 1000)
    act = trader.abi.functions["act"]
    world.chain.send(ME, Call(trader.address, act.encode(contract, call.data), 1000))
    trader.call(ME, "behave", True, False)
    world.close(session, session.state(5, {NATIVE: (0, 70)}, Transition.FINALIZE))
    with pytest.raises(Reverted, match="TRANSFER_FAILED"):
        world.push(NATIVE, trader.address)
    assert world.credit(NATIVE, trader.address) == 1070
    fresh = b"\x99" * 20
    data = calls.withdraw(contract, NATIVE, 1070, fresh).data
    world.chain.send(ME, Call(trader.address, act.encode(contract, data)))
    assert world.chain.balance(fresh) == 1070
