"""Restored channels on the command line: their next step, and the word it takes to leave with an old state."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.snapshots import AppView

_NEXT = {"broker": "the broker shows how far it had come, or: channel exit", "leave": "channel finalize"}


def next_line(row: Mapping[str, Any]) -> str:
    """What a channel's JSON row says of its recovery; "" for one that is not restored."""
    return f"  recovering; next: {_NEXT[row['recovering']]}" if row["recovering"] else ""


def consent(view: AppView, *, given: bool) -> None:
    """Says what an old state may cost, and goes on only if that was wanted. WalletError("RECOVERING_OLD_STATE")."""
    from wallet.app.recovering import cost_words

    channel = view.channel
    if channel is None or channel.recovery is None:
        return
    for text in cost_words(channel.increment, channel.recovery.shares, shown=channel.recovery.shown):
        click.echo(text, err=True)
    if given or (sys.stdin.isatty() and click.confirm("Leave with this state?", err=True)):
        return
    raise WalletError("RECOVERING_OLD_STATE", increment=channel.increment)
