"""The way of who has just cloned the repository: a checkout, one command, nothing of this machine's user."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dev_env import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def dev(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A home that is not there stands for one that cannot be written.
    environment = {**os.environ, "HOME": "/nonexistent"}
    python = getattr(sys, "_base_executable", sys.executable)
    command = [python, str(checkout / "packaging" / "dev.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800, check=False)


def test_one_command_makes_the_environment_and_the_next_is_quick(tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    ignore = shutil.ignore_patterns(".venv", ".git", ".cache", "__pycache__")
    shutil.copytree(ROOT, checkout, ignore=ignore)

    first = dev(checkout, "env")
    assert first.returncode == 0, first.stderr

    began = time.monotonic()
    second = dev(checkout, "env")
    assert second.returncode == 0
    assert time.monotonic() - began < 2

    version = subprocess.run(
        [checkout / ".venv" / "bin" / "python", "-c", "import wallet, wallet.resources as r; print(r.__file__)"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(version.stdout.strip()) == checkout / "wallet" / "resources.py"

    # As if the power had gone half-way: no stamp, half of a tree.
    shutil.rmtree(checkout / ".venv" / "lib")
    (checkout / ".venv" / "channel-wallet-stamp.json").unlink()
    again = dev(checkout, "check")
    assert "Making the environment" in again.stderr
    assert "mypy: " in again.stdout
