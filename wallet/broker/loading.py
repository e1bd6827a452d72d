"""From disk to memory: every channel as it stood when the last turn was committed.

Nothing is in a book after this; orders come back when their traders are present again.
"""

from __future__ import annotations

from collections.abc import Iterator

from wallet.broker.book import Reason
from wallet.broker.channel import LIVE, Channel, Phase
from wallet.broker.ledger import Ledger
from wallet.history.journal import ChannelRecord
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role


def load(ledger: Ledger) -> Iterator[Channel]:
    """The live channels."""
    live = {phase.value for phase in LIVE}
    for record in ledger.journal.channels():
        if record.role is Role.BROKER and record.phase in live:
            yield load_channel(ledger, record)


def load_channel(ledger: Ledger, record: ChannelRecord) -> Channel:
    journal = ledger.journal
    channel = Channel(record.id, record.terms, Phase(record.phase), journal.latest(record.id))
    waiting = journal.pending(record.id)
    if waiting is not None and waiting.state.transition is Transition.VOID:
        channel.void = waiting
    else:
        channel.pending = waiting
    flags = journal.flags(record.id)
    channel.flagged = next((row.flag.code for row in flags if not row.resolved), "")
    channel.flagged_at = {row.increment for row in flags}
    channel.cancelled = ledger.cancelled(record.id)
    channel.top_nonce = ledger.top_nonce(record.id)
    channel.refusals = ledger.refusals(record.id)
    _load_orders(channel, ledger)
    for fill, increment in ledger.fills(record.id):
        if increment is None:
            channel.fills.append(fill)
        else:
            channel.sent.append(fill)
        channel.count_unacked(fill, 1)
    if channel.phase is Phase.FINALIZING and channel.pending is None:
        channel.phase = Phase.OPEN  # the request was not answered yet: the trader asks again
    return channel


def _load_orders(channel: Channel, ledger: Ledger) -> None:
    opened = _ids(channel.last.state if channel.last else None)
    opening = channel.pending.state if channel.pending else None
    if opening is not None and opening.transition is Transition.CREATE_ORDER:
        opened |= _ids(opening)
    for order_id in ledger.live_intents(channel.id):
        record = ledger.journal.intent(order_id)
        assert record is not None
        channel.intents[order_id] = record.signed
        if order_id not in opened:
            channel.queue.append(record.signed)
        elif record.status == "cancelling":
            channel.cancels[order_id] = Reason[record.reason]


def _ids(state: State | None) -> set[bytes]:
    return {row.id for row in state.open_orders} if state else set()
