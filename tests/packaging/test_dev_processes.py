"""A test run leaves nothing behind, not even what put itself into a session of its own."""

import os
import subprocess
import sys
import time

import pytest

from dev_env import ROOT

# The runner makes itself the parent of orphans, so it gets a process of its own here.
RUNNER = (
    "import os, sys; sys.path.insert(0, sys.argv[1]); import dev_processes as d; "
    "sys.exit(d.run(sys.argv[3:], dict(os.environ), float(sys.argv[2])))"
)
LEAVES_ONE = (
    "import subprocess, sys; "
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True); "
    "print(p.pid, flush=True); sys.exit(4)"
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux alone")


def run(code: str, seconds: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUNNER, str(ROOT / "packaging"), str(seconds), sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_exit_code_is_handed_on() -> None:
    assert run("raise SystemExit(5)", 30).returncode == 5


def test_what_is_left_running_is_named_and_ended() -> None:
    done = run(LEAVES_ONE, 30)
    assert done.returncode == 4
    assert "left running by the tests, ended: " in done.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


def test_a_run_past_its_time_is_stopped() -> None:
    began = time.monotonic()
    done = run("import time; time.sleep(60)", 0.5)
    assert done.returncode == 124
    assert time.monotonic() - began < 20
