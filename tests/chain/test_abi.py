"""What a node says a contract said: decoded to plain values, or refused; nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet.chain.abi import Event, Function, decode, encode, read_abi
from wallet.chain.artifact import adjudicator
from wallet.chain.events import read_event
from wallet.chain.records import Log
from wallet.protocol.errors import WalletError

TYPES = sorted({kind for entry in adjudicator().abi.functions.values() for kind in (*entry.inputs, *entry.outputs)})
TOPICS = sorted(adjudicator().abi.events)


def a_log(topics: tuple[bytes, ...], data: bytes) -> Log:
    return Log(b"\1" * 20, topics, data, 1, bytes(32), bytes(32), 0)


@given(st.sampled_from(TYPES), st.binary(max_size=700) | st.integers(0, 40).map(lambda n: n.to_bytes(32, "big") * 20))
def test_any_data_decodes_or_is_refused_in_one_way(kind: str, data: bytes) -> None:
    try:
        decode((kind,), data, "view")
    except WalletError as error:
        refused = error.code
    else:
        refused = "RPC_BAD_REPLY"
    assert refused == "RPC_BAD_REPLY"


@given(st.sampled_from(TOPICS), st.lists(st.binary(min_size=32, max_size=32), max_size=3), st.binary(max_size=900))
def test_any_event_is_read_or_refused_in_one_way(topic: bytes, rest: list[bytes], data: bytes) -> None:
    try:
        read_event(a_log((topic, *rest), data))
    except WalletError as error:
        refused = error.code
    else:
        refused = "RPC_BAD_REPLY"
    assert refused == "RPC_BAD_REPLY"


def test_an_event_that_is_none_of_the_contracts() -> None:
    for topics in ((), (b"\7" * 32,)):
        with pytest.raises(WalletError, match="RPC_BAD_REPLY"):
            read_event(a_log(topics, b""))


def test_terms_with_an_initiative_that_there_is_not() -> None:
    opened = next(event for event in adjudicator().abi.events.values() if event.name == "Opened")
    kinds = [kind for _, kind in opened.plain]
    terms: list[Any] = [bytes(20)] * 4 + [0] * 11 + [[], bytes(32)]
    address = bytes(12) + bytes(20)
    topics = (opened.topic, bytes(32), address, address)
    read_event(a_log(topics, encode(kinds, (1, tuple(terms)))))
    terms[7] = 2
    with pytest.raises(WalletError, match="RPC_BAD_REPLY"):
        read_event(a_log(topics, encode(kinds, (1, tuple(terms)))))


def test_addresses_are_bytes_at_any_depth() -> None:
    who = b"\xab" * 20
    kind = "(address,(address,uint256)[],address[2])"
    data = encode((kind,), ((who, [(who, 5)], [who, who]),))
    assert decode((kind,), data, "x") == ((who, ((who, 5),), (who, who)),)


def test_canonical_types_of_structs() -> None:
    row = {
        "name": "r",
        "type": "tuple[]",
        "components": [{"name": "a", "type": "address"}, {"name": "b", "type": "uint8"}],
    }
    abi = read_abi(
        [
            {"type": "function", "name": "f", "inputs": [row], "outputs": []},
            {"type": "event", "name": "E", "inputs": [{"name": "i", "type": "bytes32", "indexed": True}]},
            {"type": "error", "name": "X", "inputs": []},
        ]
    )
    assert abi.functions["f"] == Function("f", ("(address,uint8)[]",), ())
    assert list(abi.events.values()) == [Event("E", (("i", "bytes32"),), (), ("bytes32",))]
