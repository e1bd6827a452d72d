"""The history as a list: which rows there are, which state each stands for, and what has to be asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gui.scripted import ETH_USDT, MARKETS, state_row
from wallet.gui.models.states import AT_ONCE, KEPT, Filter, Lines
from wallet.history.search import Signed, Wanted
from wallet.protocol.state import Side, Transition
from wallet.protocol.terms import Role


def rows(*numbers: int, **more: object) -> list:  # type: ignore[type-arg]
    return [replace(state_row(number), number=number, **more) for number in numbers]


@given(st.sets(st.integers(0, 500)), st.integers(0, 500), st.sets(st.integers(501, 600)))
def test_every_row_stands_for_one_state_and_is_found_again(found: set[int], probe: int, newer: set[int]) -> None:
    lines = Lines()
    lines.show_all(601)
    assert [line.number for line in lines[:3]] == [600, 599, 598]
    assert lines.find(probe) == 600 - probe
    lines.show_found()
    lines.add_older(sorted(found, reverse=True))
    lines.add_newer(sorted(newer, reverse=True))
    expected = sorted(found | newer, reverse=True)
    assert [lines.number(at) for at in range(len(lines))] == expected
    assert lines.find(probe) == (expected.index(probe) if probe in found else None)
    for number in expected:
        assert lines.number(lines.find(number) or 0) == number


def test_only_what_is_not_known_or_may_have_changed_is_asked_for() -> None:
    lines = Lines()
    lines.show_all(1_000)
    assert lines.wanted(-5, 2) == (999, 998, 997)
    assert len(lines.wanted(0, 999)) == AT_ONCE
    lines.put((999, 998, 997), [*rows(999, validated=False, signed_by_trader=False), *rows(998)])
    assert lines.wanted(0, 2) == ()
    assert lines[0].row is not None
    assert lines[2].row is None
    lines.renew()
    assert lines.wanted(0, 2) == (999, 997)  # 998 can change no more
    assert lines.wanted(995, 1_200) == (4, 3, 2, 1, 0)


def test_memory_is_bounded() -> None:
    lines = Lines()
    lines.show_all(10**6)
    for low in range(0, 2 * KEPT, AT_ONCE):
        numbers = range(low, low + AT_ONCE)
        lines.put(numbers, rows(*numbers))
    assert len(lines._kept) == KEPT
    assert lines.wanted(10**6 - 1, 10**6 - 1) == (0,)


@pytest.mark.parametrize("at", [-1, 3])
def test_there_is_no_row_beyond_the_ends(at: int) -> None:
    lines = Lines()
    lines.show_all(3)
    with pytest.raises(IndexError):
        lines.number(at)


def test_filters_say_what_the_journal_is_asked() -> None:
    now = 1_000_000
    assert Filter().wanted(MARKETS, now).everything
    assert Filter("trade", "ETH/USDT", "sell", "issued-broker", "3600").wanted(MARKETS, now) == Wanted(
        frozenset((Transition.TRADE,)),
        Role.BROKER,
        None,
        (ETH_USDT.base.address, ETH_USDT.quote.address),
        Side.SELL,
        now - 3600,
    )
    assert Filter(signer="trader").wanted((), now) == Wanted(signed=Signed.TRADER)
    assert Filter(time="between", since=5, until=9).wanted((), now) == Wanted(since=5, until=9)
    assert Filter(since=5, until=9).wanted((), now).everything
