"""Several nodes as one: when one fails, the next answers; each is checked anew before it is believed again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from wallet.chain.rpc import MAX_REPLY, Json, Rpc
from wallet.protocol.errors import WalletError

log = logging.getLogger(__name__)

MAX_NODES = 8
_SEND = "eth_sendRawTransaction"
# What is the node's fault, not the question's: another one may do better.
FAILING = frozenset(
    {"RPC_UNREACHABLE", "RPC_TIMEOUT", "RPC_HTTP", "RPC_SIZE", "RPC_BAD_REPLY", "CHAIN_WRONG_ID", "CHAIN_WRONG_CODE"}
)

Check = Callable[[Rpc], Awaitable[None]]


class Nodes(Rpc):
    """An :class:`Rpc` over several nodes, in the order of their addresses.

    ``check`` is asked once of each node before its first answer is believed, and again after it failed; it raises
    WalletError for a node on another chain, or one that shows other code at the contract's address.
    """

    def __init__(self, urls: Sequence[str], check: Check, *, timeout: float = 15.0, max_reply: int = MAX_REPLY) -> None:
        """1 … MAX_NODES addresses. Raises WalletError("RPC_URL")."""
        if not 1 <= len(urls) <= MAX_NODES:
            raise WalletError("RPC_URL", reason=f"between 1 and {MAX_NODES} nodes")
        super().__init__(urls[0], timeout=timeout, max_reply=max_reply)
        self._nodes = [Rpc(url, timeout=timeout, max_reply=max_reply) for url in urls]
        self._of = timeout, max_reply
        self._check = check
        self._current = 0
        self._believed: set[Rpc] = set()
        self._spreading: set[asyncio.Task[None]] = set()
        self.problems: dict[str, WalletError] = {}  # by node, what was last wrong with it; gone when it answers again

    @property
    def node(self) -> str:
        """The one that is asked now."""
        return self._nodes[self._current].node

    async def close(self) -> None:
        for task in tuple(self._spreading):
            task.cancel()
        await asyncio.gather(*self._spreading, return_exceptions=True)
        for node in self._nodes:
            await node.close()

    def each(self) -> tuple[Rpc, ...]:
        """Every node by itself, to be asked beside the one that is asked now."""
        return tuple(self._nodes)

    def turn_to(self, node: str) -> None:
        """From here on this one is asked; of an unknown name nothing changes."""
        names = [one.node for one in self._nodes]
        if node in names and node != self.node:
            log.warning("asking %s instead of %s", node, self.node)
            self._current = names.index(node)

    async def use(self, urls: Sequence[str]) -> None:
        """Other nodes from here on, each checked before it is believed. Raises WalletError("RPC_URL")."""
        if not 1 <= len(urls) <= MAX_NODES:
            raise WalletError("RPC_URL", reason=f"between 1 and {MAX_NODES} nodes")
        timeout, max_reply = self._of
        before, self._nodes = self._nodes, [Rpc(url, timeout=timeout, max_reply=max_reply) for url in urls]
        self._current = 0
        self._believed.clear()
        self.problems.clear()
        for node in before:
            await node.close()

    def doubt(self) -> None:
        """The current node is checked again before its next answer."""
        self._believed.discard(self._nodes[self._current])

    async def request(self, method: str, *params: Json) -> Json:
        """As :meth:`Rpc.request`, of the first node that can answer; what is wrong with the last one if none can."""
        problem: WalletError | None = None
        for _ in tuple(self._nodes):
            index, node = self._current, self._nodes[self._current]
            try:
                if node not in self._believed:
                    await self._check(node)
                    self._believed.add(node)
                result = await node.request(method, *params)
            except WalletError as error:
                if error.code not in FAILING:
                    raise
                problem = self._failed(index, node, error)
            else:
                self.problems.pop(node.node, None)
                if method == _SEND and len(self._nodes) > 1:
                    task = asyncio.create_task(self._spread(node, params))
                    self._spreading.add(task)
                    task.add_done_callback(self._spreading.discard)
                return result
        assert problem is not None
        raise problem

    async def _spread(self, sent_by: Rpc, params: tuple[Json, ...]) -> None:
        """To the others as well: a node that takes a transaction and drops it must not keep it from the chain."""
        others = [node for node in self._nodes if node is not sent_by]
        await asyncio.gather(*(node.request(_SEND, *params) for node in others), return_exceptions=True)

    def _failed(self, index: int, node: Rpc, error: WalletError) -> WalletError:
        if node not in self._nodes:
            return error  # let go of meanwhile
        self.problems[node.node] = error
        self._believed.discard(node)
        if index == self._current:  # else another question has moved on already
            self._current = (index + 1) % len(self._nodes)
            if len(self._nodes) > 1:
                log.warning("node %s: %s; asking %s", node.node, error, self.node)
        return error
