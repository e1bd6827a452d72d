"""The program as people get it: a wheel, installed into an environment of its own, run from another directory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.end_to_end.processes import ROOT

PATIENCE = 120.0


def install(folder: Path) -> Path:
    """Builds the wheel of this tree and installs it; the path of its ``channel-wallet``.

    What it depends on is seen through a path file that points to the packages of this very environment, so that
    nothing is downloaded; the checkout itself is not among them, since path files there are not followed.
    """
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index"]
    dist, home = folder / "dist", folder / "environment"
    _run([*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", str(dist), str(ROOT)])
    (wheel,) = dist.glob("*.whl")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    packages = Path(_run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    _run([*pip, "--python", str(python), "install", *offline, str(wheel)])
    found = Path(_run([str(python), "-c", "import wallet; print(wallet.__file__)"], cwd=folder).strip())
    assert found.is_relative_to(packages), found
    return home / "bin" / "channel-wallet"


def _run(command: list[str], cwd: Path | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Cli:
    """``channel-wallet`` for one profile."""

    program: Path
    profile: Path
    password: str = "as good as none"

    def run(self, *arguments: str, largest_file: int | None = None) -> Said:
        """A command, in a directory that holds nothing of the program.

        ``largest_file``: the disk is full for every file that would grow beyond so many bytes.
        """

        def limit() -> None:
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment["CHANNEL_WALLET_PASSWORD"] = self.password
        done = subprocess.run(
            [str(self.program), *arguments],
            cwd=self.profile.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            preexec_fn=limit,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def __call__(self, *arguments: str) -> dict[str, Any]:
        """A command on the profile that must succeed: the one JSON object it prints."""
        said = self.run(*arguments, "--profile", str(self.profile), "--json")
        assert said.code == 0, (arguments, said)
        assert said.err == "", said.err
        value: dict[str, Any] = json.loads(said.out)
        return value

    def with_password(self, password: str) -> Cli:
        return replace(self, password=password)


class Sandbox:
    """``channel-wallet sandbox`` of the installed wheel, until closed."""

    def __init__(self, program: Path, directory: Path) -> None:
        self._log = (directory.parent / "sandbox.log").open("wb")
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [str(program), "sandbox", "--dir", str(directory)],
            cwd=directory.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.profile = Path(ready["profile"])
        self.broker: dict[str, Any] = json.loads(self.profile.read_text(encoding="utf-8"))
        self.rpc: str = self.broker["rpc"][0]
        self.tokens: dict[str, str] = {row["symbol"]: row["address"] for row in self.broker["tokens"]}

    def close(self) -> int:
        """Ends it as a user does; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self._log.close()
            if self.process.stdout is not None:
                self.process.stdout.close()
