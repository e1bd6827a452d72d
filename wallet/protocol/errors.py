"""One error type that every part of the program may raise towards its user.

It carries a stable code and typed parameters; the sentence a person reads is made from them by the message
catalogue, so that window, command line and logs speak with one voice.
"""

from __future__ import annotations


class WalletError(Exception):
    """Something the user can be told: ``code`` is stable, ``params`` fill its sentence. Holds no secret."""

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        self.params = params
        super().__init__(code)

    def __str__(self) -> str:
        if not self.params:
            return self.code
        return f"{self.code} " + ", ".join(f"{key}={value}" for key, value in self.params.items())
