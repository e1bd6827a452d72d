"""Creating and restoring a wallet without a screen: which words are asked back, which passwords won't do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wallet.gui.models.ticket import Reason

ASKED = 3
SHORTEST_PASSWORD = 8


def asked_words(count: int, chance: Sequence[int]) -> tuple[int, ...]:
    """Positions (from 0, ascending) of the words to ask back; ``chance`` are random numbers of the caller's."""
    left = list(range(count))
    return tuple(sorted(left.pop(number % len(left)) for number in chance[:ASKED]))


def wrong_words(phrase: str, answers: Mapping[int, str]) -> tuple[int, ...]:
    """Positions whose answer is not the word of the phrase."""
    words = phrase.split()
    return tuple(at for at, text in answers.items() if text.strip().lower() != words[at])


def tidy_phrase(text: str) -> str:
    """What was pasted or typed, as words with single blanks in lower case."""
    return " ".join(text.lower().split())


def password_reason(password: str, again: str) -> Reason | None:
    """Why the pair of password fields won't do."""
    if not password:
        return Reason("NEW-PASSWORD-EMPTY")
    if len(password) < SHORTEST_PASSWORD:
        return Reason("NEW-PASSWORD-SHORT", {"least": SHORTEST_PASSWORD})
    if password != again:
        return Reason("NEW-PASSWORD-DIFFERS")
    return None
