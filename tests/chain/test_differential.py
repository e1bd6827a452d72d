"""One judgement: the contract accepts what the program's proof check accepts, and nothing else; and both pay alike.

Proofs are generated with every part right or wrong: who signed, what he signed, how the signature is written, which
successor is shown, what the outcomes say.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.chain.evm import Actor, Reverted
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, TRADER_SIGNER, Session
from tests.chain.world import ALLOCATION, COLLATERAL, World
from wallet.chain.calls import Validation
from wallet.protocol import proof as proofs
from wallet.protocol.errors import WalletError
from wallet.protocol.proof import Proof, Successor
from wallet.protocol.state import Balance, Outcome, State, Transition, payouts
from wallet.protocol.terms import Role
from wallet.protocol.typeddata import state_typed_data

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEYS = {"trader": TRADER, "trader signer": TRADER_SIGNER, "broker": BROKER, "broker signer": BROKER_SIGNER}
KEYS["stranger"] = STRANGER
FORMS = ("plain", "high s", "v as 0/1", "r zero", "flipped bit")


@dataclass(frozen=True)
class Case:
    """How one proof is made. ``implied``: whose signature is on the successor (None: both on the state)."""

    keys: dict[Role, str]
    forms: dict[Role, str]
    implied: Role | None
    final: bool
    increment: int
    step: int
    right_previous: bool
    successor_final: bool
    outcomes: tuple[tuple[int, int], tuple[int, int]]


roles_right = {Role.TRADER: ("trader signer", "trader"), Role.BROKER: ("broker signer", "broker")}
outcome = st.sampled_from(
    [(0, 0), (1, 0), (0, 1), (ALLOCATION, 0), (0, COLLATERAL), (ALLOCATION + 1, 0), (0, COLLATERAL + 1), (1, 1)]
)
good_outcome = st.sampled_from([(0, 0), (1, 0), (0, 1), (ALLOCATION, 0), (0, COLLATERAL)])


def mostly(right: st.SearchStrategy[object], wrong: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Right nine times out of ten, so that single faults are met often and whole proofs too."""
    return st.integers(0, 9).flatmap(lambda n: wrong if n == 9 else right)


cases = st.builds(
    Case,
    keys=st.fixed_dictionaries(
        {role: mostly(st.sampled_from(good), st.sampled_from(sorted(KEYS))) for role, good in roles_right.items()}
    ),
    forms=st.fixed_dictionaries({role: mostly(st.just("plain"), st.sampled_from(FORMS)) for role in Role}),
    implied=st.sampled_from([None, *Role]),
    final=mostly(st.just(False), st.booleans()),
    increment=st.integers(1, 9),
    step=mostly(st.integers(1, 3), st.integers(-1, 0)),
    right_previous=mostly(st.just(True), st.just(False)),
    successor_final=st.booleans(),
    outcomes=mostly(st.tuples(good_outcome, good_outcome), st.tuples(outcome, outcome)),
)


def written(signature: bytes, form: str) -> bytes:
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    if form == "high s":
        return r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    if form == "v as 0/1":
        return signature[:64] + bytes([v - 27])
    if form == "r zero":
        return bytes(32) + signature[32:]
    if form == "flipped bit":
        return bytes([signature[0] ^ 1]) + signature[1:]
    return signature


def state_of(session: Session, case: Case) -> State:
    rows = {row.asset: out for row, out in zip(session.terms.assets, case.outcomes, strict=True)}
    made = session.state(case.increment, None, Transition.FINALIZE if case.final else Transition.TRADE)
    outcomes = tuple(Outcome(row.asset, *rows[row.asset]) for row in made.outcomes)
    balances = tuple(
        Balance(row.asset, max(row.allocation + out.to_trader - out.to_broker, 0), 0)
        for row, out in zip(session.terms.assets, outcomes, strict=True)
    )
    return replace(made, outcomes=outcomes, balances=balances)


def signed(session: Session, who: Actor, state: State, form: str) -> bytes:
    return written(session.sign(who, state), form)


def accepted_by_program(
    session: Session, state: State, own: dict[Role, bytes], successor: Successor | None
) -> tuple[tuple[bytes, int, int], ...] | None:
    """What it says is paid; None if it refuses the proof."""
    later = None if successor is None else state_typed_data(session.domain, successor.state)
    proof = Proof(
        session.domain, session.terms, state, (), own, successor, state_typed_data(session.domain, state), later, ()
    )
    try:
        return proofs.verify(proof).payouts
    except WalletError as error:
        event(error.code)
        return None


def accepted_by_contract(world: World, session: Session, state: State, proof: Validation) -> bool:
    """By `challenge`; what is recorded stays."""
    try:
        world.challenge(session, state, proof)
    except Reverted:
        return False
    return True


def judged_alike(world: World, case: Case) -> None:
    session = world.opened_session()
    state = state_of(session, case)
    following = replace(
        session.successor(state, max(state.increment + case.step, 0)),
        transition=Transition.FINALIZE if case.successor_final else Transition.YIELD,
    )
    if not case.right_previous:
        following = replace(following, previous=session.digest(session.setup))
    on = {role: following if role is case.implied else state for role in Role}
    made = {role: signed(session, KEYS[case.keys[role]], on[role], case.forms[role]) for role in Role}
    own = {role: signature for role, signature in made.items() if role is not case.implied}
    successor = None if case.implied is None else Successor(following, {case.implied: made[case.implied]})
    proof = Validation(
        made[Role.TRADER], made[Role.BROKER], following if successor else None, case.implied if successor else None
    )
    paid = accepted_by_program(session, state, own, successor)
    recorded = accepted_by_contract(world, session, state, proof)
    # The contract makes `previous` of a successor by itself: it can't be shown a wrong one, only a wrong signature.
    assert recorded == (paid is not None), (paid, case)
    event("accepted" if recorded else "refused")
    if recorded and paid is not None:
        before = {asset: (world.credit(asset), world.free(BROKER.address, asset)) for asset in world.assets}
        world.chain.pass_time(session.terms.challenge_period + 1)
        world.settle(session, state.outcomes)
        for asset, to_trader, to_broker in paid:
            assert world.credit(asset) - before[asset][0] == to_trader
            assert world.free(BROKER.address, asset) - before[asset][1] == to_broker
        assert paid == payouts(session.terms, state)


def compare(proofs: int) -> None:
    @settings(max_examples=proofs, suppress_health_check=[HealthCheck.too_slow])
    @given(cases)
    def run(case: Case) -> None:
        judged_alike(World.make(), case)

    run()


def test_program_and_contract_judge_alike() -> None:
    compare(120)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_program_and_contract_judge_many_alike() -> None:
    compare(int(os.environ.get("CHANNEL_WALLET_PROOFS", "2000")))
