"""Published vectors: BIP-39 in every language that the library ships, EIP-191 and EIP-712; keystores in test_keystore.

data/bip39.json holds of each vector the entropy, the passphrase, and the digests of what must come out: all 24 of
Trezor's (English), all 24 of bip32JP's (Japanese), and for the other languages what a second implementation gives;
with it, the digest of each language's word list as it stands in the BIP.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language

from tests.keys.vaults import OWNER_0
from wallet.keys.mnemonic import check_phrase, phrase_seed
from wallet.keys.secret import Secret
from wallet.keys.signer import AccountSigner
from wallet.protocol.eip191 import message_digest
from wallet.protocol.signatures import recover_signer

BIP39: Any = json.loads((Path(__file__).with_name("data") / "bip39.json").read_text(encoding="utf-8"))


def digest(text: str) -> str:
    return hashlib.sha256(unicodedata.normalize("NFKD", text).encode()).hexdigest()


def test_every_language_is_there_and_checked() -> None:
    shipped = set(Mnemonic.list_languages())
    assert shipped - set(BIP39["words"]) == {"japanese"}  # whose 24 phrases use the list well enough
    assert {language for language, *_ in BIP39["phrases"]} == shipped
    assert len(BIP39["phrases"]) >= 60


@pytest.mark.parametrize("language", BIP39["words"])
def test_the_word_lists_are_the_bip_s(language: str) -> None:
    words = Mnemonic(Language(language)).wordlist
    assert digest(" ".join(words)) == BIP39["words"][language]


@pytest.mark.parametrize(
    ("language", "entropy", "passphrase", "phrase", "seed"),
    BIP39["phrases"],
    ids=[f"{language}-{entropy[:8]}-{len(entropy) // 2}" for language, entropy, *_ in BIP39["phrases"]],
)
def test_bip39(language: str, entropy: str, passphrase: str, phrase: str, seed: str) -> None:
    words = Mnemonic(Language(language)).to_mnemonic(bytes.fromhex(entropy))
    assert digest(words)[: len(phrase)] == phrase
    checked = check_phrase(Secret(words))
    assert phrase_seed(checked, Secret(passphrase)).hex().startswith(seed)


def test_eip191_as_published() -> None:
    """The digest of "hello world", and web3.js's documented signature of "Some data"."""
    assert message_digest(b"hello world").digest.hex() == (
        "d9eba16ed0ecae432b71fe008c98cc872bb4cc214d3220a36f365326cf807d68"
    )
    key = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
    signed = AccountSigner(key).sign_message(b"Some data").hex()
    assert signed == (
        "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
        "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a029"
        "1c"
    )


def test_a_session_key_signs_no_message() -> None:
    from wallet.keys.signer import Signer

    assert not hasattr(Signer(b"\1" * 32), "sign_message")
    signature = AccountSigner(b"\1" * 32).sign_message(b"x")
    assert recover_signer(message_digest(b"x"), signature) != OWNER_0
