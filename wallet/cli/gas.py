"""``channel-wallet gas``: the small account that pays for answers while the owner's key is locked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from wallet.cli.output import Context, wallet_command
from wallet.cli.reach import backend
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.backend import Commands
    from wallet.app.snapshots import GasView

KNOWN_WITHIN = 200  # looks


@click.group()
def gas() -> None:
    """The gas key: what it holds, and giving and taking back. It pays for answers to disputes, and for nothing else."""


_broker = click.option("--broker", "named", metavar="NAME", help="On this broker's chain; else on the usual one's.")


@gas.command("show")
@_broker
@wallet_command
def gas_show(out: Context, named: str | None) -> None:
    """Show address and balance, and how many answers it pays for at the present price."""
    with _at(out, named) as (commands, broker):
        found = _view(commands, broker)
    value = {
        "address": "0x" + found.address.hex(),
        "wei": str(found.balance),
        "answers": found.answers,
        "lackingWei": str(found.lacking),
    }
    text = f"{value['address']} holds {_coin(found, found.balance)}: {found.answers} answers at the present price"
    out.show(value, text + (f"; it lacks {_coin(found, found.lacking)}" if found.lacking else ""))


@gas.command("fund")
@_broker
@wallet_command
def gas_fund(out: Context, named: str | None) -> None:
    """Give it what a dispute may cost at twice the present price, from your own account."""
    with _at(out, named) as (commands, broker):
        given = commands.fund_gas(broker).result()
        found = _view(commands, broker)
    text = f"It was given {_coin(found, given)}." if given else "It has enough. Nothing was sent."
    out.show({"wei": str(given)}, text)


@gas.command("sweep")
@click.option("--anyway", is_flag=True, help="Though a channel is open, which it could then not defend.")
@_broker
@wallet_command
def gas_sweep(out: Context, named: str | None, anyway: bool) -> None:
    """Take back to your own account all it holds."""
    with _at(out, named) as (commands, broker):
        arrived = commands.sweep_gas(broker, anyway).result()
        found = _view(commands, broker)
    out.show({"wei": str(arrived)}, f"{_coin(found, arrived)} came back.")


@contextlib.contextmanager
def _at(out: Context, named: str | None) -> Iterator[tuple[Commands, bytes]]:
    from wallet.app.choice import KnownBroker, choose_broker

    with backend(out) as commands:
        view = commands.view(b"", b"").result()
        if not view.brokers:
            raise WalletError("NO_BROKER")
        known = [KnownBroker(row.id, row.name) for row in view.brokers]
        broker = choose_broker(known, named) if named is not None else view.broker
        commands.online(broker, chain_only=True).result()
        yield commands, broker


def _view(commands: Commands, broker: bytes) -> GasView:
    """Once the watcher has looked at it."""
    import time

    for _ in range(KNOWN_WITHIN):
        found = commands.view(broker, b"").result().gas
        if found is not None and found.known:
            return found
        time.sleep(0.05)
    raise WalletError("CHAIN_UNREACHABLE", node="")


def _coin(found: GasView, wei: int) -> str:
    return f"{format_amount(wei, found.coin.decimals)} {found.coin.symbol}"
