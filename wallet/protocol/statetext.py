"""States and order intents read straight from their canonical JSON text: one grammar, nothing built that is not kept.

Canonical is what :mod:`wallet.protocol.codec` shows, compactly written: keys in its order, no blanks, no escapes. What
matches the grammar here is therefore strict by construction: there is no place for a second key of one name, for
``-0``, for a deep bracket. Whatever does not match is not refused here; it goes to the strict decoder and the codec,
which accept every other spelling that is allowed, and name what is wrong with the rest. Both give the same values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar

from wallet.protocol.codec import MAX_ROWS
from wallet.protocol.intents import Order, SignedOrder, TimeInForce
from wallet.protocol.state import Balance, Fill, OpenOrder, Outcome, Side, State, Transition
from wallet.protocol.terms import MAX_ASSETS, Role

T = TypeVar("T")
N = TypeVar("N", Balance, Outcome)
Rows = tuple[tuple[T, ...], int]  # the rows, and where their text ends

# With one digit less than the longest that may be valid, so that no value that matches is out of bounds.
_AMOUNT = '"(0|[1-9][0-9]{0,76})"'  # below 10^77 < 2^256
_NUMBER = "(0|[1-9][0-9]{0,14})"  # below 10^15 < 2^53
_WORD = '"([a-z_]{1,20})"'
_new: Callable[..., Any] = tuple.__new__  # what a named tuple's own constructor comes to, without its Python frame
_SIDES = {side.name.lower(): side for side in Side}
_ROLES = {role.name.lower(): role for role in Role}
_TRANSITIONS = {transition.name.lower(): transition for transition in Transition}
_TIMES_IN_FORCE = {tif.name.lower(): tif for tif in TimeInForce}


def hexadecimal(size: int) -> str:
    """The pattern of ``size`` bytes as they are shown, their digits captured."""
    return f'"0x([0-9a-f]{{{2 * size}}})"'


def pattern(text: str) -> Callable[..., re.Match[str] | None]:
    """A matcher of ``text`` in which words in capitals stand for values of the protocol."""
    for name, form in _FORMS.items():
        text = text.replace(name, form)
    return re.compile(text, re.ASCII).match


_FORMS = {
    "DIGEST": hexadecimal(32),
    "ADDRESS": hexadecimal(20),
    "SIGNATURE": hexadecimal(65),
    "AMOUNT": _AMOUNT,
    "NUMBER": _NUMBER,
    "WORD": _WORD,
}
_HEAD = pattern(
    r'\{"channel":DIGEST,"previous":DIGEST,"time":NUMBER,"turn":WORD,"transition":WORD,"orderNonce":NUMBER,"fills":'
)
_FILL = pattern(r"[\[,]\[DIGEST,AMOUNT,AMOUNT,AMOUNT\]")
_INCREMENT = pattern(r'\},"state":\[NUMBER,')
_OPEN_ORDER = pattern(r"\[DIGEST,ADDRESS,ADDRESS,WORD,AMOUNT,AMOUNT,AMOUNT\]")
_SIGNED_ORDER = pattern(
    r'[\[,]\{"id":DIGEST,"order":\{"channel":DIGEST,"orderNonce":NUMBER,"base":ADDRESS,"quote":ADDRESS,"side":WORD,'
    r'"price":AMOUNT,"amount":AMOUNT,"timeInForce":WORD,"openBefore":NUMBER,"expiry":NUMBER\},"signature":SIGNATURE\}'
)


class NotCanonical(Exception):
    """The text is not in the canonical form: no verdict on it, only a hint to read it the long way."""


class StateReader:
    """Reads states one after another. Orders that the next state repeats are not read again."""

    __slots__ = ("_balances", "_orders", "_outcomes")

    def __init__(self) -> None:
        self._balances = _AssetRows(Balance)
        self._orders = _OpenOrders()
        self._outcomes = _AssetRows(Outcome)

    def read(self, text: str, at: int) -> tuple[State, int]:
        """The state whose envelope begins at ``at``, its array following as ``"state"``; and where that ends.

        Raises :class:`NotCanonical`.
        """
        head = _HEAD(text, at)
        if head is None:
            raise NotCanonical
        channel, previous, time, turn, transition, order_nonce = head.groups()
        fills, at = _read_rows(_FILL, text, head.end(), _fill)
        found = _INCREMENT(text, at)
        if found is None:
            raise NotCanonical
        balances, at = self._balances.read(text, found.end())
        open_orders, at = self._orders.read(text, _expect(",", text, at))
        outcomes, at = self._outcomes.read(text, _expect(",", text, at))
        end = _expect("]", text, at)
        try:
            state = State(
                bytes.fromhex(channel),
                bytes.fromhex(previous),
                int(found[1]),
                int(time),
                _ROLES[turn],
                _TRANSITIONS[transition],
                int(order_nonce),
                fills,
                balances,
                open_orders,
                outcomes,
            )
        except KeyError:
            raise NotCanonical from None
        return state, end


def read_signed_orders(text: str, at: int) -> Rows[SignedOrder]:
    """The intents whose array begins at ``at``. Raises :class:`NotCanonical`."""
    return _read_rows(_SIGNED_ORDER, text, at, _signed_order)


class _AssetRows(Generic[N]):
    """The balances or the outcomes of the last state read: one row for each asset, often the same again."""

    __slots__ = ("_kind", "_rows", "_text")

    def __init__(self, kind: type[N]) -> None:
        self._kind: type[N] = kind
        self._text = ""
        self._rows: tuple[N, ...] = ()

    def read(self, text: str, at: int) -> Rows[N]:
        """The rows of the array that begins at ``at``, and where it ends."""
        end = text.find("]]", at) + 2
        table = text[at:end]
        if table != self._text:
            count = table.count("[") - 1
            found = _asset_table(count)(table) if 0 < count <= MAX_ASSETS else None
            if found is None:
                raise NotCanonical
            cells = iter(found.groups())
            rows = [
                _new(self._kind, (bytes.fromhex(asset), int(one), int(other)))
                for asset, one, other in zip(cells, cells, cells, strict=True)
            ]
            self._text, self._rows = table, tuple(rows)
        return self._rows, end


@lru_cache(maxsize=MAX_ASSETS)
def _asset_table(count: int) -> Callable[[str], re.Match[str] | None]:
    """A matcher of an array of ``count`` rows and nothing after it."""
    return pattern(r"\[" + ",".join([r"\[ADDRESS,AMOUNT,AMOUNT\]"] * count) + r"\]\Z")


class _OpenOrders:
    """The open orders of the last state read: their text, and what it says.

    A state changes one order or two. Its text is compared with what was read before, at the speed of memory, and only
    what differs is parsed.
    """

    __slots__ = ("_ends", "_rows", "_text")

    def __init__(self) -> None:
        self._text = ""  # between the outer brackets
        self._rows: tuple[OpenOrder, ...] = ()
        self._ends: list[int] = []  # of each row in the text

    def read(self, text: str, at: int) -> Rows[OpenOrder]:
        """The rows of the array that begins at ``at``, and where it ends."""
        if text.startswith("[]", at):
            return (), at + 2
        begin = _expect("[", text, at)
        old, ends = self._text, self._ends
        known = self._count_alike(text, begin)  # rows that stand in both, from the first on
        at = begin + (ends[known - 1] if known else 0)
        added: list[OpenOrder] = []
        added_ends = []
        rest = known  # the first of the old rows that may follow again
        while (follows := self._rest_at(text, at, rest)) is None:
            found = _OPEN_ORDER(text, _expect(",", text, at) if at > begin else begin)
            if found is None or len(added) == MAX_ROWS:
                raise NotCanonical
            added.append(_open_order(found))
            at = found.end()
            added_ends.append(at - begin)
            rest = min(rest + 1, len(ends))
        shift = at - begin - (ends[follows - 1] if follows else 0)
        end = begin + len(old) + shift
        if known + len(added) + len(ends) - follows > MAX_ROWS:
            raise NotCanonical
        if added or known < follows:
            self._rows = self._rows[:known] + tuple(added) + self._rows[follows:]
            self._ends = ends[:known] + added_ends + [place + shift for place in ends[follows:]]
            self._text = text[begin:end]
        return self._rows, end + 1

    def _count_alike(self, text: str, begin: int) -> int:
        """How many of the rows read last also begin the array whose first row begins at ``begin``."""
        old, ends = self._text, self._ends
        low, high, done = 0, len(ends), 0
        middle = high  # most often all of them: an order more
        while low < high:
            if text.startswith(old[done : ends[middle - 1]], begin + done):
                low, done = middle, ends[middle - 1]
            else:
                high = middle - 1
            middle = (low + high + 1) // 2
        return low

    def _rest_at(self, text: str, at: int, rest: int) -> int | None:
        """From which of the old rows on all stand at ``at`` again: ``rest``, the next, or none; None if otherwise."""
        old, ends = self._text, self._ends
        if text.startswith("]", at):
            return len(ends)
        for first in (rest, rest + 1):
            if not 0 < first < len(ends):
                continue
            begin = ends[first - 1]
            if text.startswith("]", at + len(old) - begin) and text.startswith(old[begin:], at):
                return first
        return None


def _expect(mark: str, text: str, at: int) -> int:
    if not text.startswith(mark, at):
        raise NotCanonical
    return at + len(mark)


def _read_rows(
    match: Callable[[str, int], re.Match[str] | None], text: str, at: int, make: Callable[[re.Match[str]], T]
) -> Rows[T]:
    """An array whose rows ``match`` takes with the bracket or comma before each."""
    if text.startswith("[]", at):
        return (), at + 2
    rows = []
    mark = "["
    while (found := match(text, at)) is not None and text[at] == mark:
        rows.append(make(found))
        at, mark = found.end(), ","
    if not 0 < len(rows) <= MAX_ROWS:
        raise NotCanonical
    return tuple(rows), _expect("]", text, at)


def _fill(found: re.Match[str]) -> Fill:
    order, price, quantity, fee = found.groups()
    return Fill(bytes.fromhex(order), int(price), int(quantity), int(fee))


def _open_order(found: re.Match[str]) -> OpenOrder:
    order, base, quote, side, price, amount, filled = found.groups()
    if side not in _SIDES:
        raise NotCanonical
    parties = bytes.fromhex(order), bytes.fromhex(base), bytes.fromhex(quote)
    return OpenOrder(*parties, int(_SIDES[side]), int(price), int(amount), int(filled))


def _signed_order(found: re.Match[str]) -> SignedOrder:
    order_id, channel, nonce, base, quote, side, price, amount, tif, open_before, expiry, signature = found.groups()
    if side not in _SIDES or tif not in _TIMES_IN_FORCE:
        raise NotCanonical
    order = Order(
        bytes.fromhex(channel),
        int(nonce),
        bytes.fromhex(base),
        bytes.fromhex(quote),
        _SIDES[side],
        int(price),
        int(amount),
        _TIMES_IN_FORCE[tif],
        int(open_before),
        int(expiry),
    )
    return SignedOrder(bytes.fromhex(order_id), order, bytes.fromhex(signature))
