"""The Debian package: the bundle below /usr/lib, and beside it what a desktop and a shell look for."""

import datetime as dt
import gzip
import os
import re
import shutil
import subprocess
import sys
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

from dev_env import CACHE, ROOT, Refused, tool_environment
from dev_project import APPLICATION, CHANGELOG, HOME, NAME, Release, current, epoch, releases, summary, version

LINUX = ROOT / "packaging" / "linux"
DEBIAN = ROOT / "packaging" / "debian"
MAINTAINER = "The Channel Wallet authors <authors@channel-wallet.example>"
# Beyond the libraries: HTTPS and WSS are checked against the system's authorities; the rest is good to have.
ALSO = ("ca-certificates",)
RECOMMENDS = ("libgl1-mesa-dri", "fonts-dejavu-core")
SUGGESTS = ("gnome-keyring | kwalletmanager",)


def build_deb(python: Path, tree: Path, out: Path) -> Path:
    """Make the package from the bundle's folder. Returns its path. Raises Refused if a tool fails."""
    work = CACHE / "deb"
    shutil.rmtree(work, ignore_errors=True)
    root = work / NAME
    share = root / "usr" / "share"
    shutil.copytree(tree, root / "usr" / "lib" / NAME, symlinks=True)
    (root / "usr" / "lib" / NAME / "LICENSE").unlink()  # it stands in the copyright file
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / NAME).symlink_to(f"../lib/{NAME}/{NAME}")
    _tool(
        "make manual, completions and icons",
        [str(python), str(ROOT / "packaging" / "dev_pages.py"), str(share), str(current().date)],
    )
    _write(
        share / "applications" / f"{APPLICATION}.desktop",
        (LINUX / f"{APPLICATION}.desktop").read_text(encoding="utf-8"),
    )
    _write(
        share / "mime" / "packages" / f"{APPLICATION}.xml",
        (LINUX / f"{APPLICATION}.mime.xml").read_text(encoding="utf-8"),
    )
    _write(share / "metainfo" / f"{APPLICATION}.metainfo.xml", metainfo())
    _write(share / "lintian" / "overrides" / NAME, (DEBIAN / "lintian-overrides").read_text(encoding="utf-8"))
    _write(share / "doc" / NAME / "copyright", copyright_file())
    _compress(share / "doc" / NAME / "changelog.gz", changelog(releases(CHANGELOG.read_text(encoding="utf-8"))))
    manual = share / "man" / "man1" / f"{NAME}.1"
    _compress(manual.with_suffix(".1.gz"), manual.read_text(encoding="utf-8"))
    manual.unlink()
    control = root / "DEBIAN"
    control.mkdir()  # dpkg-shlibdeps knows by it where the package begins
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    _write(control / "control", control_file(_architecture(), _depends(root), size // 1024))
    _normalise(root)
    path = out / f"{NAME}_{version()}_{_architecture()}.deb"
    _tool("pack the .deb", ["dpkg-deb", "--root-owner-group", "-Zxz", "-z3", "--build", str(root), str(path)])
    return path


def metainfo() -> str:
    """Return the AppStream metadata, with the releases of the changelog."""
    rows = []
    for release in releases(CHANGELOG.read_text(encoding="utf-8")):
        notes = "".join(f"<li>{escape(note)}</li>" for note in release.notes)
        rows.append(
            f'    <release version="{release.version}" date="{release.date}">'
            f"<description><ul>{notes}</ul></description></release>"
        )
    template = (LINUX / f"{APPLICATION}.metainfo.xml.in").read_text(encoding="utf-8")
    return template.replace("@HOME@", HOME).replace("@RELEASES@", "\n".join(rows))


def changelog(found: tuple[Release, ...]) -> str:
    """Return a changelog as Debian writes it."""
    sections = []
    for release in found:
        moment = dt.datetime.combine(release.date, dt.time(), dt.UTC)
        notes = "\n".join("  * " + "\n    ".join(_wrap(note, 74)) for note in release.notes)
        sections.append(
            f"{NAME} ({release.version}) unstable; urgency=medium\n\n{notes}\n\n"
            f" -- {MAINTAINER}  {format_datetime(moment)}\n"
        )
    return "\n".join(sections)


def control_file(architecture: str, depends: str, kilobytes: int) -> str:
    """Return DEBIAN/control."""
    fields = {
        "Package": NAME,
        "Version": version(),
        "Architecture": architecture,
        "Maintainer": MAINTAINER,
        "Installed-Size": str(kilobytes),
        "Depends": ", ".join([depends, *ALSO]),
        "Recommends": ", ".join(RECOMMENDS),
        "Suggests": ", ".join(SUGGESTS),
        "Section": "utils",
        "Priority": "optional",
        "Homepage": HOME,
        "Description": "desktop wallet for trading channels",
    }
    long = f"{summary()}. You and a broker sign every step; either can take the last state to a contract and withdraw."
    words = [f" {line}" for line in _wrap(long, 78)]
    return "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n".join(words) + "\n"


def copyright_file() -> str:
    """Return the copyright file: our licence, and where the licences of the parts stand."""
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8").strip().splitlines()
    body = "\n".join(f" {line}" if line.strip() else " ." for line in licence[4:])
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        f"Upstream-Name: {NAME}\nSource: {HOME}\n"
        f"Comment: The licences of the Python, Qt and packages below /usr/lib/{NAME} are in their *.dist-info folders\n"
        " and in the licences file that each release has beside this package.\n\n"
        f"Files: *\nCopyright: 2026 The Channel Wallet authors\nLicense: Expat\n{body}\n"
    )


def parse_dynamic(listing: str) -> tuple[set[str], tuple[int, ...]]:
    """Return the libraries needed and the newest glibc asked for, by `readelf --dynamic --version-info`."""
    needed = set(re.findall(r"\(NEEDED\)\s+Shared library: \[([^\]]+)\]", listing))
    versions = [tuple(map(int, found.split("."))) for found in re.findall(r"\bGLIBC_(\d+\.\d+)\b", listing)]
    return needed, max(versions, default=(0,))


def _depends(root: Path) -> str:
    """Return the packages that bring the libraries which the bundle leaves to the system.

    dpkg-shlibdeps would ask for our own copies too, and takes minutes for so many files.
    """
    binaries = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path)]
    read = ["readelf", "--wide", "--dynamic", "--version-info", *map(str, sorted(binaries))]
    needed, glibc = parse_dynamic(subprocess.run(read, capture_output=True, text=True, check=True).stdout)
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    # The first of several wins, as when the program is started; those for other machines say so in the brackets.
    places: dict[str, str] = {}
    for name, path in re.findall(r"^\s(\S+) \(libc6,(?:x86-64|AArch64)[^)]*\) => (\S+)$", known, re.MULTILINE):
        places.setdefault(name, path)
    asked = sorted(needed - {path.name for path in root.rglob("*")})
    lost = [name for name in asked if name not in places and not name.startswith("ld-linux")]
    if lost:
        raise Refused(f"nothing here brings what the bundle needs: {', '.join(lost)}")
    packages = {_package(Path(places[name]).resolve()) for name in asked if name in places} - {"libc6"}
    return ", ".join([f"libc6 (>= {'.'.join(map(str, glibc))})", *sorted(packages)])


def _package(library: Path) -> str:
    # Debian 12 still records some libraries below /lib, which is /usr/lib.
    for path in (library, Path("/", *library.parts[2:])):
        done = subprocess.run(["dpkg-query", "--search", str(path)], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise Refused(f"no Debian package brings {library}: build on a Debian machine with its own libraries.")


def _is_elf(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def _architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _compress(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _normalise(root: Path) -> None:
    for path in [root, *sorted(root.rglob("*"))]:
        if not path.is_symlink():
            # A library is no program: only what is started may be executable.
            started = path.is_dir() or path == root / "usr" / "lib" / NAME / NAME
            path.chmod(0o755 if started else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)


def _tool(what: str, command: list[str]) -> None:
    environment = tool_environment(
        SOURCE_DATE_EPOCH=str(epoch()), QT_QPA_PLATFORM="offscreen", PYTHONDONTWRITEBYTECODE="1"
    )
    done = subprocess.run(command, cwd=CACHE, env=environment, capture_output=True, check=False)
    if done.returncode:
        sys.stderr.buffer.write(done.stdout + done.stderr)
        raise Refused(f"could not {what} (see above).")
