"""A broker as its owner runs it: anvil, the contract deployed, the file filled in, `channel-wallet broker run`.

All by the command line, in processes of their own; money comes from anvil.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from tests.chain.anvil import anvil
from tests.cli.chains import call, mined, ready, rich
from tests.support.settings import filled
from wallet.resources import resource

ROOT = Path(__file__).parents[2]
PASSWORD = "as good as none"
ETH, USDT = 10**18, 10**6
PATIENCE = 120.0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Ground:
    """A chain with contract and token, and a folder for everything."""

    folder: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    contract: str = ""
    token: str = ""

    @property
    def variables(self) -> dict[str, str]:
        return self.variables_for(dict(os.environ))

    def variables_for(self, inherited: dict[str, str]) -> dict[str, str]:
        passwords = dict.fromkeys(
            ("CHANNEL_WALLET_PASSWORD", "CHANNEL_WALLET_KEY_PASSWORD", "CHANNEL_WALLET_WATCH_PASSWORD"), PASSWORD
        )
        return {**inherited, "PYTHONPATH": str(ROOT), **passwords, **self.environment}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "wallet", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def ask(self, *arguments: str) -> dict[str, Any]:
        """A command that must succeed: the one JSON object it prints."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        value: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return value

    def trader(self, name: str, coins: int = 10 * ETH, tokens: int = 50_000 * USDT) -> str:
        """A new profile of this name with money; its address."""
        address = str(self.ask("keys", "create", "--profile", str(self.folder / name))["address"])
        rich(self.url, bytes.fromhex(address[2:]), coins)
        self.mint(address, tokens)
        return address

    def mint(self, account: str, amount: int) -> None:
        data = "0x40c10f19" + encode(("address", "uint256"), (account, amount)).hex()
        mined(self.url, {"to": self.token, "data": data})


def make_token(url: str) -> str:
    entry = json.loads(resource("contracts/test-token.json").read_text(encoding="utf-8"))
    arguments = encode(("string", "string", "uint8"), ("Test USDT", "USDT", 6))
    return str(mined(url, {"data": entry["bytecode"] + arguments.hex()})["contractAddress"])


class Running:
    """`broker run`, until stopped."""

    def __init__(self, ground: Ground, config: Path) -> None:
        self._log = (ground.folder / "broker.out").open("ab")
        self.process = subprocess.Popen(
            ground.command("broker", "run", "--config", str(config)),
            cwd=ground.folder,
            env=ground.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (ground.folder / "broker.out").read_text()
        self.ready: dict[str, Any] = json.loads(line)

    def stop(self) -> int:
        """As its owner does; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self._log.close()
            if self.process.stdout is not None:
                self.process.stdout.close()


@contextmanager
def ground(folder: Path, *options: str) -> Iterator[Ground]:
    """anvil with a token; no contract yet."""
    with anvil(*options) as url:
        ready(url)
        found = Ground(folder, url)
        found.token = make_token(url)
        yield found


def founded(there: Ground, name: str = "broker", **changes: str) -> Path:
    """Keys, collateral, contract and a filled-in file; the file. ``changes``: settings by key, as TOML."""
    folder = there.folder / name
    row = there.ask("broker", "init", "--dir", str(folder), "--rpc", there.url, "--token", there.token)
    rich(there.url, bytes.fromhex(row["owner"][2:]), 100 * ETH)
    there.mint(row["owner"], 200_000 * USDT)
    if not there.contract:
        key = str(folder / "owner.key")
        made = there.ask(
            *("contract", "deploy", "--rpc", there.url, "--key", key, "--confirmations", "1", "--yes"),
        )
        there.contract = made["address"]
    config = folder / "broker.toml"
    wanted = {"contract": f'"{there.contract}"', "port": str(free_port()), "confirmations": "1", **changes}
    config.write_text(filled(config.read_text(), **wanted))
    return config


def balance(url: str, account: str, token: str) -> int:
    if int(token, 16) == 0:
        return int(call(url, "eth_getBalance", account, "latest"), 16)
    data = "0x70a08231" + account[2:].rjust(64, "0")
    return int(call(url, "eth_call", {"to": token, "data": data}, "latest"), 16)
