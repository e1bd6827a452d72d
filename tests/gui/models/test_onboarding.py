"""Creating and restoring without a screen: passphrases, and what is said of words that do not belong together."""

from __future__ import annotations

import pytest

from wallet.gui.models.onboarding import Words, passphrase_reason, phrase_reason
from wallet.keys.mnemonic import check_phrase, similar_words
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


@pytest.mark.parametrize(
    ("wanted", "first", "again", "code"),
    [
        (False, "", "", None),
        (False, "left over", "other", None),
        (True, "", "", "NEW-PASSPHRASE-EMPTY"),
        (True, "Zebra", "zebra", "NEW-PASSPHRASE-DIFFERS"),
        (True, "Zebra", "Zebra", None),
        (True, "Zebra", None, None),  # an old one is typed once: the address shows whether it is right
    ],
)
def test_a_passphrase_is_typed_twice_where_it_is_new(
    wanted: bool, first: str, again: str | None, code: str | None
) -> None:
    found = passphrase_reason(wanted, first, again)
    assert (found.code if found else None) == code


def test_words_tell_nothing_of_themselves() -> None:
    assert repr(Words(PHRASE, "Zebra")) == "Words()"


def refusal(phrase: str) -> WalletError:
    with pytest.raises(WalletError) as caught:
        check_phrase(Secret(phrase))
    return caught.value


def test_a_word_that_is_none_gets_its_likely_meaning() -> None:
    found = phrase_reason(refusal(PHRASE.replace("useful", "usefull")), similar_words)
    assert found is not None
    assert (found.code, found.params["position"], found.params["word"]) == ("NEW-WORD-UNKNOWN", 8, "usefull")
    assert found.params["near"].split(", ")[0] == "useful"  # type: ignore[attr-defined]
    assert phrase_reason(refusal(PHRASE.replace("useful", "qqqq")), similar_words) is None


def test_words_that_do_not_belong_together_name_the_likely_one_or_none() -> None:
    named = refusal(PHRASE.replace("wave", "have"))
    assert 5 in named.params["positions"]  # type: ignore[operator]
    assert phrase_reason(named, similar_words) is None  # the error itself names it
    found = phrase_reason(WalletError("KEYS_PHRASE_CHECKSUM", positions=()), similar_words)
    assert found is not None
    assert found.code == "NEW-WORDS-UNSOUND"
