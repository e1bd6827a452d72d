"""Proposed states, read straight from the frame: what a session is made of takes no detour.

Only the canonical spelling of a ``propose`` request is taken here (:mod:`wallet.protocol.statetext`), with the same
result as :func:`wallet.wire.frames.parse` and :meth:`Propose.read`; everything else goes their way, errors included.
"""

from __future__ import annotations

from wallet.protocol.statetext import NotCanonical, StateReader, pattern, read_signed_orders
from wallet.wire.frames import MAX_FRAME, Frame, Request
from wallet.wire.messages import Propose

_OPENING = pattern(
    r'\{"jsonrpc":"2\.0","id":NUMBER,"method":"propose","params":\{"channel":DIGEST,"envelope":(?=\{"channel":"0x\2")'
)
_SIGNATURE = pattern(r',"signature":SIGNATURE,"intents":')


class ProposalReader:
    """One connection's. It remembers the orders of the last state, so that only what changed is read."""

    __slots__ = ("_states",)

    def __init__(self) -> None:
        self._states = StateReader()

    def __call__(self, text: str, received: float) -> Request | None:
        """The request in one frame; None if it is another one, or another spelling: then nothing is known of it."""
        opening = _OPENING(text)
        if opening is None or len(text) > MAX_FRAME or not text.isascii():
            return None
        try:
            state, end = self._states.read(text, opening.end())
            signature = _SIGNATURE(text, end)
            if signature is None:
                return None
            intents, after = read_signed_orders(text, signature.end())
        except NotCanonical:
            return None
        if text[after:] != "}}":
            return None
        message = Propose(state, bytes.fromhex(signature[1]), intents)
        return Request(int(opening[1]), Frame("propose", {}, text.encode(), received, message))
