"""A digest that knows which EIP-712 struct it is of: the only thing a key may sign."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TypedDigest:
    """32-byte EIP-712 digest of one of the protocol's structs. Made by :mod:`wallet.protocol.eip712` alone."""

    struct: str
    digest: bytes
