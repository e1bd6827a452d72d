"""``channel-wallet keys``: made, restored, brought in, given out, locked; and another password."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wallet.cli.operating import key_password
from wallet.cli.output import Context, wallet_command
from wallet.cli.passwords import given_secret, secret_of
from wallet.protocol.addresses import read_address, show_address
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wallet.keys.secret import Secret
    from wallet.keys.vault import Vault

PASSPHRASE = "CHANNEL_WALLET_PASSPHRASE"  # noqa: S105 - the variable's name

_label = click.option("--label", default="", help="What you call it.")
_passphrase = click.option(
    "--passphrase",
    "with_passphrase",
    is_flag=True,
    help=f"Ask for a BIP-39 passphrase ({PASSPHRASE}): other accounts of the same words. Forgotten, they are lost.",
)
_key_fd = click.option(
    "--key-password-fd",
    type=click.IntRange(min=0),
    metavar="N",
    help="Read the key file's password from this open file descriptor; else CHANNEL_WALLET_KEY_PASSWORD, or asked.",
)


@click.group()
def keys() -> None:
    """Create, restore, import, list and export keys, change the password, lock."""


@keys.command("create")
@click.option("--words", type=click.Choice(["12", "24"]), default="12", show_default=True)
@_passphrase
@_label
@wallet_command
def keys_create(out: Context, words: str, with_passphrase: bool, label: str) -> None:
    """Make a new recovery phrase and an encrypted key file. Write the words down: they are shown once."""
    from wallet.keys.mnemonic import create_phrase
    from wallet.keys.vault import create_vault

    phrase = create_phrase(int(words))
    extra = _asked_passphrase(with_passphrase, new=True)
    address = out.create_vault(create_vault, phrase, passphrase=extra, label=label)
    out.show({"address": address, "phrase": phrase.reveal()}, f"Your address: {address}\nYour words: {phrase.reveal()}")


@keys.command("restore")
@_passphrase
@_label
@wallet_command
def keys_restore(out: Context, with_passphrase: bool, label: str) -> None:
    """Make the key file from a recovery phrase (CHANNEL_WALLET_PHRASE, or asked)."""
    from wallet.keys.mnemonic import check_phrase
    from wallet.keys.vault import create_vault

    phrase = secret_of(None, "CHANNEL_WALLET_PHRASE", "Recovery phrase")
    check_phrase(phrase)
    extra = _asked_passphrase(with_passphrase, new=False)
    address = out.create_vault(create_vault, phrase, passphrase=extra, label=label)
    out.show({"address": address}, f"Your address: {address}")


def _asked_passphrase(wanted: bool, *, new: bool) -> Secret | None:
    return secret_of(None, PASSPHRASE, "Passphrase", new=new) if wanted else given_secret(None, PASSPHRASE)


@keys.command("import")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--private-key", is_flag=True, help="A private key (CHANNEL_WALLET_PRIVATE_KEY, or asked).")
@click.option("--watch", metavar="ADDRESS", help="Only an address, to be looked at.")
@_label
@_key_fd
@wallet_command
def keys_import(
    out: Context, file: Path | None, private_key: bool, watch: str | None, label: str, key_password_fd: int | None
) -> None:
    """Bring in one account: a key file of any Ethereum tool (FILE, version 3), a private key, or a watched address.

    It joins the wallet that is there; if there is none, a wallet is made of it, without recovery words.
    """
    from wallet.keys.hd import read_private_key
    from wallet.keys.keystore import open_keystore
    from wallet.keys.vault import create_vault_of_key, create_vault_watching

    if (file is not None) + private_key + (watch is not None) != 1:
        raise WalletError("IMPORT_ONE")
    address, key = b"", b""
    if watch is not None:
        address = read_address(watch)
    elif file is not None:
        key = open_keystore(file, key_password(key_password_fd))
    else:
        key = read_private_key(secret_of(None, "CHANNEL_WALLET_PRIVATE_KEY", "Private key"))
    if not (out.profile_path() / "keys.vault").exists():
        make, what = (create_vault_of_key, key) if key else (create_vault_watching, address)
        shown = out.create_vault(make, what, label=label)
    else:
        with _held(out) as vault:
            account = vault.import_key(key, label) if key else vault.watch(address, label)
            shown = "0x" + account.address.hex()
    out.show({"address": shown}, f"Brought in: {shown}")


@keys.command("export")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--account", metavar="ADDRESS", help="Whose key; else the first account's.")
@click.option("--phrase", is_flag=True, help="Print the recovery words instead. Let nobody see them.")
@_key_fd
@wallet_command
def keys_export(
    out: Context, file: Path | None, account: str | None, phrase: bool, key_password_fd: int | None
) -> None:
    """Write one account's key into a key file (version 3) under a password of its own, for another program."""
    from wallet.keys import gate
    from wallet.keys.keystore import save_keystore

    if (file is not None) == phrase:
        raise WalletError("EXPORT_ONE")
    vault = gate.unlock(out.profile_path() / "keys.vault", out.password())
    try:
        if file is None:
            words = vault.export_phrase().reveal()
            out.show({"phrase": words}, words)
            return
        which = read_address(account) if account is not None else 0
        address, key = vault.account(which).address, vault.export_key(which)
    finally:
        vault.lock()
    password = key_password(key_password_fd, new=True)
    out.judge(password)
    save_keystore(file, key, password)
    shown = "0x" + address.hex()
    out.show({"address": shown, "file": str(file)}, f"The key of {shown} is in {file}")


