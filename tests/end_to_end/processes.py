"""Processes of a test: started with pipes, killed without a word or ended with one, and never left behind."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A Python module as a process of its own, with its output read as JSON lines."""

    def __init__(self, log: Path, *command: str, under: Sequence[str] = ()) -> None:
        """``command`` is the module and its arguments; ``under`` a program that runs it, with its own."""
        self._log = log.open("ab")
        self._lines: queue.Queue[str | None] = queue.Queue()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"}
        self.process = subprocess.Popen(
            [*under, sys.executable, "-m", *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def says(self, within: float) -> dict[str, Any]:
        """Its next line."""
        line = self._lines.get(timeout=within)
        assert line is not None, f"it ended ({self.process.wait()}); see {self._log.name}"
        value: dict[str, Any] = json.loads(line)
        return value

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self.process.kill()
        self.process.wait(30)

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        if self.alive:
            self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
