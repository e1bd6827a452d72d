"""The one table of what can be asked and told: method, direction, params, result, price."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from wallet.protocol.codec import Json
from wallet.wire import market_messages as market
from wallet.wire import messages
from wallet.wire.forms import Message
from wallet.wire.frames import Frame
from wallet.wire.peer import Peer

P = TypeVar("P", bound=Message)
R = TypeVar("R", bound=Message)


class Direction(Enum):
    """Who asks whom."""

    TO_BROKER = "trader → broker"
    TO_TRADER = "broker → trader"
    BOTH = "both ways"


@dataclass(frozen=True, slots=True)
class Method(Generic[P, R]):
    """A request. ``cost`` is what it takes from the asker's allowance, in units of :class:`wallet.wire.limits.Limits`.

    Cancels cost little: whoever is in a hurry to take an order back must never wait.
    """

    name: str
    direction: Direction
    params: type[P]
    result: type[R]
    cost: float = 1.0


@dataclass(frozen=True, slots=True)
class News(Generic[P]):
    """A notification: market data, from the broker."""

    name: str
    params: type[P]


_UP, _DOWN, _BOTH = Direction.TO_BROKER, Direction.TO_TRADER, Direction.BOTH

HELLO = Method("hello", _UP, messages.Hello, messages.HelloResult, cost=5)
AUTH = Method("auth", _UP, messages.Proof, messages.Welcome, cost=5)
OFFER = Method("offer", _UP, messages.OfferRequest, messages.Offer, cost=5)
SETUP = Method("setup", _UP, messages.Setup, messages.Done, cost=5)
ORDER = Method("order", _UP, messages.PlaceOrder, messages.Placed)
CANCEL = Method("cancel", _UP, messages.CancelOrder, messages.Cancelled, cost=0.1)
FINALIZE = Method("finalize", _UP, messages.Finalize, messages.Done)
TURN = Method("turn", _BOTH, messages.AskTurn, messages.Done, cost=0.1)
HEARTBEAT = Method("heartbeat", _UP, messages.Beat, messages.BeatEcho, cost=0.1)
RESUME = Method("resume", _UP, messages.Standing, messages.StandingResult)
STATES = Method("states", _UP, messages.StatesRequest, messages.States, cost=20)
ACK = Method("ack", _BOTH, messages.Ack, messages.Done)
# both ways too: where trader and broker share the initiative, either issues states
PROPOSE = Method("propose", _BOTH, messages.Propose, messages.ProposeAnswer)
INSTRUMENTS = Method("instruments", _UP, market.InstrumentsRequest, market.Instruments)
SUBSCRIBE = Method("subscribe", _UP, market.Subscribe, market.Subscribed, cost=5)
UNSUBSCRIBE = Method("unsubscribe", _UP, market.Unsubscribe, messages.Done)
CANDLES = Method("candles", _UP, market.CandlesRequest, market.Candles, cost=10)

METHODS: dict[str, Method[Any, Any]] = {
    method.name: method
    for method in (
        HELLO,
        AUTH,
        OFFER,
        SETUP,
        ORDER,
        CANCEL,
        FINALIZE,
        TURN,
        HEARTBEAT,
        RESUME,
        STATES,
        ACK,
        PROPOSE,
        INSTRUMENTS,
        SUBSCRIBE,
        UNSUBSCRIBE,
        CANDLES,
    )
}

DEPTH = News("depth", market.Depth)
TRADE = News("trade", market.Trades)
MARKET_BEAT = News("heartbeat", market.MarketBeat)

NEWS: dict[str, News[Any]] = {news.name: news for news in (DEPTH, TRADE, MARKET_BEAT)}

COSTS: dict[str, float] = {method.name: method.cost for method in METHODS.values()}


async def ask(peer: Peer, method: Method[P, R], params: P, within: float) -> R:
    """Call ``method``; errors as :meth:`Peer.call`, and WalletError("WIR-FORM") for a result of a wrong form."""
    return method.result.read(await peer.call(method.name, params.show(), within))


def answer(peer: Peer, method: Method[P, R], handler: Callable[[P, Frame], Awaitable[R]]) -> None:
    """Let ``handler`` answer ``method``; params of a wrong form are refused before it is asked."""

    async def handle(params: dict[str, Json], frame: Frame) -> dict[str, Json]:
        ready = frame.message
        message = ready if isinstance(ready, method.params) else method.params.read(params)
        return (await handler(message, frame)).show()

    peer.handlers[method.name] = handle


def tell(peer: Peer, news: News[P], params: P) -> bool:
    """Notify; False as :meth:`Peer.notify`."""
    return peer.notify(news.name, params.show())


def hear(peer: Peer, news: News[P], callback: Callable[[P, Frame], None]) -> None:
    """Call ``callback`` for each notification of this kind; it must be quick. One of a wrong form ends the peer."""

    def handle(params: dict[str, Json], frame: Frame) -> None:
        callback(news.params.read(params), frame)

    peer.notices[news.name] = handle
