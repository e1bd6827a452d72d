"""Protocol objects to and from plain JSON values, strictly: one form for each value, nothing extra, nothing missing.

The input is what a strict JSON decoder gave (dict, list, str, int, bool, None). Every failure is a
WalletError("WIR-FORM", what, got): what the broker did not validly say proves nothing against him.
Source: seed "State format", design §2 and §8.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar

from wallet.protocol.amounts import MAX_INCREMENT, parse_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order, SignedOrder, TimeInForce
from wallet.protocol.state import Balance, Fill, OpenOrder, Outcome, Side, State, Transition
from wallet.protocol.terms import Asset, Initiative, Market, Role, Terms

Json = Any
E = TypeVar("E", bound=IntEnum)
T = TypeVar("T")

MAX_ROWS = 256  # per list; the terms bound them further
_HEX = re.compile(r"0x(?:[0-9a-f]{2})*", re.ASCII)
# the sizes that every state is full of
_SIZED = {size: re.compile(f"0x[0-9a-f]{{{2 * size}}}", re.ASCII).fullmatch for size in (20, 32, 65)}


def malformed(what: str, got: object) -> WalletError:
    """The one error for a value that has not the form it must have."""
    return WalletError("WIR-FORM", what=what, got=repr(got)[:80])


# --- single values -----------------------------------------------------------------------------------------------


def read_hex(value: Json, size: int | None, what: str, longest: int = 2048) -> bytes:
    """Bytes from lower-case ``0x…``; ``size`` in bytes, None for any up to ``longest``."""
    sized = _SIZED.get(size) if size is not None else None
    if sized is not None and type(value) is str and sized(value):
        return bytes.fromhex(value[2:])
    if type(value) is not str or len(value) > 2 + 2 * longest or not _HEX.fullmatch(value):
        raise malformed(what, value)
    data = bytes.fromhex(value[2:])
    if size is not None and len(data) != size:
        raise malformed(what, value)
    return data


def read_int(value: Json, what: str, high: int = MAX_INCREMENT) -> int:
    if type(value) is not int or not 0 <= value <= high:
        raise malformed(what, value)
    return value


def read_text(value: Json, what: str, longest: int = 200) -> str:
    if type(value) is not str or len(value) > longest:
        raise malformed(what, value)
    return value


def read_amount(value: Json, what: str) -> int:
    try:
        return parse_amount(value)
    except WalletError as error:
        raise malformed(what, value) from error


def read_list(value: Json, what: str, length: int | None = None) -> list[Json]:
    if type(value) is not list or len(value) > MAX_ROWS or (length is not None and len(value) != length):
        raise malformed(what, value)
    return value


def read_object(value: Json, what: str, keys: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Json]:
    """An object with exactly ``keys``, and of ``optional`` any."""
    if type(value) is not dict or not set(keys) <= set(value) <= {*keys, *optional}:
        raise malformed(what, value)
    return value


def read_enum(kind: type[E], value: Json, what: str) -> E:
    member: E | None = _names(kind).get(value) if type(value) is str else None
    if member is None:
        raise malformed(what, value)
    return member


@lru_cache
def _names(kind: type[E]) -> dict[str, E]:
    return {member.name.lower(): member for member in kind}


def show_hex(data: bytes) -> str:
    return "0x" + data.hex()


def show_enum(member: IntEnum) -> str:
    return member.name.lower()


def _rows(value: Json, what: str, width: int, make: Callable[[list[Json]], T]) -> tuple[T, ...]:
    return tuple(make(read_list(row, what, width)) for row in read_list(value, what))


# --- states ------------------------------------------------------------------------------------------------------


def state_array(state: State) -> list[Json]:
    """The seed's array ``[increment, balances, open_orders, outcomes]``."""
    return [
        state.increment,
        [[show_hex(row.asset), str(row.available), str(row.locked)] for row in state.balances],
        [list(_show_open_order(row)) for row in state.open_orders],
        [[show_hex(row.asset), str(row.to_broker), str(row.to_trader)] for row in state.outcomes],
    ]


