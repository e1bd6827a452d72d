"""The OpenRPC document says what the wire does: names, directions, keys, forms, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.spec.generate import FOLDER
from tests.spec.schema import problem
from tests.wire.test_messages import ANY
from wallet.protocol.codec import show_enum
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side, Transition
from wallet.protocol.terms import Initiative, Role
from wallet.wire import frames
from wallet.wire.forms import Message
from wallet.wire.frames import Violation
from wallet.wire.methods import METHODS, NEWS, Direction

DOCUMENT: dict[str, Any] = json.loads((FOLDER / "openrpc.json").read_text(encoding="utf-8"))
SPOKEN = {row["name"]: row for row in DOCUMENT["methods"]}
TOLD = {row["name"]: row for row in DOCUMENT["x-notifications"]}
DIRECTIONS = {
    Direction.TO_BROKER: "trader-to-broker",
    Direction.TO_TRADER: "broker-to-trader",
    Direction.BOTH: "both",
}


def params_schema(row: Any) -> Any:
    return {
        "type": "object",
        "properties": {param["name"]: param["schema"] for param in row["params"]},
        "required": [param["name"] for param in row["params"] if param["required"]],
        "additionalProperties": False,
    }


FORMS: list[tuple[str, type[Message], Any]] = [
    *((f"{name} params", METHODS[name].params, params_schema(row)) for name, row in SPOKEN.items()),
    *((f"{name} result", METHODS[name].result, row["result"]["schema"]) for name, row in SPOKEN.items()),
    *((f"{name} notification", NEWS[name].params, params_schema(row)) for name, row in TOLD.items()),
]
EACH_FORM = pytest.mark.parametrize(("kind", "schema"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])


def test_every_method_with_its_direction_and_price() -> None:
    assert list(SPOKEN) == list(METHODS)
    for name, method in METHODS.items():
        assert SPOKEN[name]["x-direction"] == DIRECTIONS[method.direction], name
        assert SPOKEN[name]["x-cost"] == method.cost, name
    assert list(TOLD) == list(NEWS)
    assert DOCUMENT["openrpc"].startswith("1.")
    for row in (*SPOKEN.values(), *TOLD.values()):
        assert row["paramStructure"] == "by-name"
        assert row["summary"]


def parts(kind: type[Message]) -> tuple[set[str], set[str]]:
    fields = kind._parts
    return ({key for _, key, form in fields if not form.optional}, {key for _, key, form in fields if form.optional})


@EACH_FORM
def test_exactly_the_keys_of_the_message(kind: type[Message], schema: Any) -> None:
    if not kind._parts:
        return  # it reads itself, or is empty: the examples say the rest
    schemas = schema.get("oneOf", [schema])
    listed = {key for one in schemas for key in one["properties"]}
    needed = set.intersection(*(set(one["required"]) for one in schemas))
    assert parts(kind) == (needed, listed - needed)


@EACH_FORM
@settings(max_examples=20)
@given(data=st.data())
def test_what_is_sent_fits_and_what_is_bent_is_judged_alike(kind: type[Message], schema: Any, data: Any) -> None:
    shown = data.draw(ANY[kind]).show()
    assert problem(schema, shown, DOCUMENT) is None
    bent = data.draw(bends(shown))
    fits = problem(schema, bent, DOCUMENT) is None
    assert fits == reads(kind, bent), bent


def reads(kind: type[Message], value: Any) -> bool:
    try:
        kind.read(value)
    except WalletError as error:
        return {"WIR-FORM": False}[error.code]
    return True


STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**53,
    10**9,
    "",
    "0x",
    "01",
    "-1",
    "buy",
    "BUY",
    "0X" + "0" * 40,
    [],
    {},
    [[]],
    "x" * 300,
)


@st.composite
def bends(draw: Any, shown: Any) -> Any:
    """One place of the value changed: another kind of value, a key or an item more or less, capitals."""
    if isinstance(shown, dict) and shown and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(shown)))
        # the two channel ids of a proposal are for the prose to bind
        if not (key == "envelope" and "channel" in shown) and not (key == "channel" and "envelope" in shown):
            return {**shown, key: draw(bends(shown[key]))}
    if isinstance(shown, list) and shown and draw(st.integers(0, 3)):
        place = draw(st.integers(0, len(shown) - 1))
        return [*shown[:place], draw(bends(shown[place])), *shown[place + 1 :]]
    return draw(st.sampled_from([*_near(shown), *STRANGE]))


def _near(shown: Any) -> list[Any]:
    if isinstance(shown, dict):
        return [
            {**shown, "more": 1},
            *({k: v for k, v in shown.items() if k != key} for key in shown if key != "channel"),
        ]
    if isinstance(shown, list):
        return [shown[:-1], [*shown, 1], [*shown, *shown[-1:]]]
    if isinstance(shown, str):
        # that an amount is below 2^256 is for the prose, too: 78 digits may be either
        longer = [] if len(shown) >= 77 and shown.isdecimal() else [shown + "0"]
        return [shown.upper(), "0x" + shown[2:].upper(), shown[:-1], shown + "\n", "0" + shown, *longer]
    return [shown + 1, str(shown), float(shown)]


def test_names_are_those_of_the_program() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for kind, schema in (
        (Side, schemas["Side"]),
        (Initiative, schemas["Terms"]["properties"]["initiative"]),
        (TimeInForce, schemas["Order"]["properties"]["timeInForce"]),
        (Role, schemas["Envelope"]["properties"]["turn"]),
        (Transition, schemas["Envelope"]["properties"]["transition"]),
    ):
        assert schema["enum"] == [show_enum(member) for member in kind]


def test_errors_have_the_form_that_the_document_names() -> None:
    error = DOCUMENT["components"]["errors"]["Rejected"]
    sent = json.loads(frames.failure(1, WalletError("ORDER_LATE", openBefore=5, now=7, id=b"\1\2")))["error"]
    assert sent["code"] == error["code"] == frames.OWN_ERROR
    assert problem(error["data"], sent["data"], DOCUMENT) is None
    for data in ({"code": "x", "params": {}}, {"code": "X", "params": {"a": 1}}, {"code": "X"}):
        assert problem(error["data"], data, DOCUMENT)
        with pytest.raises(Violation):
            frames.parse(frames.dumps({"jsonrpc": "2.0", "id": 1, "error": {**sent, "data": data}}), 0.0)


def test_nothing_is_named_that_is_not_there_and_nothing_is_there_unnamed() -> None:
    text = json.dumps(DOCUMENT)
    for name in DOCUMENT["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, name
