"""A harness that no fault can fail would be no proof: deliberately broken programs, and each is convicted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crashes.arena import CHAIN_ID, CONTRACT, Arena
from tests.crashes.options import Options
from tests.crashes.power import Cuts
from tests.crashes.test_kills import die_at
from tests.crashes.test_power_loss import SEED, memory, needs_strace, recorded, recorded_broker, show
from tests.end_to_end.judge import judge

__all__ = ["memory"]
STRIKES = 6

pytestmark = pytest.mark.e2e


def convict(arena: Arena, side: str) -> list[str]:
    """Kills until the judge finds something; a broker while a state of his is on its way and unanswered."""
    arena.wait_for_flow()
    time.sleep(1)
    for _ in range(STRIKES):
        if side == "wallet":
            arena.strike(side)
        else:
            die_at(arena, "wallet", "receive propose", 8)
            arena.strike("both")
        time.sleep(1)
        if findings := judge(arena.recording, CHAIN_ID, CONTRACT).findings:
            return findings
    return []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "build", "words"),
    [
        ("wallet", "hasty", "the trader resumes at"),
        ("wallet", "unjournaled", "the trader resumes at"),
        ("broker", "hasty", "that he had signed"),
        ("broker", "amnesic", "the broker signed two digests at"),
    ],
    ids=["wallet sends first", "wallet keeps nothing", "broker sends first", "broker signs twice"],
)
def test_the_judge_convicts(tmp_path: Path, side: str, build: str, words: str) -> None:
    broken = Options(build=build)
    with Arena(tmp_path, **{f"{side}_options": broken}) as arena:
        findings = convict(arena, side)
    print(f"\n{build} {side}: convicted after {sum(arena.kills.values())} kills: {findings[:2]}")
    assert any(words in finding for finding in findings), findings


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize(
    ("record", "build", "flow", "words"),
    [
        (recorded, "unsynced", "broker", "answered states are lost"),
        (recorded, "hasty", "cooperative", "answered states are lost"),
        (recorded_broker, "unsynced", "cooperative", "signed states are lost"),
        (recorded_broker, "hasty", "broker", "signed states are lost"),
    ],
    ids=["wallet unsynced", "wallet hasty", "broker unsynced", "broker hasty"],
)
def test_the_power_cut_convicts(
    tmp_path: Path, memory: Path, record: Callable[..., Cuts[Any]], build: str, flow: str, words: str
) -> None:
    replay = record(tmp_path, 40, build, flow)
    outcome = replay.run(100, random.Random(SEED), memory)
    show(outcome, replay)
    assert any(words in finding for finding in outcome.findings)
