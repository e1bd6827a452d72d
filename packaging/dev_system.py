"""What must come from the operating system: Qt's libraries, and for the tests an X server, its tools and strace.

On Debian and its kin dpkg knows what lacks, and root gets it installed; on another Linux the libraries and commands
themselves are looked for and named. macOS and Windows lack nothing.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """One thing needed: the Debian packages any of which brings it, and how to see it on another Linux."""

    packages: tuple[str, ...]
    library: str = ""
    command: str = ""


class Lacking(Exception):
    """Something lacks that this user cannot install; the message is a sentence."""


PYTHON_VENV = Need((f"python3.{sys.version_info[1]}-venv", "python3-venv"))

# A PySide6 wheel loads these at the latest when it opens a window (libglib got a new name in 2024).
QT = (
    Need(("libglib2.0-0t64", "libglib2.0-0"), "libglib-2.0.so.0"),
    Need(("libgl1",), "libGL.so.1"),
    Need(("libegl1",), "libEGL.so.1"),
    Need(("libxkbcommon0",), "libxkbcommon.so.0"),
    Need(("libfontconfig1",), "libfontconfig.so.1"),
    Need(("libdbus-1-3",), "libdbus-1.so.3"),
    Need(("libxcb-cursor0",), "libxcb-cursor.so.0"),
    Need(("libxcb-icccm4",), "libxcb-icccm.so.4"),
    Need(("libxcb-keysyms1",), "libxcb-keysyms.so.1"),
    Need(("libxcb-shape0",), "libxcb-shape.so.0"),
    Need(("libxkbcommon-x11-0",), "libxkbcommon-x11.so.0"),
)

TEST_TOOLS = (
    Need(("xvfb",), command="Xvfb"),
    Need(("xauth",), command="xauth"),
    Need(("xdotool",), command="xdotool"),
    Need(("imagemagick",), command="import"),
    Need(("strace",), command="strace"),
    Need(("dbus-daemon", "dbus"), command="dbus-run-session"),
    Need(("gnome-keyring",), command="gnome-keyring-daemon"),
    Need(("fonts-dejavu-core",)),
)

# What `dev.py build` calls: the .deb is made by Debian's own tools.
BUILD_TOOLS = (
    Need(("binutils",), command="strip"),
    Need(("chrpath",), command="chrpath"),
    Need(("xz-utils",), command="xz"),
)

SIGNING = (Need(("minisign",), command="minisign"),)

# What the test of the finished packages calls.
PACKAGE_TOOLS = (
    Need(("mmdebstrap",), command="mmdebstrap"),
    Need(("lintian",), command="lintian"),
    Need(("desktop-file-utils",), command="desktop-file-validate"),
    Need(("appstream",), command="appstreamcli"),
    Need(("man-db",), command="man"),
    *SIGNING,
)


def provide(needs: Iterable[Need]) -> None:
    """Install what lacks (Debian, as root), or name it in one sentence.

    Raises Lacking where Debian's own records say that something needed is not there and this user is not root, or the
    installation failed. Elsewhere the look is only a guess, so it is printed and the work goes on.
    """
    if not sys.platform.startswith("linux"):
        return
    if shutil.which("dpkg-query") and shutil.which("apt-get"):
        _provide_debian(needs)
        return
    names = [need.library or need.command or need.packages[0] for need in needs if not _seen(need)]
    if names:
        print(f"dev.py: this system seems to lack {', '.join(names)}: if it fails, install these.", file=sys.stderr)


def lacking_packages(needs: Iterable[Need], installed: set[str]) -> list[Need]:
    """Return the needs that none of the installed Debian packages meets."""
    return [need for need in needs if not installed.intersection(need.packages)]


def parse_installed(listing: str) -> set[str]:
    """Return the packages fully installed, by the lines `ii package` of dpkg-query."""
    rows = (line.split() for line in listing.splitlines())
    return {row[1] for row in rows if len(row) == 2 and row[0] == "ii"}


def parse_candidates(policy: str) -> set[str]:
    """Return the packages that can be installed, by `apt-cache policy`: `name:` and then `  Candidate: version`."""
    found = set()
    name = ""
    for line in policy.splitlines():
        if line and not line.startswith(" "):
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            found.add(name)
    return found


def _provide_debian(needs: Iterable[Need]) -> None:
    # A Python of one's own has ensurepip with it and needs no Debian package for it.
    asked = [need for need in needs if need is not PYTHON_VENV or not importlib.util.find_spec("ensurepip")]
    lacking = lacking_packages(asked, _installed(asked))
    if not lacking:
        return
    names = [need.packages[-1] for need in lacking]
    if os.geteuid() != 0:
        raise Lacking(f"some system packages are lacking; install them with: sudo apt-get install {' '.join(names)}")
    print(f"Installing system packages: {' '.join(names)}", file=sys.stderr, flush=True)
    _apt_get("update")
    names = [_choose(need) for need in lacking]
    _apt_get("install", "--yes", "--no-install-recommends", *names)
    still = lacking_packages(lacking, _installed(lacking))
    if still:
        raise Lacking(f"apt-get could not install {' '.join(need.packages[-1] for need in still)} (see above).")


def _installed(needs: Iterable[Need]) -> set[str]:
    names = [name for need in needs for name in need.packages]
    if not names:
        return set()
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}\n", *names]
    # It exits with 1 if it does not know one of them, which is what is being asked.
    return parse_installed(subprocess.run(query, capture_output=True, text=True, check=False).stdout)


def _choose(need: Need) -> str:
    policy = subprocess.run(["apt-cache", "policy", *need.packages], capture_output=True, text=True, check=False)
    candidates = parse_candidates(policy.stdout)
    return next((name for name in need.packages if name in candidates), need.packages[-1])


def _apt_get(*arguments: str) -> None:
    command = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=300", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # What apt says is worth reading only if it fails.
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stdout)


def _seen(need: Need) -> bool:
    if need.command:
        return shutil.which(need.command) is not None
    if not need.library:
        return need is not PYTHON_VENV or importlib.util.find_spec("ensurepip") is not None
    try:
        ctypes.CDLL(need.library)
    except OSError:
        return False
    return True
