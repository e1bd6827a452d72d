"""Where a broker is reached: the URL a client may dial, and the one form of host:port that both sides sign."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from wallet.protocol.errors import WalletError

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_HEADER = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})(?::([1-9][0-9]{0,4}))?", re.ASCII)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]*)*", re.ASCII)
TLS_PORT = 443
PLAIN_PORT = 80


@dataclass(frozen=True, slots=True)
class Address:
    """A broker's address: ``url`` to dial, ``host`` as host:port to sign, ``secure`` whether over TLS."""

    url: str
    host: str
    name: str
    port: int
    secure: bool


def is_loopback(name: str) -> bool:
    """Whether ``name`` can only mean this computer."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def read_url(url: str) -> Address:
    """The address in ``url``.

    Raises WalletError("BROKER_URL", why=…) for anything but ``wss://host[:port][/path]``, or the same with ``ws://``
    where the host is this computer. ``why`` is one of: form, scheme, plain (ws:// to another computer), name.
    """
    if len(url) > 500 or not url.isascii() or not url.isprintable() or any(char in url for char in " \\@?#%"):
        raise WalletError("BROKER_URL", why="form", url=url[:200])
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port
    except ValueError:
        raise WalletError("BROKER_URL", why="form", url=url[:200]) from None
    secure = parts.scheme == "wss"
    if parts.scheme not in ("ws", "wss"):
        raise WalletError("BROKER_URL", why="scheme", url=url)
    if not name or not _PATH.fullmatch(parts.path) or port == 0:
        raise WalletError("BROKER_URL", why="form", url=url)
    if ":" in name:
        name = _ipv6(name, url)
    elif not _NAME.fullmatch(name):
        raise WalletError("BROKER_URL", why="name", url=url)
    if not secure and not is_loopback(name):
        raise WalletError("BROKER_URL", why="plain", url=url)
    number = port or (TLS_PORT if secure else PLAIN_PORT)
    host = f"{name}:{number}"
    return Address(f"{parts.scheme}://{host}{parts.path}", host, name.strip("[]"), number, secure)


def _ipv6(name: str, url: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(name).compressed}]"
    except ValueError:
        raise WalletError("BROKER_URL", why="name", url=url) from None


def canonical_host(header: str) -> str | None:
    """host:port from an HTTP Host header; None if it is none.

    A header without a port means the standard one: 80 on this computer, else 443, since nothing else is dialled.
    """
    found = _HEADER.fullmatch(header.lower())
    if found is None:
        return None
    name, port = found.groups()
    return f"{name}:{port or (PLAIN_PORT if is_loopback(name) else TLS_PORT)}"
