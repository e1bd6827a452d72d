"""What a benchmark says: figures with units beside the limit of the same machine in the same run, and their ratio."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / ".cache" / "results"


@dataclass(frozen=True)
class Figure:
    """``limit`` is the same quantity at its cheapest possible; ``ratio`` how many times dearer we are."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    limit_name: str = ""
    ratio: float | None = None


@dataclass(frozen=True)
class Options:
    """How long to measure, and where to write."""

    rounds: int
    states: int
    folder: Path
    history: int = 1_000  # states of the long history


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def table(title: str, figures: Sequence[Figure]) -> str:
    """Aligned lines for a terminal."""
    rows = [("", "value", "unit", "limit", "×", "what the limit is")]
    rows += [
        (
            row.name,
            _show(row.value),
            row.unit,
            "" if row.limit is None else _show(row.limit),
            "" if row.ratio is None else f"{row.ratio:.2f}",
            row.limit_name,
        )
        for row in figures
    ]
    widths = [max(len(row[at]) for row in rows) for at in range(6)]
    lines = [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]:>{widths[3]}}"
        f"  {row[4]:>{widths[4]}}  {row[5]}".rstrip()
        for row in rows
    ]
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _show(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:,.1f}"


def write(path: Path, results: dict[str, Sequence[Figure]]) -> None:
    """The record of a run: figures, commit, machine, versions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    value = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _commit(),
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()},
        "figures": {name: [asdict(row) for row in rows] for name, rows in results.items()},
    }
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
