"""How hard a new password is to guess, by zxcvbn, and in our own words what makes it easy.

The library's answer holds the password; nothing of it leaves this module but a figure and codes of the catalogue. Some
milliseconds; the first call loads the library's lists.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from wallet.keys.secret import Secret

# What is judged, at most: the library takes longer than a frame beyond, and what is strong so far is strong.
_MOST_CHARS = 30
GOOD = 3
WORDS = ("very weak", "weak", "fair", "good", "strong")  # by score
_BY_PATTERN = {
    "spatial": "PASSWORD-KEYS",
    "repeat": "PASSWORD-REPEATS",
    "sequence": "PASSWORD-SEQUENCE",
    "date": "PASSWORD-DATE",
    "regex": "PASSWORD-DATE",
    "bruteforce": "PASSWORD-SHORT",
}


@dataclass(frozen=True, slots=True)
class Strength:
    """``score``: 0 (guessed at once) to 4; ``why``: a code for what is weak about it, "" if nothing is."""

    score: int
    why: str

    @property
    def good(self) -> bool:
        return self.score >= GOOD


def judge(password: Secret) -> Strength:
    """Of a password for a new vault or file. Source: zxcvbn (USENIX Security 2016), scores by guesses: 10³ … 10¹⁰."""
    text = unicodedata.normalize("NFKD", password.reveal())[:_MOST_CHARS]
    if not text:
        return Strength(0, "PASSWORD-SHORT")
    from zxcvbn import zxcvbn  # late: most commands ask for no new password

    found = zxcvbn(text, max_length=_MOST_CHARS)
    score = int(found["score"])
    return Strength(score, "" if score >= GOOD else _why(found["sequence"]))


def _why(sequence: list[dict[str, Any]]) -> str:
    longest = max(sequence, key=lambda match: len(match["token"]))
    if longest["pattern"] != "dictionary":
        return _BY_PATTERN.get(longest["pattern"], "PASSWORD-SHORT")
    return "PASSWORD-COMMON" if longest["dictionary_name"] == "passwords" else "PASSWORD-WORD"
