"""The lock files: every package pinned with its hashes, for every platform, and no word of where it is to be had."""

import subprocess
import sys
from pathlib import Path

from dev_env import ROOT, Refused, tool_environment

LOCKS = {
    "packaging/lock-dev.txt": ("sandbox", "dev"),
    "packaging/lock-runtime.txt": (),
    "packaging/lock-sandbox.txt": ("sandbox",),
    "packaging/lock-packaging.txt": ("sandbox", "packaging"),
}

# Where this machine looks for packages is its own affair and must not reach the files.
PLACES = ("UV_CONFIG_FILE", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX", "UV_CONSTRAINT", "UV_OVERRIDE")


def lock(python: Path, arguments: list[str]) -> int:
    """Write all lock files; versions already locked stay unless `--upgrade` is given. Raises Refused if it cannot."""
    if arguments not in ([], ["--upgrade"]):
        raise Refused(f"`lock` takes only --upgrade, and got: {' '.join(arguments)}")
    environment = {name: value for name, value in tool_environment().items() if name not in PLACES}
    first = next(iter(LOCKS))
    for name, extras in LOCKS.items():
        command = lock_command(python, name, extras, constraint=first if name != first else "")
        done = subprocess.run([*command, *arguments], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise Refused(f"could not write {name} (see above); it is as it was.")
        print(f"{name}: {count(ROOT / name)} packages", file=sys.stderr)
    return 0


def lock_command(python: Path, name: str, extras: tuple[str, ...], constraint: str) -> list[str]:
    """Return uv's command for one lock. A constraint holds it to the versions of another lock."""
    return [
        *[str(python), "-m", "uv", "pip", "compile", "pyproject.toml", "--output-file", name, "--quiet"],
        *["--universal", "--python-version", "3.11", "--generate-hashes", "--no-config"],
        *["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "python3 packaging/dev.py lock"],
        *[part for extra in extras for part in ("--extra", extra)],
        *(["--constraint", constraint] if constraint else []),
    ]


def count(path: Path) -> int:
    """Return how many packages a lock file pins."""
    return sum(
        "==" in line and not line.startswith((" ", "#")) for line in path.read_text(encoding="utf-8").splitlines()
    )
