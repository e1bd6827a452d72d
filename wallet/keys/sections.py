"""What stands inside a vault, field by field, and the boxes it is sealed in."""

from __future__ import annotations

import contextlib
import secrets
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from wallet.keys.hd import MAX_ACCOUNTS
from wallet.protocol.errors import WalletError

MAX_SESSION_KEYS = 4096
MAX_LABEL_CHARS = 64
_NONCE_BYTES = 12
_TAG_BYTES = 16

Section = TypeVar("Section", bound=Struct)
_Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Address = Annotated[bytes, Meta(min_length=20, max_length=20)]
_Label = Annotated[str, Meta(max_length=MAX_LABEL_CHARS)]


class Account(Struct, frozen=True, forbid_unknown_fields=True):
    """An owner account: BIP-44 index and path, 20-byte address, the user's own label.

    ``kind``: its key is derived from the phrase, was imported, or is not here at all. Only the first has a path; the
    index of the others is 0 and means nothing.
    """

    index: Annotated[int, Meta(ge=0, lt=MAX_ACCOUNTS)]
    path: Annotated[str, Meta(max_length=64)]
    address: _Address
    label: _Label
    kind: Literal["derived", "imported", "watched"] = "derived"

    @property
    def signs(self) -> bool:
        """Whether the key is here."""
        return self.kind != "watched"


class Public(Struct, frozen=True, forbid_unknown_fields=True):
    """What is readable without the password."""

    label: _Label
    accounts: Annotated[tuple[Account, ...], Meta(min_length=1, max_length=MAX_ACCOUNTS)]


class OwnerSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The phrase with its passphrase, both empty if there is none, and the accounts' private keys.

    One key per account that signs, in the accounts' order.

    The keys stand here beside the phrase they come from, so that unlocking needs no slow derivation.
    """

    phrase: str
    passphrase: str
    keys: tuple[_Key, ...]

    def __repr__(self) -> str:
        return "<OwnerSection>"


class SessionRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """A session key. ``backup``: whether a copy of the vault may hold it; the protocol says never."""

    key: _Key
    backup: bool = False

    def __repr__(self) -> str:
        return "<SessionRecord>"


class SessionSection(Struct, frozen=True, forbid_unknown_fields=True):
    """What the unattended driver needs: the gas key, and the channels' keys."""

    gas_key: _Key
    records: Annotated[tuple[SessionRecord, ...], Meta(max_length=MAX_SESSION_KEYS)]

    def __repr__(self) -> str:
        return "<SessionSection>"

    def for_backup(self) -> SessionSection:
        """The same without the keys that must exist only once: two installations that sign alike equivocate."""
        return SessionSection(self.gas_key, tuple(record for record in self.records if record.backup))


def encode(section: Struct) -> bytes:
    """MessagePack of one section."""
    return msgspec.msgpack.encode(section)


def decode(data: bytes, kind: type[Section], why: str) -> Section:
    """Strict inverse of :func:`encode`; WalletError("KEYS_DAMAGED", why) says nothing of the contents."""
    section = None
    # Raised below, outside: the library's error may quote what it could not decode.
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        section = msgspec.msgpack.decode(data, type=kind)
    if section is None:
        raise WalletError("KEYS_DAMAGED", why=why)
    return section


def seal(key: bytes, contents: bytes, associated: bytes) -> bytes:
    """AES-256-GCM under a random 96-bit nonce, which stands before the ciphertext."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # late: first paint needs none

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, contents, associated)


def unseal(key: bytes, box: bytes, associated: bytes) -> bytes | None:
    """What was sealed, or None if key, box or associated data are not the ones it was sealed with."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(box) < _NONCE_BYTES + _TAG_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], associated)
    except InvalidTag:
        return None
