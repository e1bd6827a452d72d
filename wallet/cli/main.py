"""``channel-wallet``: the window, the demo, the sandbox, and every command for scripts.

Exit codes: 0 done, 1 refused (one sentence says why), 2 wrong usage. Imports are late: the window must not wait for
what only commands need.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from wallet.app.choice import SHOWN
from wallet.cli import broker_flags, broker_host  # noqa: F401 - they add their commands to the group
from wallet.cli.backup import backup
from wallet.cli.brokers import broker, status
from wallet.cli.contract import contract
from wallet.cli.leaving import confirm_plan, dry_run_option, exit_after_option, say_exit, show_plan, yes_option
from wallet.cli.output import Context, channel_option, show_time, wallet_command
from wallet.cli.reach import backend, broker_at, target
from wallet.cli.recover import recover
from wallet.cli.recovering import consent, next_line
from wallet.cli.trading import allocations, amounts, cancel, place, show_order
from wallet.cli.updates import updates
from wallet.cli.watch import watch
from wallet.protocol.errors import WalletError

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


main.add_command(backup)
main.add_command(broker)
main.add_command(recover)
main.add_command(contract)
main.add_command(status)
main.add_command(watch)


@main.command()
@click.option("--broker", "named", required=True, metavar="FILE|NAME", help="A broker profile, or one added before.")
@wallet_command
def faucet(out: Context, named: str) -> None:
    """Ask a test chain for coins."""
    with backend(out) as commands:
        found = broker_at(commands, named)
        commands.faucet(found).result()
        view = commands.view(found, b"").result()
        rows = amounts(view, {row.asset.address: row.wallet for row in view.wallet})
    out.show({"wallet": rows}, "\n".join(f"{symbol} {amount}" for symbol, amount in rows.items()))


@main.group()
def channel() -> None:
    """Open, list, show, finalize and withdraw channels."""


@channel.command("open")
@click.option("--broker", "named", required=True, metavar="FILE|NAME", help="A broker profile, or one added before.")
@click.option("--allocate", "wanted", multiple=True, required=True, metavar="SYMBOL=AMOUNT")
@click.option("--another", is_flag=True, help="Beside a channel that is open with this broker already.")
@wallet_command
def channel_open(out: Context, named: str, wanted: tuple[str, ...], another: bool) -> None:
    """Open a session: what it may touch, per asset."""
    with backend(out) as commands:
        found = broker_at(commands, named)
        rows = allocations(commands.view(found, b"").result(), wanted)
        channel_id = commands.open_channel(found, rows, another).result()
        out.show(out.stored().channel(channel_id), f"Channel 0x{channel_id.hex()} is open.")


@channel.command("find")
@click.option("--broker", "named", required=True, metavar="FILE|NAME", help="A broker profile, or one added before.")
@wallet_command
def channel_find(out: Context, named: str) -> None:
    """Look on the chain for channels this profile does not know: of a wallet restored from its phrase."""
    from wallet.app.recovering import found_words

    with backend(out) as commands:
        taken, others = commands.find_channels(broker_at(commands, named, chain_only=True)).result()
    out.show({"found": taken, "others": others}, found_words(taken, others))


@channel.command("list")
@wallet_command
def channel_list(out: Context) -> None:
    """Show all channels, oldest first; needs neither password nor connection."""
    rows = out.stored().channels()
    text = "\n".join(
        f"{row['channel'][:SHOWN]}  {row['broker']['name']}  {row['status']}  state {row['increment']}{next_line(row)}"
        for row in rows
    )
    out.show({"channels": rows}, text or "No channels yet.")


@channel.command("show")
@channel_option
@wallet_command
def channel_show(out: Context, which: str | None) -> None:
    """Show the latest state, from the history; needs neither password nor connection."""
    stored, found = out.stored_channel(which)
    value = stored.channel(found)
    lines = [
        f"channel {value['channel']}  {value['status']}  state {value['increment']}  with {value['broker']['name']}"
    ]
    if value["recovering"]:
        lines.append(next_line(value).strip())
    lines += [
        f"{row['asset']}: available {row['available']}, locked {row['locked']}, outcome {row['outcome']}"
        for row in value["balances"]
    ]
    out.show(value, "\n".join(lines))


@channel.command("finalize")
@exit_after_option
@channel_option
@wallet_command
def channel_finalize(out: Context, which: str | None, exit_after: int) -> None:
    """Cancel all orders and end the session together with the broker.

    If he does not sign, a running window or the next one leaves without him when the time is up; `channel stay` takes
    that back.
    """
    with target(out, which, chain_only=bool(exit_after)) as there:
        try:
            increment = there.commands.finalize(there.channel, exit_after).result()
        except WalletError as error:
            say_exit(there.commands.view(b"", there.channel).result())
            raise error from None
        out.show(
            out.stored().channel(there.channel),
            f"State {increment} is final. Withdraw when you like: channel-wallet channel withdraw",
        )


@channel.command("stay")
@channel_option
@wallet_command
def channel_stay(out: Context, which: str | None) -> None:
    """Go on with a session that was finalized and is about to be left without the broker."""
    with target(out, which, chain_only=True) as there:
        there.commands.stay(there.channel).result()
    out.show({"channel": "0x" + there.channel.hex()}, "It is not left by itself any more.")


@channel.command("exit")
@dry_run_option
@yes_option
@click.option("--old-state", is_flag=True, help="Of a restored channel: with the state at hand, whatever came after.")
@channel_option
@wallet_command
def channel_exit(out: Context, which: str | None, old_state: bool, dry_run: bool, yes: bool) -> None:
    """Leave without the broker: challenge with your best state. Needs a node, and nothing of him.

    When the challenge period is over, `channel withdraw` settles and pays out; a running window or
    `watch run` does it by itself, and answers if an older state is shown meanwhile.
    What it pays, costs and takes is said first; at a terminal it is asked about.
    """
    with target(out, which, chain_only=True) as there:
        found = there.commands.exit_plan(there.channel).result()
        if dry_run:
            show_plan(out, found)
            return
        consent(there.view, given=old_state)
        confirm_plan(found, given=yes or old_state)
        until = there.commands.leave_alone(there.channel).result()
    text = (
        f"The challenge period ends at {show_time(until)}. Then: channel-wallet channel withdraw"
        if until
        else "It is settled by the final state. Now: channel-wallet channel withdraw"
    )
    out.show({"deadline": until}, text)


@channel.command("withdraw")
@channel_option
@wallet_command
def channel_withdraw(out: Context, which: str | None) -> None:
    """Close on chain with the final state and take everything home."""
    with target(out, which, chain_only=True) as there:
        paid = there.commands.withdraw(there.channel).result()
        rows = amounts(there.view, dict(paid))
    out.show({"withdrawn": rows}, "\n".join(f"withdrawn {symbol} {amount}" for symbol, amount in rows.items()))


# --- orders -------------------------------------------------------------------------------------------------------


@main.group()
def order() -> None:
    """Buy, sell, cancel and list orders."""


for _side in ("buy", "sell"):

    @order.command(_side, help=f"{_side.capitalize()} AMOUNT of base in MARKET, such as ETH/USDT.")
    @click.argument("market")
    @click.argument("amount")
    @click.option("--limit", required=True, metavar="PRICE", help="The worst price you accept.")
    @click.option("--ioc", is_flag=True, help="Fill at once what can be, cancel the rest.")
    @click.option("--post-only", is_flag=True, help="Rest in the book or be cancelled; never take.")
    @click.option("--id", "client_id", default="", metavar="TEXT", help="A name of your own: said again, no new order.")
    @click.option("--wait", type=float, default=5.0, show_default=True, help="Seconds to wait for states of the order.")
    @click.option("--stay", is_flag=True, help="Stay until it is over: only who is present is matched.")
    @channel_option
    @wallet_command
    def _order(
        out: Context,
        market: str,
        amount: str,
        limit: str,
        ioc: bool,
        post_only: bool,
        client_id: str,
        wait: float,
        stay: bool,
        which: str | None,
        _side: str = _side,
    ) -> None:
        if ioc and post_only:
            raise click.UsageError("--ioc and --post-only exclude each other.")
        kind = "immediate_or_cancel" if ioc else "post_only" if post_only else "good_till_time"
        with target(out, which, act="place_order") as there:
            show_order(out, there, place(there, _side, market, amount, limit, kind, client_id), wait, stay=stay)


@order.command("cancel")
@click.argument("wanted", metavar="ID|all")
@channel_option
@wallet_command
def order_cancel(out: Context, wanted: str, which: str | None) -> None:
    """Take an order back, or all of a channel."""
    with backend(out) as commands:
        count = cancel(commands, wanted, which)
    out.show({"cancelled": count}, f"{count} cancelled")


@order.command("list")
@channel_option
@wallet_command
def order_list(out: Context, which: str | None) -> None:
    """Show open orders, from the history."""
    stored, found = out.stored_channel(which)
    rows = stored.orders(found)
    text = "\n".join(
        f"{row['id']}  {row['side']} {row['amount']} {row['market']} at {row['price']}, filled {row['filled']}"
        for row in rows
    )
    out.show({"orders": rows}, text or "No open orders.")


# --- history, proofs, flags ---------------------------------------------------------------------------------------


@main.group()
def history() -> None:
    """List, verify and export the signed states."""


@history.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--before", type=click.IntRange(min=0), help="Only states below this number: the next page.")
@channel_option
@wallet_command
def history_list(out: Context, limit: int, before: int | None, which: str | None) -> None:
    """Show the latest states."""
    stored, found = out.stored_channel(which)
    rows = stored.history(found, limit, before)
    text = "\n".join(
        f"{row['increment']:>8}  {row['transition']:<13} {row['issuer']:<7} {row['status']:<10} {row['digest']}"
        + (f"  by {row['impliedBy']}" if row["impliedBy"] is not None else "")
        for row in rows
    )
    out.show({"states": rows}, text or "No states yet.")


@history.command("verify")
@channel_option
@wallet_command
def history_verify(out: Context, which: str | None) -> None:
    """Check the chain, every signature and every rule of the whole history."""
    stored, found = out.stored_channel(which)
    count = stored.verify(found)
    out.show({"verified": count}, "1 state holds." if count == 1 else f"{count} states hold.")


@history.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@channel_option
@wallet_command
def history_export(out: Context, file: Path, which: str | None) -> None:
    """Write the whole history as JSON, or its states as CSV if the file's name ends so."""
    stored, found = out.stored_channel(which)
    count = stored.export(found, file)
    out.show({"exported": count, "file": str(file)}, f"{count} states written to {file}")


