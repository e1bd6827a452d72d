"""The log file is owner-only, and secrets do not reach it."""

import logging
import stat
from pathlib import Path

import pytest

from wallet.app.logs import start_logging

KEY = "ab" * 32
PHRASE = "abandon " * 11 + "about"


@pytest.fixture(autouse=True)
def _quiet_again() -> object:
    root, level, handlers = logging.getLogger(), logging.getLogger().level, list(logging.getLogger().handlers)
    yield None
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_keys_and_phrases_are_cut(tmp_path: Path) -> None:
    path = start_logging(tmp_path / "logs")
    log = logging.getLogger("anything")
    log.info("a key %s and a phrase %s", KEY, PHRASE)
    try:
        raise ValueError(f"0x{KEY} {PHRASE}")
    except ValueError:
        log.exception("failed")
    text = path.read_text()
    assert "failed" in text
    assert KEY not in text
    assert "abandon abandon" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
