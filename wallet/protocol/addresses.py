"""Addresses as people read and compare them. Pure. Source: EIP-55.

Nobody compares forty digits. An address that begins and ends as a known one is the trick of "address poisoning": a
stranger makes one, sends a worthless amount from it, and waits until it is copied from a list of transactions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wallet.protocol.eip712 import keccak
from wallet.protocol.errors import WalletError

NOBODY = bytes(20)
ALIKE = 3  # hex digits at each end that make two addresses look alike; by chance one pair in 16 million does
_FORM = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def show_address(address: bytes) -> str:
    """With EIP-55's checksum in its capitals."""
    digits = address.hex()
    hashed = keccak(digits.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(mark, 16) > 7 else letter for letter, mark in zip(digits, hashed, strict=False)
    )


def short_address(address: bytes) -> str:
    """Its two ends, for lists; never for comparing."""
    whole = show_address(address)
    return f"{whole[:8]}…{whole[-6:]}"


def read_address(text: str) -> bytes:
    """The 20 bytes of an address as typed or pasted.

    Without any capital, or in capitals only, there is no checksum to hold it against. Raises
    WalletError("ADDRESS_FORM" | "ADDRESS_CHECKSUM").
    """
    cleaned = text.strip()
    if not _FORM.fullmatch(cleaned):
        raise WalletError("ADDRESS_FORM", got=cleaned[:60])
    address = bytes.fromhex(cleaned[2:])
    if is_checked(cleaned) and cleaned != show_address(address):
        raise WalletError("ADDRESS_CHECKSUM", got=cleaned)
    return address


def is_checked(text: str) -> bool:
    """Whether a text of the right form carries a checksum at all."""
    digits = text.strip()[2:]
    return digits not in (digits.lower(), digits.upper())


def look_alike(address: bytes, known: Iterable[bytes]) -> bytes | None:
    """A known address that is another one, and begins and ends with the same digits; None if there is none."""
    digits = address.hex()
    for other in known:
        shown = other.hex()
        if other != address and shown[:ALIKE] == digits[:ALIKE] and shown[-ALIKE:] == digits[-ALIKE:]:
            return other
    return None
