"""A broker on a real chain: from the settings and three opened keys to one that trades, watches and answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wallet.broker.chain_duty import AdjudicatorWatch, OutgoingLog
from wallet.broker.config import Signer
from wallet.broker.ledger import Ledger
from wallet.broker.loading import load
from wallet.broker.lock import FolderLock
from wallet.broker.server import Broker
from wallet.broker.settings import Settings
from wallet.broker.status import describe
from wallet.chain import token
from wallet.chain.client import Adjudicator
from wallet.chain.nodes import Nodes
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Sender, TransactionSigner
from wallet.chain.urgent import UrgentSender
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE

LEDGER = "broker.db"
MOMENT = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Operation:
    """A broker at work."""

    settings: Settings
    broker: Broker
    watch: AdjudicatorWatch
    gas: bytes

    async def status(self) -> dict[str, Any]:
        """See :func:`wallet.broker.status.describe`."""
        broker = self.broker
        try:
            free = await broker.keeper.free()
        except WalletError:
            free = None
        alarms = [*self.watch.problems.values(), *broker.keeper.alarms.values()]
        report = describe(
            broker.ledger,
            broker.floor.channels.values(),
            broker.config.tokens,
            broker.config.policy,
            self.watch.views,
            free,
            alarms,
        )
        return {"running": True, **_who(self.settings), "gasAccount": "0x" + self.gas.hex(), **report}


@asynccontextmanager
async def operate(
    settings: Settings, owner: TransactionSigner, signer: Signer, gas: TransactionSigner
) -> AsyncIterator[Operation]:
    """Runs the broker of ``settings``.

    Raises WalletError: BROKER_RUNNING, CHAIN_WRONG_…, OPERATOR_DECIMALS, SETTINGS_TERMS, LISTEN, any RPC_… error.
    """
    config = settings.config(owner.address, signer)
    async with AsyncExitStack() as stack:
        contract = _contract(settings)
        rpc = contract.rpc
        stack.push_async_callback(rpc.close)
        await _check_tokens(settings, rpc)
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await _until_free(settings.folder)
        outgoing = OutgoingLog(settings.folder / "transactions.db")
        stack.callback(outgoing.close)
        watch = AdjudicatorWatch(
            contract,
            Sender(rpc, settings.chain_id, owner, outgoing),
            signer.address,
            confirmations=settings.policy.confirmations,
            stock={row.token.address: row.wanted for row in settings.stock},
            tokens=config.tokens,
            urgent=UrgentSender(rpc, settings.chain_id, gas, outgoing),
        )
        broker = Broker(config, watch)
        in_all = dict(settings.policy.collateral_in_all)
        watch.bound = lambda asset: in_all[asset] - broker.offers.committed(asset)
        await broker.start()
        stack.push_async_callback(broker.stop)
        yield Operation(settings, broker, watch, gas.address)


async def _until_free(folder: Path) -> None:
    """Who only asks how a stopped broker stands holds the folder for a moment; a broker holds it for good."""
    deadline = time.monotonic() + MOMENT
    while True:
        try:
            FolderLock(folder).release()
        except WalletError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def _check_tokens(settings: Settings, rpc: Rpc) -> None:
    """An amount is only what it says if the decimals are those of the chain."""
    for row in settings.stock:
        decimals = 18 if row.token.address == NATIVE else (await token.metadata(rpc, row.token.address)).decimals
        if decimals != row.token.decimals:
            raise WalletError(
                "OPERATOR_DECIMALS",
                symbol=row.token.symbol,
                configured=row.token.decimals,
                chain=decimals,
                path=str(settings.path),
                line=row.line,
            )


def left(settings: Settings) -> dict[str, Any]:
    """The status of a broker who does not run, from his ledger.

    Raises WalletError("BROKER_RUNNING") if he does, WalletError("OPERATOR_AWAY") if there is no ledger.
    """
    path = settings.folder / LEDGER
    if not path.is_file():
        raise WalletError("OPERATOR_AWAY", folder=str(settings.folder))
    lock = FolderLock(settings.folder)
    try:
        ledger = Ledger(path, lambda _: None)
        try:
            report = describe(ledger, load(ledger), [row.token for row in settings.stock], settings.policy)
        finally:
            ledger.close()
    finally:
        lock.release()
    return {"running": False, **_who(settings), **report}


async def take_home(settings: Settings, owner: TransactionSigner, asset: bytes, amount: int | None) -> int:
    """Withdraws from the contract to the owner's own account, ``amount`` base units or all that is free; what it was.

    Raises WalletError("OPERATOR_RUNNING" | "OPERATOR_NOTHING" | "CHAIN_…" | "TX_…" | "RPC_…").
    """
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = FolderLock(settings.folder)
    except WalletError as error:
        raise WalletError("OPERATOR_RUNNING", folder=str(settings.folder)) from error
    outgoing = OutgoingLog(settings.folder / "transactions.db")
    contract = _contract(settings)
    try:
        free = await contract.free_balance(owner.address, asset) + await contract.credit(owner.address, asset)
        wanted = free if amount is None else min(amount, free)
        if not wanted:
            symbol = next(row.token.symbol for row in settings.stock if row.token.address == asset)
            raise WalletError("OPERATOR_NOTHING", symbol=symbol)
        await contract.withdraw(Sender(contract.rpc, settings.chain_id, owner, outgoing), asset, wanted, owner.address)
        return wanted
    finally:
        await contract.rpc.close()
        outgoing.close()
        lock.release()


def _contract(settings: Settings) -> Adjudicator:
    """Through all nodes, each checked before it is believed: chain and code."""

    async def check(node: Rpc) -> None:
        await contract.check_deployment(node)

    contract = Adjudicator(Nodes(settings.nodes, check), settings.chain_id, settings.contract)
    return contract


def _who(settings: Settings) -> dict[str, Any]:
    contract = "0x" + settings.contract.hex()
    return {"name": settings.name, "chainId": settings.chain_id, "contract": contract}
