"""The journal for those who only look: a connection of its own, so that no screen ever waits for the driver."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from wallet.history import search
from wallet.history.journal import ChannelRecord, Entry, FlagRecord, IntentRecord, Journal, Status
from wallet.history.schema import require_version
from wallet.history.store import ReadOnlyStore


class HistoryReader:
    """Queries on the journal of ``path``, from any thread, one at a time. It can't change anything."""

    def __init__(self, path: Path) -> None:
        """Raises WalletError("STORE_FAILED" | "STORE_DAMAGED") if there is nothing to read.

        WalletError("STORE_OLDER_VERSION" | "STORE_NEWER_VERSION") for a file of another version of this program.
        """
        self._store = ReadOnlyStore(path)
        try:
            require_version(self._store)
        except BaseException:
            self._store.close()
            raise
        self._journal = Journal(self._store)

    def __enter__(self) -> HistoryReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._store.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """Everything read inside is of one moment."""
        return self._store.snapshot()

    def channels(self) -> list[ChannelRecord]:
        """All channels, oldest first."""
        return self._journal.channels()

    def channel(self, channel: bytes) -> ChannelRecord | None:
        return self._journal.channel(channel)

    def count(self, channel: bytes) -> int:
        """How many states of any status there are."""
        return self._journal.count(channel)

    def missing(self, channel: bytes) -> int | None:
        """See :meth:`Journal.missing`."""
        return self._journal.missing(channel)

    def stray(self) -> str | None:
        """See :meth:`Journal.stray`."""
        return self._journal.stray()

    def lost(self) -> tuple[int, int] | None:
        """See :meth:`Journal.lost`; not inside :meth:`snapshot`, which stands still while the mark moves."""
        return self._journal.lost()

    def page(self, channel: bytes, before: int | None, limit: int) -> list[Entry]:
        """States newest first, below ``before``; see :meth:`Journal.page`."""
        return self._journal.page(channel, before, limit)

    def numbered(self, channel: bytes, numbers: Collection[int]) -> list[Entry]:
        """The states in these rows, newest first; see :func:`wallet.history.search.numbered`."""
        return search.numbered(self._store, channel, numbers)

    def search(self, channel: bytes, wanted: search.Search, told: Callable[[], None] = lambda: None) -> int:
        """See :meth:`wallet.history.search.Search.run`."""
        return wanted.run(self._store, channel, told)

    def following(self, entry: Entry) -> Iterator[Entry]:
        """See :meth:`Journal.following`."""
        return self._journal.following(entry)

    def entry(self, channel: bytes, increment: int) -> Entry | None:
        """The state at one number: the validated one, if several were issued."""
        found = self._journal.at(channel, increment)
        return min(found, key=lambda entry: entry.status is not Status.VALIDATED, default=None)

    def entries(self, channel: bytes, increment: int) -> list[Entry]:
        """Every state issued at one number."""
        return self._journal.at(channel, increment)

    def latest(self, channel: bytes) -> Entry | None:
        """The highest validated state."""
        return self._journal.latest(channel)

    def by_digest(self, channel: bytes, digest: bytes) -> Entry | None:
        return self._journal.by_digest(channel, digest)

    def walk(self, channel: bytes, *, after: int = -1, upto: int | None = None) -> Iterator[Entry]:
        """All states above increment ``after`` (up to ``upto``) from the lowest up, streamed."""
        return self._journal.walk(channel, after=after, upto=upto)

    def validated_from(self, channel: bytes, increment: int) -> int | None:
        """The lowest increment of a validated state, from ``increment`` on."""
        return self._journal.validated_from(channel, increment)

    def intent(self, order: bytes) -> IntentRecord | None:
        return self._journal.intent(order)

    def walk_intents(self, channel: bytes, *, after: int = -1, upto: int | None = None) -> Iterator[IntentRecord]:
        """The channel's intents above nonce ``after`` (up to ``upto``) by nonce, streamed."""
        return self._journal.walk_intents(channel, after=after, upto=upto)

    def top_nonce(self, channel: bytes) -> int:
        """The highest nonce of an intent; -1 without any."""
        return self._journal.top_nonce(channel)

    def fact(self, channel: bytes, name: str) -> bytes | None:
        """See :meth:`Journal.fact`."""
        return self._journal.fact(channel, name)

    def flags(self, channel: bytes | None = None) -> list[FlagRecord]:
        return self._journal.flags(channel)
