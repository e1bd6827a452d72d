"""The client against a node that others wrote: anvil."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chain.anvil import anvil, run
from tests.chain.evm import Actor
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, Session, make_terms
from wallet.chain import token
from wallet.chain.client import Adjudicator, Status
from wallet.chain.events import Opened, Settled
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Outgoing, Sender
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Transition
from wallet.protocol.terms import NATIVE, Asset, Role


@pytest.fixture
def url() -> Iterator[str]:
    with anvil() as address:
        yield address


def test_dispute_and_close(url: str) -> None:
    async def body(rpc: Rpc, contract: Adjudicator, coin: bytes) -> None:
        await contract.check_deployment()
        stored: list[Outgoing] = []

        def sender(who: Actor) -> Sender:
            return Sender(rpc, contract.chain_id, KeySigner(who.key.secret), stored.append)

        async def session(nonce: int) -> Session:
            block = await rpc.block()
            assert block is not None
            assets = tuple(Asset(asset, 10**6, 10**6) for asset in sorted((NATIVE, coin)))
            return Session(contract.domain, make_terms(assets, block.time, nonce), block.time)

        for asset in (NATIVE, coin):
            await contract.deposit(sender(BROKER), asset, 5 * 10**6)
            await contract.authorize(sender(BROKER), BROKER_SIGNER.address, asset, 5 * 10**6, 2**32 - 1)
        first, second = await session(1), await session(2)
        for one in (first, second):
            await contract.open(sender(TRADER), one.terms, one.time, *one.signatures(one.setup))
        final = first.state(4, {NATIVE: (0, 44)}, Transition.FINALIZE)
        await contract.close(sender(STRANGER), first.terms, final, *first.signatures(final))
        old, best = second.state(1), second.state(8, {coin: (0, 55), NATIVE: (7, 0)}, orders=9)
        await contract.challenge(sender(BROKER), second.terms, old, second.implied(old, Role.TRADER))
        await contract.respond(sender(STRANGER), second.terms, best, second.implied(best, Role.BROKER))
        with pytest.raises(WalletError, match="RPC_REVERTED.*TOO_EARLY"):
            await contract.settle(sender(STRANGER), second.terms, best.outcomes)
        await rpc.request("evm_increaseTime", second.terms.challenge_period + 1)
        await rpc.request("evm_mine")
        await contract.settle(sender(STRANGER), second.terms, best.outcomes)
        assert (await contract.channel(second.channel)).status is Status.SETTLED
        assert await contract.credit(TRADER.address, NATIVE) == 2 * 10**6 + 44 - 7
        await contract.withdraw(sender(TRADER), coin, 2 * 10**6 + 55, TRADER.address)
        assert await token.balance(rpc, coin, TRADER.address) == 10**12 + 55
        assert await token.metadata(rpc, coin) == token.Metadata("TEST", 6)
        head = await rpc.block_number()
        assert [event.channel for event in await contract.opened_by(TRADER.address, 0, head)] == [
            first.channel,
            second.channel,
        ]
        found = [event async for event in contract.events(0, head, (Opened, Settled), second.channel)]
        assert [type(event) for event in found] == [Opened, Settled]
        assert len({one.hash for one in stored}) == len(stored)

    run(url, body)


def test_sent_twice_and_reorganised(url: str) -> None:
    async def body(rpc: Rpc, contract: Adjudicator, coin: bytes) -> None:
        stored: list[Outgoing] = []
        trader = Sender(rpc, contract.chain_id, KeySigner(TRADER.key.secret), stored.append)
        await token.approve_exactly(trader, rpc, coin, contract.address, 500)
        await contract.deposit(trader, coin, 500)
        await trader.resend(stored[-1])
        assert await contract.free_balance(TRADER.address, coin) == 500
        # The block goes; the same bytes bring it back.
        await rpc.request("evm_setAutomine", False)
        await rpc.request("anvil_rollback", 1)
        await rpc.request("anvil_dropAllTransactions")  # or anvil might bring it back by itself
        await rpc.request("evm_setAutomine", True)
        assert await contract.free_balance(TRADER.address, coin) == 0
        await trader.resend(stored[-1])
        await trader.wait(stored[-1])
        assert await contract.free_balance(TRADER.address, coin) == 500

    run(url, body)
