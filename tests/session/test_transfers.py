"""Sending from the owner's accounts on a real chain: as shown, once, sped up, cancelled, taken back, and refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chain.live import ETHER, Live, live
from tests.chain.scenario import STRANGER, TRADER
from tests.session.pool import Pool
from wallet.chain import fees, token
from wallet.chain.calls import Call, read_transfer
from wallet.chain.envelope import Envelope, read_signed, read_unsigned
from wallet.chain.fees import Speed
from wallet.chain.tx import KeySigner, Sender
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.session.outbox import Outbox, open_store
from wallet.session.transfers import Prepared, Transfers

ME, SIGNER, HIM = TRADER.address, KeySigner(TRADER.key.secret), STRANGER.address
DEEP = 3


class Desk:
    """Transfers over a pool, with the outbox's file."""

    def __init__(self, found: Live, pool: Pool, folder: Path) -> None:
        self.found, self.pool = found, pool
        self.store = open_store(folder / "sent.db")
        self.outbox = Outbox(self.store, pool, found.node.chain_id)
        self.turn = asyncio.Lock()
        self.transfers = Transfers(pool, found.node.chain_id, self.outbox, self.turn)

    async def prepare(
        self, amount: int | None, to: bytes = HIM, asset: bytes = NATIVE, speed: Speed = Speed.NORMAL
    ) -> Prepared:
        return await self.transfers.prepare(ME, to, asset, amount, speed)

    async def send(self, prepared: Prepared) -> bytes:
        return (await self.transfers.send(prepared.envelope.unsigned(), SIGNER)).hash

    async def look(self) -> dict[bytes, str]:
        await self.outbox.follow((ME,), DEEP)
        return {row.hash: row.status for row in self.outbox.kept(10)}


