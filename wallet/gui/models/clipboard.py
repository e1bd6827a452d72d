"""An address on the clipboard: still ours, somebody else's, or gone. Pure.

Programs are known that wait for an address on the clipboard and put their own in its place.
"""

from __future__ import annotations

from wallet.protocol.addresses import read_address
from wallet.protocol.errors import WalletError

KEPT_SECONDS = 60
OURS, FOREIGN, OTHER = "ours", "foreign", "other"


def judge(copied: str, found: str) -> str:
    """OURS if it is what was copied, FOREIGN if it is another address, OTHER if it is anything else."""
    if found == copied:
        return OURS
    try:
        return FOREIGN if read_address(found) != read_address(copied) else OTHER
    except WalletError:
        return OTHER
