"""What the adjudicator tells, typed: enough for a wallet to rebuild its channels from the chain alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wallet.chain.artifact import adjudicator
from wallet.chain.records import Log
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Outcome
from wallet.protocol.terms import Asset, Initiative, Terms


@dataclass(frozen=True, slots=True)
class Deposited:
    log: Log
    owner: bytes
    asset: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Money left: from the owner's credit first, the rest from his free balance."""

    log: Log
    owner: bytes
    asset: bytes
    to: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class Authorized:
    log: Log
    broker: bytes
    signer: bytes
    asset: bytes
    cap: int
    until: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A channel opened; ``time`` is that of its setup state.

    The chain knows the markets by their hash alone: ``terms.markets`` is empty here, and the channel's id does not
    follow from it without them.
    """

    log: Log
    channel: bytes
    trader: bytes
    broker: bytes
    time: int
    terms: Terms
    markets_hash: bytes


@dataclass(frozen=True, slots=True)
class Challenged:
    log: Log
    channel: bytes
    increment: int
    deadline: int
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Responded:
    log: Log
    channel: bytes
    increment: int
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """Settled at once, by a finalize state."""

    log: Log
    channel: bytes
    increment: int
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """Settled after the challenge period, by the recorded outcomes."""

    log: Log
    channel: bytes
    increment: int
    outcomes: tuple[Outcome, ...]


Event = Deposited | Withdrawn | Authorized | Opened | Challenged | Responded | Closed | Settled

_TYPES: dict[str, Callable[..., Event]] = {
    kind.__name__: kind for kind in (Deposited, Withdrawn, Authorized, Opened, Challenged, Responded, Closed, Settled)
}


def topic(kind: type[Event]) -> bytes:
    """The first topic of an event."""
    return adjudicator().abi.topic(kind.__name__)


def read_event(log: Log) -> Event:
    """The event that ``log`` is. Raises WalletError("RPC_BAD_REPLY") for what the adjudicator does not emit."""
    event = adjudicator().abi.events.get(log.topics[0]) if log.topics else None
    if event is None:
        raise WalletError("RPC_BAD_REPLY", method="eth_getLogs", reason="an event that the contract does not have")
    values = event.decode(log.topics, log.data)
    if "outcomes" in values:
        values["outcomes"] = tuple(Outcome(*row) for row in values["outcomes"])
    if "terms" in values:
        values["terms"], values["markets_hash"] = read_terms(values["terms"])
    return _TYPES[event.name](log=log, **values)


def read_terms(row: tuple[Any, ...]) -> tuple[Terms, bytes]:
    """Terms without their markets, and the markets' hash, from the contract's own struct.

    Raises WalletError("RPC_BAD_REPLY") for an initiative that the contract lets nobody open.
    """
    *head, initiative, max_fee, heartbeat, answer_time, skew, yield_interval, orders, fills, assets, markets = row
    if initiative not in tuple(Initiative):
        raise WalletError("RPC_BAD_REPLY", method="Opened", reason="unknown initiative")
    trader, trader_signer, broker, broker_signer, nonce, open_before, challenge_period = head
    terms = Terms(
        trader=trader,
        trader_signer=trader_signer,
        broker=broker,
        broker_signer=broker_signer,
        nonce=nonce,
        open_before=open_before,
        challenge_period=challenge_period,
        initiative=Initiative(initiative),
        max_fee=max_fee,
        heartbeat=heartbeat,
        answer_time=answer_time,
        skew=skew,
        yield_interval=yield_interval,
        max_open_orders=orders,
        max_fills=fills,
        assets=tuple(Asset(*asset) for asset in assets),
        markets=(),
    )
    return terms, markets
