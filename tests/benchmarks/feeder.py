"""The broker's double of the benchmark, a process of its own: plays a recording of a session to the wallet.

It has nothing to compute while it is measured. On standard input: the number of states, of resting orders, the time
to write into them, how many may wait for their ACK at once, and how many a second at most (``pace``, may be missing);
on standard output one JSON line with its port, and one with the seconds it took for all and for each.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import msgspec

from tests.benchmarks.session import BROKER, CHANNEL, DOMAIN, TERMS, TRADER, Session, write_session
from tests.support.game import ADDRESSES
from wallet.protocol.intents import Heartbeat, Resume
from wallet.protocol.signatures import address_of, require_signer, sign
from wallet.protocol.terms import Role
from wallet.protocol.typed import TypedDigest
from wallet.wire import messages, methods
from wallet.wire.auth import Gate, Identity
from wallet.wire.frames import Frame
from wallet.wire.peer import Peer
from wallet.wire.server import serve


class Key:
    """The broker's signer."""

    address = ADDRESSES["broker signer"]

    def sign(self, typed: TypedDigest) -> bytes:
        return sign(BROKER, typed)


class Feeder:
    """One connection, one run."""

    def __init__(self, session: Session, resting: int) -> None:
        self.session = session
        self.resting = resting
        self.present = asyncio.Event()
        self.hosts: frozenset[str] = frozenset()
        self.peer: Peer | None = None

    def greet(self, peer: Peer) -> None:
        self.peer = peer
        self.gate = Gate(peer, Identity(DOMAIN, Key(), self.hosts), lambda _: (CHANNEL,), lambda: int(time.time()))
        methods.answer(peer, methods.RESUME, self._resume)
        methods.answer(peer, methods.HEARTBEAT, self._beat)

    async def _resume(self, asked: messages.Standing, frame: Frame) -> messages.StandingResult:
        nonces = next(iter(self.gate.accounts.values()))
        mine = Resume(CHANNEL, asked.increment, asked.digest, nonces.nonce, nonces.peer_nonce)
        return messages.StandingResult(asked.increment, asked.digest, Key().sign(DOMAIN.digest(mine)))

    async def _beat(self, beat: messages.Beat, frame: Frame) -> messages.BeatEcho:
        self.present.set()
        digest = DOMAIN.digest(Heartbeat(beat.channel, beat.increment, beat.digest, beat.time)).digest
        return messages.BeatEcho(digest, beat.increment, int(time.time()))

    async def run(self, ahead: int, pace: float = 0) -> tuple[float, list[float], list[bytes]]:
        """Seconds from the first measured proposal to the last ACK and of each from its proposal on, and all ACKs."""
        await asyncio.wait_for(self.present.wait(), 30)
        await asyncio.sleep(0.1)
        played = [await self._show(params) for params in self.session.proposals[: self.resting]]
        free = asyncio.Semaphore(ahead)

        async def show(params: bytes) -> tuple[bytes, float]:
            try:
                return await self._show(params)
            finally:
                free.release()

        tasks, start = [], time.perf_counter()
        for at, params in enumerate(self.session.proposals[self.resting :]):
            await free.acquire()
            if pace:
                await asyncio.sleep(max(0.0, start + at / pace - time.perf_counter()))
            tasks.append(asyncio.ensure_future(show(params)))
        measured = await asyncio.gather(*tasks)
        seconds = time.perf_counter() - start
        return seconds, [row[1] for row in measured], [row[0] for row in (*played, *measured)]

    async def _show(self, params: bytes) -> tuple[bytes, float]:
        assert self.peer is not None
        start = time.perf_counter()
        answer = await self.peer.call("propose", msgspec.Raw(params), 30)  # type: ignore[arg-type] # encodes alike
        return bytes.fromhex(answer["ack"][2:]), time.perf_counter() - start


async def main() -> None:
    wish = json.loads(sys.stdin.readline())
    session = write_session(wish["states"], wish["resting"], wish["now"])
    feeder = Feeder(session, wish["resting"])
    server = await serve("127.0.0.1", 0, feeder.greet)
    feeder.hosts = frozenset({f"127.0.0.1:{server.port}"})
    print(json.dumps({"port": server.port}), flush=True)
    seconds, each, acks = await feeder.run(wish["ahead"], wish.get("pace", 0))
    own = address_of(TRADER.public_key)
    assert own in TERMS.signers(Role.TRADER)
    for digest, ack in zip(session.digests, acks, strict=True):
        require_signer(TypedDigest("State", digest), ack, (own,))
    print(json.dumps({"states": len(acks) - wish["resting"], "seconds": seconds, "each": each}), flush=True)
    sys.stdin.readline()  # until the wallet has looked at its clocks
    await server.close()


if __name__ == "__main__":
    asyncio.run(main())
