"""A sealed package: opened by its password alone, and by nothing that was changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.keys.kdf import KdfHeader, KdfParams
from wallet.keys.package import open_package, seal_package
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

CHEAP = KdfParams(memory_kib=8 * 1024, passes=1, lanes=1)
MAGIC = b"TESTPKG1"
CONTENTS = b"what is inside" * 20
SEALED = seal_package(MAGIC, Secret("a password"), CONTENTS, CHEAP)


def test_what_was_sealed_comes_out() -> None:
    assert open_package(MAGIC, SEALED, Secret("a password")) == CONTENTS
    assert CONTENTS[:14] not in SEALED


def test_another_password_opens_nothing() -> None:
    for wrong in ("", "a passwore", "a password "):
        with pytest.raises(WalletError, match="PACKAGE_SEALED"):
            open_package(MAGIC, SEALED, Secret(wrong))


def test_an_empty_password_seals_nothing() -> None:
    with pytest.raises(WalletError, match="KEYS_PASSWORD_EMPTY"):
        seal_package(MAGIC, Secret(""), CONTENTS, CHEAP)


def test_the_same_contents_are_never_sealed_alike() -> None:
    assert seal_package(MAGIC, Secret("a password"), CONTENTS, CHEAP) != SEALED


def test_a_costly_header_is_refused_before_any_work() -> None:
    bomb = MAGIC + KdfHeader(KdfParams(1024 * 1024, 16, 1), bytes(16)).encode() + SEALED[-40:]
    with pytest.raises(WalletError, match="KEYS_DAMAGED"):
        open_package(MAGIC, bomb, Secret("a password"))


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
def test_no_bit_can_be_changed(at: int, bit: int) -> None:
    changed = bytearray(SEALED)
    changed[at] ^= 1 << bit
    with pytest.raises(WalletError, match="PACKAGE_|KEYS_DAMAGED|KEYS_NO_MEMORY"):
        open_package(MAGIC, bytes(changed), Secret("a password"))


@settings(max_examples=40, deadline=None)
@given(length=st.integers(0, len(SEALED) - 1))
def test_a_part_opens_nothing(length: int) -> None:
    with pytest.raises(WalletError, match="PACKAGE_"):
        open_package(MAGIC, SEALED[:length], Secret("a password"))
