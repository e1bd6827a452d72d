"""Params and results of everything about channels: authentication, setup, orders, states, presence.

Addresses are 20 bytes, digests 32, signatures 65, amounts base units, times Unix seconds. Source: design §1–§5, §8.
"""

from __future__ import annotations

from typing import Self

from wallet.protocol.codec import (
    MAX_ROWS,
    Json,
    envelope,
    malformed,
    read_object,
    read_state,
    state_array,
)
from wallet.protocol.intents import SignedOrder
from wallet.protocol.state import State
from wallet.protocol.terms import MAX_ASSETS, MAX_MARKETS, Role, Terms
from wallet.wire.forms import (
    ADDRESS,
    AMOUNT,
    CODE,
    DIGEST,
    NUMBER,
    PAIR,
    SIGNATURE,
    SIGNED_ORDER,
    TERMS,
    Form,
    Message,
    Pair,
    enum,
    listing,
    message,
    number,
    of,
    optional,
    record,
    row,
)

MAX_CHANNELS = 1_000  # of one account
MAX_STATES = 100  # in one page
Funding = tuple[bytes, int]  # asset, allocation

_INTENTS: Form[tuple[SignedOrder, ...]] = listing(SIGNED_ORDER, MAX_ROWS)
_FUNDING: Form[Funding] = row(lambda asset, allocation: (asset, allocation), ADDRESS, AMOUNT)


@message
class Done(Message):
    """``{}``: it is so."""


# --- authentication ----------------------------------------------------------------------------------------------


@message
class Hello(Message):
    """The client opens: its fresh nonce, and for whom it will speak."""

    nonce: bytes = of(DIGEST)
    account: bytes = of(ADDRESS)
    role: Role = of(enum(Role))


@message
class HelloResult(Message):
    """The broker proves itself first: ``signature`` over Auth with both nonces."""

    nonce: bytes = of(DIGEST)
    account: bytes = of(ADDRESS)
    signature: bytes = of(SIGNATURE)


@message
class Proof(Message):
    """Params of ``auth``: the client's signature over Auth with both nonces."""

    signature: bytes = of(SIGNATURE)


@message
class Welcome(Message):
    """The broker's clock, and the channels in which the account now speaks."""

    now: int = of(NUMBER)
    channels: tuple[bytes, ...] = of(listing(DIGEST, MAX_CHANNELS))


# --- setup and end -----------------------------------------------------------------------------------------------


@message
class OfferRequest(Message):
    """What a trader wants to put in, and where he wants to trade (None: all the broker has for these assets)."""

    trader: bytes = of(ADDRESS)
    trader_signer: bytes = of(ADDRESS)
    assets: tuple[Funding, ...] = of(listing(_FUNDING, MAX_ASSETS))
    markets: tuple[Pair, ...] | None = of(optional(listing(PAIR, MAX_MARKETS)))


@message
class Offer(Message):
    terms: Terms = of(TERMS)


@message
class Setup(Message):
    """``signature``: the owner's over the Terms digest, which is the channel's id."""

    terms: Terms = of(TERMS)
    signature: bytes = of(SIGNATURE)


@message
class Finalize(Message):
    channel: bytes = of(DIGEST)
    last_digest: bytes = of(DIGEST)
    valid_until: int = of(NUMBER)
    signature: bytes = of(SIGNATURE)


# --- orders ------------------------------------------------------------------------------------------------------


@message
class PlaceOrder(Message):
    intent: SignedOrder = of(SIGNED_ORDER)


@message
class Placed(Message):
    """The order is in the queue; the state that opens it follows."""

    id: bytes = of(DIGEST)


@message
class CancelOrder(Message):
    channel: bytes = of(DIGEST)
    order: bytes = of(DIGEST)
    signature: bytes = of(SIGNATURE)


@message
class Cancelled(Message):
    """``signature``: the broker's over CancelReceipt."""

    signature: bytes = of(SIGNATURE)


@message
class AskTurn(Message):
    """Params of ``turn``: a signed TurnRequest of whoever lacks the turn."""

    channel: bytes = of(DIGEST)
    increment: int = of(NUMBER)
    signature: bytes = of(SIGNATURE)


# --- presence and resume -----------------------------------------------------------------------------------------


@message
class Beat(Message):
    """The trader's signed Heartbeat."""

    channel: bytes = of(DIGEST)
    increment: int = of(NUMBER)
    digest: bytes = of(DIGEST)
    time: int = of(NUMBER)
    signature: bytes = of(SIGNATURE)


