"""Random mutants of valid states, each validly signed by the broker, shown to the real driver: none gets a signature.

After the mutants comes the valid state itself, and is signed: nothing but the mutation stood in the way.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Phase_
from hypothesis import strategies as st
from hypothesis.stateful import initialize

from tests.session.liar import KeyOf
from tests.support.game import CONTRACT, SIGNERS
from tests.support.mutants import FIELDS, mutant
from tests.support.play import Play
from tests.support.sharded import play_until, record, seed_of_this_run, shards
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.protocol.errors import WalletError
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Initiative, Role
from wallet.protocol.transitions import cancel_order, contents_of
from wallet.session.answers import Ack, Proposal
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.evidence import Evidence
from wallet.session.phases import Phase

MUTANTS = int(os.environ.get("CHANNEL_WALLET_MUTANTS", "100000"))
REFUSALS = {"FLAGGED", "HELD"}


class Forgetful(Evidence):
    """Kept on disk and not remembered: each mutant is judged by itself, not as the second state at its number."""

    def __init__(self, journal: Journal, channel: bytes, clock: Clock) -> None:
        super().__init__(journal, channel, clock)
        self.rows = []

    def reload(self) -> None:
        self.rows = []


class Attacked(Play):
    """The same play; before each state of the broker come mutants of it."""

    each: ClassVar[int] = 20

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal.open(Path(self.folder.name) / "history.db")
        # durability is not what is tried here, and a hundred thousand syncs are slow
        self.journal.store._db.execute("PRAGMA synchronous = OFF")
        self.kept: Counter[bytes] = Counter()  # states in the journal, by channel
        self.chance = Random(0)

    @initialize(seed=st.integers(0, 2**64 - 1))
    def prepare(self, seed: int) -> None:
        self.chance = Random(seed)

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()

    def driver(self) -> TraderChannel:
        """The wallet's half, standing where the game stands."""
        game = self.game
        row = ChannelRecord(game.channel, Role.TRADER, 31337, CONTRACT, game.terms, Phase.OPEN.value, 0)
        if not self.kept[game.channel]:
            self.journal.add_channel(row)
        for signed in game.intents.values():
            if self.journal.intent(signed.id) is None:
                self.journal.add_intent(signed, "open", 0)
        for state, issuer in game.states[self.kept[game.channel] :]:
            typed = game.domain.digest(state)
            if self.journal.by_digest(game.channel, typed.digest) is None:
                both = game.sign(Role.BROKER, state), game.sign(Role.TRADER, state)
                self.journal.record(Entry(state, typed.digest, issuer, Status.VALIDATED, *both, own=True))
        self.kept[game.channel] = len(game.states)
        clock = Clock(now=lambda: float(game.now), monotonic=lambda: float(game.now))
        channel = TraderChannel(self.journal, row, KeyOf(SIGNERS[Role.TRADER]), clock)
        channel.echoed = float(game.now)
        channel.evidence = Forgetful(self.journal, game.channel, clock)
        return channel

    def proposal(self, state: State) -> Proposal:
        return Proposal(state, self.game.sign(Role.BROKER, state), b"{}", float(self.game.now))

    def step(self, state: State) -> None:
        if self.game.last.turn is Role.BROKER:
            self.attack(state)
        super().step(state)

    def other_cancels(self, state: State) -> list[State]:
        """What the broker might have signed as well instead of this cancel: that of any other open order."""
        if state.transition is not Transition.CANCEL_ORDER:
            return []
        before = contents_of(self.game.last)
        each = [cancel_order(self.game.terms, before, row.id) for row in before.open_orders]
        return [replace(state, balances=after.balances, open_orders=after.open_orders) for after in each]

    def attack(self, state: State) -> None:
        game, channel = self.game, self.driver()
        if state.transition is Transition.FINALIZE:
            channel.request_finalize(channel.last.digest)
        before = self.journal.count(game.channel)
        earlier = [row for row, _ in game.states[-5:]]
        cancels = self.other_cancels(state)
        for _ in range(self.each):
            bad, fields = mutant(self.chance, state, earlier, game.terms, game.last)
            if bad in earlier or bad in cancels:
                continue  # a state of the past gets the answer it got; to cancel another order is no lie
            refused = answer_to(channel, self.proposal(bad))
            assert refused is not None, (fields, state, bad)
            assert refused.code in REFUSALS, (fields, refused, state, bad)
            self.tally["mutants"] += 1
            for field in fields.split("+"):
                self.tally[field] += 1
            self.tally[f"{game.terms.initiative.name} {refused.params.get('rule', 'HELD')}"] += 1
        assert self.journal.count(game.channel) == before
        assert self.journal.own_at(game.channel, state.increment) is None
        assert isinstance(channel.propose(self.proposal(state)), Ack)
        self.tally["signed"] += 1


def answer_to(channel: TraderChannel, proposal: Proposal) -> WalletError | None:
    """Why a state is not signed; None if it is."""
    try:
        channel.propose(proposal)
    except WalletError as error:
        return error
    return None


def attack(seed: int, wanted: int) -> Counter[str]:
    """At least ``wanted`` mutants; what they broke and what they were found to be."""

    class Counted(Attacked):
        tally: ClassVar[Counter[str]] = Counter()

    return play_until(Counted, seed, wanted, lambda _: Counted.tally["mutants"], steps=30)


class TestAttacked(Attacked.TestCase):
    settings = settings(
        max_examples=12,
        stateful_step_count=20,
        phases=(Phase_.explicit, Phase_.generate),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


@pytest.mark.slow
@pytest.mark.timeout(840)
def test_of_a_hundred_thousand_signed_mutants_none_is_signed_back() -> None:
    seed = seed_of_this_run()
    tally = shards(attack, seed, MUTANTS)
    record("signed-mutants", seed, dict(sorted(tally.items())), mutants=tally["mutants"], signed=tally["signed"])
    assert tally["mutants"] >= MUTANTS
    assert tally["signed"] > MUTANTS // 50
    assert all(tally[name] > MUTANTS // 100 for name in FIELDS)
    for flow in Initiative:
        assert sum(count for kind, count in tally.items() if kind.startswith(flow.name)) > MUTANTS // 20
