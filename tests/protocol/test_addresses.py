"""Addresses as people read them: EIP-55's own vectors, and the trick of two that look alike."""

from __future__ import annotations

import pytest

from wallet.protocol.addresses import is_checked, look_alike, read_address, short_address, show_address
from wallet.protocol.errors import WalletError

# EIP-55, "Test Cases"
VECTORS = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


@pytest.mark.parametrize("text", VECTORS)
def test_the_checksum_of_eip_55(text: str) -> None:
    address = bytes.fromhex(text[2:])
    assert show_address(address) == text
    assert read_address(f" {text}\n") == address
    assert read_address(text.lower()) == address
    assert read_address("0x" + text[2:].upper()) == address


def test_a_slip_in_a_checked_address_is_refused() -> None:
    for text in (VECTORS[4].replace("b6", "B6"), VECTORS[4].replace("05", "06", 1)):
        assert is_checked(text)
        with pytest.raises(WalletError, match="ADDRESS_CHECKSUM"):
            read_address(text)
    assert not is_checked(VECTORS[4].lower())
    assert not is_checked(VECTORS[0])


@pytest.mark.parametrize(
    "text", ["", "0x", VECTORS[0][2:], VECTORS[0] + "0", "0X" + VECTORS[0][2:], "vitalik.eth", "٠x" + "0" * 40]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(WalletError, match="ADDRESS_FORM"):
        read_address(text)


def test_two_that_begin_and_end_alike() -> None:
    mine = bytes.fromhex("abc" + "0" * 34 + "123")
    assert look_alike(bytes.fromhex("abc" + "7" * 34 + "123"), [b"\1" * 20, mine]) == mine
    assert look_alike(mine, [mine]) is None
    assert look_alike(bytes.fromhex("abc" + "7" * 34 + "124"), [mine]) is None
    assert look_alike(bytes.fromhex("abd" + "7" * 34 + "123"), [mine]) is None
    assert short_address(bytes.fromhex(VECTORS[4][2:])) == "0x5aAeb6…1BeAed"
