"""``channel-wallet accounts``, ``send``, ``transactions``, ``addresses``: the owner's own accounts beside the channels.

Everything that is sent is read from the bytes that will be signed, and printed, before it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from wallet.cli.output import Context, show_time, wallet_command
from wallet.cli.reach import backend
from wallet.protocol.addresses import read_address, show_address
from wallet.protocol.amounts import format_amount, parse_decimal
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.backend import Commands
    from wallet.app.purse_views import AccountView, DraftView, PurseView, TransactionView
    from wallet.app.snapshots import AssetInfo

ALL = "max"

_broker = click.option("--broker", "named", metavar="NAME", help="On this broker's chain; else on the usual one's.")
_speed = click.option(
    "--speed",
    type=click.Choice(("slow", "normal", "fast")),
    default="normal",
    show_default=True,
    help="How soon it is to be mined, and what the network takes for that.",
)
_dry = click.option("--dry-run", is_flag=True, help="Show what would be signed, and sign nothing.")


# --- accounts --------------------------------------------------------------------------------------------------------


@click.group()
def accounts() -> None:
    """Your accounts on the chain: what they hold, and adding more of the same recovery words."""


@accounts.command("list")
@_broker
@wallet_command
def accounts_list(out: Context, named: str | None) -> None:
    """Show every account with what it holds."""
    with _at(out, named) as (_, _broker_id, view):
        pass
    rows = [
        {
            "address": show_address(row.address),
            "label": row.label,
            "path": row.path,
            "kind": row.kind,
            "holdings": {held.asset.symbol: _figure(held.asset, held.amount) for held in row.holdings},
        }
        for row in view.accounts
    ]
    out.show({"chainId": view.chain_id, "accounts": rows}, "\n".join(map(_account_line, view.accounts)))


@accounts.command("add")
@click.option("--label", default="", help="What you call it.")
@wallet_command
def accounts_add(out: Context, label: str) -> None:
    """Add the next account of your recovery words."""
    with backend(out) as commands:
        address = show_address(commands.add_account(label).result())
    out.show({"address": address}, address)


@accounts.command("label")
@click.argument("account")
@click.argument("label")
@wallet_command
def accounts_label(out: Context, account: str, label: str) -> None:
    """Call an account something else."""
    address = read_address(account)
    with backend(out) as commands:
        commands.rename_account(address, label).result()
    out.show({"address": show_address(address), "label": label}, f"{show_address(address)}  {label}")


@accounts.command("find")
@_broker
@wallet_command
def accounts_find(out: Context, named: str | None) -> None:
    """Look on the chain for accounts of your recovery words that were used, and add them."""
    with _at(out, named) as (commands, broker, _):
        new = commands.find_accounts(broker).result()
    out.show({"new": new}, f"{new} account{'' if new == 1 else 's'} found and added.")


# --- sending ---------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("amount")
@click.argument("asset")
@click.argument("to")
@click.option("--from", "sender", metavar="ADDRESS", help="The account it is sent from; else the first.")
@click.option("--anyway", is_flag=True, help="Though the recipient's address is warned of.")
@_speed
@_dry
@_broker
@wallet_command
def send(
    out: Context,
    amount: str,
    asset: str,
    to: str,
    sender: str | None,
    anyway: bool,
    speed: str,
    dry_run: bool,
    named: str | None,
) -> None:
    """Send AMOUNT (or max) of ASSET to an address, or to a name of the address book: send 0.5 ETH 0x…"""
    from wallet.app.messages import sentence

    with _at(out, named) as (commands, broker, view):
        info = _asset(view, asset)
        wanted = None if amount == ALL else parse_decimal(amount, info.decimals)
        account = view.accounts[0].address if sender is None else _meant(view, sender)
        draft = commands.prepare_send(broker, account, _meant(view, to), info.address, wanted, speed).result()
        if draft.warnings and not (anyway or dry_run):
            code, params = draft.warnings[0]
            raise WalletError("TX_WARNED", warning=sentence(code, dict(params)))
        digest = None if dry_run else commands.send_prepared(broker, account, draft.unsigned).result()
    _show(out, draft, digest)


@click.group()
def transactions() -> None:
    """What was sent from your accounts, and what became of it; speeding up and cancelling what is stuck."""


@transactions.command("list")
@_broker
@wallet_command
def transactions_list(out: Context, named: str | None) -> None:
    """Show them, the newest first."""
    with _at(out, named) as (_, _broker_id, view):
        pass
    rows = [_transaction(view, row) for row in view.transactions]
    lines = [_transaction_line(row) for row in view.transactions]
    out.show({"transactions": rows}, "\n".join(lines) or "Nothing was sent yet.")


def _replacer(name: str, words: str, *, cancel: bool) -> Callable[..., None]:
    @transactions.command(name, help=words)
    @click.argument("transaction")
    @_speed
    @_dry
    @_broker
    @wallet_command
    def run(out: Context, transaction: str, speed: str, dry_run: bool, named: str | None) -> None:
        with _at(out, named) as (commands, broker, view):
            digest = _chosen(view, transaction)
            draft = commands.prepare_replacement(broker, digest, cancel, speed).result()
            sent = None if dry_run else commands.send_prepared(broker, draft.sender, draft.unsigned).result()
        _show(out, draft, sent)

    return run


_replacer("speed-up", "Send TRANSACTION (the beginning of its hash) again with a higher bid.", cancel=False)
_replacer("cancel", "Take the place of TRANSACTION by one that moves nothing.", cancel=True)


# --- the address book ------------------------------------------------------------------------------------------------


@click.group()
def addresses() -> None:
    """The address book: names for addresses you send to."""


@addresses.command("list")
@wallet_command
def addresses_list(out: Context) -> None:
    """Show it; needs no password."""
    from wallet.app import addressbook

    rows = [
        {"name": name, "address": show_address(address)}
        for address, name in addressbook.read(out.profile_path()).items()
    ]
    lines = [f"{row['address']}  {row['name']}" for row in rows]
    out.show({"addresses": rows}, "\n".join(lines) or "The address book is empty.")


@addresses.command("add")
@click.argument("name")
@click.argument("address")
@wallet_command
def addresses_add(out: Context, name: str, address: str) -> None:
    """Put an address in, or give it another name."""
    whole = read_address(address)
    with backend(out) as commands:
        commands.name_address(whole, name).result()
    out.show({"name": name, "address": show_address(whole)}, f"{show_address(whole)}  {name}")


@addresses.command("remove")
@click.argument("address")
@wallet_command
def addresses_remove(out: Context, address: str) -> None:
    """Take an address, or a name, out."""
    from wallet.app import addressbook

    known = {name.casefold(): held for held, name in addressbook.read(out.profile_path()).items()}
    whole = known.get(address.casefold()) or read_address(address)
    with backend(out) as commands:
        commands.forget_address(whole).result()
    out.show({"address": show_address(whole)}, f"{show_address(whole)} is taken out.")


# --- what they share -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _at(out: Context, named: str | None) -> Iterator[tuple[Commands, bytes, PurseView]]:
    from wallet.app.choice import KnownBroker, choose_broker

    with backend(out) as commands:
        view = commands.view(b"", b"").result()
        if not view.brokers:
            raise WalletError("NO_BROKER")
        known = [KnownBroker(row.id, row.name) for row in view.brokers]
        broker = choose_broker(known, named) if named is not None else view.broker
        commands.online(broker, chain_only=True).result()
        yield commands, broker, commands.purse(broker).result()


def _meant(view: PurseView, typed: str) -> bytes:
    """An address, or what has this name in the book."""
    found = [row.address for row in view.book if row.name.casefold() == typed.strip().casefold()]
    return found[0] if len(found) == 1 else read_address(typed)


def _asset(view: PurseView, symbol: str) -> AssetInfo:
    found = next((info for info in view.assets if info.symbol.casefold() == symbol.casefold()), None)
    if found is None:
        raise WalletError("ASSET_NAME", asset=symbol, known=", ".join(info.symbol for info in view.assets))
    return found


def _chosen(view: PurseView, typed: str) -> bytes:
    """The transaction whose hash begins so. Raises WalletError("TX_UNKNOWN")."""
    start = typed.strip().lower().removeprefix("0x")
    found = [row.hash for row in view.transactions if start and row.hash.hex().startswith(start)]
    if len(found) != 1:
        raise WalletError("TX_UNKNOWN", hash=typed[:70])
    return found[0]


def _show(out: Context, draft: DraftView, digest: bytes | None) -> None:
    lines = [draft.title, *(f"  {label}: {value}" for label, value in draft.rows)]
    lines.append(f"Sent: 0x{digest.hex()}" if digest else "Nothing was signed.")
    value = {
        "title": draft.title,
        "rows": [{"label": label, "value": text} for label, text in draft.rows],
        "unsigned": "0x" + draft.unsigned.hex(),
        "mostFeeWei": str(draft.most_fee),
        "warnings": [code for code, _ in draft.warnings],
        "transaction": "0x" + digest.hex() if digest else None,
    }
    out.show(value, "\n".join(lines))


def _figure(info: AssetInfo, amount: int) -> str:
    return format_amount(amount, info.decimals)


def _account_line(row: AccountView) -> str:
    held = "  ".join(f"{_figure(one.asset, one.amount)} {one.asset.symbol}" for one in row.holdings if one.amount)
    kind = {"imported": "imported", "watched": "watched only"}.get(row.kind, "")
    return "  ".join(part for part in (show_address(row.address), row.label, kind, held or "nothing") if part)


def _transaction(view: PurseView, row: TransactionView) -> dict[str, Any]:
    return {
        "transaction": "0x" + row.hash.hex(),
        "status": row.status,
        "purpose": row.purpose,
        "time": row.created,
        "from": show_address(row.sender),
        "nonce": row.nonce,
        "to": show_address(row.to),
        "name": row.name,
        "asset": row.asset.symbol,
        "amount": _figure(row.asset, row.amount),
        "mostFee": _figure(view.coin, row.most_fee),
        "paidFee": _figure(view.coin, row.paid_fee) if row.paid_fee else None,
        "block": row.block or None,
    }


def _transaction_line(row: TransactionView) -> str:
    what = f"{_figure(row.asset, row.amount)} {row.asset.symbol} to {row.name or show_address(row.to)}"
    return f"0x{row.hash.hex()[:8]}  {show_time(row.created)}  {row.status}  {row.purpose}  {what}"
