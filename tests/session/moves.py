"""Proposals made from what the rules say comes next, for tests that are about something else than the rules."""

from __future__ import annotations

from dataclasses import replace

from tests.session.ground import DOMAIN, LIAR, SESSION, Ground
from wallet.protocol import codec
from wallet.protocol.state import Fill, State, Transition
from wallet.protocol.transitions import Contents, cancel_order, contents_of, create_order, successor, trade
from wallet.session.answers import Proposal
from wallet.wire.frames import request
from wallet.wire.messages import Propose, ProvenState, Signatures


def following(there: Ground, transition: Transition, contents: Contents, fills: tuple[Fill, ...] = ()) -> State:
    """The state after the wallet's last one."""
    last = there.channel.last
    now = int(there.link.clock.now())
    return successor(last.state, last.digest, last.state.increment + 1, transition, contents, now, fills=fills)


def cancelled(there: Ground, order: str) -> State:
    last = there.channel.last.state
    return following(
        there, Transition.CANCEL_ORDER, cancel_order(there.channel.terms, contents_of(last), bytes.fromhex(order[2:]))
    )


def opened(there: Ground, order: bytes) -> State:
    last, intent = there.channel.last.state, there.channel.requests.get(order).signed.order
    return following(
        there, Transition.CREATE_ORDER, create_order(there.channel.terms, contents_of(last), order, intent)
    )


def filled(there: Ground, order: str) -> State:
    """The whole order at its limit, without a fee."""
    last = there.channel.last.state
    row = last.order(bytes.fromhex(order[2:]))
    fills = (Fill(row.id, row.price, row.amount, 0),)
    return following(
        there,
        Transition.TRADE,
        trade(there.channel.terms, contents_of(last), fills, there.channel.requests.orders),
        fills,
    )


def skewed(state: State, increment: int, seconds: int = 0) -> State:
    """Another number, or another time: what a broker may sign and a wallet must not."""
    return replace(state, increment=increment, time=state.time - seconds)


def proposal(there: Ground, state: State, pad: int = 0) -> Proposal:
    """As if it had just arrived, with ``pad`` bytes of blanks in its frame."""
    signature = LIAR.sign(DOMAIN.digest(state))
    raw = request(1, "propose", Propose(state, signature, ()).show())
    return Proposal(state, signature, raw + b" " * pad, there.link.clock.monotonic())


def proven(state: State, *, ours: bool = True) -> ProvenState:
    """A state with both signatures; without ``ours`` one that a stranger made."""
    typed = DOMAIN.digest(state)
    return ProvenState(state, Signatures(SESSION.sign(typed) if ours else LIAR.sign(typed), LIAR.sign(typed)), ())


def shown(state: State) -> tuple[dict[str, object], list[object]]:
    return codec.envelope(state), codec.state_array(state)
