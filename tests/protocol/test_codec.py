"""One JSON form for every value; anything else is WIR-FORM."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given

from tests.support import strategies
from tests.support.game import ETH, ONE, PRICE, USDT, Game
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.state import State
from wallet.protocol.terms import Terms


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(strategies.states)
def test_states_round_trip(state: State) -> None:
    header, array = through_json([codec.envelope(state), codec.state_array(state)])
    again = codec.read_state(header, array)
    assert again == state
    assert type(again.turn) is type(state.turn)
    assert (codec.envelope(again), codec.state_array(again)) == (header, array)


@given(strategies.terms)
def test_terms_round_trip(terms: Terms) -> None:
    assert codec.read_terms(through_json(codec.show_terms(terms))) == terms


@given(strategies.orders, strategies.words)
def test_orders_round_trip(order: Any, digest: bytes) -> None:
    assert codec.read_order(through_json(codec.show_order(order))) == order
    signed = SignedOrder(digest, order, bytes(65))
    assert codec.read_signed_order(through_json(codec.show_signed_order(signed))) == signed


def test_a_state_is_the_array_of_the_seed() -> None:
    game = Game()
    order_id = game.open()
    game.apply(game.trade(game.fill(order_id, ONE // 4, fee=10**14)))
    eth, usdt, wbtc = ("0x" + asset * 20 for asset in ("00", "11", "22"))
    assert codec.state_array(game.last) == [
        2,
        [
            [eth, "2249900000000000000", "0"],
            [usdt, "8000000000", "1500000000"],
            [wbtc, "0", "0"],
        ],
        [["0x" + order_id.hex(), eth, usdt, "buy", "2000000000", "1000000000000000000", "250000000000000000"]],
        [[eth, "0", "249900000000000000"], [usdt, "500000000", "0"], [wbtc, "0", "0"]],
    ]
    assert codec.envelope(game.last) == {
        "channel": "0x" + game.channel.hex(),
        "previous": "0x" + game.last.previous.hex(),
        "time": game.last.time,
        "turn": "broker",
        "transition": "trade",
        "orderNonce": 1,
        "fills": [["0x" + order_id.hex(), "2000000000", "250000000000000000", "100000000000000"]],
    }
    assert (ETH, USDT, PRICE) == (bytes(20), b"\x11" * 20, 2_000_000_000)


# --- malformed -----------------------------------------------------------------------------------------------------

AMOUNTS = (
    *("", "01", "+1", "-1", "-0", "1.0", "1e3", "1_000", " 1", "1\n", "0x1", "١", "１", str(2**256)),
    *(1, 0, 1.0, True, None, [], {}),
)
INTS = ("5", -1, 5.0, True, False, None, [], {}, 2**53, 2**64, 2**256, float("inf"))
ADDRESSES = (
    *("", "0x", "0X" + "00" * 20, "00" * 20, "0x" + "00" * 19, "0x" + "00" * 21, "0x" + "0" * 39),
    *("0x" + "AB" * 20, "0x" + "aB" * 20, " 0x" + "00" * 20, "0x" + "00" * 20 + "\n", "0x" + "0g" * 20),
    *("0x" + "\u0660\u0660" * 20, "vitalik.eth", 0, None, ["0x" + "00" * 20]),
)
WORDS = ("0x" + "00" * 31, "0x" + "00" * 33, "0x" + "AB" * 32, "00" * 32, None, 0, "0x" + "0" * 5000)
NAMES = ("", "Trade", "TRADE", "trade ", "tr\u0430de", "unknown", 2, True, None, ["trade"])
LISTS = (None, {}, "[]", 0, [[]] * (codec.MAX_ROWS + 1), ((),))


def state_json() -> list[Any]:
    game = Game()
    game.apply(game.trade(game.fill(game.open(), ONE // 4)))
    return through_json([codec.envelope(game.last), codec.state_array(game.last)])


def order_json() -> Any:
    return through_json(codec.show_signed_order(Game().intent()))


def terms_json() -> Any:
    return through_json(codec.show_terms(Game().terms))


READERS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "state": (state_json, lambda value: codec.read_state(*value)),
    "order": (order_json, codec.read_signed_order),
    "terms": (terms_json, codec.read_terms),
}

# reader, path to one value, what must not stand there
PLACES: tuple[tuple[str, tuple[Any, ...], tuple[Any, ...]], ...] = (
    ("state", (0,), (None, [], "{}", {})),
    ("state", (0, "channel"), WORDS),
    ("state", (0, "previous"), WORDS),
    ("state", (0, "time"), INTS),
    ("state", (0, "turn"), NAMES),
    ("state", (0, "transition"), NAMES),
    ("state", (0, "orderNonce"), INTS),
    ("state", (0, "fills"), LISTS),
    ("state", (0, "fills", 0), ([], {}, ["0x"] * 4, None)),
    ("state", (0, "fills", 0, 0), WORDS),
    *(("state", (0, "fills", 0, cell), AMOUNTS) for cell in (1, 2, 3)),
    ("state", (1,), (None, {}, [], [0, [], []], [0, [], [], [], []], [0, [], [], [["0x"]]])),
    ("state", (1, 0), INTS),
    ("state", (1, 1), LISTS),
    ("state", (1, 1, 0), ([], ["0x" + "00" * 20, "0"], ["0x" + "00" * 20, "0", "0", "0"])),
    ("state", (1, 1, 0, 0), ADDRESSES),
    ("state", (1, 1, 0, 1), AMOUNTS),
    ("state", (1, 1, 0, 2), AMOUNTS),
    ("state", (1, 2), LISTS),
    ("state", (1, 2, 0, 0), WORDS),
    ("state", (1, 2, 0, 1), ADDRESSES),
    ("state", (1, 2, 0, 2), ADDRESSES),
    ("state", (1, 2, 0, 3), ("Buy", "b", 0, 1, None)),
    *(("state", (1, 2, 0, cell), AMOUNTS) for cell in (4, 5, 6)),
    ("state", (1, 3), LISTS),
    ("state", (1, 3, 0, 0), ADDRESSES),
    ("state", (1, 3, 0, 1), AMOUNTS),
    ("state", (1, 3, 0, 2), AMOUNTS),
    ("order", (), (None, [], "order")),
    ("order", ("id",), WORDS),
    ("order", ("signature",), ("0x" + "00" * 64, "0x" + "00" * 66, None)),
    ("order", ("order",), (None, [], {})),
    ("order", ("order", "channel"), WORDS),
    ("order", ("order", "base"), ADDRESSES),
    ("order", ("order", "quote"), ADDRESSES),
    ("order", ("order", "side"), NAMES),
    ("order", ("order", "timeInForce"), (*NAMES, "good-till-time", 0)),
    *(("order", ("order", name), INTS) for name in ("orderNonce", "openBefore", "expiry")),
    *(("order", ("order", name), AMOUNTS) for name in ("price", "amount")),
    *(("terms", (name,), ADDRESSES) for name in ("trader", "traderSigner", "broker", "brokerSigner")),
    ("terms", ("nonce",), AMOUNTS),
    ("terms", ("initiative",), ("Broker", 0, None)),
    *(("terms", (name,), INTS) for name in ("openBefore", *codec.RULES)),
    ("terms", ("assets",), LISTS),
    ("terms", ("assets", 0, 0), ADDRESSES),
    *(("terms", ("assets", 0, cell), AMOUNTS) for cell in (1, 2)),
    ("terms", ("markets",), LISTS),
    *(("terms", ("markets", 0, cell), ADDRESSES) for cell in (0, 1)),
    *(("terms", ("markets", 0, cell), AMOUNTS) for cell in (2, 3, 4, 5, 6)),
)


def put(value: Any, path: tuple[Any, ...], bad: Any) -> Any:
    """A copy of ``value`` with ``bad`` at ``path``."""
    if not path:
        return bad
    copy = deepcopy(value)
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = bad
    return copy


@pytest.mark.parametrize(("name", "path", "bads"), PLACES, ids=[f"{row[0]}-{row[1]}" for row in PLACES])
def test_malformed_values(name: str, path: tuple[Any, ...], bads: tuple[Any, ...]) -> None:
    make, read = READERS[name]
    good = make()
    read(good)
    for bad in bads:
        with pytest.raises(WalletError) as caught:
            read(put(good, path, bad))
        assert caught.value.code == "WIR-FORM", bad
        assert set(caught.value.params) == {"what", "got"}
        assert len(str(caught.value.params["got"])) <= 80


@pytest.mark.parametrize(("name", "path"), [("state", (0,)), ("order", ()), ("order", ("order",)), ("terms", ())])
def test_no_key_more_no_key_less(name: str, path: tuple[Any, ...]) -> None:
    make, read = READERS[name]
    good = make()
    target = good
    for step in path:
        target = target[step]
    variants = [{**target, "extra": 1}, {**target, "Channel": "0x"}]
    variants += [{key: value for key, value in target.items() if key != gone} for gone in target]
    variants += [{(key.upper() if key == old else key): value for key, value in target.items()} for old in target]
    for variant in variants:
        with pytest.raises(WalletError) as caught:
            read(put(good, path, variant))
        assert caught.value.code == "WIR-FORM"


def test_elements_in_another_order() -> None:
    header, (increment, balances, orders, outcomes) = state_json()
    with pytest.raises(WalletError, match="WIR-FORM"):
        codec.read_state(header, [increment, balances, outcomes, orders])


def test_single_values() -> None:
    assert codec.read_hex("0x", None, "data") == b""
    assert codec.read_hex("0x00ff", None, "data") == b"\x00\xff"
    assert codec.read_int(7, "n", 7) == 7
    assert codec.read_text("é" * 200, "text") == "é" * 200
    assert codec.read_object({"a": 1, "b": 2}, "o", ("a",), ("b", "c")) == {"a": 1, "b": 2}
    for call in (
        lambda: codec.read_int(8, "n", 7),
        lambda: codec.read_text("x" * 201, "text"),
        lambda: codec.read_text(b"x", "text"),
        lambda: codec.read_object({"a": 1, "d": 2}, "o", ("a",), ("b",)),
    ):
        with pytest.raises(WalletError, match="WIR-FORM"):
            call()
