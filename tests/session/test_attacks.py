"""A broker who plays against the wallet itself: floods, races, half-told stories. One digest a number, always."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import CHANNEL, DOMAIN, LIAR, SESSION, Ground, Keys, ground
from tests.session.moves import cancelled, filled, following, opened, proposal, shown, skewed
from tests.support.game import CONTRACT, make_terms
from tests.support.tamper import tamper
from tests.support.waiting import PATIENCE, until
from wallet.history.journal import ChannelRecord, Journal
from wallet.protocol.errors import WalletError
from wallet.protocol.state import State, Transition, setup_state
from wallet.protocol.terms import Role
from wallet.protocol.transitions import contents_of
from wallet.session import evidence, requests
from wallet.session.answers import Ack, Proposal, Refusal
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock, awake_or_asleep
from wallet.session.conversation import Conversation
from wallet.session.link import BrokerLink
from wallet.session.phases import Phase, Word
from wallet.wire.client import connect
from wallet.wire.messages import Propose
from wallet.wire.peer import Peer


def run(path: Path, work: Callable[[Ground], Awaitable[None]], **how: Any) -> None:
    async def main() -> None:
        async with ground(path, **how) as there:
            await work(there)

    asyncio.run(main())


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(WalletError) as caught:
        call()
    return caught.value.code


# --- floods -------------------------------------------------------------------------------------------------------


def test_a_flood_of_lies_does_not_fill_the_disk(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        base = cancelled(there, there.buy)
        for number in range(4, 404):
            assert code_of(lambda n=number: there.channel.propose(proposal(there, skewed(base, n)))) == "FLAGGED"
        assert len(there.journal.flags(CHANNEL)) == evidence.MAX_FLAGS
        assert there.channel.evidence.unkept == 400 - evidence.MAX_FLAGS
        assert there.channel.frozen is not None

    run(tmp_path, work)


def test_nor_does_a_flood_of_large_ones(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        base = cancelled(there, there.buy)
        for number in range(4, 24):
            bad = proposal(there, skewed(base, number), pad=900_000)
            assert code_of(lambda bad=bad: there.channel.propose(bad)) == "FLAGGED"
        kept = there.journal.flags(CHANNEL)
        assert 1 <= sum(len(row.raw) for row in kept) <= evidence.MAX_EVIDENCE
        assert there.channel.evidence.unkept == 20 - len(kept)

    run(tmp_path, work)


def test_two_digests_at_one_number_are_all_the_proof_there_is(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        base = cancelled(there, there.buy)
        assert isinstance(there.channel.propose(proposal(there, base)), Ack)
        for seconds in range(1, 30):
            bad = proposal(there, skewed(base, 3, seconds))
            assert code_of(lambda bad=bad: there.channel.propose(bad)) == "FLAGGED"
        assert len(there.journal.flags(CHANNEL)) == evidence.PER_NUMBER
        assert len(there.signatures_of_trader(3)) == 1

    run(tmp_path, work)


def test_a_flag_does_not_hold_a_book(tmp_path: Path) -> None:
    """256 rows in a state are no more text than a person can read."""

    async def work(there: Ground) -> None:
        envelope, array = shown(cancelled(there, there.buy))
        array[1] = [["0x" + bytes([n % 256]).hex() * 20, "1", "1"] for n in range(256)]
        assert (await there.liar.show(envelope, array))["error"] == "FLAGGED"
        (flag,) = there.journal.flags(CHANNEL)
        assert len(flag.flag.expected) <= 1_000
        assert len(flag.flag.got) <= 1_000

    run(tmp_path, work)


# --- flags and voids ----------------------------------------------------------------------------------------------


def test_a_countersigned_void_decides_no_flag_that_the_user_has_not_seen(tmp_path: Path) -> None:
    """A stale fill makes the wallet refuse by itself; the broker's signature on that must not clear his lies."""

    async def work(there: Ground) -> None:
        there.channel.echoed = None
        answer = there.channel.propose(proposal(there, filled(there, there.buy)))
        assert isinstance(answer, Refusal)
        lie = proposal(there, skewed(cancelled(there, there.buy), 9))
        assert code_of(lambda: there.channel.propose(lie)) == "FLAGGED"
        typed = DOMAIN.digest(answer.void.state)
        there.channel.countersigned(answer.void.state.increment, typed.digest, LIAR.sign(typed))
        assert there.channel.frozen is not None
        assert not there.journal.flags(CHANNEL)[0].resolved

    run(tmp_path, work)


