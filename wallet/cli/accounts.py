"""``channel-wallet keys``: create, restore and list, and another password."""

from __future__ import annotations

import os

import click

from wallet.cli.output import Context, wallet_command


@click.group()
def keys() -> None:
    """Create, restore and list keys, change the password."""


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


@keys.command("passwd")
@wallet_command
def keys_passwd(out: Context) -> None:
    """Change the password: CHANNEL_WALLET_PASSWORD to CHANNEL_WALLET_NEW_PASSWORD, or asked. Close the window first.

    Copies and backups made before keep the old one.
    """
    from wallet.app.profile import Profile
    from wallet.keys.kdf import check_password
    from wallet.keys.secret import Secret
    from wallet.keys.vault import open_vault

    open_vault(out.profile_path() / "keys.vault")  # there is one: no profile is made by asking
    profile = Profile(out.profile_path())
    try:
        locked, old = open_vault(profile.vault), out.password()
        vault = locked.unlock(old)
        given = os.environ.get("CHANNEL_WALLET_NEW_PASSWORD")
        if given is None:
            given = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
        vault.change_password(old, check_password(Secret(given)))
        vault.lock()
    finally:
        profile.close()
    out.show({"changed": True}, "The password is changed. Copies and backups made before keep the old one.")
