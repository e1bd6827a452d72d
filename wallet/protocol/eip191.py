"""Digests of plain messages, as every wallet signs them ("personal_sign"). Source: EIP-191, version 0x45."""

from __future__ import annotations

from wallet.protocol.eip712 import keccak
from wallet.protocol.typed import TypedDigest

MESSAGE = "message"
_PREFIX = b"\x19Ethereum Signed Message:\n"


def message_digest(message: bytes) -> TypedDigest:
    """The digest to sign. No struct and no transaction of any chain has the same: those begin otherwise."""
    return TypedDigest(MESSAGE, keccak(_PREFIX + str(len(message)).encode() + message))
