"""A broker that lies, on a real socket: it shows any state it is handed, validly signed, and keeps what it is answered.

It imports codecs, signing and the wire, never the rules: what is a lie stands in the tests as literal rows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from coincurve import PrivateKey

from tests.support.waiting import PATIENCE
from wallet.protocol import codec
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import CancelReceipt, Heartbeat, Resume
from wallet.protocol.signatures import address_of, recover_signer, sign
from wallet.protocol.typed import TypedDigest
from wallet.wire import messages, methods
from wallet.wire.auth import Gate, Identity, Nonces
from wallet.wire.frames import Frame
from wallet.wire.messages import Propose
from wallet.wire.peer import Peer
from wallet.wire.server import Server, serve


async def nothing() -> None:
    """He does nothing more."""


class KeyOf:
    """A signer from a raw key."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.address = address_of(key.public_key)

    def sign(self, typed: TypedDigest) -> bytes:
        return sign(self.key, typed)


@dataclass
class LyingBroker:
    """Answers what a wallet asks, and proposes what a test hands it."""

    domain: Domain
    signer: KeyOf
    highest: tuple[int, bytes] = (0, bytes(32))
    answers: list[dict[str, Any]] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    orders: list[messages.PlaceOrder] = field(default_factory=list)
    cancels: list[messages.CancelOrder] = field(default_factory=list)
    finalizes: list[messages.Finalize] = field(default_factory=list)
    pages: list[messages.ProvenState] = field(default_factory=list)  # what `states` gives back
    asked: int = 0  # how often
    before_states: Callable[[], Awaitable[None]] = nothing  # what he does before he answers them
    no: WalletError | None = None  # what `order` and `finalize` are answered, if not well
    echo: bool = True

    async def __aenter__(self) -> LyingBroker:
        self._server: Server = await serve("127.0.0.1", 0, self._on_peer)
        self.port = self._server.port
        self.host = f"127.0.0.1:{self.port}"
        self.joined = asyncio.Event()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.close()

    def _on_peer(self, peer: Peer) -> None:
        self.peers.append(peer)
        identity = Identity(self.domain, self.signer, frozenset({self.host}))
        self.gate = Gate(peer, identity, lambda _: (), lambda: int(time.time()))
        methods.answer(peer, methods.RESUME, self._resume)
        methods.answer(peer, methods.HEARTBEAT, self._heartbeat)
        methods.answer(peer, methods.ORDER, self._order)
        methods.answer(peer, methods.CANCEL, self._cancel)
        methods.answer(peer, methods.FINALIZE, self._finalize)
        methods.answer(peer, methods.STATES, self._states)

    async def _resume(self, asked: messages.Standing, frame: Frame) -> messages.StandingResult:
        nonces = self._nonces(asked)
        number, digest = self.highest
        mine = Resume(asked.channel, number, digest, nonces.nonce, nonces.peer_nonce)
        return messages.StandingResult(number, digest, self.signer.sign(self.domain.digest(mine)))

    def _nonces(self, asked: messages.Standing) -> Nonces:
        """Of the account that signed the request."""
        for account, nonces in self.gate.accounts.items():
            his = Resume(asked.channel, asked.increment, asked.digest, nonces.peer_nonce, nonces.nonce)
            if recover_signer(self.domain.digest(his), asked.signature) == account:
                return nonces
        raise AssertionError("signed by nobody on this connection")

    async def _heartbeat(self, beat: messages.Beat, frame: Frame) -> messages.BeatEcho:
        struct = Heartbeat(beat.channel, beat.increment, beat.digest, beat.time)
        self.joined.set()
        digest = self.domain.digest(struct).digest if self.echo else bytes(32)
        return messages.BeatEcho(digest, beat.increment, int(time.time()))

    async def _order(self, order: messages.PlaceOrder, frame: Frame) -> messages.Placed:
        self.orders.append(order)
        if self.no is not None:
            raise self.no
        return messages.Placed(order.intent.id)

    async def _states(self, asked: messages.StatesRequest, frame: Frame) -> messages.States:
        self.asked += 1
        await self.before_states()
        rows = [row for row in self.pages if row.state.increment > asked.after]
        return messages.States(tuple(rows[: asked.limit]))

    async def _cancel(self, cancel: messages.CancelOrder, frame: Frame) -> messages.Cancelled:
        self.cancels.append(cancel)
        receipt = CancelReceipt(cancel.channel, cancel.order)
        return messages.Cancelled(self.signer.sign(self.domain.digest(receipt)))

    async def _finalize(self, request: messages.Finalize, frame: Frame) -> messages.Done:
        self.finalizes.append(request)
        if self.no is not None:
            raise self.no
        return messages.Done()

    async def show(
        self, envelope: dict[str, Any], array: list[Any], *, signature: bytes | None = None
    ) -> dict[str, Any]:
        """Proposes a state given as its envelope and the seed's array; {"ack"} or {"refuse"} or {"error": code}."""
        state = codec.read_state(envelope, array)
        signed = signature or self.signer.sign(self.domain.digest(state))
        await asyncio.wait_for(self.joined.wait(), PATIENCE)
        try:
            result = await self.peers[-1].call("propose", Propose(state, signed, ()).show(), PATIENCE)
        except WalletError as error:
            result = {"error": error.code, "params": error.params}
        self.answers.append(result)
        return result
