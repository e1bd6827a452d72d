"""Vectors of everything that stands for itself: digests, signatures, terms, decoding, presence, book checksums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.protocol.test_signatures import GOOD, TYPED
from tests.protocol.test_signatures import REFUSED as BAD_SIGNATURES
from tests.protocol.test_strictjson import ACCEPTED as GOOD_JSON
from tests.protocol.test_strictjson import REFUSED as BAD_JSON
from tests.protocol.test_terms import ALLOWED as GOOD_TERMS
from tests.protocol.test_terms import REFUSED as BAD_TERMS
from tests.spec.forms import Json, message_of, show_domain
from tests.support.game import (
    ADDRESSES,
    CONTRACT,
    ETH,
    ETH_USDT,
    KEYS,
    LOT,
    NOW,
    ONE,
    PRICE,
    TICK,
    USDT,
    Game,
    cooperative,
    make_terms,
)
from wallet.market.depth import checksum
from wallet.protocol import eip712, intents
from wallet.protocol.amounts import MAX_AMOUNT, MAX_INCREMENT
from wallet.protocol.codec import envelope, read_terms, show_enum, show_hex, show_order, show_terms, state_array
from wallet.protocol.eip712 import Domain, keccak
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order, TimeInForce
from wallet.protocol.presence import Presence, refusal
from wallet.protocol.signatures import sign
from wallet.protocol.state import Balance, Fill, OpenOrder, Outcome, Side, State, Transition
from wallet.protocol.terms import Asset, Initiative, Role, Terms, check_terms

DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
HOME = Domain(31337, CONTRACT)
ELSEWHERE = Domain(2**53 - 1, b"\x5a" * 20)
WORD = bytes(range(32))


# --- digests -----------------------------------------------------------------------------------------------------


def digests() -> Json:
    return {
        "about": "EIP-712 domain separators, type hashes, hashes of rows, digests of structs; JSON forms beside them",
        "domainType": {"encodeType": DOMAIN_TYPE, "typeHash": show_hex(keccak(DOMAIN_TYPE.encode()))},
        "emptyArray": show_hex(eip712.array_hash(())),
        "domains": {
            name: {**show_domain(domain), "separator": show_hex(domain.separator)}
            for name, domain in (("home", HOME), ("elsewhere", ELSEWHERE))
        },
        "types": {
            name: {"encodeType": eip712.encode_type(name), "typeHash": show_hex(digest)}
            for name, digest in eip712.TYPE_HASHES.items()
        },
        "rows": [
            {"type": name, "message": message_of(name, row), "hash": show_hex(digest)} for name, row, digest in _rows()
        ],
        "structs": [
            {
                "name": name,
                "type": typed.struct,
                "domain": "home" if domain is HOME else "elsewhere",
                "message": message_of(typed.struct, struct),
                "digest": show_hex(typed.digest),
                **_json_of(struct),
            }
            for name, struct in _structs()
            for domain in (HOME, ELSEWHERE)
            if domain is HOME or name in ("ordinary terms", "a trade", "everything at its highest")
            for typed in [domain.digest(struct)]
        ],
    }


def _json_of(struct: object) -> dict[str, Json]:
    """The form in which it travels, where it travels whole."""
    if isinstance(struct, Terms):
        return {"json": show_terms(struct)}
    if isinstance(struct, State):
        return {"json": {"envelope": envelope(struct), "state": state_array(struct)}}
    return {"json": show_order(struct)} if isinstance(struct, Order) else {}


def _rows() -> Iterator[tuple[str, Any, bytes]]:
    asset = Asset(USDT, 10**10, MAX_AMOUNT - 10**10)
    yield "Asset", asset, eip712.asset_hash(asset)
    yield "Market", ETH_USDT, eip712.market_hash(ETH_USDT)
    fill = Fill(WORD, PRICE, LOT, 1)
    yield "Fill", fill, eip712.fill_hash(fill)
    balance = Balance(ETH, MAX_AMOUNT, 0)
    yield "Balance", balance, eip712.balance_hash(balance)
    for side in Side:
        order = OpenOrder(WORD, ETH, USDT, int(side), PRICE, ONE, LOT)
        yield "OpenOrder", order, eip712.open_order_hash(order)
    outcome = Outcome(USDT, 0, 796_000_000)
    yield "Outcome", outcome, eip712.outcome_hash(outcome)


def _structs() -> Iterator[tuple[str, Any]]:
    game = Game()
    yield "ordinary terms", game.terms
    yield "cooperative terms of one market", make_terms(initiative=Initiative.COOPERATIVE, markets=(ETH_USDT,))
    for tif in TimeInForce:
        side = Side.SELL if tif is TimeInForce.POST_ONLY else Side.BUY
        yield f"an order, {show_enum(tif)}", game.intent(tif=tif, side=side, keep=False).order
    yield "setup", game.setup
    yield "setup of the cooperative flow", cooperative().setup
    order = game.open()
    yield "an opening", game.last
    trade = game.apply(game.trade(game.fill(order, ONE // 4, fee=10**14), game.fill(order, LOT * 10, PRICE - TICK)))
    yield "a trade", trade
    yield "a void", game.void(game.trade(game.fill(order, LOT * 10)))
    yield "a cancel", game.apply(game.cancel(order))
    yield "a finalize", game.finalize()
    highest = OpenOrder(b"\xff" * 32, b"\xff" * 20, USDT, 1, MAX_AMOUNT, MAX_AMOUNT, MAX_AMOUNT)
    extreme = replace(
        trade,
        increment=MAX_INCREMENT,
        time=MAX_INCREMENT,
        order_nonce=MAX_INCREMENT,
        turn=Role.TRADER,
        transition=Transition.YIELD,
        fills=(Fill(b"\xff" * 32, MAX_AMOUNT, MAX_AMOUNT, MAX_AMOUNT),),
        balances=(Balance(ETH, MAX_AMOUNT, MAX_AMOUNT),),
        open_orders=(highest,),
        outcomes=(),
    )
    yield "everything at its highest", extreme
    yield "cancel", intents.Cancel(game.channel, order)
    yield "cancel receipt", intents.CancelReceipt(game.channel, order)
    yield "finalize request", intents.FinalizeRequest(game.channel, WORD, NOW + 60)
    yield "turn request", intents.TurnRequest(game.channel, 7)
    yield "heartbeat", intents.Heartbeat(game.channel, 7, WORD, NOW)
    yield "resume", intents.Resume(game.channel, 7, WORD, b"\1" * 32, b"\2" * 32)
    yield "challenge", intents.Challenge(game.channel, 7, NOW + 3600)
    account, peer = ADDRESSES["trader signer"], ADDRESSES["broker signer"]
    yield "auth of the broker", intents.Auth(b"\2" * 32, b"\1" * 32, peer, account, 0, "broker.example:443")
    yield "auth of the trader", intents.Auth(b"\1" * 32, b"\2" * 32, account, peer, 1, "[::1]:8080")


# --- signatures --------------------------------------------------------------------------------------------------


def signatures() -> Json:
    keys = {
        name: {"privateKey": show_hex(key.secret), "address": show_hex(ADDRESSES[name])} for name, key in KEYS.items()
    }
    digest = show_hex(TYPED.digest)
    allowed = [show_hex(ADDRESSES["broker"]), show_hex(ADDRESSES["broker signer"])]
    bad = [
        {"name": name, "digest": digest, "signature": show_hex(raw), "allowed": allowed, "code": code}
        for name, (raw, code) in BAD_SIGNATURES.items()
    ]
    good = [
        {
            "name": f"by {name}",
            "digest": digest,
            "signature": show_hex(sign(KEYS[name], TYPED)),
            "allowed": allowed,
            **({"signer": keys[name]["address"]} if name.startswith("broker") else {"code": "SIG-OTHER-KEY"}),
        }
        for name in ("broker", "broker signer", "stranger", "trader signer")
    ]
    swapped = {"name": "of another digest", "digest": show_hex(bytes(32)), "signature": show_hex(GOOD)}
    return {
        "about": "signer: who signed; code: why it is refused. Signing is deterministic (RFC 6979, low s)",
        "keys": keys,
        "cases": [*good, *bad, {**swapped, "allowed": allowed, "code": "SIG-OTHER-KEY"}],
    }


# --- terms -------------------------------------------------------------------------------------------------------


def terms_cases() -> Json:
    base = show_terms(make_terms())
    cases = []
    for name, changes in [*GOOD_TERMS.items(), *((name, changes) for name, (_, changes) in BAD_TERMS.items())]:
        shown = show_terms(make_terms(**changes))
        change = {key: value for key, value in shown.items() if value != base[key]}
        cases.append({"name": name, "change": change, "code": _judged(shown)})
    return {
        "about": "keys of base replaced by those of change; code null: these terms are fine",
        "base": base,
        "cases": cases,
    }


def _judged(shown: Json) -> str | None:
    try:
        check_terms(read_terms(shown))
    except WalletError as error:
        return error.code
    return None


# --- decoding ----------------------------------------------------------------------------------------------------


def decoding() -> Json:
    longest = 400  # bytes: the large ones are rules, not vectors
    return {
        "about": "bytes: one JSON text in hexadecimal; code null: it is accepted",
        "cases": [
            {"bytes": show_hex(data), "code": code}
            for code, data in [*BAD_JSON, *((None, data) for data, _ in GOOD_JSON)]
            if len(data) <= longest
        ],
    }


# --- presence ----------------------------------------------------------------------------------------------------


def presence() -> Json:
    """Seconds on the trader's monotonic clock: a heartbeat echoed that was sent at 1000, H = 5."""
    game = Game()
    first, second = game.open(), game.open(amount=LOT * 100)
    fresh = game.intent(amount=LOT * 100)
    states = {
        "fill of the second order": game.trade(game.fill(second, LOT * 10)),
        "fills of both orders": game.trade(game.fill(first, LOT * 10), game.fill(second, LOT * 10)),
        "opening of a third": game.create(fresh),
        "cancel": game.cancel(second),
        "finalize": game.finalize(),
    }
    names = {"first": first, "second": second, "third": fresh.id}
    cases = []
    for state, received, told in _presence_table():
        known = {"echoed": 1000, "openBefore": {"third": 1005}, "cancelled": [], **told}
        known["expiry"] = dict.fromkeys(names, 1500) | told.get("expiry", {})
        found = Presence(
            known["echoed"],
            {names[key]: at for key, at in known["openBefore"].items()},
            {names[key]: at for key, at in known["expiry"].items()},
            {names[key] for key in known["cancelled"]},
        )
        code = refusal(game.terms, game.last, states[state], found, received)
        cases.append({"state": state, "received": received, **known, "code": code})
    return {
        "about": "whether a state that breaks no rule is refused for when it came; heartbeat (H) is that of the terms",
        "terms": show_terms(game.terms),
        "orders": {name: show_hex(order) for name, order in names.items()},
        "states": {
            name: {"envelope": envelope(state), "state": state_array(state)}
            for name, state in {"last": game.last, **states}.items()
        },
        "cases": cases,
    }


