"""A release: everything built, its checksums and the notice of it signed by the releaser, and all of it verified again.

The signatures are minisign's: the tool is small, kept by Debian, and its format is what the program itself verifies.
"""

import hashlib
import json
import re
import subprocess
from pathlib import Path

from dev_build import DIST, build_parts
from dev_env import Refused
from dev_project import NAME, TITLE, current
from dev_system import SIGNING, provide

SUMS, NOTICE, NOTES = "SHA256SUMS", "release.json", "NOTES.md"
FORMAT = "channel-wallet-release/1"  # wallet/app/updates.py reads it
_ROW = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9._-]+)")


def release(arguments: list[str]) -> int:
    """`release --key SECRET_KEY --public PUBLIC_KEY [--out DIR]`. Raises Refused where something is not right."""
    options = _options(arguments, {"--key", "--public", "--out"}, needed={"--key", "--public"})
    provide(SIGNING)
    key, public = Path(options["--key"]).resolve(), Path(options["--public"]).resolve()
    for path in (key, public):
        if not path.is_file():
            raise Refused(f"there is no key at {path}; `minisign -G` makes a pair.")
    folder = Path(options["--out"]).resolve() if "--out" in options else DIST / current().version
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty: a release is made of nothing but what it builds.")
    write_release(build_parts(folder), folder)
    for name in (SUMS, NOTICE):
        sign(folder / name, key)
    return _verified(folder, public)


def verify(arguments: list[str]) -> int:
    """`verify DIR --public PUBLIC_KEY`: what who downloads a release can do too."""
    if not arguments or arguments[0].startswith("-"):
        raise Refused("`verify` needs the folder of a release.")
    options = _options(arguments[1:], {"--public"}, needed={"--public"})
    provide(SIGNING)
    return _verified(Path(arguments[0]).resolve(), Path(options["--public"]).resolve())


def write_release(files: list[Path], folder: Path) -> None:
    """Write notes, notice and checksums of a release's files, all in one folder."""
    newest = current()
    notes = "\n".join(f"- {note}" for note in newest.notes)
    (folder / NOTES).write_text(f"# {TITLE} {newest.version} ({newest.date})\n\n{notes}\n", encoding="utf-8")
    said = {"format": FORMAT, "version": newest.version, "date": str(newest.date)}
    (folder / NOTICE).write_text(json.dumps(said) + "\n", encoding="utf-8")
    rows = [f"{_digest(path)}  {path.name}" for path in sorted([*files, folder / NOTES, folder / NOTICE])]
    (folder / SUMS).write_text("\n".join(rows) + "\n", encoding="utf-8")


def sign(path: Path, key: Path) -> None:
    """Sign a file with minisign, which asks for the key's password on the terminal."""
    comment = f"{NAME} {current().version} {path.name}"
    done = subprocess.run(["minisign", "-S", "-s", str(key), "-m", str(path), "-t", comment], check=False)
    if done.returncode:
        raise Refused(f"minisign did not sign {path.name} (see above).")


def verify_release(folder: Path, public: Path) -> list[str]:
    """Return the names of the files that the signed checksums hold.

    Raises Refused if a signature, a checksum or a file is not right, or a file is there that nobody signed for.
    """
    for name in (SUMS, NOTICE):
        command = ["minisign", "-V", "-q", "-p", str(public), "-m", str(folder / name)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise Refused(f"{name} is not signed with this key.")
    rows = [_ROW.fullmatch(row) for row in (folder / SUMS).read_text(encoding="utf-8").splitlines()]
    sums = {row[2]: row[1] for row in rows if row}
    if len(sums) != len(rows):
        raise Refused(f"{SUMS} holds a line that is no checksum.")
    there = {path.name for path in folder.iterdir()} - {SUMS, f"{SUMS}.minisig", f"{NOTICE}.minisig"}
    if there != set(sums):
        raise Refused(f"not the files that were signed for: {', '.join(sorted(there ^ set(sums)))}")
    wrong = sorted(name for name, digest in sums.items() if _digest(folder / name) != digest)
    if wrong:
        raise Refused(f"not the bytes that were signed for: {', '.join(wrong)}")
    return sorted(sums)


def _verified(folder: Path, public: Path) -> int:
    for name in verify_release(folder, public):
        print(f"good: {name}")
    return 0


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _options(arguments: list[str], known: set[str], needed: set[str]) -> dict[str, str]:
    names, values = arguments[::2], arguments[1::2]
    if len(names) != len(values) or not needed <= set(names) <= known or len(set(names)) != len(names):
        raise Refused(f"give {', '.join(sorted(needed))} with a path each (known: {', '.join(sorted(known))}).")
    return dict(zip(names, values, strict=True))
