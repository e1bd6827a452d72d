"""Every small change of the rules is noticed by their tests, or a person has said why it need not be."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from tests.mutation.__main__ import KNOWN, run
from tests.support.sharded import record


def test_each_known_survivor_has_its_reason() -> None:
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    assert all(": - " in change and len(reason) > 15 for change, reason in known.items())


@pytest.mark.slow
@pytest.mark.timeout(890)
@pytest.mark.skipif(importlib.util.find_spec("mutmut") is None, reason="mutmut forks a process for each mutant")
def test_the_tests_of_the_rules_notice_every_change(tmp_path: Path) -> None:
    found = run(tmp_path)
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    counts = {"killed": found.killed, "survived": len(found.survivors)}
    new = sorted(found.survivors.keys() - known.keys())
    record("mutation", 0, counts, share=round(found.share, 2), unexplained=new)
    assert len(new) < found.killed // 50, new
    assert found.killed > 1_000
    assert found.share >= 95
