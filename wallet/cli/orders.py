"""``channel-wallet order``: buy, sell, cancel, list."""

from __future__ import annotations

from pathlib import Path

import click

from wallet.cli.output import Context, channel_option, wallet_command
from wallet.cli.reach import backend, target
from wallet.cli.trading import LIFETIME, ORDER_LIFETIME, Wanted, cancel, kind_of, place, show_order


@click.group()
def order() -> None:
    """Buy, sell, cancel and list orders."""


for _side in ("buy", "sell"):

    @order.command(_side, help=f"{_side.capitalize()} AMOUNT of base in MARKET, such as ETH/USDT.")
    @click.argument("market")
    @click.argument("amount")
    @click.option("--limit", metavar="PRICE", help="The worst price you accept.")
    @click.option("--market", "at_market", is_flag=True, help="At the market: at once, within --slippage.")
    @click.option(
        "--slippage",
        type=click.FloatRange(0, 10),
        default=1.0,
        show_default=True,
        help="Percent through the best price that --market accepts; the rest is cancelled.",
    )
    @click.option("--ioc", is_flag=True, help="Fill at once what can be, cancel the rest.")
    @click.option("--fok", is_flag=True, help="Fill at once and whole, or cancel.")
    @click.option("--post-only", is_flag=True, help="Rest in the book or be cancelled; never take.")
    @click.option(
        "--good-for", type=LIFETIME, metavar="TIME", help="Cancelled by itself after: 90s, 15m, 8h, 28d.  [default: 1d]"
    )
    @click.option("--id", "client_id", default="", metavar="TEXT", help="A name of your own: said again, no new order.")
    @click.option("--wait", type=float, default=5.0, show_default=True, help="Seconds to wait for states of the order.")
    @click.option("--stay", is_flag=True, help="Stay until it is over: only who is present is matched.")
    @channel_option
    @wallet_command
    def _order(
        out: Context,
        market: str,
        amount: str,
        limit: str | None,
        at_market: bool,
        slippage: float,
        ioc: bool,
        fok: bool,
        post_only: bool,
        good_for: int | None,
        client_id: str,
        wait: float,
        stay: bool,
        which: str | None,
        _side: str = _side,
    ) -> None:
        kind = kind_of(limit, at_market=at_market, ioc=ioc, fok=fok, post_only=post_only, lives=good_for is not None)
        cap = round(slippage * 10_000)
        wanted = Wanted(_side, market, amount, limit, cap, kind, good_for or ORDER_LIFETIME, client_id)
        with target(out, which, act="place_order") as there:
            show_order(out, there, place(there, wanted), wait, stay=stay)


@order.command("cancel")
@click.argument("wanted", metavar="ID|all")
@channel_option
@wallet_command
def order_cancel(out: Context, wanted: str, which: str | None) -> None:
    """Take an order back, or all of a channel."""
    with backend(out) as commands:
        count = cancel(commands, wanted, which)
    out.show({"cancelled": count}, f"{count} cancelled")


@order.command("list")
@channel_option
@wallet_command
def order_list(out: Context, which: str | None) -> None:
    """Show open orders, from the history."""
    stored, found = out.stored_channel(which)
    rows = stored.orders(found)
    text = "\n".join(
        f"{row['id']}  {row['side']} {row['amount']} {row['market']} at {row['price']}, filled {row['filled']}"
        for row in rows
    )
    out.show({"orders": rows}, text or "No open orders.")


@order.command("fills")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@channel_option
@wallet_command
def order_fills(out: Context, file: Path, which: str | None) -> None:
    """Write every fill of a channel as CSV: time, price, amount, fee, and the price with the fee in it."""
    stored, found = out.stored_channel(which)
    count = stored.export_fills(found, file)
    out.show({"exported": count, "file": str(file)}, f"{count} fill{'' if count == 1 else 's'} written to {file}")
