"""Programs changed in one point, by name. ``sound`` is the program as it is; the harness must convict the broken ones.

``refusing`` is no fault: a wallet that refuses every tenth trade, as stale fills make it do, so that voids flow too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from wallet.protocol.state import Transition
from wallet.session import judging


def sound() -> None:
    """Nothing is changed."""


def refusing() -> None:
    judge, count = judging.refusal, itertools.count(1)

    def refusal(terms: Any, last: Any, state: Any, *rest: Any) -> str | None:
        if state.transition is Transition.TRADE and next(count) % 10 == 0:
            return "EXPIRED-FILL"
        return judge(terms, last, state, *rest)

    judging.refusal = refusal


BUILDS: dict[str, Callable[[], None]] = {"sound": sound, "refusing": refusing}
