"""The environment's stamp: what makes it stale, and that there is none for a half-made environment."""

import json
import shutil
import sys
from pathlib import Path

import pytest

import dev_env

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
[project]
name = "channel-wallet"
dependencies = ["click"]
[tool.hatch.version]
path = "wallet/__init__.py"
[tool.ruff]
line-length = 120
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "lock.txt").write_text("click==8.5.1\n")
    return tmp_path


def stamp(checkout: Path) -> dev_env.Stamp:
    return dev_env.wanted_stamp(checkout, checkout / "lock.txt")


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_stamp_is_the_same_as_long_as_nothing_changes(checkout: Path) -> None:
    assert stamp(checkout) == stamp(checkout)


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("lock.txt", "8.5.1", "8.5.2", "lock"),
        ("pyproject.toml", '"click"', '"click>=8"', "project"),
        ("pyproject.toml", '"hatchling"', '"hatchling>=1"', "project"),
        ("pyproject.toml", "wallet/__init__.py", "wallet/version.py", "project"),
    ],
)
def test_what_makes_the_environment_stale(checkout: Path, name: str, old: str, new: str, part: str) -> None:
    before = stamp(checkout)
    rewrite(checkout / name, old, new)
    after = stamp(checkout)
    assert {key for key in before if before[key] != after[key]} == {part}


def test_settings_of_a_linter_do_not(checkout: Path) -> None:
    before = stamp(checkout)
    rewrite(checkout / "pyproject.toml", "120", "100")
    assert stamp(checkout) == before


def test_a_checkout_moved_elsewhere_is_stale(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    moved = tmp_path_factory.mktemp("elsewhere") / "checkout"
    shutil.copytree(checkout, moved)
    assert stamp(moved) != stamp(checkout)


def test_another_python_is_stale(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stamp(checkout)
    monkeypatch.setattr(sys, "version", "3.12.1 (other)")
    assert stamp(checkout) != before


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\udcff"])
def test_a_stamp_that_cannot_be_read_counts_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "stamp.json"
    assert dev_env.read_stamp(path) == {}
    path.write_bytes(content.encode(errors="surrogateescape"))
    assert dev_env.read_stamp(path) == {}


def test_a_stamp_is_written_whole_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "stamp.json"
    dev_env.write_stamp(path, {"lock": "1"})
    dev_env.write_stamp(path, {"lock": "2"})
    assert dev_env.read_stamp(path) == {"lock": "2"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["stamp.json"]


@pytest.fixture
def steps(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """dev_env at work in a checkout of its own; its commands are noted and not run."""
    noted: list[list[str]] = []

    def note(what: str, command: list[str]) -> None:
        noted.append([what, *command])
        (checkout / ".venv").mkdir(exist_ok=True)

    for name, path in {"ROOT": "", "VENV": ".venv", "CACHE": ".cache", "LOCK": "lock.txt"}.items():
        monkeypatch.setattr(dev_env, name, checkout / path)
    monkeypatch.setattr(dev_env, "STAMP", checkout / ".venv" / "stamp.json")
    monkeypatch.setattr(dev_env, "step", note)
    return noted


def test_it_is_made_once(checkout: Path, steps: list[list[str]]) -> None:
    dev_env.ensure(())
    assert [step[0] for step in steps] == [
        "make a virtual environment",
        "install the locked packages",
        "install the project",
    ]
    assert "--require-hashes" in steps[1]
    assert "--no-index" in steps[2]
    dev_env.ensure(())
    assert len(steps) == 3


def test_new_metadata_only_installs_the_project_again(checkout: Path, steps: list[list[str]]) -> None:
    dev_env.ensure(())
    steps.clear()
    rewrite(checkout / "pyproject.toml", '"click"', '"click>=8"')
    dev_env.ensure(())
    assert [step[0] for step in steps] == ["install the project"]


def test_a_new_lock_makes_it_anew_and_keeps_nothing(checkout: Path, steps: list[list[str]]) -> None:
    dev_env.ensure(())
    (checkout / ".venv" / "left-over").touch()
    rewrite(checkout / "lock.txt", "8.5.1", "8.5.2")
    dev_env.ensure(())
    assert len(steps) == 6
    assert not (checkout / ".venv" / "left-over").exists()


def test_a_build_that_fails_half_way_is_done_again(
    checkout: Path, steps: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    note = dev_env.step

    def fail(what: str, command: list[str]) -> None:
        note(what, command)
        if what == "install the locked packages":
            raise dev_env.Refused("could not install")

    monkeypatch.setattr(dev_env, "step", fail)
    with pytest.raises(dev_env.Refused):
        dev_env.ensure(())
    assert dev_env.read_stamp(dev_env.STAMP) == {}
    monkeypatch.setattr(dev_env, "step", note)
    steps.clear()
    dev_env.ensure(())
    assert len(steps) == 3
    assert json.loads(dev_env.STAMP.read_text())["place"] == str(checkout)


def test_a_failing_command_is_a_sentence_with_what_it_said(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code = "import sys; print('no such package'); sys.exit(3)"
    with pytest.raises(dev_env.Refused, match="could not install the locked packages"):
        dev_env.step("install the locked packages", [sys.executable, "-c", code])
    assert b"no such package" in capfdbinary.readouterr().err


def test_nothing_of_another_installation_reaches_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    environment = dev_env.tool_environment(MORE="1")
    assert "PYTHONPATH" not in environment
    assert "PIP_TARGET" not in environment
    assert environment["MORE"] == "1"
    assert environment["PATH"]
