"""Symbols this program vouches for: a shipped list by (chain, address). An asset *is* its address.

No broker's profile can give a listed symbol to another address, or a listed address another name. Source: design §1.
"""

from __future__ import annotations

import json
from functools import lru_cache

from wallet.protocol.errors import WalletError
from wallet.resources import resource

Listed = dict[bytes, tuple[str, int]]  # address -> symbol, decimals


@lru_cache(maxsize=64)
def listed(chain_id: int) -> Listed:
    """The list of one chain; empty for a chain this program knows nothing of."""
    chains = json.loads(resource("tokens.json").read_bytes())
    rows = chains.get(str(chain_id), {})
    return {bytes.fromhex(address[2:]): (symbol, decimals) for address, (symbol, decimals) in rows.items()}


def check_name(chain_id: int, address: bytes, symbol: str, decimals: int) -> None:
    """Raises WalletError("TOKEN_LISTED") for a name or decimals that the list gives to someone else."""
    known = listed(chain_id)
    names = {name: owner for owner, (name, _) in known.items()}
    if known.get(address, (symbol, decimals)) != (symbol, decimals) or names.get(symbol, address) != address:
        raise WalletError("TOKEN_LISTED", symbol=symbol, address="0x" + address.hex())
