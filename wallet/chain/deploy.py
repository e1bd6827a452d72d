"""The adjudicator on a chain of one's choice: put there, and told from anything else that may stand at an address."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.chain.artifact import adjudicator
from wallet.chain.calls import Call
from wallet.chain.rpc import Rpc
from wallet.chain.tx import FeePolicy, Quote, Sender, TransactionSigner
from wallet.protocol.eip712 import keccak
from wallet.protocol.errors import WalletError

# One contract of the largest size a chain takes (EIP-170), and what its constructor may need.
POLICY = FeePolicy(max_gas=10_000_000, max_cost=5 * 10**18)


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at an address. ``code_hash`` is empty where there is no code at all."""

    chain_id: int
    code_hash: bytes
    ours: bool


@dataclass(frozen=True, slots=True)
class Deployed:
    """A contract that was just made; gas, and wei for all of it."""

    address: bytes
    transaction: bytes
    block: int
    gas: int
    cost: int


def creation() -> Call:
    """The call without a receiver that makes the adjudicator of this release."""
    return Call(b"", adjudicator().bytecode)


async def inspect(rpc: Rpc, address: bytes) -> Found:
    """What the node has at ``address``, held against the released code. Raises WalletError("RPC_…")."""
    chain_id, code = await rpc.chain_id(), await rpc.code(address)
    digest = keccak(code) if code else b""
    return Found(chain_id, digest, digest == adjudicator().code_hash)


def deployer(rpc: Rpc, chain_id: int, signer: TransactionSigner) -> Sender:
    """A sender for one deployment. Nothing is stored: a deployment that is lost on its way costs nothing but itself."""
    return Sender(rpc, chain_id, signer, lambda _: None, POLICY)


async def quote(sender: Sender) -> Quote:
    """What it would cost at most, for a person to see first. Raises as :meth:`Sender.quote`."""
    return await sender.quote(creation())


async def deploy(rpc: Rpc, sender: Sender, *, confirmations: int, within: float) -> Deployed:
    """Sends it and waits until it is ``confirmations`` blocks deep and its code is what was released.

    Raises WalletError as :meth:`Sender.execute`, or WalletError("CHAIN_WRONG_CODE").
    """
    receipt = await sender.execute(creation(), confirmations=confirmations, within=within)
    if receipt.contract is None:
        raise WalletError("RPC_BAD_REPLY", method="eth_getTransactionReceipt", reason="no contract in the receipt")
    found = await inspect(rpc, receipt.contract)
    if not found.ours:
        raise WalletError(
            "CHAIN_WRONG_CODE",
            node=rpc.node,
            address="0x" + receipt.contract.hex(),
            expected="0x" + adjudicator().code_hash.hex(),
            got="0x" + found.code_hash.hex() if found.code_hash else "no contract",
        )
    cost = receipt.gas_used * receipt.gas_price
    return Deployed(receipt.contract, receipt.transaction, receipt.block_number, receipt.gas_used, cost)
