"""Where commands get what must not be seen: an open file descriptor, the environment, or a question; never an argument.

Other users of the machine can read a command's arguments.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.keys.secret import Secret

_MAX_BYTES = 4_096


def secret_of(descriptor: int | None, variable: str, asked: str, *, new: bool = False) -> Secret:
    """The first line of ``descriptor`` if there is one, else the variable, else the answer to ``asked``.

    ``new``: ask twice. Raises WalletError("PASSWORD_FD").
    """
    from wallet.keys.secret import Secret

    given = given_secret(descriptor, variable)
    if given is not None:
        return given
    return Secret(str(click.prompt(asked, hide_input=True, confirmation_prompt=new, err=True)))


def given_secret(descriptor: int | None, variable: str) -> Secret | None:
    """The same without a question. Raises WalletError("PASSWORD_FD")."""
    from wallet.keys.secret import Secret

    if descriptor is not None:
        return Secret(_line(descriptor))
    given = os.environ.get(variable)
    return None if given is None else Secret(given)


def _line(descriptor: int) -> str:
    """One line, read byte by byte: what follows in the descriptor is for whoever reads it next."""
    data = bytearray()
    try:
        while len(data) < _MAX_BYTES and (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
            data += byte
    except OSError as error:
        raise WalletError("PASSWORD_FD", number=descriptor, why=error.strerror or "") from error
    return bytes(data).rstrip(b"\r").decode("utf-8", "surrogateescape")
