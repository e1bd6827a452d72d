"""Rule by rule: every lie of the table is flagged with its own code, and nothing else is."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import pytest

from tests.protocol import findings
from tests.protocol.cases import CASES, Case, trading
from tests.support.forge import moved
from tests.support.game import ETH, ONE, USDT, Game
from wallet.protocol import rules, transitions
from wallet.protocol.rules import Flag
from wallet.protocol.terms import Role

FINDINGS = findings.kept()


@pytest.mark.parametrize(("code", "case"), CASES.values(), ids=CASES)
def test_flagged_with_its_own_code(code: str, case: Case) -> None:
    flag = case()
    assert flag is not None
    assert flag.code == code
    assert flag.expected != flag.got
    assert all(type(text) is str and text for text in (flag.expected, flag.got))
    assert findings.shown(flag) == FINDINGS[case.__name__]


def test_every_code_has_a_case() -> None:
    """A rule without a case would be one that may be taken out unseen."""
    sources = "".join(inspect.getsource(module) for module in (rules, transitions))
    codes = set(re.findall(r'"([A-Z]{3}-[A-Z-]+)"', sources))
    assert codes == {code for code, _ in CASES.values()}
    assert len(codes) > 60


def test_findings_are_of_these_lies_and_say_no_bytes() -> None:
    assert FINDINGS.keys() == CASES.keys()
    for finding in FINDINGS.values():
        assert not any(mark in finding[side] for side in ("expected", "got") for mark in ("b'", 'b"', "(", "Balance"))


def test_cost_is_what_signing_would_have_lost() -> None:
    game, buy, _ = trading()
    state = game.cancel(buy)
    assert game.check(state) is None
    less = game.check(moved(state, balances={USDT: (-7, 0)}))
    assert less == Flag(
        "BAL-DEFLATE",
        f"0x{'11' * 20} available 9500000000, locked 0",
        f"0x{'11' * 20} available 9499999993, locked 0",
        ((USDT, 7),),
    )
    owing = game.check(moved(state, outcomes={USDT: (5, 0)}, balances={USDT: (-3, 0), ETH: (-2, 0)}))
    assert owing is not None
    assert owing.cost == ((ETH, 2), (USDT, 5))
    gift = game.check(moved(state, balances={USDT: (7, 0)}))
    assert gift is not None
    assert gift.cost == ()


def test_cost_is_borne_by_who_judges() -> None:
    """What a trader takes too much of, the broker would have lost by signing; what he gives away costs nobody."""
    game, buy, _ = trading()
    due = game.cancel(buy)
    taken, given = moved(due, balances={USDT: (7, 0)}), moved(due, balances={USDT: (-7, 0)})
    assert rules.cost(due, taken, Role.BROKER) == ((USDT, 7),)
    assert rules.cost(due, given, Role.BROKER) == ()
    assert rules.cost(due, moved(due, outcomes={USDT: (0, 5)}), Role.BROKER) == ((USDT, 5),)
    assert rules.cost(due, moved(due, outcomes={USDT: (5, 0)}), Role.BROKER) == ()


def test_cost_when_rows_are_missing() -> None:
    """All of an asset that the state no longer knows."""
    game = Game()
    state = game.create(game.intent())
    flag = game.check(replace(state, balances=state.balances[1:], outcomes=state.outcomes[1:]))
    assert flag is not None
    assert flag.code == "AST-MISSING"
    assert flag.cost == ((ETH, 2 * ONE),)


@pytest.mark.parametrize(("seconds", "ahead"), [(-(10**6), False), (0, False), (120, False), (121, True)])
def test_a_claimed_time_is_only_held(seconds: int, ahead: bool) -> None:
    game = Game()
    state = replace(game.create(game.intent()), time=game.now + 10**7 + seconds)
    assert rules.is_ahead(game.terms, state, game.now + 10**7) is ahead
    assert game.check(state) is None


def test_cost_of_a_trade_is_against_the_fill_not_against_doing_nothing() -> None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, ONE // 4))
    flag = game.check(moved(state, balances={ETH: (-9, 0)}, outcomes={ETH: (0, -9)}))
    assert flag is not None
    assert flag.cost == ((ETH, 9),)
