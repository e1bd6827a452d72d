"""The user's word that a finalize which the broker ignores turns into leaving without him, at a time he sees.

The owner signs a Challenge (protocol §9) while his key is unlocked; the gas key sends it when the time is up, whether
the owner's is locked by then or the program was started again meanwhile. Until then the signature leaves this computer
nowhere, so that forgetting it takes the word back.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from wallet.chain.calls import Mandate
from wallet.chain.guard import Act, Duty, Leaving
from wallet.history.journal import Journal
from wallet.keys.signer import Signer
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Challenge
from wallet.session.channel import TraderChannel
from wallet.session.papers import best_provable

VALID_FOR = 7 * 86_400  # seconds beyond the time: a computer may be off, but no word should hold for ever
SOONEST, LATEST = 1, 30 * 86_400  # seconds from now for which it may be given
GRACE = 120  # seconds after a start: the broker, and the user, get a moment even if the time passed while it was closed
SIGNATURE = 65
_WORD, _SENT, _PAY_OUT = "exit", "challenged", "pay_out"


@dataclass(frozen=True, slots=True)
class Word:
    """What is kept: from when to when (Unix seconds by this computer's clock), and the owner's mandate."""

    given: int
    due: int
    mandate: Mandate

    def pack(self) -> bytes:
        numbers = (self.given, self.due, self.mandate.min_increment, self.mandate.valid_until)
        return b"".join(number.to_bytes(8, "big") for number in numbers) + self.mandate.signature

    @classmethod
    def unpack(cls, data: bytes) -> Word | None:
        """None for what was taken back."""
        if len(data) != 32 + SIGNATURE:
            return None
        given, due, least, until = (int.from_bytes(data[at : at + 8], "big") for at in (0, 8, 16, 24))
        return cls(given, due, Mandate(least, until, data[32:]))


class Departures:
    """The words given for the channels of one journal; they live over a restart."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._started = int(time.time())
        self._known: dict[bytes, Word | None] = {}  # as on disk: screens ask many times a second

    def give(self, channel: TraderChannel, after: int, owner: Signer) -> Word:
        """Signs and keeps it: in ``after`` seconds, with no state below the best one there is now.

        One that stands is replaced. Raises WalletError("EXIT_AFTER" | "KEYS_LOCKED").
        """
        if not SOONEST <= after <= LATEST:
            raise WalletError("EXIT_AFTER", got=after, limit=LATEST)
        best, now = best_provable(self._journal, channel.id), int(time.time())
        due = now + after
        wish = Challenge(channel.id, best.state.increment if best else 0, due + VALID_FOR)
        signature = owner.sign(channel.domain.digest(wish))
        word = Word(now, due, Mandate(wish.min_increment, wish.valid_until, signature))
        self._journal.set_fact(channel.id, _WORD, word.pack())
        self._known[channel.id] = word
        return word

    def take_back(self, channel: TraderChannel) -> None:
        """The user stays after all. Raises WalletError("EXIT_UNDER_WAY") if the challenge is on its way already."""
        if self.is_sent(channel.id):
            raise WalletError("EXIT_UNDER_WAY")
        if self._word(channel) is not None:
            self._journal.set_fact(channel.id, _WORD, b"")
            self._known[channel.id] = None

    def leaving(self, channel: TraderChannel) -> Leaving | None:
        """What the watcher is told; nothing of a restored channel: its word was on another state than it has now."""
        word = self._word(channel)
        if word is None:
            return None
        setup = next(iter(self._journal.at(channel.id, 0)), None)
        return Leaving(self.due(channel), word.mandate, setup.state if setup else None)

    def due(self, channel: TraderChannel) -> int:
        """When it is left without the broker, Unix seconds; 0 if it is not."""
        word = self._word(channel)
        if word is None:
            return 0
        # a word of before this start waits for a moment; one given since holds to the second
        return word.due if word.due > self._started + GRACE or word.given >= self._started else self._started + GRACE

    def _word(self, channel: TraderChannel) -> Word | None:
        if channel.restored:
            return None
        if channel.id not in self._known:
            self._known[channel.id] = Word.unpack(self._journal.fact(channel.id, _WORD) or b"")
        return self._known[channel.id]

    def is_sent(self, channel: bytes) -> bool:
        """Whether a challenge by such a word was signed, and so may be mined at any time."""
        return self._journal.fact(channel, _SENT) is not None

    def pays_out(self, channel: bytes) -> bool:
        """Whether the user is leaving or a dispute ends the session: what is credited goes on to his own account."""
        return self._journal.fact(channel, _PAY_OUT) is not None

    def leave(self, channel: bytes) -> None:
        """From here on what is credited is paid out."""
        self._journal.set_fact(channel, _PAY_OUT, b"")

    def about_to(self, channel: TraderChannel, duty: Duty) -> None:
        """Before the watcher sends what the word is for: nothing above this state is to be signed any more (§9)."""
        if duty.act is Act.CHALLENGE:
            channel.disputed = True
            self._journal.set_fact(channel.id, _SENT, b"")
        if self.leaving(channel) is not None:
            self.leave(channel.id)
