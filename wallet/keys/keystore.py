"""Key files of one key each, in the format every Ethereum tool reads (Web3 Secret Storage, version 3).

A broker's keys and those that deploy contracts lie in such files: single keys without a phrase, whose owners have
other tools for them. A wallet takes keys in and gives them out by them, and keeps none in this form. Every field of a
foreign file is checked, and its cost bounded, before any work is done. Source: Web3 Secret Storage Definition.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

import msgspec
from coincurve import PrivateKey

from wallet.keys.files import check_absent, read_bounded, write_new
from wallet.keys.kdf import check_password
from wallet.keys.secret import Secret
from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import address_of

MAX_FILE: Final = 16 * 1024
KEY_BYTES: Final = 32
# What one guess may cost. The dearest honest files have n = 2²⁰, r = 8, p = 1, or c = 1,000,000 and a bit.
_MAX_MEMORY = 1024**3  # bytes that scrypt takes: 128 · n · r
_MAX_WORK = 1 << 23  # n · r · p
_MAX_LANES = 16
_MAX_ITERATIONS = 10_000_000
_MAX_SALT = 64
_TOO_DEAR = "it asks for more work than any honest one"
_HEX = frozenset("0123456789abcdefABCDEF")

Fields = dict[str, object]


def create_keystore(path: Path, password: Secret, *, work: int | None = None) -> bytes:
    """Makes a new random key in a new owner-only file; its 20-byte address. Slow by design.

    ``work``: scrypt's n, a power of two; else the library's. Raises WalletError("KEYS_PASSWORD_…" | "KEYS_EXISTS" |
    "KEYS_WRITE_FAILED").
    """
    key = PrivateKey(secrets.token_bytes(KEY_BYTES))
    save_keystore(path, key.secret, password, work=work)
    return address_of(key.public_key)


def save_keystore(path: Path, key: bytes, password: Secret, *, work: int | None = None) -> None:
    """Writes a key (32 bytes) into a new owner-only file, as :func:`create_keystore` does and raises."""
    check_password(password)
    check_absent(path)
    from eth_account import Account  # late: takes most of a second

    try:
        row = Account.encrypt(key, password.reveal(), kdf="scrypt", iterations=work)
    except UnicodeError:  # would carry the text
        raise WalletError("KEYS_PASSPHRASE_NOT_TEXT") from None
    write_new(path, msgspec.json.encode(row))


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
    why = _fault(row)
    if why:
        raise WalletError("KEYSTORE_FORM", path=str(path), why=why)

    from eth_account import Account

    try:
        # As bytes: of text that has no UTF-8 form the library would raise an error that carries it.
        secret = password.reveal().encode("utf-8", "surrogatepass")
        key = bytes(Account.decrypt(row, secret))  # type: ignore[arg-type] # it takes both, and says only one
        address = address_of(PrivateKey(key).public_key)
    except ValueError as error:
        if "MAC" in str(error):
            raise WalletError("KEYSTORE_PASSWORD", path=str(path)) from None
        raise WalletError("KEYSTORE_FORM", path=str(path), why="what it holds is no private key") from None
    except MemoryError:
        raise WalletError("KEYSTORE_FORM", path=str(path), why="it asks for more memory than there is") from None
    if "address" in row and address != read_address(path):
        raise WalletError("KEYSTORE_FORM", path=str(path), why="its address is not that of its key")
    return key


def _read(path: Path) -> Fields:
    try:
        row = strictjson.loads(read_bounded(path, MAX_FILE), max_bytes=MAX_FILE)
    except WalletError as error:
        if not error.code.startswith("JSON_"):
            raise
        raise WalletError("KEYSTORE_FORM", path=str(path), why="no JSON") from None
    if not isinstance(row, dict):
        raise WalletError("KEYSTORE_FORM", path=str(path), why="no JSON object")
    lower = {str(key).lower(): value for key, value in row.items()}  # some tools write "Crypto"
    if len(lower) != len(row):
        raise WalletError("KEYSTORE_FORM", path=str(path), why="a field stands in it twice")
    return lower


def _fault(row: Fields) -> str:
    """What keeps this from being an honest key file; "" if nothing does."""
    crypto = row.get("crypto")
    if type(row.get("version")) is not int or row["version"] != 3 or not isinstance(crypto, dict):
        return "not version 3 of Web3 Secret Storage"
    nested, cost = crypto.get("cipherparams"), crypto.get("kdfparams")
    if crypto.get("cipher") != "aes-128-ctr" or not isinstance(nested, dict) or not isinstance(cost, dict):
        return "not version 3 of Web3 Secret Storage"
    sized = (crypto.get("ciphertext"), KEY_BYTES), (nested.get("iv"), 16), (crypto.get("mac"), 32)
    if not all(_is_hex(value, size, size) for value, size in sized) or not _is_hex(cost.get("salt"), 1, _MAX_SALT):
        return "its fields hold other values than they may"
    return _cost_fault(crypto.get("kdf"), cost)


def _is_hex(value: object, least: int, most: int) -> bool:
    if not isinstance(value, str):
        return False
    return 2 * least <= len(value) <= 2 * most and len(value) % 2 == 0 and set(value) <= _HEX


def _cost_fault(kdf: object, cost: Fields) -> str:
    names = {"scrypt": ("n", "r", "p", "dklen"), "pbkdf2": ("c", "dklen")}.get(str(kdf))
    if names is None or (kdf == "pbkdf2" and cost.get("prf") != "hmac-sha256"):
        return "its way from the password to the key is not known here"
    if set(cost) != {*names, "salt", *(("prf",) if kdf == "pbkdf2" else ())}:
        return "its fields hold other values than they may"
    numbers = [value for value in map(cost.get, names) if type(value) is int and value > 0]
    if len(numbers) != len(names):
        return "its cost is no number"
    *asked, length = numbers
    if length != KEY_BYTES:
        return "its fields hold other values than they may"
    if kdf == "pbkdf2":
        return "" if asked[0] <= _MAX_ITERATIONS else _TOO_DEAR
    n, r, p = asked
    if n < 2 or n & (n - 1):
        return "its cost is no power of two"
    return "" if 128 * n * r <= _MAX_MEMORY and p <= _MAX_LANES and n * r * p <= _MAX_WORK else _TOO_DEAR
