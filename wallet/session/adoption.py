"""States this journal lost, given back by the broker: taken only with our own signature on them, and in one chain.

Source: design §8 "Resume".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from wallet.history.journal import Entry, IntentRecord, Status
from wallet.history.seat import NEEDS_BOTH
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import State, Transition
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
    adopted = 0
    for entry, following in zip_longest(entries, entries[1:]):
        if _is_held(channel, entry):
            continue  # told to us otherwise since we asked: the broker's signature on our void may come at any time
        if following is None and adopted and not _has_both(entry):
            break  # what validates it comes with the next page
        _adopt_one(channel, entry, following)
        adopted += 1
    return adopted


def _is_held(channel: TraderChannel, entry: Entry) -> bool:
    """Whether it is a state of our own chain, up to the last."""
    if channel.last is None or entry.state.increment > channel.last.state.increment:
        return False
    known = channel.journal.by_digest(channel.id, channel.domain.digest(entry.state).digest)
    return known is not None and known.status is Status.VALIDATED


def _has_both(entry: Entry) -> bool:
    return entry.trader_signature is not None and entry.broker_signature is not None


def _adopt_one(channel: TraderChannel, entry: Entry, following: Entry | None) -> None:
    typed, increment = channel.domain.digest(entry.state), entry.state.increment
    for role in (Role.TRADER, Role.BROKER):
        proof, digest = entry.signature(role), typed
        if proof is None and following is not None and following.state.previous == typed.digest:
            proof, digest = following.signature(role), channel.domain.digest(following.state)  # implied by it
        if proof is None or (not _has_both(entry) and entry.state.transition in NEEDS_BOTH):
            raise WalletError("RES-AHEAD-NO-PROOF", increment=increment)
        try:
            require_signer(digest, proof, channel.terms.signers(role))
        except WalletError as error:
            raise WalletError("RES-FORGED-OURS", increment=increment) from error
    mine = channel.journal.own_at(channel.id, increment)
    if mine is not None and mine.digest != typed.digest:
        raise channel.fork(increment)
    if channel.last is not None and entry.state.previous != channel.last.digest:
        if increment - _step(entry.state) > channel.last.state.increment:
            raise WalletError("RES-GAP", increment=increment)  # what is between was not shown
        raise channel.fork(increment)  # our key signed what stands on another state than ours
    own = entry.trader_signature is not None
    if mine is None and own:  # ours are on disk before they leave: this journal is older than what our key has signed
        channel.roll_back(f"RES-AHEAD {increment}")
    now = int(channel.clock.now())
    channel.commit(replace(entry, digest=typed.digest, status=Status.VALIDATED, own=own, recorded=now))


def _step(state: State) -> int:
    """How far below it the state that it follows lies, at the least: a void leaves out the number it answers."""
    return 2 if state.transition is Transition.VOID else 1


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
