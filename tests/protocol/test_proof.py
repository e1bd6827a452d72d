"""Withdrawal proofs: checked with standard tools alone, and refused when anything in them is another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.support.game import ADDRESSES, CONTRACT, ETH, KEYS, ONE, USDT, WBTC, Game, cooperative, make_terms
from wallet.protocol import proof as proofs
from wallet.protocol import strictjson
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.proof import ProofCall, Successor, Validated, parse, verify
from wallet.protocol.signatures import sign
from wallet.protocol.state import Outcome, State, Transition, payouts
from wallet.protocol.terms import Role, Terms

CALL = ProofCall(CONTRACT, b"\x12\x34", "Start the challenge period", "the owner", "now")
BOTH = (Role.TRADER, Role.BROKER)


def built(game: Game, state: State, roles: tuple[Role, ...] = BOTH, successor: Successor | None = None) -> Any:
    signatures = {role: game.sign(role, state) for role in roles}
    made = proofs.build(
        game.terms, game.domain, state, signatures, successor, list(game.intents.values()), [CALL, CALL]
    )
    return strictjson.loads(json.dumps(made).encode())


def traded() -> Game:
    """A quarter bought, the rest resting, beside an intent that never opened."""
    game = Game()
    order = game.open()
    game.intent()
    game.apply(game.trade(game.fill(order, ONE // 4)))
    return game


def follower(game: Game, role: Role, state: State | None = None) -> Successor:
    """The last state's successor with one signature."""
    following = state or game.cancel(game.last.open_orders[0].id)
    return Successor(following, {role: game.sign(role, following)})


def checked(value: Any) -> Validated:
    return verify(parse(value))


def test_exactly_the_keys_of_the_design() -> None:
    game = traded()
    value = built(game, game.last)
    assert list(value) == [
        *("format", "version", "chainId", "adjudicator", "terms", "envelope", "state", "intents", "signatures"),
        *("successor", "typedData", "calls"),
    ]
    assert (value["format"], value["version"], value["chainId"]) == ("trading-channels/proof", 1, 31337)
    assert value["adjudicator"] == "0x" + CONTRACT.hex()
    assert set(value["signatures"]) == {"trader", "broker"}
    assert value["successor"] is None
    assert [row["id"] for row in value["intents"]] == [row[0] for row in value["state"][2]]
    assert (
        value["calls"]
        == [
            {
                "to": "0x" + CONTRACT.hex(),
                "data": "0x1234",
                "says": "Start the challenge period",
                "who": "the owner",
                "when": "now",
            }
        ]
        * 2
    )


