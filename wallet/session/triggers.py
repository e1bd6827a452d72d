"""Stop-loss and take-profit: orders this program sends by itself once the broker's book has reached a price. Pure.

The broker knows nothing of them, so they work only while this program runs. A trigger is judged by a book that is
known to be right and fresh, and only once the price has held for :data:`HOLD` seconds of the broker's own words: a
wrong frame, a gap, a broken connection or a silent feed begins the wait anew and never fires. What fires is an
immediate-or-cancel order at the trigger's slippage cap.

It fires once, whatever breaks in between: its order's client id was made with it, and the intent is kept under that
name in the same transaction as the signature, so a restart finds what was signed and signs nothing again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError

STOP_LOSS, TAKE_PROFIT = "stop_loss", "take_profit"
KINDS: Final = (STOP_LOSS, TAKE_PROFIT)
SIDES: Final = ("buy", "sell")
ARMED, FIRED, FAILED = "armed", "fired", "failed"
STATUSES: Final = (ARMED, FIRED, FAILED)
HOLD = 1.0  # seconds that the price must be there, seen without a gap
MAX_ARMED = 32  # in one channel
MAX_KEPT = 64  # with the latest that fired or failed
MAX_BYTES = 64 * 1024
ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Trigger:
    """``at`` is the price that sets it off, in quote base units per unit of base; ``amount`` in base units of base.

    ``side`` is that of its order, ``cap`` the slippage it accepts in parts per million, ``created`` Unix seconds.
    ``reason`` is the code of why it failed. ``base`` and ``quote`` are addresses.
    """

    id: bytes
    base: bytes
    quote: bytes
    side: str
    kind: str
    at: int
    amount: int
    cap: int
    created: int
    status: str = ARMED
    reason: str = ""

    @property
    def client_id(self) -> str:
        """The name of its order: there is never a second one."""
        return "trigger-" + self.id.hex()

    @property
    def rising(self) -> bool:
        """Whether it waits for the price to rise: a stop of who would buy, a target of who would sell."""
        return (self.side == "buy") == (self.kind == STOP_LOSS)

    def reached(self, price: int) -> bool:
        """Whether ``price``, the best one its order would get, is at the trigger or beyond."""
        return price >= self.at if self.rising else price <= self.at


@dataclass(frozen=True, slots=True)
class Quote:
    """The best prices of a book that is whole and fresh; no quote is made of any other.

    ``heard``: when the broker last said a word about this market, in seconds of any one clock.
    """

    bid: int
    ask: int
    heard: float

    def taken_by(self, side: str) -> int:
        """What an order of this side gets at best."""
        return self.ask if side == "buy" else self.bid


@dataclass(slots=True)
class Judge:
    """Who decides when a trigger fires: remembers since when each has been seen reached."""

    _since: dict[bytes, float] = field(default_factory=dict)

    def due(self, trigger: Trigger, quote: Quote | None) -> bool:
        """Whether it fires now. ``quote``: None where the book can't be trusted at this moment.

        Time is that of the broker's words: a feed that fell silent with the price there fires nothing.
        """
        if trigger.status != ARMED or quote is None or not trigger.reached(quote.taken_by(trigger.side)):
            self._since.pop(trigger.id, None)
            return False
        return quote.heard - self._since.setdefault(trigger.id, quote.heard) >= HOLD

    def forget(self, trigger: bytes) -> None:
        self._since.pop(trigger, None)


def armed(rows: Iterable[Trigger]) -> list[Trigger]:
    return [row for row in rows if row.status == ARMED]


def added(rows: tuple[Trigger, ...], new: Trigger) -> tuple[Trigger, ...]:
    """With one more; the oldest that are over make room. Raises WalletError("TRIGGER_LIMIT")."""
    if len(armed(rows)) >= MAX_ARMED:
        raise WalletError("TRIGGER_LIMIT", limit=MAX_ARMED)
    over = [row for row in rows if row.status != ARMED]
    spare = set(over[: max(len(rows) + 1 - MAX_KEPT, 0)])
    return (*(row for row in rows if row not in spare), new)


def settled(rows: tuple[Trigger, ...], trigger: bytes, status: str, reason: str = "") -> tuple[Trigger, ...]:
    """With what became of one."""
    return tuple(replace(row, status=status, reason=reason) if row.id == trigger else row for row in rows)


# --- on disk ------------------------------------------------------------------------------------------------------


class _Row(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    id: str
    base: str
    quote: str
    side: str
    kind: str
    at: str
    amount: str
    cap: int
    created: int
    status: str
    reason: str


def dump(rows: Iterable[Trigger]) -> bytes:
    """As one JSON text; amounts are decimal strings, as everywhere."""
    return msgspec.json.encode(
        [
            _Row(
                row.id.hex(),
                row.base.hex(),
                row.quote.hex(),
                row.side,
                row.kind,
                str(row.at),
                str(row.amount),
                row.cap,
                row.created,
                row.status,
                row.reason,
            )
            for row in rows
        ]
    )


def load(text: bytes | None) -> tuple[Trigger, ...]:
    """What :func:`dump` wrote; WalletError("TRIGGER_FILE") for anything else: no order is made of a guess."""
    if text is None:
        return ()
    try:
        rows = msgspec.convert(strictjson.loads(text, max_bytes=MAX_BYTES), list[_Row])
        found = tuple(map(_read, rows))
    except (msgspec.ValidationError, WalletError, ValueError) as error:
        raise WalletError("TRIGGER_FILE") from error
    return found


def _read(row: _Row) -> Trigger:
    at, amount = int(row.at), int(row.amount)
    sound = row.side in SIDES and row.kind in KINDS and row.status in STATUSES and at > 0 and amount > 0
    if not sound or not 0 <= row.cap < 1_000_000:
        raise ValueError(row.id)
    return Trigger(
        bytes.fromhex(row.id),
        bytes.fromhex(row.base),
        bytes.fromhex(row.quote),
        row.side,
        row.kind,
        at,
        amount,
        row.cap,
        row.created,
        row.status,
        row.reason,
    )
