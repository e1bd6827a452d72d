"""The process that holds keys leaves no core dump and lets nobody of the same user read it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# As a command begins: the limits are raised first, so that it is the program that lowers them.
_PROBE = """
import ctypes, json, os, resource, sys
from wallet.cli.main import main
os.umask(0o022)
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
try:
    main(["keys", "list", "--profile", sys.argv[1]])
except SystemExit:
    pass
dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == "linux" else 0
print(json.dumps([resource.getrlimit(resource.RLIMIT_CORE), dumpable, os.umask(0)]), flush=True)
os.abort()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no core dumps there")
def test_a_command_writes_no_core_dump_and_cannot_be_attached_to(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PROBE, str(tmp_path / "none")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(done.stdout.splitlines()[-1]) == [[0, 0], 0, 0o077], done.stderr
    assert done.returncode == -6  # it did crash
    assert list(tmp_path.iterdir()) == []
