"""The life of a channel as a table: which phase may follow which."""

from __future__ import annotations

from enum import Enum

from wallet.protocol.errors import WalletError


class Phase(Enum):
    """Where a channel is in its life; the value is what the journal keeps."""

    REQUESTED = "requested"  # terms signed, setup asked for
    AGREED = "agreed"  # state 0 signed by both, not on chain
    OPENING = "opening"  # open() sent, not confirmed
    OPEN = "open"
    FINAL = "final"  # finalize signed by both
    CLOSING = "closing"  # close() sent
    DISPUTED = "disputed"
    SETTLED = "settled"  # credited on chain, to be withdrawn
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"  # never came to be on chain


# The chain may be ahead of what this program saw itself do, so most phases may be followed by what it shows.
FOLLOWING: dict[Phase, frozenset[Phase]] = {
    Phase.REQUESTED: frozenset({Phase.AGREED, Phase.ABANDONED}),
    Phase.AGREED: frozenset({Phase.OPENING, Phase.OPEN, Phase.ABANDONED}),
    Phase.OPENING: frozenset({Phase.AGREED, Phase.OPEN, Phase.ABANDONED}),
    Phase.OPEN: frozenset({Phase.OPENING, Phase.FINAL, Phase.CLOSING, Phase.DISPUTED, Phase.SETTLED}),
    Phase.FINAL: frozenset({Phase.CLOSING, Phase.DISPUTED, Phase.SETTLED}),
    Phase.CLOSING: frozenset({Phase.FINAL, Phase.DISPUTED, Phase.SETTLED}),
    Phase.DISPUTED: frozenset({Phase.OPEN, Phase.FINAL, Phase.CLOSING, Phase.SETTLED}),
    Phase.SETTLED: frozenset({Phase.DISPUTED, Phase.CLOSING, Phase.WITHDRAWN}),
    Phase.WITHDRAWN: frozenset({Phase.SETTLED}),
    Phase.ABANDONED: frozenset({Phase.OPEN}),
}


def follow(phase: Phase, following: Phase) -> Phase:
    """``following``, if it may come after ``phase``; WalletError("PHASE") if not."""
    if following is not phase and following not in FOLLOWING[phase]:
        raise WalletError("PHASE", now=phase.value, wanted=following.value)
    return following
