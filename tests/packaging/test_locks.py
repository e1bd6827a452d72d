"""The lock files: they hold what pyproject.toml asks for, with hashes, and no word of where packages come from."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dev_env import ROOT
from dev_lock import LOCKS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVIRONMENTS = [
    {"python_version": version, "python_full_version": f"{version}.9", "sys_platform": platform}
    for version in ("3.11", "3.12", "3.13", "3.14")
    for platform in ("linux", "darwin", "win32")
]


def entries(name: str) -> list[tuple[Requirement, list[str]]]:
    """Each pin with its hashes."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [(Requirement(line.split("--hash", 1)[0]), re.findall(r"--hash=(\S+)", line)) for line in lines]


def pins(name: str, environment: dict[str, str]) -> dict[str, str]:
    """Package to version, for one platform."""
    found: dict[str, list[str]] = defaultdict(list)
    for pin, _ in entries(name):
        if pin.marker is None or pin.marker.evaluate(environment):
            found[canonicalize_name(pin.name)].append(str(pin.specifier).removeprefix("=="))
    assert all(len(versions) == 1 for versions in found.values())
    return {package: versions[0] for package, versions in found.items()}


def wanted(extras: tuple[str, ...]) -> list[Requirement]:
    lines = PROJECT["dependencies"] + [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_one_version_with_hashes(name: str) -> None:
    assert entries(name)
    for pin, hashes in entries(name):
        assert re.fullmatch(r"==[^,*]+", str(pin.specifier)), pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), pin


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: f"{e['python_version']}-{e['sys_platform']}")
@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_holds_what_the_project_asks_for(name: str, environment: dict[str, str]) -> None:
    locked = pins(name, environment)
    for requirement in wanted(LOCKS[name]):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            version = locked.get(canonicalize_name(requirement.name))
            assert version, f"{requirement} is not locked"
            assert requirement.specifier.contains(version, prereleases=True), f"{requirement} but {version} is locked"


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda e: f"{e['python_version']}-{e['sys_platform']}")
def test_what_people_run_is_what_developers_tested(environment: dict[str, str]) -> None:
    runtime, sandbox, build, dev = (
        pins(f"packaging/lock-{name}.txt", environment) for name in ("runtime", "sandbox", "packaging", "dev")
    )
    assert runtime.items() <= sandbox.items() <= dev.items()
    assert sandbox.items() <= build.items()
    assert all(dev[name] == version for name, version in build.items() if name in dev)


def test_the_build_backend_is_locked_so_that_installing_the_project_asks_no_network() -> None:
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    locked = pins("packaging/lock-dev.txt", ENVIRONMENTS[0])
    assert all(Requirement(line).specifier.contains(locked[Requirement(line).name]) for line in backend)


@pytest.mark.parametrize("path", [*LOCKS, "pyproject.toml", ".ci/run"])
def test_no_place_is_named(path: str) -> None:
    text = (ROOT / path).read_text()
    assert not re.search(r"https?:|file:|git\+|--(extra-)?index|--find-links|--trusted-host|-i ", text)
    assert not re.search(r"@ |\.whl|(?<![\w.])/(home|root|opt|tmp|work)\b", text)


def test_no_file_here_can_be_taken_for_a_package() -> None:
    folder = ROOT / "packaging"
    assert not list(folder.rglob("__init__.py"))
    assert all(Path(file).stem.startswith("dev") for file in folder.glob("*.py"))
