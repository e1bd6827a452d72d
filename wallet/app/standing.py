"""How a withdrawal proof stands on its chain: what the contract has recorded, and who may send what next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wallet.app.messages import sentence
from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.nodes import MAX_NODES, Nodes
from wallet.chain.rpc import Rpc
from wallet.protocol import codec
from wallet.protocol.proof import Proof
from wallet.protocol.state import Transition

_NEXT = {
    "NONE": "NOTHING",
    "OPEN": "CHALLENGE",
    "FINAL": "CLOSE",
    "ENDS": "CLOSE",
    "ANSWERS": "ANSWER",
    "RECORDED": "WAIT",
    "LOWER": "WAIT",
    "OVER": "SETTLE",
    "SETTLED": "DONE",
    "CREDITED": "PAY",
}
_COUNTS = ("OPEN", "FINAL", "ENDS", "ANSWERS", "RECORDED")


@dataclass(frozen=True, slots=True)
class Standing:
    """``found`` is what the contract has; ``code`` what that makes of the proof, of which ``STANDING-…`` sentences
    tell; ``credited``: base units by asset that settled channels left to the trader and nobody has withdrawn yet.
    """

    proof: Proof
    found: OnChain
    code: str
    credited: Mapping[bytes, int] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether sending the proof, or having sent it, decides what is paid as far as is known."""
        return self.code in _COUNTS

    @property
    def says(self) -> str:
        """One sentence: what the chain has, and what the proof is there."""
        code = "SETTLED" if self.code == "CREDITED" else self.code
        params = {"increment": self.proof.state.increment, "recorded": self.found.increment}
        return sentence(f"STANDING-{code}", params)

    @property
    def next(self) -> str:
        """One sentence: who may do what now."""
        terms = self.proof.terms
        params = {
            "trader": codec.show_hex(terms.trader),
            "broker": codec.show_hex(terms.broker),
            "seconds": terms.challenge_period,
            "until": self.found.deadline,
        }
        return sentence(f"STANDING-NEXT-{_NEXT[self.code]}", params)

    def show(self) -> dict[str, Any]:
        """As JSON. ``recorded`` and ``deadline`` (Unix seconds) are null where the contract has none."""
        disputed = self.found.status is Status.DISPUTED
        return {
            "status": self.found.status.name.lower(),
            "recorded": self.found.increment if disputed or self.found.status is Status.SETTLED else None,
            "deadline": self.found.deadline if disputed else None,
            "challengePeriod": self.proof.terms.challenge_period,
            "counts": self.counts,
            "credited": {codec.show_hex(asset): str(amount) for asset, amount in self.credited.items()},
            "says": self.says,
            "next": self.next,
        }


async def ask(contract: Adjudicator, proof: Proof) -> Standing:
    """How a proof that holds stands now, by the node of ``contract``. Raises WalletError("RPC_…" | "CHAIN_…")."""
    found = await contract.channel(proof.state.channel)
    if found.status is Status.SETTLED:
        trader = proof.terms.trader
        rows = {row.asset: await contract.credit(trader, row.asset) for row in proof.terms.assets}
        credited = {asset: amount for asset, amount in rows.items() if amount}
        return Standing(proof, found, "CREDITED" if credited else "SETTLED", credited)
    if found.status is Status.NONE:
        return Standing(proof, found, "NONE")
    final, disputed = proof.state.transition is Transition.FINALIZE, found.status is Status.DISPUTED
    if final or not disputed:  # a final state closes at any time
        return Standing(proof, found, ("ENDS" if disputed else "FINAL") if final else "OPEN")
    if await is_over(contract, found):
        return Standing(proof, found, "OVER")
    ahead = proof.state.increment - found.increment
    return Standing(proof, found, "ANSWERS" if ahead > 0 else "LOWER" if ahead else "RECORDED")


async def is_over(contract: Adjudicator, found: OnChain) -> bool:
    """Whether a disputed channel's challenge period has passed, by the chain's own time."""
    block = await contract.rpc.block()
    return block is not None and block.time > found.deadline


async def ask_nodes(urls: Sequence[str], proof: Proof) -> Standing:
    """The same through nodes by their addresses; chain and contract are checked on each before it is believed.

    Raises WalletError("RPC_…" | "CHAIN_WRONG_…").
    """

    async def check(rpc: Rpc) -> None:
        await contract.check_deployment(rpc)

    nodes = Nodes(tuple(dict.fromkeys(urls))[:MAX_NODES], check)
    contract = Adjudicator(nodes, proof.domain.chain_id, proof.domain.contract)
    async with nodes:
        return await ask(contract, proof)