def envelope(state: State) -> dict[str, Json]:
    """What is signed beside the array."""
    return {
        "channel": show_hex(state.channel),
        "previous": show_hex(state.previous),
        "time": state.time,
        "turn": show_enum(state.turn),
        "transition": show_enum(state.transition),
        "orderNonce": state.order_nonce,
        "fills": [[show_hex(row.order), str(row.price), str(row.quantity), str(row.fee)] for row in state.fills],
    }


_ENVELOPE = ("channel", "previous", "time", "turn", "transition", "orderNonce", "fills")


def read_state(header: Json, array: Json) -> State:
    """A state from its envelope and its array."""
    head = read_object(header, "envelope", _ENVELOPE)
    increment, balances, orders, outcomes = read_list(array, "state", 4)
    return State(
        channel=read_hex(head["channel"], 32, "channel"),
        previous=read_hex(head["previous"], 32, "previous"),
        increment=read_int(increment, "increment"),
        time=read_int(head["time"], "time"),
        turn=read_enum(Role, head["turn"], "turn"),
        transition=read_enum(Transition, head["transition"], "transition"),
        order_nonce=read_int(head["orderNonce"], "orderNonce"),
        fills=_rows(head["fills"], "fills", 4, _fill),
        balances=_rows(balances, "balances", 3, _balance),
        open_orders=_rows(orders, "open_orders", 7, _open_order),
        outcomes=_rows(outcomes, "outcomes", 3, _outcome),
    )


def _fill(row: list[Json]) -> Fill:
    return Fill(
        read_hex(row[0], 32, "fill"),
        read_amount(row[1], "price"),
        read_amount(row[2], "quantity"),
        read_amount(row[3], "fee"),
    )


def _balance(row: list[Json]) -> Balance:
    return Balance(read_hex(row[0], 20, "asset"), read_amount(row[1], "available"), read_amount(row[2], "locked"))


def _open_order(row: list[Json]) -> OpenOrder:
    cells = tuple(row)
    try:
        return _read_open_order(cells)
    except TypeError:  # a cell that is a list or an object
        return _read_open_order.__wrapped__(cells)


# An order that rests stands in state after state: reading and showing it again must not cost again.
@lru_cache(maxsize=8192)
def _read_open_order(row: tuple[Json, ...]) -> OpenOrder:
    return OpenOrder(
        read_hex(row[0], 32, "order"),
        read_hex(row[1], 20, "base"),
        read_hex(row[2], 20, "quote"),
        int(read_enum(Side, row[3], "side")),
        read_amount(row[4], "price"),
        read_amount(row[5], "amount"),
        read_amount(row[6], "filled"),
    )


@lru_cache(maxsize=8192)
def _show_open_order(row: OpenOrder) -> tuple[str, ...]:
    return (
        show_hex(row.id),
        show_hex(row.base),
        show_hex(row.quote),
        show_enum(Side(row.side)),
        str(row.price),
        str(row.amount),
        str(row.filled),
    )


def _outcome(row: list[Json]) -> Outcome:
    return Outcome(read_hex(row[0], 20, "asset"), read_amount(row[1], "to_broker"), read_amount(row[2], "to_trader"))


# --- orders ------------------------------------------------------------------------------------------------------

_ORDER = ("channel", "orderNonce", "base", "quote", "side", "price", "amount", "timeInForce", "openBefore", "expiry")


def show_order(order: Order) -> dict[str, Json]:
    return {
        "channel": show_hex(order.channel),
        "orderNonce": order.order_nonce,
        "base": show_hex(order.base),
        "quote": show_hex(order.quote),
        "side": show_enum(order.side),
        "price": str(order.price),
        "amount": str(order.amount),
        "timeInForce": show_enum(order.time_in_force),
        "openBefore": order.open_before,
        "expiry": order.expiry,
    }


