"""The commands of dev.py: each a few lines over the modules beside this one."""

import os
import subprocess
import sys
from collections.abc import Callable

from dev_build import build
from dev_env import ROOT, Refused, ensure, tool_environment, venv_command
from dev_lock import lock
from dev_release import release, verify
from dev_reproduce import reproduce
from dev_system import PYTHON_VENV, QT, TEST_TOOLS
from dev_test import check, test

USAGE = """\
usage: python3 packaging/dev.py COMMAND

  env                          make the environment in .venv from the hashed lock, if it is not there yet
  demo [ARGS]                  start the demo market and the window
  test [PYTEST ARGS]           checks, then every quick test, without a display
  test --slow [GROUP...]       the slow tests, all or by group (results in .cache/results)
  test --changed               `test`, then the slow groups whose files changed ($CHANNEL_WALLET_BASE,
                               or the work of the last hours before HEAD, to HEAD)
       [--seed N] [--minutes N]
  check                        ruff, formatting, mypy, import rules
  bench [ARGS]                 the benchmarks
  screenshots [FOLDER]         pictures of the live demo, with the history each was taken of
  build [PART...] [--out DIR]  make wheel and sdist (python), bundle and .deb (deb) in dist/
  reproduce FILE               build wheel and bundle twice, list in FILE what differs and why
  release --key SECRET --public KEY [--out DIR]
                               build everything, sign checksums and notice with minisign, verify all of it
  verify DIR --public KEY      verify a release as who downloaded it
  lock [--upgrade]             write the lock files anew from pyproject.toml
"""


def run(arguments: list[str]) -> int:
    """Carry out one command line. Returns the exit code: 1 and a sentence if it cannot be done, 2 if misused."""
    commands: dict[str, Callable[[list[str]], int]] = {
        "env": _env,
        "demo": _demo,
        "test": _test,
        "check": _check,
        "bench": _bench,
        "screenshots": _screenshots,
        "build": build,
        "reproduce": reproduce,
        "release": release,
        "verify": verify,
        "lock": _lock,
    }
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(USAGE, end="")
        return 0 if arguments else 2
    command = commands.get(arguments[0])
    if command is None:
        print(f"dev.py has no command {arguments[0]!r}.\n\n{USAGE}", end="", file=sys.stderr)
        return 2
    try:
        return command(arguments[1:])
    except Refused as refused:
        print(f"dev.py: {refused}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def no_display(platform: str, environment: dict[str, str]) -> bool:
    """Whether a window certainly cannot be shown. Who sets QT_QPA_PLATFORM knows what they want."""
    return platform == "linux" and not any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    )


def _nothing_more(command: str, arguments: list[str]) -> None:
    if arguments:
        raise Refused(f"`{command}` takes no arguments, and got: {' '.join(arguments)}")


def _env(arguments: list[str]) -> int:
    _nothing_more("env", arguments)
    ensure((PYTHON_VENV, *QT))
    print(f"The environment is ready: {venv_command('channel-wallet')}")
    return 0


def _demo(arguments: list[str]) -> int:
    if no_display(sys.platform, dict(os.environ)):
        raise Refused(
            "there is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set): start the demo in a desktop "
            "session, or trade by command line, see `channel-wallet sandbox` in the README."
        )
    python = ensure((PYTHON_VENV, *QT))
    command = [str(python), "-m", "wallet", "demo", *arguments]
    if os.name == "posix":
        # One process less, and signals reach the window without a relay. The user's directory stays what it was.
        os.execve(command[0], command, tool_environment())  # noqa: S606 - replaces this process on purpose
    return subprocess.run(command, env=tool_environment(), check=False).returncode


def _test(arguments: list[str]) -> int:
    python = ensure((PYTHON_VENV, *QT, *TEST_TOOLS))
    return test(python, arguments)


def _check(arguments: list[str]) -> int:
    _nothing_more("check", arguments)
    python = ensure((PYTHON_VENV, *QT))
    return 0 if check(python) else 1


def _bench(arguments: list[str]) -> int:
    python = ensure((PYTHON_VENV, *QT))
    command = [str(python), "-m", "tests.benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, env=tool_environment(), check=False).returncode


def _screenshots(arguments: list[str]) -> int:
    python = ensure((PYTHON_VENV, *QT, *TEST_TOOLS))
    command = [str(python), "-m", "tests.end_to_end.screenshots", *arguments]
    return subprocess.run(command, cwd=ROOT, env=tool_environment(), check=False).returncode


def _lock(arguments: list[str]) -> int:
    python = ensure((PYTHON_VENV, *QT))
    return lock(python, arguments)
