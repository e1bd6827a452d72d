"""The environment of a checkout: `.venv`, made from the hashed lock and known to be whole by a stamp written last."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dev_system

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
VENV = ROOT / ".venv"
STAMP = VENV / "channel-wallet-stamp.json"
LOCK = ROOT / "packaging" / "lock-dev.txt"

Stamp = dict[str, str]


class Refused(Exception):
    """Something cannot be done; the message is a sentence for the person at the terminal."""


def ensure(needs: tuple[dev_system.Need, ...]) -> Path:
    """Install or name what the system lacks, make the environment if it is not there, and return its Python.

    Raises Refused when something is lacking that this user cannot install.
    """
    try:
        dev_system.provide(needs)
    except dev_system.Lacking as lacking:
        raise Refused(str(lacking)) from lacking
    want = wanted_stamp(ROOT, LOCK)
    if read_stamp(STAMP) != want:
        with _alone():
            # Somebody else may have made it while this one waited.
            have = read_stamp(STAMP)
            if have != want:
                _make(have, want)
    return venv_command("python")


def wanted_stamp(root: Path, lock: Path) -> Stamp:
    """Return what the environment must have been made from: interpreter, place, lock and the project's metadata."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    # Settings of linters and tests stand in the same file and change nothing in the environment.
    metadata = [pyproject["build-system"], pyproject["project"], pyproject["tool"]["hatch"]]
    return {
        "python": f"{sys.version} in {sys.base_prefix}",
        "place": str(root),
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "project": hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest(),
    }


def read_stamp(path: Path) -> Stamp:
    """Return the stamp of the environment; empty if there is none or it cannot be read, so that it is made anew."""
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(path: Path, stamp: Stamp) -> None:
    """Write the stamp in one step: there is never half of one."""
    half = path.with_suffix(".new")
    half.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    half.replace(path)


def venv_command(name: str) -> Path:
    """Return the path of a command of the environment."""
    return VENV / "Scripts" / f"{name}.exe" if os.name == "nt" else VENV / "bin" / name


def tool_environment(**extra: str) -> dict[str, str]:
    """Return the variables for what runs in the environment: nothing of another Python installation reaches in."""
    foreign = {
        "PYTHONHOME",
        "PYTHONPATH",
        "PIP_PREFIX",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_TARGET",
        "PIP_USER",
        "VIRTUAL_ENV",
    }
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**kept, "PYTHONNOUSERSITE": "1", **extra}


def _make(have: Stamp, want: Stamp) -> None:
    only_the_project = {**have, "project": ""} == {**want, "project": ""}
    STAMP.unlink(missing_ok=True)
    if not only_the_project:
        print("Making the environment in .venv: about 600 MB, one to three minutes, once.", file=sys.stderr, flush=True)
        _remove(VENV)
        step("make a virtual environment", [base_python(), "-m", "venv", str(VENV)])
        _pip("install the locked packages", "--require-hashes", "--no-deps", "--requirement", str(LOCK))
    # The build backend came with the lock, so this asks no network.
    _pip("install the project", "--no-index", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    write_stamp(STAMP, want)


def _pip(what: str, *arguments: str) -> None:
    pip = [str(venv_command("python")), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    step(what, [*pip, *arguments])


def step(what: str, command: list[str]) -> None:
    # A person may watch the downloads go by; in a log they are noise, unless it fails.
    output = None if sys.stdout.isatty() else subprocess.PIPE
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=tool_environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        check=False,
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stdout or b"")
        raise Refused(f"could not {what} (see above); nothing half-made is used, so simply run the command again.")


def base_python() -> str:
    # From inside a virtual environment, perhaps the very one to be made anew, take the Python beneath it.
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold back a second dev.py in the same checkout while this one makes the environment."""
    CACHE.mkdir(exist_ok=True)
    if os.name == "nt":
        yield
        return
    import fcntl  # not there on Windows

    with (CACHE / "environment.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
