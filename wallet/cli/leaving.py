"""Leaving on the command line: the time after which a broker who does not sign is left behind, and what it costs."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from wallet.cli.output import Context, show_time
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.leaving import ExitPlan
    from wallet.app.snapshots import AppView

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])", re.ASCII)


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    """From ``90s``, ``30m``, ``1h``, ``2d``; 0 from ``never``."""
    found = _DURATION.fullmatch(value)
    if found is None and value != "never":
        raise click.BadParameter("a time is a number and s, m, h or d, such as 30m; or never")
    return int(found[1]) * _UNITS[found[2]] if found else 0


exit_after_option = click.option(
    "--exit-after",
    metavar="TIME",
    callback=_seconds,
    default="1h",
    show_default=True,
    help="Leave without the broker if he has not signed by then, such as 30m or 1d; or never.",
)


def say_exit(view: AppView) -> None:
    """When a session that is not finalized is left without the broker: on standard error."""
    due = view.channel.exit_at if view.channel else 0
    if due:
        click.echo(
            f"A running wallet leaves without the broker at {show_time(due)}; until then it asks him again by itself."
            " At once: channel-wallet channel exit. Not at all: channel-wallet channel stay",
            err=True,
        )


dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what it would pay, cost and take.")
yes_option = click.option("--yes", is_flag=True, help="Don't ask.")


def show_plan(out: Context, found: ExitPlan) -> None:
    """The plan as the command's result. Amounts are decimals, costs wei."""
    value = {
        "increment": found.increment,
        "final": found.final,
        "pays": {asset.symbol: format_amount(amount, asset.decimals) for asset, amount in found.pays},
        "steps": [
            {"step": step.code, "gas": step.gas, "wei": str(step.cost), "paidBy": step.payer} for step in found.steps
        ],
        "gasPrice": str(found.gas_price),
        "wei": str(found.cost),
        "gasShareWei": str(found.gas_share),
        "challengePeriod": found.period,
        "deadline": found.deadline,
    }
    out.show(value, _text(found))


def confirm_plan(found: ExitPlan, *, given: bool) -> None:
    """Says it, and goes on only with a yes where there is somebody to ask. WalletError("CANCELLED")."""
    click.echo(_text(found), err=True)
    if not given and sys.stdin.isatty() and not click.confirm("Leave without the broker?", err=True):
        raise WalletError("CANCELLED")


def _text(found: ExitPlan) -> str:
    from wallet.app.leaving import cost_words, step_rows, time_words

    pays = ", ".join(
        f"{format_amount(amount, asset.decimals)} {asset.symbol}" for asset, amount in found.pays if amount
    )
    lines = [f"State {found.increment} pays you {pays or 'nothing'}."]
    lines += [f"  {cost:>20}  {what}" for what, cost in step_rows(found)]
    return "\n".join(
        (*lines, cost_words(found), time_words(found, f"{found.period} seconds", show_time(found.deadline)))
    )
