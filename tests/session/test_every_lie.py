"""Every lie of the table, validly signed, shown to the driver; and unsigned, which must freeze nothing.

The rules find what is wrong with a state; here is what the wallet does about it: evidence first, no signature, the
channel stops until a person has decided. The same bytes without the broker's signature are dropped and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.protocol.cases import CASES
from tests.session.liar import KeyOf
from tests.support.game import CONTRACT, KEYS, SIGNERS, Game
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.protocol import rules
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import sign
from wallet.protocol.state import State
from wallet.protocol.terms import Role
from wallet.protocol.typed import TypedDigest
from wallet.session.answers import Ack, Proposal
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.phases import Phase

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

# What the driver says where something stands before the rules.
OTHERWISE = {
    "the_same_number_again": "EQV-TWO",  # another digest at a number that both have signed
    # the driver looks orders up by channel: what was signed for another one is no order here
    "an_intent_of_another_channel": "ORD-UNKNOWN",
    "an_intent_of_the_same_terms_on_another_chain": "ORD-UNKNOWN",
}
# Lies that this driver can't be told.
UNTOLD = {
    "number_of_a_refused_state": "it stands on a refusal; test_link tells it",
    "last_state_had_too_little_locked": "no valid predecessor leads there",
    "more_owed_than_the_allocation": "no valid predecessor leads there",
    "setup_with_a_number": "before the opening the driver looks at no number above 0: NOT_OPEN",
    "a_fill_of_more_than_remains": "a number below zero, which no signed state holds",
}


@dataclass(frozen=True)
class Shown:
    """One lie as the broker would show it: what stood before, and the state."""

    game: Game
    state: State
    finalize_on: bytes | None
    setup: bool = False


def told(case: Callable[[], object]) -> Shown | None:
    """What a case shows to the rules, if it is the broker who shows it; None for what only he is told."""
    seen: list[Shown] = []
    check, check_setup = Game.check, rules.check_setup

    def watch(game: Game, state: State, issuer: Role | None = None, **flow: Any) -> object:
        if (game.last.turn if issuer is None else issuer) is Role.BROKER:
            seen.append(Shown(replace(game, states=[], intents=dict(game.intents)), state, flow.get("finalize_on")))
            seen[-1].game.states[:] = game.states
        return check(game, state, issuer, **flow)

    def watch_setup(terms: Any, channel: bytes, state: State) -> object:
        seen.append(Shown(Game(terms), state, None, setup=True))
        return check_setup(terms, channel, state)

    with patch.object(Game, "check", watch), patch.object(rules, "check_setup", watch_setup):
        case()
    return seen[-1] if seen else None


TOLD = {name: shown for name, (_, case) in CASES.items() if name not in UNTOLD and (shown := told(case)) is not None}


def standing(path: Path, shown: Shown) -> TraderChannel:
    """The wallet's half of the channel, at the state before the lie."""
    game = shown.game
    journal = Journal.open(path / "history.db")
    journal.store._db.execute("PRAGMA synchronous = OFF")  # what is tried here is no crash
    phase = Phase.REQUESTED if shown.setup else Phase.OPEN
    record = ChannelRecord(game.channel, Role.TRADER, 31337, CONTRACT, game.terms, phase.value, 0)
    journal.add_channel(record)
    with journal.store.transaction():
        for signed in game.intents.values():
            if signed.order.channel == game.channel:
                journal.add_intent(signed, "open", 0)
        for state, issuer in [] if shown.setup else game.states:
            both = game.sign(Role.BROKER, state), game.sign(Role.TRADER, state)
            journal.record(Entry(state, game.digest(state), issuer, Status.VALIDATED, *both, own=True))
    clock = Clock(now=lambda: float(game.now), monotonic=lambda: float(game.now))
    channel = TraderChannel(journal, record, KeyOf(SIGNERS[Role.TRADER]), clock)
    channel.echoed = float(game.now)
    channel.finalize_on = shown.finalize_on
    return channel


def not_the_brokers(shown: Shown) -> dict[str, tuple[bytes, str]]:
    """Signatures that are none of his on this state, and the code of each."""
    typed = shown.game.domain.digest(shown.state)
    good = sign(KEYS["broker signer"], typed)
    s = int.from_bytes(good[32:64], "big")
    return {
        "SIG-MISSING": (b"", "SIG-LEN"),
        "SIG-LEN": (good[:64], "SIG-LEN"),
        "SIG-V": (good[:64] + b"\x00", "SIG-V"),
        "SIG-RANGE": (bytes(32) + good[32:], "SIG-RANGE"),
        "SIG-HIGH-S": (good[:32] + (N - s).to_bytes(32, "big") + bytes([55 - good[64]]), "SIG-HIGH-S"),
        "SIG-OTHER-KEY": (sign(KEYS["stranger"], typed), "SIG-OTHER-KEY"),
        "SIG-OURS": (sign(KEYS["trader signer"], typed), "SIG-OTHER-KEY"),
        "SIG-OTHER-STATE": (sign(KEYS["broker signer"], TypedDigest("State", bytes(31) + b"\x01")), "SIG-OTHER-KEY"),
    }


@pytest.mark.parametrize("name", TOLD)
def test_flagged_kept_and_never_signed(tmp_path: Path, name: str) -> None:
    shown = TOLD[name]
    channel = standing(tmp_path, shown)
    journal, game = channel.journal, shown.game
    received = float(game.now)

    for what, (signature, code) in not_the_brokers(shown).items():
        dropped = channel.dropped
        with pytest.raises(WalletError) as caught:
            channel.propose(Proposal(shown.state, signature, b"{}", received))
        assert caught.value.code == code, what
        assert channel.dropped == dropped + 1
    assert journal.flags() == []
    assert channel.frozen is None

    code, case = CASES[name]
    found = case()
    assert found is not None
    rule = OTHERWISE.get(name, code)
    signature = game.sign(Role.BROKER, shown.state)
    with pytest.raises(WalletError) as caught:
        channel.propose(Proposal(shown.state, signature, b"{the bytes}", received))
    assert (caught.value.code, caught.value.params) == ("FLAGGED", {"rule": rule})
    (flag,) = journal.flags(game.channel)
    assert flag.flag.code == rule
    if rule == code:
        assert flag.flag == replace(found, expected=found.expected[:1_000], got=found.got[:1_000])
    assert (flag.raw, flag.signature, flag.digest) == (b"{the bytes}", signature, game.digest(shown.state))
    assert flag.last_good == (0 if shown.setup else game.last.increment)
    assert channel.frozen is not None
    assert [entry for entry in journal.at(game.channel, shown.state.increment) if entry.digest == flag.digest] == []
    journal.close()


def test_what_is_not_told_is_known() -> None:
    """The void is an answer of the trader's, and in his turn the states are his; all else is told."""
    others = {name for name in CASES if name not in TOLD and name not in UNTOLD and not name.startswith("void_")}
    assert others == {
        "trader_issues_in_the_brokers_flow",
        "trader_trades_in_the_cooperative_flow",
        "yield_that_keeps_the_turn",
        "yield_that_moves_a_unit",
        "yield_that_raises_the_mark",
    }
    assert CASES.keys() >= UNTOLD.keys() | OTHERWISE.keys()


def test_the_owner_of_the_broker_signs_for_him_too(tmp_path: Path) -> None:
    game = Game()
    signed = game.intent()
    state = game.create(signed)
    channel = standing(tmp_path, Shown(game, state, None))
    signature = sign(KEYS["broker"], game.domain.digest(state))
    assert isinstance(channel.propose(Proposal(state, signature, b"{}", float(game.now))), Ack)
    channel.journal.close()
