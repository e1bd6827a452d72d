"""The test command: checks, quick tests in parallel, slow tests by group with a record of each run."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from dev_env import CACHE, ROOT, Refused, tool_environment, venv_command
from dev_groups import GROUPS, groups_for
from dev_processes import run

RESULTS = CACHE / "results"
NO_TESTS = 5
# Commits nearer to HEAD than this belong to the same piece of work.
WORK_SECONDS = 4 * 3600
# Two workers, a file to a worker: fixtures of a file that start a server do so once.
PARALLEL = ["-n", "2", "--dist", "loadfile"]


@dataclass(frozen=True)
class Request:
    """What was asked for: no group means the quick tests."""

    groups: tuple[str, ...] = ()
    changed: bool = False
    seed: int = 0
    minutes: float | None = None
    pytest: tuple[str, ...] = ()


@dataclass
class Result:
    """How one run of pytest ended; the record of a slow group."""

    name: str
    exit: int
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seed: int = 0
    commit: str = ""
    began: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def parse(arguments: list[str]) -> Request:
    """Read the arguments of `test`; what is not ours is pytest's. Raises Refused for what makes no sense."""
    groups: list[str] = []
    others: list[str] = []
    options: dict[str, str] = {}
    changed = False
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--slow":
            asked = []
            while rest and rest[0] in GROUPS:
                asked.append(rest.pop(0))
            groups += asked or list(GROUPS)
        elif argument == "--changed":
            changed = True
        elif argument in {"--seed", "--minutes"}:
            if not rest or not rest[0].isascii() or not rest[0].isdecimal():
                raise Refused(f"{argument} needs a whole number after it.")
            options[argument] = rest.pop(0)
        else:
            others.append(argument)
    if changed and (groups or others):
        raise Refused("--changed chooses the tests itself: give neither --slow nor pytest's arguments with it.")
    return Request(
        groups=tuple(dict.fromkeys(groups)),
        changed=changed,
        seed=int(options.get("--seed", secrets.randbelow(2**32))),
        minutes=float(options["--minutes"]) if "--minutes" in options else None,
        pytest=tuple(others),
    )


def test(python: Path, arguments: list[str]) -> int:
    """Run what was asked for. Returns pytest's exit code, or 1 if only a check failed."""
    request = parse(arguments)
    if request.groups:
        return _slow(python, request, request.groups, _deadline(request))
    if request.changed:
        return _changed(python, request)
    clean = check(python)
    code = run(_quick(python, request), _environment(request))
    return code or (0 if clean else _unclean())