def test_what_it_is_worth() -> None:
    game = traded()
    worth = checked(built(game, game.last))
    assert worth == Validated(
        channel=game.channel,
        digest=game.digest(game.last),
        state=game.last,
        final=False,
        implied=None,
        signers={Role.TRADER: ADDRESSES["trader signer"], Role.BROKER: ADDRESSES["broker signer"]},
        payouts=(
            (ETH, 2 * ONE + ONE // 4, 10 * ONE - ONE // 4),
            (USDT, 9_500_000_000, 20_500_000_000),
            (WBTC, 0, 10**8),
        ),
    )
    assert worth.payouts == payouts(game.terms, game.last)


def test_final_state() -> None:
    game = Game()
    assert checked(built(game, game.finalize())).final
    assert not checked(built(game, game.setup)).final


def test_owners_signatures_count() -> None:
    game = Game()
    typed = game.domain.digest(game.setup)
    signatures = {Role.TRADER: sign(KEYS["trader"], typed), Role.BROKER: sign(KEYS["broker"], typed)}
    made = proofs.build(game.terms, game.domain, game.setup, signatures, None, [], [])
    assert checked(made).signers == {Role.TRADER: ADDRESSES["trader"], Role.BROKER: ADDRESSES["broker"]}


@pytest.mark.parametrize("role", BOTH)
def test_one_signature_and_a_successor(role: Role) -> None:
    game = traded()
    value = built(game, game.last, (role.other,), follower(game, role))
    assert value["signatures"][role.name.lower()] is None
    worth = checked(value)
    assert worth.implied is role
    assert worth.state == game.last
    # with both signatures at hand the successor is left out
    assert built(game, game.last, BOTH, follower(game, role))["successor"] is None


def test_cooperative_yield_answered_by_a_state() -> None:
    game = cooperative()
    game.apply(game.hand_over())
    following = follower(game, Role.BROKER, game.hand_over())
    assert checked(built(game, game.last, (Role.TRADER,), following)).implied is Role.BROKER


# --- by standard tools alone -----------------------------------------------------------------------------------------


def signers_by_eth_account(value: Any) -> dict[str, str]:
    """Who signed, worked out from the file with eth-account and nothing of ours."""
    found = {}
    for part in (value, value["successor"]):
        if part is None:
            continue
        message = encode_typed_data(full_message=part["typedData"])
        for role, signature in part["signatures"].items():
            if signature is not None:
                found[role] = Account.recover_message(message, signature=signature).lower()
    return found


@pytest.mark.parametrize("implied", [None, *BOTH])
def test_verified_by_eth_account_alone(implied: Role | None) -> None:
    game = traded()
    if implied is None:
        value = built(game, game.last)
    else:
        value = built(game, game.last, (implied.other,), follower(game, implied))
    assert signers_by_eth_account(value) == {
        "trader": value["terms"]["traderSigner"],
        "broker": value["terms"]["brokerSigner"],
    }
    message = value["typedData"]["message"]
    assert message["channel"] == value["envelope"]["channel"]
    assert int(message["increment"]) == value["state"][0]
    assert [[row["asset"], row["toBroker"], row["toTrader"]] for row in message["outcomes"]] == value["state"][3]


# --- tampering -------------------------------------------------------------------------------------------------------


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every single value in a JSON tree, with its path."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


def another(value: Any) -> Any:
    """The next value of the same form: only its meaning is another."""
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int):
        return value + 1
    if value.startswith("0x"):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    if value.isdecimal():
        return str(int(value) + 1)
    swaps = {"buy": "sell", "broker": "trader", "trade": "cancel_order", "good_till_time": "post_only"}
    return swaps.get(value, value + "x")


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    copy = deepcopy(value)
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return copy


@pytest.mark.parametrize("with_successor", [False, True])
def test_any_field_tampered_with_fails(with_successor: bool) -> None:
    game = traded()
    following = follower(game, Role.BROKER)
    value = built(game, game.last, (Role.TRADER,), following) if with_successor else built(game, game.last)
    count = 0
    for path, leaf in leaves(value):
        if path[0] == "calls" and path[-1] != "to":
            continue  # words and calldata are for the reader; this program makes its own
        with pytest.raises(WalletError) as caught:
            checked(changed(value, path, another(leaf)))
        assert caught.value.code.startswith("PROOF_"), path
        count += 1
    assert count > 150


def test_tampering_with_state_and_typed_data_alike() -> None:
    """Consistent with itself, but nobody signed it."""
    game = traded()
    value = built(game, game.last)
    more = str(int(value["state"][3][0][2]) + 1)
    value["state"][3][0][2] = value["typedData"]["message"]["outcomes"][0]["toTrader"] = more
    assert refusal(value) == ("PROOF_SIGNATURE", "SIG-OTHER-KEY")


def refusal(value: Any) -> tuple[str, object]:
    with pytest.raises(WalletError) as caught:
        checked(value)
    return caught.value.code, caught.value.params.get("why")


@pytest.mark.parametrize(
    ("path", "bad", "code"),
    [
        (("format",), "trading-channels/broker", "PROOF_FORM"),
        (("version",), 2, "PROOF_VERSION"),
        (("version",), "1", "PROOF_VERSION"),
        (("version",), True, "PROOF_FORM"),
        (("chainId",), "31337", "PROOF_FORM"),
        (("adjudicator",), "0x" + "AD" * 20, "PROOF_FORM"),
        (("extra",), 1, "PROOF_FORM"),
        (("signatures", "owner"), None, "PROOF_FORM"),
        (("signatures", "trader"), "0x" + "00" * 64, "PROOF_FORM"),
        (("signatures", "trader"), "0x" + "00" * 65, "PROOF_SIGNATURE"),
        (("signatures", "trader"), None, "PROOF_SIGNATURE"),
        (("successor",), {}, "PROOF_FORM"),
        (("intents",), [], "PROOF_INTENTS"),
        (("typedData",), None, "PROOF_TYPED_DATA"),
        (("typedData", "types", "Extra"), [], "PROOF_TYPED_DATA"),
        (("typedData", "primaryType"), "Order", "PROOF_TYPED_DATA"),
        (("calls",), None, "PROOF_FORM"),
        (("calls", 0), {"to": "0x" + "ad" * 20}, "PROOF_FORM"),
        (("calls", 0, "data"), "0x0", "PROOF_FORM"),
        (("calls", 0, "says"), 1, "PROOF_FORM"),
        (("calls", 0, "says"), "x" * 501, "PROOF_FORM"),
        (("calls", 0, "to"), "0x" + "00" * 20, "PROOF_CALLS"),
        (("terms", "challengePeriod"), 0, "PROOF_TERMS"),
        (("terms", "nonce"), "2", "PROOF_CHANNEL"),
    ],
)
def test_refused_by_name(path: tuple[Any, ...], bad: Any, code: str) -> None:
    game = traded()
    assert refusal(changed(built(game, game.last), path, bad))[0] == code


