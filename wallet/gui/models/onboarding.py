"""Creating and restoring a wallet without a screen: which words are asked back, which passwords won't do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from wallet.gui.models.ticket import Reason
from wallet.protocol.errors import WalletError

ASKED = 3
WORD_COUNTS = (12, 24)
BESIDE_THE_WORDS = (
    "A further secret of your own beside the words: without exactly it, they lead to another, empty wallet. It is not "
    "the password of this computer, and it can't be brought back. Leave it out unless you know why you want it."
)


@dataclass(frozen=True, slots=True)
class Words:
    """A recovery phrase and BIP-39's passphrase, "" for none. Neither is in its repr."""

    phrase: str = field(repr=False)
    passphrase: str = field(default="", repr=False)


def passphrase_reason(wanted: bool, passphrase: str, again: str | None) -> Reason | None:
    """Why a passphrase won't do; ``again``: None where it is not new, and so not typed twice."""
    if not wanted:
        return None
    if not passphrase:
        return Reason("NEW-PASSPHRASE-EMPTY")
    if again is not None and passphrase != again:
        return Reason("NEW-PASSPHRASE-DIFFERS")
    return None


def phrase_reason(error: WalletError, similar: Callable[[str], Sequence[str]]) -> Reason | None:
    """More than the error itself says of a phrase that is none: what a strange word may have been meant to be.

    None where there is no more to say. ``similar`` gives words of the list that look like one.
    """
    if error.code == "KEYS_PHRASE_WORD_UNKNOWN":
        word = str(error.params["word"])
        near = similar(word)
        if near:
            params = {"position": error.params["position"], "word": word, "near": ", ".join(near[:3])}
            return Reason("NEW-WORD-UNKNOWN", params)
    if error.code == "KEYS_PHRASE_CHECKSUM" and not error.params.get("positions"):
        return Reason("NEW-WORDS-UNSOUND")
    return None


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
