"""Whether a profile lies where its lock or its journal can't be trusted: a network share, a folder that is synced.

A share may grant one lock to two machines, and a synced folder puts an old journal in the place of a new one; both end
in two signatures at one number. Said, and not refused: only the user knows what the place really is.
Source: SQLite "How To Corrupt" §1.2, §2.1; research/security F5.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_SHARES = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smb2", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2"),
        *("davfs", "ncpfs", "vboxsf", "fuse.sshfs", "fuse.rclone", "fuse.davfs2", "fuse.glusterfs", "fuse.s3fs"),
        *("fuse.gcsfuse", "fuse.gvfsd-fuse", "fuse.vmhgfs-fuse"),
    }
)
# The folder's name, or the beginning of it, as each program makes it by default.
_SYNCED = re.compile(
    r"(dropbox|onedrive|google ?drive|nextcloud|owncloud|megasync|pcloud ?drive|icloud ?drive|mobile documents"
    r"|cloudstorage|syncthing|yandex\.disk|seafile|box sync)( .*|-.*)?",
    re.IGNORECASE,
)
_MARKS = (".stfolder", ".dropbox", ".owncloudsync.log", ".seafile-data")
_OCTAL = re.compile(r"\\([0-7]{3})")
_MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = 4  # DRIVE_REMOTE of GetDriveTypeW


def doubt(path: Path) -> str:
    """The code of what is doubtful about this resolved place: "PROFILE_SHARED", "PROFILE_SYNCED", or "" for nothing."""
    if _is_shared(path):
        return "PROFILE_SHARED"
    above = (path, *path.parents)
    if any(_SYNCED.fullmatch(folder.name) for folder in above):
        return "PROFILE_SYNCED"
    if any((folder / mark).exists() for folder in above for mark in _MARKS):
        return "PROFILE_SYNCED"
    return ""


def _is_shared(path: Path) -> bool:
    if sys.platform == "win32":
        import ctypes

        return path.drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(path.drive + "\\") == _REMOTE
    try:
        mounts = _MOUNTS.read_text(errors="replace")
    except OSError:
        return False  # no Linux: nothing is known of the place
    return filesystem(path, mounts) in _SHARES


def filesystem(path: Path, mountinfo: str) -> str:
    """The type of the file system that holds ``path``, from the text of /proc/self/mountinfo (proc(5)); "" if none."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, types = before.split(), after.split()
        if len(fields) < 5 or not types:
            continue
        point = Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= best:  # a later mount hides an earlier one
            best, kind = len(point.parts), types[0]
    return kind
