"""A cooperative channel from the sandbox to money back on chain, by the same commands as any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.crashes.campaign import RESULTS, commit
from tests.end_to_end.processes import ROOT, Process
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history
from wallet.protocol.terms import Role

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]


@contextmanager
def sandbox(folder: Path) -> Iterator[Path]:
    """A sandbox of the cooperative flow; the path of its broker profile."""
    process = Process(
        folder / "sandbox.log", "wallet", "sandbox", "--dir", str(folder / "market"), "--initiative", "cooperative"
    )
    try:
        yield Path(process.says(120)["profile"])
    finally:
        process.close()


def command(profile: Path, *words: str) -> str:
    environment = {**os.environ, "CHANNEL_WALLET_PASSWORD": "as good as none"}
    done = subprocess.run(
        [sys.executable, "-m", "wallet", *words, "--profile", str(profile)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def test_open_order_fill_cancel_finalize_withdraw(tmp_path: Path) -> None:
    profile = tmp_path / "trader"
    with sandbox(tmp_path) as broker:
        assert json.loads(broker.read_text())["offer"]["initiative"] == "cooperative"
        at = ("--broker", str(broker))
        command(profile, "keys", "create")
        command(profile, "faucet", *at)
        command(profile, "channel", "open", *at, "--allocate", "USDT=10000", "--allocate", "ETH=1")
        assert "filled 0.5 of 0.5" in command(profile, "order", "buy", "ETH/USDT", "0.5", "--limit", "9000", "--ioc")
        resting = command(profile, "order", "sell", "ETH/USDT", "0.2", "--limit", "9000").split()[0]
        command(profile, "order", "cancel", resting)
        command(profile, "channel", "finalize")
        withdrawn = command(profile, "channel", "withdraw")
        assert "withdrawn ETH 1.4" in withdrawn  # 1.5 less the taker's 0.1 % of what came, and gas is not of it
        assert "withdrawn USDT" in withdrawn
    history = HistoryReader(profile / "history.db")
    (record,) = history.channels()
    found = verify_history(history, record.id)
    assert found.sound, found
    issued: Counter[tuple[str, Role]] = Counter()
    for entry in history.walk(record.id):
        issued[entry.state.transition.name, entry.issuer] += 1
    history.close()
    expected: dict[tuple[str, Role], Any] = {
        ("SETUP", Role.TRADER): 1,
        ("CREATE_ORDER", Role.TRADER): 2,
        ("FINALIZE", Role.TRADER): 1,
    }
    assert {key: issued[key] for key in expected} == expected
    assert issued["TRADE", Role.BROKER] >= 1
    assert issued["CANCEL_ORDER", Role.TRADER] + issued["CANCEL_ORDER", Role.BROKER] == 1
    assert not any(name in ("CREATE_ORDER", "SETUP") for (name, role) in issued if role is Role.BROKER)
    row = {
        "commit": commit(),
        "verified": found.validated,
        "issued": {f"{name} {role.name}": n for (name, role), n in issued.items()},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "cooperative-end-to-end.json").write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