@pytest.mark.parametrize("value", [None, [], "", 1, {}, {"format": "trading-channels/proof"}])
def test_no_proof_at_all(value: Any) -> None:
    assert refusal(value)[0] in {"PROOF_FORM", "PROOF_VERSION"}


def test_too_many_calls() -> None:
    game = traded()
    value = built(game, game.last)
    value["calls"] *= 50
    checked(value)
    value["calls"].append(value["calls"][0])
    assert refusal(value) == ("PROOF_CALLS", 101)


def test_large_calldata_is_taken() -> None:
    game = traded()
    value = built(game, game.last)
    value["calls"][0]["data"] = "0x" + "ab" * 64 * 1024
    checked(value)
    value["calls"][0]["data"] += "ab"
    assert refusal(value)[0] == "PROOF_FORM"


# --- what build refuses to give out ----------------------------------------------------------------------------------


def build_refused(game: Game, state: State, **parts: Any) -> tuple[str, object]:
    roles = parts.pop("roles", BOTH)
    fields: dict[str, Any] = {
        "terms": game.terms,
        "domain": game.domain,
        "signatures": {role: game.sign(role, state) for role in roles},
        "successor": None,
        "intents": list(game.intents.values()),
        "calls": [],
    }
    with pytest.raises(WalletError) as caught:
        proofs.build(state=state, **{**fields, **parts})
    return caught.value.code, caught.value.params.get("why")


@pytest.mark.parametrize("role", BOTH)
def test_both_on_setup_and_finalize_themselves(role: Role) -> None:
    """No successor can stand for a signature on the first or on the last state."""
    game = Game()
    for state in (game.setup, game.finalize()):
        following = replace(state, previous=game.digest(state), increment=9, transition=Transition.VOID)
        found = build_refused(game, state, roles=(role.other,), successor=follower(game, role, following))
        assert found == ("PROOF_SIGNATURE", "SIG-MISSING")


def test_a_successor_of_another_state() -> None:
    game = traded()
    lone = {"roles": (Role.TRADER,)}
    good = follower(game, Role.BROKER).state
    assert build_refused(game, game.last, **lone) == ("PROOF_SIGNATURE", "SIG-MISSING")
    for change, why in (
        ({"previous": b"\1" * 32}, "CHN-PREV-FORK"),
        ({"channel": b"\1" * 32}, "CHN-PREV-FORK"),
        ({"increment": game.last.increment}, "INC-SKIP"),
    ):
        successor = follower(game, Role.BROKER, replace(good, **change))
        assert build_refused(game, game.last, successor=successor, **lone) == ("PROOF_SUCCESSOR", why)
    wrong_role = follower(game, Role.TRADER)
    assert build_refused(game, game.last, successor=wrong_role, **lone) == ("PROOF_SUCCESSOR", "SIG-MISSING")
    forged = Successor(good, {Role.BROKER: game.sign(Role.TRADER, good)})
    assert build_refused(game, game.last, successor=forged, **lone) == ("PROOF_SIGNATURE", "SIG-OTHER-KEY")
    assert build_refused(game, game.last, roles=()) == ("PROOF_SIGNATURE", "SIG-MISSING")


def test_signatures_of_the_wrong_role() -> None:
    game = traded()
    swapped = {role: game.sign(role.other, game.last) for role in BOTH}
    assert build_refused(game, game.last, signatures=swapped) == ("PROOF_SIGNATURE", "SIG-OTHER-KEY")


