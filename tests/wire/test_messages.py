"""Every message of the wire: what is written is what is read, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.strategies import addresses, amounts, counters, orders, rows, states, terms, words
from tests.support.waiting import PATIENCE
from tests.wire.kit import pair, run
from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.state import Side
from wallet.protocol.terms import Role
from wallet.wire import frames, messages
from wallet.wire import market_messages as market
from wallet.wire.forms import Message
from wallet.wire.frames import Frame
from wallet.wire.methods import METHODS, NEWS, Direction, Method, answer, ask, hear, tell

signatures = st.binary(min_size=65, max_size=65)
signed_orders = st.builds(SignedOrder, words, orders, signatures)
pairs = st.tuples(addresses, addresses)
ppm = st.integers(0, 1_000_000)
symbols = st.text("ABCdef123/.-€", max_size=16)
levels = rows(st.builds(market.Level, amounts, amounts))
trades = rows(st.builds(market.Trade, counters, counters, st.sampled_from(Side), amounts, amounts))
checksums = st.integers(0, 2**32 - 1)
signed_states = st.builds(messages.SignedState, states, signatures)
proven_states = st.builds(
    messages.ProvenState,
    states,
    st.builds(messages.Signatures, st.none() | signatures, st.none() | signatures),
    rows(signed_orders, 2),
)
instruments = st.builds(
    market.Instrument,
    base=addresses,
    quote=addresses,
    symbol=symbols,
    base_symbol=symbols,
    quote_symbol=symbols,
    base_decimals=st.integers(0, 77),
    quote_decimals=st.integers(0, 77),
    unit=amounts,
    tick_size=amounts,
    lot_size=amounts,
    min_notional=amounts,
    maker_fee=ppm,
    taker_fee=ppm,
)
candles = st.builds(market.Candle, counters, amounts, amounts, amounts, amounts, amounts)
snapshots = st.builds(market.Snapshot, counters, levels, levels, checksums)

ANY: dict[type[Message], st.SearchStrategy[Any]] = {
    messages.Done: st.builds(messages.Done),
    messages.Hello: st.builds(messages.Hello, words, addresses, st.sampled_from(Role)),
    messages.HelloResult: st.builds(messages.HelloResult, words, addresses, signatures),
    messages.Proof: st.builds(messages.Proof, signatures),
    messages.Welcome: st.builds(messages.Welcome, counters, rows(words)),
    messages.OfferRequest: st.builds(
        messages.OfferRequest, addresses, addresses, rows(st.tuples(addresses, amounts)), st.none() | rows(pairs)
    ),
    messages.Offer: st.builds(messages.Offer, terms),
    messages.Setup: st.builds(messages.Setup, terms, signatures),
    messages.Finalize: st.builds(messages.Finalize, words, words, counters, signatures),
    messages.AskTurn: st.builds(messages.AskTurn, words, counters, signatures),
    messages.PlaceOrder: st.builds(messages.PlaceOrder, signed_orders),
    messages.Placed: st.builds(messages.Placed, words),
    messages.CancelOrder: st.builds(messages.CancelOrder, words, words, signatures),
    messages.Cancelled: st.builds(messages.Cancelled, signatures),
    messages.Beat: st.builds(messages.Beat, words, counters, words, counters, signatures),
    messages.BeatEcho: st.builds(messages.BeatEcho, words, counters, counters),
    messages.Standing: st.builds(messages.Standing, words, counters, words, signatures),
    messages.StandingResult: st.builds(messages.StandingResult, counters, words, signatures),
    messages.StatesRequest: st.builds(messages.StatesRequest, words, st.integers(-1, 2**53 - 1), st.integers(1, 100)),
    messages.States: st.builds(messages.States, rows(proven_states, 2)),
    messages.Propose: st.builds(messages.Propose, states, signatures, rows(signed_orders, 2)),
    messages.ProposeAnswer: st.one_of(
        st.builds(messages.ProposeAnswer, signatures, st.none()),
        st.builds(messages.ProposeAnswer, st.none(), signed_states, st.none(), st.none() | st.just("STALE-FILL")),
        st.builds(messages.ProposeAnswer, st.none(), st.none(), words),
    ),
    messages.Ack: st.builds(messages.Ack, words, counters, words, signatures),
    market.InstrumentsRequest: st.builds(market.InstrumentsRequest),
    market.Instruments: st.builds(market.Instruments, rows(instruments)),
    market.Subscribe: st.builds(market.Subscribe, pairs, st.integers(1, 1_000)),
    market.Subscribed: st.builds(market.Subscribed, snapshots, trades),
    market.Unsubscribe: st.builds(market.Unsubscribe, pairs),
    market.CandlesRequest: st.builds(
        market.CandlesRequest, pairs, st.sampled_from((1, 5, 60, 300, 900, 3_600)), st.integers(1, 1_000)
    ),
    market.Candles: st.builds(market.Candles, rows(candles)),
    market.Depth: st.builds(market.Depth, pairs, counters, counters, levels, levels, checksums),
    market.Trades: st.builds(market.Trades, pairs, trades),
    market.MarketBeat: st.builds(market.MarketBeat, pairs, counters, counters),
}


def test_every_message_of_the_table_is_tested_here() -> None:
    used = {kind for method in METHODS.values() for kind in (method.params, method.result)}
    assert used | {news.params for news in NEWS.values()} == set(ANY)


@pytest.mark.parametrize("kind", ANY, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_reading_undoes_showing_through_real_bytes(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(ANY[kind])
    raw = frames.dumps(message.show())
    assert kind.read(strictjson.loads(raw, max_bytes=2**20, max_depth=frames.MAX_DEPTH)) == message


MAY_MISS = {(messages.OfferRequest, "markets"), (messages.ProposeAnswer, "reason")}


@pytest.mark.parametrize("kind", ANY, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_missing_an_extra_and_a_null_key_are_refused(kind: type[Message], data: st.DataObject) -> None:
    shown = data.draw(ANY[kind]).show()
    with pytest.raises(WalletError, match="WIR-FORM"):
        kind.read({**shown, "more": 1})
    for bad in (None, [], "x", 1, [shown]):
        with pytest.raises(WalletError, match="WIR-FORM"):
            kind.read(bad)
    for key in shown:
        with pytest.raises(WalletError, match="WIR-FORM"):
            kind.read({**shown, key: None})
        if (kind, key) not in MAY_MISS and kind is not messages.Signatures:
            with pytest.raises(WalletError, match="WIR-FORM"):
                kind.read({other: value for other, value in shown.items() if other != key})


# --- every method over a real connection -------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
@settings(max_examples=8)  # a connection each; the forms themselves are searched above
@given(data=st.data())
def test_every_method_carries_its_params_and_result(method: Method[Any, Any], data: st.DataObject) -> None:
    params, result = data.draw(ANY[method.params]), data.draw(ANY[method.result])

    async def main() -> None:
        got: list[Message] = []

        async def handler(message: Message, frame: Frame) -> Message:
            got.append(message)
            assert method.params.read(strictjson.loads(frame.raw)["params"]) == message
            return result

        async with pair() as (client, broker):
            asked, asking = (client, broker) if method.direction is Direction.TO_TRADER else (broker, client)
            answer(asked, method, handler)
            assert await ask(asking, method, params, 5) == result
            assert got == [params]

    run(main())


@pytest.mark.parametrize("news", NEWS.values(), ids=NEWS.keys())
@settings(max_examples=8)
@given(data=st.data())
def test_every_notification_arrives(news: Any, data: st.DataObject) -> None:
    told = data.draw(st.lists(ANY[news.params], min_size=1, max_size=3))

    async def main() -> None:
        heard: list[Message] = []
        async with pair() as (client, broker):
            hear(client, news, lambda message, frame: heard.append(message))
            assert all(tell(broker, news, message) for message in told)
            await client.call(
                "echo", {}, PATIENCE
            )  # market data leaves after answers: the second answer proves it is out
            await client.call("echo", {}, PATIENCE)
            assert heard == told

    run(main())


# --- by example --------------------------------------------------------------------------------------------------

A, B = "0x" + "aa" * 20, "0x" + "bb" * 20


def test_the_keys_are_those_of_the_specification() -> None:
    depth = market.Depth((b"\xaa" * 20, b"\xbb" * 20), 4, 5, (market.Level(10, 0),), (), 7)
    assert depth.show() == {
        "market": [A, B],
        "prev_seq": 4,
        "seq": 5,
        "bids": [["10", "0"]],
        "asks": [],
        "checksum": 7,
    }
    trade = market.Trades((b"\xaa" * 20, b"\xbb" * 20), (market.Trade(1, 2, Side.SELL, 3, 4),))
    assert trade.show() == {"market": [A, B], "trades": [[1, 2, "sell", "3", "4"]]}
    finalize = messages.Finalize(b"\1" * 32, b"\2" * 32, 9, b"\3" * 65)
    assert set(finalize.show()) == {"channel", "lastDigest", "validUntil", "signature"}
    hello = messages.Hello(b"\1" * 32, b"\xaa" * 20, Role.TRADER)
    assert hello.show() == {"nonce": "0x" + "01" * 32, "account": A, "role": "trader"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (market.Subscribe, {"market": [A, B], "depth": 0}),
        (market.Subscribe, {"market": [A, B], "depth": 1_001}),
        (market.Subscribe, {"market": [A, B], "depth": "5"}),
        (market.Subscribe, {"market": [A, B], "depth": True}),
        (market.Subscribe, {"market": [A], "depth": 5}),
        (market.Subscribe, {"market": [A, A.upper()], "depth": 5}),
        (market.CandlesRequest, {"market": [A, B], "interval": 2, "limit": 5}),
        (market.CandlesRequest, {"market": [A, B], "interval": 60, "limit": 1_001}),
        (market.Trades, {"market": [A, B], "trades": [[1, 2, "hold", "3", "4"]]}),
        (market.Trades, {"market": [A, B], "trades": [[1, 2, "buy", 3, "4"]]}),
        (market.Trades, {"market": [A, B], "trades": [[1, 2, "buy", "3", "4"]] * 501}),
        (messages.StatesRequest, {"channel": "0x" + "00" * 32, "after": -2, "limit": 1}),
        (messages.StatesRequest, {"channel": "0x" + "00" * 32, "after": 0, "limit": 101}),
        (messages.Proof, {"signature": "0x" + "00" * 64}),
        (messages.Proof, {"signature": "0x" + "AB" * 65}),
        (messages.Proof, {"signature": "00" * 65}),
        (messages.ProposeAnswer, {}),
        (messages.OfferRequest, {"trader": A, "traderSigner": B, "assets": [[A, "1"]] * 17}),
        (messages.OfferRequest, {"trader": A, "traderSigner": B, "assets": [[A, "01"]]}),
    ],
)
def test_values_out_of_bounds_are_refused(kind: type[Message], value: object) -> None:
    with pytest.raises(WalletError, match="WIR-FORM"):
        kind.read(value)


@given(states, states, signatures)
def test_a_proposal_for_one_channel_is_none_for_another(one: Any, other: Any, signature: bytes) -> None:
    shown = messages.Propose(one, signature, ()).show()
    if one.channel != other.channel:
        with pytest.raises(WalletError, match="WIR-FORM"):
            messages.Propose.read({**shown, "channel": "0x" + other.channel.hex()})


@given(signatures, signed_states)
def test_a_proposal_has_one_answer(signature: bytes, refuse: messages.SignedState) -> None:
    with pytest.raises(WalletError, match="WIR-FORM"):
        messages.ProposeAnswer(signature, refuse)
    with pytest.raises(WalletError, match="WIR-FORM"):
        messages.ProposeAnswer(None, None)
    with pytest.raises(WalletError, match="WIR-FORM"):
        messages.ProposeAnswer(signature, None, bytes(32))
    with pytest.raises(WalletError, match="WIR-FORM"):
        messages.ProposeAnswer(signature, None, reason="STALE-FILL")


def test_a_symbol_arrives_plain() -> None:
    symbol = "E\u202eTH<b>"
    cells: dict[str, Any] = dict.fromkeys(("unit", "tickSize", "lotSize", "minNotional"), "1")
    cells |= dict.fromkeys(("baseDecimals", "quoteDecimals", "makerFee", "takerFee"), 1)
    cells |= {"base": A, "quote": B, "symbol": symbol, "baseSymbol": "", "quoteSymbol": ""}
    assert market.Instrument.read(cells).symbol == "E\\u202eTH<b>"
    with pytest.raises(WalletError, match="WIR-FORM"):
        market.Instrument.read({**cells, "symbol": "x" * 33})
