"""``channel-wallet history``, ``proof``, ``evidence``, ``flags``: what was signed, shown, proved and kept."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wallet.cli.output import Context, channel_option, wallet_command
from wallet.cli.reach import backend
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.protocol.proof import Proof


@click.group()
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


@history.command("accept-loss")
@click.option("--yes", is_flag=True, help="Do it without a question.")
@wallet_command
def history_accept_loss(out: Context, yes: bool) -> None:
    """Open a history again that lacks states it had: its channels are then left, and trade no more."""
    from wallet.app.installation import accept_loss, lost_rows
    from wallet.app.messages import sentence
    from wallet.app.profile import Profile

    with contextlib.closing(Profile(out.profile_path())) as profile:
        lost = lost_rows(profile.journal)
        out.warn("LOSS-WHAT", expected=lost[0], got=lost[1])
        out.warn("LOSS-CHOICE")
        if not yes and not (sys.stdin.isatty() and click.confirm("Go on without trading?", err=True)):
            raise WalletError("CANCELLED")
        count = accept_loss(profile.journal)
    out.show({"restored": count}, sentence("LOSS-ACCEPTED", {"count": count}))


@click.group()
def proof() -> None:
    """Export, verify, print and submit withdrawal proofs."""


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
@click.option("--rpc", "urls", multiple=True, metavar="URL", help="Ask this node how it stands on its chain.")
@click.option("--chain", "ask", is_flag=True, help="Ask the profile's own and its brokers' nodes; needs no password.")
@wallet_command
def proof_verify(out: Context, file: Path, urls: tuple[str, ...], ask: bool) -> None:
    """Check a proof and say what it is worth to whom; needs no connection.

    With a node, also how it stands on its chain now: what is recorded there, until when, and who may do what next.
    """
    from wallet.app import standing
    from wallet.app.proofs import describe, load

    found = load(file)
    value, text = describe(found)
    if not urls and not ask:
        out.show(value, text)
        return
    try:
        stands = asyncio.run(standing.ask_nodes((*urls, *(_nodes(out, found) if ask else ())), found))
    except WalletError:
        if not out.as_json:
            click.echo(text)  # what the file itself proves stands without the chain
        raise
    out.show({**value, "onChain": stands.show()}, f"{text}\n{stands.says}\n{stands.next}")


def _nodes(out: Context, proof: Proof) -> tuple[str, ...]:
    """The nodes that the profile knows of a proof's contract, its user's own first. WalletError("PROOF_NO_NODE")."""
    from wallet.app import nodes
    from wallet.app.profile import kept_brokers

    path, domain = out.profile_path(), proof.domain
    own = nodes.read(path).get(domain.chain_id, ())
    theirs = (url for broker in kept_brokers(path) if broker.domain == domain for url in broker.rpc)
    if not (urls := (*own, *theirs)):
        raise WalletError("PROOF_NO_NODE", chain=domain.chain_id, contract="0x" + domain.contract.hex())
    return urls


@proof.command("print")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("pdf", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def proof_print(out: Context, file: Path, pdf: Path) -> None:
    """Make a page of paper of a proof: what it says, and codes that hold all of it."""
    from wallet.app.proofs import load, show
    from wallet.app.sheet import sheet
    from wallet.gui.paper import standalone, write_pdf

    page = sheet(show(load(file)), {})
    app = standalone()
    write_pdf(page, pdf)
    del app
    out.show({"file": str(pdf), "codes": len(page.codes)}, f"The page is written to {pdf}")


@proof.command("submit")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def proof_submit(out: Context, file: Path) -> None:
    """Send what the proof allows: close for a final state, else a challenge."""
    with backend(out) as commands:
        sent = commands.submit_proof(file).result()
    out.show(sent, f"{sent['sent']} is mined in {sent['transaction']}. {sent['next']}")


@click.group()
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


@click.command()
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
