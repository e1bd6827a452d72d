"""Broker, two wallets and the recorder between them, each a process that can be killed; cheap to start again."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.crashes.options import Options
from tests.end_to_end.judge import Verdict, judge
from tests.end_to_end.processes import Process
from tests.end_to_end.recorder import Recorder
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history

START = 90.0  # seconds for a process to start, or for states to flow again, on a busy machine
FLOWING = 8  # proposals since the last start: states flow again
VICTIMS = ("wallet", "broker", "both")
SOUND = Options()
CHAIN_ID, CONTRACT = 31337, "0x" + "ad" * 20


@dataclass
class Arena:
    """``wallet_options`` and ``broker_options`` hold for the next start."""

    folder: Path
    wallet_options: Options = SOUND
    broker_options: Options = SOUND
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VICTIMS, 0))
    port: int = 0
    wallet_under: tuple[str, ...] = ()  # a program that runs the wallets' process
    broker_under: tuple[str, ...] = ()

    def __enter__(self) -> Arena:
        self.folder.mkdir(parents=True, exist_ok=True)
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
        self.broker = self.another_broker()
        said = self.broker.says(START)
        self.port = said["port"]
        self.recorder.upstream = "127.0.0.1", self.port
        profile = said["profile"] | {"url": f"ws://{self.recorder.host}", "rpc": ["http://127.0.0.1:1"]}
        (self.folder / "broker.json").write_text(json.dumps(profile), encoding="utf-8")

    def another_broker(self) -> Process:
        options = replace(self.broker_options, host=self.recorder.host, port=self.port)
        command = "tests.crashes.broker_worker", str(self.folder), options.show()
        return Process(self.folder / "broker.log", *command, under=self.broker_under)

    def start_wallet(self) -> None:
        self.wallet = self.another_wallet()
        assert self.wallet.says(START) == {"started": True}

    def another_wallet(self) -> Process:
        command = "tests.crashes.wallet_worker", str(self.folder), self.wallet_options.show()
        return Process(self.folder / "wallet.log", *command, under=self.wallet_under)

    def wait_for_flow(self, within: float = START, flowing: int = FLOWING) -> None:
        """Until ``flowing`` more states have passed."""
        goal, deadline = self.recorder.proposals + flowing, time.monotonic() + within
        while self.recorder.proposals < goal:
            assert time.monotonic() < deadline, f"no states flow: {self.said()}"
            assert self.wallet.alive, "the wallet ended by itself"
            assert self.broker.alive, "the broker ended by itself"
            time.sleep(0.005)

    def said(self) -> str:
        """The ends of all logs, for who sees nothing of this folder but the failure."""
        logs = [*self.folder.glob("*.log"), *self.folder.glob("*-logs/*")]
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-2_000:]}" for log in logs)

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

    def finish(self) -> dict[str, Any]:
        """The wallets stop of their own will; what they say of themselves."""
        assert self.wallet.says(START) == {"open": True}
        self.wallet.ask_to_stop()
        said = self.wallet.says(START)
        assert self.wallet.process.wait(START) == 0
        time.sleep(0.2)  # the broker's last commit
        return said

    def conclude(self) -> Verdict:
        """The wallets stop, the judge speaks, and all files are held against what passed."""
        said = self.finish()
        assert said["flags"] == []
        verdict = judge(self.recording, CHAIN_ID, CONTRACT)
        assert verdict.findings == []
        self.compare(verdict, said["standing"])
        return verdict

    def compare(self, verdict: Verdict, standing: dict[str, object]) -> None:
        """Wallets, broker and what passed end at the same state of each channel traded in, and all histories hold."""
        passed = {channel.id: channel.validated[-1] for channel in verdict.channels if channel.validated}
        for channel, last in standing.items():
            assert last == [passed[channel].increment, passed[channel].digest]
        found: dict[str, int] = dict.fromkeys(standing, 0)
        for side in ("ann/history.db", "bob/history.db", "broker/broker.db"):
            history = HistoryReader(self.folder / side)
            for channel in standing:
                entry = history.latest(bytes.fromhex(channel[2:]))
                if entry is None:
                    continue  # the other wallet's
                result = verify_history(history, bytes.fromhex(channel[2:]))
                assert result.sound, (side, result)
                assert "0x" + entry.digest.hex() == passed[channel].digest, side
                found[channel] += 1
            history.close()
        assert set(found.values()) == {2}, found


def random_kills(arena: Arena, kills: int, chance: random.Random) -> None:
    """``kills`` times: let states flow for a random moment, kill, start again."""
    victims = [VICTIMS[at % len(VICTIMS)] for at in range(kills)]
    chance.shuffle(victims)
    arena.wait_for_flow()
    for victim in victims:
        time.sleep(chance.uniform(0, 0.3))
        arena.strike(victim)
        arena.wait_for_flow()
