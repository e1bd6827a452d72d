"""What screens show of one account: frozen snapshots, made from what its driver holds."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wallet.app import chain_views, views
from wallet.app.snapshots import AppView, BrokerRow, ChannelRow, ConnectionView, FillView, FlagView, Link, MarketView
from wallet.session.channel import TraderChannel

if TYPE_CHECKING:
    from wallet.app.account import Account

FILLS_SHOWN = 500
LOOK_BACK = 5_000  # states read for fills when a channel is first shown
PAGE = 500


@dataclass(slots=True)
class _Fills:
    """The latest fills of a channel, and the last increment read for them."""

    read: int
    rows: deque[FillView] = field(default_factory=lambda: deque(maxlen=FILLS_SHOWN))


class Display:
    """Pure reading, on the driver's thread."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._fills: dict[bytes, _Fills] = {}

    def app_view(self, channel: TraderChannel | None) -> AppView:
        """The account with one of its channels (or none) in view; lists of other brokers are the caller's to add."""
        account = self._account
        rows = views.balances(account.names, channel, account.chain)
        shown = None
        if channel is not None:
            shown = views.channel_view(
                account.names,
                channel,
                rows,
                self._fill_views(channel),
                time.time(),
                finalizing=self._is_leaving(channel),
                deadline=account.chain.deadlines.get(channel.id, 0),
                online=account.link.live.online,
                exit_at=account.chain.departures.due(channel),
                triggers=account.triggers.views(channel),
            )
        return AppView(
            account=account.address,
            account_label=account.vault.accounts[0].label or account.vault.label,
            unlocked=account.vault.owner_unlocked,
            watch_only=not account.vault.accounts[0].signs,
            simulated=account.broker.simulated,
            broker=account.broker.broker,
            markets=account.names.markets,
            assets=tuple(account.names.assets.values()),
            connection=self.connection(),
            channel=shown,
            wallet=views.balances(account.names, None, account.chain),
            flags=self.flags(),
            steps=account.progress.steps,
            stopped=account.stopped,
            gas=chain_views.gas_view(account.names, account.chain, account.channels),
            nodes=chain_views.node_views(account.chain, account.own_nodes),
        )

    def _is_leaving(self, channel: TraderChannel) -> bool:
        return channel.id in self._account.finalizing or self._account.chain.departures.due(channel) > 0

    def flags(self) -> tuple[FlagView, ...]:
        """Of all channels with this broker: one that is not in view must not go unseen."""
        account = self._account
        return tuple(
            views.flag_view(account.names, row, account.broker.name)
            for channel in account.channels
            for row in channel.evidence.rows
        )

    def broker_row(self) -> BrokerRow:
        broker = self._account.broker
        return BrokerRow(broker.broker, broker.name, broker.host, broker.chain_id, broker.simulated, self.connection())

    def channel_rows(self) -> tuple[ChannelRow, ...]:
        """Every channel with this broker, oldest first."""
        account, now = self._account, time.time()
        return tuple(
            ChannelRow(
                channel.id,
                account.broker.broker,
                views.phase(channel, finalizing=self._is_leaving(channel)),
                channel.last.state.increment if channel.last else 0,
                len(channel.last.state.open_orders) if channel.last else 0,
                channel.record.created,
                views.held(account.names, channel),
                channel.last.state.time if channel.last else 0,
                views.awaiting(channel),
                views.hindrance(channel),
                views.offline_safe(channel, account.chain.deadlines.get(channel.id, 0), now),
            )
            for channel in account.channels
        )

    def connection(self) -> ConnectionView:
        account, live = self._account, self._account.link.live
        problem = account.alarm or account.journal.store.problem or live.problem or account.chain.problem
        return ConnectionView(
            broker=Link.ONLINE if live.online else Link.CONNECTING,
            chain=Link.ONLINE if account.chain.online else Link.CONNECTING,
            round_trip_ms=int(live.round_trip * 1000),
            last_word_ms=int(live.last_word * 1000),
            block=account.chain.block,
            broker_name=account.broker.name,
            problem=problem.code if problem else "",
            problem_params=tuple((key, str(value)[:200]) for key, value in problem.params.items()) if problem else (),
        )

    def _fill_views(self, channel: TraderChannel) -> tuple[FillView, ...]:
        """The latest fills, newest first; only states that are new since the last call are read."""
        account = self._account
        known = self._fills.get(channel.id)
        if known is None:
            last = channel.last.state.increment if channel.last else 0
            known = self._fills[channel.id] = _Fills(max(-1, last - LOOK_BACK))
        entries = account.journal.after(channel.id, known.read, PAGE)
        for entry in entries:
            if views.is_trade(entry):
                known.rows.extendleft(views.fills(account.names, entry.state, channel.requests.orders))
        if entries:
            known.read = entries[-1].state.increment
        return tuple(known.rows)

    def market_views(self) -> list[MarketView]:
        """Those that changed since the last call."""
        account, found = self._account, list[MarketView]()
        for pair, copy in account.link.feed.markets.items():
            if copy.changed or copy.stale != copy.shown_stale:
                copy.changed, copy.shown_stale = False, copy.stale
                found.append(views.market_view(account.names.market_name(*pair), copy, account.broker.broker))
        return found

    def show_all_again(self) -> None:
        """Every market counts as changed: another screen looks."""
        for copy in self._account.link.feed.markets.values():
            copy.changed = True
