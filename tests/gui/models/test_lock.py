"""When a window locks itself, and what it says then: pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.gui.scripted import app_view, channel, order
from wallet.app.snapshots import AppView, Phase
from wallet.gui.models.locking import ASLEEP, Idle, keys_word, locked_words


def test_it_is_due_when_nobody_used_it_for_as_long_as_was_chosen() -> None:
    idle = Idle(100.0, 1_000.0)
    assert not idle.due(400.0, 1_300.0, 6, asleep=True)
    assert idle.due(460.0, 1_360.0, 6, asleep=True)
    idle.use(1_350.0)
    assert not idle.due(470.0, 1_370.0, 6, asleep=True)
    assert not idle.due(1e6 + 100, 1e6 + 1_000, 0, asleep=True)  # never by itself


def test_it_is_due_after_a_sleep_that_nobody_announced() -> None:
    idle = Idle(100.0, 1_000.0)
    slept = 1_010.0 + ASLEEP + 1
    assert not Idle(100.0, 1_000.0).due(110.0, slept, 0, asleep=False)
    assert idle.due(110.0, slept, 0, asleep=True)
    assert not idle.due(111.0, slept + 1, 0, asleep=True)  # told once
    assert Idle(0, 0).due(10.0, 400.0, 5, asleep=False)  # asleep counts as unused


def test_what_goes_on_is_said() -> None:
    view = app_view(channel=channel(orders=(order(1), order(2))), unlocked=False)
    assert "session goes on" in locked_words(view)
    assert "2 orders stand" in locked_words(view)
    assert "no challenge" in locked_words(replace(view, resting=True))
    assert "No session is open" in locked_words(AppView())
    assert "No session is open" in locked_words(app_view(channel=channel(phase=Phase.WITHDRAWN)))


@pytest.mark.parametrize(
    ("view", "word"),
    [
        (AppView(unlocked=True), "unlocked"),
        (AppView(unlocked=False), "locked"),
        (AppView(unlocked=False, resting=True), "locked · nothing is signed"),
        (AppView(unlocked=True, watch_only=True), "watch-only"),
    ],
)
def test_the_strip_says_which_keys_are_here(view: AppView, word: str) -> None:
    assert keys_word(view)[0] == word
