"""``channel-wallet``: the window, the demo, the sandbox, and every command for scripts.

Exit codes: 0 done, 1 refused (one sentence says why), 2 wrong usage. Imports are late: the window must not wait for
what only commands need.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from wallet.cli.output import Context, wallet_command

# Before anything imports a keccak: the fast one (eth-hash would take a slower one if both are there).
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--profile", type=click.Path(path_type=Path, file_okay=False), help="Open this profile in the window.")
@click.version_option(package_name="channel-wallet", message="%(package)s %(version)s")
@click.pass_context
def main(context: click.Context, profile: Path | None) -> None:
    """Trade at the speed of an exchange and keep your keys. Without a command: the window."""
    os.umask(0o077)
    if context.invoked_subcommand is None:
        from wallet.cli.window import run_window

        sys.exit(run_window(profile, demo=False))


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
@_initiative
def sandbox(directory: Path, until_stdin_closes: bool, initiative: str) -> None:
    """Run broker, chain and market makers on loopback until SIGINT or SIGTERM.

    Prints one JSON line with the path of the broker profile when it is ready.
    """
    from wallet.app.logs import start_logging
    from wallet.app.messages import explain
    from wallet.protocol.errors import WalletError
    from wallet.protocol.terms import Initiative
    from wallet.sandbox.main import run

    flow = Initiative[initiative.upper()]
    try:
        sys.exit(run(directory, start_logging, follow_stdin=until_stdin_closes, initiative=flow))
    except WalletError as error:
        click.echo(explain(error), err=True)
        sys.exit(1)


# --- keys ---------------------------------------------------------------------------------------------------------


@main.group()
def keys() -> None:
    """Create, restore and list keys."""


@keys.command("create")
@click.option("--words", type=click.Choice(["12", "24"]), default="12", show_default=True)
@wallet_command
def keys_create(out: Context, words: str) -> None:
    """Make a new recovery phrase and an encrypted key file. Write the words down: they are shown once."""
    from wallet.keys.mnemonic import create_phrase

    phrase = create_phrase(int(words))
    address = out.create_vault(phrase)
    out.show({"address": address, "phrase": phrase.reveal()}, f"Your address: {address}\nYour words: {phrase.reveal()}")


@keys.command("restore")
@wallet_command
def keys_restore(out: Context) -> None:
    """Make the key file from a recovery phrase (CHANNEL_WALLET_PHRASE, or asked)."""
    from wallet.keys.mnemonic import check_phrase
    from wallet.keys.secret import Secret

    phrase = Secret(
        os.environ.get("CHANNEL_WALLET_PHRASE") or click.prompt("Recovery phrase", hide_input=True, err=True)
    )
    check_phrase(phrase)
    address = out.create_vault(phrase)
    out.show({"address": address}, f"Your address: {address}")


@keys.command("list")
@wallet_command
def keys_list(out: Context) -> None:
    """Show the accounts; needs no password."""
    from wallet.keys.vault import open_vault

    accounts = open_vault(out.profile_path() / "keys.vault").accounts
    rows = [{"address": "0x" + row.address.hex(), "path": row.path, "label": row.label} for row in accounts]
    out.show({"accounts": rows}, "\n".join(f"{row['address']}  {row['path']}  {row['label']}" for row in rows))


# --- money and channels -------------------------------------------------------------------------------------------


@main.command()
@click.option("--broker", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A broker profile.")
@wallet_command
def faucet(out: Context, broker: Path) -> None:
    """Ask a test chain for coins."""
    with out.service(broker) as service:
        service.faucet().result()
        rows = out.wallet_rows(service)
    out.show({"wallet": rows}, "\n".join(f"{symbol} {amount}" for symbol, amount in rows.items()))


@main.group()
def channel() -> None:
    """Open, show, finalize and withdraw a channel."""


@channel.command("open")
@click.option("--broker", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A broker profile.")
@click.option("--allocate", "allocations", multiple=True, required=True, metavar="SYMBOL=AMOUNT")
@wallet_command
def channel_open(out: Context, broker: Path, allocations: tuple[str, ...]) -> None:
    """Open a session: what it may touch, per asset."""
    from wallet.session.broker_profile import load

    wanted = out.read_allocations(load(broker), allocations)
    with out.service(broker) as service:
        channel_id = service.open_channel(wanted).result()
        out.show_channel(service, f"Channel 0x{channel_id.hex()} is open.")


@channel.command("show")
@wallet_command
def channel_show(out: Context) -> None:
    """Show the latest state, from the history; needs neither password nor connection."""
    out.show_stored_channel()


@channel.command("finalize")
@wallet_command
def channel_finalize(out: Context) -> None:
    """Cancel all orders and end the session together with the broker."""
    with out.service(online=True) as service:
        increment = service.finalize().result()
        out.show_channel(
            service, f"State {increment} is final. Withdraw when you like: channel-wallet channel withdraw"
        )


@channel.command("withdraw")
@wallet_command
def channel_withdraw(out: Context) -> None:
    """Close on chain with the final state and take everything home."""
    with out.service(chain=True) as service:
        paid = service.run(lambda account: account.withdraw()).result()
        rows = out.amounts(service, paid)
    out.show({"withdrawn": rows}, "\n".join(f"withdrawn {symbol} {amount}" for symbol, amount in rows.items()))


# --- orders -------------------------------------------------------------------------------------------------------


@main.group()
def order() -> None:
    """Buy, sell, cancel and list orders."""


def _place(out: Context, side: str, market: str, amount: str, limit: str, kind: str, wait: float) -> None:
    with out.service(online=True) as service:
        order_id = out.place(service, side, market, amount, limit, kind)
        out.show_order(service, order_id, wait)


for _side in ("buy", "sell"):

    @order.command(_side, help=f"{_side.capitalize()} AMOUNT of base in MARKET, such as ETH/USDT.")
    @click.argument("market")
    @click.argument("amount")
    @click.option("--limit", required=True, metavar="PRICE", help="The worst price you accept.")
    @click.option("--ioc", is_flag=True, help="Fill at once what can be, cancel the rest.")
    @click.option("--post-only", is_flag=True, help="Rest in the book or be cancelled; never take.")
    @click.option("--wait", type=float, default=5.0, show_default=True, help="Seconds to wait for states of the order.")
    @wallet_command
    def _order(
        out: Context,
        market: str,
        amount: str,
        limit: str,
        ioc: bool,
        post_only: bool,
        wait: float,
        _side: str = _side,
    ) -> None:
        if ioc and post_only:
            raise click.UsageError("--ioc and --post-only exclude each other.")
        kind = "immediate_or_cancel" if ioc else "post_only" if post_only else "good_till_time"
        _place(out, _side, market, amount, limit, kind, wait)


@order.command("cancel")
@click.argument("which", metavar="ID|all")
@wallet_command
def order_cancel(out: Context, which: str) -> None:
    """Take an order back, or all of them."""
    with out.service(online=True) as service:
        count = out.cancel(service, which)
    out.show({"cancelled": count}, f"{count} cancelled")


@order.command("list")
@wallet_command
def order_list(out: Context) -> None:
    """Show open orders, from the history."""
    out.show_stored_orders()


# --- history, proofs, flags ---------------------------------------------------------------------------------------


@main.group()
def history() -> None:
    """List, verify and export the signed states."""


@history.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--before", type=click.IntRange(min=0), help="Only states below this number: the next page.")
@wallet_command
def history_list(out: Context, limit: int, before: int | None) -> None:
    """Show the latest states."""
    out.show_history(limit, before)


@history.command("verify")
@wallet_command
def history_verify(out: Context) -> None:
    """Check the chain, every signature and every rule of the whole history."""
    count = out.verify_history()
    out.show({"verified": count}, f"{count} states hold.")


@history.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def history_export(out: Context, file: Path) -> None:
    """Write the whole history as JSON, or its states as CSV if the file's name ends so."""
    count = out.export_history(file)
    out.show({"exported": count, "file": str(file)}, f"{count} states written to {file}")


