"""The chain's side: what a node may claim, and what a wallet that was ended at any point goes on with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.session.ground import CHANNEL, Ground, ground, profile_of
from tests.session.moves import filled, proposal
from wallet.chain import calls
from wallet.chain.client import OnChain, Status
from wallet.chain.records import Block
from wallet.chain.tx import KeySigner, Outgoing
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Outcome, Transition
from wallet.session.phases import Phase
from wallet.session.settlement import CONFIRMATIONS, ChainLink

ACCOUNT = b"\x0a" * 20


def signed_for(chain_id: int) -> bytes:
    """A raw transaction of a chain."""
    fields = {"chainId": chain_id, "nonce": 5, "gas": 21_000, "maxFeePerGas": 1, "maxPriorityFeePerGas": 1, "value": 0}
    return KeySigner(b"\1" * 32).sign_transaction({**fields, "to": ACCOUNT, "type": 2})


class Node:
    """A node that says what it is told to say."""

    def __init__(self, chain: ChainLink, monkeypatch: pytest.MonkeyPatch) -> None:
        self.status, self.increment, self.outcomes_hash, self.time = Status.NONE, 0, bytes(32), int(time.time())
        self.asked, self.head = 0, 1
        self.back: dict[int, Status] = {}  # by block, where it is not as now
        monkeypatch.setattr(chain.contract, "channel", self._channel)
        monkeypatch.setattr(chain._rpc, "block", self._block)
        monkeypatch.setattr(chain._rpc, "block_number", self._number)
        chain._checked = True

    async def _channel(self, _: bytes, block: int | None = None) -> OnChain:
        self.asked += 1
        status = self.status if block is None else self.back.get(block, self.status)
        return OnChain(status, 1, self.increment, self.outcomes_hash)

    async def _block(self, _: object = "latest") -> Block:
        return Block(self.head, b"\1" * 32, bytes(32), self.time, 1, 30_000_000)

    async def _number(self) -> int:
        return self.head


def run(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Ground, ChainLink, Node], Awaitable[None]],
    phase: Phase,
) -> None:
    async def main() -> None:
        async with ground(path, phase=phase) as there:
            chain = ChainLink(
                profile_of(1), there.journal, there.link.channels.values, there.link.advance, lambda: None
            )
            try:
                await work(there, chain, Node(chain, monkeypatch))
            finally:
                await chain._rpc.close()

    asyncio.run(main())


LAPSED = 2**40  # seconds: any openBefore has passed by then


@pytest.mark.parametrize(
    ("before", "said", "after"),
    [
        (Phase.AGREED, Status.NONE, Phase.ABANDONED),
        (Phase.OPENING, Status.NONE, Phase.ABANDONED),
        (Phase.OPEN, Status.NONE, Phase.OPENING),
        (Phase.AGREED, Status.OPEN, Phase.OPEN),
        (Phase.OPENING, Status.OPEN, Phase.OPEN),
        (Phase.DISPUTED, Status.OPEN, Phase.OPEN),
        (Phase.SETTLED, Status.OPEN, Phase.OPEN),
        (Phase.WITHDRAWN, Status.OPEN, Phase.OPEN),
        (Phase.ABANDONED, Status.OPEN, Phase.OPEN),
        (Phase.CLOSING, Status.OPEN, Phase.CLOSING),
        (Phase.OPEN, Status.DISPUTED, Phase.DISPUTED),
        (Phase.WITHDRAWN, Status.DISPUTED, Phase.DISPUTED),
        (Phase.OPEN, Status.SETTLED, Phase.SETTLED),
        (Phase.SETTLED, Status.SETTLED, Phase.WITHDRAWN),
        (Phase.WITHDRAWN, Status.SETTLED, Phase.WITHDRAWN),
    ],
)
def test_the_chain_wins_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: Phase, said: Status, after: Phase
) -> None:
    """A node that lied once must not make the wallet forget a channel with money in it."""

    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        node.status, node.time = said, LAPSED
        await chain.refresh()
        assert there.channel.record.phase == after.value
        assert there.channel.disputed is (said is Status.DISPUTED)

    run(tmp_path, monkeypatch, work, before)


def test_open_once_the_opening_is_deep_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a chain of others, a block can be taken back: nothing above the setup is signed before it is some deep."""

    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        chain.profile = replace(chain.profile, chain_id=1)
        node.status, node.back = Status.OPEN, dict.fromkeys(range(100), Status.NONE)
        for node.head in range(100, 100 + CONFIRMATIONS - 1):
            await chain.refresh()
            assert there.channel.record.phase == Phase.OPENING.value
        node.head += 1
        await chain.refresh()
        assert there.channel.record.phase == Phase.OPEN.value

    run(tmp_path, monkeypatch, work, Phase.OPENING)


