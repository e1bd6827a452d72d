"""``channel-wallet``: the window, the demo, the sandbox, and every command for scripts.

Exit codes: 0 done, 1 refused (one sentence says why), 2 wrong usage. Imports are late: the window must not wait for
what only commands need.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from wallet.app.hardening import harden_process
from wallet.cli import broker_flags, broker_host  # noqa: F401 - they add their commands to the group
from wallet.cli.accounts import keys
from wallet.cli.backup import backup
from wallet.cli.brokers import broker, status
from wallet.cli.channels import channel, faucet
from wallet.cli.contract import contract
from wallet.cli.gas import gas
from wallet.cli.nodes import nodes
from wallet.cli.orders import order
from wallet.cli.purse import accounts, addresses, send, transactions
from wallet.cli.records import evidence, flags, history, proof
from wallet.cli.recover import recover
from wallet.cli.signing import sign, verify
from wallet.cli.updates import updates
from wallet.cli.watch import watch
from wallet.protocol.errors import WalletError

# Before anything imports a keccak: the fast one (eth-hash would take a slower one if both are there).
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")


class _Commands(click.Group):
    """The commands; a file in a command's place is opened in the window, as a desktop hands one over."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and _is_file(args[0]):
            return super().resolve_command(ctx, ["open", *args])
        return super().resolve_command(ctx, args)


def _is_file(word: str) -> bool:
    """Whether a mistyped command is meant by it less likely than a file: even of one that is not there."""
    path = Path(word)
    return path.suffix.lower() in (".json", ".txt") or path.is_file()


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", type=click.Path(path_type=Path, file_okay=False), help="Open this profile in the window.")
@click.version_option(package_name="channel-wallet", message="%(package)s %(version)s")
@click.pass_context
def main(context: click.Context, profile: Path | None) -> None:
    """Trade at the speed of an exchange and keep your keys. Without a command: the window."""
    harden_process()
    if context.invoked_subcommand is None:
        from wallet.cli.window import run_window

        sys.exit(run_window(profile, demo=False))


@main.command("open")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def open_file(context: click.Context, file: Path) -> None:
    """Show in the window what a proof file is worth, whoever made it. `channel-wallet FILE` does the same."""
    from wallet.cli.window import run_window

    assert context.parent is not None
    sys.exit(run_window(context.parent.params["profile"], demo=False, file=file.absolute()))


_initiative = click.option(
    "--initiative",
    type=click.Choice(("broker", "cooperative")),
    default="broker",
    show_default=True,
    help="Who issues the states of the channels it offers: the broker, or trader and broker in turns.",
)


@main.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the demo's state here; else it is thrown away.",
)
@_initiative
def demo(directory: Path | None, initiative: str) -> None:
    """Open the demo market: a throwaway key, a local broker and chain, live made-up prices."""
    from wallet.cli.window import run_window

    sys.exit(run_window(None, demo=True, directory=directory, initiative=initiative))


@main.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where it keeps its state.",
)
@click.option("--until-stdin-closes", is_flag=True, help="End when standard input does, too.")
@click.option("--rpc", "url", metavar="URL", help="Use this node's chain, such as anvil's, instead of one of its own.")
@click.option("--any-chain", is_flag=True, help="With --rpc: even if that is no development chain.")
@click.option("--fund", "accounts", multiple=True, metavar="ADDRESS", help="Give this account test coins.")
@_initiative
def sandbox(
    directory: Path,
    until_stdin_closes: bool,
    url: str | None,
    any_chain: bool,
    accounts: tuple[str, ...],
    initiative: str,
) -> None:
    """Run broker, chain and market makers on loopback until SIGINT or SIGTERM.

    Prints one JSON line with the path of the broker profile when it is ready.
    """
    from wallet.app.logs import start_logging
    from wallet.app.messages import explain
    from wallet.protocol.codec import read_hex
    from wallet.protocol.terms import Initiative
    from wallet.sandbox.boot import Node
    from wallet.sandbox.main import run

    flow, node = Initiative[initiative.upper()], Node(url, any_chain) if url else None
    try:
        gifts = [read_hex(account.lower(), 20, "account") for account in accounts]
        follow = until_stdin_closes
        sys.exit(run(directory, start_logging, follow_stdin=follow, initiative=flow, node=node, gifts=gifts))
    except WalletError as error:
        click.echo(explain(error), err=True)
        sys.exit(1)


for _command in (
    *(keys, faucet, channel, order, history, proof, evidence, flags),
    *(accounts, send, transactions, addresses, sign, verify),
    *(backup, broker, recover, contract, gas, nodes, status, watch, updates),
):
    main.add_command(_command)
