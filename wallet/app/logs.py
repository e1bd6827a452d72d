"""Standard logging to one rotating, owner-only file, behind one filter that keeps secrets out.

The file is for the user's own diagnosis. Whatever looks like a key, a phrase or a signature is cut before it is
written, wherever it came from.
"""

from __future__ import annotations

import logging
import os
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

MAX_BYTES, KEPT = 2_000_000, 3
# 32 bytes or more in hex may be a key; a dozen and more short words in a row may be a phrase
_SECRETS = (
    re.compile(r"(?:0x)?[0-9a-fA-F]{64,}"),
    re.compile(r"\b(?:[a-z]{3,8} ){11,}[a-z]{3,8}\b"),
)
NAME = "wallet.log"


class Redact(logging.Filter):
    """Cuts what may be a secret out of a record, arguments, traceback and all."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True


def redact(text: str) -> str:
    for pattern in _SECRETS:
        text = pattern.sub("[cut]", text)
    return text


class _OwnerOnlyHandler(RotatingFileHandler):
    def _open(self) -> IO[str]:  # type: ignore[override] # typeshed says TextIOWrapper, the base wants a stream
        file = os.open(self.baseFilename, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        return os.fdopen(file, "a", encoding="utf-8")


def start_logging(directory: Path, level: int = logging.INFO) -> Path:
    """Everything logged from now on goes to ``directory``; a second call moves it. The log file's path."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = _OwnerOnlyHandler(directory / NAME, maxBytes=MAX_BYTES, backupCount=KEPT, delay=True)
    handler.addFilter(Redact())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _OwnerOnlyHandler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("qasync").setLevel(logging.WARNING)  # it logs arguments and results at DEBUG
    logging.getLogger("websockets").setLevel(logging.WARNING)
    return directory / NAME
