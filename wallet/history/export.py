"""A channel's history as a file of one's own: all of it as JSON, or its states as CSV for a spreadsheet.

Rows stream from the journal to the file, so that a million states take no more memory than a thousand. The file
appears whole or not at all. Source: design §2 (the array), §7.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec

from wallet.history.journal import ChannelRecord, Entry, FlagRecord, IntentRecord
from wallet.history.store import sync_directory
from wallet.history.validation import Validation, validation_of
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import Role

FORMAT = "trading-channels/history"
VERSION = 1
PROGRESS_EVERY = 200


class History(Protocol):
    """Where a history is read from: a journal, or a reader of one."""

    def channel(self, channel: bytes) -> ChannelRecord | None: ...
    def count(self, channel: bytes) -> int: ...
    def walk(self, channel: bytes) -> Iterator[Entry]: ...
    def walk_intents(self, channel: bytes) -> Iterator[IntentRecord]: ...
    def flags(self, channel: bytes | None = None) -> list[FlagRecord]: ...
    def following(self, entry: Entry) -> Iterator[Entry]: ...
    def page(self, channel: bytes, before: int | None, limit: int) -> list[Entry]: ...


Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]


def export_json(
    history: History,
    channel: bytes,
    path: Path,
    progress: Progress = lambda _done, _all: None,
    cancelled: Cancelled = lambda: False,
) -> int:
    """Writes one object (its keys: see ``head`` below, then intents, states, flags); how many states.

    Raises WalletError("CHANNEL_UNKNOWN" | "EXPORT_FAILED" | "EXPORT_CANCELLED"); then nothing is at ``path`` that
    was not there before.
    """
    record = _record(history, channel)
    with whole_file(path) as out:
        head = {
            "format": FORMAT,
            "version": VERSION,
            "chainId": record.chain_id,
            "adjudicator": codec.show_hex(record.contract),
            "channel": codec.show_hex(record.id),
            "role": codec.show_enum(record.role),
            "terms": codec.show_terms(record.terms),
        }
        out.write(msgspec.json.encode(head)[:-1])
        _write_list(out, "intents", map(_show_intent, history.walk_intents(channel)))
        states = _counted(history, channel, progress, cancelled)
        count = _write_list(out, "states", (_show_entry(history, entry) for entry in states))
        _write_list(out, "flags", map(_show_flag, history.flags(channel)))
        out.write(b"\n}\n")
    return count


_COLUMNS = ("increment", "time", "issuer", "transition", "status", "validation", "digest", "previous", "order_nonce")


def export_csv(
    history: History,
    channel: bytes,
    path: Path,
    progress: Progress = lambda _done, _all: None,
    cancelled: Cancelled = lambda: False,
) -> int:
    """Writes one line per state, amounts in base units, four columns per asset; how many. Fails as the other does."""
    record = _record(history, channel)
    assets = [codec.show_hex(row.asset) for row in record.terms.assets]
    kinds = ("available", "locked", "to_broker", "to_trader")
    columns = (*_COLUMNS, "open_orders", "fills", *(f"{kind} {asset}" for asset in assets for kind in kinds))
    with whole_file(path) as out:
        out.write(csv_line(columns))
        count = 0
        for entry in _counted(history, channel, progress, cancelled):
            out.write(csv_line(_csv_cells(entry, validation_of(history, entry))))
            count += 1
    return count


def _csv_cells(entry: Entry, validation: Validation | None) -> tuple[object, ...]:
    state = entry.state
    balances = {row.asset: row[1:] for row in state.balances}
    money = [cell for row in state.outcomes for cell in (*balances.get(row.asset, ("", "")), *row[1:])]
    return (
        state.increment,
        state.time,
        codec.show_enum(entry.issuer),
        codec.show_enum(state.transition),
        codec.show_enum(entry.status),
        validation.kind if validation else "",
        codec.show_hex(entry.digest),
        codec.show_hex(state.previous),
        state.order_nonce,
        len(state.open_orders),
        len(state.fills),
        *money,
    )


def csv_line(cells: Iterable[object]) -> bytes:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


# --- rows --------------------------------------------------------------------------------------------------------


def show_validation(validation: Validation | None) -> dict[str, Any] | None:
    """How a state is validated, as JSON; None if nothing recorded shows that it is."""
    if validation is None or validation.successor is None or validation.implied is None:
        return None if validation is None else {"kind": validation.kind}
    later, role = validation.successor, validation.implied
    return {
        "kind": validation.kind,
        "role": codec.show_enum(role),
        "increment": later.state.increment,
        "digest": codec.show_hex(later.digest),
    }


def _show_entry(history: History, entry: Entry) -> dict[str, Any]:
    return {
        "envelope": codec.envelope(entry.state),
        "state": codec.state_array(entry.state),
        "digest": codec.show_hex(entry.digest),
        "issuer": codec.show_enum(entry.issuer),
        "status": codec.show_enum(entry.status),
        "signatures": {codec.show_enum(role): _show_optional(entry.signature(role)) for role in reversed(Role)},
        "validation": show_validation(validation_of(history, entry)),
    }


def _show_intent(record: IntentRecord) -> dict[str, Any]:
    return {
        **codec.show_signed_order(record.signed),
        "status": record.status,
        "reason": record.reason,
        "cancel": _show_optional(record.cancel),
        "receipt": _show_optional(record.receipt),
    }


def _show_flag(record: FlagRecord) -> dict[str, Any]:
    return {
        "code": record.flag.code,
        "increment": record.increment,
        "expected": record.flag.expected,
        "got": record.flag.got,
        "cost": [[codec.show_hex(asset), str(amount)] for asset, amount in record.flag.cost],
        "digest": codec.show_hex(record.digest),
        "signature": codec.show_hex(record.signature),
        "raw": codec.show_hex(record.raw),
        "time": record.time,
        "lastGood": record.last_good,
        "resolved": record.resolved,
    }


def _show_optional(data: bytes | None) -> str | None:
    return None if data is None else codec.show_hex(data)


# --- writing -----------------------------------------------------------------------------------------------------


def _record(history: History, channel: bytes) -> ChannelRecord:
    record = history.channel(channel)
    if record is None:
        raise WalletError("CHANNEL_UNKNOWN", channel="0x" + channel.hex())
    return record


def _counted(history: History, channel: bytes, progress: Progress, cancelled: Cancelled) -> Iterator[Entry]:
    total, done = history.count(channel), 0
    for entry in history.walk(channel):
        yield entry
        done += 1
        if done % PROGRESS_EVERY == 0:
            progress(done, total)
            if cancelled():
                raise WalletError("EXPORT_CANCELLED")
    progress(done, total)


def _write_list(out: IO[bytes], key: str, rows: Iterable[dict[str, Any]]) -> int:
    """One more member of the open object: a list, one row a line."""
    out.write(b",\n" + msgspec.json.encode(key) + b":[")
    count = 0
    for row in rows:
        out.write((b",\n" if count else b"\n") + msgspec.json.encode(row))
        count += 1
    out.write(b"\n]")
    return count


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """An owner-only file that is at ``path`` once all of it is on disk; until then, and after a failure, it is not."""
    try:
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
            sync_directory(path.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise WalletError("EXPORT_FAILED", path=path.name, why=error.strerror or str(error)) from error
