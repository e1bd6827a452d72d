"""Keys that sign the protocol's own structs and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from coincurve import PrivateKey

from wallet.keys.secret import Redacted
from wallet.protocol import signatures
from wallet.protocol.eip191 import message_digest
from wallet.protocol.errors import WalletError
from wallet.protocol.typed import TypedDigest

# The closed set of design §3. A struct that is not in it is refused, not warned of.
SIGNABLE = frozenset(
    (
        "Terms",
        "State",
        "Order",
        "Cancel",
        "CancelReceipt",
        "FinalizeRequest",
        "TurnRequest",
        "Heartbeat",
        "Resume",
        "Challenge",
        "Auth",
    )
)


class Signer(Redacted):
    """One private key, usable until it is dropped."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        """``secret``: 32 bytes, 1 … n−1; ValueError (without the bytes) for any other."""
        if len(secret) != 32:
            raise ValueError("a private key has 32 bytes")
        self._key: PrivateKey | None = PrivateKey(secret)
        self.address: bytes = signatures.address_of(self._key.public_key)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} 0x{self.address.hex()}>"

    def sign(self, typed: TypedDigest) -> bytes:
        """65 bytes r‖s‖v (low s, v 27/28), checked against the own address before they are handed out.

        A fault in memory or library would otherwise publish a signature that leaks the key. Raises
        WalletError("KEYS_LOCKED" | "KEYS_UNKNOWN_STRUCT" | "KEYS_SIGNING_FAULT").
        """
        if type(typed) is not TypedDigest or typed.struct not in SIGNABLE or len(typed.digest) != 32:
            raise WalletError("KEYS_UNKNOWN_STRUCT", struct=getattr(typed, "struct", type(typed).__name__))
        return self._signed(typed)

    def _signed(self, typed: TypedDigest) -> bytes:
        signature = signatures.sign(self._unlocked(), typed)
        if signatures.recover_signer(typed, signature) != self.address:
            raise WalletError("KEYS_SIGNING_FAULT", address="0x" + self.address.hex())
        return signature

    def drop(self) -> None:
        """Forget the key; every later signature is refused with WalletError("KEYS_LOCKED")."""
        self._key = None

    def _unlocked(self) -> PrivateKey:
        key = self._key
        if key is None:
            raise WalletError("KEYS_LOCKED")
        return key


class AccountSigner(Signer):
    """A key with an account on chain (owner or gas): it signs transactions too. A session key never does."""

    __slots__ = ()

    def sign_message(self, message: bytes) -> bytes:
        """65 bytes over a plain message (EIP-191), which no struct and no transaction can be taken for."""
        return self._signed(message_digest(message))

    def sign_transaction(self, transaction: Mapping[str, object]) -> bytes:
        """The raw signed transaction, its sender recovered and compared. Slow at the first call (imports).

        ``transaction``: eth-account's fields with a chainId; a transaction any chain would take is refused.
        Raises WalletError("KEYS_LOCKED" | "KEYS_TRANSACTION" | "KEYS_SIGNING_FAULT").
        """
        key = self._unlocked()
        chain_id = transaction.get("chainId")
        if not isinstance(chain_id, int) or chain_id <= 0:
            raise WalletError("KEYS_TRANSACTION", why="chainId")

        from eth_account import Account  # late: takes most of a second

        try:
            raw = bytes(Account.sign_transaction(dict(transaction), key.secret).raw_transaction)
        except (TypeError, ValueError, KeyError) as error:
            raise WalletError("KEYS_TRANSACTION", why=f"{type(error).__name__}: {error}") from None
        if bytes.fromhex(Account.recover_transaction(raw)[2:]) != self.address:
            raise WalletError("KEYS_SIGNING_FAULT", address="0x" + self.address.hex())
        return raw
