"""The page of the README, as it stands: its very commands, in a shell, on anvil. Only ports are other ones."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chain.anvil import anvil
from tests.cli.chains import ready
from tests.operators.operated import ROOT, USDT, balance, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(400)]
NEEDED = ("bash", "openssl", "sed")


def page() -> list[str]:
    """The blocks of commands of the section."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("\n## Run a broker\n")[2].partition("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}")
def test_the_commands_of_the_page(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "channel-wallet"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wallet "$@"\n')
    program.chmod(0o755)
    port = str(free_port())
    with anvil("--block-time", "1") as url:
        ready(url)
        commands = "\n".join(page())
        assert "8700" in commands
        commands = commands.replace("http://127.0.0.1:8545", url).replace("8700", port)
        edit = f"sed -i 's|^port = 8700|port = {port}|' broker/broker.toml\n"
        commands = commands.replace("channel-wallet broker run", edit + "channel-wallet broker run", 1)
        with (tmp_path / "said.txt").open("w+b") as said:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", commands],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{programs}:{os.environ['PATH']}"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = shell.wait(350)
            finally:
                _end(shell)
        text = (tmp_path / "said.txt").read_text()
        assert code == 0, text
        assert "Traceback" not in text
        assert "is the adjudicator of this release" in text
        assert "withdrawn ETH 1.24975" in text  # what he brought, what he bought, less 0.1 % of it
        profile = json.loads((tmp_path / "broker" / "broker.json").read_text())
        assert profile["url"] == f"wss://localhost:{port}"
        keys = subprocess.run(
            [str(program), "keys", "list", "--json", "--profile", str(tmp_path / "ben")],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        (account,) = json.loads(keys.stdout)["accounts"]
        token = next(row["address"] for row in profile["tokens"] if row["symbol"] == "USDT")
        assert balance(url, account["address"], token) == (200_000 - 750) * USDT


def _end(shell: subprocess.Popen[bytes]) -> None:
    """The broker it left running ends as by its owner; nobody of the session stays."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(shell.pid, number)
        except ProcessLookupError:
            return
        try:
            shell.wait(1)
            subprocess.run(["sleep", "2"], check=False)
        except subprocess.TimeoutExpired:
            pass
