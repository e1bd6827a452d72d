"""The tables of the driver, every cell of them: what may happen where, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import CHANNEL, ground
from wallet.protocol.errors import WalletError
from wallet.session import phases
from wallet.session.phases import (
    ANSWERING,
    CONNECTION,
    LIFE,
    ON_CONNECTION,
    Event,
    Phase,
    Stage,
    Standing,
    Turn,
    Word,
    follow,
)

# Rows: where it is; columns: the events in the order of their Enum. "." does not happen. Written down by hand.
TABLES: dict[str, tuple[Mapping[Any, Any], type[Enum], type[Enum], str]] = {
    "life": (
        LIFE,
        Phase,
        Event,
        """
        REQUESTED AGREED ABANDONED .       .        .       .         .       .       .        .         .
        AGREED    AGREED ABANDONED OPENING .        .       ABANDONED .       OPEN    DISPUTED SETTLED   .
        OPENING   .      .         OPENING .        .       ABANDONED .       OPEN    DISPUTED SETTLED   .
        OPEN      .      .         OPEN    FINAL    .       .         OPENING OPEN    DISPUTED SETTLED   .
        FINAL     .      .         .       FINAL    CLOSING .         OPENING FINAL   DISPUTED SETTLED   .
        CLOSING   .      .         .       CLOSING  CLOSING .         .       CLOSING DISPUTED SETTLED   .
        DISPUTED  .      .         .       DISPUTED CLOSING .         .       OPEN    DISPUTED SETTLED   .
        SETTLED   .      .         .       .        .       .         .       OPEN    DISPUTED SETTLED   WITHDRAWN
        WITHDRAWN .      .         .       .        .       .         .       OPEN    DISPUTED WITHDRAWN WITHDRAWN
        ABANDONED .      ABANDONED .       .        .       ABANDONED .       OPEN    DISPUTED SETTLED   .
        """,
    ),
    "connection": (
        CONNECTION,
        Stage,
        Turn,
        """
        RESTING  DIALLING .       .      RESTING STOPPED
        DIALLING .        JOINING .      RESTING STOPPED
        JOINING  .        .       ONLINE RESTING STOPPED
        ONLINE   .        .       .      RESTING STOPPED
        STOPPED  DIALLING .       .      .       STOPPED
        """,
    ),
    "channel on a connection": (
        ON_CONNECTION,
        Standing,
        Word,
        """
        STRANGER  KNOWN     .      .         .      .
        KNOWN     KNOWN     JOINED COMPARING .      .
        COMPARING COMPARING .      COMPARING JOINED BARRED
        JOINED    JOINED    JOINED AGAIN     JOINED BARRED
        AGAIN     AGAIN     .      AGAIN     JOINED BARRED
        BARRED    BARRED    .      COMPARING .      BARRED
        """,
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_of_a_table(name: str) -> None:
    table, places, events, drawn = TABLES[name]
    rows = [line.split() for line in drawn.strip().splitlines()]
    assert [row[0] for row in rows] == [place.name for place in places]
    expected = {(row[0], event.name): cell for row in rows for event, cell in zip(events, row[1:], strict=True)}
    for place, event in product(places, events):
        cell = expected[place.name, event.name]
        if cell == ".":
            with pytest.raises(WalletError, match="PHASE"):
                follow(table, place, event)
        else:
            assert follow(table, place, event).name == cell


def test_what_the_chain_shows_is_taken_from_every_phase_it_can_be_shown_in() -> None:
    shown = {Event.SEEN_OPEN, Event.SEEN_DISPUTED, Event.SEEN_SETTLED}
    for phase in set(Phase) - {Phase.REQUESTED}:  # which is not looked at: nothing was signed that could open it
        assert shown <= set(LIFE[phase])


def test_every_end_of_a_connection_leads_on() -> None:
    for stage in set(Stage) - {Stage.STOPPED}:
        assert CONNECTION[stage][Turn.LOST] is Stage.RESTING
    assert {Standing.JOINED, Standing.AGAIN} == set(ANSWERING)
    assert phases.Standing.BARRED not in ANSWERING


async def _impossible(path: Path) -> None:
    async with ground(path) as there:
        before = there.channel.record
        with pytest.raises(WalletError, match="PHASE"):
            there.link.advance(there.channel, Event.PAID)
        assert there.channel.record is before
        assert there.journal.channel(CHANNEL).phase == "open"


def test_what_cannot_happen_changes_nothing(tmp_path: Path) -> None:
    import asyncio

    asyncio.run(_impossible(tmp_path))
