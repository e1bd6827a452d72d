"""Proof, at start-up, that the fast libraries are in use: their slow twins are silent and up to 34 times slower."""

from __future__ import annotations

import importlib
import os

from wallet.protocol.errors import WalletError


def assert_fast_backend() -> None:
    """Check that coincurve does the curve and pysha3 the hashing, in eth-account's stack too.

    ``ETH_HASH_BACKEND=pysha3`` has to be in the environment before eth-hash hashes for the first time; the entry
    points set it. Raises WalletError("KEYS_SLOW_BACKEND", need=…) otherwise. Imports eth-keys: call it late.
    """
    for module in ("coincurve", "sha3"):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise WalletError("KEYS_SLOW_BACKEND", need=module) from error
    if os.environ.get("ETH_HASH_BACKEND") != "pysha3":
        raise WalletError("KEYS_SLOW_BACKEND", need="ETH_HASH_BACKEND=pysha3")

    # Late: eth-keys takes a quarter of a second.
    from eth_hash.auto import keccak
    from eth_keys.backends import get_backend_class
    from eth_keys.backends.coincurve import CoinCurveECCBackend

    keccak(b"")  # the automatic backend chooses at its first use, and keeps its choice
    chosen = getattr(keccak.hasher, "__module__", "")
    if chosen != "eth_hash.backends.pysha3":
        raise WalletError("KEYS_SLOW_BACKEND", need="ETH_HASH_BACKEND=pysha3 before the first hash")
    if get_backend_class() is not CoinCurveECCBackend:
        raise WalletError("KEYS_SLOW_BACKEND", need="ECC_BACKEND_CLASS unset")
