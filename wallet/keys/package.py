"""A sealed file to carry elsewhere: any bytes, under a password of its own. Argon2id and AES-256-GCM, as the vault.

Layout: 8 bytes of magic, the KDF header (:mod:`wallet.keys.kdf`), then nonce and ciphertext (:func:`sections.seal`);
magic and header are authenticated with it.
"""

from __future__ import annotations

import secrets

from wallet.keys.kdf import DEFAULT_PARAMS, ENCODED_BYTES, SALT_BYTES, KdfHeader, KdfParams, check_password, derive_key
from wallet.keys.secret import Secret
from wallet.keys.sections import seal, unseal
from wallet.protocol.errors import WalletError

MAGIC_BYTES = 8


def seal_package(magic: bytes, password: Secret, contents: bytes, params: KdfParams = DEFAULT_PARAMS) -> bytes:
    """The whole file. Slow by design. Raises WalletError("KEYS_PASSWORD_EMPTY" | "KEYS_PASSWORD_TOO_LONG")."""
    header = magic + KdfHeader(params, secrets.token_bytes(SALT_BYTES)).encode()
    return header + seal(_key(check_password(password), header), contents, header)


def open_package(magic: bytes, data: bytes, password: Secret) -> bytes:
    """What was sealed. Slow by design, with the cost bounded before any work.

    Raises WalletError("PACKAGE_FORM") for another kind of file, WalletError("PACKAGE_SEALED") if password or contents
    are not those it was made with, WalletError("KEYS_DAMAGED", why="kdf-…").
    """
    end = MAGIC_BYTES + ENCODED_BYTES
    if len(magic) != MAGIC_BYTES or data[:MAGIC_BYTES] != magic or len(data) < end:
        raise WalletError("PACKAGE_FORM")
    header, box = data[:end], data[end:]
    contents = unseal(_key(password, header), box, header)
    if contents is None:
        raise WalletError("PACKAGE_SEALED")
    return contents


def _key(password: Secret, header: bytes) -> bytes:
    return derive_key(password, KdfHeader.decode(header[MAGIC_BYTES:]))
