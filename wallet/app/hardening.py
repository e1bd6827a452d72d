"""What the operating system is told about this process: its memory is nobody else's to read, and goes to no disk.

Keys and passwords are in memory while the wallet is open. A core dump would write them to a file, or hand them to a
crash reporter; a debugger of any other program of the same user could read them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

_PR_SET_DUMPABLE = 4  # <linux/prctl.h>


def harden_process() -> None:
    """Files are made owner-only, no core dump is written, and on Linux no process of the same user can attach.

    The best effort where the system refuses: who can't forbid a dump still wants his wallet. Children inherit the
    umask and the limit; they hold no keys.
    """
    os.umask(0o077)
    if sys.platform == "win32":
        return  # it writes no core dumps, and its access lists already keep other users out
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # The limit alone is ignored where dumps are piped to a collector; this also forbids ptrace and /proc/…/mem.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
