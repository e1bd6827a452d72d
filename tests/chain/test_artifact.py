"""The released artifact is what the source compiles to, and what it says of itself is true."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from tests.chain.evm import Chain, hexed
from wallet.chain import calls
from wallet.chain.abi import read_abi
from wallet.chain.artifact import adjudicator
from wallet.chain.build import ARTIFACT, SOURCE, artifact_text, compile_adjudicator
from wallet.protocol.eip712 import encode_type, keccak
from wallet.resources import resource


def test_the_source_compiles_to_the_artifact_byte_for_byte() -> None:
    assert resource(ARTIFACT).read_text(encoding="utf-8") == artifact_text(compile_adjudicator())


def test_the_hashes_are_of_what_they_say() -> None:
    entry = json.loads(resource(ARTIFACT).read_text(encoding="utf-8"))
    assert entry["codeHash"] == "0x" + keccak(adjudicator().runtime).hex()
    assert entry["sourceHash"] == "0x" + sha256(SOURCE.read_bytes()).hexdigest()
    assert (entry["name"], entry["version"]) == ("Adjudicator", "1")


def test_the_code_on_chain_is_the_runtime_and_fits_the_limit() -> None:
    chain = Chain()
    code = chain.evm.get_code(hexed(chain.contract))
    runtime = adjudicator().runtime
    assert code is not None
    # The EVM pads code for its own use; EIP-170 allows 24,576 bytes.
    assert bytes(code).rstrip(b"\0") == runtime.rstrip(b"\0")
    assert len(runtime) <= 24_576


def test_there_is_no_constructor_argument_and_no_way_to_rule() -> None:
    entry = json.loads(resource(ARTIFACT).read_text(encoding="utf-8"))
    assert not [part for part in entry["abi"] if part["type"] in {"constructor", "fallback", "receive"}]
    writing = {part["name"] for part in entry["abi"] if part.get("stateMutability") in {"nonpayable", "payable"}}
    assert writing == {
        "deposit", "withdraw", "authorize", "pushCredit",
        "open", "openWithDeposit", "close", "challenge", "respond", "settle",
    }  # fmt: skip


def test_the_source_has_the_frozen_types() -> None:
    source = SOURCE.read_text(encoding="utf-8")
    for name in ("Terms", "State", "Asset", "Balance", "Outcome", "Challenge"):
        assert f'"{encode_type(name)}"' in source


def test_an_overloaded_function_is_refused() -> None:
    entry = {"type": "function", "name": "f", "inputs": [], "outputs": []}
    with pytest.raises(ValueError, match="overloaded"):
        read_abi([entry, entry])


def test_selectors_follow_from_the_abi() -> None:
    assert calls.function("deposit").selector == keccak(b"deposit(address,uint256)")[:4]
    assert calls.function("withdraw").selector == keccak(b"withdraw(address,uint256,address)")[:4]
