"""How rows stand in the file: a state as compact bytes, and a seal over every column so that no damage stays unseen.

A seal is a checksum, not a secret: what was *meant* is proved by the signatures, what was *written* by the seal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Annotated, Any, TypeAlias

import msgspec

from wallet.history.store import Row, Store
from wallet.protocol.state import Balance, Fill, OpenOrder, Outcome, State, Transition
from wallet.protocol.terms import Role

SEAL_SIZE = 16


class RowDamaged(ValueError):
    """A row is not what was written."""


# --- states ------------------------------------------------------------------------------------------------------

_Word: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Address: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=20, max_length=20)]
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
_Amount: TypeAlias = Annotated[int, msgspec.Meta(ge=0)] | Annotated[bytes, msgspec.Meta(max_length=32)]
_Body: TypeAlias = tuple[
    _Word,  # previous
    _Count,  # time
    Role,
    _Count,  # order nonce
    list[tuple[_Word, _Amount, _Amount, _Amount]],
    msgspec.Raw,  # balances, and each open order, and outcomes: most states repeat most of them
    list[msgspec.Raw],
    msgspec.Raw,
]
_BODY = msgspec.msgpack.Decoder(_Body)
_PER_ASSET = msgspec.msgpack.Decoder(list[tuple[_Address, _Amount, _Amount]])
_OPEN_ORDER = msgspec.msgpack.Decoder(
    tuple[_Word, _Address, _Address, Annotated[int, msgspec.Meta(ge=0, le=1)], _Amount, _Amount, _Amount]
)
_ENCODER = msgspec.msgpack.Encoder()
_SMALL = 2**63


def encode_state(state: State) -> bytes:
    """What a state says beside channel, increment and transition, which have columns of their own (MessagePack)."""
    return _ENCODER.encode(
        (
            state.previous,
            state.time,
            int(state.turn),
            state.order_nonce,
            [(row[0], _shown(row[1]), _shown(row[2]), _shown(row[3])) for row in state.fills],
            [(row[0], _shown(row[1]), _shown(row[2])) for row in state.balances],
            [(*row[:4], _shown(row[4]), _shown(row[5]), _shown(row[6])) for row in state.open_orders],
            [(row[0], _shown(row[1]), _shown(row[2])) for row in state.outcomes],
        )
    )


def decode_state(channel: bytes, increment: int, transition: int, body: bytes) -> State:
    """The state of a row. Raises ValueError (msgspec's among them) if that is not what the columns hold."""
    previous, time, turn, nonce, fills, balances, orders, outcomes = _BODY.decode(body)
    return State(
        channel,
        previous,
        increment,
        time,
        turn,
        Transition(transition),
        nonce,
        tuple([Fill(row[0], _read(row[1]), _read(row[2]), _read(row[3])) for row in fills]),
        _balances(bytes(balances)),
        tuple([_open_order(bytes(row)) for row in orders]),
        _outcomes(bytes(outcomes)),
    )


@lru_cache(maxsize=64)
def _balances(rows: bytes) -> tuple[Balance, ...]:
    return tuple([Balance(row[0], _read(row[1]), _read(row[2])) for row in _PER_ASSET.decode(rows)])


@lru_cache(maxsize=1024)
def _open_order(row: bytes) -> OpenOrder:
    order, base, quote, side, price, amount, filled = _OPEN_ORDER.decode(row)
    return OpenOrder(order, base, quote, side, _read(price), _read(amount), _read(filled))


@lru_cache(maxsize=64)
def _outcomes(rows: bytes) -> tuple[Outcome, ...]:
    return tuple([Outcome(row[0], _read(row[1]), _read(row[2])) for row in _PER_ASSET.decode(rows)])


def _shown(amount: int) -> int | bytes:
    """MessagePack has no integers beyond 64 bits."""
    return amount if amount < _SMALL else amount.to_bytes((amount.bit_length() + 7) // 8, "big")


def _read(amount: int | bytes) -> int:
    return amount if type(amount) is int else int.from_bytes(amount, "big")  # type: ignore[arg-type]


# --- tables of sealed rows -----------------------------------------------------------------------------------------


def seal(values: Sequence[Any]) -> bytes:
    """A checksum of all columns of a row."""
    return blake2b(_ENCODER.encode(values), digest_size=SEAL_SIZE).digest()


@dataclass(frozen=True)
class Table:
    """A table whose rows end with a seal over ``columns``."""

    name: str
    columns: tuple[str, ...]

    @cached_property
    def selected(self) -> str:
        """What to select so that :meth:`opened` can check it."""
        return ", ".join((*self.columns, "seal"))

    @cached_property
    def insertion(self) -> str:
        """The statement that adds a row of columns and seal."""
        places = ", ".join("?" * (len(self.columns) + 1))
        return f"INSERT INTO {self.name} ({self.selected}) VALUES ({places})"  # noqa: S608 - constants

    def opened(self, row: Row) -> Row:
        """The columns of a row that is what was written; else :class:`RowDamaged`."""
        values = row[:-1]
        if seal(values) != row[-1]:
            raise RowDamaged("seal")
        return values

    def insert(self, store: Store, values: Sequence[object]) -> int:
        """Adds one row; its rowid. Raises sqlite3.IntegrityError as SQLite does."""
        return store.insert(self.insertion, (*values, seal(values)))

    def change(self, store: Store, where: str, key: Sequence[object], changes: Mapping[str, object]) -> None:
        """Sets columns of the row at ``where``, if there is one; a damaged one raises :class:`RowDamaged`, unsealed."""
        with store.transaction():
            row = store.row(f"SELECT {self.selected} FROM {self.name} WHERE {where}", key)  # noqa: S608 - constants
            if row is None:
                return
            values = [changes.get(name, value) for name, value in zip(self.columns, self.opened(row), strict=True)]
            sets = ", ".join(f"{name} = ?" for name in (*changes, "seal"))
            sql = f"UPDATE {self.name} SET {sets} WHERE {where}"  # noqa: S608 - constants
            store.execute(sql, (*changes.values(), seal(values), *key))


STATES = Table(
    "states",
    (
        *("channel", "number", "increment", "digest", "issuer", "transition", "body"),
        *("broker_signature", "trader_signature", "own", "status", "recorded"),
    ),
)
CHANNELS = Table("channels", ("id", "role", "chain_id", "contract", "terms", "phase", "created"))
INTENTS = Table("intents", ("id", "channel", "nonce", "body", "status", "reason", "created", "cancel", "receipt"))
FLAGS = Table(
    "flags",
    (
        *("channel", "increment", "code", "expected", "got", "cost", "digest", "raw", "signature", "time"),
        *("last_good", "resolved"),
    ),
)
