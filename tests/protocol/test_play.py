"""A channel played at random, in both flows: nothing valid is flagged. 10^5 transitions in the slow run."""

from __future__ import annotations

import os
from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings

from tests.support.play import Play
from tests.support.sharded import play_until, record, seed_of_this_run, shards
from wallet.protocol.terms import Initiative

TRANSITIONS = int(os.environ.get("CHANNEL_WALLET_TRANSITIONS", "100000"))

TestPlay = Play.TestCase
TestPlay.settings = settings(
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def play(seed: int, wanted: int) -> Counter[str]:
    """At least ``wanted`` valid transitions; how many there were of each kind."""

    class Counted(Play):
        tally: ClassVar[Counter[str]] = Counter()

    return play_until(Counted, seed, wanted, sum)


@pytest.mark.slow
@pytest.mark.timeout(840)
def test_a_hundred_thousand_valid_transitions_raise_no_flag() -> None:
    seed = seed_of_this_run()
    tally = shards(play, seed, TRANSITIONS)
    record("valid-transitions", seed, dict(sorted(tally.items())), total=tally.total())
    assert tally.total() >= TRANSITIONS
    for flow in Initiative:
        assert sum(count for kind, count in tally.items() if kind.startswith(flow.name)) > TRANSITIONS // 5
