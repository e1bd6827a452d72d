"""Transactions as bytes: read back field by field, and nothing but the one form is taken for one."""

from __future__ import annotations

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from wallet.chain.calls import Call
from wallet.chain.envelope import Envelope, read_signed, read_unsigned
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Quote, Sender
from wallet.protocol.eip712 import keccak
from wallet.protocol.errors import WalletError

ENVELOPES = st.builds(
    Envelope,
    st.integers(1, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**128),
    st.integers(2**128, 2**256 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(min_size=20, max_size=20),
    st.integers(0, 2**256 - 1),
    st.binary(max_size=200),
)
ONE = Envelope(31_337, 7, 10**9, 30 * 10**9, 21_000, b"\x0a" * 20, 10**18, b"")


@given(ENVELOPES)
def test_what_is_written_is_read(envelope: Envelope) -> None:
    assert read_unsigned(envelope.unsigned()) == envelope


def test_the_digest_is_what_other_libraries_sign() -> None:
    """eth-account recovers the signer from the digest of these very bytes."""
    from eth_account import Account
    from eth_keys.datatypes import Signature

    signer = KeySigner(b"\x07" * 32)
    outgoing = Sender(Rpc("http://127.0.0.1:9"), 31_337, signer, print).sign(
        Call(ONE.to, ONE.data, ONE.value), ONE.nonce, Quote(ONE.gas_limit, ONE.max_fee_per_gas, ONE.tip)
    )
    assert read_signed(outgoing.raw) == ONE
    parity, r, s = (int.from_bytes(item, "big") for item in rlp.decode(outgoing.raw[1:])[9:])
    recovered = Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(keccak(ONE.unsigned()))
    assert recovered.to_canonical_address() == signer.address
    assert Account.recover_transaction(outgoing.raw).lower() == "0x" + signer.address.hex()


def items(**changed: object) -> bytes:
    fields: list[object] = list(rlp.decode(ONE.unsigned()[1:]))
    for place, value in changed.items():
        fields[int(place[1:])] = value
    return b"\x02" + rlp.encode(fields)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x01" + ONE.unsigned()[1:],
        ONE.unsigned()[1:],
        ONE.unsigned() + b"\0",
        ONE.unsigned()[:-1],
        b"\x02",
        b"\x02" + b"\xc1" * 5_000,
        items(_0=b""),  # any chain would take it
        items(_1=b"\0\x07"),  # two ways to write one number
        items(_1=bytes([1]) * 9),
        items(_2=b"\xff" * 32),  # a tip above the most
        items(_5=b""),  # makes a contract
        items(_5=b"\x0a" * 19),
        items(_6=b"\1" * 33),
        items(_6=[b"\1"]),
        items(_8=[[b"\x0a" * 20, []]]),  # an access list
        b"\x02" + rlp.encode([*rlp.decode(ONE.unsigned()[1:]), b"\1", b"\1", b"\1"]),  # signed already
        b"\x02" + b"\xb8\x01\x05",
        b"\x02" + bytes(200_000),
    ],
)
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(WalletError, match="TX_FORM"):
        read_unsigned(raw)
