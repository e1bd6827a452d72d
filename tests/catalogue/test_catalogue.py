"""The catalogue is whole: each row has its tests, its code and its valid sibling, and each code has its row."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogue.rows import HEADS, ROWS, Reaction, Row
from tests.protocol.cases import CASES
from tests.session.test_every_lie import OTHERWISE
from tests.session.test_liar import LIES
from tests.support.sharded import ROOT
from wallet.history import seat
from wallet.protocol import presence, rules, signatures, strictjson, terms, transitions
from wallet.session import adoption, judging

FILES = (
    *("protocol", "session", "wire", "catalogue", "app/test_account.py", "app/test_messages.py"),
    *("broker/test_resume.py", "broker/test_presence.py", "broker/test_cooperative.py"),
)
# The code is in a table beside the test, and asserted from it.
BY_TABLE = ("tests/protocol/test_json_suite", "tests/protocol/test_amounts", "tests/wire", "tests/broker", "tests/app")


def known(text: str) -> str:
    """An id as the rows write it: without blanks."""
    return text.replace(" ", "_")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every test that there is, by its id, with the text of it."""
    file = tmp_path_factory.mktemp("catalogue") / "collected.json"
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "tests.catalogue.collector"]
    environment = {**os.environ, "CATALOGUE_COLLECTED": str(file), "PYTHONPATH": str(ROOT)}
    paths = [f"tests/{name}" for name in FILES]
    subprocess.run([*command, "-m", "", *paths], cwd=ROOT, env=environment, check=True, capture_output=True)
    return {known(name): text for name, text in json.loads(file.read_text()).items()}


def named(tests: str) -> list[str]:
    """Whole ids of "HEAD:id HEAD:id"."""
    found = []
    for part in re.split(r" (?=[A-Z]:)", tests):
        head, _, name = part.partition(":")
        found.append(known(HEADS[head].format(name)))
    return found


APPLIES = [row for row in ROWS if row.reaction is not Reaction.NONE]


def test_every_number_of_the_catalogue_has_a_row() -> None:
    numbers = {row.number for row in ROWS}
    assert {str(number) for number in range(1, 180)} <= numbers
    assert {f"A{number}" for number in range(1, 17)} <= numbers
    assert len({(row.number, row.name) for row in ROWS}) == len(ROWS)
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_what_does_not_apply_says_why() -> None:
    others = [row for row in ROWS if row.reaction is Reaction.NONE]
    assert len(others) <= 6
    assert all(len(row.tests) > 40 and not row.code for row in others)


@pytest.mark.parametrize("row", APPLIES, ids=lambda row: f"{row.number}-{row.name}")
def test_a_row_has_its_tests_and_its_valid_sibling(row: Row, collected: dict[str, str]) -> None:
    for test in (*named(row.tests), *named(row.sibling)):
        assert test in collected, test
    assert not row.code or row.reaction not in (Reaction.ACCEPT, Reaction.SAME)


@pytest.mark.parametrize("row", [row for row in APPLIES if row.code], ids=lambda row: f"{row.number}-{row.name}")
def test_a_row_has_one_code_and_its_tests_know_it(row: Row, collected: dict[str, str]) -> None:
    for test in named(row.tests):
        name = test.partition("[")[2].removesuffix("]")
        if test.startswith("tests/protocol/test_rules.py"):
            assert CASES[name][0] == row.code, test
        elif "test_every_lie" in test and row.reaction in (Reaction.FLAG, Reaction.EVIDENCE):
            assert OTHERWISE.get(name, CASES[name][0]) == row.code, test
        elif "test_a_lie_is_flagged" in test:
            assert next(lie.code for lie in LIES if known(lie.name) == name) in (row.code, "INC-SKIP"), test
        elif test.startswith(BY_TABLE):
            continue
        elif "test_every_lie" not in test and "test_liar" not in test:
            assert row.code in collected[test], test


def test_every_code_is_provoked() -> None:
    codes = {row.code for row in APPLIES}
    sources = (rules, transitions, terms, judging, signatures, strictjson, presence, adoption, seat)
    pattern = r'"((?:[A-Z]{3}-[A-Z-]+)|(?:JSON_[A-Z_]+)|(?:[A-Z]+-(?:FILL|OPENING)))"'
    raised = {code for module in sources for code in re.findall(pattern, inspect.getsource(module))}
    assert raised - codes == set()
    assert len(raised) > 85


def test_every_lie_is_in_a_row() -> None:
    tests = [test for row in APPLIES for test in named(row.tests) if "test_rules" in test]
    told = {test.partition("[")[2].removesuffix("]") for test in tests}
    assert CASES.keys() - told == set()


def test_every_reaction_is_one_that_somebody_has() -> None:
    assert {row.reaction for row in ROWS} == set(Reaction)
    assert Path(__file__).with_name("rows.py").exists()