def test_an_opening_taken_back_is_sent_again_and_never_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        raw = signed_for(chain.profile.chain_id)
        chain.outbox.store_for(there.channel.id, "open")(
            Outgoing(raw, b"\x07" * 32, ACCOUNT, 5, calls.Call(ACCOUNT, b""), 21_000, 1)
        )
        chain.outbox.mark(b"\x07" * 32, "mined")
        sent = []

        async def receipt(_: bytes) -> None:
            return None

        async def nonce(*_: object) -> int:
            return 5

        async def send_raw(raw: bytes) -> None:
            sent.append(raw)

        for name, answer in (("receipt", receipt), ("nonce", nonce), ("send_raw", send_raw)):
            monkeypatch.setattr(chain._rpc, name, answer)
        node.status = Status.OPEN
        await chain.refresh()
        node.status, node.time = Status.NONE, LAPSED
        for _ in range(3):
            await chain.refresh()
            assert there.channel.record.phase == Phase.OPENING.value
        assert sent == [raw]
        node.status = Status.OPEN
        await chain.refresh()
        assert there.channel.record.phase == Phase.OPEN.value

    run(tmp_path, monkeypatch, work, Phase.OPENING)


def test_a_transaction_is_offered_to_its_own_chain_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile's other chains count nonces of their own: theirs would call it replaced, and it would never leave."""

    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        here, other = (signed_for(chain.profile.chain_id + more) for more in (0, 1))
        for number, raw in enumerate((other, here)):
            chain.outbox.store_for(b"", "withdraw")(
                Outgoing(raw, bytes([number]) * 32, ACCOUNT, 5 + number, calls.Call(ACCOUNT, b""), 21_000, 1)
            )
        asked, sent = [], []

        async def receipt(digest: bytes) -> None:
            asked.append(digest)

        async def nonce(*_: object) -> int:
            return 6

        async def send_raw(raw: bytes) -> None:
            sent.append(raw)

        for name, answer in (("receipt", receipt), ("nonce", nonce), ("send_raw", send_raw)):
            monkeypatch.setattr(chain._rpc, name, answer)
        await chain.outbox.resend()
        assert sent == [here]
        assert asked == [b"\1" * 32]

    run(tmp_path, monkeypatch, work, Phase.OPEN)


def test_from_before_our_challenge_is_sent_nothing_more_is_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a crash: the bytes may be on their way."""

    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        node.status = Status.OPEN

        async def challenge(sender: Any, *_: object) -> None:
            assert there.channel.disputed
            assert chain.departures.pays_out(there.channel.id)
            sender._store(Outgoing(b"raw", b"\x07" * 32, ACCOUNT, 5, calls.Call(ACCOUNT, b""), 21_000, 1))
            raise WalletError("RPC_TIMEOUT", node="", method="", seconds=1)

        monkeypatch.setattr(chain.contract, "challenge", challenge)
        with pytest.raises(WalletError, match="RPC_TIMEOUT"):
            await chain.challenge(there.channel, _Nobody())
        await chain.refresh()
        assert there.channel.disputed
        with pytest.raises(WalletError, match="DISPUTED"):
            there.channel.propose(proposal(there, filled(there, there.buy)))
        there.channel.disputed = False
        again = ChainLink(profile_of(1), there.journal, there.link.channels.values, there.link.advance, lambda: None)
        assert there.channel.disputed
        await again._rpc.close()

    run(tmp_path, monkeypatch, work, Phase.OPEN)


def test_a_channel_that_is_over_is_looked_at_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        node.status = Status.SETTLED
        for _ in range(60):
            await chain.refresh()
        assert node.asked == 2
        node.status = Status.OPEN
        for _ in range(30):
            await chain.refresh()
        assert there.channel.record.phase == Phase.OPEN.value

    run(tmp_path, monkeypatch, work, Phase.WITHDRAWN)


def test_an_opening_between_two_questions_is_not_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block with the opening comes, and then one after openBefore, between the node's two answers."""

    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        there.channel.terms = replace(there.channel.terms, open_before=int(time.time()) + 600)
        node.time = int(time.time())
        asked = node._channel

        async def channel(channel_id: bytes) -> OnChain:
            found = await asked(channel_id)
            node.status, node.time = Status.OPEN, LAPSED
            return found

        monkeypatch.setattr(chain.contract, "channel", channel)
        await chain.refresh()
        assert there.channel.record.phase == Phase.OPENING.value
        await chain.refresh()
        assert there.channel.record.phase == Phase.OPEN.value

    run(tmp_path, monkeypatch, work, Phase.OPENING)


