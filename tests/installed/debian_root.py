"""A Debian with nothing in it, made from the archive that this machine's apt uses, and the program run inside."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DebianRoot:
    """A root folder. Only ``shared`` is seen in it under the same path as outside; every command has its own mounts."""

    path: Path
    shared: Path

    @classmethod
    def make(cls, path: Path, shared: Path) -> DebianRoot:
        """Raises CalledProcessError if the archive cannot be reached."""
        suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", suite, str(path)],
            check=True,
            capture_output=True,
            timeout=600,
        )
        shutil.copy("/etc/resolv.conf", path / "etc" / "resolv.conf")
        (path / shared.relative_to("/")).mkdir(parents=True, exist_ok=True)
        root = cls(path, shared)
        # What an earlier start left installed here must not stand in for the package's own dependencies.
        assert not list(path.glob("usr/bin/python*")), "an empty root has no Python"
        root.apt("update")
        return root

    def command(self, *command: str) -> list[str]:
        """How a command is called inside; its mounts end with it, however it ends."""
        binds = "; ".join(
            f"mount --bind {shlex.quote(name)} {shlex.quote(str(self.path) + name)}"
            for name in ("/proc", "/dev", str(self.shared))
        )
        inside = f'set -e; {binds}; exec chroot {shlex.quote(str(self.path))} "$@"'
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", inside, "sh", *command]

    def run(self, *command: str, timeout: float = 300) -> str:
        """What a command prints; fails with all it said if it does."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            self.command(*command),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def apt(self, *arguments: str) -> None:
        self.run("apt-get", "--quiet", "--yes", "--no-install-recommends", *arguments, timeout=600)

    def program(self, inside: str, name: str) -> Path:
        """A script outside, by this name in the shared folder, that starts a program inside."""
        script = self.shared / name
        script.write_text("#!/bin/sh\nexec " + shlex.join(self.command(inside)) + ' "$@"\n')
        script.chmod(0o755)
        return script


def why_not() -> str:
    """Why such a root cannot be made here; empty if it can."""
    if not Path("/etc/debian_version").exists():
        return "makes a Debian root, and this is no Debian"
    return "" if os.geteuid() == 0 else "mounts and changes roots, which only root may"
