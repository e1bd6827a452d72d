"""States this journal lost, given back by the broker: taken only with our own signature on them, and in one chain.

Source: design §8 "Resume".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from wallet.history.journal import Entry, IntentRecord, Status
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.signatures import require_signer
from wallet.protocol.terms import Role
from wallet.session.requests import SUBMITTED

if TYPE_CHECKING:
    from wallet.session.channel import TraderChannel


def adopt(channel: TraderChannel, entries: list[Entry], intents: Iterable[SignedOrder] = ()) -> int:
    """Takes back validated states we lost, proved by our own signature and the chain; how many.

    A signature of ours that this journal never held is the proof that it was rolled back: the channel is restored.
    ``intents`` are the orders that they open. Raises WalletError("RES-AHEAD-NO-PROOF" | "RES-FORGED-OURS" |
    "RES-GAP" | "RES-FORK").
    """
    for signed in intents:
        _take_back(channel, signed)
    for entry in entries:
        _adopt_one(channel, entry)
    return len(entries)


def _adopt_one(channel: TraderChannel, entry: Entry) -> None:
    typed, increment = channel.domain.digest(entry.state), entry.state.increment
    if entry.trader_signature is None or entry.broker_signature is None:
        raise WalletError("RES-AHEAD-NO-PROOF", increment=increment)
    try:
        require_signer(typed, entry.trader_signature, channel.terms.signers(Role.TRADER))
        require_signer(typed, entry.broker_signature, channel.terms.signers(Role.BROKER))
    except WalletError as error:
        raise WalletError("RES-FORGED-OURS", increment=increment) from error
    if channel.last is not None and entry.state.previous != channel.last.digest:
        raise WalletError("RES-GAP", increment=increment)
    mine = channel.journal.own_at(channel.id, increment)
    if mine is not None and mine.digest != typed.digest:
        raise channel.fork(increment)
    if mine is None:  # ours are on disk before they leave: this journal is older than what our key has signed
        channel.roll_back(f"RES-AHEAD {increment}")
    now = int(channel.clock.now())
    channel.commit(replace(entry, digest=typed.digest, status=Status.VALIDATED, own=True, recorded=now))


def is_ours(channel: TraderChannel, entry: Entry) -> bool:
    """Whether a state carries a signature of ours."""
    if entry.trader_signature is None:
        return False
    try:
        require_signer(channel.domain.digest(entry.state), entry.trader_signature, channel.terms.signers(Role.TRADER))
    except WalletError:
        return False
    return True


def _take_back(channel: TraderChannel, signed: SignedOrder) -> None:
    """An order of ours that this journal lost; without it nobody here would know when it expires."""
    typed = channel.domain.digest(signed.order)
    if channel.requests.get(signed.id) is not None or signed.id != typed.digest or signed.order.channel != channel.id:
        return
    with contextlib.suppress(WalletError):  # not ours, or its number is taken: fills of it are refused
        require_signer(typed, signed.signature, channel.terms.signers(Role.TRADER))
        channel.requests.add(IntentRecord(signed, SUBMITTED, "", int(channel.clock.now())))
