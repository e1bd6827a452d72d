"""``channel-wallet backup``: the profile in one sealed file, and a profile from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wallet.cli.output import Context, show_time, wallet_command

if TYPE_CHECKING:
    from wallet.app.backup import Contents

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def backup() -> None:
    """Make, check and restore backups: keys, history and settings under the profile's password; no session keys."""


@backup.command("make")
@_file
@wallet_command
def backup_make(out: Context, file: Path) -> None:
    """Write the backup, and read it again. The wallet may be at work meanwhile."""
    from wallet.app import backup as backups
    from wallet.keys import gate

    path = out.profile_path()
    vault = gate.unlock(path / backups.KEYS, out.password())
    try:
        size = backups.make(path, vault, file)
    finally:
        vault.lock()
    out.show({"file": str(file), "bytes": size}, f"The profile is backed up to {file}")


@backup.command("verify")
@_file
@wallet_command
def backup_verify(out: Context, file: Path) -> None:
    """Open a backup, look at all of it, and throw that away. Asks for the password it was made under."""
    from wallet.app import backup as backups

    found = backups.verify(file, out.password())
    out.show(_row(found), f"The backup of {show_time(found.made)} can be read: {_words(found)}.")


@backup.command("restore")
@_file
@wallet_command
def backup_restore(out: Context, file: Path) -> None:
    """Make the profile (--profile) from a backup. Open channels are only left, not traded in: see `channel list`."""
    from wallet.app import backup as backups

    path = out.profile_path()
    found = backups.restore(file, out.password(), path)
    text = f"The profile of {show_time(found.made)} is at {path}: {_words(found)}."
    if found.open_channels:
        text += "\nOpen channels recover: finalize them with the broker, or leave without him."
    out.show({**_row(found), "profile": str(path)}, text)


def _row(found: Contents) -> dict[str, Any]:
    return {
        "made": found.made,
        "accounts": ["0x" + address.hex() for address in found.accounts],
        "channels": found.channels,
        "openChannels": found.open_channels,
        "settings": found.settings,
        "bytes": found.size,
    }


def _words(found: Contents) -> str:
    return f"{len(found.accounts)} account(s), {found.channels} channel(s), {found.open_channels} of them open"
