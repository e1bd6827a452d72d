"""Leaving on the command line: the time after which a broker who does not sign is left behind, and what it costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from wallet.cli.output import show_time

if TYPE_CHECKING:
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