def check(python: Path) -> bool:
    """Run the static checks side by side; print what those that fail have to say. Returns whether all are clean."""
    commands = {
        "ruff": [str(python), "-m", "ruff", "check", "--quiet", "."],
        "format": [str(python), "-m", "ruff", "format", "--quiet", "--check", "."],
        "mypy": [str(python), "-m", "mypy", "--no-error-summary"],
        "imports": [str(venv_command("lint-imports")), "--cache-dir", str(CACHE / "import-linter")],
    }

    def one(command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=tool_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    with ThreadPoolExecutor(len(commands)) as pool:
        done = dict(zip(commands, pool.map(one, commands.values()), strict=True))
    for name, result in done.items():
        print(f"{name}: {'clean' if result.returncode == 0 else 'FAILED'}")
        if result.returncode:
            print(result.stdout + result.stderr)
    sys.stdout.flush()
    return all(result.returncode == 0 for result in done.values())


def counts(junit: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped, from pytest's JUnit file; all 0 if it is not there."""
    if not junit.is_file():
        return 0, 0, 0
    # Written by our own pytest a moment ago, so no hostile XML.
    suites = list(ElementTree.parse(junit).getroot().iter("testsuite"))  # noqa: S314 - our own file

    def total(name: str) -> int:
        return sum(int(suite.get(name, "0")) for suite in suites)

    failed = total("failures") + total("errors")
    return total("tests") - failed - total("skipped"), failed, total("skipped")


def changed_files(root: Path, base: str) -> list[str] | None:
    """Return the files that the last piece of work changed, from a commit to the work tree; None if it cannot be told.

    Without a base it is the commit before HEAD, and further back to where the work began: it lands at once and may be
    many commits. None when there is no such commit, as in a shallow clone or at the very beginning.
    """

    def git(*arguments: str) -> str | None:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    if not base:
        head = git("log", "-1", "--format=%ct")
        age = int(head) - WORK_SECONDS if head else 0
        base = git("rev-list", "-1", "--first-parent", f"--min-age={age}", "HEAD^1") or ""
    files = git("diff", "--name-only", base, "--") if base else None
    return None if files is None else files.splitlines()


def _changed(python: Path, request: Request) -> int:
    deadline = _deadline(request)
    clean = check(python)
    quick = _recorded("quick", _quick(python, request), request, deadline)
    files = changed_files(ROOT, os.environ.get("CHANNEL_WALLET_BASE", ""))
    # Nothing to compare with, as in a shallow clone: everything may have changed.
    names = tuple(GROUPS) if files is None else groups_for(files)
    print(f"Slow groups: {' '.join(names) or 'none'}", flush=True)
    results = [quick]
    code = quick.exit or _slow(python, request, names, deadline, results)
    print(
        f"{sum(r.passed for r in results)} passed, {sum(r.failed for r in results)} failed, "
        f"{sum(r.skipped for r in results)} skipped",
        flush=True,
    )
    return code or (0 if clean else _unclean())


def _slow(
    python: Path, request: Request, names: Iterable[str], deadline: float | None, results: list[Result] | None = None
) -> int:
    """Run groups one after the other, alone on the machine; the exit code is the first that is not 0."""
    code = 0
    for name in names:
        if deadline is not None and time.monotonic() + 60 * GROUPS[name].minutes > deadline:
            print(f"dev.py: not enough time left for the slow group {name}: NOT RUN", file=sys.stderr, flush=True)
            continue
        print(f"Slow group {name}, seed {request.seed}", flush=True)
        result = _recorded(name, _group(python, request, name), request, deadline)
        if result.exit == NO_TESTS:
            print(f"dev.py: the slow group {name} has no tests", file=sys.stderr, flush=True)
            continue
        if results is not None:
            results.append(result)
        code = code or result.exit
    return code


def _recorded(name: str, command: list[str], request: Request, deadline: float | None) -> Result:
    RESULTS.mkdir(parents=True, exist_ok=True)
    junit = RESULTS / f"{name}.xml"
    junit.unlink(missing_ok=True)
    start = time.monotonic()
    left = None if deadline is None else max(60.0, deadline - start)
    code = run([*command, f"--junitxml={junit}"], _environment(request), left)
    passed, failed, skipped = counts(junit)
    seconds = round(time.monotonic() - start, 1)
    result = Result(name, code, seconds, passed, failed, skipped, request.seed, _commit())
    (RESULTS / f"{name}.json").write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    return result


def _quick(python: Path, request: Request) -> list[str]:
    # A debugger and a live terminal do not go with workers.
    alone = any(argument.startswith(("-n", "-s", "--pdb", "--dist", "-p")) for argument in request.pytest)
    return [str(python), "-m", "pytest", *([] if alone else PARALLEL), *request.pytest]


def _group(python: Path, request: Request, name: str) -> list[str]:
    group = GROUPS[name]
    options = ["-m", group.marker, f"--hypothesis-seed={request.seed}", "--hypothesis-profile=slow", "--timeout=1200"]
    return [str(python), "-m", "pytest", *options, *request.pytest, *group.paths]


def _environment(request: Request) -> dict[str, str]:
    # Tests that want a real X server start one of their own.
    platform = os.environ.get("QT_QPA_PLATFORM", "offscreen")
    return tool_environment(QT_QPA_PLATFORM=platform, CHANNEL_WALLET_SEED=str(request.seed))


def _deadline(request: Request) -> float | None:
    return None if request.minutes is None else time.monotonic() + request.minutes * 60


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")


def _unclean() -> int:
    print("dev.py: the tests pass, but a check above FAILED", file=sys.stderr)
    return 1
