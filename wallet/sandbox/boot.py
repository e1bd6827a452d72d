"""Everything of a sandbox, put together in the order of what needs what, and taken apart the other way around."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import msgspec

from wallet.broker.chain_duty import AdjudicatorWatch, OutgoingLog
from wallet.broker.config import BrokerConfig, Policy, Token
from wallet.broker.lock import FolderLock
from wallet.broker.server import Broker
from wallet.chain import token
from wallet.chain.client import Adjudicator
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Sender
from wallet.keys.signer import AccountSigner, Signer
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE, Initiative
from wallet.resources import resource
from wallet.sandbox.backfill import backfill
from wallet.sandbox.devnet.node import Devnet
from wallet.sandbox.folder import Folder, Identity
from wallet.sandbox.outside import OutsideChain
from wallet.sandbox.plan import ETH, NAME, POLICY, USDT, WBTC, Plan, plans
from wallet.session.broker_profile import BrokerProfile, parse

HOST = "127.0.0.1"
CHAIN_POLL = 0.25  # seconds: on this chain an opening is there at once, and a demo should not wait for it
COLLATERAL = {"ETH": 50_000 * ETH, "USDT": 200_000_000 * USDT, "WBTC": 2_500 * WBTC}
PURSE = 10  # times the collateral: what the broker's owner is given at once
LEDGER = "broker.db"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Node:
    """A node whose chain is used; ``consent``: even if that is no development chain."""

    url: str
    consent: bool = False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox at work: what its traders need."""

    folder: Folder
    identity: Identity
    chain: Devnet | OutsideChain
    broker: Broker
    profile: BrokerProfile
    plans: tuple[Plan, ...]

    async def give(self, address: bytes, amounts: Mapping[bytes, int]) -> None:
        """Test money, as much as is asked for; in a block when it returns."""
        await _give(self.chain, address, amounts)


@asynccontextmanager
async def sandbox(
    directory: Path, initiative: Initiative = Initiative.BROKER, node: Node | None = None
) -> AsyncIterator[Sandbox]:
    """Chain, contracts and broker in ``directory``, made at the first start and gone on with at every other.

    ``initiative`` is that of the channels it offers; those that are open keep theirs. ``node``: use its chain.

    Raises WalletError: SANDBOX_FOLDER, SANDBOX_IN_USE, SANDBOX_DAMAGED, SANDBOX_OTHER_RELEASE, DEVNET_…, or what
    :meth:`OutsideChain.start` or the broker raises.
    """
    async with AsyncExitStack() as stack:
        folder = Folder(directory)
        _lock(folder, stack)
        identity = folder.identity()
        chain: Devnet | OutsideChain
        if node is None:
            chain = await _start_chain(folder, identity)
            stack.push_async_callback(chain.stop)
            identity = folder.update(identity, rpc_port=_port(chain.url))
        else:
            chain = await OutsideChain.start(folder.chain, node.url, consent=node.consent)
            stack.push_async_callback(chain.stop)
        identity = await _deploy(folder, identity, chain)
        found = plans(chain.tokens["USDT"].address, chain.tokens["WBTC"].address, identity.seed)
        backfill(folder.broker / LEDGER, found, int(time.time()), Random(identity.seed))  # noqa: S311 - no secret
        policy = replace(POLICY, initiative=initiative)
        broker = await _start_broker(folder, identity, chain, found, policy, stack)
        identity = folder.update(identity, broker_port=broker.port)
        profile = broker.profile()
        folder.write(folder.profile, msgspec.json.format(msgspec.json.encode(profile), indent=2))
        yield Sandbox(folder, identity, chain, broker, parse(profile), found)


def _lock(folder: Folder, stack: AsyncExitStack) -> None:
    try:
        stack.callback(FolderLock(folder.path).release)
    except WalletError as error:
        raise WalletError("SANDBOX_IN_USE", path=str(folder.path)) from error


async def _start_chain(folder: Folder, identity: Identity) -> Devnet:
    """On the port it had before, so that profiles stay valid; on another one only if that is taken."""
    try:
        return await Devnet.start(folder.chain, identity.rpc_port)
    except WalletError as error:
        if error.code != "DEVNET_PORT" or not identity.rpc_port:
            raise
        log.warning("port %d is taken: the chain answers on another one", identity.rpc_port)
        return await Devnet.start(folder.chain)


async def _deploy(folder: Folder, identity: Identity, chain: Devnet | OutsideChain) -> Identity:
    """The adjudicator of this release, deployed once in the life of a directory."""
    artifact = json.loads(resource("contracts/adjudicator-1.json").read_text(encoding="utf-8"))
    address = await chain.deploy(artifact)
    if identity.adjudicator and identity.adjudicator != address:
        raise WalletError("SANDBOX_OTHER_RELEASE", path=str(folder.path))
    return folder.update(identity, adjudicator=address)


async def _start_broker(
    folder: Folder,
    identity: Identity,
    chain: Devnet | OutsideChain,
    found: tuple[Plan, ...],
    policy: Policy,
    stack: AsyncExitStack,
) -> Broker:
    owner, signer = AccountSigner(identity.owner), Signer(identity.signer)
    rpc = Rpc(chain.url)
    stack.push_async_callback(rpc.close)
    outgoing = OutgoingLog(folder.broker / "transactions.db")
    stack.callback(outgoing.close)
    contract = Adjudicator(rpc, chain.chain_id, identity.adjudicator)
    tokens = (
        Token(NATIVE, "ETH", 18),
        *(Token(info.address, info.symbol, info.decimals) for info in chain.tokens.values()),
    )
    stock = {info.address: COLLATERAL[info.symbol] for info in tokens}
    await _provide(chain, rpc, owner.address, stock)
    watch = AdjudicatorWatch(
        contract,
        Sender(rpc, chain.chain_id, owner, outgoing),
        signer.address,
        confirmations=policy.confirmations,
        stock=stock,
        poll=CHAIN_POLL,
    )
    config = BrokerConfig(
        folder=folder.broker,
        name=NAME,
        domain=Domain(chain.chain_id, identity.adjudicator),
        owner=owner.address,
        signer=signer,
        tokens=tokens,
        markets=tuple(plan.config for plan in found),
        policy=policy,
        rpc=(chain.url,),
        host=HOST,
        port=_free_or_any(identity.broker_port),
        test=True,
        simulated=True,
    )
    broker = Broker(config, watch)
    await broker.start()
    stack.push_async_callback(broker.stop)
    return broker


async def _provide(chain: Devnet | OutsideChain, rpc: Rpc, owner: bytes, stock: Mapping[bytes, int]) -> None:
    """The broker's owner never runs out of what he has to deposit."""
    lacking = {
        asset: PURSE * wanted for asset, wanted in stock.items() if await token.balance(rpc, asset, owner) < 2 * wanted
    }
    if lacking:
        await _give(chain, owner, lacking)


async def _give(chain: Devnet | OutsideChain, address: bytes, amounts: Mapping[bytes, int]) -> None:
    usdt, wbtc = (chain.tokens[symbol].address for symbol in ("USDT", "WBTC"))
    await chain.fund(address, native=amounts.get(NATIVE, 0), usdt=amounts.get(usdt, 0), wbtc=amounts.get(wbtc, 0))


def _free_or_any(port: int) -> int:
    """``port`` if it can be listened on, else 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
        except OSError:
            return 0
    return port


def _port(url: str) -> int:
    return int(url.rsplit(":", 1)[1])
