"""The development chain from inside the sandbox: deploying, funding, load, and what goes wrong on its own machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from wallet.chain.rpc import Rpc
from wallet.protocol.errors import WalletError
from wallet.resources import resource
from wallet.sandbox.devnet.errors import RpcError
from wallet.sandbox.devnet.node import Devnet
from wallet.sandbox.devnet.treasury import FaucetLimit

GWEI = 10**9
NOBODY = bytes.fromhex("77" * 20)
# Runtime PUSH0 PUSH0 PUSH0 PUSH0 PUSH0 ADDRESS GAS CALL STOP: calls itself with all the gas there is.
CALLS_ITSELF = "0x68" + "5f5f5f5f5f305af100" + "5f52" + "60096017f3"
# Runtime JUMPDEST PUSH0 JUMP: never ends by itself.
NEVER_ENDS = "0x62" + "5b5f56" + "5f52" + "6003601df3"
# Runtime PUSH3 200000 GAS LT ISZERO PUSH1 13 JUMPI PUSH0 PUSH0 REVERT JUMPDEST STOP: reverts below so much gas.
WANTS_GAS_LEFT = "0x6e" + "62030d405a1015600d575f5ffd5b00" + "5f52" + "600f6011f3"


def run(directory: Path, use: Callable[[Devnet], Awaitable[None]], **options: Any) -> None:
    async def body() -> None:
        chain = await Devnet.start(directory, **options)
        try:
            await use(chain)
        finally:
            await chain.stop()

    asyncio.run(body())


def token_artifact() -> dict[str, Any]:
    artifact: dict[str, Any] = json.loads(resource("contracts/test-token.json").read_text(encoding="utf-8"))
    return artifact


def payment(sender: LocalAccount, nonce: int, value: int = 1, gas: int = 21_000) -> bytes:
    fields = {
        "chainId": Devnet.chain_id,
        "nonce": nonce,
        "to": "0x" + NOBODY.hex(),
        "value": value,
        "gas": gas,
        "maxFeePerGas": 2 * GWEI,
        "maxPriorityFeePerGas": 1,
    }
    return bytes(sender.sign_transaction(fields).raw_transaction)


def test_the_wallets_own_client_works_with_it(tmp_path: Path) -> None:
    async def use(chain: Devnet) -> None:
        account: LocalAccount = Account.create()
        address = bytes.fromhex(account.address[2:])
        async with Rpc(chain.url) as rpc:
            assert await rpc.chain_id() == chain.chain_id
            hashes = await rpc.request("sandbox_faucet", account.address)
            assert await rpc.balance(address) == 10 * 10**18
            usdt = chain.tokens["USDT"].address
            transfer = await rpc.receipt(bytes.fromhex(hashes[1][2:]))
            assert transfer is not None
            assert transfer.succeeded
            assert await rpc.logs(0, transfer.block_number, usdt) == transfer.logs
            owned = await rpc.call(usdt, bytes.fromhex("70a08231") + bytes(12) + address)
            assert int.from_bytes(owned, "big") == 50_000 * 10**6
            digest = await rpc.send_raw(payment(account, 0))
            assert await rpc.knows_transaction(digest)
            block = await rpc.block()
            assert block is not None
            assert block.base_fee == GWEI
            assert await rpc.nonce(address) == 1
            assert await rpc.estimate_gas(NOBODY, b"", 1, address) == 21_000
            with pytest.raises(WalletError) as caught:
                await rpc.call(usdt, bytes.fromhex("40c10f19") + bytes(12) + address + bytes(32), address)
            assert (caught.value.code, caught.value.params["reason"]) == ("RPC_REVERTED", "not the minter")

    run(tmp_path, use)


def test_a_contract_is_deployed_once_in_the_life_of_a_directory(tmp_path: Path) -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def use(chain: Devnet) -> None:
        first = await chain.deploy({"name": "deep", "bytecode": CALLS_ITSELF})
        assert await chain.deploy({"name": "deep", "bytecode": CALLS_ITSELF}) == first
        seen.append((first, chain.tokens["WBTC"].address))

    run(tmp_path, use)
    run(tmp_path, use)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 2


@pytest.mark.parametrize(
    "artifact",
    [{}, {"bytecode": "60"}, {"bytecode": "0x5f5ffd"}, {"bytecode": "0x"}, {"bytecode": "0x" + "00" * 49_153}],
    ids=["none", "no hex", "reverts", "empty", "too large"],
)
def test_what_can_not_be_deployed_is_said(tmp_path: Path, artifact: dict[str, object]) -> None:
    async def use(chain: Devnet) -> None:
        with pytest.raises(WalletError) as caught:
            await chain.deploy({"name": "broken", **artifact})
        assert (caught.value.code, caught.value.params["name"]) == ("DEVNET_DEPLOY", "broken")
        assert await chain.deploy({"name": "deep", "bytecode": CALLS_ITSELF})

    run(tmp_path, use)


def test_funding_gives_what_is_asked(tmp_path: Path) -> None:
    async def use(chain: Devnet) -> None:
        assert len(await chain.fund(NOBODY, native=5, usdt=6, wbtc=7)) == 3
        assert len(await chain.fund(NOBODY, usdt=1)) == 1
        assert await chain.fund(NOBODY) == []
        async with Rpc(chain.url) as rpc:
            assert await rpc.balance(NOBODY) == 5
            for symbol, amount in (("USDT", 7), ("WBTC", 7)):
                query = bytes.fromhex("70a08231") + bytes(12) + NOBODY
                owned = await rpc.call(chain.tokens[symbol].address, query)
                assert int.from_bytes(owned, "big") == amount

    run(tmp_path, use)


def test_transactions_sent_together_share_blocks(tmp_path: Path) -> None:
    async def use(chain: Devnet) -> None:
        accounts: list[LocalAccount] = [Account.create() for _ in range(20)]
        await asyncio.gather(*(chain.fund(bytes.fromhex(one.address[2:]), native=10**18) for one in accounts))
        async with Rpc(chain.url) as rpc:
            before = await rpc.block_number()
            digests = await asyncio.gather(*(rpc.send_raw(payment(account, 0)) for account in accounts))
            receipts = [await rpc.receipt(digest) for digest in digests]
            assert all(receipt is not None and receipt.succeeded for receipt in receipts)
            assert await rpc.block_number() - before < len(accounts)
            assert await rpc.balance(NOBODY) == len(accounts)

    run(tmp_path, use)


def test_one_bad_transaction_spoils_no_other_in_its_block(tmp_path: Path) -> None:
    async def use(chain: Devnet) -> None:
        poor: LocalAccount = Account.create()
        rich: LocalAccount = Account.create()
        await chain.fund(bytes.fromhex(rich.address[2:]), native=10**18)
        raws = [payment(poor, 0), payment(rich, 0), payment(rich, 0, 2), payment(rich, 1), payment(rich, 3)]
        async with Rpc(chain.url) as rpc:
            outcomes = await asyncio.gather(*(rpc.send_raw(raw) for raw in raws), return_exceptions=True)
            assert [isinstance(outcome, WalletError) for outcome in outcomes] == [True, False, True, False, True]
            assert await rpc.nonce(bytes.fromhex(rich.address[2:])) == 2
            assert await rpc.balance(NOBODY) == 2

    run(tmp_path, use)


def test_blocks_hold_no_more_than_their_gas_limit(tmp_path: Path) -> None:
    async def use(chain: Devnet) -> None:
        rich: LocalAccount = Account.create()
        await chain.fund(bytes.fromhex(rich.address[2:]), native=10**18)
        # A block must have room for all the gas that is offered, though only 21,000 of it are used then.
        raws = [payment(rich, nonce, gas=gas) for nonce, gas in enumerate((2**23, 2**23 - 21_000, 2**24, 2**24))]
        async with Rpc(chain.url) as rpc:
            receipts = [await rpc.receipt(digest) for digest in await chain._send_all(raws)]
        numbers = [receipt.block_number for receipt in receipts if receipt is not None]
        assert [number - numbers[0] for number in numbers] == [0, 0, 1, 2]

    run(tmp_path, use)


def test_an_estimate_is_enough_where_more_is_needed_than_is_used(tmp_path: Path) -> None:
    async def use(chain: Devnet) -> None:
        picky = await chain.deploy({"name": "picky", "bytecode": WANTS_GAS_LEFT})
        async with Rpc(chain.url) as rpc:
            enough = await rpc.estimate_gas(picky, b"", 0, NOBODY)
            asked = {"to": "0x" + picky.hex(), "from": "0x" + NOBODY.hex()}
            assert await rpc.request("eth_call", {**asked, "gas": hex(enough)}, "latest") == "0x"
            with pytest.raises(WalletError, match="RPC_REVERTED"):
                await rpc.request("eth_call", {**asked, "gas": hex(enough * 63 // 64)}, "latest")

    run(tmp_path, use)


def test_contracts_that_call_too_deep_or_for_ever_end(tmp_path: Path) -> None:
    async def use(chain: Devnet) -> None:
        deep = await chain.deploy({"name": "deep", "bytecode": CALLS_ITSELF})
        loop = await chain.deploy({"name": "loop", "bytecode": NEVER_ENDS})
        async with Rpc(chain.url) as rpc:
            assert await rpc.call(deep, b"") == b""
            with pytest.raises(WalletError) as caught:
                await rpc.request("eth_call", {"to": "0x" + loop.hex(), "gas": hex(500_000)}, "latest")
            assert caught.value.params["message"] == "out of gas"

    run(tmp_path, use)


def test_a_full_disk_loses_nothing_and_is_said(tmp_path: Path) -> None:
    async def use(chain: Devnet) -> None:
        rich: LocalAccount = Account.create()
        owner = bytes.fromhex(rich.address[2:])
        await chain.fund(owner, native=10**18)
        database = chain._core._store._database
        async with Rpc(chain.url) as rpc:
            number = await rpc.block_number()
            await chain._run(lambda: database.execute(f"PRAGMA max_page_count = {_pages(database)}"))

            async def fill() -> None:
                for nonce in range(50):
                    await rpc.send_raw(payment(rich, nonce))

            with pytest.raises(WalletError, match="could not be stored"):
                await fill()
            stuck = await rpc.nonce(owner)
            # What was acknowledged before the disk was full is there, and no block since.
            assert await rpc.block_number() == number + stuck
            await chain._run(lambda: database.execute("PRAGMA max_page_count = 1000000"))
            await rpc.send_raw(payment(rich, stuck))
            assert await rpc.nonce(owner) == stuck + 1

    run(tmp_path, use, heartbeat=3_600)


def _pages(database: Any) -> int:
    pages: int = database.execute("PRAGMA page_count").fetchone()[0]
    return pages


def test_the_faucets_patience_is_per_address_and_for_all() -> None:
    now = [100.0]
    limit = FaucetLimit(pause=10, most=3, clock=lambda: now[0])
    limit.take(b"a")
    with pytest.raises(RpcError, match="try again in 10 s"):
        limit.take(b"a")
    now[0] += 10
    limit.take(b"a")
    limit.take(b"b")
    limit.take(b"c")
    with pytest.raises(RpcError, match="too often"):
        limit.take(b"d")
    now[0] += 60
    limit.take(b"d")
