"""Values that must not be shown by accident: in a log, an exception, a repr or a pickle."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Redacted:
    """Base of everything that holds key material: no repr, no pickle, no copy of what is inside."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __str__(self) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and is neither copied nor pickled")


class Secret(Redacted):
    """A password or phrase on its way through the program; only :meth:`reveal` shows it.

    Text that came from the environment or a file descriptor may hold undecodable bytes as lone surrogates: they
    are kept, so that no encoding error (which would carry the text) is ever raised.
    """

    __slots__ = ("_bytes",)

    def __init__(self, text: str) -> None:
        self._bytes = bytearray(text.encode("utf-8", "surrogatepass"))

    def reveal(self) -> str:
        """The text itself. Keep it in a local, never in an attribute or a message."""
        return self._bytes.decode("utf-8", "surrogatepass")

    def wipe(self) -> None:
        """Forget the text, as far as Python can: other copies that were revealed are out of reach."""
        self._bytes[:] = bytes(len(self._bytes))
        del self._bytes[:]

    def __bool__(self) -> bool:
        return bool(self._bytes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> NoReturn:
        raise TypeError("a hash would be a fingerprint of the secret")
