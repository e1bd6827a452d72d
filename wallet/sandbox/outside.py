"""Another node's development chain under the sandbox, instead of its own: anvil, hardhat, geth --dev.

What it needs beside plain JSON-RPC is an account that the node signs for, as such chains have; test money is made as
the node allows it. Nothing is sent to a chain whose coins may be worth something, unless that is asked for in words.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import msgspec

from wallet.chain.quantities import show_data, show_quantity
from wallet.chain.records import Receipt
from wallet.chain.rpc import Rpc
from wallet.protocol import codec, strictjson
from wallet.protocol.errors import WalletError
from wallet.resources import resource
from wallet.sandbox.devnet.treasury import TOKENS, TokenInfo, token_arguments

DEVELOPMENT = frozenset({1337, 31337})  # one node's own: ganache and geth --dev, anvil and hardhat
CREATE_GAS = 8_000_000
CALL_GAS = 200_000
WITHIN = 120.0  # seconds for a transaction to be mined
_MINT = bytes.fromhex("40c10f19")  # mint(address,uint256)
_SET_BALANCE = ("anvil_setBalance", "hardhat_setBalance")
_MAX_FILE = 64 * 1024
_FILE = "contracts.json"


class OutsideChain:
    """The same as :class:`wallet.sandbox.devnet.node.Devnet` to the sandbox, over JSON-RPC."""

    def __init__(self, rpc: Rpc, url: str, chain_id: int, account: str, folder: Path) -> None:
        """Use `start`."""
        self.url = url
        self.chain_id = chain_id
        self.tokens: Mapping[str, TokenInfo] = {}
        self._rpc = rpc
        self._account = account
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = folder / _FILE
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, folder: Path, url: str, *, consent: bool) -> OutsideChain:
        """``consent``: also to a chain that is no development chain.

        Raises WalletError: SANDBOX_REAL_CHAIN, SANDBOX_NO_ACCOUNT, SANDBOX_CHAIN_GONE (the contracts of this folder
        are not there), any RPC_… error.
        """
        rpc = Rpc(url)
        try:
            chain_id = await rpc.chain_id()
            if chain_id not in DEVELOPMENT and not consent:
                raise WalletError("SANDBOX_REAL_CHAIN", chain=chain_id, node=rpc.node)
            accounts = await rpc.request("eth_accounts")
            if type(accounts) is not list or not accounts:
                raise WalletError("SANDBOX_NO_ACCOUNT", node=rpc.node)
            account = show_data(codec.read_hex(accounts[0].lower() if type(accounts[0]) is str else "", 20, "account"))
            chain = cls(rpc, url, chain_id, account, folder)
            await chain._deploy_tokens()
        except BaseException:
            await rpc.close()
            raise
        return chain

    async def deploy(self, artifact: Mapping[str, object], arguments: bytes = b"") -> bytes:
        """As :meth:`Devnet.deploy`: once in the life of a folder."""
        code = codec.read_hex(artifact["bytecode"], None, "bytecode", 64 * 1024) + arguments
        name, known = hashlib.sha256(code).hexdigest(), self._known()
        if name in known:
            address = codec.read_hex(known[name], 20, "contract")
            if not await self._rpc.code(address):
                raise WalletError("SANDBOX_CHAIN_GONE", path=str(self._file.parent), node=self._rpc.node)
            return address
        receipt = await self._send({"data": show_data(code), "gas": show_quantity(CREATE_GAS)})
        if receipt.contract is None:
            raise WalletError("DEVNET_DEPLOY", name=str(artifact.get("name", "")), reason="no address in the receipt")
        self._file.write_bytes(msgspec.json.encode({**known, name: show_data(receipt.contract)}))
        return receipt.contract

    async def fund(self, address: bytes, *, native: int = 0, usdt: int = 0, wbtc: int = 0) -> list[bytes]:
        """As :meth:`Devnet.fund`."""
        sent = []
        if native and not await self._set_balance(address, native):
            call = {"to": show_data(address), "value": show_quantity(native), "gas": show_quantity(CALL_GAS)}
            sent.append((await self._send(call)).transaction)
        for symbol, amount in (("USDT", usdt), ("WBTC", wbtc)):
            if amount:
                data = show_data(_MINT + address.rjust(32, b"\0") + amount.to_bytes(32, "big"))
                token = show_data(self.tokens[symbol].address)
                receipt = await self._send({"to": token, "data": data, "gas": show_quantity(CALL_GAS)})
                sent.append(receipt.transaction)
        return sent

    async def stop(self) -> None:
        """The chain is not ours to end."""
        await self._rpc.close()

    async def _set_balance(self, address: bytes, more: int) -> bool:
        """Whether the node makes coins out of nothing, and did."""
        for method in _SET_BALANCE:
            try:
                have = await self._rpc.balance(address)
                await self._rpc.request(method, show_data(address), show_quantity(have + more))
            except WalletError as error:
                if error.code != "RPC_ERROR":
                    raise
            else:
                return True
        return False

    async def _deploy_tokens(self) -> None:
        artifact = json.loads(resource("contracts/test-token.json").read_text(encoding="utf-8"))
        tokens = {}
        for plan in TOKENS:
            tokens[plan.symbol] = TokenInfo(
                await self.deploy(artifact, token_arguments(plan)), plan.symbol, plan.decimals
            )
        self.tokens = tokens

    async def _send(self, call: dict[str, str]) -> Receipt:
        """From the node's own account; mined and successful when it returns."""
        async with self._turn:
            said = await self._rpc.request("eth_sendTransaction", {"from": self._account, **call})
            digest = codec.read_hex(said, 32, "eth_sendTransaction")
            try:
                async with asyncio.timeout(WITHIN):
                    receipt = await self._mined(digest)
            except TimeoutError as error:
                raise WalletError("TX_NOT_MINED", hash=show_data(digest), seconds=int(WITHIN)) from error
        if not receipt.succeeded:
            raise WalletError("TX_FAILED", hash=show_data(digest))
        return receipt

    async def _mined(self, digest: bytes) -> Receipt:
        while True:
            receipt = await self._rpc.receipt(digest)
            if receipt is not None:
                return receipt
            await asyncio.sleep(0.05)

    def _known(self) -> dict[str, str]:
        """Addresses by the hash of what made them."""
        try:
            found = strictjson.loads(self._file.read_bytes()[:_MAX_FILE], max_bytes=_MAX_FILE)
        except FileNotFoundError:
            return {}
        except (OSError, WalletError) as error:
            raise WalletError("SANDBOX_DAMAGED", path=str(self._file), why=str(error)[:100]) from error
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise WalletError("SANDBOX_DAMAGED", path=str(self._file), why="other contents")
        return found
