"""Terms that no channel may have, and those at the very limits that one may."""

from __future__ import annotations

import inspect
import re
from itertools import combinations
from typing import Any

import pytest

from tests.support.game import ADDRESSES, ETH, ETH_USDT, USDT, WBTC, WBTC_USDT, make_terms
from wallet.protocol import terms
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import Asset, Market, Role, check_terms, is_unit

ZERO = bytes(20)
ASSETS = make_terms().assets


def market(**fields: Any) -> dict[str, Any]:
    return {"markets": (ETH_USDT._replace(**fields),)}


def assets(count: int) -> tuple[Asset, ...]:
    rows = [*(row.asset for row in ASSETS), *(bytes([0x30 + n]) * 20 for n in range(count))]
    return tuple(Asset(asset, 1, 1) for asset in rows[:count])


def many_markets(count: int) -> dict[str, Any]:
    """That many different markets between 16 assets."""
    rows = assets(16)
    pairs = [(base.asset, quote.asset) for base, quote in combinations(rows, 2)]
    return {"assets": rows, "markets": tuple(ETH_USDT._replace(base=b, quote=q) for b, q in pairs[:count])}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "period 0": ("SET-PERIOD", {"challenge_period": 0}),
    "period 59 s": ("SET-PERIOD", {"challenge_period": 59}),
    "period above 30 days": ("SET-PERIOD", {"challenge_period": 30 * 86_400 + 1}),
    "fee above all": ("SET-FEE", {"max_fee": 10**6 + 1}),
    "fee negative": ("SET-FEE", {"max_fee": -1}),
    "nonce negative": ("SET-TERMS", {"nonce": -1}),
    "nonce 2^256": ("SET-TERMS", {"nonce": 2**256}),
    "open before 0": ("SET-TERMS", {"open_before": 0}),
    "open before 2^63": ("SET-TERMS", {"open_before": 2**63}),
    "answer time above an hour": ("SET-TERMS", {"answer_time": 3_601}),
    "skew above an hour": ("SET-TERMS", {"skew": 3_601}),
    "yield interval above an hour": ("SET-TERMS", {"yield_interval": 3_601}),
    "heartbeat 0": ("SET-TERMS", {"heartbeat": 0}),
    "heartbeat above an hour": ("SET-TERMS", {"heartbeat": 3_601}),
    "answer time 0": ("SET-TERMS", {"answer_time": 0}),
    "skew 0": ("SET-TERMS", {"skew": 0}),
    "yield interval negative": ("SET-TERMS", {"yield_interval": -1}),
    "no order allowed": ("SET-TERMS", {"max_open_orders": 0}),
    "201 orders allowed": ("SET-TERMS", {"max_open_orders": 201}),
    "no fill allowed": ("SET-TERMS", {"max_fills": 0}),
    "101 fills allowed": ("SET-TERMS", {"max_fills": 101}),
    "no trader": ("SET-PARTIES", {"trader": ZERO}),
    "no trader's signer": ("SET-PARTIES", {"trader_signer": ZERO}),
    "no broker": ("SET-PARTIES", {"broker": ZERO}),
    "no broker's signer": ("SET-PARTIES", {"broker_signer": ZERO}),
    "trader is broker": ("SET-PARTIES", {"trader": ADDRESSES["broker"]}),
    "his signer is ours": ("SET-PARTIES", {"broker_signer": ADDRESSES["trader signer"]}),
    "owner is signer": ("SET-PARTIES", {"trader_signer": ADDRESSES["trader"]}),
    "no asset": ("SET-FUNDING", {"assets": ()}),
    "17 assets": ("SET-FUNDING", {"assets": assets(17)}),
    "assets unsorted": ("AST-ORDER", {"assets": ASSETS[::-1]}),
    "asset twice": ("AST-ORDER", {"assets": (ASSETS[0], *ASSETS)}),
    "allocation and collateral overflow": ("BAL-OVERFLOW", {"assets": (Asset(ETH, 2**255, 2**255), *ASSETS[1:])}),
    "allocation negative": ("BAL-OVERFLOW", {"assets": (Asset(ETH, -1, 1), *ASSETS[1:])}),
    "collateral negative": ("BAL-OVERFLOW", {"assets": (Asset(ETH, 1, -1), *ASSETS[1:])}),
    "no market": ("SET-MARKET", {"markets": ()}),
    "65 markets": ("SET-MARKET", many_markets(65)),
    "base is quote": ("SET-MARKET", market(quote=ETH)),
    "base unlisted": ("SET-MARKET", market(base=b"\x99" * 20)),
    "quote unlisted": ("SET-MARKET", market(quote=b"\x99" * 20)),
    "market twice": ("SET-MARKET", {"markets": (ETH_USDT, ETH_USDT)}),
    "market mirrored": ("SET-MARKET", {"markets": (ETH_USDT, ETH_USDT._replace(base=USDT, quote=ETH))}),
    "minimum negative": ("SET-MARKET", market(min_notional=-1)),
    "minimum 2^256": ("SET-MARKET", market(min_notional=2**256)),
    "nothing unacknowledged": ("SET-MARKET", market(max_unacked=0)),
    "2^256 unacknowledged": ("SET-MARKET", market(max_unacked=2**256)),
    "unit 0": ("SET-TICK-LOT", market(unit=0)),
    "unit no power of ten": ("SET-TICK-LOT", market(unit=2 * 10**17)),
    "unit 10^37": ("SET-TICK-LOT", market(unit=10**37, tick_size=10**37)),
    "tick 0": ("SET-TICK-LOT", market(tick_size=0)),
    "tick negative": ("SET-TICK-LOT", market(tick_size=-(10**4))),
    "lot 0": ("SET-TICK-LOT", market(lot_size=0)),
    "lot negative": ("SET-TICK-LOT", market(lot_size=-(10**14))),
    "inexact": ("SET-TICK-LOT", market(tick_size=10**3)),
    "tick × lot 2^256": ("SET-TICK-LOT", market(unit=1, tick_size=2**128, lot_size=2**128)),
}
ALLOWED: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "lowest": {
        "challenge_period": 60,
        "max_fee": 0,
        "nonce": 0,
        "open_before": 1,
        "heartbeat": 1,
        "answer_time": 1,
        "skew": 1,
        "yield_interval": 0,
        "max_open_orders": 1,
        "max_fills": 1,
    },
    "highest": {
        "challenge_period": 30 * 86_400,
        "max_fee": 10**6,
        "nonce": 2**256 - 1,
        "open_before": 2**63 - 1,
        "heartbeat": 3_600,
        "answer_time": 3_600,
        "skew": 3_600,
        "yield_interval": 3_600,
        "max_open_orders": 200,
        "max_fills": 100,
    },
    "16 assets": {"assets": assets(16)},
    "64 markets": many_markets(64),
    "all there is": {"assets": (Asset(ETH, 2**255, 2**255 - 1), *ASSETS[1:])},
    "nothing at all in an asset": {"assets": (Asset(ETH, 0, 0), *ASSETS[1:])},
    "unit 1": market(unit=1, tick_size=1, lot_size=1),
    "unit 10^36": market(unit=10**36, tick_size=10**36, lot_size=1),
    "tick × lot all there is": market(unit=1, tick_size=3, lot_size=(2**256 - 1) // 3),
    "minimum and unacknowledged all there is": market(min_notional=2**256 - 1, max_unacked=2**256 - 1),
    "no minimum": market(min_notional=0),
    "a third market of the three": {"markets": (ETH_USDT, WBTC_USDT, Market(WBTC, ETH, 10**8, 10**4, 10**4, 0, 1))},
}


