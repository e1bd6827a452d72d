"""Which of a ticket's orders is asked for again: pressed once more after no answer, it is the same order. Pure.

Every press names its order with a fresh client id. Where nobody knows whether the broker took it, the same draft gets
the same id, and the driver then sends the intent that was signed already, not a second one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wallet.app.snapshots import AppView, OrderStatus
from wallet.gui.models.ticket import Draft


@dataclass(frozen=True, slots=True)
class Asked:
    """One press: in which channel and market, what was in the ticket, and the order's id (0x…) once it is known."""

    where: tuple[bytes, str]
    draft: Draft
    client_id: str
    order: str = ""


class Presses:
    """The last press, and the one whose answer did not come. ``fresh`` makes names nobody used before."""

    def __init__(self, fresh: Callable[[], str]) -> None:
        self._fresh = fresh
        self._last: Asked | None = None
        self._unanswered: Asked | None = None

    def name(self, where: tuple[bytes, str], draft: Draft) -> str:
        """The client id for sending ``draft`` now, in a channel and a market of it."""
        open_ = self._unanswered
        draft = replace(draft, consent=False)
        same = open_ is not None and (open_.where, open_.draft) == (where, draft)
        client_id = open_.client_id if same and open_ is not None else self._fresh()
        self._last = Asked(where, draft, client_id)
        return client_id

    def unanswered(self, client_id: str, order: str) -> Draft | None:
        """No answer came; the draft that asks for it again, None if another one has been sent since."""
        if self._last is None or self._last.client_id != client_id:
            return None
        self._unanswered = replace(self._last, order=order)
        return self._last.draft

    def answered(self, client_id: str) -> None:
        """It is known what became of it: the same draft is a new order from here on."""
        if self._unanswered is not None and self._unanswered.client_id == client_id:
            self._unanswered = None

    def show_view(self, view: AppView) -> None:
        """A state may tell what no answer told."""
        asked = self._unanswered
        if asked is None or view.channel is None:
            return
        for row in view.channel.orders:
            if "0x" + row.id.hex() == asked.order and row.status is not OrderStatus.UNKNOWN:
                self._unanswered = None