def test_another_domain() -> None:
    game = traded()
    assert build_refused(game, game.last, domain=Domain(1, CONTRACT))[0] == "PROOF_CHANNEL"


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        ((Outcome(ETH, 1, 1), Outcome(USDT, 0, 0), Outcome(WBTC, 0, 0)), "OUT-BOTH"),
        ((Outcome(ETH, 2 * ONE + 1, 0), Outcome(USDT, 0, 0), Outcome(WBTC, 0, 0)), "AST-CAP-ALLOCATION"),
        ((Outcome(ETH, 0, 10 * ONE + 1), Outcome(USDT, 0, 0), Outcome(WBTC, 0, 0)), "AST-CAP-COLLATERAL"),
        ((Outcome(ETH, 0, 0), Outcome(USDT, 0, 0)), "AST-UNKNOWN"),
        ((Outcome(USDT, 0, 0), Outcome(ETH, 0, 0), Outcome(WBTC, 0, 0)), "AST-UNKNOWN"),
    ],
)
def test_outcomes_the_adjudicator_would_refuse(outcomes: tuple[Outcome, ...], why: str) -> None:
    game = traded()
    state = replace(game.last, outcomes=outcomes)
    assert build_refused(game, state) == ("PROOF_STATE", why)


def test_states_that_are_no_setup() -> None:
    game = Game()
    moved = replace(game.setup, outcomes=(Outcome(ETH, 1, 0), *game.setup.outcomes[1:]))
    for state in (moved, replace(game.setup, increment=1), replace(game.setup, transition=Transition.VOID)):
        assert build_refused(game, state) == ("PROOF_STATE", "SET-NONZERO")


def test_terms_no_channel_may_have() -> None:
    game = Game(make_terms(challenge_period=1))
    assert build_refused(game, game.setup) == ("PROOF_TERMS", "SET-PERIOD")
    assert isinstance(game.terms, Terms)


def test_intents_must_be_the_traders_own() -> None:
    game = traded()
    row = game.last.open_orders[0]
    signed = game.intents[row.id]
    typed = game.domain.digest(signed.order)
    for intent, why in (
        (replace(signed, signature=sign(KEYS["broker signer"], typed)), "SIG-OTHER-KEY"),
        (replace(signed, order=replace(signed.order, price=1)), "ORD-OTHER-CHANNEL-INTENT"),
    ):
        assert build_refused(game, game.last, intents=[intent]) == ("PROOF_INTENTS", why)
    bent = replace(game.last, open_orders=(row._replace(price=1),))
    assert build_refused(game, bent) == ("PROOF_INTENTS", "ORD-UNKNOWN")
    stranger = game.intent(channel=b"\1" * 32)
    foreign = replace(game.last, open_orders=(row._replace(id=stranger.id),))
    assert build_refused(game, foreign) == ("PROOF_INTENTS", "ORD-OTHER-CHANNEL-INTENT")


def test_exactly_the_collateral_is_paid() -> None:
    game = Game()
    state = replace(game.setup, increment=1, previous=game.digest(game.setup), transition=Transition.VOID)
    top = replace(state, outcomes=(Outcome(ETH, 0, 10 * ONE), Outcome(USDT, 10_000 * 10**6, 0), state.outcomes[2]))
    worth = checked(built(game, top))
    assert worth.payouts[0] == (ETH, 12 * ONE, 0)
    assert worth.payouts[1] == (USDT, 0, 30_000 * 10**6)


def test_a_successor_that_proves_nothing_more() -> None:
    game = traded()
    value = built(game, game.last, (Role.TRADER,), follower(game, Role.BROKER))
    value["signatures"]["broker"] = "0x" + game.sign(Role.BROKER, game.last).hex()
    assert refusal(value) == ("PROOF_SUCCESSOR", "SUCCESSOR-NOT-NEEDED")


def test_a_successor_stands_for_one_role_only() -> None:
    game = traded()
    value = built(game, game.last, (Role.TRADER,), follower(game, Role.BROKER))
    following = follower(game, Role.BROKER).state
    for role in ("trader", "broker"):
        value["signatures"][role] = None
        value["successor"]["signatures"][role] = "0x" + game.sign(Role[role.upper()], following).hex()
    assert refusal(value) == ("PROOF_SIGNATURE", "SIG-MISSING")
