"""What a trader asks for with his signature: orders, cancels, the end of the session; and what says he is present.

Source: design §2 (order intent), §4 (presence), §5 (finalize), §8 (authentication, resume).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from wallet.protocol.state import Side

MAX_OPEN_AHEAD = 10  # seconds: how far ahead an intent may ask to be opened


class TimeInForce(IntEnum):
    GOOD_TILL_TIME = 0
    IMMEDIATE_OR_CANCEL = 1
    FILL_OR_KILL = 2
    POST_ONLY = 3


@dataclass(frozen=True, slots=True)
class Order:
    """An order intent. Its EIP-712 digest is the order's id; ``open_before`` and ``expiry`` are Unix seconds."""

    channel: bytes
    order_nonce: int
    base: bytes
    quote: bytes
    side: Side
    price: int
    amount: int
    time_in_force: TimeInForce
    open_before: int
    expiry: int


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An intent as it left the trader: with its id and his signature, as every export carries it."""

    id: bytes
    order: Order
    signature: bytes


@dataclass(frozen=True, slots=True)
class Cancel:
    """The trader takes an order back."""

    channel: bytes
    order: bytes


@dataclass(frozen=True, slots=True)
class CancelReceipt:
    """The broker has the cancel: a fill first received after it is the broker's own risk."""

    channel: bytes
    order: bytes


@dataclass(frozen=True, slots=True)
class FinalizeRequest:
    channel: bytes
    last_digest: bytes
    valid_until: int


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """Whoever lacks the turn asks for it; ``increment`` is the last validated state he knows, so it can't be replayed
    in a later turn."""

    channel: bytes
    increment: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The trader is present and knows this as the last validated state."""

    channel: bytes
    increment: int
    digest: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Resume:
    """After a break: the highest validated state its signer has, bound to this connection by both nonces."""

    channel: bytes
    increment: int
    digest: bytes
    nonce: bytes
    peer_nonce: bytes


@dataclass(frozen=True, slots=True)
class Challenge:
    """An owner lets anyone start a dispute for him, with no lower state than this."""

    channel: bytes
    min_increment: int
    valid_until: int


@dataclass(frozen=True, slots=True)
class Auth:
    """Who speaks on a connection. ``host`` is what the client dialled, never a string the peer chose."""

    nonce: bytes
    peer_nonce: bytes
    account: bytes
    peer: bytes
    role: int
    host: str