def run(path: Path, body: Callable[[Desk], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with live(path / "chain") as found, Pool(found.node.url) as pool:
            desk = Desk(found, pool, path)
            try:
                await body(desk)
            finally:
                desk.store.close()

    asyncio.run(whole())


def refused(code: str) -> Any:
    return pytest.raises(WalletError, match=code)


def test_what_was_shown_is_what_is_kept_and_sent(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        before = await desk.pool.balance(HIM)
        prepared = await desk.prepare(ETHER)
        assert read_unsigned(prepared.envelope.unsigned()).call.value == ETHER
        assert prepared.envelope.gas_limit == 21_000
        digest = await desk.send(prepared)
        (row,) = desk.outbox.kept(10)
        assert (row.hash, row.status, row.purpose, row.envelope) == (digest, "signed", "send", prepared.envelope)
        assert desk.pool.received == [row.raw]
        await desk.pool.mine()
        assert await desk.look() == {digest: "mined"}
        assert await desk.pool.balance(HIM) == before + ETHER
        assert desk.outbox.kept(1)[0].fee > 0

    run(tmp_path, body)


def test_all_there_is_leaves_the_fee_and_a_token_wholly(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        have = await desk.pool.balance(ME)
        whole = await desk.prepare(None, speed=Speed.FAST)
        assert whole.amount == have - whole.envelope.max_cost
        coins = await desk.prepare(None, asset=desk.found.usdt)
        assert read_transfer(coins.envelope.data) == (HIM, await token.balance(desk.pool, desk.found.usdt, ME))
        assert coins.envelope.value == 0
        desk.pool.holding = False
        await desk.send(coins)
        assert await token.balance(desk.pool, desk.found.usdt, ME) == 0
        last = await desk.prepare(None)
        await desk.send(last)
        assert 0 <= await desk.pool.balance(ME) < last.envelope.max_cost

    run(tmp_path, body)


def test_a_stuck_one_is_sped_up_and_the_higher_bid_is_mined(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        before = await desk.pool.balance(HIM)
        first = await desk.prepare(ETHER, speed=Speed.SLOW)
        stuck = await desk.send(first)
        assert await desk.look() == {stuck: "signed"}
        faster = await desk.transfers.replace(stuck, Speed.FAST, cancel=False)
        assert faster.envelope.call == first.envelope.call
        assert faster.envelope.nonce == first.envelope.nonce
        assert fees.replaces(_bid(faster), _bid(first))
        await desk.turn.acquire()  # whoever waits for the stuck one must not keep it from being sped up
        quick = await desk.send(faster)
        desk.turn.release()
        await desk.pool.mine()
        assert await desk.look() == {quick: "mined", stuck: "replaced"}
        assert await desk.pool.balance(HIM) == before + ETHER
        with refused("TX_OVER"):
            await desk.transfers.replace(stuck, Speed.FAST, cancel=False)
        with refused("TX_OVER"):
            await desk.transfers.replace(quick, Speed.FAST, cancel=True)

    run(tmp_path, body)


def test_a_stuck_one_is_cancelled_by_one_that_moves_nothing(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        before, coins = await desk.pool.balance(HIM), await token.balance(desk.pool, desk.found.usdt, HIM)
        stuck = await desk.send(await desk.prepare(5, asset=desk.found.usdt))
        empty = await desk.transfers.replace(stuck, Speed.SLOW, cancel=True)
        assert (empty.envelope.to, empty.envelope.value, empty.envelope.data) == (ME, 0, b"")
        gone = await desk.send(empty)
        await desk.pool.mine()
        assert await desk.look() == {gone: "mined", stuck: "replaced"}
        assert desk.outbox.find(gone).purpose == "cancel"  # type: ignore[union-attr]
        assert (await desk.pool.balance(HIM), await token.balance(desk.pool, desk.found.usdt, HIM)) == (before, coins)

    run(tmp_path, body)


def test_a_cancellation_can_be_sped_up_and_no_bid_is_below_any_before(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        stuck = await desk.send(await desk.prepare(5))
        empty = await desk.transfers.replace(stuck, Speed.NORMAL, cancel=True)
        gone = await desk.send(empty)
        again = await desk.transfers.replace(gone, Speed.SLOW, cancel=False)
        assert again.envelope.call == empty.envelope.call
        assert fees.replaces(_bid(again), _bid(empty))
        assert fees.replaces(_bid(await desk.transfers.replace(stuck, Speed.SLOW, cancel=False)), _bid(empty))
        await desk.send(again)
        assert desk.outbox.kept(1)[0].purpose == "cancel"

    run(tmp_path, body)


def test_what_belongs_to_a_session_is_sped_up_only_and_stays_the_sessions(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        first = await desk.prepare(7)
        sender = desk.found.sender(TRADER)
        outgoing = sender.sign(first.envelope.call, first.envelope.nonce, _bid(first))
        desk.outbox.store_for(b"\x05" * 32, "open")(outgoing)
        await desk.pool.send_raw(outgoing.raw)
        with refused("TX_OF_SESSION"):
            await desk.transfers.replace(outgoing.hash, Speed.NORMAL, cancel=True)
        faster = await desk.transfers.replace(outgoing.hash, Speed.NORMAL, cancel=False)
        digest = await desk.send(faster)
        row = desk.outbox.find(digest)
        assert row is not None
        assert (row.channel, row.purpose) == (b"\x05" * 32, "open")
        # nor can bytes made elsewhere take its place
        empty = replace(faster.envelope, to=ME, value=0, tip=10 * first.envelope.tip, max_fee_per_gas=10**11)
        with refused("TX_STALE"):
            await desk.transfers.send(empty.unsigned(), SIGNER)

    run(tmp_path, body)


def test_only_what_still_fits_is_signed(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        one, two = await desk.prepare(1), await desk.prepare(2)
        await desk.send(one)
        kept = len(desk.outbox.kept(10))
        with refused("TX_UNDERPRICED"):
            await desk.send(two)
        dear = replace(two.envelope, tip=2 * two.envelope.tip, max_fee_per_gas=2 * two.envelope.max_fee_per_gas)
        with refused("TX_STALE"):  # another payment in the place of one that waits: not by accident
            await desk.transfers.send(dear.unsigned(), SIGNER)
        ahead = replace((await desk.prepare(2)).envelope, nonce=9)
        with refused("TX_STALE"):
            await desk.transfers.send(ahead.unsigned(), SIGNER)
        with refused("TX_FORM"):
            await desk.transfers.send(b"\x02nonsense", SIGNER)
        for wild in (replace(ahead, gas_limit=6_000_000), replace(ahead, max_fee_per_gas=10**13)):
            with refused("TX_FEE_TOO_HIGH|TX_GAS_LIMIT"):
                await desk.transfers.send(wild.unsigned(), SIGNER)
        assert len(desk.outbox.kept(10)) == kept  # nothing was signed for any of them
        second = await desk.prepare(2)
        assert second.envelope.nonce == one.envelope.nonce + 1
        await desk.send(second)
        await desk.pool.mine()
        assert set((await desk.look()).values()) == {"mined"}

    run(tmp_path, body)


def test_a_lost_transaction_keeps_its_nonce_and_leaves_again(tmp_path: Path) -> None:
    """A node that forgets must not have the next payment take the place of the one that is lost."""

    async def body(desk: Desk) -> None:
        lost = await desk.send(await desk.prepare(1))
        desk.pool.held.clear()
        second = await desk.prepare(2)
        assert second.envelope.nonce == read_signed(desk.pool.received[0]).nonce + 1
        for _ in range(16):
            await desk.look()
        assert list(desk.pool.held.values()) == [desk.pool.received[0]]
        await desk.pool.mine()
        assert await desk.look() == {lost: "mined"}

    run(tmp_path, body)


def test_a_wrong_chain_is_refused_before_and_after(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        prepared = await desk.prepare(1)
        other = replace(prepared.envelope, chain_id=1)
        with refused("CHAIN_WRONG_ID"):
            await desk.transfers.send(other.unsigned(), SIGNER)
        desk.pool.chain = 1
        with refused("CHAIN_WRONG_ID"):
            await desk.prepare(1)
        with refused("CHAIN_WRONG_ID"):
            await desk.send(prepared)
        assert desk.outbox.kept(10) == []
        assert desk.pool.received == []

    run(tmp_path, body)


def test_what_is_not_there_can_not_be_sent(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        have, coins = await desk.pool.balance(ME), await token.balance(desk.pool, desk.found.usdt, ME)
        for amount, code in ((0, "TX_NOTHING"), (have + 1, "TX_SHORT "), (have, "TX_SHORT_FEE")):
            with refused(code):
                await desk.prepare(amount)
        with refused("TX_SHORT "):
            await desk.prepare(coins + 1, asset=desk.found.usdt)
        with refused("ADDRESS_NOBODY"):
            await desk.prepare(1, to=bytes(20))
        with refused("ADDRESS_TOKEN"):
            await desk.prepare(1, to=desk.found.usdt, asset=desk.found.usdt)
        poor = b"\x77" * 20
        with refused("TX_NOTHING"):
            await desk.transfers.prepare(poor, HIM, desk.found.usdt, None, Speed.NORMAL)
        with refused("TX_SHORT_FEE"):
            await desk.transfers.prepare(poor, HIM, NATIVE, None, Speed.NORMAL)
        await desk.found.node.fund(poor, usdt=10)
        with refused("TX_SHORT_FEE"):
            await desk.transfers.prepare(poor, HIM, desk.found.usdt, None, Speed.NORMAL)

    run(tmp_path, body)


# Four tokens of one constructor each: what any call returns. Runtime code after `RETURN`.
ANSWERS = {
    "nothing": "5f5ff3",  # as USDT: return no data
    "true": "60015f5260205ff3",
    "false": "5f5f5260205ff3",
    "two": "60025f5260205ff3",
    "short": "60015f5260015ff3",
}


def _initcode(runtime: str) -> bytes:
    """Copies what follows it to memory and returns it as the contract's code."""
    size = len(runtime) // 2
    return bytes.fromhex(f"60{size:02x}600a5f3960{size:02x}5ff3" + runtime)


@pytest.mark.parametrize(
    ("kind", "taken"), [("nothing", True), ("true", True), ("false", False), ("two", False), ("short", False)]
)
def test_tokens_of_every_answer(tmp_path: Path, kind: str, taken: bool) -> None:
    async def body(desk: Desk) -> None:
        address = await _deploy(desk, ANSWERS[kind])
        trial = token.check_transfer(desk.pool, address, ME, HIM, 1)
        if taken:
            await trial
        else:
            with refused("TOKEN_REFUSES"):
                await trial
        with refused("TOKEN_GONE"):
            await token.check_transfer(desk.pool, b"\x66" * 20, ME, HIM, 1)

    run(tmp_path, body)


async def _deploy(desk: Desk, runtime: str) -> bytes:
    nonce = await desk.found.rpc.nonce(ME)
    raw = SIGNER.sign_transaction(
        {
            "type": 2,
            "chainId": desk.found.node.chain_id,
            "nonce": nonce,
            "value": 0,
            "data": _initcode(runtime),
            "gas": 500_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1,
        }
    )
    receipt = await desk.found.rpc.receipt(await desk.found.rpc.send_raw(raw))
    assert receipt is not None
    assert receipt.contract is not None
    return receipt.contract


def test_a_block_taken_back_is_said_and_the_bytes_leave_again(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        digest = await desk.send(await desk.prepare(1))
        await desk.pool.mine()
        assert await desk.look() == {digest: "mined"}
        sent = len(desk.pool.received)
        desk.pool.taken_back.add(digest)
        assert await desk.look() == {digest: "undone"}
        assert desk.pool.received[sent:] == [desk.pool.received[0]]
        assert desk.outbox.find(digest).waits  # type: ignore[union-attr]
        desk.pool.taken_back.clear()
        assert await desk.look() == {digest: "mined"}
        for _ in range(DEEP):
            await desk.found.rpc.request("evm_mine")
        await desk.look()
        desk.pool.taken_back.add(digest)  # so deep that only a liar says so
        assert await desk.look() == {digest: "mined"}

    run(tmp_path, body)


def test_mined_without_effect_is_told_apart(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        whole = await desk.send(await desk.prepare(None, asset=desk.found.usdt))
        second = await desk.send(await desk.prepare(5, asset=desk.found.usdt))  # of what is not spent yet
        await desk.pool.mine()
        assert await desk.look() == {whole: "mined", second: "failed"}
        assert all(row.fee for row in desk.outbox.kept(10))

    run(tmp_path, body)


def test_what_another_machine_sent_at_the_same_nonce(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        ours = await desk.send(await desk.prepare(5))
        desk.pool.held.clear()
        await desk.found.sender(TRADER).send(Call(HIM, b"", 1))
        assert await desk.look() == {ours: "replaced"}

    run(tmp_path, body)


def test_it_is_on_disk_before_it_leaves_and_leaves_when_the_node_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(desk: Desk) -> None:
        kept: list[bytes] = []

        async def away(raw: bytes) -> bytes:
            kept.extend(row.raw for row in desk.outbox.kept(10))
            raise WalletError("RPC_UNREACHABLE", node="there", method="eth_sendRawTransaction", reason="away")

        with monkeypatch.context() as patch:
            patch.setattr(desk.pool, "send_raw", away)
            digest = await desk.send(await desk.prepare(1))
        (row,) = desk.outbox.kept(10)
        assert kept == [row.raw]
        desk.pool.holding = False
        for _ in range(16):
            await desk.look()
        assert await desk.look() == {digest: "mined"}

        def full(_: object) -> None:
            raise WalletError("STORE_FAILED", path="history.db", why="no space")

        monkeypatch.setattr(Outbox, "store_for", lambda *_: full)
        sent = len(desk.pool.received)
        with refused("STORE_FAILED"):
            await desk.send(await desk.prepare(1))
        assert len(desk.pool.received) == sent  # what is not on disk does not leave

    run(tmp_path, body)


def test_a_node_without_a_history_of_fees(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        known = await desk.transfers.prices()
        desk.pool.unknown = frozenset({"eth_feeHistory"})
        found = await desk.transfers.prices()
        assert [row.most > 0 for row in found.values()] == [True] * 3
        assert found[Speed.SLOW].base == known[Speed.SLOW].base * 9 // 8
        desk.pool.holding = False
        await desk.send(await desk.prepare(1))
        assert set((await desk.look()).values()) == {"mined"}

    run(tmp_path, body)


def test_what_was_sent_on_other_chains_is_left_alone(tmp_path: Path) -> None:
    async def body(desk: Desk) -> None:
        elsewhere = Outbox(desk.store, desk.pool, 1)
        foreign = replace((await desk.prepare(1)).envelope, chain_id=1)
        stranger = Sender(desk.pool, 1, SIGNER, print).sign(foreign.call, foreign.nonce, _bid_of(foreign))
        elsewhere.store_for(b"", "send")(stranger)
        assert [row.hash for row in elsewhere.kept(10)] == [stranger.hash]
        assert desk.outbox.kept(10) == desk.outbox.waiting(ME) == []
        assert desk.outbox.find(stranger.hash) is None
        ours = await desk.send(await desk.prepare(1))
        await desk.pool.mine()
        assert await desk.look() == {ours: "mined"}
        assert [row.status for row in elsewhere.kept(10)] == ["signed"]

    run(tmp_path, body)


def _bid(prepared: Prepared) -> fees.Quote:
    return _bid_of(prepared.envelope)


def _bid_of(envelope: Envelope) -> fees.Quote:
    return fees.Quote(envelope.gas_limit, envelope.max_fee_per_gas, envelope.tip)
