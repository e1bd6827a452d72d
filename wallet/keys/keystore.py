"""Key files of a server: one key each, in the format every Ethereum tool reads (Web3 Secret Storage, version 3).

A broker's keys and those that deploy contracts are single keys without a phrase; their owners have other tools for
them. What a foreign file may cost is bounded before any work is done. Source: Web3 Secret Storage Definition.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

import msgspec
from coincurve import PrivateKey

from wallet.keys.files import read_bounded, write_new
from wallet.keys.kdf import check_password
from wallet.keys.secret import Secret
from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import address_of

MAX_FILE: Final = 16 * 1024
KEY_BYTES: Final = 32
_MAX_MEMORY = 1024**3  # bytes that scrypt may ask for: 128 · n · r
_MAX_LANES = 16
_MAX_ITERATIONS = 10_000_000


def create_keystore(path: Path, password: Secret, *, work: int | None = None) -> bytes:
    """Makes a new random key in a new owner-only file; its 20-byte address. Slow by design.

    ``work``: scrypt's n, a power of two; else the library's. Raises WalletError("KEYS_PASSWORD_…" | "KEYS_EXISTS" |
    "KEYS_WRITE_FAILED").
    """
    from eth_account import Account  # late: takes most of a second

    key = PrivateKey(secrets.token_bytes(KEY_BYTES))
    try:
        row = Account.encrypt(key.secret, check_password(password).reveal(), kdf="scrypt", iterations=work)
    except UnicodeError:  # would carry the text
        raise WalletError("KEYS_PASSPHRASE_NOT_TEXT") from None
    write_new(path, msgspec.json.encode(row))
    return address_of(key.public_key)


def read_address(path: Path) -> bytes:
    """The address that a key file names; believed only for showing it. Raises as :func:`open_keystore`."""
    address = str(_read(path).get("address", "")).removeprefix("0x")
    try:
        found = bytes.fromhex(address)
    except ValueError:
        found = b""
    if len(found) != 20:
        raise WalletError("KEYSTORE_FORM", path=str(path), why="no address")
    return found


def open_keystore(path: Path, password: Secret) -> bytes:
    """The 32-byte key. Slow by design.

    Raises WalletError("KEYSTORE_FORM", path, why), WalletError("KEYSTORE_PASSWORD", path), WalletError("KEYS_NOT_FOUND"
    | "KEYS_READ_FAILED" | "KEYS_DAMAGED").
    """
    row = _read(path)
    _check_cost(path, row)

    from eth_account import Account

    try:
        key = bytes(Account.decrypt(row, password.reveal()))
        address = address_of(PrivateKey(key).public_key)
    except ValueError as error:
        if "MAC" in str(error):
            raise WalletError("KEYSTORE_PASSWORD", path=str(path)) from None
        raise WalletError("KEYSTORE_FORM", path=str(path), why="its fields hold other values than they may") from None
    except Exception as error:  # noqa: BLE001 - the library checks no types of its own: whatever fails, the form is wrong
        raise WalletError("KEYSTORE_FORM", path=str(path), why=type(error).__name__) from None
    if "address" in row and address != read_address(path):
        raise WalletError("KEYSTORE_FORM", path=str(path), why="its address is not that of its key")
    return key


def _read(path: Path) -> dict[str, object]:
    try:
        row = strictjson.loads(read_bounded(path, MAX_FILE), max_bytes=MAX_FILE)
    except WalletError as error:
        if not error.code.startswith("JSON_"):
            raise
        raise WalletError("KEYSTORE_FORM", path=str(path), why="no JSON") from None
    if not isinstance(row, dict):
        raise WalletError("KEYSTORE_FORM", path=str(path), why="no JSON object")
    return {str(key).lower(): value for key, value in row.items()}


def _check_cost(path: Path, row: dict[str, object]) -> None:
    crypto = row.get("crypto")
    params = crypto.get("kdfparams") if isinstance(crypto, dict) else None
    if row.get("version") != 3 or not isinstance(crypto, dict) or not isinstance(params, dict):
        raise WalletError("KEYSTORE_FORM", path=str(path), why="not version 3 of Web3 Secret Storage")
    cost = {name: params.get(name, 0) for name in ("n", "r", "p", "c", "dklen")}
    if any(type(value) is not int or value < 0 for value in cost.values()):
        raise WalletError("KEYSTORE_FORM", path=str(path), why="its cost is no number")
    scrypt = 128 * cost["n"] * cost["r"] <= _MAX_MEMORY and cost["p"] <= _MAX_LANES
    if not scrypt or cost["c"] > _MAX_ITERATIONS or cost["dklen"] != KEY_BYTES:
        raise WalletError("KEYSTORE_FORM", path=str(path), why="it asks for more work than any honest one")
