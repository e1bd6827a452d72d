"""The contract's numbered invariants, in its docstring's order, and random lives of channels that keep them all."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.chain.evm import Reverted
from tests.chain.hostile import hostile_token
from tests.chain.ledger import Ledger
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, Session
from tests.chain.world import ALLOCATION, CAP, COLLATERAL, STOCK, World
from wallet.chain import calls
from wallet.chain.build import SOURCE
from wallet.chain.calls import Validation
from wallet.protocol.state import State, Transition, payouts
from wallet.protocol.terms import NATIVE, Asset, Role

RESULTS = Path(__file__).parents[2] / ".cache" / "results"
OWNERS = (TRADER.address, BROKER.address, STRANGER.address)
amounts = st.integers(1, 3_000_000)


@dataclass
class Life:
    """What the model knows of one channel."""

    session: Session
    status: int = 1
    increment: int = 0
    deadline: int = 0
    recorded: State | None = None


def came_through(attempt: Callable[[], object]) -> bool:
    """Whether a call was accepted by the contract."""
    try:
        attempt()
    except Reverted:
        return False
    return True


@dataclass
class Tally:
    """What the random lives came to, for the results file."""

    lives: int = 0
    disputes: int = 0
    settled: int = 0
    closed: int = 0
    refused_by_token: int = 0
    runs: Counter[str] = field(default_factory=Counter)


@cache
def workshop() -> tempfile.TemporaryDirectory[str]:
    """Where hostile tokens are compiled: of this process alone, for another one may be compiling others."""
    return tempfile.TemporaryDirectory(prefix="hostile-tokens-")


class Lives(RuleBasedStateMachine):
    """Deposits, channels, disputes and payouts in any order, against a model made of plain integers.

    One of the two assets is a token of one of ``kinds``; armed, it fails, burns gas, or calls back.
    """

    kinds: tuple[str, ...] = ("test token",)
    tally = Tally()

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.kind = data.draw(st.sampled_from(self.kinds))
        self.tally.runs[self.kind] += 1
        folder = Path(workshop().name)
        kind = self.kind
        self.world = (
            World.make() if kind == "test token" else World.make(token=lambda c: hostile_token(c, kind, folder))
        )
        self.failing = False
        self.assets = self.world.assets
        self.free = {(owner, asset): 0 for owner in OWNERS for asset in self.assets}
        self.credits = dict.fromkeys(self.assets, 0)
        self.used = dict.fromkeys(self.assets, 0)
        self.caps = dict.fromkeys(self.assets, CAP)
        self.held = {asset: self.world.held(asset) for asset in self.assets}
        self.lives: list[Life] = []
        self.ledger, self.told = Ledger(), 0
        for asset in self.assets:
            self.free[BROKER.address, asset] = STOCK

    # --- money ---------------------------------------------------------------------------------------------------

    def moves(self, *assets: bytes) -> bool:
        """Whether these can be moved now."""
        moving = not (self.failing and self.assets[1] in assets)
        self.tally.refused_by_token += not moving
        return moving

    @precondition(lambda self: self.kind not in ("test token", "plain", "returns nothing"))
    @rule()
    def arm(self) -> None:
        """From now on the token fails, or calls `pushCredit` back when it is next moved: only the lock stops that."""
        token = self.world.token
        payload = calls.push_credit(self.world.chain.contract, NATIVE, TRADER.address).data
        token.call(STRANGER.address, "arm", self.world.chain.contract, payload)
        self.failing = self.kind in ("reverts", "burns gas")

    @precondition(lambda self: self.failing)
    @rule()
    def heal(self) -> None:
        """The failing token's next movement would be the last one to fail; here it is mended before."""
        self.world.token.call(STRANGER.address, "disarm")
        self.failing = False

    @rule(who=st.sampled_from(OWNERS), which=st.integers(0, 1), amount=amounts)
    def deposit(self, who: bytes, which: int, amount: int) -> None:
        asset = self.assets[which]
        if not self.moves(asset):
            with pytest.raises(Reverted):
                self.world.deposit(who, asset, amount)
            return
        self.world.deposit(who, asset, amount)
        self.free[who, asset] += amount
        self.held[asset] += amount

    @rule(who=st.sampled_from(OWNERS), which=st.integers(0, 1), amount=amounts)
    def withdraw(self, who: bytes, which: int, amount: int) -> None:
        asset = self.assets[which]
        credit = self.credits[asset] if who == TRADER.address else 0
        if amount > credit + self.free[who, asset]:
            with pytest.raises(Reverted, match="BALANCE"):
                self.world.withdraw(who, asset, amount, who)
            return
        if not self.moves(asset):
            with pytest.raises(Reverted):
                self.world.withdraw(who, asset, amount, who)
            return
        self.world.withdraw(who, asset, amount, who)
        from_credit = min(credit, amount)
        if who == TRADER.address:
            self.credits[asset] -= from_credit
        self.free[who, asset] -= amount - from_credit
        self.held[asset] -= amount

    @rule(which=st.integers(0, 1))
    def push(self, which: int) -> None:
        asset = self.assets[which]
        if self.credits[asset] == 0:
            with pytest.raises(Reverted, match="ZERO_AMOUNT"):
                self.world.push(asset)
            return
        if not self.moves(asset):
            with pytest.raises(Reverted):
                self.world.push(asset)
            return
        self.world.push(asset)
        self.held[asset] -= self.credits[asset]
        self.credits[asset] = 0

    @rule(which=st.integers(0, 1), cap=st.sampled_from([0, COLLATERAL, CAP, 2 * CAP]))
    def authorize(self, which: int, cap: int) -> None:
        self.world.authorize(self.assets[which], cap)
        self.caps[self.assets[which]] = cap

    # --- channels ------------------------------------------------------------------------------------------------

    @rule(
        allocations=st.tuples(amounts, amounts),
        collaterals=st.tuples(*[st.integers(0, 3_000_000)] * 2),
        deposit=st.booleans(),
    )
    def open(self, allocations: tuple[int, int], collaterals: tuple[int, int], deposit: bool) -> None:
        rows = tuple(Asset(*row) for row in zip(self.assets, allocations, collaterals, strict=True))
        session = self.world.session(self.world.terms(assets=rows, challenge_period=60))
        lacking = {row.asset: max(0, row.allocation - self.free[TRADER.address, row.asset]) for row in rows}
        fits = all(
            row.collateral <= self.free[BROKER.address, row.asset]
            and (row.collateral == 0 or self.used[row.asset] + row.collateral <= self.caps[row.asset])
            for row in rows
        ) and (deposit or not any(lacking.values()))
        if fits and not self.moves(*(asset for asset, lack in lacking.items() if lack)):
            fits = False
        opened = came_through(
            lambda: self.world.open_with_deposit(session, lacking[NATIVE]) if deposit else self.world.open(session)
        )
        assert opened == fits
        if not opened:
            return
        for row in rows:
            self.held[row.asset] += lacking[row.asset]
            self.free[TRADER.address, row.asset] += lacking[row.asset] - row.allocation
            self.free[BROKER.address, row.asset] -= row.collateral
            self.used[row.asset] += row.collateral
        self.lives.append(Life(session))
        self.tally.lives += 1

    def state(self, life: Life, increment: int, shares: tuple[int, int], transition: Transition) -> State:
        outcomes = {}
        for row, share in zip(life.session.terms.assets, shares, strict=True):
            outcomes[row.asset] = (
                (row.allocation * -share // 100, 0) if share < 0 else (0, row.collateral * share // 100)
            )
        return life.session.state(increment, outcomes, transition)

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), shares=st.tuples(st.integers(-100, 100), st.integers(-100, 100)), increment=st.integers(1, 9))
    def close(self, data: st.DataObject, shares: tuple[int, int], increment: int) -> None:
        life = data.draw(st.sampled_from(self.lives))
        state = self.state(life, increment, shares, Transition.FINALIZE)
        if life.status == 3:
            with pytest.raises(Reverted, match="NOT_OPEN"):
                self.world.close(life.session, state)
            return
        self.world.close(life.session, state)
        self.tally.closed += 1
        self.pay(life, state)

    @precondition(lambda self: self.lives)
    @rule(
        data=st.data(),
        shares=st.tuples(st.integers(-100, 100), st.integers(-100, 100)),
        increment=st.integers(1, 9),
        how=st.sampled_from(["challenge", "respond"]),
        implied=st.sampled_from([None, *Role]),
    )
    def dispute(
        self, data: st.DataObject, shares: tuple[int, int], increment: int, how: str, implied: Role | None
    ) -> None:
        life = data.draw(st.sampled_from(self.lives))
        state = self.state(life, increment, shares, Transition.TRADE)
        proof = life.session.both(state) if implied is None else life.session.implied(state, implied)
        now = self.world.chain.now
        answers = life.status == 2 and now <= life.deadline and increment > life.increment
        starts = life.status == 1 and how == "challenge"
        recorded = came_through(lambda: getattr(self.world, how)(life.session, state, proof))
        assert recorded == (answers or starts)
        if not recorded:
            return
        if starts:
            life.status, life.deadline = 2, now + 60
            self.tally.disputes += 1
        life.increment, life.recorded = increment, state

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def challenge_with_setup(self, data: st.DataObject) -> None:
        life = data.draw(st.sampled_from(self.lives))
        if life.status != 1:
            with pytest.raises(Reverted, match="NOT_HIGHER|TOO_LATE|NOT_OPEN"):
                self.world.challenge(life.session, life.session.setup, Validation())
            return
        self.world.challenge(life.session, life.session.setup, Validation())
        life.status, life.deadline, life.recorded = 2, self.world.chain.now + 60, life.session.setup

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        """Mostly of a channel in dispute: chance alone comes to a period's end too seldom."""
        disputed = [life for life in self.lives if life.status == 2]
        life = data.draw(st.sampled_from(2 * disputed + self.lives))
        recorded = life.recorded or life.session.setup
        if life.status == 2 and self.world.chain.now > life.deadline:
            self.world.settle(life.session, recorded.outcomes)
            self.tally.settled += 1
            self.pay(life, recorded)
        else:
            with pytest.raises(Reverted, match="NOT_DISPUTED|TOO_EARLY"):
                self.world.settle(life.session, recorded.outcomes)

    @rule(seconds=st.sampled_from([1, 30, 59, 60, 61, 61, 61]))
    def wait(self, seconds: int) -> None:
        self.world.chain.pass_time(seconds)

    def pay(self, life: Life, state: State) -> None:
        for (asset, to_trader, to_broker), row, out in zip(
            payouts(life.session.terms, state), life.session.terms.assets, state.outcomes, strict=True
        ):
            assert to_trader + to_broker == row.allocation + row.collateral
            self.credits[asset] += to_trader
            self.free[BROKER.address, asset] += to_broker
            self.used[asset] -= row.collateral - out.to_trader
        life.status, life.deadline, life.increment = 3, 0, state.increment

    # --- what must hold after each step --------------------------------------------------------------------------

    @invariant()
    def the_chain_is_what_the_model_says(self) -> None:
        world = self.world
        for asset in self.assets:
            assert world.credit(asset) == self.credits[asset]
            assert world.used(asset) == self.used[asset]
            assert world.held(asset) == self.held[asset]
            locked = sum(
                row.allocation + row.collateral
                for life in self.lives
                if life.status != 3
                for row in life.session.terms.assets
                if row.asset == asset
            )
            for owner in OWNERS:
                assert world.free(owner, asset) == self.free[owner, asset]
            free = sum(self.free[owner, asset] for owner in OWNERS)
            assert self.held[asset] == free + self.credits[asset] + locked
        for life in self.lives:
            assert world.status(life.session) == (life.status, life.deadline, life.increment)

    @invariant()
    def the_events_alone_say_the_same(self) -> None:
        """A ledger that sees nothing but events knows what the contract does: balances, credits, caps, channels."""
        world, ledger = self.world, self.ledger
        for name, said in world.chain.events[self.told :]:
            ledger.take(name, said)
        self.told = len(world.chain.events)
        signer = BROKER.address, BROKER_SIGNER.address
        for asset in self.assets:
            for owner in OWNERS:
                assert ledger.free[owner, asset] == world.free(owner, asset)
                assert ledger.credit[owner, asset] == world.credit(asset, owner)
            cap, used, until = world.chain.view("authorization", *signer, asset)
            assert (*ledger.caps[*signer, asset], ledger.used[*signer, asset]) == (cap, until, used)
        assert set(ledger.channels) == {life.session.channel for life in self.lives}
        for life in self.lives:
            found, recorded = ledger.channels[life.session.channel], life.recorded
            assert (found.status, found.deadline, found.increment) == world.status(life.session)
            if found.status == 2 and recorded is not None:
                assert found.outcomes == {row.asset: (row.to_broker, row.to_trader) for row in recorded.outcomes}

    @invariant()
    def nothing_came_back_in(self) -> None:
        token = self.world.token
        if "entered" in token.abi.functions:
            assert token.chain.read(token.address, token.abi.functions["entered"]) == (False,)


