"""The watcher on anvil: blocks that come late, fees that rise, and blocks that are taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.chain.anvil import ETHER, anvil, run
from tests.chain.evm import actor
from tests.chain.scenario import BROKER, BROKER_SIGNER, TRADER, Session, make_terms
from tests.support.waiting import PATIENCE, until
from wallet.chain.client import Adjudicator, Status
from wallet.chain.guard import Act, Guarded, Provable
from wallet.chain.quantities import show_data, show_quantity
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Outgoing, Sender
from wallet.chain.urgent import UrgentSender
from wallet.protocol.terms import NATIVE, Asset
from wallet.session.watcher import Watcher

GAS = actor("gas")


@pytest.fixture
def url() -> Iterator[str]:
    with anvil() as address:
        yield address


async def disputed(rpc: Rpc, contract: Adjudicator) -> tuple[Session, Guarded]:
    """A channel that the broker has challenged with its second state, and our proof of the ninth."""
    broker = Sender(rpc, contract.chain_id, KeySigner(BROKER.key.secret), lambda _: None)
    trader = Sender(rpc, contract.chain_id, KeySigner(TRADER.key.secret), lambda _: None)
    block = await rpc.block()
    assert block is not None
    await rpc.request("anvil_setBalance", show_data(GAS.address), show_quantity(ETHER // 10))
    session = Session(contract.domain, make_terms((Asset(NATIVE, 10**6, 10**6),), block.time), block.time)
    await contract.deposit(broker, NATIVE, 10**6)
    await contract.authorize(broker, BROKER_SIGNER.address, NATIVE, 10**6, 2**32 - 1)
    await contract.open(trader, session.terms, session.time, *session.signatures(session.setup))
    stale, best = session.state(2), session.state(9, {NATIVE: (0, 55)})
    await contract.challenge(broker, session.terms, stale, session.both(stale))
    return session, Guarded(session.channel, session.terms, Provable(best, session.both(best)), pay_out=True)


def watching(rpc: Rpc, contract: Adjudicator, guarded: Guarded, stored: list[Outgoing]) -> Watcher:
    sender = UrgentSender(rpc, contract.chain_id, KeySigner(GAS.key.secret), stored.append, patience=0.3, poll=0.02)
    return Watcher(contract, sender, lambda: [guarded])


async def mine(rpc: Rpc, seconds: int = 1) -> None:
    await rpc.request("evm_increaseTime", seconds)
    await rpc.request("evm_mine")


def test_bids_rise_until_one_is_mined(url: str) -> None:
    async def body(rpc: Rpc, contract: Adjudicator, _: bytes) -> None:
        session, guarded = await disputed(rpc, contract)
        await rpc.request("evm_setAutomine", False)
        stored: list[Outgoing] = []
        look = asyncio.create_task(watching(rpc, contract, guarded, stored).look())
        await until(lambda: len(stored) >= 3)
        await mine(rpc)
        await asyncio.wait_for(look, PATIENCE)
        assert len({bid.nonce for bid in stored}) == 1
        fees = [(bid.max_fee_per_gas, bid.tip) for bid in stored]
        for (fee, tip), (higher, more) in pairwise(fees):
            assert higher * 10 >= fee * 11
            assert more * 10 >= tip * 11
        assert (await contract.channel(session.channel)).increment == 9

    run(url, body)


def test_what_waits_from_an_earlier_run_is_outbid(url: str) -> None:
    """A crash forgets what was bid; the node's own refusal tells how much is too little."""

    async def body(rpc: Rpc, contract: Adjudicator, _: bytes) -> None:
        session, guarded = await disputed(rpc, contract)
        await rpc.request("evm_setAutomine", False)
        first: list[Outgoing] = []
        killed = asyncio.create_task(watching(rpc, contract, guarded, first).look())
        await until(lambda: len(first) >= 4)
        killed.cancel()
        await asyncio.gather(killed, return_exceptions=True)
        second: list[Outgoing] = []
        look = asyncio.create_task(watching(rpc, contract, guarded, second).look())
        await until(lambda: bool(second) and second[-1].max_fee_per_gas > first[-1].max_fee_per_gas)
        await asyncio.sleep(0.1)
        await mine(rpc)
        await asyncio.wait_for(look, PATIENCE)
        assert {bid.nonce for bid in first + second} == {0}
        assert (await contract.channel(session.channel)).increment == 9

    run(url, body)


def test_an_answer_that_a_reorganisation_takes_back_is_sent_again(url: str) -> None:
    async def body(rpc: Rpc, contract: Adjudicator, _: bytes) -> None:
        session, guarded = await disputed(rpc, contract)
        watch = watching(rpc, contract, guarded, [])
        await watch.look()
        assert (await contract.channel(session.channel)).increment == 9
        await rpc.request("evm_setAutomine", False)
        await rpc.request("anvil_rollback", 1)
        await rpc.request("anvil_dropAllTransactions")  # or anvil might bring the answer back by itself
        await rpc.request("evm_setAutomine", True)
        assert (await contract.channel(session.channel)).increment == 2
        await watch.look()
        assert (await contract.channel(session.channel)).increment == 9
        await mine(rpc, session.terms.challenge_period + 1)
        await watch.look()
        assert (await contract.channel(session.channel)).status is Status.SETTLED
        await watch.look()
        assert await contract.credit(TRADER.address, NATIVE) == 0
        assert [deed.act for deed in watch.deeds] == [Act.ANSWER, Act.ANSWER, Act.SETTLE, Act.PAY_OUT]

    run(url, body)


def test_some_blocks_back_a_channel_is_not_open_yet(url: str) -> None:
    async def body(rpc: Rpc, contract: Adjudicator, _: bytes) -> None:
        session, _guarded = await disputed(rpc, contract)
        head = await rpc.block_number()
        back = [(await contract.channel(session.channel, head - depth)).status for depth in range(3)]
        assert back == [Status.DISPUTED, Status.OPEN, Status.NONE]

    run(url, body)
