"""Kill −9 of wallet, broker or both while states flow; a judge who saw only bytes decides whether the promise held."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.judge import Verdict, judge
from tests.end_to_end.processes import ROOT, Process
from tests.end_to_end.recorder import Recorder
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history

RESULTS = ROOT / ".cache" / "results"
QUICK_SEED = 20_240_607  # the quick tests say the same twice
SEED = int(os.environ.get("CHANNEL_WALLET_SEED", QUICK_SEED))
SLOW_KILLS = int(os.environ.get("CHANNEL_WALLET_KILLS", "30"))
START = 60.0  # seconds for a process to start on a busy machine
FLOWING = 8  # proposals since the last start: states flow again
VICTIMS = ("wallet", "broker", "both")

pytestmark = pytest.mark.e2e


@dataclass
class Arena:
    """Sandbox, wallet and the recorder between them."""

    folder: Path
    wallet_module: str = "trading_process"
    initiative: str = "broker"
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VICTIMS, 0))

    def __enter__(self) -> Arena:
        self.recording = self.folder / "recording"
        self.recorder = Recorder(self.recording, ("127.0.0.1", 9))
        self.recorder.__enter__()
        self.start_broker()
        self.start_wallet()
        return self

    def __exit__(self, *_: object) -> None:
        self.wallet.close()
        self.broker.close()
        self.recorder.__exit__(None, None, None)

    def start_broker(self) -> None:
        self.broker = Process(
            self.folder / "broker.log",
            "tests.end_to_end.broker_process",
            str(self.folder / "sandbox"),
            self.recorder.host,
            self.initiative,
        )
        profile = json.loads(Path(self.broker.says(START)["profile"]).read_text(encoding="utf-8"))
        address = urlsplit(profile["url"])
        assert address.hostname is not None
        assert address.port is not None
        self.recorder.upstream = address.hostname, address.port
        self.chain_id, self.contract = profile["chainId"], profile["adjudicator"]
        self.profile = self.folder / "broker.json"
        self.profile.write_text(json.dumps(profile | {"url": f"ws://{self.recorder.host}"}), encoding="utf-8")

    def start_wallet(self) -> None:
        self.wallet = Process(
            self.folder / "wallet.log",
            f"tests.end_to_end.{self.wallet_module}",
            str(self.folder / "profile"),
            str(self.profile),
        )
        self.wallet.says(START)

    def wait_for_flow(self, within: float = START) -> None:
        """Until states pass again after the last start."""
        goal, deadline = self.recorder.proposals + FLOWING, time.monotonic() + within
        while self.recorder.proposals < goal:
            assert time.monotonic() < deadline, "no states flow: see wallet.log and broker.log"
            assert self.wallet.alive, "the wallet ended by itself"
            assert self.broker.alive, "the broker ended by itself"
            time.sleep(0.01)

    def strike(self, victim: str) -> None:
        """Kills and starts again."""
        self.kills[victim] += 1
        if victim != "wallet":
            self.broker.kill()
        if victim != "broker":
            self.wallet.kill()
        if victim != "wallet":
            self.start_broker()
        if victim != "broker":
            self.start_wallet()

    def finish(self) -> dict[str, object]:
        """The wallet stops of its own will; what it says of itself."""
        self.wallet.ask_to_stop()
        said = self.wallet.says(START)
        assert self.wallet.process.wait(START) == 0
        time.sleep(0.3)  # the broker's last commit
        return said


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    with Arena(tmp_path) as made:
        yield made


def run(arena: Arena, kills: int, seed: int) -> Verdict:
    """``kills`` times: let states flow for a random moment, kill, start again. Then both sides are compared."""
    chance = random.Random(seed)
    victims = [VICTIMS[at % len(VICTIMS)] for at in range(kills)]
    chance.shuffle(victims)
    arena.wait_for_flow()
    for victim in victims:
        time.sleep(chance.uniform(0, 0.7))
        arena.strike(victim)
        arena.wait_for_flow()
    return conclude(arena, seed)


def conclude(arena: Arena, seed: int) -> Verdict:
    """The wallet stops, the judge speaks, and both files are held against what passed."""
    said = arena.finish()
    assert said["flags"] == []
    verdict = judge(arena.recording, arena.chain_id, arena.contract)
    accepted = sum(len(channel.accepted) for channel in verdict.channels)
    unopened = sum(channel.unopened for channel in verdict.channels)
    print(
        f"\nkills {arena.kills}, seed {seed}: {verdict.states} states at {verdict.rate:.0f} a second, "
        f"{verdict.signatures} signatures, {verdict.resumes} resumes, {verdict.connections} connections, "
        f"{len(verdict.channels)} channels; {accepted} orders accepted, {unopened} of them never opened; "
        f"refused meanwhile: {said['errors']}"
    )
    assert verdict.findings == []
    compare(arena, verdict, said["standing"])
    return verdict


def compare(arena: Arena, verdict: Verdict, standing: object) -> None:
    """Wallet, broker and what passed between them end at the same state of every channel, and both histories hold."""
    passed = {channel.id: channel.validated[-1] for channel in verdict.channels if channel.validated}
    assert standing == {channel: [last.increment, last.digest] for channel, last in passed.items()}
    for side in ("profile/history.db", "sandbox/broker/broker.db"):
        history = HistoryReader(arena.folder / side)
        for channel, last in passed.items():
            found = verify_history(history, bytes.fromhex(channel[2:]))
            assert found.sound, (side, found)
            assert found.increment == last.increment, side
            entry = history.latest(bytes.fromhex(channel[2:]))
            assert entry is not None
            assert "0x" + entry.digest.hex() == last.digest, side
        history.close()


def test_nothing_is_lost_and_nothing_signed_twice(arena: Arena) -> None:
    """One of each; hundreds of them, and at every named point: tests/crashes."""
    verdict = run(arena, len(VICTIMS), QUICK_SEED)
    assert verdict.resumes >= len(VICTIMS)
    assert verdict.rate > 0  # how fast is for the slow run to say: this one shares its machine


@pytest.mark.slow
def test_a_wallet_that_answers_before_it_commits_is_convicted(tmp_path: Path) -> None:
    """A harness that no fault can fail would be no proof."""
    with Arena(tmp_path, "forgetful_process") as arena:
        arena.wait_for_flow()
        arena.strike("wallet")
        deadline = time.monotonic() + START
        while not (findings := judge(arena.recording, arena.chain_id, arena.contract).findings):
            assert time.monotonic() < deadline, "acquitted"
            time.sleep(0.5)
    assert any("the trader resumes at" in finding for finding in findings), findings


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_channel_is_opened_however_often_the_wallet_dies_over_it(arena: Arena) -> None:
    """Offer, setup, approval, deposit: killed in any of them, the next try goes on from what is on disk."""
    chance = random.Random(SEED)
    for _ in range(10):
        arena.strike("wallet")
        time.sleep(chance.uniform(0, 1.5))
    arena.wait_for_flow()
    assert conclude(arena, SEED).states > 0


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_many_kills(arena: Arena) -> None:
    verdict = run(arena, SLOW_KILLS, SEED)
    assert verdict.rate >= 20
    RESULTS.mkdir(parents=True, exist_ok=True)
    record = {
        "seed": SEED,
        "kills": arena.kills,
        "states": verdict.states,
        "statesPerSecond": round(verdict.rate, 1),
        "signatures": verdict.signatures,
        "resumes": verdict.resumes,
        "connections": verdict.connections,
        "channels": len(verdict.channels),
        "findings": verdict.findings,
    }
    (RESULTS / "kills.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(840)
def test_in_the_cooperative_flow_too(tmp_path: Path) -> None:
    """Both issue: what the wallet had signed and the broker had not answered comes again as it was."""
    with Arena(tmp_path, initiative="cooperative") as arena:
        verdict = run(arena, 12, SEED)
    assert verdict.resumes >= 12
