"""The client against a node that others wrote: anvil, where it is on the PATH or named by CHANNEL_WALLET_ANVIL."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.chain.evm import Actor
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, Session, make_terms
from wallet.chain import token
from wallet.chain.abi import encode
from wallet.chain.artifact import adjudicator
from wallet.chain.client import Adjudicator, Status
from wallet.chain.events import Opened, Settled
from wallet.chain.quantities import show_data, show_quantity
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Outgoing, Sender
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Transition
from wallet.protocol.terms import NATIVE, Asset, Role
from wallet.resources import resource

ETHER = 10**18
PROGRAM = os.environ.get("CHANNEL_WALLET_ANVIL") or shutil.which("anvil")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="anvil is not installed (npm install @foundry-rs/anvil)")


@pytest.fixture
def url() -> Iterator[str]:
    assert PROGRAM is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([PROGRAM, "--port", str(port), "--silent"])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def started(rpc: Rpc) -> None:
    for _ in range(100):
        try:
            await rpc.chain_id()
        except WalletError:
            await asyncio.sleep(0.05)
        else:
            return
    pytest.fail("anvil does not answer")


async def create(rpc: Rpc, code: bytes) -> bytes:
    """A contract made by one of anvil's own accounts."""
    rich = (await rpc.request("eth_accounts"))[0]
    made = await rpc.request("eth_sendTransaction", {"from": rich, "data": show_data(code)})
    for _ in range(200):
        receipt = await rpc.receipt(bytes.fromhex(made[2:]))
        if receipt is not None and receipt.contract is not None:
            return receipt.contract
        await asyncio.sleep(0.02)
    pytest.fail("anvil mines nothing")


def run(url: str, body: Callable[[Rpc, Adjudicator, bytes], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Rpc(url) as rpc:
            await started(rpc)
            contract = await create(rpc, adjudicator().bytecode)
            entry = json.loads(resource("contracts/test-token.json").read_text(encoding="utf-8"))
            arguments = encode(("string", "string", "uint8"), ("Test", "TEST", 6))
            coin = await create(rpc, bytes.fromhex(entry["bytecode"].removeprefix("0x")) + arguments)
            rich = (await rpc.request("eth_accounts"))[0]
            for who in (TRADER, BROKER, STRANGER):
                await rpc.request("anvil_setBalance", show_data(who.address), show_quantity(100 * ETHER))
                mint = bytes.fromhex("40c10f19") + encode(("address", "uint256"), (who.address, 10**12))
                await rpc.request("eth_sendTransaction", {"from": rich, "to": show_data(coin), "data": show_data(mint)})
            await body(rpc, Adjudicator(rpc, await rpc.chain_id(), contract), coin)

    asyncio.run(whole())


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
        await rpc.request("anvil_rollback", 1)
        assert await contract.free_balance(TRADER.address, coin) == 0
        await trader.resend(stored[-1])
        await trader.wait(stored[-1])
        assert await contract.free_balance(TRADER.address, coin) == 500

    run(url, body)
