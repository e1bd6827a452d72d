"""Clear signing: every call an owner makes is read from its own bytes, and nothing else is signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.game import ADDRESSES, CONTRACT, ETH, KEYS, USDT, make_terms
from wallet.app.clear import Reading, ReadSigner, read_transaction
from wallet.app.snapshots import AssetInfo
from wallet.chain import calls
from wallet.chain.calls import Call, Validation
from wallet.chain.envelope import Envelope, read_unsigned
from wallet.chain.tx import KeySigner
from wallet.protocol.addresses import show_address
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Outcome, State, Transition, setup_state
from wallet.protocol.terms import NATIVE, Asset

CHAIN = 31337
ME, BROKER, STRANGER = ADDRESSES["trader"], ADDRESSES["broker"], b"\x77" * 20
ASSETS = {NATIVE: AssetInfo(ETH, "ETH", 18), USDT: AssetInfo(USDT, "USDT", 6)}
NAMES = {BROKER: "Harbour"}
TERMS = make_terms(assets=(Asset(ETH, 2 * 10**18, 10 * 10**18), Asset(USDT, 10_000 * 10**6, 20_000 * 10**6)))
CHANNEL = Domain(CHAIN, CONTRACT).digest(TERMS).digest
SETUP = setup_state(TERMS, CHANNEL, 1_700_000_000)
WON = (Outcome(ETH, 5 * 10**17, 0), Outcome(USDT, 0, 1_500 * 10**6))
SIGNED = b"\x11" * 65


def state(transition: Transition = Transition.CANCEL_ORDER) -> State:
    return replace(SETUP, increment=7, previous=b"\x01" * 32, transition=transition, outcomes=WON)


CALLS: dict[str, Call] = {
    "send": Call(STRANGER, b"", 10**18),
    "transfer": calls.transfer(USDT, STRANGER, 25 * 10**6),
    "approve": calls.approve(USDT, CONTRACT, 25 * 10**6),
    "deposit": calls.deposit(CONTRACT, NATIVE, 3 * 10**18),
    "deposit a token": calls.deposit(CONTRACT, USDT, 3 * 10**6),
    "withdraw": calls.withdraw(CONTRACT, USDT, 9 * 10**6, STRANGER),
    "push": calls.push_credit(CONTRACT, USDT, ME),
    "open": calls.open_channel(CONTRACT, TERMS, 1_700_000_000, SIGNED, SIGNED),
    "open with deposit": calls.open_with_deposit(CONTRACT, TERMS, 1_700_000_000, SIGNED, SIGNED, 2 * 10**18),
    "close": calls.close(CONTRACT, TERMS, state(Transition.FINALIZE), SIGNED, SIGNED),
    "challenge": calls.challenge(CONTRACT, TERMS, state(), Validation(SIGNED, SIGNED)),
    "respond": calls.respond(CONTRACT, TERMS, state(), Validation(SIGNED, SIGNED)),
    "settle": calls.settle(CONTRACT, TERMS, WON),
}


BOUND = (
    "open",
    "open with deposit",
    "close",
    "challenge",
    "respond",
    "settle",
)  # to signatures and the contract's rules


def unsigned(call: Call) -> bytes:
    return Envelope(CHAIN, 7, 10**9, 3 * 10**9, 90_000, call.to, call.value, call.data).unsigned()


def read(raw: bytes) -> Reading:
    return read_transaction(raw, ME, ASSETS, CHAIN, CONTRACT, NAMES)


def code(work: Callable[[], object]) -> str:
    with pytest.raises(WalletError) as caught:
        work()
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "title", "rows"),
    [
        ("send", "Send 1 ETH", {"To": show_address(STRANGER)}),
        ("transfer", "Send 25 USDT", {"To": show_address(STRANGER)}),
        ("approve", "Let the sessions' contract take 25 USDT", {"At most": "25 USDT"}),
        ("deposit", "Deposit 3 ETH", {"Amount": "3 ETH", "Call": "deposit"}),
        ("deposit a token", "Deposit 3 USDT", {"Amount": "3 USDT"}),
        ("withdraw", "Withdraw 9 USDT", {"To": show_address(STRANGER)}),
        ("push", "Pay out all credit in USDT", {"To": show_address(ME)}),
        ("open", "Open a trading session", {"Broker": f"{show_address(BROKER)} (Harbour)"}),
        ("open with deposit", "Open a trading session", {"Sent along": "2 ETH", "Call": "openWithDeposit"}),
        ("close", "Settle by the final state", {"State": "7"}),
        ("challenge", "Leave without the broker", {"State": "7"}),
        ("respond", "Answer with a later state", {"State": "7"}),
        ("settle", "Settle a session whose time is over", {}),
    ],
)
def test_every_call_an_owner_makes_is_read(name: str, title: str, rows: Mapping[str, str]) -> None:
    found = read(unsigned(CALLS[name]))
    assert found.title == title
    said = dict(found.rows)
    assert rows.items() <= said.items()
    assert said["Network fee, at most"] == "0.00027 ETH"
    assert said["Chain"] == str(CHAIN)
    if name in ("close", "challenge", "respond", "settle"):
        assert [value for label, value in found.rows if label == "You get"] == ["1.5 ETH", "11500 USDT"]
    if name.startswith("open"):
        assert [value for label, value in found.rows if label == "You put in"] == ["2 ETH", "10000 USDT"]


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
def test_a_byte_that_is_another_is_read_as_something_else_or_refused(name: str, data: st.DataObject) -> None:
    """Of the whole transaction; but for what a person has no use for, which is bound to what he is shown: signatures,
    hashes, and the terms' rules are the contract's to check."""
    call = CALLS[name]
    raw = bytearray(unsigned(call))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    before = read(unsigned(call))
    try:
        after, found = read(bytes(raw)), read_unsigned(bytes(raw))
    except WalletError:
        return
    if after != before:
        return
    fee = found.tip != 10**9 and found.max_fee_per_gas == 3 * 10**9  # within what is shown as the most
    assert fee or (
        found.call.data != call.data
        and name in ("open", "open with deposit", "close", "challenge", "respond", "settle")
    )


def hidden(call: Call) -> list[int]:
    """The bytes of a short call that may change without being seen."""
    kept = read(unsigned(call))
    found = []
    for at in range(4, len(call.data)):
        changed = bytearray(call.data)
        changed[at] ^= 1
        try:
            if read(unsigned(replace(call, data=bytes(changed)))) == kept:
                found.append(at)
        except WalletError:
            continue
    return found


@pytest.mark.parametrize("name", ["transfer", "approve", "deposit", "deposit a token", "withdraw", "push"])
def test_no_byte_of_a_payment_is_hidden(name: str) -> None:
    assert hidden(CALLS[name]) == []


def test_what_is_not_his_to_sign_is_refused() -> None:
    others = replace(TERMS, trader=STRANGER)
    padded = replace(CALLS["withdraw"], data=CALLS["withdraw"].data + bytes(32))
    for call, refusal in [
        (calls.open_channel(CONTRACT, others, 1, SIGNED, SIGNED), "SIGN_NOT_YOURS"),
        (calls.approve(USDT, STRANGER, 1), "SIGN_APPROVAL"),
        (calls.approve(b"\x55" * 20, CONTRACT, 1), "SIGN_UNKNOWN_CALL"),  # a token nobody here knows
        (calls.transfer(b"\x55" * 20, STRANGER, 1), "SIGN_UNKNOWN_CALL"),
        (calls.authorize(CONTRACT, STRANGER, USDT, 2**200, 2**40), "SIGN_UNKNOWN_CALL"),  # a broker's owner does
        (replace(CALLS["withdraw"], value=1), "SIGN_UNKNOWN_CALL"),
        (replace(CALLS["deposit"], value=1), "SIGN_UNKNOWN_CALL"),
        (replace(CALLS["deposit a token"], value=1), "SIGN_UNKNOWN_CALL"),
        (padded, "SIGN_UNKNOWN_CALL"),
        (replace(CALLS["settle"], to=STRANGER), "SIGN_UNKNOWN_CALL"),
    ]:
        assert code(lambda: read(unsigned(call))) == refusal  # noqa: B023 - called at once


class Recorded(KeySigner):
    """Keeps what it was asked to sign, and may sign something else."""

    asked = 0
    instead: dict[str, Any] | None = None

    def sign_transaction(self, transaction: Mapping[str, object]) -> bytes:
        self.asked += 1
        return super().sign_transaction(self.instead or transaction)


def test_the_key_never_sees_what_cannot_be_read() -> None:
    key = Recorded(KEYS["trader"].secret)
    signer = ReadSigner(key, CHAIN, CONTRACT, ASSETS)
    fields: dict[str, Any] = {
        "type": 2, "chainId": CHAIN, "nonce": 7, "to": CONTRACT, "value": 0, "data": CALLS["withdraw"].data,
        "gas": 90_000, "maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9,
    }  # fmt: skip
    assert signer.address == ME
    assert signer.sign_transaction(fields).startswith(b"\x02")
    assert key.asked == 1
    for change, refusal in [
        ({"chainId": CHAIN + 1}, "CHAIN_WRONG_ID"),
        ({"to": STRANGER}, "SIGN_UNKNOWN_CALL"),
        ({"data": b"\1\2\3\4"}, "SIGN_UNKNOWN_CALL"),
        ({"accessList": [{"address": CONTRACT, "storageKeys": []}]}, "TX_FORM"),
        ({"gasPrice": 1}, "TX_FORM"),
        ({"value": -1}, "TX_FORM"),
    ]:
        assert code(lambda: signer.sign_transaction(fields | change)) == refusal  # noqa: B023 - called at once
    assert key.asked == 1
    key.instead = fields | {"nonce": 8}
    assert code(lambda: signer.sign_transaction(fields)) == "KEYS_SIGNING_FAULT"
