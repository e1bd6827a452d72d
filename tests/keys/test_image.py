"""The vault's frame: what is no vault, what is damaged, what is newer, what asks for too much."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.keys.vaults import make, resum
from wallet.keys.image import MAGIC, MAX_BYTES, VERSION, VaultImage
from wallet.keys.kdf import DEFAULT_PARAMS, KdfHeader, KdfParams
from wallet.keys.secret import Secret
from wallet.keys.vault import open_vault
from wallet.protocol.errors import WalletError

KDF = KdfHeader(DEFAULT_PARAMS, bytes(16)).encode()
fields = st.binary(max_size=200)


@given(fields, fields, fields, fields, fields)
def test_round_trip(public: bytes, owner_key: bytes, session_key: bytes, owner: bytes, session: bytes) -> None:
    image = VaultImage(KDF, public, owner_key, session_key, owner, session)
    assert VaultImage.decode(image.encode()) == image


@given(st.data())
def test_an_accident_anywhere_is_damage(data: st.DataObject) -> None:
    good = VaultImage(KDF, b"public", b"a" * 60, b"b" * 60, b"c" * 90, b"d" * 90).encode()
    position = data.draw(st.integers(0, len(good) - 1))
    flip = data.draw(st.integers(1, 255))
    for bad in (
        good[:position] + bytes([good[position] ^ flip]) + good[position + 1 :],
        good[:position],
        good + bytes([flip]),
    ):
        with pytest.raises(WalletError, match="KEYS_DAMAGED"):
            VaultImage.decode(bad)


@given(st.binary(max_size=300))
def test_any_bytes_with_a_fitting_sum_give_a_clear_word(rest: bytes) -> None:
    with pytest.raises(WalletError) as caught:
        VaultImage.decode(resum(MAGIC + rest))
    assert caught.value.code in {"KEYS_DAMAGED", "KEYS_NEWER_VERSION"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not-a-vault"),
        (b'{"version":3,"crypto":{}}', "not-a-vault"),
        (MAGIC, "checksum"),
        (resum(MAGIC), "checksum"),
        (resum(MAGIC + b"\0\0"), "version"),
        (resum(MAGIC + b"\0\1"), "truncated"),
        (resum(MAGIC + b"\0\1" + b"\xff" * 4), "truncated"),
        (resum(VaultImage(KDF, b"", b"", b"", b"", b"").encode()[:-32] + b"\0"), "trailing-bytes"),
        (VaultImage(KDF[:-1], b"", b"", b"", b"", b"").encode(), "kdf-header"),
        (VaultImage(b"\2" + KDF[1:], b"", b"", b"", b"", b"").encode(), "kdf-header"),
    ],
)
def test_what_is_no_vault(data: bytes, why: str) -> None:
    with pytest.raises(WalletError, match="KEYS_DAMAGED") as caught:
        VaultImage.decode(data)
    assert caught.value.params["why"] == why


@pytest.mark.parametrize("version", [VERSION + 1, 0xFFFF])
def test_a_newer_version_is_told_from_damage(version: int) -> None:
    with pytest.raises(WalletError, match="KEYS_NEWER_VERSION"):
        VaultImage.decode(resum(MAGIC + version.to_bytes(2, "big") + b"whatever it holds"))


HOSTILE = [
    (0xFFFFFFFF, 1, 1),
    (4 * 1024 * 1024, 1, 1),
    (1024 * 1024 + 1, 1, 1),
    (1024 * 1024, 16, 1),
    (64 * 1024, 0xFFFFFFFF, 1),
    (64 * 1024, 17, 1),
    (64 * 1024, 3, 0xFFFF),
    (64 * 1024, 3, 17),
    (64 * 1024, 3, 0),
    (64 * 1024, 0, 1),
    (0, 3, 1),
    (8, 1, 1),
]


@pytest.mark.parametrize(("memory", "passes", "lanes"), HOSTILE)
def test_hostile_costs_are_refused_before_any_work(memory: int, passes: int, lanes: int, tmp_path: Path) -> None:
    kdf = struct.pack(">BIIH16s", 1, memory, passes, lanes, bytes(16))
    path = tmp_path / "keys.vault"
    path.write_bytes(VaultImage(kdf, b"", b"", b"", b"", b"").encode())
    started = time.perf_counter()
    with pytest.raises(WalletError, match="KEYS_DAMAGED") as caught:
        open_vault(path)
    assert time.perf_counter() - started < 1
    assert caught.value.params["why"] == "kdf-bounds"


@pytest.mark.parametrize(("memory", "passes", "lanes"), HOSTILE)
def test_hostile_costs_are_refused_by_the_function_too(memory: int, passes: int, lanes: int) -> None:
    with pytest.raises(WalletError, match="KEYS_DAMAGED"):
        KdfParams(memory, passes, lanes).check()


def test_the_dearest_cost_within_bounds_and_the_defaults_pass() -> None:
    assert KdfParams(1024 * 1024, 2, 16).check()
    assert DEFAULT_PARAMS.check()
    assert DEFAULT_PARAMS.memory_kib >= 64 * 1024
    assert DEFAULT_PARAMS.passes >= 3


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.vault"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse
    with pytest.raises(WalletError, match="KEYS_DAMAGED why=too-large"):
        open_vault(path)


def test_what_would_be_too_large_to_read_is_not_written() -> None:
    with pytest.raises(WalletError, match="KEYS_FULL"):
        VaultImage(KDF, b"", b"", b"", bytes(MAX_BYTES), b"").encode()


def test_a_hostile_public_field_is_damage(tmp_path: Path) -> None:
    make(tmp_path / "keys.vault")
    for public in (b"", b"\xc1", b"\xdd\xff\xff\xff\xff", b"\x91" * 100_000, b"\x82\xa5label\xa1x\xa8accounts\x90"):
        (tmp_path / "keys.vault").write_bytes(VaultImage(KDF, public, b"", b"", b"", b"").encode())
        with pytest.raises(WalletError, match="KEYS_DAMAGED why=public"):
            open_vault(tmp_path / "keys.vault")


def test_the_file_holds_nothing_of_a_secret_object(tmp_path: Path) -> None:
    make(tmp_path / "keys.vault", password="a password that is long")
    assert Secret("a password that is long").reveal().encode() not in (tmp_path / "keys.vault").read_bytes()
