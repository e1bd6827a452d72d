"""States by what they are about, out of a history of any length: in pieces, newest first, so that it can be stopped.

What columns say is asked of SQLite; the market and side of a state's order stand in its body alone and are read from
there, and a span of time becomes a span of rows by halving. No piece of work is longer than ``PIECE`` rows.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, TypeAlias

import msgspec

from wallet.history.records import Entry, Status, read_entry
from wallet.history.rows import STATES
from wallet.history.store import Store
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Side, Transition
from wallet.protocol.terms import Role

PIECE = 20_000  # rows of one query that reads columns
BODIES = 500  # rows of one query that reads bodies as well
ROWS = 500  # the most that are handed out at once


class Signed(Enum):
    """Whose signatures are on a state."""

    BOTH = "both"
    TRADER = "trader"  # his and no other
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which states; what is empty or None asks for nothing. Times are Unix seconds, both ends included."""

    transitions: frozenset[Transition] = frozenset()
    issuer: Role | None = None
    signed: Signed | None = None
    market: tuple[bytes, bytes] | None = None  # base, quote
    side: Side | None = None
    since: int | None = None
    until: int | None = None

    @property
    def everything(self) -> bool:
        return self == Wanted()


class Search:
    """What was found so far: row numbers, newest first. One thread runs it; another may look and :meth:`stop` it.

    ``numbers`` only ever grows; ``searched`` of ``whole`` rows were looked at.
    """

    def __init__(self, wanted: Wanted, after: int = -1) -> None:
        """``after``: only rows of a higher number than this."""
        self.wanted, self.after = wanted, after
        self.numbers = array("L")
        self.searched = self.whole = 0
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True

    def run(self, store: Store, channel: bytes, told: Callable[[], None] = lambda: None) -> int:
        """Looks at every row that may fit, and calls ``told`` after each piece; how many were found.

        Raises WalletError("STORE_DAMAGED" | "STORE_FAILED") if the file can't be read.
        """
        low, high = span(store, channel, self.wanted)
        low = max(low, self.after + 1)
        self.whole = max(0, high - low)
        by_body = self.wanted.market is not None or self.wanted.side is not None
        piece = BODIES if by_body else PIECE
        while high > low and not self.stopped:
            bottom = max(low, high - piece)
            for number, transition, body in _fitting(store, channel, self.wanted, bottom, high):
                if not by_body or _concerns(store, channel, number, transition, body, self.wanted):
                    self.numbers.append(number)
            self.searched += high - bottom
            high = bottom
            told()
        return len(self.numbers)


def numbered(store: Store, channel: bytes, numbers: Collection[int]) -> list[Entry]:
    """The states of these row numbers, newest first; at most ``ROWS``. Those that are not there are left out.

    Raises WalletError("STORE_DAMAGED") at a row that is not what was written.
    """
    asked = list(numbers)[:ROWS]
    sql = (
        f"SELECT {STATES.selected} FROM states WHERE channel = ?"  # noqa: S608 - constants and question marks
        f" AND number IN ({', '.join('?' * len(asked))}) ORDER BY number DESC"
    )
    rows = []
    for row in store.rows(sql, (channel, *asked)):
        try:
            rows.append(read_entry(row))
        except (WalletError, ValueError, TypeError) as error:
            raise WalletError("STATE_UNREADABLE", increment=row[2]) from error
    return rows


# --- columns -------------------------------------------------------------------------------------------------------

_SIGNED = {
    Signed.BOTH: "trader_signature IS NOT NULL AND broker_signature IS NOT NULL",
    Signed.TRADER: "trader_signature IS NOT NULL AND broker_signature IS NULL",
    Signed.BROKER: "broker_signature IS NOT NULL AND trader_signature IS NULL",
}
_ABOUT_ORDERS = frozenset((Transition.CREATE_ORDER, Transition.TRADE, Transition.CANCEL_ORDER))


