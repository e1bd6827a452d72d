"""One profile, one owner; one ledger, one broker: whoever comes second is refused, whoever came first goes on."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.crashes.arena import CHAIN_ID, CONTRACT, START, Arena
from tests.end_to_end.judge import judge
from wallet.history.journal import Journal

RIVALS = 4

pytestmark = pytest.mark.e2e


def test_the_second_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with Arena(tmp_path) as arena:
        arena.wait_for_flow()
        for another, code in ((arena.another_wallet, "PROFILE_IN_USE"), (arena.another_broker, "BROKER_RUNNING")):
            second = another()
            assert second.says(START) == {"refused": code}
            assert second.process.wait(START) == 3
            second.close()
        arena.wait_for_flow()
        arena.conclude()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_of_many_that_start_at_once_one_wins(tmp_path: Path) -> None:
    """Right after the one before was killed: no lock is left behind, and none is given twice."""
    with Arena(tmp_path) as arena:
        for round_number in range(10):
            arena.wait_for_flow()
            arena.wallet.kill()
            arena.wallet.close()
            rivals = [arena.another_wallet() for _ in range(RIVALS)]
            said = [rival.says(START) for rival in rivals]
            assert sum(line == {"started": True} for line in said) == 1, (round_number, said)
            assert sum(line == {"refused": "PROFILE_IN_USE"} for line in said) == RIVALS - 1, (round_number, said)
            for rival, line in zip(rivals, said, strict=True):
                if line == {"started": True}:
                    arena.wallet = rival
                else:
                    rival.close()
        arena.wait_for_flow()
        arena.conclude()


def marked(profile: Path) -> bool:
    """Whether its channel trades no more."""
    journal = Journal.open(profile / "history.db")
    (record,) = journal.channels()
    restored = journal.fact(record.id, "restored") is not None
    journal.close()
    return restored


@pytest.mark.slow
def test_the_same_keys_on_two_machines(tmp_path: Path) -> None:
    """A whole computer cloned, its memory of the profile too: only the broker's Resume can tell. Whichever is found
    to be behind signs no more from then on; whatever both do, one digest per increment passes.
    """
    with Arena(tmp_path / "one") as arena:
        arena.wait_for_flow()
        arena.wallet.kill()
        for name in ("ann", "bob", "memory", "broker.json"):
            source, target = tmp_path / "one" / name, tmp_path / "two" / name
            target.parent.mkdir(exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        arena.start_wallet()
        arena.wait_for_flow()
        arena.wait_for_flow()
        arena.folder = tmp_path / "two"
        other = arena.another_wallet()
        assert other.says(START) == {"started": True}
        time.sleep(4)
        other.kill()
        other.close()
        arena.folder = tmp_path / "one"
        arena.strike("wallet")
        time.sleep(2)
    for name in ("ann", "bob"):
        assert any(marked(tmp_path / place / name) for place in ("one", "two")), name
    findings = judge(arena.recording, CHAIN_ID, CONTRACT).findings
    assert [finding for finding in findings if "two digests" in finding or "other bytes" in finding] == []