def _presence_table() -> Iterator[tuple[str, int, dict[str, Any]]]:
    fill, both, opening = "fill of the second order", "fills of both orders", "opening of a third"
    late: dict[str, Any] = {"echoed": 1500}
    yield from ((fill, at, {}) for at in (1000, 1010, 1011, 9000))
    yield fill, 1000, {"echoed": None}
    yield from ((fill, at, late) for at in (1500, 1501))
    yield both, 1501, late
    yield from ((fill, 1000, {"cancelled": [name]}) for name in ("first", "second"))
    yield both, 1000, {"cancelled": ["second"]}
    yield from ((opening, at, {}) for at in (1005, 1006))
    yield opening, 1005, {"echoed": None}
    yield from ((opening, at, {"expiry": {"third": 1002}}) for at in (1002, 1003))
    yield opening, 1000, {"cancelled": ["third"]}
    for harmless in ("cancel", "finalize"):
        yield harmless, 10**6, {"echoed": None, "cancelled": ["second"]}


# --- market data -------------------------------------------------------------------------------------------------


def checksums() -> Json:
    books = [
        ("empty", [], []),
        ("one level", [(1_999_990_000, LOT)], []),
        ("both sides", [(1_999_990_000, LOT), (1_999_980_000, 3)], [(2_000_000_000, ONE)]),
        ("only ten levels count", [(100 - n, n + 1) for n in range(12)], [(101 + n, 10**20 + n) for n in range(12)]),
    ]
    return {
        "about": "CRC32 of `price:amount` of the best ten bids, then the best ten asks, joined by `|`",
        "cases": [
            {
                "name": name,
                "bids": [[str(price), str(amount)] for price, amount in bids],
                "asks": [[str(price), str(amount)] for price, amount in asks],
                "checksum": checksum(bids, asks),
            }
            for name, bids, asks in books
        ],
    }
