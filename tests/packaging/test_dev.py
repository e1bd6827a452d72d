"""dev.py at its edges: which Pythons it takes, what it makes of its arguments, where it refuses."""

import dataclasses
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import dev
import dev_commands
import dev_test
from dev_env import ROOT, Refused
from dev_groups import GROUPS

DEV = ROOT / "packaging" / "dev.py"


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        ((2, 7), False),
        ((3, 8), False),
        ((3, 10), False),
        ((3, 11), True),
        ((3, 12), True),
        ((3, 13), True),
        ((3, 14), True),
        ((3, 15), False),
        ((4, 0), False),
    ],
)
def test_which_pythons_are_taken(version: tuple[int, int], taken: bool) -> None:
    why = dev.refusal(version)
    assert (why == "") is taken
    if not taken:
        assert "3.11, 3.12, 3.13 or 3.14" in why
        assert f"this is Python {version[0]}.{version[1]} " in why
        assert "\n" not in why


def test_the_refusal_and_the_metadata_say_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = [".".join(map(str, version)) for version in (dev.OLDEST, dev.FIRST_TOO_NEW)]
    assert project["requires-python"] == f">={bounds[0]},<{bounds[1]}"


@pytest.mark.parametrize("minor", [8, 9, 10])
def test_another_python_gets_one_sentence(minor: int) -> None:
    python = _other_python(minor)
    if python is None:
        pytest.skip(f"no Python 3.{minor} on this machine")
    done = subprocess.run([python, str(DEV), "test"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"this is Python 3.{minor} " in done.stderr


def _other_python(minor: int) -> str | None:
    beside = Path(sys.base_prefix).parent
    candidates = [shutil.which(f"python3.{minor}"), *map(str, beside.glob(f"3.{minor}.*/bin/python3"))]
    for python in filter(None, candidates):
        # A version manager's shim is on PATH for Pythons that do not start.
        if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0:
            return python
    return None


def test_help_and_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev_commands.run(["--help"]) == 0
    assert dev_commands.run([]) == 2
    assert dev_commands.run(["tset"]) == 2
    assert "no command 'tset'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "environment", "none"),
    [
        ("linux", {}, True),
        ("linux", {"DISPLAY": ""}, True),
        ("linux", {"DISPLAY": ":0"}, False),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, False),
        ("linux", {"QT_QPA_PLATFORM": "offscreen"}, False),
        ("darwin", {}, False),
        ("win32", {}, False),
    ],
)
def test_when_there_is_no_display(platform: str, environment: dict[str, str], none: bool) -> None:
    assert dev_commands.no_display(platform, environment) is none


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is a display")
def test_the_demo_without_a_display_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert dev_commands.run(["demo"]) == 1
    assert "there is no display here" in capsys.readouterr().err


def test_arguments_of_test() -> None:
    assert dev_test.parse([]).groups == ()
    assert dev_test.parse(["tests/protocol", "-k", "seed"]).pytest == ("tests/protocol", "-k", "seed")
    assert dev_test.parse(["--slow"]).groups == tuple(GROUPS)
    one = dev_test.parse(["--slow", "chain", "-x", "--seed", "7", "--minutes", "45"])
    assert (one.groups, one.pytest, one.seed, one.minutes) == (("chain",), ("-x",), 7, 45.0)
    # A path after --slow is pytest's and takes nothing from the groups.
    path = dev_test.parse(["--slow", "tests/chain/test_x.py"])
    assert (path.groups, path.pytest) == (tuple(GROUPS), ("tests/chain/test_x.py",))
    assert dev_test.parse(["--changed"]).changed


@pytest.mark.parametrize(
    "wrong", [["--seed"], ["--seed", "-1"], ["--minutes", "x"], ["--changed", "--slow"], ["--changed", "-x"]]
)
def test_senseless_arguments_of_test(wrong: list[str]) -> None:
    with pytest.raises(Refused):
        dev_test.parse(wrong)


def test_changed_files_are_those_of_the_last_piece_of_work(tmp_path: Path) -> None:
    def git(*arguments: str, hour: int = 0) -> str:
        date = {f"GIT_{who}_DATE": f"2026-01-01T{hour:02}:00:00Z" for who in ("AUTHOR", "COMMITTER")}
        person = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
        command = ["git", *person, *arguments]
        environment = {**os.environ, **date}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    def commit(name: str, hour: int) -> str:
        (tmp_path / name).write_text(name)
        git("add", name)
        git("commit", "-qm", name, hour=hour)
        return git("rev-parse", "HEAD").strip()

    git("init", "-q")
    assert dev_test.changed_files(tmp_path, "") is None
    first = commit("old", 1)
    assert dev_test.changed_files(tmp_path, "") is None
    commit("begun", 10)
    commit("ended", 12)
    assert dev_test.changed_files(tmp_path, "") == ["begun", "ended"]
    assert dev_test.changed_files(tmp_path, "HEAD^1") == ["ended"]
    assert dev_test.changed_files(tmp_path, first) == ["begun", "ended"]
    assert dev_test.changed_files(tmp_path, "no-such-commit") is None
    commit("later", 23)
    assert dev_test.changed_files(tmp_path, "") == ["later"]


def test_counts_come_from_the_record_of_the_run(tmp_path: Path) -> None:
    record = tmp_path / "run.xml"
    assert dev_test.counts(record) == (0, 0, 0)
    record.write_text('<testsuites><testsuite tests="12" failures="2" errors="1" skipped="3"/></testsuites>')
    assert dev_test.counts(record) == (6, 3, 3)


def test_a_group_that_would_not_end_in_time_is_not_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    begun: list[str] = []

    def recorded(name: str, *_: object) -> dev_test.Result:
        begun.append(name)
        return dev_test.Result(name, 0, 1.0, 1, 0, 0, 7, "commit")

    monkeypatch.setattr(dev_test, "_recorded", recorded)
    monkeypatch.setitem(GROUPS, "chain", dataclasses.replace(GROUPS["chain"], minutes=3))
    monkeypatch.setitem(GROUPS, "broker", dataclasses.replace(GROUPS["broker"], minutes=5))
    request = dev_test.parse(["--changed", "--minutes", "4"])
    deadline = time.monotonic() + 4 * 60
    assert dev_test._slow(tmp_path, request, ("broker", "chain"), deadline) == 0
    assert begun == ["chain"]
    assert "slow group broker: NOT RUN" in capsys.readouterr().err
