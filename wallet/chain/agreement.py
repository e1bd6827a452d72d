"""Whether several nodes show the same chain: where two differ one is wrong or lies, and its user hears which.

The program goes on with one of them, but never without a word. Between a node that shows a dispute and one that does
not, it goes by the one that does: to answer in vain costs a fee, not to answer may cost the channel.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.nodes import Nodes
from wallet.chain.rpc import Rpc
from wallet.protocol.errors import WalletError

log = logging.getLogger(__name__)

EVERY = 15.0  # seconds between two comparisons
DEPTH = 2  # blocks below the lowest head: above, honest nodes may differ for a moment
BEHIND = 12  # blocks one node may be behind another
COMPARED = 64  # channels


@dataclass(frozen=True, slots=True)
class Reading:
    """What one node shows: its newest block, the hash of a block that all must have, and channels, then and now."""

    node: str
    head: int
    block: bytes = b""
    then: dict[bytes, OnChain] = field(default_factory=dict)
    now: dict[bytes, OnChain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """``firm``: not explained by the moments at which the two were asked. ``disputed``: the node that shows one."""

    error: WalletError
    firm: bool
    disputed: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        return (self.error.code, str(self.error.params.get("first")), str(self.error.params.get("second")))


def differences(readings: list[Reading]) -> list[Difference]:
    """Every reading against the first; pure."""
    found: list[Difference] = []
    for one in readings[1:]:
        found += _pair(readings[0], one)
    return found


def _pair(first: Reading, second: Reading) -> list[Difference]:
    found: list[Difference] = []
    low, high = sorted((first, second), key=lambda reading: reading.head)
    if high.head - low.head > BEHIND:
        said = {"first": high.node, "second": low.node, "blocks": high.head - low.head}
        found.append(Difference(WalletError("NODES_BEHIND", **said), firm=False))
    if first.block != second.block:
        said = {"first": first.node, "second": second.node, "says": _hash(first.block), "other": _hash(second.block)}
        found.append(Difference(WalletError("NODES_DISAGREE_BLOCK", **said), firm=False))
        return found  # on another branch, channels may well differ
    for firm, ours, theirs in ((True, first.then, second.then), (False, first.now, second.now)):
        found += [
            _record(channel, first.node, ours[channel], second.node, theirs[channel], firm=firm)
            for channel in sorted(ours.keys() & theirs.keys())
            if ours[channel] != theirs[channel]
        ]
    return found


def _record(channel: bytes, first: str, says: OnChain, second: str, other: OnChain, *, firm: bool) -> Difference:
    error = WalletError(
        "NODES_DISAGREE_RECORD",
        channel="0x" + channel.hex()[:8],
        first=first,
        says=_words(says),
        second=second,
        other=_words(other),
    )
    showing = [node for node, standing in ((first, says), (second, other)) if standing.status is Status.DISPUTED]
    return Difference(error, firm, showing[0] if len(showing) == 1 else "")


def _words(standing: OnChain) -> str:
    if standing.status is Status.DISPUTED:
        return f"disputed with state {standing.increment}"
    return standing.status.name.lower()


def _hash(block: bytes) -> str:
    return "0x" + block.hex()[:8] if block else "none"


class Agreement:
    """Compares the nodes of one chain, and keeps the alarm. Belongs to one asyncio loop."""

    def __init__(self, nodes: Nodes, contract: Adjudicator, channels: Callable[[], Iterable[bytes]]) -> None:
        self._nodes = nodes
        self._contract = contract
        self._channels = channels
        self._before: set[tuple[str, ...]] = set()
        self.alarm: WalletError | None = None
        self.heads: dict[str, int] = {}  # by node, of the last comparison
        self.problems: dict[str, WalletError] = {}  # by node, why it could not be compared

    async def run(self) -> None:
        """For ever; cancel to stop. With one node there is nothing to compare."""
        while True:
            try:
                await self.look()
            except WalletError as error:
                log.info("comparing nodes: %s", error)
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        """One comparison of all nodes that answer. A wrong chain or contract at one of them is an alarm, too."""
        nodes = self._nodes.each()
        checked = await asyncio.gather(*(self._head(node) for node in nodes))
        heads = {node.node: head for node, head in zip(nodes, checked, strict=True) if isinstance(head, int)}
        self.heads = heads
        self.problems = {
            node.node: error for node, error in zip(nodes, checked, strict=True) if isinstance(error, WalletError)
        }
        wrong = [error for error in self.problems.values() if error.code.startswith("CHAIN_WRONG")]
        found: list[Difference] = []
        if len(heads) > 1:
            common = max(min(heads.values()) - DEPTH, 0)
            channels = list(self._channels())[:COMPARED]
            asked = [node for node in nodes if node.node in heads]
            readings = await asyncio.gather(*(self._read(node, heads[node.node], common, channels) for node in asked))
            found = differences([reading for reading in readings if reading is not None])
        self._judge(found, wrong)

    def _judge(self, found: list[Difference], wrong: list[WalletError]) -> None:
        seen = {difference.key for difference in found}
        standing = [one for one in found if one.firm or one.key in self._before]
        self._before = seen
        known, self.alarm = self.alarm, next((one.error for one in standing), wrong[0] if wrong else None)
        if self.alarm is not None and known is None:
            log.error("nodes: %s", self.alarm)
        for one in standing:
            if one.disputed:
                self._nodes.turn_to(one.disputed)

    async def _head(self, node: Rpc) -> int | WalletError:
        try:
            await self._contract.check_deployment(node)
            return await node.block_number()
        except WalletError as error:
            return error

    async def _read(self, node: Rpc, head: int, common: int, channels: list[bytes]) -> Reading | None:
        contract = Adjudicator(node, self._contract.chain_id, self._contract.address)
        try:
            block = await node.block(common)
            then = {channel: await contract.channel(channel, common) for channel in channels}
            now = {channel: await contract.channel(channel) for channel in channels}
        except WalletError as error:
            log.info("comparing %s: %s", node.node, error)
            return None
        return Reading(node.node, head, block.hash if block else b"", then, now)
