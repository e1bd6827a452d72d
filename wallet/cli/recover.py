"""``channel-wallet recover``: channels found on the chain with nothing but the phrase, a node and the contract."""

from __future__ import annotations

import asyncio
import functools
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wallet.cli.output import Context, show_time, wallet_command
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.alone import Alone, Found
    from wallet.chain.tx import TransactionSigner

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


@click.group()
def recover() -> None:
    """Find, leave and cash channels with the phrase, a node and the contract: no broker, no history.

    Make the keys first: channel-wallet keys restore. With the broker's profile at hand, `channel find` does more.
    """


@dataclass(frozen=True, slots=True)
class Where:
    """What the options say of the place to look at."""

    nodes: tuple[str, ...]
    contract: bytes
    first: int


def _place(command: Callable[..., Any]) -> Callable[..., Any]:
    @click.option("--node", "nodes", multiple=True, metavar="URL", help="Ask this node; may be said several times.")
    @click.option("--contract", metavar="ADDRESS", help="The adjudicator.")
    @click.option(
        "--broker",
        "file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A broker's profile file: names contract and nodes.",
    )
    @click.option("--from-block", "first", type=click.IntRange(min=0), default=0, help="Look from this block on.")
    @functools.wraps(command)
    def wrapped(
        out: Context, nodes: Sequence[str], contract: str | None, file: Path | None, first: int, **more: Any
    ) -> None:
        command(out, _where(out.profile_path(), tuple(nodes), contract, file, first), **more)

    return wrapped


def _where(profile: Path, nodes: tuple[str, ...], contract: str | None, file: Path | None, first: int) -> Where:
    from wallet.app.profile import kept_brokers
    from wallet.chain.nodes import MAX_NODES
    from wallet.session.broker_profile import load

    if contract is not None and not _ADDRESS.fullmatch(contract):
        raise WalletError("ALONE_ADDRESS", got=contract)
    known = [load(file)] if file is not None else kept_brokers(profile)
    named = {row.adjudicator for row in known}
    if contract is None and len(named) != 1:
        raise WalletError("ALONE_CONTRACT")
    address = bytes.fromhex(contract[2:]) if contract is not None else named.pop()
    urls = (*nodes, *(url for row in known if row.adjudicator == address for url in row.rpc))
    if not urls:
        raise WalletError("ALONE_NODE")
    return Where(tuple(dict.fromkeys(urls))[:MAX_NODES], address, first)


def _owner(out: Context) -> bytes:
    from wallet.keys.vault import open_vault

    return open_vault(out.profile_path() / "keys.vault").accounts[0].address


def _at_work(out: Context, where: Where, work: Callable[[Alone, list[Found]], Awaitable[None]]) -> None:
    """The profile is held meanwhile: what is signed here is kept in it."""
    from wallet.app.alone import SENT, Alone
    from wallet.app.profile import Profile

    owner, profile = _owner(out), Profile(out.profile_path())

    async def run() -> None:
        async with await Alone.reach(where.nodes, where.contract, profile.path / SENT) as alone:
            await work(alone, await alone.find(owner, where.first))

    try:
        asyncio.run(run())
    finally:
        profile.close()


def _signer(out: Context) -> TransactionSigner:
    from wallet.keys import gate

    return gate.unlock(out.profile_path() / "keys.vault", out.password()).owner()


@recover.command("find")
@wallet_command
@_place
def recover_find(out: Context, where: Where) -> None:
    """Show the owner's channels on the contract, and what each is worth; needs no password."""

    async def work(alone: Alone, rows: list[Found]) -> None:
        from wallet.app.recovering import amounts

        shown, lines = [], []
        for found in rows:
            shares = await alone.shares(found)
            status = found.standing.status.name.lower()
            row = {
                "channel": "0x" + found.channel.hex(),
                "status": status,
                "increment": found.standing.increment,
                "deadline": found.standing.deadline,
                "broker": "0x" + found.opened.broker.hex(),
                "pays": {"0x" + one.asset.address.hex(): str(one.pays) for one in shares},
                "atMost": {"0x" + one.asset.address.hex(): str(one.pays + one.at_most) for one in shares},
            }
            shown.append(row)
            until = f" until {show_time(found.standing.deadline)}" if found.standing.deadline else ""
            pays = amounts(shares, lambda one: one.pays) or "nothing"
            lines.append(f"{row['channel']}  {status}{until}, state {found.standing.increment}: pays {pays}")
        out.show({"channels": shown}, "\n".join(lines) or "The chain shows no channel of yours on this contract.")

    _at_work(out, where, work)


@recover.command("exit")
@click.option("--channel", "which", metavar="ID", help="The channel whose id begins so; needed only with several.")
@click.option(
    "--proof", "exported", type=click.Path(path_type=Path, dir_okay=False), help="An exported withdrawal proof."
)
@click.option("--old-state", is_flag=True, help="With the state at hand, whatever came after it.")
@wallet_command
@_place
def recover_exit(out: Context, where: Where, which: str | None, exported: Path | None, old_state: bool) -> None:
    """Leave a channel with an exported proof, or else with its opening state."""
    from wallet.app.proofs import load

    proof, signer = load(exported) if exported is not None else None, _signer(out)

    async def work(alone: Alone, rows: list[Found]) -> None:
        from wallet.app.alone import require_of
        from wallet.app.recovering import cost_words
        from wallet.protocol.state import Transition

        found = _meant(rows, which)
        if proof is not None:
            require_of(found, proof, alone.contract)
        increment = proof.state.increment if proof else 0
        if proof is None or proof.state.transition is not Transition.FINALIZE:
            for text in cost_words(increment, await alone.shares(found, proof), shown=False):
                click.echo(text, err=True)
            if not old_state and not (sys.stdin.isatty() and click.confirm("Leave with this state?", err=True)):
                raise WalletError("RECOVERING_OLD_STATE", increment=increment)
        sent = await alone.leave(found, signer, proof)
        standing = await alone.contract.channel(found.channel)
        text = "It is settled by the final state. Now: channel-wallet recover withdraw"
        if standing.deadline:
            text = f"The challenge period ends at {show_time(standing.deadline)}. Then: channel-wallet recover withdraw"
        out.show({"sent": sent, "deadline": standing.deadline}, text)

    _at_work(out, where, work)


def _meant(rows: list[Found], which: str | None) -> Found:
    from wallet.app.choice import KnownChannel, choose_channel
    from wallet.chain.client import Status

    known = [KnownChannel(row.channel, row.standing.status is not Status.SETTLED) for row in rows]
    chosen = choose_channel(known, which)
    return next(row for row in rows if row.channel == chosen)


@recover.command("withdraw")
@wallet_command
@_place
def recover_withdraw(out: Context, where: Where) -> None:
    """Settle what may be settled, and bring all that is credited or free home."""
    signer = _signer(out)

    async def work(alone: Alone, rows: list[Found]) -> None:
        from wallet.protocol.amounts import format_amount

        paid = await alone.withdraw(rows, signer)
        named = [(await alone.name(asset), amount) for asset, amount in paid.items()]
        lines = [f"withdrawn {format_amount(amount, info.decimals)} {info.symbol}" for info, amount in named]
        text = "\n".join(lines) or "There is nothing to withdraw now."
        out.show({"withdrawn": {"0x" + info.address.hex(): str(amount) for info, amount in named}}, text)

    _at_work(out, where, work)