def test_a_refusal_decides_all_that_its_void_beats(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        base = cancelled(there, there.buy)
        for number in (4, 5, 8):
            lie = proposal(there, skewed(base, number))
            assert code_of(lambda lie=lie: there.channel.propose(lie)) == "FLAGGED"
        first, second, third = (row.id for row in there.channel.evidence.rows)
        void = there.channel.refuse(second)
        assert void.state.increment == 6
        assert [row.id for row in there.channel.evidence.rows if not row.resolved] == [third]
        # a second answer waits for the first; the user's decision is on disk before the broker hears of it
        assert there.channel.refuse(third) == void
        again = TraderChannel(there.journal, there.channel.record, there.channel.signer, Clock())
        assert [row.id for row in again.evidence.rows if not row.resolved] == [third]
        assert again.void is not None
        typed = DOMAIN.digest(void.state)
        there.channel.countersigned(6, typed.digest, LIAR.sign(typed))
        assert there.channel.refuse(third).state.increment == 9
        assert first != second

    run(tmp_path, work)


# --- phases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phase", [Phase.REQUESTED, Phase.AGREED, Phase.OPENING, Phase.SETTLED, Phase.WITHDRAWN, Phase.ABANDONED]
)
def test_no_state_is_signed_before_the_opening_nor_after_the_end(tmp_path: Path, phase: Phase) -> None:
    async def work(there: Ground) -> None:
        there.channel.record = replace(there.channel.record, phase=phase.value)
        state = cancelled(there, there.buy)
        assert code_of(lambda: there.channel.propose(proposal(there, state))) == "NOT_OPEN"
        assert there.signatures_of_trader(3) == []
        assert there.journal.flags(CHANNEL) == []

    run(tmp_path, work)


def test_a_setup_is_signed_only_while_it_is_wanted(tmp_path: Path) -> None:
    terms = make_terms(nonce=99)
    channel_id = DOMAIN.digest(terms).digest
    journal = Journal.open(tmp_path / "h.db")
    state = setup_state(terms, channel_id, int(time.time()))
    offered = Proposal(state, LIAR.sign(DOMAIN.digest(state)), b"{}", awake_or_asleep())

    def channel(phase: Phase) -> TraderChannel:
        record = ChannelRecord(channel_id, Role.TRADER, 31337, CONTRACT, terms, phase.value, 0)
        return TraderChannel(journal, record, SESSION, Clock())

    journal.add_channel(channel(Phase.REQUESTED).record)
    assert code_of(lambda: channel(Phase.ABANDONED).propose(offered)) == "NOT_OPEN"
    assert isinstance(channel(Phase.REQUESTED).propose(offered), Ack)
    journal.close()


def test_a_dispute_is_not_forgotten_by_a_restart(tmp_path: Path) -> None:
    """Until the chain is heard again, what was disputed is."""

    async def work(there: Ground) -> None:
        await there.link.heartbeat(there.channel)
        assert (await there.liar.show(*shown(filled(there, there.buy))))["error"] == "DISPUTED"
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))

    run(tmp_path, work, phase=Phase.DISPUTED)


# --- orders -------------------------------------------------------------------------------------------------------


def test_an_order_he_called_rejected_never_opens(tmp_path: Path) -> None:
    """By then the user has placed another one: two would be twice what he wanted."""

    async def work(there: Ground) -> None:
        there.channel.requests.mark(there.fresh.id, requests.REJECTED, "ORDER_QUEUE")
        answer = await there.liar.show(*shown(opened(there, there.fresh.id)))
        assert answer["refuse"]["envelope"]["transition"] == "void"
        # nor after a restart
        again = TraderChannel(there.journal, there.channel.record, there.channel.signer, Clock())
        assert there.fresh.id in again.requests._receipted

    run(tmp_path, work)


