"""Which bytes are a transaction, and whose."""

from __future__ import annotations

import pytest
import rlp
from eth_account import Account
from eth_keys.constants import SECPK1_N
from hypothesis import given
from hypothesis import strategies as st

from wallet.sandbox.devnet.errors import RpcError, reverted
from wallet.sandbox.devnet.transactions import contract_address, decode

CHAIN = 1_337
SENDER = Account.from_key(b"\x01" * 32)
# chainId, nonce, maxPriorityFeePerGas, maxFeePerGas, gas, to, value, data, accessList, yParity, r, s
FIELDS = {
    "chainId": CHAIN,
    "nonce": 3,
    "maxPriorityFeePerGas": 1,
    "maxFeePerGas": 2,
    "gas": 21_000,
    "to": "0x" + "77" * 20,
    "value": 5,
    "data": b"",
}
RAW = bytes(SENDER.sign_transaction(FIELDS).raw_transaction)


def changed(index: int, value: object) -> bytes:
    """The transaction with one field of its encoding replaced after signing."""
    fields = list(rlp.decode(RAW[1:]))
    fields[index] = value
    return b"\x02" + bytes(rlp.encode(fields))


def number(index: int) -> int:
    return int.from_bytes(rlp.decode(RAW[1:])[index], "big")


def test_the_sender_is_who_signed() -> None:
    assert decode(RAW, CHAIN).sender == bytes.fromhex(SENDER.address[2:])
    # Another value, the same signature: somebody else's transaction, who has no money.
    assert decode(changed(6, b"\x06"), CHAIN).sender != bytes.fromhex(SENDER.address[2:])


@pytest.mark.parametrize(
    "raw",
    [
        changed(11, (SECPK1_N - number(11)).to_bytes(32, "big")),
        changed(11, b""),
        changed(10, b""),
        changed(10, SECPK1_N.to_bytes(32, "big")),
        changed(10, b"\xff" * 32),
        changed(9, b"\x02"),
        changed(9, b"\x1b"),
    ],
    ids=["high s", "s is 0", "r is 0", "r is the order", "r is too large", "parity 2", "parity 27"],
)
def test_bad_signatures_are_refused(raw: bytes) -> None:
    with pytest.raises(RpcError, match="invalid transaction v, r, s values"):
        decode(raw, CHAIN)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (changed(0, b"\x01"), "invalid chain id"),
        (changed(1, b"\xff" * 8), "larger than its field"),
        (changed(2, b"\x01" + bytes(32)), "larger than its field"),
        (changed(3, b"\x01" + bytes(32)), "larger than its field"),
        (changed(4, b"\xff" * 9), "larger than its field"),
        (changed(6, b"\x01" + bytes(32)), "larger than its field"),
        (changed(1, b"\x00\x03"), "rlp"),
        (changed(5, b"\x77" * 19), "rlp"),
        (changed(8, b"\x01"), "rlp"),
        (RAW + b"\x00", "rlp"),
        (RAW[:-1], "rlp"),
    ],
)
def test_other_encodings_and_sizes_are_refused(raw: bytes, words: str) -> None:
    with pytest.raises(RpcError, match=words):
        decode(raw, CHAIN)


def test_a_transaction_that_is_good_on_every_chain_is_refused() -> None:
    fields = {"nonce": 0, "gasPrice": 1, "gas": 21_000, "to": "0x" + "77" * 20, "value": 0, "data": b""}
    with pytest.raises(RpcError, match="EIP-155"):
        decode(bytes(SENDER.sign_transaction(fields).raw_transaction), CHAIN)
    decode(bytes(SENDER.sign_transaction({**fields, "chainId": CHAIN}).raw_transaction), CHAIN)


@given(
    st.binary(max_size=200)
    | st.tuples(st.integers(0, len(RAW) - 1), st.binary(max_size=4)).map(
        lambda cut: RAW[: cut[0]] + cut[1] + RAW[cut[0] + len(cut[1]) :]
    )
)
def test_any_bytes_are_a_transaction_or_are_refused(raw: bytes) -> None:
    try:
        transaction = decode(raw, CHAIN)
    except RpcError:
        return  # any other exception fails this test
    assert transaction.encode() == raw


# What one account creates with its first transactions, as it is published wherever CREATE is explained.
@pytest.mark.parametrize(
    ("nonce", "address"),
    [
        (0, "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"),
        (1, "343c43a37d37dff08ae8c4a11544c718abb4fcf8"),
        (2, "f778b86fa74e846c4f0a1fbd1335fe81c00a0c91"),
        (3, "fffd933a0bc612844eaf0c6fe3e5b8e9b6c1d19c"),
    ],
)
def test_contract_addresses_are_the_published_ones(nonce: int, address: str) -> None:
    creator = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert contract_address(creator, nonce).hex() == address


@given(st.integers(0, 2**64 - 2))
def test_contract_addresses_agree_with_rlp_for_every_nonce(nonce: int) -> None:
    from eth_utils import keccak

    assert contract_address(b"\x11" * 20, nonce) == keccak(rlp.encode([b"\x11" * 20, nonce]))[12:]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("", "execution reverted"),
        ("12345678", "execution reverted"),
        ("4e487b71" + "11".rjust(64, "0"), "execution reverted: panic 0x11"),
        ("08c379a0" + "20".rjust(64, "0") + "02".rjust(64, "0") + "6869".ljust(64, "0"), "execution reverted: hi"),
        ("08c379a0" + "20".rjust(64, "0") + "02".rjust(64, "0") + "680a".ljust(64, "0"), "execution reverted: h?"),
        ("08c379a0" + "20".rjust(64, "0") + "21".rjust(64, "0") + "6869".ljust(64, "0"), "execution reverted"),
        ("08c379a0" + "40".rjust(64, "0") + "02".rjust(64, "0") + "6869".ljust(64, "0"), "execution reverted"),
        ("08c379a0" + "20".rjust(64, "0"), "execution reverted"),
    ],
)
def test_reverts_give_the_contracts_words_when_there_are_some(output: str, message: str) -> None:
    error = reverted(bytes.fromhex(output))
    assert (error.code, error.message, error.data) == (3, message, "0x" + output)
