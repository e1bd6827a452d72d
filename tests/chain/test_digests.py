"""One digest for one meaning: contract, program and eth-account's generic encoder, on generated terms and states."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from typing import Any

from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from tests.chain.evm import CHAIN_ID, Chain
from tests.chain.scenario import TRADER, Session, make_terms
from wallet.chain import calls
from wallet.protocol.eip712 import DOMAIN_NAME, DOMAIN_VERSION, FIELDS, keccak
from wallet.protocol.state import Balance, Fill, OpenOrder, Outcome, Transition
from wallet.protocol.terms import NATIVE, Asset, Initiative, Market, Role

uint256 = st.integers(0, 2**256 - 1) | st.integers(0, 10)
uint64 = st.integers(0, 2**64 - 1)
uint32 = st.integers(0, 2**32 - 1)
uint16 = st.integers(0, 2**16 - 1)
address = st.binary(min_size=20, max_size=20)
digest = st.binary(min_size=32, max_size=32)

terms_changes = st.fixed_dictionaries(
    {
        **dict.fromkeys(("trader", "trader_signer", "broker", "broker_signer"), address),
        **dict.fromkeys(("open_before", "challenge_period"), uint64),
        **dict.fromkeys(("max_fee", "heartbeat", "answer_time", "skew", "yield_interval"), uint32),
        **dict.fromkeys(("max_open_orders", "max_fills"), uint16),
        "nonce": uint256,
        "initiative": st.sampled_from(Initiative),
        "assets": st.lists(st.builds(Asset, address, uint256, uint256), max_size=16).map(tuple),
        "markets": st.lists(st.builds(Market, address, address, *[uint256] * 5), max_size=3).map(tuple),
    }
)
state_changes = st.fixed_dictionaries(
    {
        "channel": digest,
        "previous": digest,
        "increment": uint64,
        "time": uint64,
        "turn": st.sampled_from(Role),
        "transition": st.sampled_from(Transition),
        "order_nonce": uint64,
        "fills": st.lists(st.builds(Fill, digest, uint256, uint256, uint256), max_size=3).map(tuple),
        "balances": st.lists(st.builds(Balance, address, uint256, uint256), max_size=17).map(tuple),
        "open_orders": st.lists(
            st.builds(OpenOrder, digest, address, address, st.integers(0, 1), uint256, uint256, uint256), max_size=4
        ).map(tuple),
        "outcomes": st.lists(st.builds(Outcome, address, uint256, uint256), max_size=16).map(tuple),
    }
)


@cache
def chain() -> Chain:
    return Chain()


@cache
def template() -> Session:
    terms = make_terms((Asset(NATIVE, 1, 1),), chain().now)
    return Session(chain().domain, terms, chain().now)


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def plain(value: Any) -> Any:
    """Protocol objects as the plain JSON-like data that eth-account takes."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {camel(key): plain(item) for key, item in value._asdict().items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes) and len(value) == 20:
        return "0x" + value.hex()
    return int(value) if isinstance(value, int) else value


def generic_digest(struct: str, value: Any) -> bytes:
    """eth-account's EIP-712 digest, from the frozen type table alone."""
    fields = {camel(key): plain(getattr(value, key)) for key in asdict(value)}
    typed: dict[str, Any] = {
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": CHAIN_ID,
            "verifyingContract": "0x" + chain().contract.hex(),
        },
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            **{name: [{"name": field, "type": kind} for kind, field in rows] for name, rows in FIELDS.items()},
        },
        "primaryType": struct,
        "message": fields,
    }
    typed["types"] = {
        name: rows
        for name, rows in typed["types"].items()
        if name in {"EIP712Domain", struct} or any(kind == name + "[]" for kind, _ in FIELDS[struct])
    }
    message = encode_typed_data(full_message=typed)
    return keccak(b"\x19" + message.version + message.header + message.body)


@given(terms_changes)
def test_channel_id(changes: dict[str, Any]) -> None:
    terms = replace(template().terms, **changes)
    ours = chain().domain.digest(terms).digest
    assert chain().view("channelId", calls.terms_tuple(terms)) == ours
    assert generic_digest("Terms", terms) == ours


@given(state_changes)
def test_state_digest(changes: dict[str, Any]) -> None:
    state = replace(template().setup, **changes)
    ours = chain().domain.digest(state).digest
    assert chain().view("stateDigest", state.channel, calls.state_tuple(state)) == ours
    assert generic_digest("State", state) == ours


@given(terms_changes, uint64)
def test_the_setup_state_follows_from_terms_and_time(changes: dict[str, Any], time: int) -> None:
    """The contract builds it itself in `open`; here through the program, compared by the signatures it accepts."""
    assets = tuple(
        Asset(bytes(18) + index.to_bytes(2, "big"), 0, 0) for index in range(1, 1 + max(1, len(changes["assets"])))
    )
    base = template().terms
    kept = {key: changes[key] for key in ("nonce", "initiative", "heartbeat", "skew", "max_fills", "markets")}
    terms = replace(base, **kept, assets=assets, open_before=chain().now + 60)
    session = Session(chain().domain, terms, time)
    call = calls.open_channel(chain().contract, terms, time, *session.signatures(session.setup))
    if chain().view("channel", session.channel)[0] == 0:
        chain().send(TRADER.address, call)
    assert chain().view("channel", session.channel)[0] == 1
