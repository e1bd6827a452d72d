"""Vectors of what follows from what: transitions with their codes, one session from setup to finalize, proofs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from tests.protocol.cases import CASES as LIES
from tests.protocol.cases import trading
from tests.protocol.test_accepted import CASES as PLAYS
from tests.spec.forms import Json, show_domain
from tests.spec.vectors import HOME
from tests.support.game import KEYS, ONE, Game, cooperative
from tests.support.histories import played
from wallet.chain import calls
from wallet.chain.calls import Validation
from wallet.protocol import proof as proofs
from wallet.protocol import rules
from wallet.protocol.codec import (
    envelope,
    show_enum,
    show_hex,
    show_order,
    show_signed_order,
    show_terms,
    state_array,
)
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import FinalizeRequest, Order
from wallet.protocol.proof import ProofCall, Successor
from wallet.protocol.rules import Flag, Ground
from wallet.protocol.signatures import sign
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role, Terms

BOTH = (Role.TRADER, Role.BROKER)


# --- transitions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """One question to the rules, and their answer."""

    check: str
    arguments: tuple[Any, ...]
    flag: Flag | None


@contextmanager
def listening() -> Iterator[list[Asked]]:
    """Everything the rules are asked meanwhile: the cases themselves are the source of the vectors."""
    asked: list[Asked] = []

    def watched(name: str, original: Callable[..., Flag | None]) -> Callable[..., Flag | None]:
        def check(*arguments: Any) -> Flag | None:
            flag = original(*arguments)
            asked.append(Asked(name, arguments, flag))
            return flag

        return check

    with ExitStack() as stack:
        for short, name in (("next", "check"), ("void", "check_void"), ("setup", "check_setup")):
            stack.enter_context(patch.object(rules, name, watched(short, getattr(rules, name))))
        yield asked


def transitions() -> Json:
    tables = _Tables()
    cases = []
    for name, (code, lie) in LIES.items():
        with listening() as asked:
            lie()
        flag = asked[-1].flag
        assert flag is not None
        assert flag.code == code, name
        if _can_be_signed(asked[-1].arguments):
            cases.append({"name": name, **tables.case(asked[-1])})
    with listening() as asked:
        _more_than_remains()
    cases.append({"name": "a_fill_of_more_than_remains", **tables.case(asked[-1])})
    for name, play in PLAYS.items():
        with listening() as asked:
            play()
        steps = [row for row in asked if row.flag is None]
        cases += [{"name": f"{name} {number}", **tables.case(row)} for number, row in enumerate(steps, 1)]
    for game in (Game(), cooperative()):
        with listening() as asked:
            rules.check_setup(game.terms, game.channel, game.setup)
        cases.append({"name": f"setup_of_the_{show_enum(game.terms.initiative)}_flow", **tables.case(asked[-1])})
    return {
        "about": "in each case what the checking side stands on, the state that it is shown, and the code of the rule "
        "that this breaks (null: it may be signed); terms, orders and states by their place in the tables, from 0",
        "domain": show_domain(HOME),
        "terms": list(tables.terms.values()),
        "orders": list(tables.orders.values()),
        "states": list(tables.states.values()),
        "cases": cases,
    }


def _more_than_remains() -> None:
    """What the table of lies shows of this rule has a balance below zero; here the books stand still instead."""
    game, buy, _ = trading()
    game.check(game.next(Transition.TRADE, fills=(game.fill(buy, ONE),)))


def _can_be_signed(arguments: tuple[Any, ...]) -> bool:
    """Some cases show the rules numbers that no signed state and no JSON can hold: below zero."""
    try:
        for state in (row for row in arguments if isinstance(row, State)):
            HOME.digest(state)
    except OverflowError:
        return False
    return True


class _Tables:
    """Everything once; cases refer to the rows by number."""

    def __init__(self) -> None:
        self.terms: dict[bytes, Json] = {}
        self.orders: dict[bytes, Json] = {}
        self.states: dict[bytes, Json] = {}

    def case(self, asked: Asked) -> dict[str, Json]:
        row: dict[str, Json] = {"check": asked.check}
        if asked.check == "setup":
            terms, _, state = asked.arguments
            row |= {"terms": self._terms(terms)}
        else:
            ground, state = asked.arguments[:2]
            row |= self._ground(ground, state)
        if asked.check == "next":
            row["issuer"] = show_enum(asked.arguments[2])
        row |= {"state": self._state(state), "code": asked.flag.code if asked.flag else None}
        if asked.flag and asked.flag.cost:
            row["cost"] = [[show_hex(asset), str(amount)] for asset, amount in asked.flag.cost]
        return row

    def _ground(self, ground: Ground, state: State) -> dict[str, Json]:
        odd = HOME.digest(ground.last).digest != ground.last_digest
        return {
            "terms": self._terms(ground.terms),
            "last": self._state(ground.last),
            **({"lastDigest": show_hex(ground.last_digest)} if odd else {}),
            "increment": ground.increment,
            "orders": [self._order(order_id, order) for order_id, order in ground.orders.items()],
            "finalizeOn": show_hex(ground.finalize_on) if ground.finalize_on else None,
            "previousIsKnown": ground.known(state.previous),
        }

    def _terms(self, terms: Terms) -> int:
        digest = HOME.digest(terms).digest
        return _number(self.terms, digest, {"channel": show_hex(digest), "terms": show_terms(terms)})

    def _order(self, order_id: bytes, order: Order) -> int:
        return _number(self.orders, order_id, {"id": show_hex(order_id), "order": show_order(order)})

    def _state(self, state: State) -> int:
        digest = HOME.digest(state).digest
        shown = {"digest": show_hex(digest), "envelope": envelope(state), "state": state_array(state)}
        return _number(self.states, digest, shown)


def _number(table: dict[bytes, Json], key: bytes, shown: Json) -> int:
    table.setdefault(key, shown)
    return list(table).index(key)


# --- one session -------------------------------------------------------------------------------------------------


def session() -> Json:
    """Ten states of the broker's flow: a trade is refused on the way, the last one finalizes."""
    game, entries = played()
    before = entries[-2].digest
    request = FinalizeRequest(game.channel, before, game.now + 60)
    return {
        "about": "every state of one channel in the order in which it was issued, with its signatures; a refused one "
        "has the broker's alone, and the void after it has both",
        "domain": show_domain(HOME),
        "channel": show_hex(game.channel),
        "terms": show_terms(game.terms),
        "setupSignature": show_hex(sign(KEYS["trader"], HOME.digest(game.terms))),
        "finalizeRequest": {
            "lastDigest": show_hex(before),
            "validUntil": request.valid_until,
            "signature": show_hex(sign(KEYS["trader signer"], HOME.digest(request))),
        },
        "intents": [show_signed_order(signed) for signed in game.intents.values()],
        "states": [
            {
                "envelope": envelope(entry.state),
                "state": state_array(entry.state),
                "digest": show_hex(entry.digest),
                "issuer": show_enum(entry.issuer),
                "status": entry.status.name.lower(),
                "signatures": {
                    show_enum(role): show_hex(raw) if raw else None
                    for role, raw in ((Role.TRADER, entry.trader_signature), (Role.BROKER, entry.broker_signature))
                },
            }
            for entry in entries
        ],
    }


