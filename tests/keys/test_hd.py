"""BIP-32 vectors and the addresses other wallets show for well-known test phrases."""

from __future__ import annotations

import hashlib

import pytest

from wallet.keys.hd import GAS_PATH, account_path, derive_key
from wallet.keys.mnemonic import phrase_seed
from wallet.keys.secret import Secret
from wallet.keys.signer import Signer

SEED_1 = "000102030405060708090a0b0c0d0e0f"
SEED_2 = (
    "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2"
    "9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542"
)
SEED_3 = (
    "4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4ac"
    "ba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be"
)
BIP32 = [
    (
        SEED_1,
        "m",
        "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
    ),
    (
        SEED_1,
        "m/0'",
        "xprv9uHRZZhk6KAJC1avXpDAp4MDc3sQKNxDiPvvkX8Br5ngLNv1TxvUxt4cV1rGL5hj6KCesnDYUhd7oWgT11eZG7XnxHrnYeSvkzY7d2bhkJ7",
    ),
    (
        SEED_1,
        "m/0'/1",
        "xprv9wTYmMFdV23N2TdNG573QoEsfRrWKQgWeibmLntzniatZvR9BmLnvSxqu53Kw1UmYPxLgboyZQaXwTCg8MSY3H2EU4pWcQDnRnrVA1xe8fs",
    ),
    (
        SEED_1,
        "m/0'/1/2'",
        "xprv9z4pot5VBttmtdRTWfWQmoH1taj2axGVzFqSb8C9xaxKymcFzXBDptWmT7FwuEzG3ryjH4ktypQSAewRiNMjANTtpgP4mLTj34bhnZX7UiM",
    ),
    (
        SEED_1,
        "m/0'/1/2'/2/1000000000",
        "xprvA41z7zogVVwxVSgdKUHDy1SKmdb533PjDz7J6N6mV6uS3ze1ai8FHa8kmHScGpWmj4WggLyQjgPie1rFSruoUihUZREPSL39UNdE3BBDu76",
    ),
    (
        SEED_2,
        "m/0",
        "xprv9vHkqa6EV4sPZHYqZznhT2NPtPCjKuDKGY38FBWLvgaDx45zo9WQRUT3dKYnjwih2yJD9mkrocEZXo1ex8G81dwSM1fwqWpWkeS3v86pgKt",
    ),
    (
        SEED_2,
        "m/0/2147483647'/1/2147483646'/2",
        "xprvA2nrNbFZABcdryreWet9Ea4LvTJcGsqrMzxHx98MMrotbir7yrKCEXw7nadnHM8Dq38EGfSh6dqA9QWTyefMLEcBYJUuekgW4BYPJcr9E7j",
    ),
    # Vector 3: leading zeros stay.
    (
        SEED_3,
        "m",
        "xprv9s21ZrQH143K25QhxbucbDDuQ4naNntJRi4KUfWT7xo4EKsHt2QJDu7KXp1A3u7Bi1j8ph3EGsZ9Xvz9dGuVrtHHs7pXeTzjuxBrCmmhgC6",
    ),
    (
        SEED_3,
        "m/0'",
        "xprv9uPDJpEQgRQfDcW7BkF7eTya6RPxXeJCqCJGHuCJ4GiRVLzkTXBAJMu2qaMWPrS7AANYqdq6vcBcBUdJCVVFceUvJFjaPdGZ2y9WACViL4L",
    ),
]
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def private_key_of(xprv: str) -> bytes:
    number = 0
    for character in xprv:
        number = number * 58 + BASE58.index(character)
    data = number.to_bytes(82, "big")
    payload, checksum = data[:78], data[78:]
    assert hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] == checksum
    return payload[46:]


@pytest.mark.parametrize(("seed", "path", "xprv"), BIP32)
def test_bip32_vectors(seed: str, path: str, xprv: str) -> None:
    assert derive_key(bytes.fromhex(seed), path) == private_key_of(xprv)


@pytest.mark.parametrize(
    ("phrase", "addresses"),
    [
        (  # Hardhat and Foundry
            "test test test test test test test test test test test junk",
            [
                "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
                "70997970c51812dc3a010c7d01b50e0d17dc79c8",
                "3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
            ],
        ),
        (  # Truffle
            "candy maple cake sugar pudding cream honey rich smooth crumble sweet treat",
            [
                "627306090abab3a6e1400e9345bc60c78a8bef57",
                "f17f52151ebef6c7334fad080c5704d77216b732",
                "c5fdf4076b8f3a5357c5e395ab970b5b54098fef",
            ],
        ),
        (  # Ganache, deterministic
            "myth like bonus scare over problem client lizard pioneer submit female collect",
            ["90f8bf6a479f320ead074411a4b0e7944ea8c9c1", "ffcf8fdee72ac11b5c542428b35eef5769c409f0"],
        ),
        (" ".join(["abandon"] * 11 + ["about"]), ["9858effd232b4033e47d90003d41ec34ecaeda94"]),
    ],
)
def test_addresses_of_other_wallets(phrase: str, addresses: list[str]) -> None:
    seed = phrase_seed(Secret(phrase), Secret(""))
    found = [Signer(derive_key(seed, account_path(index))).address.hex() for index in range(len(addresses))]
    assert found == addresses


def test_the_gas_key_hangs_on_a_hardened_branch_of_its_own() -> None:
    purpose, coin, account, *rest = GAS_PATH.split("/")[1:]
    assert (purpose, coin) == ("44'", "60'")
    assert account.endswith("'")
    assert account != "0'"
    assert rest == ["0", "0"]


@pytest.mark.parametrize("index", [-1, 256])
def test_account_numbers_are_bounded(index: int) -> None:
    with pytest.raises(ValueError, match="account index"):
        account_path(index)
