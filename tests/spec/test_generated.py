"""What is checked in is what the command writes, byte for byte."""

from __future__ import annotations

import pytest

from tests.spec.generate import FOLDER, files

MADE = dict(files())


@pytest.mark.parametrize("name", MADE)
def test_checked_in_as_generated(name: str) -> None:
    assert (FOLDER / name).read_bytes() == MADE[name], "run `python -m tests.spec.generate` and look at the difference"


def test_nothing_is_left_over_and_all_of_it_is_small() -> None:
    there = {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.json")}
    assert there == set(MADE)
    assert sum(map(len, MADE.values())) < 600_000
