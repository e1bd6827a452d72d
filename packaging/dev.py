#!/usr/bin/env python3
"""The one command of a checkout: environment, demo, tests, benchmark, checks, locks. Run it without arguments for help.

It needs nothing but Python. This file alone must also parse on Pythons too old to run the rest, so that they are
refused with a sentence; everything else is in the modules beside it.
"""

import sys

OLDEST = (3, 11)
FIRST_TOO_NEW = (3, 15)


def refusal(version: "tuple[int, int]") -> str:
    """Return why this version of Python cannot be used, in one sentence, or the empty string if it can."""
    if OLDEST <= version < FIRST_TOO_NEW:
        return ""
    return (
        "Channel Wallet needs Python 3.11, 3.12, 3.13 or 3.14, and this is Python {}.{} ({}): "
        "run it again with one of those, for example `python3.11 packaging/dev.py`."
    ).format(version[0], version[1], sys.executable)


def main() -> int:
    """Refuse a wrong Python, otherwise hand over to the commands. Returns the exit code."""
    why = refusal(sys.version_info[:2])
    if why:
        sys.stderr.write(why + "\n")
        return 1
    from dev_commands import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