@history.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def history_backup(out: Context, file: Path) -> None:
    """Copy the history's database, of one moment, while the wallet may be at work. To read and prove, not to sign."""
    pages = out.stored().back_up(file)
    out.show({"pages": pages, "file": str(file)}, f"The history is copied to {file}")


@main.group()
def proof() -> None:
    """Export, verify and submit withdrawal proofs."""


@proof.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--increment", type=click.IntRange(min=0), help="Of this state; else the best one.")
@channel_option
@wallet_command
def proof_export(out: Context, file: Path, increment: int | None, which: str | None) -> None:
    """Write a proof that stands without this program."""
    stored, found = out.stored_channel(which)
    number = stored.export_proof(found, file, increment)
    out.show({"increment": number, "file": str(file)}, f"Proof of state {number} written to {file}")


@proof.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def proof_verify(out: Context, file: Path) -> None:
    """Check a proof and say what it is worth to whom; needs no connection."""
    from wallet.app.proofs import describe, load

    out.show(*describe(load(file)))


@proof.command("submit")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def proof_submit(out: Context, file: Path) -> None:
    """Send what the proof allows: close for a final state, else a challenge."""
    with backend(out) as commands:
        sent = commands.submit_proof(file).result()
    out.show(sent, f"{sent['sent']} is mined in {sent['transaction']}. {sent['next']}")


@main.group()
def evidence() -> None:
    """Export and verify evidence of what the broker signed and may not have."""


@evidence.command("export")
@click.argument("flag", type=click.IntRange(min=1))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def evidence_export(out: Context, flag: int, file: Path) -> None:
    """Write the evidence of a flag (its number: see flags) as a file that anyone can check."""
    out.stored().export_evidence(file, flag)
    out.show({"flag": flag, "file": str(file)}, f"Evidence of flag {flag} written to {file}")


@evidence.command("verify")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def evidence_verify(out: Context, file: Path) -> None:
    """Check evidence and say what it proves; needs no connection."""
    from wallet.app.evidence import describe, load

    out.show(*describe(load(file)))


@main.command()
@wallet_command
def flags(out: Context) -> None:
    """Show invalid states the broker signed, and what became of them."""
    from wallet.app.messages import sentence

    rows = out.stored().flags()
    text = "\n".join(
        f"#{row['id']} state {row['increment']} {row['code']}: {sentence(row['code'])}"
        f" Expected {row['expected']}, got {row['got']}." + (" Resolved." if row["resolved"] else "")
        for row in rows
    )
    out.show({"flags": rows}, text or "No flags.")


main.add_command(updates)
