"""Which of several channels or brokers a person means who typed the beginning of an id, or nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain

SHOWN = 10  # characters of an id that tell it apart: 0x and eight digits
_PREFIX = re.compile(r"(?:0x)?([0-9a-f]{1,64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class KnownChannel:
    id: bytes
    running: bool  # not over


@dataclass(frozen=True, slots=True)
class KnownBroker:
    id: bytes
    name: str


def short(ident: bytes) -> str:
    """The beginning of an id, as lists show it and as it may be typed."""
    return ("0x" + ident.hex())[:SHOWN]


def choose_channel(channels: Sequence[KnownChannel], prefix: str | None) -> bytes:
    """The id of the channel meant; None means the only one that runs, else the newest (``channels``: oldest first).

    Raises WalletError("NO_CHANNEL" | "CHANNEL_NO_SUCH" | "CHANNEL_AMBIGUOUS").
    """
    if not channels:
        raise WalletError("NO_CHANNEL")
    if prefix is not None:
        wanted = _digits(prefix, "CHANNEL_NO_SUCH")
        found = [row for row in channels if row.id.hex().startswith(wanted)]
        if not found:
            raise WalletError("CHANNEL_NO_SUCH", typed=plain(prefix, 70))
    else:
        found = [row for row in channels if row.running] or [channels[-1]]
    if len(found) > 1:
        raise WalletError("CHANNEL_AMBIGUOUS", ids=", ".join(short(row.id) for row in found[:8]))
    return found[0].id


def choose_broker(brokers: Sequence[KnownBroker], typed: str) -> bytes:
    """The address of the broker whose address begins so, or whose name does.

    Raises WalletError("BROKER_NO_SUCH" | "BROKER_AMBIGUOUS").
    """
    named = [row for row in brokers if typed and row.name.lower().startswith(typed.lower())]
    digits = _PREFIX.fullmatch(typed.lower())
    found = named or [row for row in brokers if digits and row.id.hex().startswith(digits[1])]
    if not found:
        raise WalletError("BROKER_NO_SUCH", typed=plain(typed, 70))
    if len(found) > 1:
        raise WalletError("BROKER_AMBIGUOUS", ids=", ".join(short(row.id) for row in found[:8]))
    return found[0].id


def _digits(prefix: str, code: str) -> str:
    found = _PREFIX.fullmatch(prefix.lower())
    if found is None:
        raise WalletError(code, typed=plain(prefix, 70))
    return found[1]
