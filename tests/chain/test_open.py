"""Opening: who may, on what terms, and what it moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chain.evm import Reverted
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, TRADER_SIGNER
from tests.chain.world import ALLOCATION, CAP, COLLATERAL, STOCK, World
from wallet.chain import calls
from wallet.protocol.terms import NATIVE, Asset, Initiative, Terms


def test_open_moves_free_balances_and_nothing_else(world: World) -> None:
    for asset in world.assets:
        world.deposit(TRADER.address, asset, ALLOCATION + 5)
    session = world.session()
    held = [world.held(asset) for asset in world.assets]
    (event,) = world.open(session).events
    name, members = event
    assert name == "Opened"
    assert members["channel"] == session.channel == world.chain.view("channelId", calls.terms_tuple(session.terms))
    assert (members["trader"], members["broker"], members["time"]) == (TRADER.address, BROKER.address, session.time)
    expected = calls.terms_tuple(session.terms)
    assert members["terms"] == (*expected[:15], tuple(session.terms.assets), expected[16])
    assert world.status(session) == (1, 0, 0)
    for asset, before in zip(world.assets, held, strict=True):
        assert world.free(TRADER.address, asset) == 5
        assert world.free(BROKER.address, asset) == STOCK - COLLATERAL
        assert world.used(asset) == COLLATERAL
        assert world.held(asset) == before


@pytest.mark.parametrize("there", [0, 1, ALLOCATION - 1, ALLOCATION, ALLOCATION + 1])
def test_open_with_deposit_brings_exactly_what_lacks(world: World, there: int) -> None:
    for asset in world.assets:
        if there:
            world.deposit(TRADER.address, asset, there)
    lacking = max(0, ALLOCATION - there)
    tokens = world.token.balance(TRADER.address)
    events = [name for name, _ in world.open_with_deposit(world.session(), lacking).events]
    assert events == ["Deposited"] * (2 if lacking else 0) + ["Opened"]
    assert world.token.balance(TRADER.address) == tokens - lacking
    for asset in world.assets:
        assert world.free(TRADER.address, asset) == max(0, there - ALLOCATION)


@pytest.mark.parametrize("value", [0, ALLOCATION - 1, ALLOCATION + 1, 2 * ALLOCATION])
def test_open_with_deposit_takes_no_other_value(world: World, value: int) -> None:
    with pytest.raises(Reverted, match="WRONG_VALUE"):
        world.open_with_deposit(world.session(), value)


def test_value_without_a_native_asset_is_refused(world: World) -> None:
    terms = world.terms(assets=(Asset(world.token.address, ALLOCATION, 0),))
    with pytest.raises(Reverted, match="WRONG_VALUE"):
        world.open_with_deposit(world.session(terms), 1)
    world.open_with_deposit(world.session(terms), 0)


def test_open_alone_deposits_nothing(world: World) -> None:
    with pytest.raises(Reverted, match="TRADER_BALANCE"):
        world.open(world.session())


def test_both_initiatives_open(world: World) -> None:
    for initiative in Initiative:
        session = world.opened_session(initiative=initiative)
        assert world.status(session)[0] == 1


def test_owners_signatures_count_as_their_signers(world: World) -> None:
    for trader in (TRADER, TRADER_SIGNER):
        for broker in (BROKER, BROKER_SIGNER):
            session = world.session()
            for row in session.terms.assets:
                world.deposit(TRADER.address, row.asset, row.allocation)
            world.open(session, signatures=(session.sign(trader, session.setup), session.sign(broker, session.setup)))
            assert world.status(session)[0] == 1
    # Whichever key signed, it is the signer's authorization that is used.
    assert world.used(NATIVE) == 4 * COLLATERAL


def test_an_asset_may_be_only_one_sides(world: World) -> None:
    terms = world.terms(assets=(Asset(NATIVE, 0, COLLATERAL), Asset(world.token.address, ALLOCATION, 0)))
    world.open_with_deposit(world.session(terms), 0)
    assert (world.used(NATIVE), world.used(world.token.address)) == (COLLATERAL, 0)


def test_sixteen_assets(world: World) -> None:
    tokens = sorted(world.chain.token(f"T{n}").address for n in range(15))
    assets = (Asset(NATIVE, 1, 0), *(Asset(token, 0, 0) for token in tokens))
    session = world.session(world.terms(assets=assets))
    world.open_with_deposit(session, 1)
    assert world.status(session)[0] == 1


# --- refusals ----------------------------------------------------------------------------------------------------

BAD_TERMS: list[tuple[str, Callable[[Terms, int], Terms]]] = [
    ("ZERO_PARTY", lambda t, _: replace(t, trader_signer=bytes(20))),
    ("ZERO_PARTY", lambda t, _: replace(t, broker=bytes(20))),
    ("ZERO_PARTY", lambda t, _: replace(t, broker_signer=bytes(20))),
    ("SAME_PARTY", lambda t, _: replace(t, trader_signer=t.trader)),
    ("SAME_PARTY", lambda t, _: replace(t, broker=t.trader)),
    ("SAME_PARTY", lambda t, _: replace(t, broker_signer=t.trader)),
    ("SAME_PARTY", lambda t, _: replace(t, broker=t.trader_signer)),
    ("SAME_PARTY", lambda t, _: replace(t, broker_signer=t.trader_signer)),
    ("SAME_PARTY", lambda t, _: replace(t, broker_signer=t.broker)),
    ("NOT_TRADER", lambda t, _: replace(t, trader=STRANGER.address)),
    ("OPEN_EXPIRED", lambda t, now: replace(t, open_before=now - 1)),
    ("OPEN_TOO_FAR", lambda t, now: replace(t, open_before=now + 3601)),
    ("BAD_PERIOD", lambda t, _: replace(t, challenge_period=59)),
    ("BAD_PERIOD", lambda t, _: replace(t, challenge_period=0)),
    ("BAD_PERIOD", lambda t, _: replace(t, challenge_period=30 * 86400 + 1)),
    ("BAD_FEE", lambda t, _: replace(t, max_fee=10**6 + 1)),
    ("NO_ASSETS", lambda t, _: replace(t, assets=())),
    ("ASSETS_NOT_ASCENDING", lambda t, _: replace(t, assets=t.assets[::-1])),
    ("ASSETS_NOT_ASCENDING", lambda t, _: replace(t, assets=t.assets[:1] * 2)),
    ("ASSETS_NOT_ASCENDING", lambda t, _: replace(t, assets=(*t.assets, t.assets[1]))),
    ("AMOUNT_OVERFLOW", lambda t, _: replace(t, assets=(Asset(NATIVE, 1, 2**256 - 1),))),
    # The largest sum there may be: nobody has as much.
    ("BROKER_BALANCE", lambda t, _: replace(t, assets=(Asset(NATIVE, ALLOCATION, 2**256 - 1 - ALLOCATION),))),
    ("AMOUNT_OVERFLOW", lambda t, _: replace(t, assets=(Asset(NATIVE, 2**256 - 1, 1),))),
]


@pytest.mark.parametrize(("reason", "change"), BAD_TERMS)
def test_terms_that_no_channel_may_have(world: World, reason: str, change: Callable[[Terms, int], Terms]) -> None:
    session = world.session(change(world.terms(), world.chain.now))
    with pytest.raises(Reverted, match=reason):
        world.open_with_deposit(session, ALLOCATION)
    assert world.status(session) == (0, 0, 0)


def test_an_initiative_that_there_is_not(world: World) -> None:
    session = world.session()
    data = bytearray(
        calls.open_channel(world.chain.contract, session.terms, session.time, *session.signatures(session.setup)).data
    )
    # The eighth word of the terms, which begin after the selector and four words of arguments.
    data[4 + 32 * (4 + 7) + 31] = 2
    with pytest.raises(Reverted, match="BAD_INITIATIVE"):
        world.chain.send(TRADER.address, calls.Call(world.chain.contract, bytes(data)))


GOOD_TERMS: list[Callable[[Terms, int], Terms]] = [
    lambda t, now: replace(t, open_before=now),
    lambda t, now: replace(t, open_before=now + 3600),
    lambda t, _: replace(t, challenge_period=60),
    lambda t, _: replace(t, challenge_period=30 * 86400),
    lambda t, _: replace(t, max_fee=10**6),
]


@pytest.mark.parametrize("change", GOOD_TERMS)
def test_terms_at_their_bounds_open(world: World, change: Callable[[Terms, int], Terms]) -> None:
    session = world.session(change(world.terms(), world.chain.now))
    world.open_with_deposit(session)
    assert world.status(session)[0] == 1


def test_only_the_trader_opens(world: World) -> None:
    for who in (BROKER, TRADER_SIGNER, STRANGER):
        with pytest.raises(Reverted, match="NOT_TRADER"):
            world.open(world.session(), who.address)


def test_nothing_opens_twice_not_even_after_it_was_settled(world: World) -> None:
    session = world.opened_session()
    with pytest.raises(Reverted, match="ALREADY_OPENED"):
        world.open_with_deposit(session)
    world.close(session, world.final(session))
    with pytest.raises(Reverted, match="ALREADY_OPENED"):
        world.open_with_deposit(session)


def test_both_signatures_on_the_setup_state_are_needed(world: World) -> None:
    session = world.session()
    trader, broker = session.signatures(session.setup)
    later = replace(session.setup, time=session.time + 1)
    other = session.signatures(later)
    for reason, signatures in (
        ("TRADER_SIGNATURE", (broker, trader)),
        ("TRADER_SIGNATURE", (other[0], broker)),
        ("BROKER_SIGNATURE", (trader, other[1])),
        ("BROKER_SIGNATURE", (trader, trader)),
        ("BROKER_SIGNATURE", (trader, session.sign(STRANGER, session.setup))),
        ("SIGNATURE_LENGTH", (trader, b"")),
        ("SIGNATURE_LENGTH", (b"", broker)),
    ):
        with pytest.raises(Reverted, match=reason):
            world.open(session, signatures=signatures)


def test_collateral_is_bounded_by_balance_cap_and_time(world: World) -> None:
    world.authorize(NATIVE, COLLATERAL - 1)
    with pytest.raises(Reverted, match="CAP_EXCEEDED"):
        world.opened_session()
    world.authorize(NATIVE, COLLATERAL, world.chain.now - 1)
    with pytest.raises(Reverted, match="NOT_AUTHORIZED"):
        world.opened_session()
    world.authorize(NATIVE, COLLATERAL, world.chain.now)
    world.withdraw(BROKER.address, world.token.address, STOCK - COLLATERAL + 1, BROKER.address)
    with pytest.raises(Reverted, match="BROKER_BALANCE"):
        world.opened_session()
    world.deposit(BROKER.address, world.token.address, 1)
    world.opened_session()
    assert world.free(BROKER.address, world.token.address) == 0


def test_a_signer_never_authorized_commits_nothing(world: World) -> None:
    session = world.session(world.terms(broker_signer=STRANGER.address))
    for row in session.terms.assets:
        world.deposit(TRADER.address, row.asset, row.allocation)
    signatures = (session.sign(TRADER, session.setup), session.sign(BROKER, session.setup))
    with pytest.raises(Reverted, match="CAP_EXCEEDED|NOT_AUTHORIZED"):
        world.open(session, signatures=signatures)


def test_the_cap_counts_every_channel_together(world: World) -> None:
    for _ in range(CAP // COLLATERAL):
        world.opened_session()
    assert world.used(NATIVE) == CAP // COLLATERAL * COLLATERAL
    with pytest.raises(Reverted, match="CAP_EXCEEDED"):
        world.opened_session()
