"""The development chain as a running thing: `Devnet.start`, its JSON-RPC endpoint, and what the sandbox asks of it
directly.

The EVM is plain Python and SQLite blocks, so both live on one thread of their own; the event loop only carries
questions there and answers back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from wallet.protocol.errors import WalletError
from wallet.resources import resource
from wallet.sandbox.devnet import params, views
from wallet.sandbox.devnet.core import Core
from wallet.sandbox.devnet.errors import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError
from wallet.sandbox.devnet.evm import CHAIN_ID
from wallet.sandbox.devnet.miner import Miner
from wallet.sandbox.devnet.server import HOST, Server
from wallet.sandbox.devnet.treasury import NATIVE_GIFT, TOKENS, FaucetLimit, TokenInfo, Treasury, token_arguments

HEARTBEAT = 2.0
_STACK = 64 * 2**20
_MAX_LEAP = 10 * 365 * 86_400

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Devnet:
    """A running development chain.

    Made by `start`, ended by `stop`; the directory goes on where it was at the next start.
    """

    chain_id = CHAIN_ID

    def __init__(self, thread: ThreadPoolExecutor, core: Core, *, allow_time_travel: bool) -> None:
        """Use `start`."""
        self._thread = thread
        self._core = core
        self._allow_time_travel = allow_time_travel
        self._miner = Miner(lambda candidates: self._run(core.mine, candidates))
        self._treasury = Treasury(core.key, lambda address: self._run(core.nonce, address), self._send_all)
        self._limit = FaucetLimit()
        self._server = Server(self._answer)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopped = False
        self.tokens: Mapping[str, TokenInfo] = {}

    @classmethod
    async def start(
        cls, directory: Path, port: int = 0, *, allow_time_travel: bool = False, heartbeat: float = HEARTBEAT
    ) -> Devnet:
        """Opens or makes the chain in `directory`, with its test tokens, and answers on 127.0.0.1:`port` (0: any free
        port).

        `heartbeat`: seconds after which an empty block lets time pass. `allow_time_travel`: serve evm_increaseTime and
        evm_mine, for tests. Raises WalletError DEVNET_IN_USE, DEVNET_DAMAGED, DEVNET_STORAGE, DEVNET_PORT,
        DEVNET_DEPLOY.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="devnet")
        try:
            core = await _first_job(thread, lambda: Core(directory, time.time))
        except BaseException:
            thread.shutdown(wait=False)
            raise
        chain = cls(thread, core, allow_time_travel=allow_time_travel)
        try:
            chain._tasks = [asyncio.create_task(chain._miner.run()), asyncio.create_task(chain._beat(heartbeat))]
            await chain._deploy_tokens()
            await chain._server.start(port)
        except BaseException:
            await chain.stop()
            raise
        return chain

    @property
    def url(self) -> str:
        """Where the endpoint answers."""
        return f"http://{HOST}:{self._server.port}"

    async def deploy(self, artifact: Mapping[str, object], arguments: bytes = b"") -> bytes:
        """The address of the contract `artifact` (its "bytecode", 0x-hex) made with ABI-encoded constructor
        `arguments`.

        The same code with the same arguments is deployed once in the life of a directory. Raises WalletError
        DEVNET_DEPLOY.
        """
        name = str(artifact.get("name", "contract"))
        try:
            initcode = params.octets(artifact.get("bytecode"), "bytecode") + arguments
        except RpcError as error:
            raise WalletError("DEVNET_DEPLOY", name=name, reason=error.message) from None
        known = await self._run(self._core.known_contract, initcode)
        if known is not None:
            return known
        try:
            address = await self._treasury.create(initcode)
        except RpcError as error:
            raise WalletError("DEVNET_DEPLOY", name=name, reason=error.message) from None
        if not await self._run(self._core.code, address):
            raise WalletError("DEVNET_DEPLOY", name=name, reason="its constructor failed")
        await self._run(self._core.remember_contract, initcode, address)
        return address

    async def fund(self, address: bytes, *, native: int = 0, usdt: int = 0, wbtc: int = 0) -> list[bytes]:
        """Gives amounts in base units to `address`, without limit; returns the hashes of transactions that are in a
        block already.
        """
        amounts = {self.tokens["USDT"].address: usdt, self.tokens["WBTC"].address: wbtc}
        return await self._treasury.give(address, native, amounts)

    async def stop(self) -> None:
        """Stops answering and mining, and lets go of the directory. Only the first call does anything."""
        if self._stopped:
            return
        self._stopped = True
        await self._server.stop()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        await self._run(self._core.close)
        self._thread.shutdown(wait=True)

    async def _run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))

    async def _deploy_tokens(self) -> None:
        artifact = json.loads(resource("contracts/test-token.json").read_text(encoding="utf-8"))
        tokens = {}
        for plan in TOKENS:
            address = await self.deploy(artifact, token_arguments(plan))
            tokens[plan.symbol] = TokenInfo(address, plan.symbol, plan.decimals)
        self.tokens = tokens

    async def _beat(self, heartbeat: float) -> None:
        while True:
            await asyncio.sleep(heartbeat)
            try:
                if await self._run(self._core.idle_for) >= heartbeat:
                    await self._run(self._core.mine_empty)
            except WalletError as error:
                _log.error("no heartbeat block: %s", error)

    async def _send_all(self, raws: Sequence[bytes]) -> list[bytes]:
        transactions = [await self._run(self._core.decode, raw) for raw in raws]
        outcomes = [self._miner.submit(transaction) for transaction in transactions]
        # All of them are waited for before the first failure is raised, so that none is left unseen.
        results = await asyncio.gather(*outcomes, return_exceptions=True)
        return [_value(result) for result in results]

    async def _answer(self, method: str, parameters: Sequence[object]) -> object:
        match method:
            case "eth_sendRawTransaction":
                (raw,) = _exactly(1, parameters)
                return views.data((await self._send_all([params.octets(raw, "0")]))[0])
            case "sandbox_faucet":
                (address,) = _exactly(1, parameters)
                return await self._faucet(params.octets(address, "0", 20))
            case "evm_increaseTime" | "evm_mine":
                return await self._travel(method, parameters)
            case _:
                return await self._run(self._core.answer, method, parameters)

    async def _faucet(self, address: bytes) -> list[str]:
        if not any(address):
            raise RpcError(INVALID_PARAMS, "invalid argument 0: nobody has the zero address")
        self._limit.take(address)
        amounts = {self.tokens[plan.symbol].address: plan.gift for plan in TOKENS}
        return [views.data(digest) for digest in await self._treasury.give(address, NATIVE_GIFT, amounts)]

    async def _travel(self, method: str, parameters: Sequence[object]) -> str:
        if not self._allow_time_travel:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method!r} is for tests: this chain follows the clock")
        if method == "evm_mine":
            _exactly(0, parameters)
            await self._run(self._core.mine_empty)
            return views.quantity(0)
        (given,) = _exactly(1, parameters)
        seconds = given if isinstance(given, int) and not isinstance(given, bool) else params.quantity(given, "0", 32)
        if not 0 <= seconds <= _MAX_LEAP:
            raise params.wrong("0", f"not between 0 and {_MAX_LEAP} seconds")
        return views.quantity(await self._run(self._core.advance_clock, seconds))


def _first_job(thread: ThreadPoolExecutor, work: Callable[[], _T]) -> asyncio.Future[_T]:
    """Starts the thread with a stack for contracts that call contracts a thousand deep: some systems give 0.5 MiB."""
    usual = threading.stack_size(_STACK)
    try:
        return asyncio.get_running_loop().run_in_executor(thread, work)
    finally:
        threading.stack_size(usual)


def _exactly(count: int, parameters: Sequence[object]) -> Sequence[object]:
    if len(parameters) != count:
        raise RpcError(INVALID_PARAMS, f"{count} parameters are needed, {len(parameters)} were given")
    return parameters


def _value(result: bytes | BaseException) -> bytes:
    if isinstance(result, BaseException):
        raise result
    return result
