"""The demo market's own broker, but for one trade: told by a file, it takes a little of a balance that it may not.

Loaded into the sandbox's process by ``sitecustomize`` (see screenshots.py). The file LIE, named by CHANNEL_WALLET_LIE,
holds the channel's id; it is removed when the lie is told.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from wallet.broker import issuer
from wallet.protocol.state import State, Transition

TAKEN = 10 * 10**6  # base units of the second asset of the state


def install() -> None:
    honest, told = issuer.successor, Path(os.environ["CHANNEL_WALLET_LIE"])

    def lying(last: State, digest: bytes, increment: int, kind: Transition, *rest: Any, **more: Any) -> State:
        state = honest(last, digest, increment, kind, *rest, **more)
        if kind is Transition.TRADE and told.exists() and told.read_text() == last.channel.hex():
            told.unlink()
            first, second, *others = state.balances
            state = replace(state, balances=(first, second._replace(available=second.available - TAKEN), *others))
        return state

    issuer.successor = lying
