"""The gas key and the nodes as a screen says them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.app.snapshots import AppView, GasView, NodeView
from wallet.gui.models.figures import GROUP, exact
from wallet.gui.models.funds import OVER


@dataclass(frozen=True, slots=True)
class NodeRow:
    """``tone``: good, warn or bad."""

    name: str
    whose: str
    standing: str
    tone: str
    removable: bool


def gas_words(found: GasView | None) -> tuple[str, str]:
    """What the gas key reaches for, and its tone."""
    if found is None or not found.known:
        return "The chain was not asked yet.", "muted"
    have = exact(found.coin, found.balance)
    if not found.answers:
        return f"It holds {have}: not enough for an answer at the present price of gas.", "bad"
    answers = f"{found.answers} answer{'s' if found.answers > 1 else ''}"
    return f"It holds {have}: enough for {answers} at the present price of gas.", "good"


def fund_words(found: GasView | None) -> str:
    """The verb of giving it what it lacks; "" if it needs nothing."""
    if found is None or not found.known or 2 * found.lacking <= found.balance + found.lacking:
        return ""
    return f"Give it {exact(found.coin, found.lacking)}"


def in_use(view: AppView) -> bool:
    """Whether a channel may need the gas key's defence."""
    return any(row.phase not in OVER for row in view.channels)


def node_rows(view: AppView) -> tuple[NodeRow, ...]:
    """In the order they are asked."""
    return tuple(_row(node) for node in view.nodes)


def _row(node: NodeView) -> NodeRow:
    whose = "your own" if node.own else "named by the broker"
    if node.problem:
        return NodeRow(node.name, whose, "no good answer", "bad", node.own)
    block = f"block {node.head:,}".replace(",", GROUP) if node.head else "not asked yet"
    standing = f"asked now · {block}" if node.asked else block
    return NodeRow(node.name, whose, standing, "good" if node.head else "muted", node.own)
