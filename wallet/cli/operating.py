"""What the commands of those who run things share: key files, their passwords, and where a broker's file is.

A password is never an argument: other users of the machine could read it. It comes from the environment, from an open
file descriptor, or it is asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wallet.cli.passwords import secret_of
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.keys.secret import Secret

VARIABLE = "CHANNEL_WALLET_KEY_PASSWORD"

password_option = click.option(
    "--password-fd",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Read the key files' password from this open file descriptor; else {VARIABLE}, else it is asked for.",
)
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("broker.toml"),
    show_default=True,
    help="The broker's file.",
)


@contextlib.contextmanager
def extras() -> Iterator[None]:
    """For imports of what a wallet alone does not need. Raises WalletError("OPERATOR_EXTRA", missing)."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise WalletError("OPERATOR_EXTRA", missing=error.name or "") from error


def key_password(descriptor: int | None, *, new: bool = False) -> Secret:
    """The password of key files. Raises WalletError("PASSWORD_FD")."""
    return secret_of(descriptor, VARIABLE, "Password of the key files", new=new)
