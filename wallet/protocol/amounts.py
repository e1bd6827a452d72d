"""Money: unsigned integers in base units, from the wire to the contract.

Decimal numbers exist only at the edge, where a person types or reads them.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation

from wallet.protocol.errors import WalletError

MAX_AMOUNT = 2**256 - 1
MAX_INCREMENT = 2**53 - 1
PPM = 1_000_000
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,77}", re.ASCII)
_DECIMAL = re.compile(r"(0|[1-9][0-9]*)?(?:\.([0-9]+))?", re.ASCII)
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


def parse_amount(text: object) -> int:
    """Base units from their JSON form, the ASCII string ``0|[1-9][0-9]*`` below 2^256.

    Raises WalletError("AMOUNT_FORM") for any other form (numbers, signs, blanks, underscores, other digits).
    """
    if type(text) is not str or not _AMOUNT.fullmatch(text):
        raise WalletError("AMOUNT_FORM", got=_shown(text))
    value = int(text)
    if value > MAX_AMOUNT:
        raise WalletError("AMOUNT_FORM", got=_shown(text))
    return value


def parse_decimal(text: str, decimals: int) -> int:
    """Base units from what a person typed, such as ``1.5``; never rounds.

    Raises WalletError("DECIMAL_FORM") for what is no plain number, WalletError("DECIMAL_PRECISION") for more
    decimals than the asset has, WalletError("DECIMAL_SIZE") for what does not fit in a uint256.
    """
    cleaned = text.strip()
    found = _DECIMAL.fullmatch(cleaned)
    if not cleaned or cleaned == "." or len(cleaned) > 120 or found is None:
        raise WalletError("DECIMAL_FORM", got=_shown(text))
    whole, fraction = found.group(1) or "0", (found.group(2) or "").rstrip("0")
    if len(fraction) > decimals:
        raise WalletError("DECIMAL_PRECISION", got=_shown(text), decimals=decimals)
    value = int(whole + fraction.ljust(decimals, "0"))
    if value > MAX_AMOUNT:
        raise WalletError("DECIMAL_SIZE", got=_shown(text))
    return value


def to_decimal(amount: int, decimals: int) -> Decimal:
    """The exact decimal value of ``amount`` base units of an asset with ``decimals`` decimals."""
    return Decimal(amount).scaleb(-decimals, _EXACT)


def format_amount(amount: int, decimals: int, *, group: bool = False) -> str:
    """``amount`` base units as a plain decimal string, without exponent and without trailing zeros."""
    sign, digits = ("-", str(-amount)) if amount < 0 else ("", str(amount))
    digits = digits.rjust(decimals + 1, "0")
    whole, fraction = (digits[:-decimals], digits[-decimals:].rstrip("0")) if decimals else (digits, "")
    if group:
        whole = f"{int(whole):,}".replace(",", "\u202f")
    return sign + whole + ("." + fraction if fraction else "")


def _shown(value: object) -> str:
    return repr(value)[:60]
