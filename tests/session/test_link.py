"""The connection to a broker: where both stand, what was lost and is taken back, what is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import CHANNEL, DOMAIN, LIAR, SESSION, Ground, ground, intent
from tests.session.liar import LyingBroker
from tests.session.moves import cancelled, filled, following, opened, proposal, proven, shown
from tests.support.waiting import PATIENCE, until
from wallet.history.journal import IntentRecord
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side, State, Transition
from wallet.protocol.transitions import contents_of
from wallet.session.answers import Ack
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.phases import Phase
from wallet.session.requests import REJECTED, SUBMITTED
from wallet.wire import messages, methods
from wallet.wire.frames import RemoteError
from wallet.wire.messages import Propose


def run(path: Path, work: Callable[[Ground], Awaitable[None]], **how: Any) -> None:
    async def main() -> None:
        async with ground(path, **how) as there:
            await work(there)

    asyncio.run(main())


async def refused(work: Awaitable[object]) -> str:
    with pytest.raises(WalletError) as caught:
        await work
    return caught.value.code


def standing(there: Ground, state: State) -> None:
    """The liar says from now on that this is his highest."""
    there.liar.highest = state.increment, DOMAIN.digest(state).digest


def next_of(state: State, transition: Transition) -> State:
    typed = DOMAIN.digest(state)
    return replace(state, previous=typed.digest, increment=state.increment + 1, transition=transition)


# --- resume -------------------------------------------------------------------------------------------------------


def test_states_that_were_lost_are_taken_back(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        first = cancelled(there, there.buy)
        there.liar.pages = [proven(first)]
        standing(there, first)
        await there.link.resume(there.channel)
        assert there.channel.last.state == first
        assert there.journal.latest(CHANNEL).digest == DOMAIN.digest(first).digest
        assert len(there.signatures_of_trader(3)) == 1
        # signed by us and unknown here: this journal was rolled back. It leaves, and trades no more
        assert there.channel.restored
        fill = await there.liar.show(*shown(filled(there, there.sell)))
        assert fill["error"] == "RESTORED"
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.sell)))

    run(tmp_path, work)


def test_a_lost_order_comes_back_with_its_expiry(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        lost = intent(7, Side.BUY, 1_000 * 10**6, 10**18, TimeInForce.GOOD_TILL_TIME)
        there.channel.requests._index(IntentRecord(lost, SUBMITTED, "", 0))
        state = opened(there, lost.id)
        for known in (
            there.channel.requests._rows,
            there.channel.requests.orders,
            there.channel.requests._expiry,
            there.channel.requests._open_before,
        ):
            del known[lost.id]
        there.liar.pages = [replace(proven(state), intents=(lost,))]
        standing(there, state)
        await there.link.resume(there.channel)
        assert there.channel.requests.get(lost.id).status == "open"
        assert there.journal.intent(lost.id).signed == lost
        assert there.channel.requests.orders[lost.id].expiry == lost.order.expiry
        assert there.channel.next_nonce() == 8

    run(tmp_path, work)


def test_res_ahead_no_proof_stops_signing(tmp_path: Path) -> None:
    """He says that we signed more and shows nothing: whoever goes on would sign those numbers a second time."""

    async def work(there: Ground) -> None:
        there.liar.highest = 9, b"\x09" * 32
        assert await refused(there.link.resume(there.channel)) == "RES-AHEAD-NO-PROOF"
        assert there.liar.asked == 1

    run(tmp_path, work)


def test_a_connection_that_begins_with_such_a_claim_signs_nothing(tmp_path: Path) -> None:
    def prepare(liar: LyingBroker) -> None:
        liar.highest = 9, b"\x09" * 32

    async def work(there: Ground) -> None:
        await until(lambda: bool(there.liar.asked))
        state = cancelled(there, there.buy)
        message = Propose(state, LIAR.sign(DOMAIN.digest(state)), ())
        code = await refused(there.liar.peers[-1].call("propose", message.show(), PATIENCE))
        assert code in ("BUSY", "RPC_CLOSED")
        assert there.signatures_of_trader(3) == []
        assert not there.link.live.online

    run(tmp_path, work, prepare=prepare, wait=0)


def test_nothing_is_signed_before_both_know_where_they_stand(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.link._talk._standing.clear()
        assert (await there.liar.show(*shown(cancelled(there, there.buy))))["error"] == "BUSY"
        await there.link.resume(there.channel)
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))

    run(tmp_path, work)


@pytest.mark.parametrize("ours", [True, False])
def test_res_fork_is_an_alarm_if_our_own_signature_proves_it(tmp_path: Path, ours: bool) -> None:
    async def work(there: Ground) -> None:
        other = replace(there.channel.last.state, time=there.channel.last.state.time - 1)
        there.liar.pages = [proven(other, ours=ours)]
        standing(there, other)
        code = await refused(there.link.resume(there.channel))
        assert code == ("RES-FORK" if ours else "RES-AHEAD-NO-PROOF")
        assert there.channel.forked is ours
        again = TraderChannel(there.journal, there.channel.record, SESSION, Clock())
        assert again.forked is ours  # a restart does not make it good
        if ours:
            with pytest.raises(WalletError, match="RES-FORK"):
                again.propose(proposal(there, cancelled(there, there.buy)))
            assert there.signatures_of_trader(3) == []

    run(tmp_path, work)


def test_another_state_where_we_signed_one_is_a_fork(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.channel.echoed = None
        there.channel.propose(proposal(there, filled(there, there.buy)))  # refused: our void stands at 4
        state = replace(cancelled(there, there.buy), increment=4)
        there.liar.pages = [proven(state)]
        standing(there, state)
        assert await refused(there.link.resume(there.channel)) == "RES-FORK"
        assert there.channel.forked

    run(tmp_path, work)


@pytest.mark.parametrize("what", ["forged", "gap"])
def test_res_forged_ours_and_res_gap_are_not_adopted(tmp_path: Path, what: str) -> None:
    async def work(there: Ground) -> None:
        state = cancelled(there, there.buy)
        if what == "gap":
            state = replace(state, increment=4, previous=b"\x01" * 32)  # number 3 is not shown
        there.liar.pages = [proven(state, ours=what == "gap")]
        standing(there, state)
        code = await refused(there.link.resume(there.channel))
        assert code == {"forged": "RES-FORGED-OURS", "gap": "RES-GAP"}[what]
        assert there.channel.last.state.increment == 2
        assert not there.channel.forked

    run(tmp_path, work)


@pytest.mark.parametrize("what", ["next", "void", "on_an_older_one", "implied"])
def test_a_next_state_of_ours_on_another_chain_is_a_fork(tmp_path: Path, what: str) -> None:
    """Nothing is missing between it and ours: our key signed on where another program of it was, not where we are."""

    async def work(there: Ground) -> None:
        state = replace(cancelled(there, there.buy), previous=b"\x01" * 32)
        if what == "void":
            state = replace(state, increment=4, transition=Transition.VOID)
        if what == "on_an_older_one":
            state = replace(state, previous=bytes.fromhex(there.digests[1][2:]))
        pages = [proven(state)]
        if what == "implied":  # only what stands upon it carries our signature
            above = replace(state, increment=4, previous=DOMAIN.digest(state).digest)
            first, second = proven(state), proven(above)
            pages = [replace(first, signatures=replace(first.signatures, trader=None)), second]
        there.liar.pages = pages
        standing(there, pages[-1].state)
        assert await refused(there.link.resume(there.channel)) == "RES-FORK"
        assert there.channel.forked
        assert there.channel.last.state.increment == 2
        assert await refused(there.link.resume(there.channel)) == "RES-FORK"  # for good

    run(tmp_path, work)


def test_res_endless_pages_end(tmp_path: Path) -> None:
    """Pages that tell nothing new are not asked for again and again."""

    async def work(there: Ground) -> None:
        first = cancelled(there, there.buy)
        there.liar.pages = [proven(first)]
        there.liar.highest = 2**53 - 1, b"\x09" * 32
        assert await refused(there.link.resume(there.channel)) == "RES-AHEAD-NO-PROOF"
        assert there.liar.asked == 2
        assert there.channel.last.state == first  # what is proved is kept all the same

    run(tmp_path, work)


def test_a_void_whose_countersignature_was_lost_does_not_freeze_for_ever(tmp_path: Path) -> None:
    """The connection broke between the broker's signature and our hearing of it."""

    async def work(there: Ground) -> None:
        there.channel.echoed = None
        there.channel.propose(proposal(there, filled(there, there.buy)))
        void = there.channel.void.state
        there.liar.pages = [proven(void)]
        standing(there, void)
        await there.link.resume(there.channel)
        assert there.channel.last.state == void
        assert there.channel.void is None
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))

    run(tmp_path, work)


