"""A node whose transactions wait until a test lets them be mined, and can be taken back: in front of the real chain."""

from __future__ import annotations

from wallet.chain.envelope import Envelope, read_signed
from wallet.chain.records import Receipt
from wallet.chain.rpc import Json, Rpc
from wallet.protocol.errors import WalletError


class Pool(Rpc):
    """Takes replacements as geth does: a tenth more of both bids, or not at all."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.held: dict[int, bytes] = {}  # by nonce: the transactions of one sender
        self.holding = True
        self.taken_back: set[bytes] = set()
        self.received: list[bytes] = []

    async def send_raw(self, raw: bytes) -> bytes:
        self.received.append(raw)
        if not self.holding:
            return await super().send_raw(raw)
        new = read_signed(raw)
        known = self.held.get(new.nonce)
        if known == raw:
            raise WalletError("RPC_ERROR", method="eth_sendRawTransaction", error=-32_000, message="already known")
        if known is not None and not _pays_more(new, read_signed(known)):
            raise WalletError(
                "RPC_ERROR", method="eth_sendRawTransaction", error=-32_000, message="replacement underpriced"
            )
        self.held[new.nonce] = raw
        return bytes(32)

    async def mine(self) -> None:
        """All that waits, by nonce."""
        for _, raw in sorted(self.held.items()):
            await super().send_raw(raw)
        self.held.clear()

    async def nonce(self, address: bytes, tag: str = "pending") -> int:
        found = await super().nonce(address, "latest") - len(self.taken_back)
        if tag == "pending":
            while found in self.held:
                found += 1
        return found

    async def receipt(self, transaction: bytes) -> Receipt | None:
        return None if transaction in self.taken_back else await super().receipt(transaction)

    async def knows_transaction(self, transaction: bytes) -> bool:
        return False

    async def request(self, method: str, *params: Json) -> Json:
        if method == "eth_chainId" and getattr(self, "chain", None) is not None:
            return hex(self.chain)
        if method in self.unknown:
            raise WalletError("RPC_ERROR", method=method, error=-32_601, message="the method does not exist")
        return await super().request(method, *params)

    unknown: frozenset[str] = frozenset()  # methods it does not have
    chain: int | None = None  # what it says it is, if not the truth


def _pays_more(new: Envelope, old: Envelope) -> bool:
    return 10 * new.max_fee_per_gas >= 11 * old.max_fee_per_gas and 10 * new.tip >= 11 * old.tip
