"""Keeps a sandbox that runs for days from filling the disk: what its own traders did long ago is forgotten.

A market maker signs several states a second, and nobody will ever ask for those of yesterday: the latest validated
state is all that a dispute needs. A user's channel is never touched, on neither side.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from wallet.broker.server import Broker
from wallet.history.journal import Journal

KEPT = 500  # states and orders below the latest: more than a side can lose in a crash
TRADES_KEPT = 100_000


def trim_channel(journal: Journal, channel: bytes) -> None:
    """Forgets the states of ``channel`` that lie more than `KEPT` below its latest, and its orders that are over."""
    latest = journal.latest(channel)
    if latest is None:
        return
    floor, mark = latest.state.increment - KEPT, latest.state.order_nonce - KEPT
    with journal.forgetting():
        journal.store.execute("DELETE FROM states WHERE channel = ? AND increment < ?", (channel, floor))
        journal.store.execute(
            "DELETE FROM intents WHERE channel = ? AND nonce < ? AND status NOT IN ('queued', 'open', 'cancelling')",
            (channel, mark),
        )


def forget_channels(journal: Journal, channels: Iterable[bytes]) -> None:
    """Forgets channels that are over and paid."""
    with journal.forgetting():
        for channel in channels:
            for table in ("states", "intents", "flags", "facts"):
                journal.store.execute(f"DELETE FROM {table} WHERE channel = ?", (channel,))  # noqa: S608 - constants
            journal.store.execute("DELETE FROM channels WHERE id = ?", (channel,))


def trim_broker(broker: Broker, traders: Set[bytes]) -> None:
    """The same on the broker's side, for the channels of ``traders`` (owners' addresses) alone; and old trades."""
    journal, store = broker.ledger.journal, broker.ledger.store
    for record in journal.channels():
        if record.terms.trader in traders and record.id not in broker.floor.channels:
            with journal.forgetting():
                for table in ("states", "intents", "cancels"):
                    store.execute(f"DELETE FROM {table} WHERE channel = ?", (record.id,))  # noqa: S608 - constants
    for channel in list(broker.floor.channels.values()):
        if channel.terms.trader not in traders:
            continue
        trim_channel(journal, channel.id)
        store.execute(
            "DELETE FROM cancels WHERE channel = ?1 AND order_id NOT IN (SELECT id FROM intents WHERE channel = ?1)",
            (channel.id,),
        )
        channel.cancelled &= broker.ledger.cancelled(channel.id)
    store.execute("DELETE FROM trades WHERE id < (SELECT max(id) FROM trades) - ?", (TRADES_KEPT,))
