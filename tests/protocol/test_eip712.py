"""The hand-written digests against eth-account, and the frozen types against literals."""

from __future__ import annotations

from dataclasses import astuple, fields, is_dataclass, replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak as other_keccak
from hypothesis import given
from hypothesis import strategies as st

from tests.support import strategies
from tests.support.game import CONTRACT, Game
from wallet.protocol.eip712 import FIELDS, TYPE_HASHES, Domain, encode_type, keccak
from wallet.protocol.intents import Auth
from wallet.protocol.state import Balance, Fill, Outcome
from wallet.protocol.typeddata import state_typed_data

DOMAIN = Domain(31337, CONTRACT)

ASSET = "Asset(address asset,uint256 allocation,uint256 collateral)"
MARKET = (
    "Market(address base,address quote,uint256 unit,uint256 tickSize,uint256 lotSize,uint256 minNotional,"
    "uint256 maxUnacked)"
)
FILL = "Fill(bytes32 order,uint256 price,uint256 quantity,uint256 fee)"
BALANCE = "Balance(address asset,uint256 available,uint256 locked)"
OPEN_ORDER = "OpenOrder(bytes32 id,address base,address quote,uint8 side,uint256 price,uint256 amount,uint256 filled)"
OUTCOME = "Outcome(address asset,uint256 toBroker,uint256 toTrader)"
FROZEN = {
    "Asset": ASSET,
    "Market": MARKET,
    "Fill": FILL,
    "Balance": BALANCE,
    "OpenOrder": OPEN_ORDER,
    "Outcome": OUTCOME,
    "Terms": (
        "Terms(address trader,address traderSigner,address broker,address brokerSigner,uint256 nonce,uint64 openBefore,"
        "uint64 challengePeriod,uint8 initiative,uint32 maxFee,uint32 heartbeat,uint32 answerTime,uint32 skew,"
        "uint32 yieldInterval,uint16 maxOpenOrders,uint16 maxFills,Asset[] assets,Market[] markets)" + ASSET + MARKET
    ),
    "State": (
        "State(bytes32 channel,bytes32 previous,uint64 increment,uint64 time,uint8 turn,uint8 transition,"
        "uint64 orderNonce,Fill[] fills,Balance[] balances,OpenOrder[] openOrders,Outcome[] outcomes)"
        + BALANCE
        + FILL
        + OPEN_ORDER
        + OUTCOME
    ),
    "Order": (
        "Order(bytes32 channel,uint64 orderNonce,address base,address quote,uint8 side,uint256 price,uint256 amount,"
        "uint8 timeInForce,uint64 openBefore,uint64 expiry)"
    ),
    "Cancel": "Cancel(bytes32 channel,bytes32 order)",
    "CancelReceipt": "CancelReceipt(bytes32 channel,bytes32 order)",
    "FinalizeRequest": "FinalizeRequest(bytes32 channel,bytes32 lastDigest,uint64 validUntil)",
    "TurnRequest": "TurnRequest(bytes32 channel,uint64 increment)",
    "Heartbeat": "Heartbeat(bytes32 channel,uint64 increment,bytes32 digest,uint64 time)",
    "Resume": "Resume(bytes32 channel,uint64 increment,bytes32 digest,bytes32 nonce,bytes32 peerNonce)",
    "Challenge": "Challenge(bytes32 channel,uint64 minIncrement,uint64 validUntil)",
    "Auth": "Auth(bytes32 nonce,bytes32 peerNonce,address account,address peer,uint8 role,string host)",
}


def values_of(struct: Any) -> tuple[Any, ...]:
    if is_dataclass(struct):
        return tuple(getattr(struct, field.name) for field in fields(struct))
    return tuple(struct)


def message(name: str, struct: Any) -> dict[str, Any]:
    """A struct as eth-account takes it, by the frozen table alone."""
    shown = {}
    for (kind, field), value in zip(FIELDS[name], values_of(struct), strict=True):
        if kind.endswith("[]"):
            shown[field] = [message(kind[:-2], row) for row in value]
        elif kind == "address":
            shown[field] = "0x" + value.hex()
        else:
            shown[field] = value if isinstance(value, bytes | str) else int(value)
    return shown


