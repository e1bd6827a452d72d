"""Recovery phrases (BIP-39): made, checked, and turned into a seed.

The word lists and the arithmetic are eth-account's, which calls them unaudited: the tests hold them against the
official vectors. They are imported late, since that takes most of a second: run these functions in an executor.
The library's own errors quote the whole phrase, so nothing here lets it raise one.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from eth_account.hdaccount.mnemonic import Mnemonic

WORD_COUNTS = (12, 15, 18, 21, 24)
_ENTROPY_BYTES = {12: 16, 24: 32}
_MAX_PHRASE_CHARS = 2000
_MAX_SHOWN_WORD = 16


def create_phrase(words: int = 12) -> Secret:
    """A new English phrase of 12 or 24 words from the system's randomness."""
    if words not in _ENTROPY_BYTES:
        raise WalletError("KEYS_PHRASE_WORD_COUNT", got=words, allowed=tuple(_ENTROPY_BYTES))
    return Secret(_language("english").to_mnemonic(secrets.token_bytes(_ENTROPY_BYTES[words])))


def check_phrase(phrase: Secret) -> Secret:
    """The phrase in its normal form (NFKD, lower case, single spaces), if it is one in any language.

    Raises WalletError: "KEYS_PHRASE_TOO_LONG" (limit) · "KEYS_PHRASE_WORD_COUNT" (got, allowed) ·
    "KEYS_PHRASE_WORD_UNKNOWN" (position from 1, word: the first that is not in the list) · "KEYS_PHRASE_CHECKSUM"
    (positions where one similar word would make it valid; may be empty or have more than the wrong one). ``word`` is
    no word of a phrase, but it may be close to one: show it to who typed it, and do not log it.
    """
    words = split_words(phrase)
    if len(words) not in WORD_COUNTS:
        raise WalletError("KEYS_PHRASE_WORD_COUNT", got=len(words), allowed=WORD_COUNTS)
    text = " ".join(words)
    lists = list(_languages())
    if any(mnemonic.is_mnemonic_valid(text) for mnemonic in lists):
        return Secret(text)

    nearest = max(lists, key=lambda mnemonic: len(set(words).intersection(mnemonic.wordlist)))
    known = frozenset(nearest.wordlist)
    for position, word in enumerate(words, 1):
        if word not in known:
            raise WalletError("KEYS_PHRASE_WORD_UNKNOWN", position=position, word=_shown(word))
    raise WalletError("KEYS_PHRASE_CHECKSUM", positions=tuple(_suspects(words, nearest)))


def split_words(phrase: Secret) -> list[str]:
    """The words as BIP-39 wants them: NFKD, lower case; invisible characters of a paste are dropped."""
    text = phrase.reveal()
    if len(text) > _MAX_PHRASE_CHARS:
        raise WalletError("KEYS_PHRASE_TOO_LONG", limit=_MAX_PHRASE_CHARS)
    text = unicodedata.normalize("NFKD", text).lower()
    return "".join(c for c in text if unicodedata.category(c) != "Cf").split()


def complete_word(prefix: str, language: str = "english") -> list[str]:
    """The words of the list that start with ``prefix``, in the list's order."""
    start = unicodedata.normalize("NFKD", prefix).lower()
    return [word for word in _language(language).wordlist if word.startswith(start)]


def similar_words(word: str, language: str = "english") -> list[str]:
    """Up to five words of the list that look like ``word``, nearest first: what may have been meant."""
    return get_close_matches(word, _language(language).wordlist, n=5, cutoff=0.6)


def phrase_seed(phrase: Secret, passphrase: Secret) -> bytes:
    """The 64-byte BIP-39 seed of a checked phrase and an optional passphrase (the empty one for none)."""
    from eth_account.hdaccount.mnemonic import Mnemonic

    text = passphrase.reveal()
    if any("\ud800" <= character <= "\udfff" for character in text):
        # Lone surrogates have no UTF-8 form, so no other wallet could ever make the same seed.
        raise WalletError("KEYS_PASSPHRASE_NOT_TEXT")
    return bytes(Mnemonic.to_seed(phrase.reveal(), text))


def _shown(word: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in word[:_MAX_SHOWN_WORD])


def _language(name: str) -> Mnemonic:
    from eth_account.hdaccount.mnemonic import Mnemonic
    from eth_account.types import Language

    return Mnemonic(Language(name))


def _languages() -> Iterator[Mnemonic]:
    from eth_account.hdaccount.mnemonic import Mnemonic

    return (_language(name) for name in Mnemonic.list_languages())


def _suspects(words: list[str], mnemonic: Mnemonic) -> Iterator[int]:
    """Positions (from 1) where a word that is easily taken for the given one makes the checksum right."""
    for index, word in enumerate(words):
        for other in get_close_matches(word, mnemonic.wordlist, n=6, cutoff=0.75):
            changed = [*words[:index], other, *words[index + 1 :]]
            if mnemonic.is_mnemonic_valid(" ".join(changed)):
                yield index + 1
                break
