"""Bids for a place in the next block: how they rise, and where they end, with a node that never takes one."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.chain.calls import Call
from wallet.chain.records import Block
from wallet.chain.rpc import Rpc
from wallet.chain.tx import GWEI, FeePolicy, KeySigner, Outgoing
from wallet.chain.urgent import POLICY, UrgentSender
from wallet.protocol.errors import WalletError

SIGNER = KeySigner(b"\x07" * 32)
CALL = Call(b"\x09" * 20, b"\x01")


ENOUGH = 32  # bids


class Greedy(Rpc):
    """A node that asks for any fee it likes, and mines nothing."""

    def __init__(self, base: int, tip: int, gas: int, balance: int) -> None:
        super().__init__("http://127.0.0.1:9")
        self.base, self.tip, self.gas, self.have = base, tip, gas, balance
        self.sent = 0

    async def chain_id(self) -> int:
        return 5

    async def nonce(self, address: bytes, tag: str = "pending") -> int:
        return 3

    async def estimate_gas(self, *_: Any, **__: Any) -> int:
        return self.gas

    async def balance(self, address: bytes) -> int:
        return self.have

    async def block(self, which: int | str = "latest") -> Block:
        return Block(1, bytes(32), bytes(32), 1, self.base, 30_000_000)

    async def priority_fee(self) -> int:
        return self.tip

    async def knows_transaction(self, transaction: bytes) -> bool:
        return False

    async def receipt(self, transaction: bytes) -> None:
        return None

    async def send_raw(self, raw: bytes) -> bytes:
        self.sent += 1
        if self.sent > ENOUGH:
            raise WalletError("RPC_UNREACHABLE", node="greedy", reason="seen enough")
        if self.sent % 2:
            raise WalletError("RPC_ERROR", message="replacement transaction underpriced")
        return bytes(32)


def bids(node: Greedy, policy: FeePolicy, seconds: float = 60.0) -> tuple[list[Outgoing], str]:
    """All that was signed until the time was up, and what it ended with."""
    stored: list[Outgoing] = []

    async def work() -> str:
        sender = UrgentSender(node, 5, SIGNER, stored.append, policy=policy, patience=0.0, poll=0.001)
        try:
            await sender.execute(CALL, seconds)
        except WalletError as error:
            return error.code
        return ""

    return stored, asyncio.run(work())


@given(
    base=st.integers(0, 10**15),
    tip=st.integers(0, 10**18),
    gas=st.integers(21_000, 6_000_000),
    balance=st.integers(0, 10**20),
)
@settings(max_examples=25, deadline=None)
def test_no_node_can_make_it_bid_above_its_caps(base: int, tip: int, gas: int, balance: int) -> None:
    signed, ended = bids(Greedy(base, tip, gas, balance), POLICY)
    assert ended in ("RPC_UNREACHABLE", "TX_NO_GAS", "TX_GAS_LIMIT", "TX_FEE_TOO_HIGH", "RPC_ERROR")
    for bid in signed:
        assert bid.max_fee_per_gas <= POLICY.max_fee_per_gas
        assert bid.max_cost <= min(POLICY.max_cost, balance)
        assert bid.gas_limit <= POLICY.max_gas
        assert bid.nonce == 3  # each takes the place of the one before


def test_bids_rise_by_an_eighth_up_to_the_cap_and_stay_there() -> None:
    policy = FeePolicy(max_fee_per_gas=10 * GWEI, max_tip=GWEI, max_cost=10**18)
    signed, ended = bids(Greedy(GWEI, GWEI, 100_000, 10**19), policy)
    fees = [bid.max_fee_per_gas for bid in signed]
    assert fees[0] == 3 * GWEI
    assert fees[-1] == 10 * GWEI == max(fees)
    rising = [fee for fee in fees if fee < 10 * GWEI]
    assert all(8 * later >= 9 * earlier for earlier, later in pairwise(rising))
    assert ended in ("RPC_UNREACHABLE", "RPC_ERROR")


def test_an_account_with_nothing_says_what_it_lacks() -> None:
    assert bids(Greedy(GWEI, GWEI, 100_000, 0), POLICY) == ([], "TX_NO_GAS")
