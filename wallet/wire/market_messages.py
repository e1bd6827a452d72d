"""Params and results of everything about the market. None of it is signed: it informs, it never moves money.

A market is named by its (base, quote) addresses. Prices are quote base units per unit of base, amounts base units.
``seq`` counts the changes of one market's book without a gap: a delta applies on top of its ``prev_seq``, and its
quantities are absolute (0 takes the level away). ``checksum`` is CRC32 of ``price:amount`` of the best ten bids, then
the best ten asks, joined by ``|`` (ASCII). Source: design §8.
"""

from __future__ import annotations

from typing import NamedTuple

from wallet.protocol.amounts import PPM
from wallet.protocol.codec import malformed
from wallet.protocol.state import Side
from wallet.protocol.terms import MAX_MARKETS
from wallet.wire.forms import (
    ADDRESS,
    AMOUNT,
    NUMBER,
    PAIR,
    Form,
    Message,
    Pair,
    enum,
    listing,
    message,
    number,
    of,
    record,
    row,
    text,
)

MAX_DEPTH_LEVELS = 1_000  # of one side, in a snapshot or a delta
MAX_TRADES = 500  # in one message
MAX_CANDLES = 1_000
INTERVALS = (1, 5, 60, 300, 900, 3_600)  # seconds


class Level(NamedTuple):
    price: int
    amount: int


class Trade(NamedTuple):
    """A trade between anyone; ``side`` is the taker's, ``time_ms`` Unix milliseconds, ``id`` rises."""

    id: int
    time_ms: int
    side: Side
    price: int
    amount: int


class Candle(NamedTuple):
    """``start`` in Unix seconds, a multiple of the interval; ``volume`` in base."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int


_LEVELS: Form[tuple[Level, ...]] = listing(row(Level, AMOUNT, AMOUNT), MAX_DEPTH_LEVELS)
_TRADES: Form[tuple[Trade, ...]] = listing(row(Trade, NUMBER, NUMBER, enum(Side), AMOUNT, AMOUNT), MAX_TRADES)
_CANDLES: Form[tuple[Candle, ...]] = listing(row(Candle, NUMBER, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT), MAX_CANDLES)
_CHECKSUM = number(high=2**32 - 1)
_DECIMALS = number(high=77)
_FEE = number(high=PPM)


def _interval() -> Form[int]:
    seconds = number()

    def read(value: object, what: str) -> int:
        found = seconds.read(value, what)
        if found not in INTERVALS:
            raise malformed(what, value)
        return found

    return Form(read, int)


@message
class InstrumentsRequest(Message):
    pass


@message
class Instrument(Message):
    """One market: how it is written, what may be traded in it, and the fees in practice (ppm)."""

    base: bytes = of(ADDRESS)
    quote: bytes = of(ADDRESS)
    symbol: str = of(text(32))
    base_symbol: str = of(text(16))
    quote_symbol: str = of(text(16))
    base_decimals: int = of(_DECIMALS)
    quote_decimals: int = of(_DECIMALS)
    unit: int = of(AMOUNT)
    tick_size: int = of(AMOUNT)
    lot_size: int = of(AMOUNT)
    min_notional: int = of(AMOUNT)
    maker_fee: int = of(_FEE)
    taker_fee: int = of(_FEE)


@message
class Instruments(Message):
    markets: tuple[Instrument, ...] = of(listing(record(Instrument), MAX_MARKETS))


@message
class Subscribe(Message):
    """``depth``: how many levels of each side the subscriber wants."""

    market: Pair = of(PAIR)
    depth: int = of(number(low=1, high=MAX_DEPTH_LEVELS))


@message
class Snapshot(Message):
    """The book at ``seq``: bids from the highest price down, asks from the lowest up."""

    seq: int = of(NUMBER)
    bids: tuple[Level, ...] = of(_LEVELS)
    asks: tuple[Level, ...] = of(_LEVELS)
    checksum: int = of(_CHECKSUM)


@message
class Subscribed(Message):
    """``trades``: the latest, oldest first."""

    snapshot: Snapshot = of(record(Snapshot))
    trades: tuple[Trade, ...] = of(_TRADES)


@message
class Unsubscribe(Message):
    market: Pair = of(PAIR)


@message
class CandlesRequest(Message):
    """The latest ``limit`` candles of ``interval`` seconds (1, 5, 60, 300, 900 or 3600)."""

    market: Pair = of(PAIR)
    interval: int = of(_interval())
    limit: int = of(number(low=1, high=MAX_CANDLES))


@message
class Candles(Message):
    """Oldest first."""

    candles: tuple[Candle, ...] = of(_CANDLES)


@message
class Depth(Message):
    """Notification: what changed in a book since ``prev_seq``. ``checksum`` is that of the book after it."""

    market: Pair = of(PAIR)
    prev_seq: int = of(NUMBER, "prev_seq")
    seq: int = of(NUMBER)
    bids: tuple[Level, ...] = of(_LEVELS)
    asks: tuple[Level, ...] = of(_LEVELS)
    checksum: int = of(_CHECKSUM)


@message
class Trades(Message):
    """Notification ``trade``."""

    market: Pair = of(PAIR)
    trades: tuple[Trade, ...] = of(_TRADES)


@message
class MarketBeat(Message):
    """Notification ``heartbeat``, every second: the market is alive, and its book stands at ``seq``."""

    market: Pair = of(PAIR)
    seq: int = of(NUMBER)
    now: int = of(NUMBER)