@message
class BeatEcho(Message):
    """``echo``: digest of the Heartbeat struct. ``increment``: the broker's last. ``now``: his clock."""

    echo: bytes = of(DIGEST)
    increment: int = of(NUMBER)
    now: int = of(NUMBER)


@message
class Standing(Message):
    """Params and result of ``resume``: the highest validated state, signed with this connection's nonces."""

    channel: bytes = of(DIGEST)
    increment: int = of(NUMBER)
    digest: bytes = of(DIGEST)
    signature: bytes = of(SIGNATURE)


@message
class StandingResult(Message):
    increment: int = of(NUMBER)
    digest: bytes = of(DIGEST)
    signature: bytes = of(SIGNATURE)


@message
class StatesRequest(Message):
    """States above ``after`` (−1: from the setup state on), at most ``limit`` of them, fewer if they are large."""

    channel: bytes = of(DIGEST)
    after: int = of(number(low=-1))
    limit: int = of(number(low=1, high=MAX_STATES))


# --- states ------------------------------------------------------------------------------------------------------


def _show_state(state: State) -> dict[str, Json]:
    return {"envelope": envelope(state), "state": state_array(state)}


@message
class Signatures(Message):
    """Of one state; a side's is missing while only the other has signed, or where the successor implies it."""

    trader: bytes | None = of(optional(SIGNATURE))
    broker: bytes | None = of(optional(SIGNATURE))


@message
class SignedState(Message):
    """A state and its issuer's signature: the inside of a Refuse."""

    state: State
    signature: bytes

    @classmethod
    def read(cls, value: Json) -> Self:
        row = read_object(value, "state", ("envelope", "state", "signature"))
        return cls(read_state(row["envelope"], row["state"]), SIGNATURE.read(row["signature"], "signature"))

    def show(self) -> dict[str, Json]:
        return {**_show_state(self.state), "signature": SIGNATURE.show(self.signature)}


@message
class ProvenState(Message):
    """A state with everything that proves it: both signatures and the intents it opens."""

    state: State
    signatures: Signatures
    intents: tuple[SignedOrder, ...]

    @classmethod
    def read(cls, value: Json) -> Self:
        row = read_object(value, "state", ("envelope", "state", "signatures", "intents"))
        return cls(
            read_state(row["envelope"], row["state"]),
            Signatures.read(row["signatures"]),
            _INTENTS.read(row["intents"], "intents"),
        )

    def show(self) -> dict[str, Json]:
        return {
            **_show_state(self.state),
            "signatures": self.signatures.show(),
            "intents": _INTENTS.show(self.intents),
        }


@message
class States(Message):
    states: tuple[ProvenState, ...] = of(listing(record(ProvenState), MAX_STATES))


@message
class Propose(Message):
    """A state for the other side to sign, and the intents of the orders it opens."""

    state: State
    signature: bytes
    intents: tuple[SignedOrder, ...]

    @property
    def channel(self) -> bytes:
        return self.state.channel

    @classmethod
    def read(cls, value: Json) -> Self:
        row = read_object(value, "propose", ("channel", "envelope", "state", "signature", "intents"))
        state = read_state(row["envelope"], row["state"])
        if DIGEST.read(row["channel"], "channel") != state.channel:
            raise malformed("channel", row["channel"])
        return cls(state, SIGNATURE.read(row["signature"], "signature"), _INTENTS.read(row["intents"], "intents"))

    def show(self) -> dict[str, Json]:
        return {
            "channel": DIGEST.show(self.channel),
            **_show_state(self.state),
            "signature": SIGNATURE.show(self.signature),
            "intents": _INTENTS.show(self.intents),
        }


@message
class ProposeAnswer(Message):
    """Exactly one of the three: the signature that makes the state valid, the Refuse, or, to a yield alone, the digest
    of the state that the other side has issued upon it: *by signing a new state he validates the one before* (seed).

    ``reason`` says with a code why a state was refused; nothing depends on it.
    """

    ack: bytes | None = of(optional(SIGNATURE), default=None)
    refuse: SignedState | None = of(optional(record(SignedState)), default=None)
    next: bytes | None = of(optional(DIGEST), default=None)
    reason: str | None = of(optional(CODE), default=None)

    def __post_init__(self) -> None:
        if sum(answer is not None for answer in (self.ack, self.refuse, self.next)) != 1:
            raise malformed("answer", "exactly one of ack, refuse and next")
        if self.reason is not None and self.refuse is None:
            raise malformed("reason", "only of a refusal")


@message
class Ack(Message):
    """The issuer's countersignature of the void that refused its state; both directions."""

    channel: bytes = of(DIGEST)
    increment: int = of(NUMBER)
    digest: bytes = of(DIGEST)
    signature: bytes = of(SIGNATURE)