@history.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def history_backup(out: Context, file: Path) -> None:
    """Copy the history's database, of one moment, while the wallet may be at work. To read and prove, not to sign."""
    pages = out.back_up_history(file)
    out.show({"pages": pages, "file": str(file)}, f"The history is copied to {file}")


@main.group()
def proof() -> None:
    """Export, verify and submit withdrawal proofs."""


@proof.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--increment", type=click.IntRange(min=0), help="Of this state; else the best one.")
@wallet_command
def proof_export(out: Context, file: Path, increment: int | None) -> None:
    """Write a proof that stands without this program."""
    number = out.export_proof(file, increment)
    out.show({"increment": number, "file": str(file)}, f"Proof of state {number} written to {file}")


@proof.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def proof_verify(out: Context, file: Path) -> None:
    """Check a proof and say what it is worth to whom; needs no connection."""
    out.verify_proof(file)


@proof.command("submit")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def proof_submit(out: Context, file: Path) -> None:
    """Send what the proof allows: close for a final state, else a challenge."""
    with out.service(chain=True) as service:
        out.submit_proof(service, file)


@main.group()
def evidence() -> None:
    """Export and verify evidence of what the broker signed and may not have."""


@evidence.command("export")
@click.argument("flag", type=click.IntRange(min=1))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def evidence_export(out: Context, flag: int, file: Path) -> None:
    """Write the evidence of a flag (its number: see flags) as a file that anyone can check."""
    out.export_evidence(flag, file)
    out.show({"flag": flag, "file": str(file)}, f"Evidence of flag {flag} written to {file}")


@evidence.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def evidence_verify(out: Context, file: Path) -> None:
    """Check evidence and say what it proves; needs no connection."""
    out.verify_evidence(file)


@main.command()
@wallet_command
def flags(out: Context) -> None:
    """Show invalid states the broker signed, and what became of them."""
    out.show_flags()
