"""What the tests of the keys share: a cheap vault with known secrets."""

from __future__ import annotations

import hashlib
from pathlib import Path

from wallet.keys.image import VaultImage
from wallet.keys.kdf import KdfParams
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, create_vault

PHRASE = "test test test test test test test test test test test junk"
OWNER_0 = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
OWNER_1 = bytes.fromhex("70997970c51812dc3a010c7d01b50e0d17dc79c8")
OWNER_0_KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
PASSWORD = "correct horse"
CHEAP = KdfParams(memory_kib=8 * 1024, passes=1, lanes=1)


def make(path: Path, phrase: str = PHRASE, password: str = PASSWORD) -> Vault:
    return create_vault(path, Secret(phrase), Secret(password), label="savings", params=CHEAP)


def resum(body: bytes) -> bytes:
    """A file with that body and a SHA-256 that fits: what an attacker writes, not an accident."""
    return body + hashlib.sha256(body).digest()


def image_of(path: Path) -> VaultImage:
    return VaultImage.decode(path.read_bytes())
