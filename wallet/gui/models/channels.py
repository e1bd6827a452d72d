"""Brokers and their channels as lines of one list. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.app.choice import short
from wallet.app.snapshots import AppView, BrokerRow, ChannelRow, Link
from wallet.gui.models.figures import GROUP
from wallet.gui.models.funds import OVER
from wallet.gui.models.status import PHASES
from wallet.protocol.plain import plain

MOST_NAME = 40
PAST_SHOWN = 3  # channels that are over, of each broker
_LINKS = {
    Link.ONLINE: ("connected", "good"),
    Link.CONNECTING: ("connecting…", "warn"),
    Link.OFFLINE: ("offline", "bad"),
}
_TONES = {"good": "good", "warn": "warn", "bad": "bad", "plain": "muted"}


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """A broker (``channel`` empty), or one of his channels below him. ``tone`` is of the status."""

    broker: bytes
    channel: bytes
    name: str
    status: str
    tone: str
    state: str
    tip: str

    @property
    def key(self) -> tuple[bytes, bytes]:
        return self.broker, self.channel


def worth_listing(view: AppView) -> bool:
    """Whether there is anything to choose between."""
    return len(view.brokers) > 1 or sum(row.phase not in OVER for row in view.channels) > 1


def channel_lines(view: AppView) -> tuple[ChannelLine, ...]:
    """Each broker with his running channels, newest first, and the last ones that are over."""
    found = []
    for broker in view.brokers:
        found.append(_broker_line(broker, named_alike=sum(row.name == broker.name for row in view.brokers) > 1))
        mine = [row for row in reversed(view.channels) if row.broker == broker.id]
        past = [row for row in mine if row.phase in OVER][:PAST_SHOWN]
        found += [_channel_line(row) for row in (*(row for row in mine if row.phase not in OVER), *past)]
    return tuple(found)


def _broker_line(row: BrokerRow, *, named_alike: bool) -> ChannelLine:
    link = row.connection
    words, tone = _LINKS[link.broker]
    if link.broker is Link.ONLINE and link.chain is not Link.ONLINE:
        words, tone = "no chain", "warn"
    tip = f"{plain(row.name, MOST_NAME)} at {plain(row.host, 80)}, chain {row.chain_id}, 0x{row.id.hex()}"
    name = f"{short(row.id)} {row.name}" if named_alike else row.name
    return ChannelLine(row.id, b"", plain(name, MOST_NAME), words, _TONES[tone], "", tip)


def _channel_line(row: ChannelRow) -> ChannelLine:
    word, tone = PHASES[row.phase]
    number = f"#{row.increment:,}".replace(",", GROUP)
    orders = f"{row.open_orders} open order{'' if row.open_orders == 1 else 's'}"
    tip = f"Channel 0x{row.id.hex()}, state {number}, {orders}"
    return ChannelLine(row.broker, row.id, f"    {short(row.id)}", word, _TONES[tone], number, tip)
