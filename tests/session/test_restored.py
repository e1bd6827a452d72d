"""Restored profiles: what can't know what it signed trades no more, and still leaves with what is its owner's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import CHANNEL, DOMAIN, LIAR, OWNER, SESSION, Ground, OwnerKeys, ground
from tests.session.liar import LyingBroker
from tests.session.moves import cancelled, filled, following, opened, proven, shown
from tests.support.waiting import until
from wallet.protocol import strictjson
from wallet.protocol.codec import read_hex
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Resume, TimeInForce
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import Side, State, Transition
from wallet.protocol.transitions import contents_of
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.phases import Standing


def run(path: Path, work: Callable[[Ground], Awaitable[None]], **how: Any) -> None:
    async def main() -> None:
        async with ground(path, **how) as there:
            await work(there)

    asyncio.run(main())


def signer_of(signature: str, state: State) -> bytes:
    """Whose of the trader's two keys made an ACK."""
    typed = DOMAIN.digest(state)
    for key in (OWNER, SESSION):
        if key.sign(typed).hex() == signature[2:]:
            return key.address
    raise AssertionError("neither of his keys")


def test_a_backup_holds_no_session_key_and_its_channel_trades_no_more(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        assert there.channel.restored
        assert there.channel.signer.key is OWNER
        for state in (filled(there, there.buy), opened(there, there.fresh.id)):
            assert (await there.liar.show(*shown(state)))["error"] == "RESTORED"
        market = there.channel.terms.markets[0]
        with pytest.raises(WalletError, match="RESTORED"):
            await there.link.place(
                there.channel, (market.base, market.quote), Side.BUY, 10**9, 10**18, TimeInForce.GOOD_TILL_TIME, 60
            )
        assert there.signatures_of_trader(3) == []
        assert there.journal.flags(CHANNEL) == []

    run(tmp_path, work, keys=OwnerKeys(), prepare=patient)


def patient(liar: LyingBroker) -> None:
    """No heartbeat will tell that the wallet has joined."""
    liar.joined.set()


def test_it_leaves_with_cancels_and_the_finalize_signed_by_the_owner(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        for order in (there.buy, there.sell):
            state = cancelled(there, order)
            assert signer_of((await there.liar.show(*shown(state)))["ack"], state) == OWNER.address
        there.channel.request_finalize(there.channel.last.digest)
        last = following(there, Transition.FINALIZE, contents_of(there.channel.last.state))
        assert signer_of((await there.liar.show(*shown(last)))["ack"], last) == OWNER.address
        assert there.channel.final

    run(tmp_path, work, keys=OwnerKeys(), prepare=patient)


def test_what_the_broker_called_highest_is_kept_with_his_signature(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        kept: Any = strictjson.loads(there.journal.fact(CHANNEL, "shown"))
        resume = Resume(
            read_hex(kept["channel"], 32, ""),
            kept["increment"],
            read_hex(kept["digest"], 32, ""),
            read_hex(kept["nonce"], 32, ""),
            read_hex(kept["peer_nonce"], 32, ""),
        )
        assert (resume.channel, resume.increment, "0x" + resume.digest.hex()) == (CHANNEL, 2, there.digests[2])
        require_signer(DOMAIN.digest(resume), read_hex(kept["signature"], 65, ""), (LIAR.address,))

    run(tmp_path, work, keys=OwnerKeys(), prepare=patient)


def test_before_he_has_said_what_is_highest_nothing_at_all_is_signed(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.journal.store.execute("DELETE FROM facts WHERE name = 'shown'")
        again = TraderChannel(there.journal, there.channel.record, OWNER, Clock())
        assert (again.restored, again.shown) == (True, False)
        there.link.channels[CHANNEL] = again
        assert (await there.liar.show(*shown(cancelled(there, there.buy))))["error"] == "RESTORED"
        await there.link.resume(again)
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))

    run(tmp_path, work, keys=OwnerKeys(), prepare=patient)


def test_a_restored_channel_is_not_present_and_repeats_no_order(tmp_path: Path) -> None:
    """Nothing may be matched in it: no heartbeat is sent, and no order that may have been placed before."""

    async def work(there: Ground) -> None:
        there.liar.joined.clear()
        there.channel.requests.mark(there.fresh.id, "unknown")
        await there.link.heartbeat(there.channel)
        await there.link._repeat(there.channel)
        assert not there.liar.joined.is_set()
        assert there.liar.orders == []

    run(tmp_path, work, keys=OwnerKeys(), prepare=patient)


def test_res_ahead_proof_means_that_this_journal_was_rolled_back(tmp_path: Path) -> None:
    """Our own signatures are on disk before they leave: one that is not was made by a later copy of this journal."""

    async def work(there: Ground) -> None:
        assert not there.channel.restored
        state = cancelled(there, there.buy)
        there.liar.pages = [proven(state)]
        there.liar.highest = 3, DOMAIN.digest(state).digest
        await there.link.resume(there.channel)
        assert (there.channel.restored, there.channel.shown, there.channel.signer.key) == (True, True, OWNER)
        assert there.channel.last.state == state
        assert there.link._talk.standing(there.channel) is Standing.JOINED
        again = TraderChannel(there.journal, there.channel.record, None, Clock())
        assert again.restored  # a restart does not make it good
        assert (await there.liar.show(*shown(filled(there, there.sell))))["error"] == "RESTORED"
        cancel = cancelled(there, there.sell)
        assert signer_of((await there.liar.show(*shown(cancel)))["ack"], cancel) == OWNER.address

    run(tmp_path, work)


def test_a_void_that_was_ours_is_no_sign_of_a_rollback(tmp_path: Path) -> None:
    async def work(there: Ground) -> None:
        there.channel.echoed = None
        answer = await there.liar.show(*shown(filled(there, there.buy)))
        assert "refuse" in answer
        there.liar.pages = [proven(there.channel.void.state)]
        there.liar.highest = 4, there.channel.void.digest
        await there.link.resume(there.channel)
        assert not there.channel.restored

    run(tmp_path, work)


def test_a_locked_owner_is_no_restored_profile(tmp_path: Path) -> None:
    class Locked:
        open = False

        def signer(self, address: bytes) -> Any:
            if not self.open:
                raise WalletError("KEYS_LOCKED")
            return {SESSION.address: SESSION, OWNER.address: OWNER}[address]

    keys = Locked()

    async def work(there: Ground) -> None:
        assert not there.channel.restored
        assert (await there.liar.show(*shown(cancelled(there, there.buy))))["error"] in ("RESTORED", "BUSY")
        keys.open = True
        there.liar.peers[-1].abort()
        await until(lambda: getattr(there.channel.signer, "key", None) is SESSION)
        await until(lambda: there.link.live.online)
        assert "ack" in await there.liar.show(*shown(cancelled(there, there.buy)))

    run(tmp_path, work, keys=keys, prepare=patient)


def test_who_was_restored_refuses_nothing(tmp_path: Path) -> None:
    """A void is a new signature, too: whoever may have signed another one there makes none."""

    async def work(there: Ground) -> None:
        state = cancelled(there, there.buy)
        lie = shown(state)
        lie[1][1][0][1] = "1"
        assert (await there.liar.show(*lie))["error"] == "FLAGGED"
        with pytest.raises(WalletError, match="REFUSE_IMPOSSIBLE"):
            there.channel.refuse(there.channel.evidence.rows[0].id)

    run(tmp_path, work, keys=OwnerKeys(), prepare=patient)
