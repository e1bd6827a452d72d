"""When a valid state is refused because of when it came: a table around every deadline."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.game import LOT, Game
from wallet.protocol.presence import Presence, refusal
from wallet.protocol.state import State

# The terms say a heartbeat every 5 s, so a fill may come until 10 s after the last echoed one was sent.
SENT, EXPIRY, OPEN_BEFORE = 1000.0, 1500.0, 1005.0


def channel() -> tuple[Game, bytes]:
    game = Game()
    game.open()
    return game, game.open(amount=LOT * 100)


def presence(order: bytes, **changes: Any) -> Presence:
    fields: dict[str, Any] = {"echoed": SENT, "open_before": {order: OPEN_BEFORE}, "expiry": {order: EXPIRY}}
    return Presence(**{**fields, **changes})


def found(state: State, game: Game, received: float, **changes: Any) -> str | None:
    order = game.last.open_orders[-1].id
    return refusal(game.terms, game.last, state, presence(order, **changes), received)


FILLS: dict[str, tuple[float, dict[str, Any], str | None]] = {
    "at once": (SENT, {}, None),
    "at 2H": (SENT + 10, {}, None),
    "after 2H": (SENT + 10.001, {}, "STALE-FILL"),
    "long after": (SENT + 10_000, {}, "STALE-FILL"),
    "nothing echoed on this connection": (SENT, {"echoed": None}, "STALE-FILL"),
    "at the expiry": (EXPIRY, {"echoed": EXPIRY}, None),
    "after the expiry": (EXPIRY + 0.001, {"echoed": EXPIRY}, "EXPIRED-FILL"),
    "order with no known expiry": (SENT, {"expiry": {}}, None),
    "another order is cancelled": (SENT, {"cancelled": {b"\1" * 32}}, None),
}


@pytest.mark.parametrize(("received", "changes", "code"), FILLS.values(), ids=FILLS)
def test_fills(received: float, changes: dict[str, Any], code: str | None) -> None:
    game, order = channel()
    assert found(game.trade(game.fill(order, LOT * 10)), game, received, **changes) == code


def test_a_cancelled_order_is_not_filled() -> None:
    game, order = channel()
    first = game.last.open_orders[0].id
    fills = (game.fill(first, LOT * 10), game.fill(order, LOT * 10))
    assert found(game.trade(*fills), game, SENT, cancelled={order}) == "CANCELLED-FILL"
    assert found(game.trade(fills[0]), game, SENT, cancelled={order}) is None


def test_every_fill_of_a_trade_counts() -> None:
    game, order = channel()
    first = game.last.open_orders[0].id
    state = game.trade(game.fill(first, LOT * 10), game.fill(order, LOT * 10))
    assert found(state, game, EXPIRY + 1, echoed=EXPIRY) == "EXPIRED-FILL"


OPENINGS: dict[str, tuple[float, dict[str, Any], str | None]] = {
    "in time": (OPEN_BEFORE, {}, None),
    "late": (OPEN_BEFORE + 0.001, {}, "STALE-OPENING"),
    "expired before it opened": (OPEN_BEFORE, {"expiry_at": OPEN_BEFORE - 1}, "EXPIRED-OPENING"),
    "just before it expires": (OPEN_BEFORE, {"expiry_at": OPEN_BEFORE}, None),
    "nothing echoed": (OPEN_BEFORE, {"echoed": None}, None),
}


@pytest.mark.parametrize(("received", "changes", "code"), OPENINGS.values(), ids=OPENINGS)
def test_openings(received: float, changes: dict[str, Any], code: str | None) -> None:
    game, _ = channel()
    signed = game.intent(amount=LOT * 100)
    expiry = {signed.id: changes.get("expiry_at", EXPIRY)}
    known = presence(signed.id, expiry=expiry, echoed=changes.get("echoed", SENT))
    assert refusal(game.terms, game.last, game.create(signed), known, received) == code


def test_an_opening_after_its_cancel_was_receipted() -> None:
    game, _ = channel()
    signed = game.intent(amount=LOT * 100)
    known = presence(signed.id, cancelled={signed.id})
    assert refusal(game.terms, game.last, game.create(signed), known, SENT) == "CANCELLED-OPENING"


def test_what_takes_nothing_is_never_late() -> None:
    game, order = channel()
    absent = {"echoed": None, "cancelled": {order}}
    assert found(game.cancel(order), game, SENT + 10**6, **absent) is None
    assert found(game.finalize(), game, SENT + 10**6, **absent) is None