def test_settling_pays_by_what_was_recorded_and_not_by_what_we_liked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker may settle by a void that he countersigned and kept back."""

    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        there.channel.echoed = None
        there.channel.propose(proposal(there, filled(there, there.buy)))
        void = there.channel.void.state
        assert void.transition is Transition.VOID
        node.status, node.increment = Status.DISPUTED, void.increment
        node.outcomes_hash = calls.outcomes_hash(void.outcomes)
        found = await chain.contract.channel(CHANNEL)
        assert await chain._recorded(there.channel, found) == void.outcomes
        # a state of ours that is not the recorded one is never paid by
        events: Sequence[Outcome] = (Outcome(void.outcomes[0].asset, 0, 1), void.outcomes[1])

        async def recorded(*_: object) -> Sequence[Outcome]:
            return events

        monkeypatch.setattr(chain.contract, "recorded_outcomes", recorded)
        node.outcomes_hash = b"\x01" * 32
        node.increment = 2**64 - 1  # more than the database can count to
        assert await chain._recorded(there.channel, await chain.contract.channel(CHANNEL)) == events

    run(tmp_path, monkeypatch, work, Phase.OPEN)


def test_a_dispute_that_runs_is_not_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        node.status, node.time = Status.DISPUTED, 1
        with pytest.raises(WalletError, match="DISPUTE_RUNS"):
            await chain.settle(there.channel, _Nobody())

    run(tmp_path, monkeypatch, work, Phase.DISPUTED)


class _Nobody:
    """A signer that must not be asked."""

    address = ACCOUNT

    def sign_transaction(self, transaction: object) -> bytes:
        raise AssertionError("nothing may be signed")


def test_what_was_sent_is_waited_for_and_not_sent_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        digest, raw = b"\x07" * 32, b"\x08" * 100
        there.journal.store.execute(
            "INSERT INTO transactions VALUES (?, ?, 'open', ?, 5, ?, 'signed', 0)", (digest, CHANNEL, raw, ACCOUNT)
        )
        again: list[bytes] = []

        async def receipt(_: bytes) -> object:
            return object() if again else None

        async def send_raw(data: bytes) -> bytes:
            again.append(data)
            node.status = Status.OPEN
            return digest

        async def nonce(*_: object) -> int:
            return 5

        async def nothing(*_: object) -> int:
            return 0

        monkeypatch.setattr(chain._rpc, "receipt", receipt)
        monkeypatch.setattr(chain._rpc, "send_raw", send_raw)
        monkeypatch.setattr(chain._rpc, "nonce", nonce)
        await chain.open(there.channel, _Nobody())
        assert again == [raw]
        assert there.journal.store.rows("SELECT status FROM transactions") == [("mined",)]
        assert there.channel.record.phase == Phase.OPEN.value

    run(tmp_path, monkeypatch, work, Phase.OPENING)


def test_the_same_bytes_are_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing is deterministic: who tries again where nothing has changed makes the same transaction."""

    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        outgoing = Outgoing(b"\x08" * 100, b"\x07" * 32, ACCOUNT, 5, calls.Call(ACCOUNT, b""), 21_000, 1)
        for _ in range(2):
            chain.sender(_Nobody(), "withdraw")._store(outgoing)
        assert there.journal.store.rows("SELECT hash FROM transactions") == [(outgoing.hash,)]

    run(tmp_path, monkeypatch, work, Phase.OPEN)


@pytest.mark.parametrize("answer", [None, {}, ["0xzz"], ["x" * 10**6], [5], ["0x12"] * 3, ["0x" + "00" * 32] * 17])
def test_a_faucet_that_talks_nonsense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        async def request(*_: object) -> Any:
            return answer

        monkeypatch.setattr(chain._rpc, "request", request)
        with pytest.raises(WalletError):
            await chain.faucet(ACCOUNT)

    run(tmp_path, monkeypatch, work, Phase.OPEN)


def test_a_mistake_that_a_node_finds_does_not_end_the_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        looks = 0

        async def refresh() -> None:
            nonlocal looks
            looks += 1
            if looks == 1:
                raise KeyError("a mistake")

        monkeypatch.setattr(chain, "refresh", refresh)
        monkeypatch.setattr("wallet.session.settlement.POLL", 0.01)
        task = asyncio.create_task(chain.run())
        await asyncio.sleep(0.2)
        assert looks > 1
        assert chain.problem is not None
        assert chain.problem.code == "TASK_DIED"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(tmp_path, monkeypatch, work, Phase.OPEN)


def test_another_chain_or_contract_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(there: Ground, chain: ChainLink, node: Node) -> None:
        chain._checked = False
        told = 1

        async def chain_id() -> int:
            return told

        async def code(_: bytes) -> bytes:
            return b"\x60"

        monkeypatch.setattr(chain._rpc, "chain_id", chain_id)
        monkeypatch.setattr(chain._rpc, "code", code)
        with pytest.raises(WalletError, match="CHAIN_WRONG_ID"):
            await chain.refresh()
        told = 31337
        with pytest.raises(WalletError, match="CHAIN_WRONG_CODE"):
            await chain.refresh()
        assert not chain.online
        assert not chain._ready.is_set()

    run(tmp_path, monkeypatch, work, Phase.OPEN)
