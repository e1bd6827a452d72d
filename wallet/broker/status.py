"""How a broker stands: his channels, what he risks in them, who owes whom what, disputes and flags.

From the running broker's memory, or from the ledger of one that does not run; amounts as decimal texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wallet.broker.chain_watch import ChainView, Standing
from wallet.broker.channel import Channel
from wallet.broker.config import Policy, Token
from wallet.broker.ledger import Ledger
from wallet.protocol import codec
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError

Row = dict[str, Any]


def describe(
    ledger: Ledger,
    channels: Iterable[Channel],
    tokens: Iterable[Token],
    policy: Policy,
    views: Mapping[bytes, ChainView] | None = None,
    free: Mapping[bytes, int] | None = None,
    alarms: Iterable[WalletError] = (),
) -> Row:
    """The whole report. ``views`` and ``free`` are what the chain said last; without them nobody asked it."""
    known = {row.address: row for row in tokens}
    rows = sorted(channels, key=lambda channel: channel.id)
    return {
        "channels": [_channel(channel, known, (views or {}).get(channel.id)) for channel in rows],
        "exposure": [_exposure(token, rows, policy, free) for token in known.values()],
        "flags": _flags(ledger),
        "carriedFills": ledger.carried(),
        "alarms": [{"code": error.code, "params": _plain(error.params)} for error in alarms],
    }


def _channel(channel: Channel, tokens: Mapping[bytes, Token], view: ChainView | None) -> Row:
    last = channel.last
    outcomes = {row.asset: row for row in last.state.outcomes} if last else {}
    assets = []
    for row in channel.terms.assets:
        token, outcome = tokens.get(row.asset, _unknown(row.asset)), outcomes.get(row.asset)
        assets.append(
            {
                "asset": token.symbol,
                "allocation": _text(row.allocation, token),
                "collateral": _text(row.collateral, token),
                "toTrader": _text(outcome.to_trader if outcome else 0, token),
                "toBroker": _text(outcome.to_broker if outcome else 0, token),
            }
        )
    return {
        "channel": codec.show_hex(channel.id),
        "trader": codec.show_hex(channel.terms.trader),
        "initiative": codec.show_enum(channel.terms.initiative),
        "phase": channel.phase.value,
        "increment": last.state.increment if last else None,
        "openOrders": len(last.state.open_orders) if last else 0,
        "unacknowledgedFills": len(channel.sent) + len(channel.fills),
        "signsNext": _signs_next(channel),
        "connected": channel.connected,
        "flag": channel.flagged,
        "stuck": channel.stuck,
        "assets": assets,
        "dispute": {"recorded": view.increment, "deadline": view.deadline}
        if view is not None and view.standing is Standing.DISPUTED
        else None,
    }


def _signs_next(channel: Channel) -> str | None:
    """Whose signature the channel waits for; None if neither has anything to say."""
    if channel.pending is not None or channel.void is not None:
        return "trader"
    waiting = channel.queue or channel.fills or channel.cancels or channel.finalize is not None
    return "broker" if waiting else None


def _exposure(token: Token, channels: Iterable[Channel], policy: Policy, free: Mapping[bytes, int] | None) -> Row:
    committed = owed = due = 0
    for channel in channels:
        committed += sum(row.collateral for row in channel.terms.assets if row.asset == token.address)
        for outcome in channel.last.state.outcomes if channel.last else ():
            if outcome.asset == token.address:
                owed += outcome.to_trader
                due += outcome.to_broker
    in_all = dict(policy.collateral_in_all).get(token.address)
    per_trader = dict(policy.collateral_per_owner).get(token.address)
    return {
        "asset": token.symbol,
        "collateral": _text(committed, token),
        "limit": None if in_all is None else _text(in_all, token),
        "limitPerTrader": None if per_trader is None else _text(per_trader, token),
        "owedToTraders": _text(owed, token),
        "dueFromTraders": _text(due, token),
        "free": None if free is None else _text(free.get(token.address, 0), token),
    }


def _flags(ledger: Ledger) -> list[Row]:
    return [
        {
            "number": row.id,
            "channel": codec.show_hex(row.channel),
            "increment": row.increment,
            "rule": row.flag.code,
            "time": row.time,
            "resolved": row.resolved,
        }
        for row in ledger.journal.flags()
    ]


def _text(amount: int, token: Token) -> str:
    return format_amount(amount, token.decimals)


def _unknown(asset: bytes) -> Token:
    return Token(asset, codec.show_hex(asset), 0)


def _plain(params: Mapping[str, object]) -> Row:
    return {key: value if isinstance(value, int) else str(value) for key, value in params.items()}
