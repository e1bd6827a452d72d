"""What an owner can do with his key, a node and the contract's address: no broker, no history.

The chain shows his channels, and enough of their terms to leave with the opening state; an exported proof of a later
state is better. Who else holds a later state can answer with it while the challenge period runs.
Source: protocol §9, §10.3.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wallet.app import proofs as app_proofs
from wallet.app.clear import ReadSigner
from wallet.app.snapshots import AssetInfo, ShareView
from wallet.chain import calls, token
from wallet.chain.calls import Call, SeenTerms, Validation
from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.events import Opened
from wallet.chain.nodes import Nodes
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Sender, TransactionSigner
from wallet.protocol import proof as proofs
from wallet.protocol.codec import show_hex
from wallet.protocol.errors import WalletError
from wallet.protocol.proof import Proof
from wallet.protocol.state import Outcome, State, setup_state
from wallet.protocol.terms import NATIVE, Role
from wallet.session import recovery
from wallet.session.outbox import Outbox, open_store

LATE = 60  # seconds after which a chain that makes no block is taken to have passed a moment
SENT = "recover.db"  # in the profile's folder: what was signed here


@dataclass(frozen=True, slots=True)
class Found:
    """A channel the chain shows. ``outcomes`` are those recorded, or settled by; nothing while it is only open."""

    opened: Opened
    standing: OnChain
    outcomes: tuple[Outcome, ...]

    @property
    def channel(self) -> bytes:
        return self.opened.channel

    @property
    def seen(self) -> SeenTerms:
        return SeenTerms(self.opened.terms, self.opened.markets_hash)

    @property
    def setup(self) -> State:
        return setup_state(self.opened.terms, self.channel, self.opened.time)


class Alone:
    """One contract, reached by nodes alone. Belongs to one asyncio loop."""

    def __init__(self, nodes: Nodes, contract: Adjudicator, sent: Path) -> None:
        self._nodes = nodes
        self.contract = contract
        self._store = open_store(sent)
        self._outbox = Outbox(self._store, nodes, contract.chain_id)
        self._names: dict[bytes, AssetInfo] = {}

    @classmethod
    async def reach(cls, urls: Sequence[str], address: bytes, sent: Path) -> Alone:
        """Through the first node's chain; the contract's code is compared with the released one on every node.

        ``sent``: the database of what is signed. Raises WalletError("RPC_…" | "CHAIN_WRONG_…" | "STORE_…").
        """
        async with Rpc(urls[0]) as first:
            chain_id = await first.chain_id()

        async def check(rpc: Rpc) -> None:
            await contract.check_deployment(rpc)

        nodes = Nodes(urls, check)
        contract = Adjudicator(nodes, chain_id, address)
        return cls(nodes, contract, sent)

    async def close(self) -> None:
        await self._nodes.close()
        self._store.close()

    async def __aenter__(self) -> Alone:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- what there is ---

    async def find(
        self, owner: bytes, first: int = 0, told: Callable[[int, int], None] = lambda _done, _all: None
    ) -> list[Found]:
        """The owner's channels, oldest first. Raises WalletError("CHAIN_…" | "RPC_…")."""
        last = await self._nodes.block_number()
        rows = await self.contract.opened_by(owner, first, last, told)
        return [await self._look(opened, last) for opened in rows]

    async def _look(self, opened: Opened, last: int) -> Found:
        standing, since = await self.contract.channel(opened.channel), opened.log.block_number
        outcomes: tuple[Outcome, ...] | None = None
        if standing.status is Status.DISPUTED:
            outcomes = await self.contract.recorded_outcomes(opened.channel, since, last)
        elif standing.status is Status.SETTLED:
            outcomes = await self.contract.last_outcomes(opened.channel, since, last)
        nothing = setup_state(opened.terms, opened.channel, opened.time).outcomes
        return Found(opened, standing, nothing if outcomes is None else outcomes)

    async def shares(self, found: Found, proof: Proof | None = None) -> tuple[ShareView, ...]:
        """What the recorded (or the opening, or the proof's) state pays, and the most that another could have paid."""
        state = proof.state if proof else replace(found.setup, outcomes=found.outcomes)
        rows = recovery.shares(proof.terms if proof else found.opened.terms, state)
        return tuple([ShareView(await self.name(row.asset), row.pays, row.by_orders, row.at_most) for row in rows])

    async def name(self, asset: bytes) -> AssetInfo:
        """As the token says itself, unverified; base units of an address where it says nothing that can be used."""
        if asset not in self._names:
            try:
                said = await token.metadata(self._nodes, asset) if asset != NATIVE else token.Metadata("native", 18)
            except WalletError as error:
                if error.code not in ("TOKEN_METADATA", "RPC_BAD_REPLY", "RPC_REVERTED"):
                    raise
                said = token.Metadata(show_hex(asset)[:10], 0)
            self._names[asset] = AssetInfo(asset, said.symbol, said.decimals, verified=False)
        return self._names[asset]

    # --- leaving ---

    async def leave(self, found: Found, signer: TransactionSigner, proof: Proof | None = None) -> str:
        """Sends what is due with the proof, or else with the opening state: "challenge", "respond" or "close".

        Raises WalletError("PROOF_…") for a proof that does not hold or is of another channel, "ALONE_DISPUTED" where
        a dispute runs and there is nothing to answer with, "ALONE_SETTLED", "RPC_…", "TX_…".
        """
        await self._outbox.finish(found.channel, "leave")
        standing = await self.contract.channel(found.channel)
        if standing.status is Status.SETTLED:
            raise WalletError("ALONE_SETTLED")
        call, name = self._by_proof(found, standing, proof) if proof else self._by_opening(found, standing)
        await self._send(signer, found.channel, "leave", call)
        return name

    def _by_opening(self, found: Found, standing: OnChain) -> tuple[Call, str]:
        if standing.status is Status.DISPUTED:
            raise WalletError("ALONE_DISPUTED", increment=standing.increment, until=standing.deadline)
        return calls.challenge(self.contract.address, found.seen, found.setup, Validation()), "challenge"

    def _by_proof(self, found: Found, standing: OnChain, proof: Proof) -> tuple[Call, str]:
        worth = require_of(found, proof, self.contract)
        contract, signatures = self.contract.address, proof.signatures
        if worth.final:
            both = signatures[Role.TRADER], signatures[Role.BROKER]
            return calls.close(contract, proof.terms, proof.state, *both), "close"
        due = app_proofs.validation(proof)
        if standing.status is not Status.DISPUTED:
            return calls.challenge(contract, proof.terms, proof.state, due), "challenge"
        if proof.state.increment <= standing.increment:
            raise WalletError("PROOF_LOWER", increment=proof.state.increment, recorded=standing.increment)
        return calls.respond(contract, proof.terms, proof.state, due), "respond"

    async def withdraw(self, rows: Sequence[Found], signer: TransactionSigner) -> dict[bytes, int]:
        """Settles what may be settled, and brings all that is credited or free home; what arrived, by asset."""
        for found in rows:
            if await self._is_over(found):
                outcomes = await self.contract.recorded_outcomes(
                    found.channel, found.opened.log.block_number, await self._nodes.block_number()
                )
                await self._send(
                    signer, found.channel, "settle", calls.settle(self.contract.address, found.seen, outcomes)
                )
        paid = {}
        for asset in dict.fromkeys(row.asset for found in rows for row in found.opened.terms.assets):
            amount = await self.contract.credit(signer.address, asset)
            amount += await self.contract.free_balance(signer.address, asset)
            if amount:
                call = calls.withdraw(self.contract.address, asset, amount, signer.address)
                await self._send(signer, b"", "withdraw", call)
                paid[asset] = amount
        return paid

    async def _is_over(self, found: Found) -> bool:
        """Whether its challenge period is, by the chain's time or, where no block is made, by ours."""
        standing = await self.contract.channel(found.channel)
        block = await self._nodes.block("latest")
        now = max(block.time if block else 0, int(time.time()) - LATE)
        return standing.status is Status.DISPUTED and now > standing.deadline

    async def _send(self, signer: TransactionSigner, channel: bytes, purpose: str, call: Call) -> None:
        store = self._outbox.store_for(channel, purpose)
        reader = ReadSigner(signer, self.contract.chain_id, self.contract.address, self._names)
        receipt = await Sender(self._nodes, self.contract.chain_id, reader, store).execute(call)
        self._outbox.mark(receipt.transaction, "mined")


def require_of(found: Found, proof: Proof, contract: Adjudicator) -> proofs.Validated:
    """That a proof holds, and is of this channel. Raises WalletError("PROOF_…")."""
    worth = proofs.verify(proof)
    if proof.domain != contract.domain:
        chain, address = proof.domain.chain_id, show_hex(proof.domain.contract)
        raise WalletError("PROOF_ELSEWHERE", chain=chain, contract=address)
    if worth.channel != found.channel:
        raise WalletError("ALONE_OTHER_CHANNEL", channel=show_hex(worth.channel))
    return worth
