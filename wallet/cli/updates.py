"""``channel-wallet updates``: whether newer releases are looked for, where, and what is found."""

from __future__ import annotations

import click

from wallet import __version__
from wallet.cli.output import Context, wallet_command


@click.group()
def updates() -> None:
    """Look for a newer signed release; off until you switch it on."""


@updates.command("on")
@click.argument("url")
@click.argument("key")
@wallet_command
def updates_on(out: Context, url: str, key: str) -> None:
    """Look at URL, and believe only what KEY (minisign's public key) has signed."""
    from wallet.app.profile import Profile
    from wallet.app.updates import read_source, save

    source = read_source(url, key, __version__)
    profile = Profile(out.profile_path())
    try:
        save(profile.path, source)
    finally:
        profile.close()
    out.show({"url": source.url, "key": source.key}, f"Releases are looked for at {source.url}")


@updates.command("off")
@wallet_command
def updates_off(out: Context) -> None:
    """Look no more, and forget address and key."""
    from wallet.app.updates import save

    save(out.profile_path(), None)
    out.show({"url": None}, "Releases are not looked for.")


@updates.command("check")
@wallet_command
def updates_check(out: Context) -> None:
    """Look now. Nothing is downloaded or installed."""
    import asyncio

    from wallet.app.updates import check

    found = asyncio.run(check(out.profile_path(), __version__))
    row = {"running": __version__, "newer": None if found is None else {"version": found.version, "date": found.date}}
    text = (
        "No newer release."
        if found is None
        else f"Version {found.version} of {found.date} is there; this is {__version__}."
    )
    out.show(row, text)
