"""A socket in the profile's folder that only its user can reach: never a network, never an abstract name.

The folder is 0700 and the socket 0600; beyond that, each side asks the kernel who the other one is (SO_PEERCRED,
LOCAL_PEERCRED) and talks to nobody but the same user. Source: unix(7); research/security §2 (no listening port).

What the rest needs of a platform is :func:`listen`, :func:`connect` and :func:`is_same_user`. On Windows these are to
be a named pipe ``\\\\.\\pipe\\channel-wallet-<sha256 of the resolved path>``, made with FILE_FLAG_FIRST_PIPE_INSTANCE,
PIPE_REJECT_REMOTE_CLIENTS and a DACL of the user's own SID alone, its client's process held against the same SID. Until
there is one, :func:`listen` says that there is no door, and a second program that the profile is in use.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from wallet.protocol.errors import WalletError

NAME = "owner.sock"
MAX_PATH = 100  # bytes; the kernel's limit is 108 on Linux and 104 elsewhere, with the NUL
BACKLOG = 16


def listen(folder: Path) -> socket.socket:
    """A listening socket in ``folder``, whose lock the caller holds: what lies there of an owner that died is removed.

    Raises WalletError("OWNER_NO_DOOR", why) where the file system or the platform has no such sockets.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise WalletError("OWNER_NO_DOOR", why="no local sockets on this system")
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        (folder / NAME).unlink(missing_ok=True)
        with _short(folder) as path:
            door.bind(path)  # until the chmod the folder alone guards it; a umask would hit every other thread's files
        (folder / NAME).chmod(0o600)
        door.listen(BACKLOG)
    except OSError as error:
        door.close()
        raise WalletError("OWNER_NO_DOOR", why=error.strerror or type(error).__name__) from error
    return door


def connect(folder: Path, within: float) -> socket.socket:
    """A connection to the owner of ``folder``, with ``within`` as its timeout (s).

    Raises WalletError("OWNER_GONE") if nobody listens, WalletError("OWNER_STRANGER") if it is not the same user.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise WalletError("OWNER_GONE")
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(within)
        with _short(folder) as path:
            line.connect(path)
    except OSError as error:
        line.close()
        raise WalletError("OWNER_GONE") from error
    if not is_same_user(line):
        line.close()
        raise WalletError("OWNER_STRANGER", path=str(folder))
    return line


def is_same_user(line: socket.socket) -> bool:
    """Whether the other end runs as the same user, by the kernel's word; False if it does not say."""
    try:
        return _peer(line) == os.geteuid()
    except (OSError, struct.error):
        return False


if sys.platform == "linux":

    def _peer(line: socket.socket) -> int:
        _, user, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        return int(user)
else:

    def _peer(line: socket.socket) -> int:
        """struct xucred of macOS and the BSDs: cr_version, cr_uid, …"""
        version, user = struct.unpack_from("II", line.getsockopt(0, 1, 128))
        return int(user) if version == 0 else -1


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A path to the socket that fits into sockaddr_un, however long the folder's is.

    A link in a folder of our own stands for it while the kernel looks the name up; the socket itself never moves.
    """
    path = str(folder / NAME)
    if len(os.fsencode(path)) <= MAX_PATH:
        yield path
        return
    beside = Path(tempfile.mkdtemp(prefix="cw-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
    link = beside / "p"
    try:
        link.symlink_to(folder, target_is_directory=True)
        yield str(link / NAME)
    finally:
        link.unlink(missing_ok=True)
        beside.rmdir()
