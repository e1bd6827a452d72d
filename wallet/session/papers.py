"""From the journal to what a contract takes: the highest state we can prove, with the signatures that prove it."""

from __future__ import annotations

from wallet.chain.calls import Validation
from wallet.chain.guard import Provable
from wallet.history.validation import Following, best_validated
from wallet.protocol.terms import Role


def best_provable(history: Following, channel: bytes) -> Provable | None:
    """None if that is the setup, which needs no proof and beats nothing, or if there is none at all."""
    best = best_validated(history, channel)
    if best is None or best[0].state.increment == 0:
        return None
    entry, how = best
    signatures = {role: entry.signature(role) for role in Role}
    if how.successor is not None and how.implied is not None:
        signatures[how.implied] = how.successor.signature(how.implied)
    later = how.successor.state if how.successor else None
    trader, broker = signatures[Role.TRADER] or b"", signatures[Role.BROKER] or b""
    return Provable(entry.state, Validation(trader, broker, later, how.implied))
