"""A trader of the cooperative flow, by hand: it issues what a test tells it to, valid or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.broker.kit import BROKER_SIGNER, DOMAIN, ETH, ONE, PRICE, USDT, MemoryChain, Trader
from wallet.broker.chain_watch import ChainView, Standing
from wallet.protocol.intents import SignedOrder, TurnRequest
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import Side, State, Transition, setup_state
from wallet.protocol.terms import Role
from wallet.protocol.transitions import cancel_order, contents_of, create_order, successor
from wallet.wire import messages as wire
from wallet.wire import methods
from wallet.wire.frames import Frame
from wallet.wire.methods import answer


@dataclass
class Partner(Trader):
    """``asked``: requests for the turn that the broker made; ``promised``: his answers to a yield by a next state;
    ``follow``: makes the state with which a yield of the broker is answered, once."""

    asked: list[int] = field(default_factory=list)
    promised: list[bytes] = field(default_factory=list)
    issued: tuple[State, bytes] | None = None
    follow: Callable[[], State] | None = None
    following: asyncio.Task[wire.ProposeAnswer] | None = None

    async def connect(self) -> None:
        await super().connect()
        assert self.peer is not None
        answer(self.peer, methods.TURN, self._turn)

    async def _turn(self, message: wire.AskTurn, _: Frame) -> wire.Done:
        request = DOMAIN.digest(TurnRequest(self.channel, message.increment))
        require_signer(request, message.signature, (BROKER_SIGNER.address,))
        self.asked.append(message.increment)
        return wire.Done()

    async def _propose(self, message: wire.Propose, frame: Frame) -> wire.ProposeAnswer:
        if self.issued is not None and message.state.previous == self.issued[1]:
            self.imply(*self.issued)
        if message.state.transition is not Transition.YIELD or self.follow is None:
            return await super()._propose(message, frame)
        self.proposals.append(message)
        assert self._check(message) is None
        self._validated(message.state, DOMAIN.digest(message.state).digest)
        state, self.follow = self.follow(), None
        self.following = asyncio.get_running_loop().create_task(self.issue(state))
        return wire.ProposeAnswer(next=DOMAIN.digest(state).digest)

    async def setup(self, terms: Any) -> None:
        """The seed's Setup: proposed by the trader, with his owner's signature."""
        self.terms = terms
        self.channel = DOMAIN.digest(terms).digest
        state = setup_state(terms, self.channel, int(time.time()))
        typed = DOMAIN.digest(state)
        found = await self.ask(methods.PROPOSE, wire.Propose(state, self.owner.sign(typed), ()))
        require_signer(typed, found.ack, (BROKER_SIGNER.address,))
        self._validated(state, typed.digest)

    # --- issuing ---

    def make(self, transition: Transition, contents: Any = None, **changes: Any) -> State:
        """The next state, valid unless ``changes`` (fields of it) make it something else."""
        assert self.last is not None
        turn = Role.BROKER if transition is Transition.YIELD else None
        before = contents_of(self.last) if contents is None else contents
        now = int(time.time())
        state = successor(self.last, self.last_digest, self.increment, transition, before, now, turn=turn)
        return replace(state, **changes)

    def opening(self, signed: SignedOrder, **changes: Any) -> State:
        assert self.terms is not None
        assert self.last is not None
        after = create_order(self.terms, contents_of(self.last), signed.id, signed.order)
        return self.make(Transition.CREATE_ORDER, after, **changes)

    def cancelling(self, order: bytes) -> State:
        assert self.terms is not None
        assert self.last is not None
        return self.make(Transition.CANCEL_ORDER, cancel_order(self.terms, contents_of(self.last), order))

    async def issue(self, state: State, *intents: SignedOrder, key: Any = None) -> wire.ProposeAnswer:
        """Proposes it and takes the answer as an honest trader does; the broker's error is raised."""
        typed = DOMAIN.digest(state)
        signature = (key or self.session).sign(typed)
        self.issued = state, typed.digest
        found: wire.ProposeAnswer = await self.ask(methods.PROPOSE, wire.Propose(state, signature, tuple(intents)))
        if found.ack is not None:
            require_signer(typed, found.ack, (BROKER_SIGNER.address,))
            self.imply(state, typed.digest)
        elif found.next is not None:
            self.promised.append(found.next)
            self.imply(state, typed.digest)
        return found

    def imply(self, state: State, digest: bytes) -> None:
        """It is validated; not twice, where the state that follows was here before the answer."""
        if self.last_digest == state.previous:
            self._validated(state, digest)

    async def place_in_turn(self, side: Side, price: int = PRICE, amount: int = ONE, **more: Any) -> bytes:
        signed = self.sign_order(side, price, amount, **more)
        assert (await self.issue(self.opening(signed), signed)).ack is not None
        return signed.id

    async def pass_turn(self) -> wire.ProposeAnswer:
        return await self.issue(self.make(Transition.YIELD))

    async def countersign(self, void: wire.SignedState) -> None:
        """The issuer's answer to a Refuse: with it the channel goes on."""
        typed = DOMAIN.digest(void.state)
        require_signer(typed, void.signature, (BROKER_SIGNER.address,))
        message = wire.Ack(self.channel, void.state.increment, typed.digest, self.session.sign(typed))
        await self.ask(methods.ACK, message)
        self._validated(void.state, typed.digest)

    async def ask_turn(self, increment: int | None = None) -> None:
        number = self.last.increment if increment is None and self.last else increment or 0
        request = DOMAIN.digest(TurnRequest(self.channel, number))
        await self.ask(methods.TURN, wire.AskTurn(self.channel, number, self.session.sign(request)))

    @property
    def has_turn(self) -> bool:
        return self.last is not None and self.last.turn is Role.TRADER

    async def take_turn(self) -> None:
        await self.ask_turn()
        await self.until(lambda: self.has_turn)


async def opened(url: str, chain: MemoryChain, **more: Any) -> Partner:
    """Set up by himself, open on chain, present; the turn is his."""
    partner = Partner(url, **more)
    await partner.connect()
    await partner.setup(await partner.offer(((ETH, 10 * ONE), (USDT, 50_000 * 10**6))))
    chain.tell(partner.channel, ChainView(Standing.OPEN))
    await partner.beat()
    partner.start_beating()
    return partner


async def pause(seconds: float = 0.05) -> None:
    await asyncio.sleep(seconds)
