"""Staying unlocked on this computer: the vault's data keys, sealed under a random key in the system's keyring.

The sealed keys lie in a file beside the vault. The keyring holds that one key and nothing else; the file alone, as a
copy of the profile has it, opens nothing. Another password has other data keys: what was kept is void from then on. A
vault unlocked so is as open as one unlocked by its password: who may use this computer as its user may use the wallet.
Nothing here is quick, or certain to answer: run it in an executor.

Layout of the file: magic · 16 bytes that name the keyring's entry · box (:func:`sections.seal`) of the data keys, with
magic and name authenticated.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from wallet.keys import files, ring
from wallet.keys.kdf import KEY_BYTES
from wallet.keys.ring import PATIENCE, Ring, system_ring
from wallet.keys.sections import seal, unseal
from wallet.keys.vault import Vault, open_vault
from wallet.protocol.errors import WalletError

_MAGIC = b"CW-STAY1"
_NAME_BYTES = 16
_HEADER_BYTES = len(_MAGIC) + _NAME_BYTES
_MAX_BYTES = 1024


def is_on(vault: Path) -> bool:
    """Whether the vault at this path was told to stay unlocked here; quick."""
    return _path(vault).exists()


def turn_on(vault: Vault, *, system: Callable[[], Ring] = system_ring, patience: float = PATIENCE) -> None:
    """From now on this computer's keyring opens the vault. Raises WalletError("KEYRING_…" | "KEYS_LOCKED" |

    "KEYS_WRITE_FAILED"); it stays as it was then.
    """
    data_keys = vault.data_keys()
    vault.settle()  # the data keys of an older file open it only together with the password
    turn_off(vault.path, system=system, patience=patience)
    name, key = secrets.token_bytes(_NAME_BYTES), secrets.token_bytes(KEY_BYTES)
    ring.put(name.hex(), key.hex(), ring=system, patience=patience)
    header = _MAGIC + name
    files.replace(_path(vault.path), header + seal(key, data_keys, header))


def turn_off(vault: Path, *, system: Callable[[], Ring] = system_ring, patience: float = PATIENCE) -> None:
    """The password opens it, and nothing else. WalletError("KEYRING_…") if the keyring keeps its key, void by then."""
    try:
        header = _read(vault)[:_HEADER_BYTES]
    except WalletError:
        header = b""
    _path(vault).unlink(missing_ok=True)
    if header:
        ring.delete(header[len(_MAGIC) :].hex(), ring=system, patience=patience)


def unlock(vault: Path, *, system: Callable[[], Ring] = system_ring, patience: float = PATIENCE) -> Vault:
    """The vault, by the keyring. Raises WalletError("KEYRING_…" | "KEYS_…"): the password opens it as ever then."""
    locked, data = open_vault(vault), _read(vault)
    header, box = data[:_HEADER_BYTES], data[_HEADER_BYTES:]
    found = ring.get(header[len(_MAGIC) :].hex(), ring=system, patience=patience)
    try:
        key = bytes.fromhex(found or "")
    except ValueError:
        key = b""
    data_keys = unseal(key, box, header) if len(key) == KEY_BYTES else None
    if data_keys is None:
        raise WalletError("KEYRING_OTHER")
    try:
        return locked.unlock_with(data_keys)
    except WalletError:
        raise WalletError("KEYRING_OTHER") from None  # another password since, or an older file put back


def _path(vault: Path) -> Path:
    return vault.with_name(vault.name + ".stay")


def _read(vault: Path) -> bytes:
    try:
        data = files.read_bounded(_path(vault), _MAX_BYTES)
    except WalletError:
        raise WalletError("KEYRING_OTHER") from None
    if len(data) <= _HEADER_BYTES or not data.startswith(_MAGIC):
        raise WalletError("KEYRING_OTHER")
    return data
