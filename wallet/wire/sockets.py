"""What both ends of a WebSocket share."""

from __future__ import annotations

import logging


def socket_logger() -> logging.Logger:
    """For the WebSocket library, which reports a stranger's bad handshake as an error with a traceback."""
    logger = logging.getLogger("wallet.wire.socket")
    logger.setLevel(logging.CRITICAL)
    return logger
