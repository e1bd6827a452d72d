"""Secrets do not show themselves."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable

import pytest

from wallet.keys.secret import Secret

TEXT = "canary-7d1f"


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, lambda secret: f"{[secret]}"])
def test_no_way_of_formatting_shows_it(show: Callable[[Secret], str]) -> None:
    assert TEXT not in show(Secret(TEXT))


def test_no_log_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("wallet").debug("call %s %r %s", Secret(TEXT), Secret(TEXT), {"password": Secret(TEXT)})
    assert "Secret" in caplog.text
    assert TEXT not in caplog.text


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, hash, vars, list, bytes])
def test_nothing_takes_it_apart(leak: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        leak(Secret(TEXT))
    assert TEXT not in str(caught.value)


@pytest.mark.parametrize("text", ["", "pass", "päss", "\udcff\x00", "\U0001f511"])
def test_reveal_gives_back_what_was_put_in(text: str) -> None:
    assert Secret(text).reveal() == text
    assert bool(Secret(text)) == bool(text)


def test_equality() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_wiped_secret_is_empty() -> None:
    secret = Secret(TEXT)
    buffer = secret._bytes
    secret.wipe()
    assert secret.reveal() == ""
    assert not buffer
