"""Which slow tests a change calls for, and that no slow test stands outside every group."""

import re
from pathlib import Path

import pytest

from dev_env import ROOT
from dev_groups import GROUPS, groups_for


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], ()),
        (["README.md"], ()),
        (["wallet/gui/theme.py"], ("session", "gui", "end_to_end")),
        (
            ["wallet/protocol/rules.py"],
            ("protocol", "chain", "parts", "broker", "session", "end_to_end", "crashes", "fuzz", "mutation"),
        ),
        (["tests/protocol/test_rules.py"], ("protocol", "mutation")),
        (["packaging/lock-dev.txt"], ("end_to_end", "installed", "packaging")),
        (
            ["resources/contracts/adjudicator-1.json"],
            ("chain", "session", "gui", "end_to_end", "disputes", "installed"),
        ),
    ],
)
def test_a_change_calls_for_its_groups(files: list[str], expected: tuple[str, ...]) -> None:
    assert groups_for(files) == expected


def test_every_slow_test_belongs_to_a_group() -> None:
    slow = re.compile(r"\bmark\.slow\b")
    paths = {path for group in GROUPS.values() for path in group.paths}
    files = [file for file in (ROOT / "tests").rglob("test_*.py") if slow.search(file.read_text(encoding="utf-8"))]
    assert files, "this very folder has one"
    outside = [file for file in files if not any(file.is_relative_to(ROOT / path) for path in paths)]
    assert outside == []


def test_every_folder_of_tests_is_in_a_group() -> None:
    folders = {file.parent.relative_to(ROOT).parts[1] for file in (ROOT / "tests").glob("*/**/test_*.py")}
    grouped = {Path(path).name for group in GROUPS.values() for path in group.paths}
    assert folders - grouped == set()
