"""What a proposed state deserves: not to be looked at, a flag, a refusal, or our signature.

The rules themselves are :mod:`wallet.protocol.rules`; here stands what depends on where this channel is.
Source: design §3, §4, §5 and §8 "Restored profiles".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wallet.history.seat import Standing
from wallet.protocol import rules
from wallet.protocol.errors import WalletError
from wallet.protocol.presence import refusal
from wallet.protocol.rules import Flag
from wallet.protocol.shown import show
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role
from wallet.session.answers import Proposal
from wallet.session.phases import Phase

if TYPE_CHECKING:
    from wallet.session.channel import TraderChannel

# Before the chain has the channel and after it has paid it out, no state above the setup is signed.
_NOT_TRADING = (
    Phase.REQUESTED,
    Phase.AGREED,
    Phase.OPENING,
    Phase.SETTLED,
    Phase.WITHDRAWN,
    Phase.ABANDONED,
)


def require_judgeable(channel: TraderChannel, state: State) -> None:
    """What must not even be looked at as the next state.

    Raises WalletError("RESTORED" | "RES-FORK" | "NOT_OPEN" | "DISPUTED" | "HELD").
    """
    leaving = state.transition in (Transition.CANCEL_ORDER, Transition.FINALIZE)
    homeward = leaving or state.transition is Transition.YIELD  # the turn in which we issue the end ourselves
    if channel.signer is None or (channel.restored and not (channel.shown and homeward)):
        raise WalletError("RESTORED")
    if channel.forked:
        raise WalletError("RES-FORK", increment=state.increment)
    phase = Phase(channel.record.phase)
    if phase in _NOT_TRADING and (state.increment or (channel.last is None and phase is not Phase.REQUESTED)):
        raise WalletError("NOT_OPEN", phase=phase.value)
    if channel.disputed and not leaving:
        raise WalletError("DISPUTED")
    now = int(channel.clock.now())
    if rules.is_ahead(channel.terms, state, now):
        channel.held = state.time
        raise WalletError("HELD", time=state.time, now=now)


def flag_of(channel: TraderChannel, state: State, digest: bytes) -> Flag | None:
    """The rule a validly signed state breaks, if any."""
    last = channel.last
    if state.channel != channel.id:
        return Flag("CHN-OTHER-CHANNEL", show(channel.id), show(state.channel))
    if last is None:
        return rules.check_setup(channel.terms, channel.id, state)
    standing = Standing(channel.terms, last, channel.void, channel.requests.orders, channel.finalize_on)
    taken = channel.evidence.is_at(state.increment)
    return standing.flag_of(channel.journal, state, digest, Role.BROKER, taken=taken)


def staleness(channel: TraderChannel, proposal: Proposal) -> str | None:
    """Why a valid state is refused all the same, as a code; None if it is not."""
    if channel.last is None:
        return None
    if any(fill.order not in channel.requests.orders for fill in proposal.state.fills):
        return "EXPIRED-FILL"  # an order this journal lost: nobody here knows whether it has expired
    presence = channel.requests.presence(channel.echoed)
    return refusal(channel.terms, channel.last.state, proposal.state, presence, proposal.received)
