"""The power goes at a thousand points of what a real wallet wrote and synced, in the mode that ships."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crashes import trace
from tests.crashes.arena import Arena
from tests.crashes.broker_power import BrokerReplay
from tests.crashes.campaign import RESULTS, commit
from tests.crashes.options import Options
from tests.crashes.power import Cuts, Outcome, Replay, Truth

CUTS = int(os.environ.get("CHANNEL_WALLET_CUTS", "1000"))
SEED = int(os.environ.get("CHANNEL_WALLET_SEED", "7"))
SLOWLY = 120.0  # seconds for states to flow under strace on a busy machine

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is Linux's own")
pytestmark = [pytest.mark.e2e, needs_strace]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder that no real disk slows down."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


def recorded(folder: Path, states: int, build: str = "sound", initiative: str = "broker") -> Replay:
    """What one of two wallets did while ``states`` states flowed between both and the broker."""
    log = folder / "trace"
    wallet, broker = Options(build=build), Options(initiative=initiative)
    with Arena(folder, wallet, broker, wallet_under=trace.under_strace(log)) as arena:
        arena.wait_for_flow(SLOWLY, flowing=states)
        arena.finish()
    return Replay(trace.read(log, folder), folder, "ann", Truth.read(folder / "ann" / "history.db"))


def recorded_broker(folder: Path, states: int, build: str = "sound", initiative: str = "broker") -> BrokerReplay:
    """The same of the broker between them."""
    log = folder / "trace"
    broker = Options(build=build, initiative=initiative)
    with Arena(folder, broker_options=broker, broker_under=trace.under_strace(log)) as arena:
        arena.wait_for_flow(SLOWLY, flowing=states)
        arena.finish()
        arena.broker.ask_to_stop()
        arena.broker.process.wait(SLOWLY)
    return BrokerReplay(trace.read(log, folder), folder)


def keep(name: str, outcome: Outcome, replay: Cuts[Any], **more: object) -> None:
    """Counts, seed and commit to a results file."""
    record = {
        "seed": SEED,
        "commit": commit(),
        **more,
        "cuts": outcome.cuts,
        "events": len(replay.events),
        "afterAnswers": outcome.held,
        "verifiedWhole": outcome.verified,
        "manners": outcome.manners,
        "checkpoints": replay.checkpoints,
        "findings": outcome.findings,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def show(outcome: Outcome, replay: Cuts[Any]) -> None:
    print(
        f"\n{outcome.cuts} cuts of {len(replay.events)} writes, syncs and sends {dict(outcome.manners)}, seed {SEED}: "
        f"{outcome.held} after answers had left, {outcome.verified} histories verified whole; {len(outcome.findings)} "
        f"findings {outcome.findings[:3]}"
    )


def test_what_had_left_is_there_after_a_power_cut(tmp_path: Path, memory: Path) -> None:
    replay = recorded(tmp_path, 30)
    outcome = replay.run(40, random.Random(SEED), memory)
    show(outcome, replay)
    assert outcome.held > 20
    assert outcome.findings == []


@pytest.mark.slow
@pytest.mark.timeout(800)
def test_a_thousand_power_cuts(tmp_path: Path, memory: Path) -> None:
    """Long enough a trace that the WAL is checkpointed into the database, and begun again, more than once."""
    replay = recorded(tmp_path, 600)
    outcome = replay.run(CUTS, random.Random(SEED), memory)
    show(outcome, replay)
    keep("power-cuts", outcome, replay)
    assert outcome.findings == []
    assert outcome.cuts >= CUTS
    assert outcome.held > CUTS // 2
    assert replay.checkpoints > 0


@pytest.mark.slow
@pytest.mark.timeout(800)
@pytest.mark.parametrize("side", ["wallet", "broker", "cooperative wallet", "cooperative broker"])
def test_both_sides_and_both_flows_survive_power_cuts(tmp_path: Path, memory: Path, side: str) -> None:
    """Fewer cuts of each: the thousand of the wallet's are the other test's."""
    flow, role = ("cooperative" if "cooperative" in side else "broker"), side.rsplit(maxsplit=1)[-1]
    replay: Cuts[Any] = (recorded if role == "wallet" else recorded_broker)(tmp_path, 80, initiative=flow)
    outcome = replay.run(CUTS // 8, random.Random(SEED), memory)
    show(outcome, replay)
    keep(f"power-cuts-{role}-{flow}", outcome, replay, initiative=flow, side=role)
    assert outcome.findings == []
    assert outcome.cuts >= CUTS // 8
    assert outcome.held > CUTS // 16