def by_eth_account(domain: Domain, name: str, struct: Any) -> bytes:
    needed = {name, *(kind[:-2] for kind, _ in FIELDS[name] if kind.endswith("[]"))}
    encoded = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                **{part: [{"name": field, "type": kind} for kind, field in FIELDS[part]] for part in needed},
            },
            "primaryType": name,
            "domain": {
                "name": "Trading Channels",
                "version": "1",
                "chainId": domain.chain_id,
                "verifyingContract": "0x" + domain.contract.hex(),
            },
            "message": message(name, struct),
        }
    )
    return other_keccak(b"\x19" + encoded.version + encoded.header + encoded.body)


def test_types_are_frozen() -> None:
    assert {name: encode_type(name) for name in FIELDS} == FROZEN
    assert {name: other_keccak(text.encode()) for name, text in FROZEN.items()} == TYPE_HASHES


def test_keccak_is_the_ethereum_one() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"").hex() == empty


@given(
    struct=st.one_of(strategies.terms, strategies.states, strategies.orders, strategies.small_structs),
    chain_id=st.one_of(st.integers(1, 2**64), st.just(2**256 - 1)),
    contract=strategies.addresses,
)
def test_digest_equals_eth_account(struct: Any, chain_id: int, contract: bytes) -> None:
    domain = Domain(chain_id, contract)
    typed = domain.digest(struct)
    assert typed.struct == type(struct).__name__
    assert typed.digest == by_eth_account(domain, typed.struct, struct)


@given(strategies.states)
def test_typed_data_of_a_state_is_what_is_signed(state: Any) -> None:
    encoded = encode_typed_data(full_message=state_typed_data(DOMAIN, state))
    assert other_keccak(b"\x19" + encoded.version + encoded.header + encoded.body) == DOMAIN.digest(state).digest


@given(strategies.states, st.data())
def test_every_field_of_a_state_is_signed(state: Any, data: st.DataObject) -> None:
    """No two states share a digest: change any one field and it is another."""
    other = data.draw(strategies.states)
    field = data.draw(st.sampled_from([field.name for field in fields(state)]))
    changed = replace(state, **{field: getattr(other, field)})
    assert (changed == state) == (DOMAIN.digest(changed) == DOMAIN.digest(state))


def test_rows_kept_in_a_cache_are_told_apart() -> None:
    """The same numbers in rows of different kinds, and in different places, give different digests."""
    state = Game().setup
    asset = b"\1" * 20
    in_balances = replace(state, balances=(Balance(asset, 1, 2),), outcomes=())
    in_outcomes = replace(state, balances=(), outcomes=(Outcome(asset, 1, 2),))
    for changed in (in_balances, in_outcomes):
        assert DOMAIN.digest(changed).digest == by_eth_account(DOMAIN, "State", changed)
    fill = Fill(b"\1" * 32, 1, 2, 3)
    digests = {DOMAIN.digest(replace(state, fills=rows)).digest for rows in ((), (fill,), (fill, fill))}
    assert len(digests) == 3


def test_domain_separates_chains_and_contracts() -> None:
    state = Game().setup
    others = (Domain(1, CONTRACT), Domain(31337, b"\x01" * 20))
    assert len({domain.digest(state) for domain in (DOMAIN, *others)}) == 3
    assert Domain(31337, CONTRACT) == DOMAIN
    assert hash(Domain(31337, CONTRACT)) == hash(DOMAIN)
    assert DOMAIN not in {*others, "domain"}


@pytest.mark.parametrize("host", ["", "localhost:8545", "bücher.example", "a" * 500])
def test_text_is_hashed_as_utf8(host: str) -> None:
    auth = Auth(b"\1" * 32, b"\2" * 32, b"\3" * 20, b"\4" * 20, 1, host)
    assert astuple(auth)[-1] == host
    assert DOMAIN.digest(auth).digest == by_eth_account(DOMAIN, "Auth", auth)
