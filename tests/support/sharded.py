"""Long random runs in two processes, from a seed, with a record of what was counted."""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import hypothesis.core
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".cache" / "results"
PROCESSES = 2

Work = Callable[[int, int], Counter[str]]


def seed_of_this_run() -> int:
    """CHANNEL_WALLET_SEED to repeat a run, else a new one."""
    return int(os.environ.get("CHANNEL_WALLET_SEED", "0")) or secrets.randbits(48)


def shards(work: Work, seed: int, wanted: int) -> Counter[str]:
    """``work(seed, wanted)`` shared out among processes; the sum of their counts."""
    share = -(-wanted // PROCESSES)
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        parts = [pool.submit(work, seed + shard * 2**20, share) for shard in range(PROCESSES)]
        return sum((part.result() for part in parts), Counter())


def play_until(
    machine: type[RuleBasedStateMachine], seed: int, wanted: int, total: Callable[[Any], int], steps: int = 50
) -> Counter[str]:
    """Plays ``machine`` in rounds until ``total`` of its class's ``tally`` is ``wanted``."""
    tally: Counter[str] = machine.tally  # type: ignore[attr-defined]
    rounds = settings(
        max_examples=50,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.explicit, Phase.generate),  # a failure names its state; shrinking would take the group's time
        suppress_health_check=list(HealthCheck),
    )
    turn = 0
    while total(tally.values()) < wanted:
        hypothesis.core.global_force_seed = seed + turn
        run_state_machine_as_test(machine, settings=rounds)
        turn += 1
    return tally


def record(name: str, seed: int, counts: dict[str, int], **figures: object) -> None:
    """Leaves counts, seed and commit where the slow runs leave theirs."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    row = {
        "name": name,
        "seed": seed,
        "commit": commit.stdout.strip(),
        "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **figures,
        "counts": counts,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