class HostileLives(Lives):
    kinds = ("plain", "returns nothing", "reverts", "burns gas", "calls before", "calls after")


def test_lives_of_channels() -> None:
    run_state_machine_as_test(Lives, settings=settings(max_examples=20, stateful_step_count=30))


def test_lives_among_hostile_tokens() -> None:
    class Some(HostileLives):
        kinds = ("reverts", "calls after")

    run_state_machine_as_test(Some, settings=settings(max_examples=8, stateful_step_count=30))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_lives_of_channels() -> None:
    """About as many lives as asked for, among all kinds of tokens. One run: a second one would begin with the same."""
    wanted = int(os.environ.get("CHANNEL_WALLET_LIVES", "600"))

    class Counted(HostileLives):
        kinds = ("test token", *HostileLives.kinds)
        tally = Tally()

    run_state_machine_as_test(Counted, settings=settings(max_examples=wanted // 2, stateful_step_count=60))
    tally = Counted.tally
    assert min(tally.lives, tally.disputes, tally.settled, tally.closed, tally.refused_by_token) > 0
    assert set(tally.runs) == set(Counted.kinds)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "lives.json").write_text(json.dumps(vars(Counted.tally), indent=1) + "\n", encoding="utf-8")


def test_the_events_of_a_dispute_tell_its_end(world: World) -> None:
    """Challenged, answered, settled, pushed and withdrawn: after each the events alone say what the contract does."""
    session, ledger = world.opened_session(), Ledger()

    def told() -> list[str]:
        names = [name for name, _ in world.chain.events]
        for name, said in world.chain.events:
            ledger.take(name, said)
        world.chain.events.clear()
        for asset in world.assets:
            for owner in (TRADER.address, BROKER.address):
                assert ledger.free[owner, asset] == world.free(owner, asset)
                assert ledger.credit[owner, asset] == world.credit(asset, owner)
        found = ledger.channels[session.channel]
        assert (found.status, found.deadline, found.increment) == world.status(session)
        return names

    told()
    first, second = world.traded(session, 3), world.traded(session, 5, won=77, lost=11)
    world.challenge(session, first)
    assert told() == ["Challenged"]
    assert ledger.channels[session.channel].outcomes == {row[0]: (row[1], row[2]) for row in first.outcomes}
    world.respond(session, second)
    assert told() == ["Responded"]
    assert ledger.channels[session.channel].outcomes == {row[0]: (row[1], row[2]) for row in second.outcomes}
    world.chain.pass_time(3601)
    world.settle(session, second.outcomes)
    assert told() == ["Settled"]
    assert [ledger.credit[TRADER.address, asset] for asset in world.assets] == [ALLOCATION + 77, ALLOCATION - 11]


# --- the list, by number -----------------------------------------------------------------------------------------


def test_every_invariant_of_the_docstring_has_its_test() -> None:
    listed = {int(found) for found in re.findall(r"^ {8,11}(\d+)\. ", SOURCE.read_text(encoding="utf-8"), re.MULTILINE)}
    tested = {int(name.split("_")[2]) for name in globals() if name.startswith("test_invariant_")}
    assert listed == tested == set(range(1, 15))


def test_invariant_1_what_is_owed_is_there(world: World) -> None:
    first, second = world.opened_session(), world.opened_session()
    world.close(first, world.final(first))
    world.challenge(second, world.traded(second, 3))
    for asset, won in zip(world.assets, (400, -300), strict=True):
        owed = world.free(BROKER.address, asset) + world.credit(asset) + ALLOCATION + COLLATERAL
        assert world.held(asset) == owed == STOCK + 2 * ALLOCATION
        assert world.credit(asset) == ALLOCATION + won


def test_invariant_2_only_measured_deposits_are_credited(world: World) -> None:
    world.token.call(STRANGER.address, "transfer", world.chain.contract, 12_345)
    session = world.opened_session()
    world.close(session, world.final(session, won=0, lost=0))
    credited = world.free(BROKER.address, world.token.address) + world.credit(world.token.address)
    assert credited == STOCK + ALLOCATION
    assert world.held(world.token.address) == credited + 12_345


def test_invariant_3_no_way_back(world: World) -> None:
    session = world.opened_session()
    world.challenge(session, world.traded(session, 3))
    world.chain.pass_time(3601)
    world.settle(session, world.traded(session, 3).outcomes)
    for attempt in (
        lambda: world.open_with_deposit(session),
        lambda: world.challenge(session, world.traded(session, 4)),
        lambda: world.respond(session, world.traded(session, 4)),
        lambda: world.close(session, world.final(session)),
        lambda: world.settle(session, world.traded(session, 3).outcomes),
    ):
        with pytest.raises(Reverted):
            attempt()
        assert world.status(session) == (3, 0, 3)


def test_invariant_4_only_the_trader_opens_in_time_and_signed(world: World) -> None:
    session = world.session()
    with pytest.raises(Reverted, match="NOT_TRADER"):
        world.open(session, BROKER.address)
    with pytest.raises(Reverted, match="BROKER_SIGNATURE"):
        world.open(session, signatures=(session.sign(TRADER, session.setup),) * 2)
    world.chain.set_time(session.terms.open_before + 1)
    with pytest.raises(Reverted, match="OPEN_EXPIRED"):
        world.open_with_deposit(session)


def test_invariant_5_increments_grow_and_the_deadline_stays(world: World) -> None:
    session = world.opened_session()
    world.challenge(session, world.traded(session, 3))
    _, deadline, _ = world.status(session)
    for increment in (4, 7, 100):
        world.chain.pass_time(60)
        world.respond(session, world.traded(session, increment))
        assert world.status(session) == (2, deadline, increment)
        with pytest.raises(Reverted, match="NOT_HIGHER"):
            world.challenge(session, world.traded(session, increment, won=1))


@pytest.mark.parametrize("offset", [-1, 0, 1, 2])
def test_invariant_6_no_moment_allows_both(world: World, offset: int) -> None:
    session = world.opened_session()
    state = world.traded(session, 3)
    world.challenge(session, state)
    world.chain.set_time(world.status(session)[1] + offset)

    def allowed(attempt: str) -> bool:
        mark = world.chain.evm.snapshot()
        try:
            if attempt == "settle":
                world.settle(session, state.outcomes)
            else:
                world.respond(session, world.traded(session, 4))
        except Reverted:
            return False
        else:
            return True
        finally:
            world.chain.evm.revert(mark)

    assert (allowed("respond"), allowed("settle")) == (offset <= 0, offset > 0)


def test_invariant_7_both_roles_validated_what_is_recorded(world: World) -> None:
    session = world.opened_session()
    state = world.traded(session, 3)
    for role in Role:
        alone = session.implied(state, role)
        with pytest.raises(Reverted, match="_SIGNATURE"):
            world.challenge(session, state, replace(alone, successor=None, successor_role=None))
    final = world.final(session)
    with pytest.raises(Reverted, match="FINAL_NEEDS_BOTH"):
        world.challenge(session, final, session.implied(final, Role.TRADER))


def test_invariant_8_signers_start_no_dispute(world: World) -> None:
    session = world.opened_session()
    for who in (BROKER_SIGNER, STRANGER):
        with pytest.raises(Reverted, match="NOT_OWNER"):
            world.challenge(session, world.traded(session, 3), who=who.address)
    mandate = session.mandate(BROKER_SIGNER, 0, world.chain.now + 9)
    with pytest.raises(Reverted, match="NOT_OWNER"):
        world.challenge(session, world.traded(session, 3), who=STRANGER.address, mandate=mandate)


def test_invariant_9_settled_once_and_to_the_unit(world: World) -> None:
    session = world.opened_session()
    before = {asset: world.free(BROKER.address, asset) for asset in world.assets}
    final = world.final(session, won=COLLATERAL, lost=1)
    world.close(session, final)
    for asset, to_trader, to_broker in payouts(session.terms, final):
        assert world.credit(asset) == to_trader
        assert world.free(BROKER.address, asset) == before[asset] + to_broker
        assert to_trader + to_broker == ALLOCATION + COLLATERAL


def test_invariant_10_settling_calls_nobody_and_can_not_fail(world: World) -> None:
    """Held by the token's own words: every call of it moves something or tells a balance, and none is made here."""
    session = world.opened_session()
    worst = world.traded(session, 3, won=COLLATERAL, lost=ALLOCATION)
    world.challenge(session, worst)
    world.chain.pass_time(3601)
    # The token is gone altogether: nothing of it is needed.
    world.chain.remove_code(world.token.address)
    world.settle(session, worst.outcomes)
    assert world.credit(NATIVE) == ALLOCATION + COLLATERAL


def test_invariant_11_a_stolen_signer_costs_the_cap_once(world: World) -> None:
    """Whoever has the signer's key can let an accomplice win everything, until the cap is used up and no further."""
    stolen = 0
    while True:
        session = world.session()
        try:
            world.open_with_deposit(session)
        except Reverted:
            break
        world.close(session, world.final(session, won=COLLATERAL, lost=0))
        stolen += COLLATERAL
    assert stolen <= CAP < stolen + COLLATERAL
    assert world.free(BROKER.address, NATIVE) == STOCK - stolen


def test_invariant_12_nobody_else_moves_what_is_mine(world: World) -> None:
    session = world.opened_session()
    world.close(session, world.final(session))
    world.deposit(TRADER.address, NATIVE, 77)
    with pytest.raises(Reverted, match="BALANCE"):
        world.withdraw(STRANGER.address, NATIVE, 1, STRANGER.address)
    purse = world.chain.balance(TRADER.address)
    credit = world.credit(NATIVE)
    world.push(NATIVE, who=STRANGER.address)
    assert world.chain.balance(TRADER.address) == purse + credit
    assert world.free(TRADER.address, NATIVE) == 77


def test_invariant_13_a_signature_has_one_form(world: World) -> None:
    session = world.opened_session()
    final = world.final(session)
    trader, broker = session.signatures(final)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    twin = trader[:32] + (order - int.from_bytes(trader[32:64], "big")).to_bytes(32, "big") + bytes([55 - trader[64]])
    with pytest.raises(Reverted, match="SIGNATURE_HIGH_S"):
        world.close(session, final, (twin, broker))


def test_invariant_14_one_lock_for_all() -> None:
    """That the lock works is shown with hostile tokens; here, that nothing that changes anything lacks it."""
    source = SOURCE.read_text(encoding="utf-8")
    functions = re.findall(r"((?:^@\w+\n)+)def (\w+)\(", source, re.MULTILINE)
    changing = [
        name for marks, name in functions if "@external" in marks and "@view" not in marks and "@pure" not in marks
    ]
    locked = [name for marks, name in functions if "@nonreentrant" in marks]
    assert changing == locked
    assert len(changing) == 10
