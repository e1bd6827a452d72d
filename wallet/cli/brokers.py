"""``channel-wallet broker``: add, list and remove brokers; ``status``: how all of them stand."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wallet.app.choice import short
from wallet.cli.output import Context, wallet_command
from wallet.cli.reach import backend
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.snapshots import AppView, ChannelRow, ConnectionView


@click.group()
def broker() -> None:
    """Add, list and remove brokers. All are connected at once."""


@broker.command("add")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@wallet_command
def broker_add(out: Context, file: Path) -> None:
    """Add the broker of a profile file, once he has proved that he holds its key."""
    with backend(out) as commands:
        address = commands.add_broker(file).result()
        row = next(row for row in commands.view(address, b"").result().brokers if row.id == address)
    out.show({"broker": "0x" + address.hex(), "name": row.name}, f"{row.name} is added: 0x{address.hex()}")


@broker.command("list")
@wallet_command
def broker_list(out: Context) -> None:
    """Show the brokers of this profile; needs neither password nor connection."""
    from wallet.app.profile import kept_brokers

    rows = [
        {"address": "0x" + row.broker.hex(), "name": row.name, "url": row.url, "chain": row.chain_id}
        for row in kept_brokers(out.profile_path())
    ]
    text = "\n".join(f"{row['address']}  {row['name']}  {row['url']}  chain {row['chain']}" for row in rows)
    out.show({"brokers": rows}, text or "No brokers yet.")


@broker.command("remove")
@click.argument("named", metavar="NAME|ADDRESS")
@wallet_command
def broker_remove(out: Context, named: str) -> None:
    """Remove a broker with whom no channel is open. The beginning of his address will do."""
    from wallet.app.choice import KnownBroker, choose_broker

    with backend(out) as commands:
        rows = commands.view(b"", b"").result().brokers
        address = choose_broker([KnownBroker(row.id, row.name) for row in rows], named)
        commands.remove_broker(address).result()
    out.show({"removed": "0x" + address.hex()}, f"0x{address.hex()} is removed.")


@click.command()
@wallet_command
def status(out: Context) -> None:
    """Show brokers and channels: live if a window has the profile open, else as they were left."""
    from wallet.app.owner.guest import Guest

    guest = None
    with contextlib.suppress(FileNotFoundError):
        try:
            guest = Guest(out.profile_path().resolve(strict=True))
        except WalletError as error:
            if error.code not in ("OWNER_GONE", "OWNER_LOCKED", "OWNER_STARTING"):
                raise
    if guest is None:
        _show_left(out)
        return
    with contextlib.closing(guest):
        view = guest.view(b"", b"").result()
    _show_live(out, view)


def _show_live(out: Context, view: AppView) -> None:
    names = {row.id: row.name for row in view.brokers}
    value: dict[str, Any] = {
        "open": True,
        "account": "0x" + view.account.hex(),
        "brokers": [
            {
                "address": "0x" + row.id.hex(),
                "name": row.name,
                "broker": row.connection.broker.value,
                "chain": row.connection.chain.value,
                "roundTripMs": row.connection.round_trip_ms,
                "lastWordMs": row.connection.last_word_ms,
                "problem": row.connection.problem,
                "message": _sentence(row.connection),
            }
            for row in view.brokers
        ],
        "channels": [
            {
                "channel": "0x" + row.id.hex(),
                "broker": "0x" + row.broker.hex(),
                "status": row.phase.value,
                "increment": row.increment,
                "openOrders": row.open_orders,
                "lastSigned": row.last_time,
                "awaiting": row.awaiting,
                "note": row.note,
                "safeOfflineSeconds": row.offline_safe,
            }
            for row in view.channels
        ],
        "flags": sum(not flag.resolved for flag in view.flags),
    }
    lines = ["A window or command has this profile open."]
    for broker in value["brokers"]:
        heard = f", {broker['roundTripMs']} ms" if broker["broker"] == "online" else ""
        lines.append(f"{broker['name']}: {broker['broker']}{heard}, chain {broker['chain']}")
        lines += [f"  {broker['message']}"] if broker["message"] else []
    lines += [
        f"{short(row.id)}  {names.get(row.broker, '')}  {row.phase.value}  state {row.increment}"
        f"  {row.open_orders} open orders{_standing(row)}"
        for row in view.channels
    ]
    out.show(value, "\n".join(lines))


def _standing(row: ChannelRow) -> str:
    """How fresh the last co-signed state is, who owes the next signature, how long one may be away, what hinders."""
    parts = [f"signed {max(int(time.time()) - row.last_time, 0)} s ago"] if row.last_time else []
    parts += [f"{'broker signs' if row.awaiting == 'broker' else 'you sign'} next"] if row.awaiting else []
    parts += [f"safe offline for {row.offline_safe} s"] if row.offline_safe else []
    parts += [row.note] if row.note else []
    return "".join(f"  {part}" for part in parts)


def _sentence(connection: ConnectionView) -> str:
    """What is wrong, as a sentence; nothing if nothing is."""
    from wallet.app.messages import explain

    return explain(WalletError(connection.problem, **dict(connection.problem_params))) if connection.problem else ""


def _show_left(out: Context) -> None:
    rows = []
    with contextlib.suppress(WalletError):  # nothing was ever opened here
        stored = out.stored()
        with contextlib.closing(stored):
            rows = [
                {key: row[key] for key in ("channel", "broker", "status", "increment")} for row in stored.channels()
            ]
    lines = ["No program has this profile open."]
    lines += [
        f"{row['channel'][:10]}  {row['broker']['name']}  {row['status']}  state {row['increment']}" for row in rows
    ]
    out.show({"open": False, "channels": rows}, "\n".join(lines))
