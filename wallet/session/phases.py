"""Every life the driver leads, as a table: (where it is, what happens) → where it is then.

What is not in a table does not happen: :func:`follow` refuses it with WalletError("PHASE"), and nothing has changed.

The life of a channel (``seen``: by the chain, which wins over what this program remembers, both ways)::

    requested ─agreed→ agreed ─opening→ opening ─seen open→ open ─final signed→ final ─closing→ closing
        └───── given up ──┴─── seen missed ─┴→ abandoned      │                   │               │
                                                              └── seen disputed ──┴→ disputed ────┤
                                               withdrawn ←paid─ settled ←──────── seen settled ───┘
    opening ←seen undone─ open, final

The connection to a broker::

    resting ─dial→ dialling ─connected→ joining ─joined→ online        any of them ─lost→ resting, ─stop→ stopped

A channel on one connection::

    stranger ─introduced→ known ─ask→ comparing ─agree→ joined ─ask→ comparing again ─agree→ joined
                            └─ set up → joined        └─ disagree → barred ─ask→ comparing
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from wallet.protocol.errors import WalletError


class Phase(Enum):
    """Where a channel is in its life; the value is what the journal keeps."""

    REQUESTED = "requested"  # terms signed, setup asked for
    AGREED = "agreed"  # state 0 signed by both, not on chain
    OPENING = "opening"  # open() sent, not confirmed
    OPEN = "open"
    FINAL = "final"  # finalize signed by both
    CLOSING = "closing"  # close() sent
    DISPUTED = "disputed"
    SETTLED = "settled"  # credited on chain, to be withdrawn
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"  # never came to be on chain


class Event(Enum):
    """What moves a channel from one phase to another."""

    AGREED = "state 0 has both signatures"
    GIVEN_UP = "refused, or let go of before anything was sent to the chain"
    OPENING = "open() leaves"
    FINAL_SIGNED = "the finalize state has both signatures"
    CLOSING = "close() leaves"
    SEEN_MISSED = "the chain has no such channel, and its time to be opened is over"
    SEEN_UNDONE = "the chain has no such channel any more: a reorganisation took its opening back"
    SEEN_OPEN = "open on chain"
    SEEN_DISPUTED = "challenged on chain"
    SEEN_SETTLED = "settled on chain"
    PAID = "settled, and no credit is left"


_SEEN = {Event.SEEN_OPEN: Phase.OPEN, Event.SEEN_DISPUTED: Phase.DISPUTED, Event.SEEN_SETTLED: Phase.SETTLED}

LIFE: Mapping[Phase, Mapping[Event, Phase]] = {
    Phase.REQUESTED: {Event.AGREED: Phase.AGREED, Event.GIVEN_UP: Phase.ABANDONED},
    Phase.AGREED: {
        **_SEEN,
        Event.AGREED: Phase.AGREED,
        Event.GIVEN_UP: Phase.ABANDONED,  # only our own call could ever open it, and none was signed
        Event.OPENING: Phase.OPENING,
        Event.SEEN_MISSED: Phase.ABANDONED,
    },
    Phase.OPENING: {**_SEEN, Event.OPENING: Phase.OPENING, Event.SEEN_MISSED: Phase.ABANDONED},
    Phase.OPEN: {
        **_SEEN,
        Event.OPENING: Phase.OPEN,
        Event.FINAL_SIGNED: Phase.FINAL,
        Event.SEEN_UNDONE: Phase.OPENING,
    },
    Phase.FINAL: {
        **_SEEN,
        Event.SEEN_UNDONE: Phase.OPENING,
        Event.FINAL_SIGNED: Phase.FINAL,
        Event.CLOSING: Phase.CLOSING,
        Event.SEEN_OPEN: Phase.FINAL,
    },
    Phase.CLOSING: {
        **_SEEN,
        Event.FINAL_SIGNED: Phase.CLOSING,
        Event.CLOSING: Phase.CLOSING,
        Event.SEEN_OPEN: Phase.CLOSING,
    },
    Phase.DISPUTED: {**_SEEN, Event.FINAL_SIGNED: Phase.DISPUTED, Event.CLOSING: Phase.CLOSING},
    Phase.SETTLED: {**_SEEN, Event.PAID: Phase.WITHDRAWN},
    Phase.WITHDRAWN: {**_SEEN, Event.SEEN_SETTLED: Phase.WITHDRAWN, Event.PAID: Phase.WITHDRAWN},
    Phase.ABANDONED: {**_SEEN, Event.GIVEN_UP: Phase.ABANDONED, Event.SEEN_MISSED: Phase.ABANDONED},
}


OVER = (Phase.SETTLED, Phase.WITHDRAWN, Phase.ABANDONED)  # no state can be agreed on any more


class Stage(Enum):
    """Where the connection to one broker is."""

    RESTING = "resting"  # until the next try
    DIALLING = "dialling"
    JOINING = "joining"  # connected: each channel says where it stands
    ONLINE = "online"
    STOPPED = "stopped"


class Turn(Enum):
    """What moves a connection from one stage to another."""

    DIAL = "dial"
    CONNECTED = "connected"
    JOINED = "joined"
    LOST = "lost"
    STOP = "stop"


_END = {Turn.LOST: Stage.RESTING, Turn.STOP: Stage.STOPPED}

CONNECTION: Mapping[Stage, Mapping[Turn, Stage]] = {
    Stage.RESTING: {**_END, Turn.DIAL: Stage.DIALLING},
    Stage.DIALLING: {**_END, Turn.CONNECTED: Stage.JOINING},
    Stage.JOINING: {**_END, Turn.JOINED: Stage.ONLINE},
    Stage.ONLINE: _END,
    Stage.STOPPED: {Turn.STOP: Stage.STOPPED, Turn.DIAL: Stage.DIALLING},
}


class Standing(Enum):
    """Where a channel is on one connection. States are answered in the two of ``ANSWERING`` only."""

    STRANGER = "stranger"
    KNOWN = "known"  # the broker knows who speaks for it
    COMPARING = "comparing"  # each side says what is its highest validated state
    JOINED = "joined"
    AGAIN = "comparing again"  # asked for on a living connection, to be shown a state once more
    BARRED = "barred"  # the two histories can't be one


class Word(Enum):
    """What moves a channel from one standing to another."""

    INTRODUCED = "introduced"
    SET_UP = "set up"
    ASK = "ask"
    AGREE = "agree"
    DISAGREE = "disagree"


ON_CONNECTION: Mapping[Standing, Mapping[Word, Standing]] = {
    Standing.STRANGER: {Word.INTRODUCED: Standing.KNOWN},
    Standing.KNOWN: {
        Word.INTRODUCED: Standing.KNOWN,
        Word.SET_UP: Standing.JOINED,
        Word.ASK: Standing.COMPARING,
    },
    Standing.COMPARING: {
        Word.INTRODUCED: Standing.COMPARING,
        Word.ASK: Standing.COMPARING,
        Word.AGREE: Standing.JOINED,
        Word.DISAGREE: Standing.BARRED,
    },
    Standing.JOINED: {
        Word.INTRODUCED: Standing.JOINED,
        Word.SET_UP: Standing.JOINED,
        Word.ASK: Standing.AGAIN,
        Word.AGREE: Standing.JOINED,  # two asked at the same time
        Word.DISAGREE: Standing.BARRED,
    },
    Standing.AGAIN: {
        Word.INTRODUCED: Standing.AGAIN,
        Word.ASK: Standing.AGAIN,
        Word.AGREE: Standing.JOINED,
        Word.DISAGREE: Standing.BARRED,
    },
    Standing.BARRED: {
        Word.INTRODUCED: Standing.BARRED,
        Word.ASK: Standing.COMPARING,
        Word.DISAGREE: Standing.BARRED,
    },
}
ANSWERING = (Standing.JOINED, Standing.AGAIN)

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)


def follow(table: Mapping[S, Mapping[E, S]], now: S, event: E) -> S:
    """Where ``event`` leads from ``now``; WalletError("PHASE") if it can't happen there."""
    following = table[now].get(event)
    if following is None:
        raise WalletError("PHASE", now=now.value, event=event.value)
    return following
