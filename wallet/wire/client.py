"""The trader's end: dial a broker."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http import HTTPStatus

from websockets.asyncio.client import connect as dial
from websockets.exceptions import InvalidHandshake, InvalidStatus

from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain
from wallet.wire import peer as wire
from wallet.wire.frames import MAX_FRAME
from wallet.wire.hosts import Address, read_url
from wallet.wire.limits import Limits
from wallet.wire.peer import Handler, NoticeHandler, Peer
from wallet.wire.sockets import socket_logger

# A broker that sends more than this is not trading but flooding; the window must stay alive.
CLIENT_LIMITS = Limits(rate=2_000, burst=8_000)


async def connect(
    url: str,
    *,
    handlers: Mapping[str, Handler] | None = None,
    notices: Mapping[str, NoticeHandler] | None = None,
    limits: Limits = CLIENT_LIMITS,
) -> Peer:
    """A started connection to the broker at ``url``, not yet authenticated; ``peer.host`` is what Auth signs.

    Raises WalletError: BROKER_URL (see :func:`wallet.wire.hosts.read_url`), BROKER_UNREACHABLE (nobody answers),
    BROKER_TLS (the certificate isn't right: there is no "continue anyway"), BROKER_HANDSHAKE (somebody answers, but
    speaks no WebSocket there), BROKER_FULL (a broker that takes no more connections now).
    """
    address = read_url(url)
    peer = await _dial(address, limits)
    peer.handlers.update(handlers or {})
    peer.notices.update(notices or {})
    peer.start()
    return peer


async def _dial(address: Address, limits: Limits) -> Peer:
    try:
        connection = await dial(
            address.url,
            # said twice, so that a redirect to anywhere else is an error
            host=address.name,
            port=address.port,
            ssl=_tls() if address.secure else None,
            proxy=None,  # never one from the environment
            compression=None,
            user_agent_header=None,
            open_timeout=wire.OPEN_TIMEOUT,
            close_timeout=wire.CLOSE_TIMEOUT,
            ping_interval=wire.PING_INTERVAL,
            ping_timeout=wire.PING_TIMEOUT,
            max_size=MAX_FRAME,
            logger=socket_logger(),
        )
    except ssl.SSLCertVerificationError as error:
        raise WalletError("BROKER_TLS", url=address.url, why=plain(error.verify_message)) from error
    except ssl.SSLError as error:
        raise WalletError("BROKER_TLS", url=address.url, why=plain(error.reason or "")) from error
    except InvalidStatus as error:
        status = error.response.status_code
        code = "BROKER_FULL" if status == HTTPStatus.SERVICE_UNAVAILABLE else "BROKER_HANDSHAKE"
        raise WalletError(code, url=address.url, why=f"HTTP {status}") from error
    except (InvalidHandshake, ValueError) as error:
        raise WalletError("BROKER_HANDSHAKE", url=address.url, why=plain(str(error))) from error
    except TimeoutError as error:
        raise WalletError("BROKER_UNREACHABLE", url=address.url, why="no answer in time") from error
    except (OSError, EOFError) as error:
        why = plain(str(error)) or "the connection was closed"
        raise WalletError("BROKER_UNREACHABLE", url=address.url, why=why) from error
    return Peer(connection, address.host, limits)


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
