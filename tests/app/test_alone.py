"""With key, node and contract alone: channels found, left with the opening state or a proof, and paid to the unit."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.app.test_watching import journal_of
from tests.chain.live import ETHER, USDT, Live
from tests.chain.live import run as run_live
from tests.chain.scenario import BROKER, TRADER, Session
from tests.keys.vaults import PASSWORD, PHRASE, make
from wallet.app import proofs
from wallet.app.alone import Alone, Found
from wallet.chain import token
from wallet.chain.client import Status
from wallet.chain.tx import KeySigner
from wallet.cli.main import main
from wallet.history.reader import HistoryReader
from wallet.protocol.errors import WalletError
from wallet.protocol.proof import Proof
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import NATIVE

SIGNER = KeySigner(TRADER.key.secret)
ALLOCATED = {NATIVE: ETHER // 10}


class Place:
    """A chain with an open channel, and what its owner has left of it."""

    def __init__(self, live: Live, session: Session, alone: Alone, folder: Path) -> None:
        self.live, self.session, self.alone, self.folder = live, session, alone, folder

    async def found(self) -> Found:
        (found,) = await self.alone.find(TRADER.address)
        return found

    def proof(self, *states: State, session: Session | None = None) -> Proof:
        """Exported while there still was a history."""
        of, path = session or self.session, self.folder / f"{len(list(self.folder.iterdir()))}.db"
        journal_of(path, of, of.setup, *states)
        with HistoryReader(path) as journal:
            record = journal.channel(of.channel)
            assert record is not None
            proofs.save(journal, record, path.with_suffix(".json"), None)
        return proofs.load(path.with_suffix(".json"))

    async def held(self) -> int:
        return await token.balance(self.live.rpc, self.live.usdt, TRADER.address)


def run(folder: Path, work: Callable[[Place], Awaitable[None]]) -> None:
    async def body(live: Live) -> None:
        await live.stock_broker()
        session = await live.session()
        await live.adjudicator.open(
            live.sender(TRADER), session.terms, session.time, *session.signatures(session.setup)
        )
        (folder / "kept").mkdir()
        async with AsyncExitStack() as stack:
            reached = await Alone.reach((live.node.url,), live.adjudicator.address, folder / "recover.db")
            alone = await stack.enter_async_context(reached)
            await work(Place(live, session, alone, folder / "kept"))

    run_live(folder, body)


def test_with_the_opening_state_and_nobody_answers(tmp_path: Path) -> None:
    async def work(place: Place) -> None:
        found = await place.found()
        shares = {row.asset.address: (row.pays, row.at_most) for row in await place.alone.shares(found)}
        assert shares == {NATIVE: (ETHER // 10, ETHER // 10), place.live.usdt: (1_000 * USDT, 1_000 * USDT)}
        before = await place.held()
        assert await place.alone.leave(found, SIGNER) == "challenge"
        with pytest.raises(WalletError, match="ALONE_DISPUTED"):
            await place.alone.leave(found, SIGNER)
        assert await place.alone.withdraw([found], SIGNER) == {}  # the period runs
        assert (await place.found()).standing.status is Status.DISPUTED
        await place.live.travel(place.session.terms.challenge_period + 1)
        assert await place.alone.withdraw([found], SIGNER) == {NATIVE: ETHER // 10, place.live.usdt: 1_000 * USDT}
        assert await place.held() - before == 1_000 * USDT
        assert (await place.found()).standing.status is Status.SETTLED
        with pytest.raises(WalletError, match="ALONE_SETTLED"):
            await place.alone.leave(found, SIGNER)

    run(tmp_path, work)


def test_a_newer_state_that_the_broker_shows_is_what_pays(tmp_path: Path) -> None:
    async def work(place: Place) -> None:
        session, usdt = place.session, place.live.usdt
        newer = session.state(7, {usdt: (0, 77)})
        await place.alone.leave(await place.found(), SIGNER)
        await place.live.adjudicator.respond(place.live.sender(BROKER), session.terms, newer, session.both(newer))
        found = await place.found()
        assert found.standing.increment == 7
        assert [row.pays for row in await place.alone.shares(found)] == [ETHER // 10, 1_000 * USDT + 77]
        await place.live.travel(session.terms.challenge_period + 1)
        assert (await place.alone.withdraw([found], SIGNER))[usdt] == 1_000 * USDT + 77
        assert [row.pays for row in await place.alone.shares(await place.found())] == [ETHER // 10, 1_000 * USDT + 77]

    run(tmp_path, work)


def test_with_an_exported_proof_it_leaves_and_it_answers(tmp_path: Path) -> None:
    async def work(place: Place) -> None:
        session, usdt = place.session, place.live.usdt
        stale, best = session.state(1), session.state(2, {usdt: (9, 0)})
        proof, old = place.proof(stale, best), place.proof(stale)
        found = await place.found()
        assert [row.pays for row in await place.alone.shares(found, proof)] == [ETHER // 10, 1_000 * USDT - 9]
        await place.live.adjudicator.challenge(place.live.sender(BROKER), session.terms, stale, session.both(stale))
        with pytest.raises(WalletError, match="PROOF_LOWER"):
            await place.alone.leave(found, SIGNER, old)
        assert await place.alone.leave(found, SIGNER, proof) == "respond"
        assert (await place.found()).standing.increment == 2
        await place.live.travel(session.terms.challenge_period + 1)
        assert (await place.alone.withdraw([found], SIGNER))[usdt] == 1_000 * USDT - 9

    run(tmp_path, work)


def test_a_final_proof_settles_at_once_and_one_of_another_channel_does_nothing(tmp_path: Path) -> None:
    async def work(place: Place) -> None:
        session, usdt = place.session, place.live.usdt
        found = await place.found()
        other = await place.live.session(nonce=2)
        with pytest.raises(WalletError, match="ALONE_OTHER_CHANNEL"):
            await place.alone.leave(found, SIGNER, place.proof(other.state(1), session=other))
        elsewhere = Session(type(session.domain)(1, session.domain.contract), session.terms, session.time)
        with pytest.raises(WalletError, match="PROOF_ELSEWHERE"):
            await place.alone.leave(found, SIGNER, place.proof(elsewhere.state(1), session=elsewhere))
        assert (await place.found()).standing.status is Status.OPEN
        final = session.state(3, {usdt: (0, 5)}, transition=Transition.FINALIZE)
        assert await place.alone.leave(found, SIGNER, place.proof(final)) == "close"
        assert (await place.alone.withdraw([found], SIGNER))[usdt] == 1_000 * USDT + 5

    run(tmp_path, work)


# --- the commands -----------------------------------------------------------------------------------------------------


def recover(profile: Path, *arguments: str) -> Any:
    environment = {"CHANNEL_WALLET_PASSWORD": PASSWORD, "CHANNEL_WALLET_PHRASE": PHRASE}
    return CliRunner().invoke(main, [*arguments, "--profile", str(profile), "--json"], env=environment)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "ALONE_CONTRACT"),
        (("--contract", "0x12"), "ALONE_ADDRESS"),
        (("--contract", "0x" + "ab" * 20), "ALONE_NODE"),
        (("--contract", "0x" + "ab" * 20, "--node", "ftp://x"), "RPC_URL"),
        (("--contract", "0x" + "ab" * 20, "--node", "http://127.0.0.1:9"), "RPC_UNREACHABLE"),
    ],
)
def test_what_is_not_said_is_asked_for(tmp_path: Path, options: tuple[str, ...], code: str) -> None:
    make(tmp_path / "profile" / "keys.vault")
    done = recover(tmp_path / "profile", "recover", "find", *options)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"] == code
