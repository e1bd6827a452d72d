"""Every input that ever mattered is tried again; the slow run looks for new ones."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fuzz.__main__ import CORPUS, ROOT, command
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS
from tests.support.sharded import record

SECONDS = int(os.environ.get("CHANNEL_WALLET_FUZZ_SECONDS", "10"))


def corpus(name: str) -> list[Path]:
    return sorted((CORPUS / name).iterdir())


def test_every_target_has_a_corpus_and_begins_with_something_valid() -> None:
    assert len(TARGETS) >= 8
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    for name, texts in seeds().items():
        assert texts, name
    assert sum(file.stat().st_size for name in TARGETS for file in corpus(name)) < 2**20


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_corpus_is_borne(name: str) -> None:
    for file in corpus(name):
        start = time.perf_counter()
        TARGETS[name](file.read_bytes())
        assert time.perf_counter() - start < 5, file.name


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_and_their_halves_are_borne(name: str) -> None:
    """Cut off anywhere, and with any one bit another in the first bytes."""
    for text in seeds()[name]:
        for cut in {0, 1, len(text) // 2, len(text) - 1}:
            TARGETS[name](text[:cut])
        for at in range(min(len(text), 16)):
            TARGETS[name](text[:at] + bytes([text[at] ^ 0x20]) + text[at + 1 :])


@pytest.mark.slow
@pytest.mark.timeout(880)
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python")
def test_no_target_is_broken_by_what_coverage_leads_to() -> None:
    def run(name: str) -> tuple[str, int, str]:
        done = subprocess.run(
            command(name, SECONDS), cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
        )
        return name, done.returncode, done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, sorted(TARGETS)))
    tried = {}
    for name, _, output in done:
        units = re.search(r"number_of_executed_units: *(\d+)", output)
        tried[name] = int(units[1]) if units else 0
    record("fuzz", int(os.environ.get("CHANNEL_WALLET_SEED", "0")), tried, seconds=SECONDS, total=sum(tried.values()))
    broken = {name: output[-3_000:] for name, code, output in done if code}
    assert not broken, broken
    assert all(tried.values()), tried
