"""What the broker signed and must not have: kept as it arrived, bounded, until the user has decided.

Source: design §5 (flagged states), §3 (two digests at one number).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from wallet.history.journal import FlagRecord, Journal
from wallet.protocol.plain import plain
from wallet.protocol.rules import Flag
from wallet.session.answers import Proposal
from wallet.session.clock import Clock

MAX_FLAGS = 100  # undecided ones kept of a channel: who signs nonsense all day must not fill the disk
MAX_EVIDENCE = 8 * 2**20  # bytes of them
PER_NUMBER = 2  # pieces of evidence at one increment: two digests prove all there is to prove
MAX_FINDING = 1_000  # characters of what a flag expected and got


class Evidence:
    """The flags of one channel. Belongs to the channel's loop."""

    def __init__(self, journal: Journal, channel: bytes, clock: Clock) -> None:
        self.unkept = 0
        self.rows = journal.flags(channel)
        self._journal = journal
        self._channel = channel
        self._clock = clock

    @property
    def undecided(self) -> list[FlagRecord]:
        return [row for row in self.rows if not row.resolved]

    def find(self, flag_id: int) -> FlagRecord | None:
        """A flag that waits for the user's decision."""
        return next((row for row in self.undecided if row.id == flag_id), None)

    def is_at(self, increment: int) -> bool:
        """Whether the broker has signed a state at this number that we did not accept."""
        return any(row.increment == increment for row in self.rows)

    def keep(self, flag: Flag, proposal: Proposal, digest: bytes, last_good: int) -> None:
        """Durably; or only counts it, once more would not be worth its place."""
        if not self._is_kept(proposal):
            self.unkept += 1
            return
        self._journal.add_flag(
            FlagRecord(
                id=0,
                channel=self._channel,
                increment=proposal.state.increment,
                flag=replace(flag, expected=plain(flag.expected, MAX_FINDING), got=plain(flag.got, MAX_FINDING)),
                digest=digest,
                raw=proposal.raw,
                signature=proposal.signature,
                time=int(self._clock.now()),
                last_good=last_good,
                resolved=False,
            )
        )
        self.reload()

    def resolve(self, flag_ids: Iterable[int]) -> None:
        """Decided. Inside a transaction the caller reloads once it is through."""
        for flag_id in flag_ids:
            self._journal.resolve_flag(flag_id)

    def reload(self) -> None:
        self.rows = self._journal.flags(self._channel)

    def _is_kept(self, proposal: Proposal) -> bool:
        """Whether more evidence is worth its place; the channel is frozen, or has its proof, where it is not."""
        undecided = self.undecided
        if sum(row.increment == proposal.state.increment for row in self.rows) >= PER_NUMBER:
            return False
        size = sum(len(row.raw) for row in undecided) + len(proposal.raw)
        return not undecided or (len(undecided) < MAX_FLAGS and size <= MAX_EVIDENCE)
