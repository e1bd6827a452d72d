"""The ground of the lies of the cooperative flow: an open channel, its wallet connected to a broker who lies.

State 0 is the setup, 1 the trader's opening of a buy of 1 ETH at 2,000, 2 his yield.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.session.ground import DOMAIN, LIAR, SESSION, TERMS, Keys, profile_of
from tests.session.liar import LyingBroker
from tests.support.game import CONTRACT, ETH, USDT
from tests.support.waiting import PATIENCE
from wallet.history.journal import ChannelRecord, Journal
from wallet.history.seat import Seat
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order, SignedOrder, TimeInForce, TurnRequest
from wallet.protocol.state import Side, State, Transition, setup_state
from wallet.protocol.terms import Initiative, Role
from wallet.protocol.transitions import cancel_order, contents_of, create_order, successor
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.link import BrokerLink
from wallet.session.phases import Phase
from wallet.wire import messages, methods
from wallet.wire.frames import Frame
from wallet.wire.peer import Peer

PARTNER_TERMS = replace(TERMS, initiative=Initiative.COOPERATIVE, answer_time=60, yield_interval=0)
CHANNEL = DOMAIN.digest(PARTNER_TERMS).digest
HIS = Seat(DOMAIN, PARTNER_TERMS, Role.BROKER, LIAR)
OURS = Seat(DOMAIN, PARTNER_TERMS, Role.TRADER, SESSION)
Reply = Callable[[messages.Propose], messages.ProposeAnswer | None]


def honest(message: messages.Propose) -> messages.ProposeAnswer:
    """The ACK."""
    return messages.ProposeAnswer(ack=LIAR.sign(DOMAIN.digest(message.state)))


def signed_order(nonce: int, price: int, tif: TimeInForce = TimeInForce.GOOD_TILL_TIME) -> SignedOrder:
    now = int(time.time())
    order = Order(CHANNEL, nonce, ETH, USDT, Side.BUY, price, 10**18, tif, now + 10, now + 3600)
    typed = DOMAIN.digest(order)
    return SignedOrder(typed.digest, order, SESSION.sign(typed))


@dataclass
class LyingPartner(LyingBroker):
    """Answers what the wallet issues as ``reply`` says (None: never), and keeps what it said."""

    reply: Reply = honest
    proposed: list[messages.Propose] = field(default_factory=list)
    acks: list[messages.Ack] = field(default_factory=list)
    turns: list[messages.AskTurn] = field(default_factory=list)

    def _on_peer(self, peer: Peer) -> None:
        super()._on_peer(peer)
        ended = asyncio.Event()
        peer.at_end(ended.set)

        async def propose(message: messages.Propose, _: Frame) -> messages.ProposeAnswer:
            self.proposed.append(message)
            answer = self.reply(message)
            if answer is None:
                await ended.wait()
                raise WalletError("BUSY")
            return answer

        methods.answer(peer, methods.PROPOSE, propose)
        methods.answer(peer, methods.ACK, self._ack)
        methods.answer(peer, methods.TURN, self._turn)

    async def _ack(self, message: messages.Ack, _: Frame) -> messages.Done:
        self.acks.append(message)
        return messages.Done()

    async def _turn(self, message: messages.AskTurn, _: Frame) -> messages.Done:
        self.turns.append(message)
        return messages.Done()

    async def propose(self, state: State) -> dict[str, Any]:
        """Shows a state, truly signed: the answer, or {"error": code, "rule": code}."""
        await asyncio.wait_for(self.joined.wait(), PATIENCE)
        message = messages.Propose(state, LIAR.sign(DOMAIN.digest(state)), ())
        try:
            return await self.peers[-1].call("propose", message.show(), PATIENCE)
        except WalletError as error:
            return {"error": error.code, "rule": error.params.get("rule", "")}

    async def ask_turn(self, increment: int) -> None:
        signature = LIAR.sign(DOMAIN.digest(TurnRequest(CHANNEL, increment)))
        await methods.ask(self.peers[-1], methods.TURN, messages.AskTurn(CHANNEL, increment, signature), PATIENCE)


@dataclass
class Table:
    """What a test stands on."""

    liar: LyingPartner
    link: BrokerLink
    journal: Journal
    buy: SignedOrder

    @property
    def channel(self) -> TraderChannel:
        return self.link.channels[CHANNEL]

    @property
    def last(self) -> State:
        assert self.channel.last is not None
        return self.channel.last.state

    def next(self, transition: Transition, **changes: Any) -> State:
        """What may follow our last state, but for ``changes``."""
        assert self.channel.last is not None
        last, contents = self.channel.last, contents_of(self.last)
        if transition is Transition.CANCEL_ORDER:
            contents = cancel_order(PARTNER_TERMS, contents, self.buy.id)
        turn = last.state.turn.other if transition is Transition.YIELD else None
        number = last.state.increment + 1
        state = successor(last.state, last.digest, number, transition, contents, int(time.time()), turn=turn)
        return replace(state, **changes)

    def flags(self) -> list[str]:
        return [row.flag.code for row in self.journal.flags(CHANNEL)]


def states(upto: int, buy: SignedOrder) -> list[State]:
    """The first states, each validated by both."""
    now = int(time.time())
    found = [setup_state(PARTNER_TERMS, CHANNEL, now)]
    steps = (Transition.CREATE_ORDER, Transition.YIELD)
    for transition in steps[:upto]:
        last = found[-1]
        contents = contents_of(last)
        if transition is Transition.CREATE_ORDER:
            contents = create_order(PARTNER_TERMS, contents, buy.id, buy.order)
        turn = Role.BROKER if transition is Transition.YIELD else None
        digest = DOMAIN.digest(last).digest
        found.append(successor(last, digest, last.increment + 1, transition, contents, now, turn=turn))
    return found


def write(journal: Journal, upto: int) -> SignedOrder:
    """The history of a wallet that stands at state ``upto``."""
    record = ChannelRecord(CHANNEL, Role.TRADER, 31337, CONTRACT, PARTNER_TERMS, Phase.OPEN.value, 0)
    journal.add_channel(record)
    buy = signed_order(1, 2_000 * 10**6)
    if upto:
        journal.add_intent(buy, "open", 0)
    for state in states(upto, buy):
        issued = OURS.issue(state, 0)
        journal.record(HIS.acknowledge(issued))
    return buy


@asynccontextmanager
async def table(path: Path, upto: int, *, reply: Reply = honest, clock: Clock | None = None) -> AsyncIterator[Table]:
    """A wallet at state ``upto``, connected to the liar."""
    journal = Journal.open(path / "history.db")
    known = journal.channel(CHANNEL) is not None
    buy = signed_order(1, 2_000 * 10**6) if known else write(journal, upto)
    latest = journal.latest(CHANNEL)
    assert latest is not None
    async with LyingPartner(DOMAIN, LIAR, highest=(latest.state.increment, latest.digest)) as liar:
        liar.reply = reply
        link = BrokerLink(profile_of(liar.port), journal, Keys(), lambda: None, clock)
        task = asyncio.create_task(link.run())
        try:
            await link.online(PATIENCE)
            yield Table(liar, link, journal, buy)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            journal.close()
