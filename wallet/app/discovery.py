"""Which accounts of a phrase were ever used, by what a chain shows: BIP-44's account discovery, with a gap limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

GAP = 20  # BIP-44: so many unused in a row end the search
MOST = 100  # accounts looked at, whatever a node claims


async def used_accounts(
    addresses: Callable[[int, int], Awaitable[Sequence[bytes]]], is_used: Callable[[bytes], Awaitable[bool]]
) -> list[int]:
    """The indices of the accounts that were used, lowest first.

    ``addresses``: those of (first index, count). A node that lies can make it look at `MOST` accounts, and no more.
    """
    found: list[int] = []
    first = 0
    while first < MOST:
        count = min(GAP, MOST - first)
        for index, address in enumerate(await addresses(first, count), first):
            if await is_used(address):
                found.append(index)
        first += count
        if first - (found[-1] + 1 if found else 0) >= GAP:
            break
    return found