def test_an_order_that_is_open_can_not_be_called_rejected(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        assert "ack" in await there.liar.show(*shown(opened(there, there.fresh.id)))
        there.liar.no = WalletError("ORDER_QUEUE")
        await there.link._send_order(there.channel, there.fresh)
        assert there.channel.requests.get(there.fresh.id).status == "open"
        assert there.journal.intent(there.fresh.id).status == "open"

    run(tmp_path, work)


def test_a_fill_of_an_order_this_journal_lost_is_refused(tmp_path: Path) -> None:
    """Nobody here knows when it expires."""

    async def work(there: Ground) -> None:
        fill = filled(there, there.buy)
        del there.channel.requests.orders[bytes.fromhex(there.buy[2:])]
        answer = there.channel.propose(proposal(there, fill))
        assert isinstance(answer, Refusal)
        assert there.signatures_of_trader(3) == []

    run(tmp_path, work)


def test_a_computer_that_slept_was_not_present(tmp_path: Path) -> None:
    """The clock of deadlines goes on while it sleeps: what arrives on waking is as late as it is."""
    slept = awake_or_asleep()
    assert abs(slept - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1
    assert Clock().monotonic is awake_or_asleep

    async def work(there: Ground) -> None:
        fill = filled(there, there.buy)
        hour = Clock(monotonic=lambda: awake_or_asleep() + 3_600)
        there.link.clock = there.channel.clock = hour
        answer = await there.liar.show(*shown(fill))
        assert "refuse" in answer

    run(tmp_path, work)


# --- storms -------------------------------------------------------------------------------------------------------


def test_two_connections_get_one_signature(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        second = await connect(there.link.profile.url)
        talk = Conversation(second, there.link.profile, there.link.clock, there.link.live)
        for word in (Word.INTRODUCED, Word.SET_UP):
            talk.move(there.channel, word)
        there.link._prepare(talk)
        await until(lambda: len(there.liar.peers) >= 2)
        states = cancelled(there, there.buy), cancelled(there, there.sell)

        async def ask(peer: Peer, state: State) -> Any:
            message = Propose(state, LIAR.sign(DOMAIN.digest(state)), ())
            try:
                return (await peer.call("propose", message.show(), PATIENCE))["ack"]
            except WalletError as error:
                return error.code

        answers = await asyncio.gather(
            *(ask(peer, state) for peer, state in zip(there.liar.peers, states, strict=True))
        )
        assert "FLAGGED" in answers
        assert there.signatures_of_trader(3) == [bytes.fromhex(row[2:]) for row in answers if row != "FLAGGED"]
        await second.close()

    run(tmp_path, work)


class FullDisk:
    """A database that refuses its ``at``-th statement from now on, and all after it."""

    def __init__(self, database: sqlite3.Connection, at: int) -> None:
        self.database, self.left = database, at

    def execute(self, sql: str, *values: Any) -> Any:
        if not sql.startswith(("SELECT", "ROLLBACK")):
            self.left -= 1
            if self.left < 0:
                raise sqlite3.OperationalError("database or disk is full")
        return self.database.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("kind", ["ack", "refuse", "flag"])
def test_a_full_disk_answers_nothing_and_forgets_nothing(tmp_path: Path, at: int, kind: str) -> None:
    async def work(there: Ground) -> None:
        store, channel = there.journal.store, there.channel
        if kind == "refuse":
            channel.echoed = None
        state = cancelled(there, there.buy) if kind == "ack" else filled(there, there.buy)
        if kind == "flag":
            state = skewed(state, 7)
        last = channel.last
        store._db = FullDisk(store._db, at)
        try:
            answer = await there.liar.show(*shown(state))
        finally:
            store._db = store._db.database
        if store.problem is None:
            assert answer.keys() & {"ack", "refuse"} or answer["error"] == "FLAGGED"  # it had room enough
            return
        assert answer["error"] == "STORE_FAILED"
        assert channel.last is last
        # nothing more is signed until the file is opened anew, and then the same state gets one answer
        assert (await there.liar.show(*shown(state)))["error"] == "STORE_FAILED"
        store._failed = False
        again = TraderChannel(there.journal, channel.record, channel.signer, Clock())
        assert again.last.digest == last.digest
        assert again.void is None
        assert there.signatures_of_trader(3) == []
        assert there.journal.flags(CHANNEL) == []

    run(tmp_path, work)


def test_leaving_is_possible_whatever_is_flagged_far_ahead(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        lie = proposal(there, skewed(cancelled(there, there.buy), 2**53 - 2))
        assert code_of(lambda: there.channel.propose(lie)) == "FLAGGED"
        assert there.channel.refuse(there.channel.evidence.rows[0].id) is None
        assert there.channel.frozen is None
        for order in (there.buy, there.sell):
            assert "ack" in await there.liar.show(*shown(cancelled(there, order)))
        there.channel.request_finalize(there.channel.last.digest)
        last = there.channel.last.state
        assert "ack" in await there.liar.show(*shown(following(there, Transition.FINALIZE, contents_of(last))))
        assert there.channel.final

    run(tmp_path, work)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE states SET body = x'5b5d'",
        "UPDATE states SET body = x'ff'",
        "UPDATE channels SET terms = x'7b7d'",
        "UPDATE channels SET role = 7",
        "UPDATE intents SET body = x'6e756c6c'",
    ],
)
def test_a_damaged_history_says_so_and_signs_nothing(tmp_path: Path, damage: str) -> None:
    """An error with a code, at the start: no accident, and no state of which half is missing."""

    async def work(there: Ground) -> None:
        assert tamper(tmp_path / "history.db", damage)
        profile = there.link.profile
        with pytest.raises(WalletError, match="STORE_DAMAGED"):
            BrokerLink(profile, Journal.open(tmp_path / "history.db"), Keys(), lambda: None)

    run(tmp_path, work)
