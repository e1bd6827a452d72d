"""Rows of the catalogue that need a history: what the wallet's half says to states it has an answer to already."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from tests.session.ground import Ground, ground
from tests.session.moves import cancelled, shown
from tests.session.test_every_lie import N, Shown, standing
from tests.support.game import KEYS, Game
from wallet.history.journal import Journal
from wallet.protocol import codec
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.evidence import state_in
from wallet.protocol.signatures import sign
from wallet.protocol.state import State
from wallet.protocol.terms import Role
from wallet.session.answers import Ack, Proposal, Refusal
from wallet.session.channel import TraderChannel
from wallet.wire.messages import Propose

BROKER = KEYS["broker signer"]


def played(path: Path) -> tuple[Game, TraderChannel]:
    """A channel with one order, opened and cancelled, and the wallet's half of it."""
    game = Game()
    game.apply(game.cancel(game.open()))
    game.intent()
    return game, standing(path, Shown(game, game.last, None))


def show(game: Game, channel: TraderChannel, state: State, signature: bytes | None = None) -> str:
    """``ack``, ``refuse``, or the code; of a flag its rule."""
    signed = game.sign(Role.BROKER, state) if signature is None else signature
    try:
        answer = channel.propose(Proposal(state, signed, b"{}", float(game.now)))
    except WalletError as error:
        return str(error.params["rule"]) if error.code == "FLAGGED" else error.code
    return "ack" if isinstance(answer, Ack) else "refuse"


def opening(game: Game) -> State:
    return game.create(next(row for row in game.intents.values() if row.order.order_nonce == 2))


@pytest.mark.parametrize("which", ["same", "other"])
def test_a_number_of_the_past(tmp_path: Path, which: str) -> None:
    game, channel = played(tmp_path)
    old = game.states[1][0]
    before = channel.journal.own_at(game.channel, 1)
    if which == "same":
        assert show(game, channel, old) == "ack"
        assert channel.journal.flags() == []
    else:
        assert show(game, channel, replace(old, time=old.time + 1)) == "EQV-TWO"
        assert len(channel.journal.flags()) == 1
    assert channel.journal.own_at(game.channel, 1) == before


def test_a_second_setup_of_another_time(tmp_path: Path) -> None:
    game, channel = played(tmp_path)
    assert show(game, channel, game.setup) == "ack"
    assert show(game, channel, replace(game.setup, time=game.setup.time + 1)) == "INC-ZERO"


def test_another_state_after_a_restart(tmp_path: Path) -> None:
    """Our signature of the first was perhaps sent: whatever comes instead of it is the second."""
    game, channel = played(tmp_path)
    state = opening(game)
    assert show(game, channel, state) == "ack"
    again = TraderChannel(channel.journal, channel.record, channel.signer, channel.clock)
    again.echoed = channel.echoed
    assert show(game, again, replace(state, time=state.time + 1)) == "EQV-TWO"
    assert show(game, again, state) == "ack"
    assert len(again.journal.at(game.channel, state.increment)) == 1


