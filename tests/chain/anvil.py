"""A node that others wrote, for tests: anvil, from the PATH, $CHANNEL_WALLET_ANVIL, or npm where that is."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.chain.scenario import BROKER, STRANGER, TRADER
from wallet.chain.abi import encode
from wallet.chain.artifact import adjudicator
from wallet.chain.client import Adjudicator
from wallet.chain.quantities import show_data, show_quantity
from wallet.chain.rpc import Rpc
from wallet.protocol.errors import WalletError
from wallet.resources import resource

ETHER = 10**18
PACKAGE = "@foundry-rs/anvil@1.7.1"
CACHE = Path(__file__).parents[2] / ".cache" / "npm"


@cache
def program() -> str:
    """Where anvil is; skips the test, with the reason, where it can't be had."""
    found = os.environ.get("CHANNEL_WALLET_ANVIL") or shutil.which("anvil") or _from_npm()
    if found is None:
        pytest.skip(f"anvil is not here, and npm, which could bring it ({PACKAGE}), is not either")
    return found


def _from_npm() -> str | None:
    npm = shutil.which("npm")
    if npm is None:
        return None
    if (found := _cached()) is None:
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(CACHE), PACKAGE]
        subprocess.run(command, check=False, capture_output=True, timeout=300)
        found = _cached()
    return found


def _cached() -> str | None:
    return next((str(path) for path in CACHE.glob("node_modules/@foundry-rs/anvil-*/bin/anvil")), None)


@contextmanager
def anvil(*options: str) -> Iterator[str]:
    """The address of a running node."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([program(), "--port", str(port), "--silent", *options])
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