@pytest.mark.parametrize(("code", "changes"), REFUSED.values(), ids=REFUSED)
def test_refused(code: str, changes: dict[str, Any]) -> None:
    with pytest.raises(WalletError) as caught:
        check_terms(make_terms(**changes))
    assert caught.value.code == code


@pytest.mark.parametrize("changes", ALLOWED.values(), ids=ALLOWED)
def test_allowed(changes: dict[str, Any]) -> None:
    check_terms(make_terms(**changes))


def test_every_code_has_a_case() -> None:
    codes = set(re.findall(r'"([A-Z]{3}-[A-Z-]+)"', inspect.getsource(terms)))
    assert codes == {code for code, _ in REFUSED.values()}


def test_units_are_powers_of_ten() -> None:
    assert [value for value in range(-10, 1_001) if is_unit(value)] == [1, 10, 100, 1000]
    assert is_unit(10**36)
    assert not is_unit(10**37)


def test_look_ups() -> None:
    wide = make_terms()
    assert wide.market(ETH, USDT) is wide.markets[0]
    assert wide.market(USDT, ETH) is None
    assert wide.signers(Role.TRADER) == (ADDRESSES["trader"], ADDRESSES["trader signer"])
    assert wide.signers(Role.BROKER) == (ADDRESSES["broker"], ADDRESSES["broker signer"])
    assert (Role.TRADER.other, Role.BROKER.other) == (Role.BROKER, Role.TRADER)
