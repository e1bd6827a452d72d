"""The permanent strip: who is connected, where the channel stands, who owes the next signature. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.app.choice import short
from wallet.app.snapshots import AppView, ChannelView, Link, Phase
from wallet.gui.models.figures import GROUP, age, duration, span
from wallet.gui.models.funds import OVER
from wallet.gui.models.locking import keys_word
from wallet.protocol.plain import plain

SILENT_AFTER = 10.0  # seconds without a word of the broker's: said, whatever the socket claims


@dataclass(frozen=True, slots=True)
class Cell:
    """One part of the strip. ``tone`` is good, warn, bad or plain; ``dot`` shows it as a light too."""

    key: str
    label: str
    value: str
    tone: str = "plain"
    dot: bool = False
    tip: str = ""


_TONES = {Link.ONLINE: "good", Link.CONNECTING: "warn", Link.OFFLINE: "bad"}
_WORDS = {Link.ONLINE: "connected", Link.CONNECTING: "connecting…", Link.OFFLINE: "offline"}

PHASES = {
    Phase.NONE: ("no session", "plain"),
    Phase.REQUESTED: ("requested", "warn"),
    Phase.AGREED: ("agreed", "warn"),
    Phase.OPENING: ("opening…", "warn"),
    Phase.OPEN: ("open", "good"),
    Phase.FLAGGED: ("flagged", "bad"),
    Phase.FINALIZING: ("finalizing…", "warn"),
    Phase.FINAL: ("final", "warn"),
    Phase.CLOSING: ("closing…", "warn"),
    Phase.DISPUTED: ("in dispute", "bad"),
    Phase.SETTLED: ("settled", "good"),
    Phase.WITHDRAWN: ("withdrawn", "good"),
    Phase.ABANDONED: ("abandoned", "plain"),
}


_DONE = (Phase.SETTLED, *OVER)  # paid by what was settled: what was signed last says nothing any more

# why a channel does not trade: a word, and what it means
_NOTES = {
    "RESTORED": ("restored", "This profile was restored or copied. The session only leaves: finalize and withdraw."),
    "RES-FORK": ("key used elsewhere", "Another program signs with this session's key. This one signs nothing more."),
    "HELD": ("held", "The broker's clock is ahead of this computer's: one is wrong. The state waits, unsigned."),
}


def strip(view: AppView, now: float) -> tuple[Cell, ...]:
    """All cells, left to right; ``now`` is Unix time."""
    return (
        _broker(view, now),
        _chain(view),
        _session(view),
        _state(view),
        _age(view.channel, now),
        _away(view.channel),
        _keys(view),
    )


def _keys(view: AppView) -> Cell:
    word, tone, tip = keys_word(view)
    return Cell("keys", "Your key", word, tone, tip=tip)


def _broker(view: AppView, now: float) -> Cell:
    link = view.connection
    value, tone = _WORDS[link.broker], _TONES[link.broker]
    silence = now - link.last_word_ms / 1000 if link.last_word_ms else 0.0
    if link.broker is Link.ONLINE and silence > SILENT_AFTER:
        value, tone = f"silent for {age(silence)}", "warn"
    elif link.broker is Link.ONLINE and link.round_trip_ms:
        value = f"{value} {link.round_trip_ms} ms"
    label = plain(link.broker_name, 20) if len(view.brokers) > 1 else "Broker"
    tip = f"{link.broker_name or 'The broker'}. " + (f"Last word {age(silence)} ago." if link.last_word_ms else "")
    return Cell("broker", label, value, tone, dot=True, tip=tip.strip())


def _chain(view: AppView) -> Cell:
    link = view.connection
    value = f"block {link.block:,}".replace(",", GROUP) if link.chain is Link.ONLINE else _WORDS[link.chain]
    return Cell("chain", "Chain", value, _TONES[link.chain], dot=True, tip="The newest block this wallet has seen.")


def _session(view: AppView) -> Cell:
    channel = view.channel
    label = f"Session {short(channel.id)}" if channel is not None else "Session"
    word, tone = PHASES[channel.phase if channel else Phase.NONE]
    tip = "No channel is open."
    if channel is not None:
        tip = (
            f"Channel 0x{channel.id.hex()}. If the broker vanishes, this wallet can leave alone: "
            f"challenge period {duration(channel.challenge_period)}."
        )
    return Cell("session", label, word, tone, tip=tip)


def _state(view: AppView) -> Cell:
    channel = view.channel
    if channel is None:
        return Cell("state", "State", "–", tip="States are numbered from 0 once a session is open.")
    if channel.phase in _DONE:
        return Cell("state", "State", "–", tip="The session is over: no state of it matters any more.")
    number = f"#{channel.increment:,}".replace(",", GROUP)
    if channel.note in _NOTES:
        word, tip = _NOTES[channel.note]
        return Cell("state", "State", f"{number} · {word}", "warn" if channel.note == "HELD" else "bad", tip=tip)
    if channel.awaiting == "broker":
        return Cell("state", "State", f"{number} · broker signs next", "warn", tip="An answer of the broker's is due.")
    if channel.awaiting == "trader":
        return Cell("state", "State", f"{number} · you sign next", "warn", tip="This wallet owes the next signature.")
    return Cell("state", "State", f"{number} · signed by both", tip="Nobody owes a signature.")


def _age(channel: ChannelView | None, now: float) -> Cell:
    if channel is None or not channel.last_time or channel.phase in _DONE:
        return Cell("age", "Last signed", "–")
    return Cell(
        "age",
        "Last signed",
        f"{age(now - channel.last_time)} ago",
        tip="Age of the last state that both have signed: the one you can withdraw with at any time.",
    )


def _away(channel: ChannelView | None) -> Cell:
    """How long this computer may be off: what a challenge with an older state would have to wait for our answer."""
    if channel is None or not (channel.offline_safe or channel.phase is Phase.DISPUTED):
        return Cell("away", "Safe offline", "–", tip="Nothing is at stake on chain.")
    tone = "bad" if channel.phase is Phase.DISPUTED else "plain"
    tip = (
        "If the broker challenges with an older state while this wallet is off, it has this long to answer."
        if channel.phase is not Phase.DISPUTED
        else "A challenge is running: answer before it ends, or stay online so that this wallet does."
    )
    return Cell("away", "Safe offline", f"for {span(channel.offline_safe)}", tone, tip=tip)
