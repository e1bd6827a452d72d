"""Run a command to its end, and leave nothing of it running."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from dev_env import ROOT

TIMED_OUT = 124
PR_SET_CHILD_SUBREAPER = 36


def run(command: list[str], environment: dict[str, str], seconds: float | None = None) -> int:
    """Run a command in the checkout and return its exit code, or TIMED_OUT after so many seconds.

    Whatever it left running is ended and named: on Linux even a process that made itself a session of its own, since an
    orphan is handed to the nearest ancestor that asked for them.
    """
    _adopt_orphans()
    # A person may answer a debugger; anything else finds nothing to read rather than wait.
    person = sys.stdin is not None and sys.stdin.isatty()
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=None if person else subprocess.DEVNULL)
    try:
        code = child.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"dev.py: stopped after {seconds:.0f} seconds: {' '.join(command)}", file=sys.stderr)
        code = TIMED_OUT
    except KeyboardInterrupt:
        # The terminal told the child too; let it close its fixtures.
        code = child.wait(30)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        _end_orphans()
    return code


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans(patience: float = 3.0) -> None:
    """Wait a little for adopted processes to end by themselves, then end them, children of children included."""
    deadline = time.monotonic() + patience
    named: set[int] = set()
    while True:
        _reap()
        children = _children()
        if not children:
            return
        late = time.monotonic() - deadline
        if late > 0:
            for process in children:
                if process not in named:
                    print(f"dev.py: left running by the tests, ended: {_name(process)}", file=sys.stderr)
                    named.add(process)
                _signal(process, signal.SIGTERM if late < patience else signal.SIGKILL)
        time.sleep(0.1)


def _children() -> list[int]:
    if sys.platform != "linux":
        return []
    own = str(os.getpid())
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything; state and parent follow the last bracket.
            state, parent = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if parent == own and state != "Z":
            found.append(int(stat.parent.name))
    return found


def _reap() -> None:
    try:
        while os.name == "posix" and os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _signal(process: int, number: signal.Signals) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def _name(process: int) -> str:
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return str(process)
    return command.replace(b"\0", b" ").decode(errors="replace").strip()[:200]
