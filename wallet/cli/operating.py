"""What the commands of those who run things share: key files, their passwords, and where a broker's file is.

A password is never an argument: other users of the machine could read it. It comes from the environment, from an open
file descriptor, or it is asked for.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.keys.secret import Secret

VARIABLE = "CHANNEL_WALLET_KEY_PASSWORD"
_MAX_PASSWORD = 4_096

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
    from wallet.keys.secret import Secret

    if descriptor is not None:
        try:
            with os.fdopen(descriptor, "rb", closefd=False) as stream:
                data = stream.read(_MAX_PASSWORD)
        except OSError as error:
            raise WalletError("PASSWORD_FD", number=descriptor, why=error.strerror or "") from error
        return Secret(data.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "replace"))
    given = os.environ.get(VARIABLE)
    if given is None:
        given = click.prompt("Password of the key files", hide_input=True, confirmation_prompt=new, err=True)
    return Secret(str(given))
