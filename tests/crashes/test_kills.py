"""Kill −9 while states flow, at random and at every named point; a judge who saw only bytes decides.

Broker and wallets are the program's own and lean: a kill costs less than a second. With chain, vault and sandbox
around them the same is done in tests/end_to_end/test_crashes.py.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crashes import named
from tests.crashes.arena import START, Arena, random_kills
from tests.crashes.campaign import RESULTS, campaign
from tests.crashes.options import Options
from tests.end_to_end.judge import Verdict

SEED = int(os.environ.get("CHANNEL_WALLET_SEED", "7"))
SLOW_KILLS = int(os.environ.get("CHANNEL_WALLET_KILLS", "50"))

pytestmark = pytest.mark.e2e


def die_at(arena: Arena, side: str, point: str, nth: int) -> None:
    """Starts one side so that it dies at that passage of that point, and waits until it has."""
    wallet, broker = arena.wallet_options, arena.broker_options
    if side == "wallet":
        arena.wallet.close()
        arena.wallet_options = replace(wallet, watched=True, deadly=(point, nth))
        arena.wallet = arena.another_wallet()  # which may die before it has said anything
    else:
        arena.broker.close()
        arena.broker_options = replace(broker, watched=True, deadly=(point, nth))
        arena.start_broker()
    arena.wallet_options, arena.broker_options = wallet, broker
    dying = arena.wallet if side == "wallet" else arena.broker
    try:
        assert dying.process.wait(2 * START) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        pytest.fail(f"the {side} never passes {point!r}")
    arena.kills[side] += 1


def revive(arena: Arena, side: str) -> None:
    if side == "wallet":
        arena.start_wallet()
    else:
        arena.start_broker()
    arena.wait_for_flow()


def die_at_each(arena: Arena, side: str, points: tuple[str, ...], most: int) -> None:
    """One death after the other; each start has to bring the channel back to where the next point is passed."""
    chance = random.Random(SEED)
    for point in points:
        die_at(arena, side, point, chance.randint(1, most))
    revive(arena, side)


def report(arena: Arena, verdict: Verdict) -> None:
    print(
        f"\nkills {arena.kills}: {verdict.states} states at {verdict.rate:.0f} a second, {verdict.signatures} "
        f"signatures, {verdict.resumes} resumes, {verdict.connections} connections, {len(verdict.channels)} channels"
    )


@pytest.mark.timeout(400)
def test_nothing_is_lost_and_nothing_signed_twice(tmp_path: Path) -> None:
    """A few of both kinds: at random, and right around the signature, the commit and the socket."""
    with Arena(tmp_path) as arena:
        random_kills(arena, 3, random.Random(SEED))
        for side, points in named.QUICK.items():
            die_at_each(arena, side, points, 12)
        verdict = arena.conclude()
        report(arena, verdict)
    assert sum(arena.kills.values()) == 11
    assert verdict.resumes >= 11


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("side", "points", "most", "initiative"),
    [
        ("wallet", named.WALLET_FLOWS, 12, "broker"),
        ("wallet", named.WALLET_JOINS, 1, "broker"),
        ("broker", named.BROKER_FLOWS, 12, "broker"),
        ("broker", named.BROKER_JOINS, 1, "broker"),
        ("wallet", named.WALLET_ISSUES, 12, "cooperative"),
        ("broker", named.BROKER_ANSWERS, 12, "cooperative"),
    ],
    ids=["wallet flows", "wallet joins", "broker flows", "broker joins", "wallet issues", "broker answers"],
)
def test_a_death_at_each_named_point(
    tmp_path: Path, side: str, points: tuple[str, ...], most: int, initiative: str
) -> None:
    options = Options(initiative=initiative)
    with Arena(tmp_path, options, options) as arena:
        arena.wait_for_flow()
        die_at_each(arena, side, points, most)
        report(arena, arena.conclude())
    assert arena.kills[side] == len(points)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("side", "points"), [("wallet", named.WALLET_REFUSES), ("broker", named.BROKER_REFUSED)])
def test_a_death_at_each_point_of_a_refusal(tmp_path: Path, side: str, points: tuple[str, ...]) -> None:
    with Arena(tmp_path, Options(build="refusing")) as arena:
        arena.wait_for_flow()
        for point in points:  # with states flowing after each: a lost countersignature must not stop the channel
            die_at_each(arena, side, (point,), 2)
        report(arena, arena.conclude())
    assert arena.kills[side] == len(points)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("side", "points"), [("wallet", named.WALLET_OPENS), ("broker", named.BROKER_OPENS)])
def test_a_death_at_each_point_of_an_opening(tmp_path: Path, side: str, points: tuple[str, ...]) -> None:
    """New wallets for each: what they had begun when a side died, they finish or begin anew."""
    with Arena(tmp_path) as arena:
        arena.wait_for_flow()
        for number, point in enumerate(points):
            arena.wallet.close()
            for name in ("ann", "bob"):
                (tmp_path / name).rename(tmp_path / f"{name}-{number}")
            if side == "broker":
                arena.start_wallet()
            die_at(arena, side, point, 1)
            revive(arena, side)
        report(arena, arena.conclude())
    assert arena.kills[side] == len(points)


@pytest.mark.slow
def test_every_point_that_is_passed_is_named(tmp_path: Path) -> None:
    """Else a step that is new in the program would never be died at."""
    watched = Options(watched=True)
    with Arena(tmp_path, replace(watched, build="refusing"), watched) as arena:
        arena.wait_for_flow()
        arena.strike("wallet")
        time.sleep(3)
        wallet = arena.finish()["points"]
        arena.broker.ask_to_stop()
        broker = arena.broker.says(START)["points"]
    unnamed = {"instruments", "answer instruments"}  # nobody's money
    assert {point for point in wallet if point.partition(" ")[2] not in unnamed} <= named.OF_WALLET
    assert {point for point in broker if point.partition(" ")[2] not in unnamed} <= named.OF_BROKER


@pytest.mark.slow
@pytest.mark.timeout(850)
@pytest.mark.parametrize("initiative", ["broker", "cooperative"])
def test_hundreds_of_random_kills(tmp_path: Path, initiative: str) -> None:
    """More of them: ``python -m tests.crashes --kills 1000``."""
    results = RESULTS / f"kills-in-slow-run-{initiative}.json"
    results.unlink(missing_ok=True)
    record = campaign(tmp_path / "arena", results, SLOW_KILLS, SEED, initiative=initiative)
    assert record["total"]["kills"] >= SLOW_KILLS
