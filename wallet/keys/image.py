"""The bytes of a vault file: framing, versions, and what is authenticated with what. Pure.

    magic · version (u16) · six fields, each with its length (u32) before it · SHA-256 of all that

    1 kdf            Argon2id parameters and salt
    2 public         label and accounts, readable without the password
    3 owner key      random data key of (5), wrapped under the password's key
    4 session key    random data key of (6), wrapped under the password's key
    5 owner          phrase and accounts' keys       associated data: magic, version, kdf, public
    6 session        gas key and session keys        associated data: magic, version, kdf

The frame is the same in both versions; in version 1 every account came from the phrase, and had a key in (5). A file
of version 1 is one of version 2 with the next write after it was unlocked.

Every version keeps magic, version and the closing SHA-256 where they are: so damage is told from a newer format, and
from a wrong password, before any work is done. The SHA-256 detects accidents; the AEAD tags detect everything else.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from wallet.keys.kdf import KdfHeader
from wallet.protocol.errors import WalletError

MAGIC = b"CHANNEL-WALLET KEYS\n"
VERSION = 2
_OLDEST = 1
MAX_BYTES = 2 * 1024 * 1024
_VERSION = struct.Struct(">H")
_LENGTH = struct.Struct(">I")
_CHECKSUM_BYTES = 32
_FIELDS = 6


@dataclass(frozen=True, slots=True)
class VaultImage:
    """The six fields of a vault file, as bytes."""

    kdf: bytes
    public: bytes
    owner_key: bytes
    session_key: bytes
    owner: bytes
    session: bytes
    version: int = VERSION

    def kdf_header(self) -> KdfHeader:
        """The KDF's header, its parameters within bounds; WalletError("KEYS_DAMAGED") otherwise."""
        return KdfHeader.decode(self.kdf)

    def associated(self, field: str) -> bytes:
        """What the AEAD tag of ``field`` covers besides its contents: no field fits in another's place."""
        header = MAGIC + _VERSION.pack(self.version) + _framed(self.kdf) + _framed(field.encode())
        return header + _framed(self.public) if field == "owner" else header

    def encode(self) -> bytes:
        """The file. WalletError("KEYS_FULL") if it would be too large to be read again."""
        fields = (self.kdf, self.public, self.owner_key, self.session_key, self.owner, self.session)
        body = MAGIC + _VERSION.pack(self.version) + b"".join(map(_framed, fields))
        if len(body) + _CHECKSUM_BYTES > MAX_BYTES:
            raise WalletError("KEYS_FULL")
        return body + hashlib.sha256(body).digest()

    @staticmethod
    def decode(data: bytes) -> VaultImage:
        """Strict inverse of :meth:`encode`. Raises WalletError("KEYS_DAMAGED" | "KEYS_NEWER_VERSION")."""
        if not data.startswith(MAGIC):
            raise WalletError("KEYS_DAMAGED", why="not-a-vault")
        body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
        if len(body) < len(MAGIC) + _VERSION.size or hashlib.sha256(body).digest() != checksum:
            raise WalletError("KEYS_DAMAGED", why="checksum")
        (version,) = _VERSION.unpack_from(body, len(MAGIC))
        if version > VERSION:
            raise WalletError("KEYS_NEWER_VERSION", version=version, known=VERSION)
        if version < _OLDEST:
            raise WalletError("KEYS_DAMAGED", why="version")
        kdf, public, owner_key, session_key, owner, session = _split(body[len(MAGIC) + _VERSION.size :])
        image = VaultImage(kdf, public, owner_key, session_key, owner, session, version)
        image.kdf_header()
        return image


def _framed(field: bytes) -> bytes:
    return _LENGTH.pack(len(field)) + field


def _split(rest: bytes) -> list[bytes]:
    fields = []
    for _ in range(_FIELDS):
        if len(rest) < _LENGTH.size:
            raise WalletError("KEYS_DAMAGED", why="truncated")
        (length,) = _LENGTH.unpack_from(rest)
        end = _LENGTH.size + length
        if len(rest) < end:
            raise WalletError("KEYS_DAMAGED", why="truncated")
        fields.append(rest[_LENGTH.size : end])
        rest = rest[end:]
    if rest:
        raise WalletError("KEYS_DAMAGED", why="trailing-bytes")
    return fields
