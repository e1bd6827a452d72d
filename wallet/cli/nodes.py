"""``channel-wallet nodes``: the user's own nodes, asked before a broker's, and whether all show the same chain."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wallet.cli.output import Context, wallet_command
from wallet.cli.reach import backend
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.session.broker_profile import BrokerProfile


@click.group()
def nodes() -> None:
    """Your own nodes: asked before those a broker names, and compared with them."""


@nodes.command("list")
@wallet_command
def nodes_list(out: Context) -> None:
    """Show the nodes of every chain, in the order they are asked; needs neither password nor connection."""
    from wallet.chain.rpc import Rpc

    rows = [
        {"chain": broker.chain_id, "broker": broker.name, "node": Rpc(url).node, "own": url in own}
        for broker, own in _brokers(out.profile_path())
        for url in dict.fromkeys((*own, *broker.rpc))
    ]
    text = "\n".join(
        f"chain {row['chain']}  {row['node']}  {'your own' if row['own'] else row['broker']}" for row in rows
    )
    out.show({"nodes": rows}, text or "No brokers yet, and so no chain.")


@nodes.command("add")
@click.argument("url")
@wallet_command
def nodes_add(out: Context, url: str) -> None:
    """Ask this node from now on, once it has shown the right chain and the released contract."""
    with backend(out) as commands:
        chain = commands.add_node(url).result()
    out.show({"chain": chain}, f"It is asked first about chain {chain} from now on.")


@nodes.command("remove")
@click.argument("url")
@wallet_command
def nodes_remove(out: Context, url: str) -> None:
    """Ask one of your own nodes no more; scheme, host and port will do."""
    with backend(out) as commands:
        commands.remove_node(url).result()
    out.show({"removed": url}, "It is asked no more.")


@nodes.command("check")
@wallet_command
def nodes_check(out: Context) -> None:
    """Ask every node for chain, contract, newest block and your channels, and compare. Needs no password.

    Exit code 1 if one of them is wrong, or two disagree.
    """
    from wallet.app.messages import explain

    rows: list[dict[str, Any]] = []
    alarms: list[WalletError] = []
    stored = out.stored()
    for broker, own in _brokers(out.profile_path()):
        channels = [
            row.id for row in stored.journal.channels() if row.domain == broker.domain and row.phase not in _OVER
        ]
        found, alarm = asyncio.run(_compare(broker, own, channels))
        rows += found
        alarms += [alarm] if alarm is not None else []
    lines = [
        f"chain {row['chain']}  {row['node']}  " + (row["problem"] or f"block {row['block']}, chain and contract hold")
        for row in rows
    ]
    out.show({"nodes": rows, "alarms": [error.code for error in alarms]}, "\n".join(lines) or "No brokers yet.")
    for error in alarms:
        click.echo(explain(error), err=True)
    if alarms or any(row["problem"] for row in rows):
        raise SystemExit(1)


_OVER = ("withdrawn", "abandoned", "requested", "agreed")


def _brokers(profile: Path) -> list[tuple[BrokerProfile, Sequence[str]]]:
    from wallet.app import nodes as own
    from wallet.app.profile import kept_brokers

    mine = own.read(profile)
    return [(broker, mine.get(broker.chain_id, ())) for broker in kept_brokers(profile)]


async def _compare(
    broker: BrokerProfile, own: Sequence[str], channels: list[bytes]
) -> tuple[list[dict[str, Any]], WalletError | None]:
    """A row for each node, and what they disagree about. Asked twice: honest nodes differ for a moment at most."""
    from wallet.app.messages import explain
    from wallet.chain.agreement import Agreement
    from wallet.chain.client import Adjudicator
    from wallet.chain.nodes import MAX_NODES, Nodes

    rpc = Nodes(tuple(dict.fromkeys((*own, *broker.rpc)))[:MAX_NODES], _no_check)
    async with rpc:
        contract = Adjudicator(rpc, broker.chain_id, broker.adjudicator)
        agreement = Agreement(rpc, contract, lambda: channels)
        await agreement.look()
        await agreement.look()
        rows = [
            {
                "chain": broker.chain_id,
                "node": node.node,
                "block": agreement.heads.get(node.node, 0),
                "problem": explain(agreement.problems[node.node]) if node.node in agreement.problems else "",
            }
            for node in rpc.each()
        ]
    return rows, agreement.alarm


async def _no_check(_: object) -> None:
    """Each is asked by itself here, and what is wrong with it is what is wanted."""
