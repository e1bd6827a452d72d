"""From a password to a key: Argon2id with parameters that are bounded before any work is done (RFC 9106).

Blocking: about half a second with the defaults. Run it in an executor; the GIL is released meanwhile.
What a new vault costs is measured on the machine it is made on (:func:`calibrate`).
"""

from __future__ import annotations

import struct
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

KEY_BYTES = 32
SALT_BYTES = 16
MAX_PASSWORD_CHARS = 1024
_ARGON2ID_V13 = 1
_LAYOUT = struct.Struct(f">BIIH{SALT_BYTES}s")
ENCODED_BYTES = _LAYOUT.size

# What a file may ask for. The upper bounds keep a hostile one below some seconds and 1 GiB; the lower one lets
# throwaway profiles be cheap. A planted file with weak parameters learns nothing: its tag simply does not fit.
_MEMORY_KIB = range(8 * 1024, 1024 * 1024 + 1)
_PASSES = range(1, 17)
_LANES = range(1, 17)
_MAX_WORK_KIB = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class KdfParams:
    """Argon2id cost: memory in KiB, passes over it, lanes (threads)."""

    memory_kib: int = 256 * 1024
    passes: int = 3
    lanes: int = 4

    def check(self) -> KdfParams:
        """Itself; WalletError("KEYS_DAMAGED", why="kdf-bounds") if no honest vault asks for this."""
        within = self.memory_kib in _MEMORY_KIB and self.passes in _PASSES and self.lanes in _LANES
        if not within or self.memory_kib * self.passes > _MAX_WORK_KIB:
            raise WalletError("KEYS_DAMAGED", why="kdf-bounds")
        return self

    @property
    def work(self) -> int:
        """KiB that are filled, over all passes: what a guess costs."""
        return self.memory_kib * self.passes


DEFAULT_PARAMS = KdfParams()
# RFC 9106's second recommendation, "if much less memory is available": no vault of ours is made weaker than this.
FLOOR = KdfParams(memory_kib=64 * 1024, passes=3, lanes=4)
TARGET = 0.75  # seconds that an unlock may take
TOO_QUICK = 0.3  # seconds: below, the vault is made dearer when it is next opened
_MEMORIES_KIB = (256 * 1024, 128 * 1024, 64 * 1024)


@dataclass(frozen=True, slots=True)
class KdfHeader:
    """The parameters and the 16-byte salt, as they stand in a vault's header."""

    params: KdfParams
    salt: bytes

    def encode(self) -> bytes:
        p = self.params
        return _LAYOUT.pack(_ARGON2ID_V13, p.memory_kib, p.passes, p.lanes, self.salt)

    @staticmethod
    def decode(data: bytes) -> KdfHeader:
        """Strict inverse of :meth:`encode`. WalletError("KEYS_DAMAGED") for any other function or cost."""
        if len(data) != ENCODED_BYTES:
            raise WalletError("KEYS_DAMAGED", why="kdf-header")
        kind, memory_kib, passes, lanes, salt = _LAYOUT.unpack(data)
        if kind != _ARGON2ID_V13:
            raise WalletError("KEYS_DAMAGED", why="kdf-header")
        return KdfHeader(KdfParams(memory_kib, passes, lanes).check(), salt)


def check_password(password: Secret) -> Secret:
    """A password that may protect a new vault: not empty, at most 1024 characters."""
    if not password:
        raise WalletError("KEYS_PASSWORD_EMPTY")
    if len(password.reveal()) > MAX_PASSWORD_CHARS:
        raise WalletError("KEYS_PASSWORD_TOO_LONG", limit=MAX_PASSWORD_CHARS)
    return password


def derive_key(password: Secret, header: KdfHeader) -> bytes:
    """The 32-byte key that wraps a vault's data keys. Slow by design.

    The password is taken in NFKD, so that the same letters typed on another system open the same vault.
    Raises WalletError("KEYS_NO_MEMORY") if the machine cannot spare what the header asks for.
    """
    # Late: nothing before the first password needs it.
    from argon2.exceptions import HashingError
    from argon2.low_level import Type, hash_secret_raw

    params = header.params.check()
    secret = unicodedata.normalize("NFKD", password.reveal()).encode("utf-8", "surrogatepass")
    try:
        return hash_secret_raw(
            secret, header.salt, params.passes, params.memory_kib, params.lanes, KEY_BYTES, Type.ID, 0x13
        )
    except (HashingError, MemoryError):
        raise WalletError("KEYS_NO_MEMORY", mebibytes=params.memory_kib // 1024) from None


def measure(params: KdfParams) -> float:
    """Seconds that one guess takes here and now. WalletError("KEYS_NO_MEMORY")."""
    started = time.perf_counter()
    derive_key(Secret("how long does it take?"), KdfHeader(params, bytes(SALT_BYTES)))
    return time.perf_counter() - started


def calibrate(measure: Callable[[KdfParams], float] = measure) -> KdfParams:
    """The dearest parameters that this machine has done with in about :data:`TARGET` seconds; never below the floor.

    As much memory as lets three passes fit (256 MiB at most, so that an unlock starves nobody), then as many passes
    as the time allows. Takes up to a third of a second on a machine that needs half a second for the defaults.
    """
    for memory_kib in _MEMORIES_KIB:
        try:
            taken = measure(KdfParams(memory_kib, 1))
        except WalletError:  # not so much memory; the smallest is tried by what comes next
            continue
        passes = min(int(TARGET / max(taken, 1e-6)), _MAX_WORK_KIB // memory_kib, max(_PASSES))
        if passes >= FLOOR.passes:
            return KdfParams(memory_kib, passes)
    return FLOOR


def is_weak(params: KdfParams, seconds: float) -> bool:
    """Whether a vault that took so long to unlock should be sealed anew: this machine, or the advice, has moved on."""
    return seconds < TOO_QUICK or params.work < FLOOR.work or params.memory_kib < FLOOR.memory_kib