def test_a_countersignature_that_comes_while_the_same_void_is_fetched_is_no_fork(tmp_path: Path) -> None:
    """An honest broker says it twice: by the countersignature that was lost, and as a state that we lack."""

    async def work(there: Ground) -> None:
        there.channel.echoed = None
        there.channel.propose(proposal(there, filled(there, there.buy)))
        void = there.channel.void.state
        standing(there, void)
        there.liar.pages = [proven(void)]
        typed = DOMAIN.digest(void)
        ack = messages.Ack(CHANNEL, void.increment, typed.digest, LIAR.sign(typed))

        async def first() -> None:
            await methods.ask(there.liar.peers[-1], methods.ACK, ack, PATIENCE)

        there.liar.before_states = first
        await there.link.resume(there.channel)
        assert there.liar.asked == 1
        assert not there.channel.forked
        assert there.channel.last.state == void
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))
        await first()  # and once more, when it is no longer the last

    run(tmp_path, work)


def test_without_its_key_a_channel_says_so(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.channel.signer = None
        assert await refused(there.link.resume(there.channel)) == "RESTORED"
        assert (await there.liar.show(*shown(cancelled(there, there.buy))))["error"] == "RESTORED"

    run(tmp_path, work)


def test_offline_is_an_error_and_no_accident(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.link._talk = None
        assert await refused(there.link.resume(there.channel)) == "OFFLINE"

    run(tmp_path, work)


def test_a_broken_connection_is_made_again_and_resumed(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))
        standing(there, there.channel.last.state)
        there.liar.joined.clear()
        there.liar.peers[0].abort()
        await until(lambda: len(there.liar.peers) >= 2)
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.sell)))

    run(tmp_path, work)


