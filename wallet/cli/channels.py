"""``channel-wallet channel``, and ``faucet``: from the first coins to the withdrawal."""

from __future__ import annotations

from pathlib import Path

import click

from wallet.app.choice import SHOWN
from wallet.cli.leaving import confirm_plan, dry_run_option, exit_after_option, say_exit, show_plan, yes_option
from wallet.cli.output import Context, channel_option, show_time, wallet_command
from wallet.cli.reach import backend, broker_at, target
from wallet.cli.recovering import consent, next_line
from wallet.cli.trading import allocations, amounts
from wallet.protocol.errors import WalletError


@click.command()
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


@click.group()
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
        try:
            broker = broker_at(commands, named, chain_only=True)
        except WalletError as error:
            if error.code == "BROKER_UNREACHABLE" and Path(named).exists():
                out.warn("FIND-ALONE", file=named)
            raise
        taken, others = commands.find_channels(broker).result()
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
