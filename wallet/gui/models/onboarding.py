"""Creating and restoring a wallet without a screen: which words are asked back, what a password is worth. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Strength:
    """A rough lower bound on how hard a password is to guess; 0 to 4, with a word for it."""

    score: int
    word: str


_WORDS = ("too short", "weak", "fair", "good", "strong")


def strength(password: str) -> Strength:
    """An estimate by length and kinds of characters, repeated ones counted once: it flatters nobody."""
    if len(password) < SHORTEST_PASSWORD:
        return Strength(0, _WORDS[0])
    kinds = (
        (26, str.islower),
        (26, str.isupper),
        (10, str.isdigit),
    )
    alphabet = sum(size for size, test in kinds if any(test(letter) for letter in password))
    alphabet += 32 if any(not letter.isalnum() for letter in password) else 0
    varied = min(len(password), 2 * len(set(password)))
    bits = varied * math.log2(max(alphabet, 2))
    score = 1 + sum(bits >= limit for limit in (50, 65, 80))
    return Strength(score, _WORDS[score])


def password_reason(password: str, again: str) -> Reason | None:
    """Why the pair of password fields won't do."""
    if not password:
        return Reason("NEW-PASSWORD-EMPTY")
    if len(password) < SHORTEST_PASSWORD:
        return Reason("NEW-PASSWORD-SHORT", {"least": SHORTEST_PASSWORD})
    if password != again:
        return Reason("NEW-PASSWORD-DIFFERS")
    return None
