"""The fills of a channel as CSV, for a spreadsheet or for the taxes: one line a fill, in whole coins.

Every figure is a plain decimal number of all its digits, times are UTC, symbols are letters and figures: no cell can
be taken for a formula.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from wallet.app.views import Names, is_trade
from wallet.history.export import csv_line, whole_file
from wallet.history.reader import HistoryReader
from wallet.market.fills import effective
from wallet.protocol import codec
from wallet.protocol.amounts import format_amount
from wallet.protocol.intents import Order
from wallet.protocol.state import Fill
from wallet.protocol.transitions import received_asset

COLUMNS = ("time", "state", "order", "market", "side", "price", "amount", "total", "fee", "fee asset", "price with fee")


def export_fills(journal: HistoryReader, names: Names, channel: bytes, path: Path) -> int:
    """Writes every fill of states that both have signed, oldest first; how many. WalletError("EXPORT_FAILED")."""
    orders = {row.signed.id: row.signed.order for row in journal.walk_intents(channel)}
    count = 0
    with whole_file(path) as out:
        out.write(csv_line(COLUMNS))
        for entry in journal.walk(channel):
            if not is_trade(entry):
                continue
            for fill in entry.state.fills:
                order = orders.get(fill.order)
                if order is not None:
                    out.write(csv_line((_time(entry.state.time), entry.state.increment, *_cells(names, order, fill))))
                    count += 1
    return count


def _cells(names: Names, order: Order, fill: Fill) -> tuple[str, ...]:
    base, quote = names.asset(order.base), names.asset(order.quote)
    side = codec.show_enum(order.side)
    market = next(row for row in names.markets if (row.base.address, row.quote.address) == (order.base, order.quote))
    whole = 10**base.decimals
    received = names.asset(received_asset(order))
    real = effective(side, market.unit, fill.price, fill.quantity, fill.fee, whole)
    return (
        codec.show_hex(fill.order),
        market.name,
        side,
        format_amount(fill.price * whole // market.unit, quote.decimals),
        format_amount(fill.quantity, base.decimals),
        format_amount(fill.price * fill.quantity // market.unit, quote.decimals),
        format_amount(fill.fee, received.decimals),
        received.symbol,
        "" if real is None else format_amount(real, quote.decimals),
    )


def _time(seconds: int) -> str:
    limit = 253_402_000_000  # a broker's claim: what no calendar holds is shown as its end
    return datetime.fromtimestamp(min(seconds, limit), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
