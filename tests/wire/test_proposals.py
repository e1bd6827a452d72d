"""The short way from a frame to a proposed state says what the long way says, or nothing at all."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import strategies
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.state import Balance, OpenOrder, Outcome, State, Transition
from wallet.protocol.statetext import StateReader
from wallet.protocol.terms import Role
from wallet.wire import frames
from wallet.wire.frames import Frame, Request, Violation
from wallet.wire.messages import Propose
from wallet.wire.proposals import ProposalReader

INTENTS = st.lists(
    st.builds(SignedOrder, strategies.words, strategies.orders, st.binary(min_size=65, max_size=65)), max_size=2
)
# Digits, hexadecimal letters and everything that gives JSON its shape.
MARKS = '0123456789abcdefxABX"[]{},:.-+eE \t\n\\\0é'

ASSET = b"\4" * 20
STATE = State(
    channel=b"\1" * 32,
    previous=b"\2" * 32,
    increment=3,
    time=1_700_000_000,
    turn=Role.BROKER,
    transition=Transition.TRADE,
    order_nonce=1,
    fills=(),
    balances=(Balance(ASSET, 5, 0),),
    open_orders=(),
    outcomes=(Outcome(ASSET, 0, 0),),
)


def shorten(row: Any) -> Any:
    """The row with no number of as many digits as the longest that may be valid: those go the long way."""
    return row._replace(**{name: cell % 10**77 for name, cell in row._asdict().items() if isinstance(cell, int)})


FEW = st.lists(strategies.open_orders.map(shorten), max_size=6)


def short(state: State) -> State:
    """The same, with balances and outcomes, which every state of a channel has."""
    counters = {name: getattr(state, name) % 10**15 for name in ("increment", "time", "order_nonce")}
    tables = {
        "fills": state.fills,
        "balances": (*state.balances[:3], STATE.balances[0]),
        "open_orders": state.open_orders,
        "outcomes": (*state.outcomes[:3], STATE.outcomes[0]),
    }
    return replace(state, **counters, **{name: tuple(map(shorten, rows)) for name, rows in tables.items()})


def frame_of(state: State, intents: tuple[SignedOrder, ...] = (), number: int = 7) -> bytes:
    return frames.request(number, "propose", Propose(state, b"\x1b" * 65, intents).show())


def long_way(text: str) -> tuple[int, Propose] | None:
    """What the strict decoder and the codec make of it; None if they refuse it."""
    try:
        request = frames.parse(text.encode(), 0.0)
        if not isinstance(request, Request) or request.frame.method != "propose":
            return None
        return request.id, Propose.read(request.frame.params)
    except (WalletError, Violation):
        return None


def short_way(reader: ProposalReader, text: str) -> tuple[int, Propose] | None:
    request = reader(text, 0.0)
    if request is None:
        return None
    message = request.frame.message
    assert isinstance(message, Propose)
    assert request.frame == Frame("propose", {}, text.encode(), 0.0, message)
    return request.id, message


def is_short(state: State, intents: tuple[SignedOrder, ...] = ()) -> bool:
    """Whether there are balances and outcomes, and no number has as many digits as the longest that may be valid."""
    if not (state.balances and state.outcomes):
        return False
    text = frame_of(state, intents).decode()
    quoted = [cell for cell in text.split('"') if cell.isdigit()]
    bare = [cell for cell in text.replace("}", ",").replace("[", ",").replace(":", ",").split(",") if cell.isdigit()]
    return all(len(cell) <= 77 for cell in quoted) and all(len(cell) <= 15 for cell in bare)


@given(strategies.states, INTENTS.map(tuple), strategies.counters)
def test_every_proposal_reads_the_same_both_ways(state: State, intents: tuple[SignedOrder, ...], number: int) -> None:
    text = frame_of(state, intents, number).decode()
    found = short_way(ProposalReader(), text)
    assert long_way(text) == (number, Propose(state, b"\x1b" * 65, intents))
    assert found in (None, (number, Propose(state, b"\x1b" * 65, intents)))
    assert (found is not None) == (is_short(state, intents) and number < 10**15)


@given(strategies.states.map(short), st.lists(FEW, min_size=1, max_size=12), st.data())
@settings(max_examples=60)
def test_what_is_remembered_of_the_last_state_changes_nothing(
    state: State, tables: list[list[OpenOrder]], data: st.DataObject
) -> None:
    """Orders come, go, change, repeat and trade places; one reader for all of it."""
    reader = StateReader()
    rows: list[OpenOrder] = []
    for table in tables:
        rows = data.draw(st.permutations(rows[:4] + table)) if data.draw(st.booleans()) else [*rows, *table][-9:]
        made = replace(state, open_orders=tuple(rows))
        text = msgspec.json.encode({"envelope": codec.envelope(made), "state": codec.state_array(made)}).decode()
        assert reader.read(text, len('{"envelope":')) == (made, len(text) - 1)
        assert StateReader().read(text, len('{"envelope":'))[0] == made


@given(strategies.states.map(short), INTENTS.map(tuple), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_a_spoiled_frame_is_never_read_as_anything_the_long_way_would_not(
    state: State, intents: tuple[SignedOrder, ...], chance: random.Random
) -> None:
    text = frame_of(state, intents).decode()
    reader = ProposalReader()
    for _ in range(40):
        spoiled = spoil(text, chance)
        found = short_way(reader, spoiled)
        assert found is None or found == long_way(spoiled), spoiled
        if chance.random() < 0.3:
            assert short_way(reader, text) in (None, long_way(text))


def spoil(text: str, chance: random.Random) -> str:
    """The text with one small thing wrong, or right in another way."""
    at = chance.randrange(len(text))
    piece = text[at : at + chance.randrange(1, 80)]
    return chance.choice(
        (
            text[:at] + chance.choice(MARKS) + text[at:],
            text[:at] + chance.choice(MARKS) + text[at + 1 :],
            text[:at] + text[at + len(piece) :],
            text[:at] + piece + text[at:],
            text[:at] + text[chance.randrange(len(text)) :],
            text.replace(chance.choice(('"0x', '","', "],[", "buy", '"time"', "[]")), chance.choice(MARKS), 1),
        )
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"envelope":{', '"envelope":{"time":1,'),
        ('"params":{', '"params":{"channel":"0x' + "00" * 32 + '",'),
        ('"time":', '"time": '),
        ('"time":1', '"time":-1'),
        ('"time":1', '"time":01'),
        ('"time":1', '"time":1.0'),
        ('"turn":"broker"', '"turn":"nobody"'),
        ('"transition":"trade"', '"transition":"rob"'),
        ('"buy"', '"hold"'),
        ('"propose"', '"ack"'),
        ("}}", "}} "),
        ("}}", "}}}"),
        ('"0x', '"0X'),
    ],
)
def test_other_spellings_are_left_to_the_long_way(old: str, new: str) -> None:
    order = OpenOrder(b"\1" * 32, b"\2" * 20, b"\3" * 20, 0, 1, 1, 0)
    text = frame_of(replace(STATE, open_orders=(order,))).decode()
    assert old in text
    assert ProposalReader()(text, 0.0) is not None
    assert ProposalReader()(text.replace(old, new), 0.0) is None


def test_no_more_rows_than_the_codec_takes() -> None:
    rows = tuple(OpenOrder(bytes([n]) * 32, b"\2" * 20, b"\3" * 20, 0, 1, 1, 0) for n in range(256))
    full = frame_of(replace(STATE, open_orders=rows)).decode()
    reader = ProposalReader()
    assert reader(full, 0.0) is not None
    more = frame_of(replace(STATE, open_orders=(*rows, rows[0]))).decode()
    assert reader(more, 0.0) is None
    assert long_way(more) is None
    assert reader(full, 0.0) is not None
