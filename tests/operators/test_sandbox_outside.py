"""The sandbox on another node's chain: anvil's; refused on one that may be worth something."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chain.anvil import anvil
from tests.cli.chains import call, ready
from tests.operators.operated import ETH, USDT, Ground, balance

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]
NATIVE = "0x" + "00" * 20
PATIENCE = 120.0


@contextmanager
def sandbox(there: Ground, *arguments: str) -> Iterator[dict[str, Any]]:
    with (there.folder / "sandbox.txt").open("ab") as log:
        process = subprocess.Popen(
            there.command("sandbox", "--dir", str(there.folder / "market"), "--rpc", there.url, *arguments),
            env=there.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (there.folder / "sandbox.txt").read_text()
            yield json.loads(line)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def test_a_market_on_anvil_that_goes_on_after_a_restart(tmp_path: Path) -> None:
    with anvil() as url:
        ready(url)
        there = Ground(tmp_path, url)
        address = there.ask("keys", "create", "--profile", str(tmp_path / "anna"))["address"]
        with sandbox(there, "--fund", address) as found:
            assert (found["rpc"], found["chainId"]) == (url, 31337)
            broker = json.loads(Path(found["profile"]).read_text())
            tokens = {row["symbol"]: row["address"] for row in broker["tokens"]}
            assert balance(url, address, NATIVE) == 10 * ETH
            assert balance(url, address, tokens["USDT"]) == 50_000 * USDT
            profile = ("--profile", str(tmp_path / "anna"))
            there.ask("channel", "open", *profile, "--broker", found["profile"], "--allocate", "USDT=10000")
            deadline = time.monotonic() + PATIENCE
            while True:  # until the makers are there
                row = there.ask("order", "buy", "ETH/USDT", "0.1", "--limit", "6000", "--ioc", *profile)
                if row["status"] == "filled":
                    break
                assert time.monotonic() < deadline, row
        with sandbox(there) as again:
            assert json.loads(Path(again["profile"]).read_text())["adjudicator"] == broker["adjudicator"]
            there.ask("channel", "finalize", *profile)
            paid = there.ask("channel", "withdraw", *profile)["withdrawn"]
            assert paid["ETH"] == "0.0999"  # the fee of 0.1 % is taken of what is bought
        logs = [*(tmp_path / "market" / "logs").glob("*"), tmp_path / "sandbox.txt"]
        assert not any("Traceback" in path.read_text() for path in logs)
    with anvil() as url:
        ready(url)
        other = Ground(tmp_path, url).run("sandbox", "--dir", str(tmp_path / "market"), "--rpc", url)
        assert other.returncode == 1
        assert "are not on the chain" in other.stderr


def test_a_chain_that_may_be_worth_something_is_refused(tmp_path: Path) -> None:
    with anvil("--chain-id", "1") as url:
        ready(url)
        there = Ground(tmp_path, url)
        before = call(url, "eth_blockNumber")
        done = there.run("sandbox", "--dir", str(tmp_path / "market"), "--rpc", url)
        assert done.returncode == 1
        assert "may cost real coins" in done.stderr
        assert call(url, "eth_blockNumber") == before