def read_order(value: Json) -> Order:
    row = read_object(value, "order", _ORDER)
    return Order(
        channel=read_hex(row["channel"], 32, "channel"),
        order_nonce=read_int(row["orderNonce"], "orderNonce"),
        base=read_hex(row["base"], 20, "base"),
        quote=read_hex(row["quote"], 20, "quote"),
        side=read_enum(Side, row["side"], "side"),
        price=read_amount(row["price"], "price"),
        amount=read_amount(row["amount"], "amount"),
        time_in_force=read_enum(TimeInForce, row["timeInForce"], "timeInForce"),
        open_before=read_int(row["openBefore"], "openBefore"),
        expiry=read_int(row["expiry"], "expiry"),
    )


def show_signed_order(signed: SignedOrder) -> dict[str, Json]:
    return {
        "id": show_hex(signed.id),
        "order": show_order(signed.order),
        "signature": show_hex(signed.signature),
    }


def read_signed_order(value: Json) -> SignedOrder:
    row = read_object(value, "intent", ("id", "order", "signature"))
    return SignedOrder(
        read_hex(row["id"], 32, "id"), read_order(row["order"]), read_hex(row["signature"], 65, "signature")
    )


# --- terms -------------------------------------------------------------------------------------------------------

# JSON key -> attribute, in signed order; the addresses first, then plain numbers
_PARTIES = {
    "trader": "trader",
    "traderSigner": "trader_signer",
    "broker": "broker",
    "brokerSigner": "broker_signer",
}
RULES = {
    "challengePeriod": "challenge_period",
    "maxFee": "max_fee",
    "heartbeat": "heartbeat",
    "answerTime": "answer_time",
    "skew": "skew",
    "yieldInterval": "yield_interval",
    "maxOpenOrders": "max_open_orders",
    "maxFills": "max_fills",
}


def show_terms(terms: Terms) -> dict[str, Json]:
    return {
        **{key: show_hex(getattr(terms, name)) for key, name in _PARTIES.items()},
        "nonce": str(terms.nonce),
        "openBefore": terms.open_before,
        "initiative": show_enum(terms.initiative),
        **{key: getattr(terms, name) for key, name in RULES.items()},
        "assets": [[show_hex(row.asset), str(row.allocation), str(row.collateral)] for row in terms.assets],
        "markets": show_markets(terms.markets),
    }


def read_terms(value: Json) -> Terms:
    row = read_object(value, "terms", (*_PARTIES, "nonce", "openBefore", "initiative", *RULES, "assets", "markets"))
    return Terms(
        trader=read_hex(row["trader"], 20, "trader"),
        trader_signer=read_hex(row["traderSigner"], 20, "traderSigner"),
        broker=read_hex(row["broker"], 20, "broker"),
        broker_signer=read_hex(row["brokerSigner"], 20, "brokerSigner"),
        nonce=read_amount(row["nonce"], "nonce"),
        open_before=read_int(row["openBefore"], "openBefore"),
        challenge_period=read_int(row["challengePeriod"], "challengePeriod"),
        initiative=read_enum(Initiative, row["initiative"], "initiative"),
        max_fee=read_int(row["maxFee"], "maxFee"),
        heartbeat=read_int(row["heartbeat"], "heartbeat"),
        answer_time=read_int(row["answerTime"], "answerTime"),
        skew=read_int(row["skew"], "skew"),
        yield_interval=read_int(row["yieldInterval"], "yieldInterval"),
        max_open_orders=read_int(row["maxOpenOrders"], "maxOpenOrders"),
        max_fills=read_int(row["maxFills"], "maxFills"),
        assets=_rows(row["assets"], "assets", 3, _asset),
        markets=read_markets(row["markets"]),
    )


def show_markets(markets: tuple[Market, ...]) -> list[Json]:
    return [[show_hex(row.base), show_hex(row.quote), *map(str, row[2:])] for row in markets]


def read_markets(value: Json) -> tuple[Market, ...]:
    return _rows(value, "markets", 7, _market)


def _asset(row: list[Json]) -> Asset:
    return Asset(read_hex(row[0], 20, "asset"), read_amount(row[1], "allocation"), read_amount(row[2], "collateral"))


def _market(row: list[Json]) -> Market:
    unit, tick, lot, least, unacked = (read_amount(cell, "market") for cell in row[2:])
    return Market(read_hex(row[0], 20, "base"), read_hex(row[1], 20, "quote"), unit, tick, lot, least, unacked)
