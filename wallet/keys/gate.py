"""The way to a vault by its password: wrong ones cost a growing wait, and what has become too cheap is sealed anew.

The wait is for who sits at the keyboard: it holds across restarts, in a small file beside the vault, and is counted
before the password is tried, so that ending the program in between gains nothing. Who can write that file can read the
vault as well, and guess elsewhere; against him stands the cost of a guess. The wait never ends in a lock-out: it stops
growing at a minute, and a clock that was set back begins it again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from wallet.keys import files, kdf
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, open_vault
from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError

FREE_TRIES = 3
LONGEST_WAIT = 60
_MAX_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a wrong password was given in a row, and when last (Unix seconds)."""

    failed: int
    at: float

    @property
    def wait(self) -> float:
        """Seconds after ``at`` before the next: none for the first three, then 1, 2, 4 … 60."""
        over = self.failed - FREE_TRIES
        return 0 if over < 0 else float(min(LONGEST_WAIT, 1 << min(over, 10)))


def seconds_to_wait(vault: Path) -> float:
    """How long until a password is tried again; 0 if it would be now. Quick: a screen may ask and count down."""
    tries = _read(vault)
    return max(0.0, tries.at + tries.wait - time.time())


def unlock(vault: Path, password: Secret, *, strengthen: bool = False) -> Vault:
    """The vault at this path, unlocked. Slow by design.

    ``strengthen``: seal it anew, at what this machine can bear, if guessing has become too cheap; it takes a second
    more, once. Raises WalletError("KEYS_WAIT", seconds), and as :func:`open_vault` and :meth:`LockedVault.unlock`.
    """
    locked = open_vault(vault)
    started = time.perf_counter()
    with _counted(vault):
        opened = locked.unlock(password)
    if strengthen:
        _strengthen(opened, password, time.perf_counter() - started)
    return opened


def unlock_again(vault: Vault, password: Secret) -> None:
    """The keys of a vault that is open but locked, back in memory. Slow by design; raises as :func:`unlock`."""
    with _counted(vault.path):
        vault.unlock_owner(password)


@contextlib.contextmanager
def _counted(vault: Path) -> Iterator[None]:
    """Around one try of a password: counted as wrong beforehand, and forgiven once it was right."""
    left = seconds_to_wait(vault)
    if left > 0:
        raise WalletError("KEYS_WAIT", seconds=int(left) + 1)
    before = _read(vault)
    _write(vault, Tries(before.failed + 1, time.time()))
    try:
        yield
    except WalletError as error:
        if error.code != "KEYS_WRONG_PASSWORD":
            _write(vault, before)  # the password was not judged
        raise
    _write(vault, Tries(0, 0))


def _strengthen(vault: Vault, password: Secret, seconds: float) -> None:
    old = vault.kdf_params
    if not kdf.is_weak(old, seconds):
        return
    new = kdf.calibrate()
    if new.work > old.work and new.memory_kib >= old.memory_kib:
        with contextlib.suppress(WalletError):  # a full disk must not keep the owner from his keys
            vault.seal_again(password, new)


def _path(vault: Path) -> Path:
    return vault.with_name(vault.name + ".tries")


def _read(vault: Path) -> Tries:
    try:
        row = strictjson.loads(files.read_bounded(_path(vault), _MAX_BYTES))
    except WalletError:
        return Tries(0, 0)
    failed, at = (row.get("failed"), row.get("atMs")) if isinstance(row, dict) else (None, None)
    if type(failed) is not int or type(at) is not int or failed < 1 or at < 0:
        return Tries(0, 0)
    tries = Tries(min(failed, 1000), min(at, 1 << 53) / 1000)
    if tries.at > time.time():  # the clock was set back: the wait begins again, and is no longer than it was
        tries = Tries(tries.failed, time.time())
        _write(vault, tries)
    return tries


def _write(vault: Path, tries: Tries) -> None:
    with contextlib.suppress(WalletError, OSError):  # where nothing can be written, nothing can be counted
        if tries.failed == 0:
            _path(vault).unlink(missing_ok=True)
        else:
            files.replace(_path(vault), msgspec.json.encode({"failed": tries.failed, "atMs": int(tries.at * 1000)}))
