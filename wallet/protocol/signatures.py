"""Strict 65-byte signatures: r‖s‖v, low s, v in {27, 28}.

Libraries recover signers from signatures that the contract refuses, so the bytes are checked before any library
sees them: what this module accepts is what can be enforced. Source: design §3, EIP-2, research/security §0.1.
"""

from __future__ import annotations

from functools import lru_cache

from coincurve import PrivateKey, PublicKey
from coincurve.utils import GROUP_ORDER_INT

from wallet.protocol.eip712 import keccak
from wallet.protocol.errors import WalletError
from wallet.protocol.typed import TypedDigest

# As big-endian bytes, which compare as the numbers do.
_ZERO = bytes(32)
_ORDER = GROUP_ORDER_INT.to_bytes(32, "big")
_HALF_ORDER = (GROUP_ORDER_INT // 2).to_bytes(32, "big")


def check_form(signature: bytes) -> bytes:
    """The signature itself, if a strict contract would look at it at all.

    Raises WalletError("SIG-LEN" | "SIG-V" | "SIG-RANGE" | "SIG-HIGH-S").
    """
    if len(signature) != 65:
        raise WalletError("SIG-LEN", got=len(signature))
    if signature[64] not in (27, 28):
        raise WalletError("SIG-V", got=signature[64])
    r, s = signature[:32], signature[32:64]
    if not (_ZERO < r < _ORDER and _ZERO < s < _ORDER):
        raise WalletError("SIG-RANGE")
    if s > _HALF_ORDER:
        raise WalletError("SIG-HIGH-S")
    return signature


def address_of(public_key: PublicKey) -> bytes:
    """The 20-byte Ethereum address of a public key."""
    return keccak(public_key.format(compressed=False)[1:])[12:]


def recover_signer(typed: TypedDigest, signature: bytes) -> bytes:
    """The address that signed ``typed``.

    Raises WalletError("SIG-…") for a signature of a wrong form, WalletError("SIG-ZERO") if no key fits.
    """
    return _address_of_point(signing_key(typed, signature).format(compressed=False))


def signing_key(typed: TypedDigest, signature: bytes) -> PublicKey:
    """The public key of :func:`recover_signer`; fails as that does."""
    check_form(signature)
    try:
        return PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), typed.digest, hasher=None
        )
    except Exception as error:  # coincurve raises plain Exception and ValueError
        raise WalletError("SIG-ZERO") from error


@lru_cache(maxsize=1024)
def _address_of_point(uncompressed: bytes) -> bytes:
    return keccak(uncompressed[1:])[12:]


def require_signer(typed: TypedDigest, signature: bytes, allowed: tuple[bytes, ...]) -> bytes:
    """The one of ``allowed`` that signed; WalletError("SIG-OTHER-KEY") if none of them did."""
    signer = recover_signer(typed, signature)
    if signer not in allowed:
        raise WalletError("SIG-OTHER-KEY", got="0x" + signer.hex())
    return signer


def sign(key: PrivateKey, typed: TypedDigest) -> bytes:
    """A strict signature of ``typed`` (libsecp256k1 signs with low s, RFC 6979)."""
    raw = key.sign_recoverable(typed.digest, hasher=None)
    return check_form(raw[:64] + bytes([raw[64] + 27]))