def test_nothing_a_connection_does_ends_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours that a broker finds costs one connection."""

    async def work(there: Ground) -> None:
        real = there.link.heartbeat

        async def fails(_: object) -> None:
            monkeypatch.setattr(there.link, "heartbeat", real)
            raise KeyError("a mistake")

        monkeypatch.setattr(there.link, "heartbeat", fails)
        there.liar.peers[0].abort()
        await until(lambda: "connection" in there.link.alarms.rows)
        await there.link.online(PATIENCE)
        assert there.link.alarms.rows["connection"].code == "TASK_DIED"  # and stays, whatever is well again

    run(tmp_path, work)


def test_heartbeats_that_die_end_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alive on screen and absent for the broker would be the worst of both."""

    async def work(there: Ground) -> None:
        real = there.link.heartbeat
        beaten = asyncio.Event()

        async def fails(channel: TraderChannel) -> None:
            if not beaten.is_set():
                beaten.set()
                raise KeyError("a mistake")
            await real(channel)

        monkeypatch.setattr(there.link, "heartbeat", fails)
        await asyncio.wait_for(beaten.wait(), PATIENCE)
        await until(lambda: len(there.liar.peers) >= 2)
        await there.link.online(PATIENCE)

    run(tmp_path, work)


# --- requests -----------------------------------------------------------------------------------------------------