# --- proofs ------------------------------------------------------------------------------------------------------


def proof_cases() -> Json:
    valid = {"a finalize state": _final_proof(), "an opening, both signed": _open_proof(), **_implied_proofs()}
    cases: list[Json] = []
    for name, shown in valid.items():
        worth = proofs.verify(proofs.parse(shown))
        cases.append(
            {
                "name": name,
                "proof": shown,
                "worth": {
                    "channel": show_hex(worth.channel),
                    "digest": show_hex(worth.digest),
                    "final": worth.final,
                    "implied": show_enum(worth.implied) if worth.implied is not None else None,
                    "payouts": [[show_hex(asset), str(mine), str(his)] for asset, mine, his in worth.payouts],
                },
            }
        )
    for of, path, value in _FORGERIES:
        shown = changed(valid[of], path, value)
        cases.append({"of": of, "path": path, "value": value, "code": _refused(shown)})
    return {
        "about": "proof: verifies, and is worth this; of: the proof of that name with value at path does not verify",
        "cases": cases,
    }


_FORGERIES: tuple[tuple[str, list[str | int], Json], ...] = (
    ("a finalize state", ["version"], 2),
    ("a finalize state", ["format"], "trading-channels/other"),
    ("a finalize state", ["more"], 1),
    ("a finalize state", ["chainId"], 1),
    ("a finalize state", ["adjudicator"], "0x" + "ae" * 20),
    ("a finalize state", ["terms", "challengePeriod"], 59),
    ("a finalize state", ["terms", "maxFee"], 2001),
    ("a finalize state", ["state", 3, 1, 1], "1"),
    ("a finalize state", ["state", 3, 2, 2], "100000001"),
    ("a finalize state", ["envelope", "time"], 1),
    ("a finalize state", ["typedData", "message", "time"], "1"),
    ("a finalize state", ["signatures", "trader"], None),
    ("a finalize state", ["signatures", "broker"], "0x" + "11" * 64 + "1b"),
    ("a finalize state", ["signatures", "broker"], "0x" + "11" * 64 + "00"),
    ("a finalize state", ["calls", 0, "to"], "0x" + "ae" * 20),
    ("an opening, both signed", ["intents"], []),
    ("an opening, both signed", ["intents", 0, "order", "price"], "1"),
    ("trader implied by a successor", ["successor"], None),
    ("trader implied by a successor", ["successor", "envelope", "previous"], "0x" + "11" * 32),
    ("trader implied by a successor", ["successor", "state", 0], 1),
    ("trader implied by a successor", ["successor", "typedData", "message", "increment"], "9"),
)


