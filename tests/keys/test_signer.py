"""A key signs the protocol's structs, strictly, and nothing else."""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coincurve.utils import GROUP_ORDER_INT
from eth_account import Account
from eth_keys.backends.native import NativeECCBackend
from eth_keys.datatypes import PrivateKey as NativeKey
from hypothesis import given
from hypothesis import strategies as st

import wallet
from tests.keys.vaults import OWNER_0, OWNER_0_KEY
from wallet.keys.signer import SIGNABLE, AccountSigner, Signer
from wallet.protocol import eip712, signatures
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Cancel
from wallet.protocol.typed import TypedDigest

CANCEL = eip712.Domain(31337, b"\x11" * 20).digest(Cancel(b"\x01" * 32, b"\x02" * 32))
TRANSACTION = {
    "type": 2,
    "chainId": 31337,
    "nonce": 7,
    "to": "0x" + "22" * 20,
    "value": 10**18,
    "data": "0x",
    "gas": 21000,
    "maxFeePerGas": 2 * 10**9,
    "maxPriorityFeePerGas": 10**9,
}
LEGACY = {"chainId": 1, "nonce": 0, "to": "0x" + "22" * 20, "value": 1, "gas": 21000, "gasPrice": 10**9}


def test_the_address_is_the_key_s() -> None:
    assert Signer(OWNER_0_KEY).address == OWNER_0


@given(key=st.integers(1, GROUP_ORDER_INT - 1), digest=st.binary(min_size=32, max_size=32))
def test_signatures_are_strict_and_recover_to_the_address(key: int, digest: bytes) -> None:
    signer = Signer(key.to_bytes(32, "big"))
    signature = signer.sign(TypedDigest("State", digest))
    assert len(signature) == 65
    assert signature[64] in (27, 28)
    assert 0 < int.from_bytes(signature[32:64], "big") <= GROUP_ORDER_INT // 2
    assert Account._recover_hash(digest, signature=signature) == Account.from_key(key.to_bytes(32, "big")).address
    assert bytes.fromhex(Account.from_key(key.to_bytes(32, "big")).address[2:]) == signer.address


def test_another_implementation_makes_the_same_signature() -> None:
    native = NativeKey(OWNER_0_KEY, backend=NativeECCBackend()).sign_msg_hash(CANCEL.digest)
    expected = native.r.to_bytes(32, "big") + native.s.to_bytes(32, "big") + bytes([27 + native.v])
    assert Signer(OWNER_0_KEY).sign(CANCEL) == expected


@pytest.mark.parametrize(
    "message",
    [
        b"\x01" * 32,
        "0x" + "01" * 32,
        None,
        TypedDigest("Permit", b"\x01" * 32),
        TypedDigest("", b"\x01" * 32),
        TypedDigest("State", b"\x01" * 31),
        ("State", b"\x01" * 32),
    ],
)
def test_nothing_but_the_protocol_s_structs_is_signed(message: Any) -> None:
    with pytest.raises(WalletError, match="KEYS_UNKNOWN_STRUCT"):
        Signer(OWNER_0_KEY).sign(message)


def test_the_signable_structs_are_those_that_have_a_digest() -> None:
    assert {name for name, _ in eip712._ENCODERS.values()} == SIGNABLE


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


# The protocol's structs; plain messages, whose digests begin otherwise; strangers' JSON, read as one of the structs.
MAKERS = {f"protocol/{name}.py" for name in ("eip712", "eip191", "typedreading")}


def test_only_the_protocols_own_modules_make_what_is_signed() -> None:
    """The closed set is closed only as long as no other module wraps bytes as it likes, but to verify them."""
    elsewhere = []
    root = Path(wallet.__file__).parent
    for path in root.rglob("*.py"):
        every = calls(ast.parse(path.read_text("utf-8")))
        made = [call for call in every if called(call) == "TypedDigest"]
        checks = [call for call in every if called(call) in {"require_signer", "recover_signer"}]
        verified = {id(argument) for call in checks for argument in call.args}
        if str(path.relative_to(root)) not in MAKERS:
            elsewhere += [f"{path.relative_to(root)}:{call.lineno}" for call in made if id(call) not in verified]
    assert elsewhere == []


def test_a_dropped_key_signs_no_more() -> None:
    signer = AccountSigner(OWNER_0_KEY)
    signer.drop()
    for attempt in (lambda: signer.sign(CANCEL), lambda: signer.sign_transaction(TRANSACTION)):
        with pytest.raises(WalletError, match="KEYS_LOCKED"):
            attempt()


def test_a_faulty_signature_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    other = Signer(b"\x05" * 32).sign(CANCEL)
    monkeypatch.setattr(signatures, "sign", lambda key, typed: other)
    with pytest.raises(WalletError, match="KEYS_SIGNING_FAULT"):
        Signer(OWNER_0_KEY).sign(CANCEL)


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_keys_are_neither_pickled_nor_copied(copier: Callable[[Signer], object]) -> None:
    with pytest.raises(TypeError, match="neither copied nor pickled"):
        copier(Signer(OWNER_0_KEY))


@pytest.mark.parametrize("secret", [b"", b"\x01" * 31, b"\x01" * 33, bytes(32), GROUP_ORDER_INT.to_bytes(32, "big")])
def test_what_is_no_key_is_refused_without_being_shown(secret: bytes) -> None:
    with pytest.raises(ValueError, match="private key|Secret scalar") as caught:
        Signer(secret)
    assert not secret or secret.hex() not in repr(caught.value)


@pytest.mark.parametrize("transaction", [TRANSACTION, LEGACY])
def test_transactions_recover_to_the_account(transaction: dict[str, object]) -> None:
    raw = AccountSigner(OWNER_0_KEY).sign_transaction(transaction)
    assert bytes.fromhex(Account.recover_transaction(raw)[2:]) == OWNER_0


@pytest.mark.parametrize(
    "change",
    [{"chainId": None}, {"chainId": 0}, {"chainId": "1"}, {"gas": None}, {"to": "0x12"}, {"from": "0x" + "33" * 20}],
)
def test_a_transaction_that_does_not_say_all_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(WalletError, match="KEYS_TRANSACTION") as caught:
        AccountSigner(OWNER_0_KEY).sign_transaction({**TRANSACTION, **change})
    assert OWNER_0_KEY.hex() not in str(caught.value)


def test_a_session_key_has_no_way_to_sign_a_transaction() -> None:
    assert not hasattr(Signer(OWNER_0_KEY), "sign_transaction")
