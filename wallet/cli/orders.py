"""``channel-wallet order``: buy, sell, cancel, list."""

from __future__ import annotations

import click

from wallet.cli.output import Context, channel_option, wallet_command
from wallet.cli.reach import backend, target
from wallet.cli.trading import cancel, place, show_order


@click.group()
def order() -> None:
    """Buy, sell, cancel and list orders."""


for _side in ("buy", "sell"):

    @order.command(_side, help=f"{_side.capitalize()} AMOUNT of base in MARKET, such as ETH/USDT.")
    @click.argument("market")
    @click.argument("amount")
    @click.option("--limit", required=True, metavar="PRICE", help="The worst price you accept.")
    @click.option("--ioc", is_flag=True, help="Fill at once what can be, cancel the rest.")
    @click.option("--post-only", is_flag=True, help="Rest in the book or be cancelled; never take.")
    @click.option("--id", "client_id", default="", metavar="TEXT", help="A name of your own: said again, no new order.")
    @click.option("--wait", type=float, default=5.0, show_default=True, help="Seconds to wait for states of the order.")
    @click.option("--stay", is_flag=True, help="Stay until it is over: only who is present is matched.")
    @channel_option
    @wallet_command
    def _order(
        out: Context,
        market: str,
        amount: str,
        limit: str,
        ioc: bool,
        post_only: bool,
        client_id: str,
        wait: float,
        stay: bool,
        which: str | None,
        _side: str = _side,
    ) -> None:
        if ioc and post_only:
            raise click.UsageError("--ioc and --post-only exclude each other.")
        kind = "immediate_or_cancel" if ioc else "post_only" if post_only else "good_till_time"
        with target(out, which, act="place_order") as there:
            show_order(out, there, place(there, _side, market, amount, limit, kind, client_id), wait, stay=stay)


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