@keys.command("list")
@wallet_command
def keys_list(out: Context) -> None:
    """Show the accounts; needs no password."""
    from wallet.keys.vault import open_vault

    accounts = open_vault(out.profile_path() / "keys.vault").accounts
    rows = [
        {"address": "0x" + row.address.hex(), "path": row.path, "label": row.label, "kind": row.kind}
        for row in accounts
    ]
    lines = [f"{show_address(row.address)}  {row.path or row.kind}  {row.label}".rstrip() for row in accounts]
    out.show({"accounts": rows}, "\n".join(lines))


@keys.command("passwd")
@click.option(
    "--new-password-fd",
    type=click.IntRange(min=0),
    metavar="N",
    help="Read the new password from this open file descriptor; else CHANNEL_WALLET_NEW_PASSWORD, or asked.",
)
@wallet_command
def keys_passwd(out: Context, new_password_fd: int | None) -> None:
    """Change the password: CHANNEL_WALLET_PASSWORD to CHANNEL_WALLET_NEW_PASSWORD, or asked. Close the window first.

    Copies and backups made before keep the old one.
    """
    from wallet.keys.kdf import calibrate, check_password

    with _held(out) as vault:
        new = secret_of(new_password_fd, "CHANNEL_WALLET_NEW_PASSWORD", "New password", new=True)
        out.judge(check_password(new))
        vault.change_password(out.password(), new, calibrate())
    out.show({"changed": True}, "The password is changed. Copies and backups made before keep the old one.")


@keys.command("lock")
@wallet_command
def keys_lock(out: Context) -> None:
    """Lock the window, and let the keyring forget its key: only the password opens the wallet from here on."""
    from wallet.app.owner.guest import lock_window
    from wallet.keys import stay

    folder, window = out.profile_path(), False
    if (folder / "owner.sock").exists():
        with contextlib.suppress(WalletError):  # whoever had it has ended
            window = lock_window(folder.resolve())
    was = stay.is_on(folder / "keys.vault")
    stay.turn_off(folder / "keys.vault")
    out.show({"wasUnlocked": was, "window": window}, "Only the password opens this wallet.")


@keys.command("stay-unlocked")
@wallet_command
def keys_stay_unlocked(out: Context) -> None:
    """Let this computer's keyring open the wallet, without the password, until “keys lock”.

    Whoever uses this computer as you can use the wallet then. The keyring holds one random key and nothing else.
    """
    from wallet.keys import stay

    with _held(out) as vault:
        stay.turn_on(vault)
    out.show({"stays": True}, "This computer's keyring opens the wallet from here on. “keys lock” takes it back.")


@contextlib.contextmanager
def _held(out: Context) -> Iterator[Vault]:
    """The vault unlocked, and nobody else at it. Raises WalletError("PROFILE_IN_USE" | "KEYS_…")."""
    from wallet.app.profile import Profile
    from wallet.keys import gate
    from wallet.keys.vault import open_vault

    open_vault(out.profile_path() / "keys.vault")  # there is one: no profile is made by asking
    profile = Profile(out.profile_path())
    try:
        vault = gate.unlock(profile.vault, out.password())
        try:
            yield vault
        finally:
            vault.lock()
    finally:
        profile.close()
