"""What screens show of the chain side: the gas key's account, and the nodes."""

from __future__ import annotations

from collections.abc import Sequence

from wallet.app.opening import OVER
from wallet.app.snapshots import AssetInfo, GasView, NodeView
from wallet.app.views import Names
from wallet.chain import costs
from wallet.chain.rpc import Rpc
from wallet.protocol.terms import NATIVE
from wallet.session.channel import TraderChannel
from wallet.session.phases import Phase
from wallet.session.settlement import GAS_ALLOWANCE, ChainLink


def gas_view(names: Names, chain: ChainLink, channels: Sequence[TraderChannel]) -> GasView | None:
    """What the gas key has, and how far it reaches at the present price."""
    if chain.watcher is None:
        return None
    have, coin = chain.watcher.gas, names.assets.get(NATIVE) or AssetInfo(NATIVE, "coin", 18)
    most = max((len(row.terms.assets) for row in channels if Phase(row.record.phase) not in OVER), default=2)
    price = max(chain.gas_price, 1)
    return GasView(
        chain.watcher.gas_address,
        have or 0,
        (have or 0) // (costs.answer(most) * price),
        max(2 * GAS_ALLOWANCE * price - (have or 0), 0),
        coin,
        have is not None and chain.gas_price > 0,
    )


def node_views(chain: ChainLink, own: Sequence[str]) -> tuple[NodeView, ...]:
    """In the order they are asked."""
    mine, nodes = {Rpc(url).node for url in own}, chain.nodes
    return tuple(
        NodeView(
            node.node,
            node.node in mine,
            node.node == nodes.node,
            chain.agreement.heads.get(node.node, chain.block if node.node == nodes.node else 0),
            nodes.problems[node.node].code if node.node in nodes.problems else "",
        )
        for node in nodes.each()
    )
