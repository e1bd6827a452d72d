"""Hierarchical keys (BIP-32, BIP-44): which path belongs to what, and the private key at a path.

Derivation is eth-account's, imported late: run it in an executor.
"""

from __future__ import annotations

import hashlib
import hmac

from coincurve.utils import GROUP_ORDER_INT

from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

MAX_ACCOUNTS = 256
_HEX = frozenset("0123456789abcdefABCDEF")

# The gas key stays usable while the owner key is locked, so it must not lead to it: whoever holds a plain child and
# the parent's public half computes the parent. Its branch is therefore hardened, and of an account number ("gas" in
# ASCII) that no other wallet would come to use for savings.
GAS_PATH = "m/44'/60'/6775155'/0/0"


def account_path(index: int) -> str:
    """BIP-44 path of the owner account ``index`` (0 … 255), as most Ethereum wallets count."""
    if not 0 <= index < MAX_ACCOUNTS:
        raise ValueError(f"account index {index} is not in 0 … {MAX_ACCOUNTS - 1}")
    return f"m/44'/60'/0'/0/{index}"


def derive_key(seed: bytes, path: str) -> bytes:
    """The 32-byte private key at ``path`` below the 64-byte ``seed``."""
    from eth_account.hdaccount.deterministic import HDPath  # late: takes most of a second

    return bytes(HDPath(path).derive(seed))


def gas_key_of(key: bytes) -> bytes:
    """The gas key of a vault without a phrase: as final as one of the phrase's, and no way back to the owner's."""
    number = int.from_bytes(hmac.digest(key, b"channel-wallet gas key", hashlib.sha256), "big")
    return (1 + number % (GROUP_ORDER_INT - 1)).to_bytes(32, "big")


def read_private_key(text: Secret) -> bytes:
    """The 32 bytes of a key given as 64 hexadecimal digits, 0x before them or not.

    Raises WalletError("KEYS_PRIVATE_KEY_FORM"), which holds nothing of what was given.
    """
    digits = text.reveal().strip().removeprefix("0x")
    number = int(digits, 16) if len(digits) == 64 and set(digits) <= _HEX else 0
    if not 0 < number < GROUP_ORDER_INT:
        raise WalletError("KEYS_PRIVATE_KEY_FORM")
    return number.to_bytes(32, "big")
