"""Recovery phrases against the official BIP-39 vectors, and what a wrong one is told."""

from __future__ import annotations

import traceback
from typing import cast

import pytest
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language

from wallet.keys.mnemonic import check_phrase, complete_word, create_phrase, phrase_seed, similar_words
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

ABANDON = " ".join(["abandon"] * 11 + ["about"])
VOID = (
    "void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group "
    "space point ten exist slush involve unfold"
)
# Trezor's set (English, passphrase TREZOR), one row without passphrase, and bip32JP's first row.
SEEDS = [
    (
        ABANDON,
        "TREZOR",
        (
            "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553"
            "1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04"
        ),
    ),
    (
        ABANDON,
        "",
        (
            "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1"
            "9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"
        ),
    ),
    (
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
        "TREZOR",
        (
            "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6f"
            "a457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607"
        ),
    ),
    (
        "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong",
        "TREZOR",
        (
            "ac27495480225222079d7be181583751e86f571027b0497b5b5d11218e0a8a13"
            "332572917f0f8e5a589620c6f15b11c61dee327651a14c34e18231052e48c069"
        ),
    ),
    (
        VOID,
        "TREZOR",
        (
            "01f5bced59dec48e362f2c45b5de68b9fd6c92c6634f44d6d40aab69056506f0"
            "e35524a518034ddc1192e1dacd32c1ed3eaa3c3b131c88ed8e7e54c49a5d0998"
        ),
    ),
    (
        "\u3000".join(["あいこくしん"] * 11 + ["あおぞら"]),
        "㍍ガバヴァぱばぐゞちぢ十人十色",
        (
            "a262d6fb6122ecf45be09c50492b31f92e9beb7d9a845987a02cefda57a15f9c"
            "467a17872029a9e92299b5cbdf306e3a0ee620245cbd508959b6cb7ca637bd55"
        ),
    ),
]


@pytest.mark.parametrize(("phrase", "passphrase", "seed"), SEEDS)
def test_official_seeds(phrase: str, passphrase: str, seed: str) -> None:
    assert phrase_seed(check_phrase(Secret(phrase)), Secret(passphrase)).hex() == seed


@pytest.mark.parametrize(
    ("entropy", "phrase"),
    [
        ("00" * 16, ABANDON),
        ("80" * 16, "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"),
        ("f585c11aec520db57dd353c69554b21a89b20fb0650966fa0a9d6f74fd989d8f", VOID),
    ],
)
def test_official_words(entropy: str, phrase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_bytes", lambda size: bytes.fromhex(entropy)[:size])
    assert create_phrase(len(phrase.split())).reveal() == phrase


@pytest.mark.parametrize("words", [12, 24])
def test_created_phrases_are_valid_and_differ(words: int) -> None:
    first, second = create_phrase(words), create_phrase(words)
    assert first != second
    assert len(first.reveal().split()) == words
    assert check_phrase(first) == first


@pytest.mark.parametrize("words", [0, 11, 13, 15, 25])
def test_only_12_or_24_words_are_created(words: int) -> None:
    with pytest.raises(WalletError, match="KEYS_PHRASE_WORD_COUNT"):
        create_phrase(words)


@pytest.mark.parametrize("language", list(Language))
def test_every_language_is_recognised(language: Language) -> None:
    phrase = Mnemonic(language).to_mnemonic(bytes(range(16)))
    checked = check_phrase(Secret(phrase.upper()))
    assert phrase_seed(checked, Secret("")) == Mnemonic.to_seed(phrase)


@pytest.mark.parametrize(
    "typed",
    [
        ABANDON.upper(),
        "  " + ABANDON.replace(" ", " \t\n ") + " ",
        "\ufeff" + ABANDON.replace(" ", " \u200b"),
        ABANDON.replace(" ", "\u00a0"),
    ],
)
def test_what_a_paste_adds_does_not_matter(typed: str) -> None:
    assert check_phrase(Secret(typed)).reveal() == ABANDON


@pytest.mark.parametrize(
    ("typed", "code", "params"),
    [
        ("", "KEYS_PHRASE_WORD_COUNT", {"got": 0}),
        ("0x" + "ab" * 32, "KEYS_PHRASE_WORD_COUNT", {"got": 1}),
        (ABANDON + " about", "KEYS_PHRASE_WORD_COUNT", {"got": 13}),
        (ABANDON.replace("about", "abotu"), "KEYS_PHRASE_WORD_UNKNOWN", {"position": 12, "word": "abotu"}),
        ("abandom" + ABANDON[7:], "KEYS_PHRASE_WORD_UNKNOWN", {"position": 1, "word": "abandom"}),
        ("x" * 40 + ABANDON[7:], "KEYS_PHRASE_WORD_UNKNOWN", {"position": 1, "word": "x" * 16}),
        ("a\x1b[2J" + ABANDON[7:], "KEYS_PHRASE_WORD_UNKNOWN", {"position": 1, "word": "a?[2j"}),
        ("\udc80" + ABANDON[7:], "KEYS_PHRASE_WORD_UNKNOWN", {"position": 1, "word": "?"}),
        (ABANDON.replace("about", "abandon"), "KEYS_PHRASE_CHECKSUM", {}),
        (ABANDON + " " * 3000, "KEYS_PHRASE_TOO_LONG", {"limit": 2000}),
    ],
)
def test_a_wrong_phrase_is_told_what_is_wrong(typed: str, code: str, params: dict[str, object]) -> None:
    with pytest.raises(WalletError) as caught:
        check_phrase(Secret(typed))
    assert caught.value.code == code
    assert params.items() <= caught.value.params.items()


def test_a_wrong_word_of_the_list_is_named_by_its_position() -> None:
    words = VOID.split()
    words[1] = "home"  # for "come"
    with pytest.raises(WalletError) as caught:
        check_phrase(Secret(" ".join(words)))
    assert caught.value.code == "KEYS_PHRASE_CHECKSUM"
    assert 2 in cast(tuple[int, ...], caught.value.params["positions"])


@pytest.mark.parametrize("typed", [VOID.replace("unfold", "unfould"), VOID.replace("come", "home"), VOID + " more"])
def test_errors_carry_no_right_word(typed: str) -> None:
    with pytest.raises(WalletError) as caught:
        check_phrase(Secret(typed))
    report = "".join(traceback.format_exception(caught.value)[-1:]) + repr(caught.value)
    assert caught.value.__context__ is None
    assert not set(VOID.split()) & set(report.replace(",", " ").split())


def test_a_passphrase_that_is_no_text_is_refused() -> None:
    with pytest.raises(WalletError, match="KEYS_PASSPHRASE_NOT_TEXT"):
        phrase_seed(Secret(ABANDON), Secret("\udc80"))


def test_completion_and_suggestions() -> None:
    assert complete_word("ABST") == ["abstract"]
    assert complete_word("zo") == ["zone", "zoo"]
    assert complete_word("qq") == []
    assert similar_words("abandom")[0] == "abandon"
