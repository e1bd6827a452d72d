"""Orders as a person types them: decimal prices and amounts, by the market's own decimals."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from wallet.cli.output import Context
from wallet.cli.reach import Target, meant
from wallet.protocol.amounts import format_amount, parse_decimal
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.backend import Commands
    from wallet.app.snapshots import AppView, MarketInfo, OrderView

GONE_WITHIN = 10  # seconds for a cancel to reach a signed state
LOOK_AGAIN = 0.02
_ORDER_ID = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_IOC = "immediate_or_cancel"
_TIME = re.compile(r"([0-9]{1,7})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
ORDER_LIFETIME = 86_400  # seconds a resting order lives unless the user says otherwise
LONGEST = 28 * 86_400


def allocations(view: AppView, texts: Sequence[str]) -> list[tuple[bytes, int]]:
    """Base units per asset from ``SYMBOL=AMOUNT``."""
    symbols = {info.symbol: info for info in view.assets}
    wanted: dict[bytes, int] = {}
    for text in texts:
        symbol, sign, amount = text.partition("=")
        if not sign:
            raise click.UsageError(f"--allocate takes SYMBOL=AMOUNT, not {text!r}.")
        info = symbols.get(symbol)
        if info is None:
            raise WalletError("ASSET_UNKNOWN", asset=symbol, known=", ".join(symbols))
        wanted[info.address] = parse_decimal(amount, info.decimals)
    return list(wanted.items())


def amounts(view: AppView, values: Mapping[bytes, int]) -> dict[str, str]:
    """Decimal amounts by symbol."""
    infos = {info.address: info for info in view.assets}
    return {infos[asset].symbol: format_amount(amount, infos[asset].decimals) for asset, amount in values.items()}


def market_of(view: AppView, name: str) -> MarketInfo:
    found = next((row for row in view.markets if row.name == name), None)
    if found is None:
        raise WalletError("MARKET_NOT_OFFERED", market=name, known=", ".join(row.name for row in view.markets))
    return found


class _Lifetime(click.ParamType[int]):
    """A time such as 90s, 15m, 8h, 28d, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _TIME.fullmatch(str(value))
        seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
        if not 1 <= seconds <= LONGEST:
            self.fail(f"{value!r} is no time such as 90s, 15m, 8h or 28d (28d at most).", param, ctx)
        return seconds


LIFETIME = _Lifetime()


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order as a person says it: decimal amounts; without a limit, at the market within ``cap`` ppm."""

    side: str
    market: str
    amount: str
    limit: str | None
    cap: int
    kind: str
    lifetime: int
    client_id: str


def kind_of(limit: str | None, *, at_market: bool, ioc: bool, fok: bool, post_only: bool, lives: bool) -> str:
    """The time in force that the options ask for; click.UsageError where they contradict each other."""
    if at_market == (limit is not None):
        raise click.UsageError("Say either --limit PRICE or --market.")
    if ioc + fok + post_only > 1:
        raise click.UsageError("--ioc, --fok and --post-only exclude each other.")
    if at_market and post_only:
        raise click.UsageError("--market takes from the book: --post-only never does.")
    if lives and (at_market or ioc or fok):
        raise click.UsageError("--good-for is for orders that rest.")
    if fok:
        return "fill_or_kill"
    if ioc or at_market:
        return _IOC
    return "post_only" if post_only else "good_till_time"


def place(there: Target, wanted: Wanted) -> bytes:
    """Sends the order; its id."""
    info = market_of(there.view, wanted.market)
    units = parse_decimal(wanted.amount, info.base.decimals)
    if wanted.limit is None:
        price = there.commands.market_price(there.channel, wanted.market, wanted.side, wanted.cap).result()
    else:
        price = _price(info, wanted.limit)
    return there.commands.place_order(
        there.channel, wanted.market, wanted.side, price, units, wanted.kind, wanted.client_id, wanted.lifetime
    ).result()


def _price(info: MarketInfo, limit: str) -> int:
    # a price is quote base units per `unit` of base: a decimal price counts quote per one whole base
    scaled = parse_decimal(limit, info.quote.decimals) * info.unit
    whole = 10**info.base.decimals
    if scaled % whole:
        raise WalletError("ORD-TICK", expected=info.tick_size, got=limit)
    price: int = scaled // whole
    return price


def show_order(out: Context, there: Target, order: bytes, wait: float, *, stay: bool = False) -> None:
    """Waits until a state has opened the order (an IOC: until it is gone), and shows what became of it.

    ``stay``: until it is over, however long that takes; an order is in the book only while its trader is present.
    """
    deadline = time.monotonic() + wait
    while True:
        view = there.commands.order(order).result()
        done = view.status.value in ("open", "filled", "cancelled", "rejected")
        if (stay or view.time_in_force in (_IOC, "fill_or_kill")) and view.status.value == "open":
            done = False
        if done or (not stay and time.monotonic() > deadline):
            break
        time.sleep(LOOK_AGAIN)
    row = order_row(view, market_of(there.view, view.market))
    out.show(row, f"{row['id']}  {row['status']}  filled {row['filled']} of {row['amount']}, limit {row['price']}")


def cancel(commands: Commands, which: str, channel: str | None) -> int:
    """Takes one order back, or all of a channel; how many, once no signed state holds them."""
    if which == "all":
        wanted, of = b"", meant(commands.view(b"", b"").result(), channel)
        _be_online(commands, of)
        count = commands.cancel_all(of).result()
    elif _ORDER_ID.fullmatch(which):
        wanted, of, count = bytes.fromhex(which[2:]), b"", 1
        _be_online(commands, _channel_of(commands, wanted))
        commands.cancel_order(wanted).result()
    else:
        raise click.UsageError("An order's id is 0x and 64 hex digits; or say all.")
    commands.orders_gone(of, wanted, GONE_WITHIN).result()
    return count


def _channel_of(commands: Commands, order: bytes) -> bytes:
    for row in commands.view(b"", b"").result().channels:
        view = commands.view(b"", row.id).result()
        if view.channel is not None and any(found.id == order for found in view.channel.orders):
            return row.id
    return b""


def _be_online(commands: Commands, channel: bytes) -> None:
    commands.online(commands.view(b"", channel).result().broker, chain_only=False).result()


def order_row(view: OrderView, market: MarketInfo) -> dict[str, Any]:
    """An order as JSON: decimal strings, as a person would write them."""
    price = view.price * 10**market.base.decimals
    return {
        "id": "0x" + view.id.hex(),
        "market": view.market,
        "side": view.side,
        "price": format_amount(price // market.unit, market.quote.decimals),
        "amount": format_amount(view.amount, market.base.decimals),
        "filled": format_amount(view.filled, market.base.decimals),
        "timeInForce": view.time_in_force,
        "status": view.status.value,
        "reason": view.reason,
    }
