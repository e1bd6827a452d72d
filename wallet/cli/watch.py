"""``channel-wallet watch``: guard the channels of a package from another machine, with the gas key alone."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wallet.cli.output import Context, show_time, wallet_command
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.watching import Lookout
    from wallet.keys.secret import Secret


@click.group()
def watch() -> None:
    """Guard channels from another machine: it answers a dispute, settles, and pays out to you, nothing else."""


def _package_password(*, new: bool) -> Secret:
    from wallet.keys.secret import Secret

    given = os.environ.get("CHANNEL_WALLET_WATCH_PASSWORD")
    if given is None:
        given = click.prompt("Password of the package", hide_input=True, confirmation_prompt=new, err=True)
    return Secret(str(given))


@watch.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--broker", "named", metavar="NAME", help="Of this broker; needed only where there are several.")
@wallet_command
def watch_export(out: Context, file: Path, named: str | None) -> None:
    """Write the package: proofs of the best states, nodes, and of keys only the gas key, under a password of its own.

    It is of this moment: a channel that trades on needs a new one.
    """
    from wallet.app import nodes as own_nodes
    from wallet.app import watching
    from wallet.chain.nodes import MAX_NODES
    from wallet.keys import gate

    path = out.profile_path()
    broker = watching.broker_of(path, named)
    vault = gate.unlock(path / "keys.vault", out.password())
    gas_key = vault.session_keys.section.gas_key
    vault.lock()
    journal = out.stored().journal
    urls = (*own_nodes.read(path).get(broker.chain_id, ()), *broker.rpc)[:MAX_NODES]
    count = watching.export(journal, broker.domain, urls, gas_key, _package_password(new=True), file)
    out.show({"channels": count, "file": str(file)}, f"{count} channels to watch written to {file}")


@watch.command("run")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--node", "nodes", multiple=True, metavar="URL", help="Ask this node before those of the package.")
@click.option("--once", is_flag=True, help="Look once, do what is due, and end.")
@wallet_command
def watch_run(out: Context, file: Path, nodes: tuple[str, ...], once: bool) -> None:
    """Watch until every channel is paid out, or until it is interrupted. What it signs is kept beside FILE."""
    from wallet.app import watching

    package = watching.load(file, _package_password(new=False))

    async def run() -> None:
        lookout = watching.Lookout(package, file.with_name(file.name + ".sent"), nodes, lambda: None)
        try:
            await _keep_watch(out, lookout, once=once)
        finally:
            await lookout.close()

    asyncio.run(run())


async def _keep_watch(out: Context, lookout: Lookout, *, once: bool) -> None:
    from wallet.app.messages import explain
    from wallet.session.watcher import POLL

    told, said = 0, set[str]()
    while True:
        try:
            await lookout.look()
        except WalletError as error:
            if once:
                raise
            lookout.watcher.alarms[b""] = error
        for deed in lookout.watcher.deeds_after(told):
            told += 1
            channel = "0x" + deed.channel.hex()
            row = {"did": deed.act.value, "channel": channel, "transaction": "0x" + deed.transaction.hex()}
            out.show(row, f"{show_time(deed.time)}  {deed.act.value}  {channel[:10]}  {row['transaction']}")
        alarms = {explain(error) for error in lookout.alarms}
        for text in sorted(alarms - said):
            click.echo(text, err=True)
        said = alarms
        if once or await lookout.over():
            return
        await asyncio.sleep(POLL)