def changed(shown: Json, path: list[str | int], value: Json) -> Json:
    """A copy with ``value`` at ``path``."""
    copied = deepcopy(shown)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copied


def _refused(shown: Json) -> str:
    try:
        proofs.verify(proofs.parse(shown))
    except WalletError as error:
        return error.code
    raise AssertionError("a forged proof verified")


def _built(game: Game, state: State, roles: tuple[Role, ...], successor: Successor | None, call: ProofCall) -> Json:
    signed = {role: game.sign(role, state) for role in roles}
    return proofs.build(game.terms, HOME, state, signed, successor, list(game.intents.values()), [call])


def _final_proof() -> Json:
    game, entries = played()
    last = entries[-1]
    trader, broker = (game.sign(role, last.state) for role in BOTH)
    data = calls.close(HOME.contract, game.terms, last.state, trader, broker).data
    return _built(game, last.state, BOTH, None, ProofCall(HOME.contract, data, "Close the channel", "anyone", "now"))


def _traded() -> tuple[Game, State]:
    game = Game()
    order = game.open()
    game.apply(game.trade(game.fill(order, ONE // 4)))
    return game, game.cancel(order)


def _challenge(game: Game, validation: Validation) -> ProofCall:
    data = calls.challenge(HOME.contract, game.terms, game.last, validation).data
    return ProofCall(
        HOME.contract, data, "Start the challenge period", "the trader's owner", "while the channel is open"
    )


def _open_proof() -> Json:
    game, _ = _traded()
    validation = Validation(game.sign(Role.TRADER, game.last), game.sign(Role.BROKER, game.last))
    return _built(game, game.last, BOTH, None, _challenge(game, validation))


def _implied_proofs() -> dict[str, Json]:
    """One role's signature is on the next state, which names this one as its predecessor."""
    made = {}
    for role in BOTH:
        game, following = _traded()
        on_state, on_next = game.sign(role.other, game.last), game.sign(role, following)
        pair = (on_next, on_state) if role is Role.TRADER else (on_state, on_next)
        call = _challenge(game, Validation(*pair, following, role))
        successor = Successor(following, {role: on_next})
        made[f"{show_enum(role)} implied by a successor"] = _built(game, game.last, (role.other,), successor, call)
    return made