def _fitting(store: Store, channel: bytes, wanted: Wanted, low: int, high: int) -> Iterator[tuple[int, int, bytes]]:
    """(number, transition, body) of rows from ``low`` up to but without ``high``, newest first."""
    kinds = wanted.transitions
    by_body = wanted.market is not None or wanted.side is not None
    if by_body:
        kinds = (kinds or _ABOUT_ORDERS) & _ABOUT_ORDERS
        if not kinds:
            return
    conditions, values = ["channel = ? AND number >= ? AND number < ?"], [channel, low, high]
    if kinds:
        conditions.append(f"transition IN ({', '.join('?' * len(kinds))})")
        values += sorted(map(int, kinds))
    if wanted.issuer is not None:
        conditions.append("issuer = ?")
        values.append(int(wanted.issuer))
    if wanted.signed is not None:
        conditions.append(_SIGNED[wanted.signed])
    body = "body" if by_body else "x''"
    where = " AND ".join(conditions)
    yield from store.rows(f"SELECT number, transition, {body} FROM states WHERE {where} ORDER BY number DESC", values)  # noqa: S608


# --- time ----------------------------------------------------------------------------------------------------------


def span(store: Store, channel: bytes, wanted: Wanted) -> tuple[int, int]:
    """From which row number up to (without) which the states of the wanted time stand.

    Validated states follow each other in time; others lie where they were recorded.
    """
    row = store.row("SELECT number FROM states WHERE channel = ? ORDER BY number DESC LIMIT 1", (channel,))
    count = int(row[0]) + 1 if row else 0
    low = 0 if wanted.since is None else _first(store, channel, count, wanted.since)
    high = count if wanted.until is None else _first(store, channel, count, wanted.until + 1)
    return low, high


def _first(store: Store, channel: bytes, count: int, time: int) -> int:
    """The lowest number from which on validated states are of ``time`` or later."""
    low, high = 0, count
    sql = (
        "SELECT number, body FROM states WHERE channel = ? AND number >= ? AND number < ? AND status = ?"
        " ORDER BY number LIMIT 1"
    )
    while low < high:
        middle = (low + high) // 2
        found = store.row(sql, (channel, middle, high, int(Status.VALIDATED)))
        if found is None:
            high = middle
        elif _decoded(found[1])[1] >= time:
            high = middle
        else:
            low = int(found[0]) + 1
    return low


# --- bodies --------------------------------------------------------------------------------------------------------

_Word: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Address: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=20, max_length=20)]
_Raw = msgspec.Raw
_Order: TypeAlias = tuple[_Word, _Address, _Address, int, _Raw, _Raw, _Raw]
# As wallet.history.rows writes it, but what is not asked for stays as it is: ten times as fast.
_Slim: TypeAlias = tuple[_Raw, int, _Raw, _Raw, list[tuple[_Word, _Raw, _Raw, _Raw]], _Raw, list[_Order], _Raw]
_SLIM = msgspec.msgpack.Decoder(_Slim)


def _decoded(body: bytes) -> _Slim:
    try:
        slim: _Slim = _SLIM.decode(body)
    except ValueError as error:
        raise WalletError("STORE_DAMAGED", path="history.db", why="a row can't be read") from error
    return slim


def _concerns(store: Store, channel: bytes, number: int, transition: int, body: bytes, wanted: Wanted) -> bool:
    """Whether the state creates, fills or takes back an order of the wanted market and side."""
    state = _decoded(body)
    orders = state[6]
    if transition == Transition.CREATE_ORDER:
        return bool(orders) and _is_of(orders[-1], wanted)  # the new one is the last
    here = {row[0]: row for row in orders}
    if transition == Transition.TRADE:
        filled = [row[0] for row in state[4]]
        if any(order in here and _is_of(here[order], wanted) for order in filled):
            return True
        gone = {order for order in filled if order not in here}
        return bool(gone) and any(row[0] in gone and _is_of(row, wanted) for row in _before(store, channel, number))
    return any(row[0] not in here and _is_of(row, wanted) for row in _before(store, channel, number))


def _before(store: Store, channel: bytes, number: int) -> list[_Order]:
    """The open orders of the last validated state below row ``number``: what a validated one there was made of."""
    sql = "SELECT body FROM states WHERE channel = ? AND number < ? AND status = ? ORDER BY number DESC LIMIT 1"
    found = store.row(sql, (channel, number, int(Status.VALIDATED)))
    return _decoded(found[0])[6] if found else []


def _is_of(order: _Order, wanted: Wanted) -> bool:
    side = wanted.side is None or order[3] == wanted.side
    return side and (wanted.market is None or order[1:3] == wanted.market)
