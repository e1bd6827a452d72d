"""Refuse and go on: from every situation in which a broker can bring a channel to a halt, and over every crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.session.ground import CHANNEL, DOMAIN, LIAR, SESSION, Ground, ground
from tests.session.moves import cancelled, filled, proposal, shown, skewed
from wallet.protocol.errors import WalletError
from wallet.protocol.state import State, Transition
from wallet.session.answers import Refusal
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock


def run(path: Path, work: Callable[[Ground], Awaitable[None]]) -> None:
    async def main() -> None:
        async with ground(path) as there:
            await work(there)

    asyncio.run(main())


def restart(there: Ground) -> TraderChannel:
    """The program ends here and is started again: what it knows is what is on disk."""
    last = there.channel.echoed
    again = TraderChannel(there.journal, there.channel.record, SESSION, Clock())
    again.echoed = last
    there.link.channels[CHANNEL] = again
    return again


def bent(state: State) -> State:
    """A row of balances a unit short."""
    row = state.balances[0]
    return replace(state, balances=(row._replace(available=row.available - 1), *state.balances[1:]))


def lie(there: Ground, state: State) -> int:
    with pytest.raises(WalletError, match="FLAGGED"):
        there.channel.propose(proposal(there, state))
    return int(there.channel.evidence.undecided[-1].id)


async def go_on(there: Ground, void: State) -> None:
    """The broker shows the refused state again, gets the void, countersigns it, and the channel trades on."""
    typed = DOMAIN.digest(void)
    there.channel.countersigned(void.increment, typed.digest, LIAR.sign(typed))
    assert (there.channel.void, there.channel.frozen) == (None, None)
    assert "ack" in await there.liar.show(*shown(cancelled(there, there.sell)))
    numbers = [entry.state.increment for entry in there.journal.after(CHANNEL, -1, 100)]
    assert numbers == [0, 1, 2, void.increment, void.increment + 1]
    for number in range(void.increment + 2):
        assert len(there.signatures_of_trader(number)) <= 1


@pytest.mark.parametrize("crash", ["no crash", "after the flag", "after the void", "after it was sent"])
@pytest.mark.parametrize("what", ["next number", "a number above", "equivocation", "a stale fill"])
def test_from_every_halt_the_channel_goes_on(tmp_path: Path, what: str, crash: str) -> None:
    async def work(there: Ground) -> None:
        good = cancelled(there, there.buy)
        if what == "a stale fill":  # no flag, no decision: the wallet refuses by itself
            there.channel.echoed = None
            shown_again = filled(there, there.buy)
            assert isinstance(there.channel.propose(proposal(there, shown_again)), Refusal)
        else:
            shown_again = bent(good) if what == "next number" else skewed(bent(good), 7)
            if what == "equivocation":
                lie(there, skewed(bent(good), 7, 1))
            flag = lie(there, shown_again)
            if crash == "after the flag":
                restart(there)
            assert there.channel.frozen is not None
            assert (await there.liar.show(*shown(good)))["error"] in ("FROZEN", "FLAGGED")  # halted
            there.channel.refuse(flag)
        if crash == "after the void":
            restart(there)
        void = there.channel.void.state
        answer = await there.liar.show(*shown(shown_again))
        assert answer["refuse"]["envelope"]["transition"] == "void"
        if crash == "after it was sent":
            restart(there)
            again = await there.liar.show(*shown(shown_again))
            assert again == answer  # the same bytes
        assert void.transition is Transition.VOID
        assert void.increment == shown_again.increment + 1
        await go_on(there, void)

    run(tmp_path, work)


@pytest.mark.parametrize("crash", [False, True])
def test_two_lies_in_a_row_are_refused_one_after_the_other(tmp_path: Path, crash: bool) -> None:
    async def work(there: Ground) -> None:
        for _ in range(2):
            state = bent(cancelled(there, there.buy))
            there.channel.refuse(lie(there, state))
            if crash:
                restart(there)
            void = there.channel.void.state
            typed = DOMAIN.digest(void)
            there.channel.countersigned(void.increment, typed.digest, LIAR.sign(typed))
        assert there.channel.last.state.increment == 6
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))

    run(tmp_path, work)
