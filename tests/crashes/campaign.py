"""Kills by the hundred, in batches that can be interrupted and gone on with.

Every batch has a folder, a seed and a judgement of its own, and is written down when it is over.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.crashes.arena import VICTIMS, Arena, random_kills
from tests.crashes.options import Options
from tests.end_to_end.processes import ROOT

RESULTS = ROOT / ".cache" / "results"


def campaign(
    folder: Path,
    results: Path,
    kills: int,
    seed: int,
    *,
    batch: int = 50,
    initiative: str = "broker",
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """At least ``kills`` kills, those in ``results`` of this seed included; the record of all. Fails as tests do."""
    record = _begun(results, seed, initiative)
    while (done := sum(row["kills"] for row in record["batches"])) < kills:
        row = _batch(folder, f"{seed}-{initiative}-{len(record['batches'])}", min(batch, kills - done), initiative)
        record["batches"].append(row)
        total: Counter[str] = Counter()
        for each in record["batches"]:
            total.update({key: each[key] for key in row if key != "seconds"})
        record["total"] = total | {"seconds": round(sum(each["seconds"] for each in record["batches"]))}
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        tell(f"{done + row['kills']} of {kills}: {row}")
    return record


def _begun(results: Path, seed: int, initiative: str) -> dict[str, Any]:
    head = {"seed": seed, "initiative": initiative, "commit": commit()}
    if results.exists():
        record: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
        if (record["seed"], record["initiative"]) == (seed, initiative):
            return record | {"commit": head["commit"]}
    return head | {"batches": [], "total": {}}


def _batch(folder: Path, seed: str, kills: int, initiative: str) -> dict[str, Any]:
    place, begun = folder / seed, time.monotonic()
    shutil.rmtree(place, ignore_errors=True)
    options = Options(initiative=initiative)
    with Arena(place, options, options) as arena:
        random_kills(arena, kills, random.Random(seed))
        verdict = arena.conclude()
    assert verdict.rate >= 20, f"only {verdict.rate:.1f} states a second: nothing flowed that could have been lost"
    shutil.rmtree(place)
    return {
        "kills": kills,
        **{victim: arena.kills[victim] for victim in VICTIMS},
        "states": verdict.states,
        "signatures": verdict.signatures,
        "resumes": verdict.resumes,
        "connections": verdict.connections,
        "flowSeconds": round(verdict.flow_seconds, 1),
        "seconds": round(time.monotonic() - begun, 1),
    }


def commit() -> str:
    """The state of the source that is running, for the record."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"
