"""A broker with a chain in memory, and traders that play by the protocol over real sockets.

The trader checks every state by the wallet's own rules: a broker that issues what a wallet would flag fails the test.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from tests.support.game import ETH, ETH_USDT, USDT, WBTC, WBTC_USDT
from tests.support.waiting import PATIENCE
from wallet.broker.chain_watch import ChainView, Proof, Standing
from wallet.broker.config import BrokerConfig, MarketConfig, Policy, Token
from wallet.broker.server import Broker
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import (
    Cancel,
    CancelReceipt,
    FinalizeRequest,
    Heartbeat,
    Order,
    Resume,
    SignedOrder,
    TimeInForce,
)
from wallet.protocol.rules import Flag, Ground, check, check_setup
from wallet.protocol.signatures import address_of, require_signer, sign
from wallet.protocol.state import ZERO_DIGEST, Side, State, Transition
from wallet.protocol.terms import Market, Role, Terms
from wallet.protocol.transitions import contents_of, successor
from wallet.protocol.typed import TypedDigest
from wallet.wire import messages as wire
from wallet.wire import methods
from wallet.wire.auth import AuthResult, authenticate
from wallet.wire.client import connect
from wallet.wire.frames import Frame
from wallet.wire.methods import answer, ask
from wallet.wire.peer import Peer

DOMAIN = Domain(31337, b"\xad" * 20)
PRICE = 2_000 * 10**6
ONE = 10**18
WITHIN = PATIENCE


class Key:
    """A key as the broker and the wire want it."""

    def __init__(self, secret: bytes | None = None) -> None:
        self.key = PrivateKey(secret or secrets.token_bytes(32))
        self.address = address_of(self.key.public_key)

    def sign(self, typed: TypedDigest) -> bytes:
        return sign(self.key, typed)


BROKER_OWNER, BROKER_SIGNER = Key(b"\x01" * 32), Key(b"\x02" * 32)

TOKENS = (Token(ETH, "ETH", 18), Token(USDT, "USDT", 6), Token(WBTC, "WBTC", 8))
MARKETS = (
    MarketConfig(ETH_USDT, maker_fee=500, taker_fee=1_000, reference_price=PRICE),
    MarketConfig(WBTC_USDT, maker_fee=500, taker_fee=1_000, reference_price=60_000 * 10**6),
)


class MemoryChain:
    """A chain that believes what it is told."""

    def __init__(self) -> None:
        self.views: dict[bytes, ChainView] = {}
        self.balances: dict[bytes, int] = {ETH: 10**24, USDT: 10**15, WBTC: 10**13}
        self.challenges: list[Proof] = []
        self.responses: list[Proof] = []
        self.closed: list[Proof] = []
        self.settled: list[Proof] = []
        self.watched: set[bytes] = set()
        self._changed: Callable[[bytes, ChainView], None] = lambda _, __: None

    async def start(self, changed: Callable[[bytes, ChainView], None]) -> None:
        self._changed = changed

    async def stop(self) -> None:
        pass

    def watch(self, channel: bytes) -> None:
        self.watched.add(channel)

    def forget(self, channel: bytes) -> None:
        self.watched.discard(channel)

    async def refresh(self, channels: Iterable[bytes]) -> None:
        for channel in channels:
            if channel in self.views:
                self._changed(channel, self.views[channel])

    async def free(self, assets: Iterable[bytes]) -> Mapping[bytes, int]:
        return {asset: self.balances.get(asset, 0) for asset in assets}

    async def challenge(self, proof: Proof) -> None:
        self.challenges.append(proof)

    async def respond(self, proof: Proof) -> None:
        self.responses.append(proof)

    async def close(self, proof: Proof) -> None:
        self.closed.append(proof)

    async def settle(self, proof: Proof) -> None:
        self.settled.append(proof)

    def tell(self, channel: bytes, view: ChainView) -> None:
        self.views[channel] = view
        self._changed(channel, view)


def make_config(folder: Path, port: int = 0, **policy: Any) -> BrokerConfig:
    return BrokerConfig(
        folder=folder,
        name="Test broker",
        domain=DOMAIN,
        owner=BROKER_OWNER.address,
        signer=BROKER_SIGNER,
        tokens=TOKENS,
        markets=MARKETS,
        policy=Policy(**{"heartbeat": 10, "answer_time": 10, "minimum_collateral": ((WBTC, 10**8),), **policy}),
        port=port,
        test=True,
    )


@asynccontextmanager
async def running(
    folder: Path, chain: MemoryChain | None = None, port: int = 0, **policy: Any
) -> AsyncIterator[Broker]:
    broker = Broker(make_config(folder, port, **policy), chain or MemoryChain())
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@dataclass
class Trader:
    """One trader with one channel. ``decide`` says for each valid state: ack, refuse, hold or a code to decline."""

    url: str
    owner: Key = field(default_factory=Key)
    session: Key = field(default_factory=Key)
    decide: Callable[[State], str] = lambda _: "ack"
    terms: Terms | None = None
    channel: bytes = b""
    last: State | None = None
    last_digest: bytes = ZERO_DIGEST
    increment: int = 0
    states: list[State] = field(default_factory=list)
    proposals: list[wire.Propose] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    orders: dict[bytes, Order] = field(default_factory=dict)
    answers: dict[bytes, wire.ProposeAnswer] = field(default_factory=dict)
    void: State | None = None
    finalize_on: bytes | None = None
    nonce: int = 0
    peer: Peer | None = None
    beating: asyncio.Task[None] | None = None
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    auth: AuthResult | None = None

    # --- connection ---

    async def connect(self) -> None:
        self.peer = await connect(self.url)
        answer(self.peer, methods.PROPOSE, self._propose)
        answer(self.peer, methods.ACK, self._countersigned)
        self.auth = await self._authenticate(self.session)

    async def _authenticate(self, key: Key) -> AuthResult:
        assert self.peer is not None
        return await authenticate(self.peer, DOMAIN, key, key.address, BROKER_SIGNER.address, self.peer.host)

    async def disconnect(self) -> None:
        self.stop_beating()
        if self.peer is not None:
            await self.peer.close()

    async def ask(self, method: Any, params: Any, within: float = WITHIN) -> Any:
        assert self.peer is not None
        return await ask(self.peer, method, params, within)

    async def resume(self) -> wire.StandingResult:
        assert self.auth is not None
        increment, digest = (self.last.increment, self.last_digest) if self.last else (0, ZERO_DIGEST)
        own = Resume(self.channel, increment, digest, self.auth.nonce, self.auth.peer_nonce)
        found = await self.ask(
            methods.RESUME, wire.Standing(self.channel, increment, digest, self.session.sign(DOMAIN.digest(own)))
        )
        theirs = Resume(self.channel, found.increment, found.digest, self.auth.peer_nonce, self.auth.nonce)
        require_signer(DOMAIN.digest(theirs), found.signature, (BROKER_SIGNER.address,))
        return found

    async def reconnect(self) -> wire.StandingResult:
        await self.connect()
        found = await self.resume()
        with suppress(WalletError):
            await self.beat()
        self.start_beating()
        return found

    # --- setup ---

    async def offer(self, assets: Iterable[tuple[bytes, int]], markets: Any = None) -> Terms:
        request = wire.OfferRequest(self.owner.address, self.session.address, tuple(assets), markets)
        return (await self.ask(methods.OFFER, request)).terms

    async def setup(self, terms: Terms) -> None:
        self.terms = terms
        typed = DOMAIN.digest(terms)
        self.channel = typed.digest
        await self.ask(methods.SETUP, wire.Setup(terms, self.owner.sign(typed)))
        await self.until(lambda: self.last is not None)

    async def open(self, chain: MemoryChain, *assets: tuple[bytes, int]) -> Trader:
        """Connected, set up, open on chain, present."""
        await self.connect()
        await self.setup(await self.offer(assets or ((ETH, 10 * ONE), (USDT, 50_000 * 10**6))))
        chain.tell(self.channel, ChainView(Standing.OPEN))
        await self.beat()
        self.start_beating()
        return self

    # --- presence ---

    async def beat(self, *, at: int | None = None) -> wire.BeatEcho:
        assert self.last is not None
        beat = Heartbeat(self.channel, self.last.increment, self.last_digest, at or int(time.time()))
        typed = DOMAIN.digest(beat)
        params = wire.Beat(self.channel, beat.increment, beat.digest, beat.time, self.session.sign(typed))
        echo = await self.ask(methods.HEARTBEAT, params)
        assert echo.echo == typed.digest
        return echo

    def start_beating(self) -> None:
        async def work() -> None:
            while True:
                with suppress(Exception):
                    await self.beat()
                assert self.terms is not None
                await asyncio.sleep(self.terms.heartbeat / 2)

        self.beating = asyncio.get_running_loop().create_task(work())

    def stop_beating(self) -> None:
        if self.beating is not None:
            self.beating.cancel()

    # --- requests ---

    def sign_order(
        self,
        side: Side,
        price: int,
        amount: int,
        tif: TimeInForce = TimeInForce.GOOD_TILL_TIME,
        *,
        market: Market = ETH_USDT,
        **changes: Any,
    ) -> SignedOrder:
        self.nonce += 1
        now = int(time.time())
        fields = {
            "channel": self.channel,
            "order_nonce": self.nonce,
            "base": market.base,
            "quote": market.quote,
            "side": side,
            "price": price,
            "amount": amount,
            "time_in_force": tif,
            "open_before": now + 10,
            "expiry": now + 3600,
        }
        order = Order(**{**fields, **changes})
        typed = DOMAIN.digest(order)
        self.orders[typed.digest] = order
        return SignedOrder(typed.digest, order, self.session.sign(typed))

    async def place(self, signed: SignedOrder) -> bytes:
        assert (await self.ask(methods.ORDER, wire.PlaceOrder(signed))).id == signed.id
        return signed.id

    async def order(self, *parts: Any, **more: Any) -> bytes:
        return await self.place(self.sign_order(*parts, **more))

    async def cancel(self, order_id: bytes, within: float = WITHIN) -> bytes:
        signature = self.session.sign(DOMAIN.digest(Cancel(self.channel, order_id)))
        found = await self.ask(methods.CANCEL, wire.CancelOrder(self.channel, order_id, signature), within)
        receipt = DOMAIN.digest(CancelReceipt(self.channel, order_id))
        require_signer(receipt, found.signature, (BROKER_SIGNER.address,))
        return found.signature

    async def finalize(self) -> None:
        self.finalize_on = self.last_digest
        request = FinalizeRequest(self.channel, self.last_digest, int(time.time()) + 60)
        signature = self.session.sign(DOMAIN.digest(request))
        await self.ask(
            methods.FINALIZE, wire.Finalize(self.channel, request.last_digest, request.valid_until, signature)
        )

    # --- states ---

    async def _propose(self, message: wire.Propose, _: Frame) -> wire.ProposeAnswer:
        self.proposals.append(message)
        typed = DOMAIN.digest(message.state)
        require_signer(typed, message.signature, (BROKER_SIGNER.address,))
        if typed.digest in self.answers:
            return self.answers[typed.digest]
        flag = self._check(message)
        if flag is not None:
            self.flags.append(flag)
            raise methods_error("FLAGGED")
        verdict, peer = self.decide(message.state), self.peer
        while verdict == "hold":
            await asyncio.sleep(0.02)
            if peer is None or peer.closed:
                raise methods_error("HELD")
            verdict = self.decide(message.state)
        if typed.digest in self.answers:  # it was proposed again meanwhile: one answer, the same bytes
            return self.answers[typed.digest]
        if verdict not in ("ack", "refuse"):
            raise methods_error(verdict)
        found = self._ack(message.state, typed) if verdict == "ack" else self._refuse(message.state)
        self.answers[typed.digest] = found
        async with self.news:
            self.news.notify_all()
        return found

    def _check(self, message: wire.Propose) -> Flag | None:
        state = message.state
        assert self.terms is not None
        if state.transition is Transition.SETUP:
            return check_setup(self.terms, self.channel, state)
        assert self.last is not None
        for signed in message.intents:
            assert self.orders[signed.id] == signed.order
        ground = Ground(self.terms, self.last, self.last_digest, self.increment, self.orders, self.finalize_on)
        return check(ground, state, Role.BROKER)

    def _ack(self, state: State, typed: TypedDigest) -> wire.ProposeAnswer:
        signer = self.owner if state.transition is Transition.SETUP else self.session
        self._validated(state, typed.digest)
        return wire.ProposeAnswer(ack=signer.sign(typed), refuse=None)

    def _validated(self, state: State, digest: bytes) -> None:
        self.last, self.last_digest, self.increment = state, digest, state.increment + 1
        self.states.append(state)

    def _refuse(self, state: State) -> wire.ProposeAnswer:
        assert self.last is not None
        void = successor(
            self.last, self.last_digest, state.increment + 1, Transition.VOID, contents_of(self.last), int(time.time())
        )
        self.void = void
        typed = DOMAIN.digest(void)
        return wire.ProposeAnswer(ack=None, refuse=wire.SignedState(void, self.session.sign(typed)))

    async def _countersigned(self, message: wire.Ack, _: Frame) -> wire.Done:
        assert self.void is not None
        typed = DOMAIN.digest(self.void)
        assert message.digest == typed.digest
        require_signer(typed, message.signature, (BROKER_SIGNER.address,))
        if self.last_digest != typed.digest:
            self._validated(self.void, typed.digest)
        async with self.news:
            self.news.notify_all()
        return wire.Done()

    # --- looking ---

    async def until(self, seen: Callable[[], object], within: float = WITHIN) -> None:
        """Wait for something to become true after a state; TimeoutError if it does not."""
        async with asyncio.timeout(within):
            async with self.news:
                while not seen():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.news.wait(), 0.05)

    def has_open(self, order_id: bytes) -> bool:
        return self.last is not None and self.last.order(order_id) is not None

    def is_gone(self, order_id: bytes) -> bool:
        """It was open, and is no more."""
        return not self.has_open(order_id) and any(state.order(order_id) for state in self.states)

    def balance(self, asset: bytes) -> tuple[int, int]:
        assert self.last is not None
        row = next(row for row in self.last.balances if row.asset == asset)
        return row.available, row.locked

    def fills(self, order_id: bytes | None = None) -> list[tuple[int, int]]:
        return [
            (fill.price, fill.quantity)
            for state in self.states
            for fill in state.fills
            if order_id is None or fill.order == order_id
        ]

    def kinds(self) -> list[str]:
        return [state.transition.name for state in self.states]


def methods_error(code: str) -> Exception:
    return WalletError(code)


def restated(trader: Trader, **changes: Any) -> Trader:
    """The same trader as a new process: what he kept, and a new connection to make."""
    return replace(trader, peer=None, beating=None, auth=None, news=asyncio.Condition(), **changes)


def url_of(broker: Broker) -> str:
    return f"ws://127.0.0.1:{broker.port}"