def test_an_order_whose_answer_was_lost_is_sent_again_as_it_was(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.channel.journal.set_intent(there.fresh.id, "unknown")
        there.channel.requests._rows[there.fresh.id] = replace(
            there.channel.requests.get(there.fresh.id), status="unknown"
        )
        there.liar.peers[0].abort()
        await until(lambda: bool(there.liar.orders))
        assert [order.intent for order in there.liar.orders] == [there.fresh]
        await until(lambda: there.channel.requests.get(there.fresh.id).status == SUBMITTED)

    run(tmp_path, work)


def test_a_dead_order_is_not_sent_again(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.channel.requests._rows[there.fresh.id] = replace(
            there.channel.requests.get(there.fresh.id), status="unknown"
        )
        later = Clock(now=lambda: there.fresh.order.open_before + 1.0)
        there.link.clock = later
        await there.link._ask_again(there.channel, there.channel.requests.get(there.fresh.id))
        assert there.liar.orders == []

    run(tmp_path, work)


def test_a_rejected_order_is_over(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.liar.no = WalletError("ORDER_QUEUE")
        before = len(there.channel.uncertain())
        with pytest.raises(RemoteError):
            await there.link.place(
                there.channel,
                (there.fresh.order.base, there.fresh.order.quote),
                Side.BUY,
                1_000 * 10**6,
                10**18,
                TimeInForce.GOOD_TILL_TIME,
                3600,
            )
        (sent,) = there.liar.orders
        assert there.journal.intent(sent.intent.id).status == REJECTED
        assert len(there.channel.uncertain()) == before

    run(tmp_path, work)


def test_a_cancel_is_on_disk_with_its_receipt_and_binds(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        fill = filled(there, there.buy)
        order = bytes.fromhex(there.buy[2:])
        await there.link.cancel(there.channel, order)
        row = there.journal.intent(order)
        assert row.cancel == there.liar.cancels[0].signature
        assert row.receipt is not None
        assert "refuse" in await there.liar.show(*shown(fill))

    run(tmp_path, work)


@pytest.mark.parametrize("status", ["open", SUBMITTED])
def test_a_cancel_without_a_receipt_is_asked_again(tmp_path: Path, status: str) -> None:
    """Of an order on its way, too: it may open yet."""

    async def work(there: Ground) -> None:
        order = bytes.fromhex(there.buy[2:]) if status == "open" else there.fresh.id
        there.channel.requests.mark_cancel(order, cancel=b"\x01" * 65)
        there.liar.peers[0].abort()
        await until(lambda: bool(there.liar.cancels))
        assert {cancel.order for cancel in there.liar.cancels} == {order}

    run(tmp_path, work)


def test_a_receipt_of_nobody_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(there: Ground) -> None:
        order = bytes.fromhex(there.buy[2:])
        monkeypatch.setattr(there.liar, "signer", SESSION)
        assert (await refused(there.link.cancel(there.channel, order))).startswith("SIG-")
        assert there.journal.intent(order).receipt is None

    run(tmp_path, work)


def test_finalize_asks_again_until_both_have_signed(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        for order in (there.buy, there.sell):
            assert "ack" in await there.liar.show(*shown(cancelled(there, order)))
        there.liar.no = WalletError("FIN-NOT-NOW")
        ending = asyncio.create_task(there.link.finalize(there.channel, PATIENCE))
        await until(lambda: len(there.liar.finalizes) >= 3)
        there.liar.no = None
        await until(lambda: there.channel.finalize_on == there.channel.last.digest)
        final = following(there, Transition.FINALIZE, contents_of(there.channel.last.state))
        assert "ack" in await there.liar.show(*shown(final))
        await asyncio.wait_for(ending, PATIENCE)
        assert there.channel.record.phase == Phase.FINAL.value
        assert {row.last_digest for row in there.liar.finalizes} == {final.previous}
        # nothing after it
        more = next_of(final, Transition.FINALIZE)
        assert (await there.liar.show(*shown(more)))["params"]["rule"] == "FIN-AFTER"

    run(tmp_path, work)


def test_a_broker_who_never_answers_is_waited_for_no_longer_than_a_person_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """His terms may give him an hour; a command that hangs for an hour is a broken program."""
    monkeypatch.setattr("wallet.session.conversation.LONGEST_ANSWER", 0.3)

    async def work(there: Ground) -> None:
        async def silent(*_: object) -> None:
            await asyncio.sleep(3_600)

        there.liar.peers[-1].handlers["cancel"] = silent
        order = bytes.fromhex(there.buy[2:])
        async with asyncio.timeout(30):  # of the hour
            assert await refused(there.link.cancel(there.channel, order)) == "RPC_UNKNOWN"

    run(tmp_path, work)


# --- crashes around setup -----------------------------------------------------------------------------------------


def test_a_setup_signed_just_before_the_end_goes_on(tmp_path: Path) -> None:
    """Killed between the signature on state 0 and the note that it is agreed."""

    async def work(there: Ground) -> None:
        assert there.channel.record.phase == Phase.AGREED.value
        assert there.journal.channel(CHANNEL).phase == Phase.AGREED.value

    run(tmp_path, work, phase=Phase.REQUESTED)


def test_the_same_state_after_a_restart_gets_the_same_bytes(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        state = proposal(there, cancelled(there, there.buy))
        answer = there.channel.propose(state)
        again = TraderChannel(there.journal, there.channel.record, SESSION, Clock())
        assert isinstance(answer, Ack)
        assert again.propose(state) == answer

    run(tmp_path, work)


def test_a_channel_that_cannot_resume_keeps_no_other_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stub:
        def __init__(self, name: bytes) -> None:
            self.id = name

    async def work(there: Ground) -> None:
        joined = []

        async def join(channel: Stub) -> None:
            if channel.id == b"forked":
                raise WalletError("RES-FORK", increment=1)
            joined.append(channel.id)

        monkeypatch.setattr(there.link, "_join", join)
        monkeypatch.setattr(there.link, "_talking", lambda: [Stub(b"forked"), Stub(b"sound")])
        problem = await there.link._join_all()
        assert (problem.code, joined) == ("RES-FORK", [b"sound"])
        monkeypatch.setattr(there.link, "_talking", lambda: [Stub(b"forked")])
        with pytest.raises(WalletError, match="RES-FORK"):
            await there.link._join_all()
        monkeypatch.undo()

    run(tmp_path, work)
