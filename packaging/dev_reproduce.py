"""Whether a build is the same wherever and whenever: two builds of one source compared, each difference explained."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from dev_env import ROOT, Refused, base_python, tool_environment

# What may differ, and why; a difference that no row explains is a defect of the build.
REASONS: tuple[tuple[str, str], ...] = ()
SAME, UNEXPLAINED = "the same bytes", "UNEXPLAINED"
# Two names of different length, so that a path inside a file moves what stands behind it; two times, years apart.
PLACES = (("a", 1_600_000_000), ("another place, with a longer name", 1_900_000_000))


def reproduce(arguments: list[str]) -> int:
    """`reproduce FILE`: build wheel, sdist and bundle twice, and write what differs, and why, into FILE.

    Returns 1 if a difference has no reason. Raises Refused if a build fails.
    """
    if len(arguments) != 1:
        raise Refused("`reproduce` takes the name of the file that it writes.")
    work = Path(tempfile.mkdtemp(prefix="reproduce-"))
    try:
        first, second = (_built(work / name, moment) for name, moment in PLACES)
        rows = compare(first, second)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    Path(arguments[0]).write_text(report(rows), encoding="utf-8")
    print(report(rows), end="")
    return 1 if any(why == UNEXPLAINED for _, why in rows) else 0


def compare(first: Path, second: Path) -> list[tuple[str, str]]:
    """Return each file of two folders of packages, and of the archives in them, with "the same bytes" or the reason."""
    rows: list[tuple[str, str]] = []
    for name in sorted({path.name for folder in (first, second) for path in folder.iterdir()}):
        pair = first / name, second / name
        if all(path.is_file() for path in pair) and _digest(pair[0]) == _digest(pair[1]):
            rows.append((name, SAME))
        elif all(path.is_file() for path in pair) and ".tar." in name:
            inside = [_members(path) for path in pair]
            differ = sorted(
                key for key in inside[0].keys() | inside[1].keys() if inside[0].get(key) != inside[1].get(key)
            )
            rows += [(f"{name}: {key}", reason(key)) for key in differ] or [(name, UNEXPLAINED)]
        else:
            rows.append((name, reason(name)))
    return rows


def reason(name: str) -> str:
    """Return why a file may differ."""
    return next((why for ending, why in REASONS if name.endswith(ending)), UNEXPLAINED)


def report(rows: list[tuple[str, str]]) -> str:
    """Return the text of the file: a line for each package and each difference."""
    return "".join(f"{name}: {why}\n" for name, why in rows)


def _built(checkout: Path, moment: int) -> Path:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
        os.utime(checkout / name, (moment, moment))
    command = [base_python(), str(checkout / "packaging" / "dev.py"), "build", "bundle"]
    done = subprocess.run(command, env=tool_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        sys.stderr.buffer.write(done.stdout + done.stderr)
        raise Refused(f"could not build in {checkout} (see above).")
    return checkout / "dist"


def _members(archive: Path) -> dict[str, tuple[str, int, int]]:
    """Name to digest (or target of a link), mode and time."""
    found = {}
    with tarfile.open(archive) as opened:
        for entry in opened:
            stream = opened.extractfile(entry) if entry.isfile() else None
            content = hashlib.sha256(stream.read()).hexdigest() if stream else entry.linkname
            found[entry.name] = content, entry.mode, int(entry.mtime)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