def test_a_channel_nobody_has(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        envelope, array = shown(cancelled(there, there.buy))
        answer = await there.liar.show({**envelope, "channel": "0x" + "07" * 32}, array)
        assert answer["error"] == "CHN-UNKNOWN-CHANNEL"
        assert "ack" in await there.liar.show(envelope, array)

    async def main() -> None:
        async with ground(tmp_path) as there:
            await work(there)

    asyncio.run(main())


def test_an_intent_of_another_key_opens_nothing(tmp_path: Path) -> None:
    """The intents beside a proposal are never asked: the wallet knows what it signed."""
    game, channel = played(tmp_path)
    forged = game.intent(price=1_000 * 10**6, keep=False)
    forged = replace(forged, signature=sign(KEYS["stranger"], game.domain.digest(forged.order)))
    assert show(game, channel, game.create(forged)) == "ORD-UNKNOWN"


@pytest.mark.parametrize(
    ("which", "answer"),
    [("the_same_end", "ack"), ("another_end", "FIN-TWICE"), ("more", "FIN-AFTER")],
    ids=["the_same_end", "another_end", "more"],
)
def test_after_the_end(tmp_path: Path, which: str, answer: str) -> None:
    game, channel = played(tmp_path)
    channel.request_finalize(game.digest(game.last))
    end = game.finalize()
    assert show(game, channel, end) == "ack"
    states = {
        "the_same_end": end,
        "another_end": replace(end, time=end.time + 1),
        "more": replace(end, increment=end.increment + 1, previous=game.digest(end)),
    }
    assert show(game, channel, states[which]) == answer
    assert channel.final
    assert channel.journal.own_at(game.channel, end.increment + 1) is None


def _personal(game: Game, state: State) -> bytes:
    message = encode_defunct(primitive=game.digest(state))
    return bytes(Account.sign_message(message, BROKER.secret).signature)


def _text(game: Game, state: State) -> bytes:
    text = json.dumps([codec.envelope(state), codec.state_array(state)])
    return bytes(Account.sign_message(encode_defunct(text=text), BROKER.secret).signature)


ELSEWHERE: dict[str, Callable[[Game, State], bytes]] = {
    "of the state before": lambda game, _: game.sign(Role.BROKER, game.last),
    "of another session": lambda game, state: game.sign(Role.BROKER, replace(state, channel=b"\x07" * 32)),
    "of another chain": lambda game, state: sign(BROKER, Domain(1, game.domain.contract).digest(state)),
    "of another contract": lambda game, state: sign(BROKER, Domain(31337, b"\x07" * 20).digest(state)),
    "of a personal message": _personal,
    "of the text": _text,
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_signatures_that_are_none_here(tmp_path: Path, name: str) -> None:
    """All by the broker's own key, each over something else: nothing of it is his word on this state."""
    game, channel = played(tmp_path)
    state = opening(game)
    assert show(game, channel, state, ELSEWHERE[name](game, state)) == "SIG-OTHER-KEY"
    assert channel.dropped == 1
    assert channel.journal.flags() == []
    assert show(game, channel, state) == "ack"


def test_an_acknowledged_state_with_the_other_s(tmp_path: Path) -> None:
    """It is no signature, so it is dropped; and nothing is known by its signature bytes, so nothing else happens."""
    game, channel = played(tmp_path)
    state = opening(game)
    good = game.sign(Role.BROKER, state)
    assert show(game, channel, state) == "ack"
    other = good[:32] + (N - int.from_bytes(good[32:64], "big")).to_bytes(32, "big") + bytes([55 - good[64]])
    assert show(game, channel, state, other) == "SIG-HIGH-S"
    assert show(game, channel, state) == "ack"
    assert channel.journal.flags() == []


def test_a_countersignature_nobody_waits_for(tmp_path: Path) -> None:
    game, channel = played(tmp_path)
    void = game.void(opening(game))
    typed = game.domain.digest(void)
    with pytest.raises(WalletError, match="ACK-UNASKED"):
        channel.countersigned(void.increment, typed.digest, sign(BROKER, typed))
    assert channel.last is not None
    assert channel.last.state == game.last


def test_a_channel_that_was(tmp_path: Path) -> None:
    """Terms with a nonce that was used name a channel that is known."""
    _, channel = played(tmp_path)
    journal: Journal = channel.journal
    with pytest.raises(WalletError, match="SET-NONCE-REUSE"):
        journal.add_channel(channel.record)


def test_the_same_state_in_another_spelling(tmp_path: Path) -> None:
    """Blanks, another order of keys, escapes: the same digest, so the same answer."""
    game, channel = played(tmp_path)
    state = opening(game)
    assert show(game, channel, state) == "ack"
    message = Propose(state, game.sign(Role.BROKER, state), ()).show()
    plain = {"jsonrpc": "2.0", "id": 1, "method": "propose", "params": message}
    turned = {key: plain[key] for key in reversed(plain)}
    for text in (json.dumps(plain), json.dumps(turned, indent=3), json.dumps(plain).replace("trade", "\\u0074rade")):
        again = state_in(text.encode())
        assert game.digest(again) == game.digest(state)
        assert show(game, channel, again) == "ack"
    assert len(channel.journal.at(game.channel, state.increment)) == 1


def test_nothing_is_signed_beside_a_void(tmp_path: Path) -> None:
    game, channel = played(tmp_path)
    state = opening(game)
    game.now += 3_000  # the order's openBefore has passed
    answer = channel.propose(Proposal(state, game.sign(Role.BROKER, state), b"{}", float(game.now)))
    assert isinstance(answer, Refusal)
    after = replace(state, increment=answer.void.state.increment + 1, time=game.now)
    assert show(game, channel, after) == "INC-SKIP"
    assert show(game, channel, state) == "refuse"
    assert channel.journal.own_at(game.channel, state.increment) is None
    typed = game.domain.digest(answer.void.state)
    channel.countersigned(answer.void.state.increment, typed.digest, sign(BROKER, typed))
    assert channel.void is None


def test_nothing_is_signed_beside_a_flag(tmp_path: Path) -> None:
    game, channel = played(tmp_path)
    state = opening(game)
    assert show(game, channel, replace(state, increment=9)) == "INC-SKIP"
    assert show(game, channel, state) == "FROZEN"
    assert channel.journal.own_at(game.channel, state.increment) is None
