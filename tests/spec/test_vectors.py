"""The vectors from their JSON alone, as a second implementation would run them; digests by a library not ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from zlib import crc32

import pytest
from coincurve import PrivateKey
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tests.protocol.cases import CASES
from tests.spec.generate import FOLDER
from tests.spec.plays import changed
from wallet.protocol import proof as proofs
from wallet.protocol import rules, strictjson
from wallet.protocol.codec import read_hex, read_order, read_signed_order, read_state, read_terms
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import FinalizeRequest
from wallet.protocol.presence import Presence, refusal
from wallet.protocol.rules import Flag, Ground
from wallet.protocol.signatures import address_of, require_signer, sign
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role, Terms, check_terms
from wallet.protocol.typed import TypedDigest

LOADED: dict[str, Any] = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (FOLDER / "vectors").glob("*.json")
}


def by_name(table: str, key: str = "cases") -> pytest.MarkDecorator:
    rows = LOADED[table][key]
    return pytest.mark.parametrize("row", rows, ids=[_name(row)[:60] for row in rows])


def _name(row: Any) -> str:
    for key in ("name", "path", "bytes", "state"):
        if key in row:
            return str(row[key])
    raise KeyError("a row without a name")


def octets(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def domain_of(shown: Any) -> Domain:
    return Domain(shown["chainId"], octets(shown["verifyingContract"]))


def failure(run: Any) -> str | None:
    try:
        run()
    except WalletError as error:
        return error.code
    return None


# --- digests -----------------------------------------------------------------------------------------------------

DIGESTS = LOADED["digests"]


def fields_of(name: str) -> list[dict[str, str]]:
    """The fields of a type, out of its frozen string."""
    own = DIGESTS["types"][name]["encodeType"].removeprefix(f"{name}(").partition(")")[0]
    return [dict(zip(("type", "name"), field.split(" "), strict=True)) for field in own.split(",")]


def typed_data(row: Any) -> Any:
    domain = DIGESTS["domains"][row["domain"]]
    inner = [field["type"][:-2] for field in fields_of(row["type"]) if field["type"].endswith("[]")]
    head = DIGESTS["domainType"]["encodeType"].removeprefix("EIP712Domain(").removesuffix(")")
    return {
        "types": {
            "EIP712Domain": [dict(zip(("type", "name"), part.split(" "), strict=True)) for part in head.split(",")],
            **{name: fields_of(name) for name in (row["type"], *inner)},
        },
        "primaryType": row["type"],
        "domain": {"name": "Trading Channels", "version": "1"}
        | {key: domain[key] for key in ("chainId", "verifyingContract")},
        "message": row["message"],
    }


@by_name("digests", "structs")
def test_struct(row: Any) -> None:
    """By eth-account from the message, and by ours from the JSON form."""
    signable = encode_typed_data(full_message=typed_data(row))
    domain = DIGESTS["domains"][row["domain"]]
    assert "0x" + signable.header.hex().removeprefix("0x") == domain["separator"]
    assert "0x" + keccak(b"\x19\x01" + signable.header + signable.body).hex() == row["digest"]
    if "json" in row:
        struct = READERS[row["type"]](row["json"])
        assert domain_of(domain).digest(struct).digest == octets(row["digest"])


READERS: dict[str, Callable[[Any], Any]] = {
    "Terms": read_terms,
    "Order": read_order,
    "State": lambda shown: read_state(**_state_keys(shown)),
}


def _state_keys(shown: Any) -> dict[str, Any]:
    return {"header": shown["envelope"], "array": shown["state"]}


def test_every_type_has_a_struct_or_a_row() -> None:
    assert {row["type"] for row in (*DIGESTS["structs"], *DIGESTS["rows"])} == set(DIGESTS["types"])


def test_type_hashes_and_rows() -> None:
    for entry in (DIGESTS["domainType"], *DIGESTS["types"].values()):
        assert "0x" + keccak(text=entry["encodeType"]).hex() == entry["typeHash"]
    assert "0x" + keccak(b"").hex() == DIGESTS["emptyArray"]
    for row in DIGESTS["rows"]:
        kinds = [field["type"] for field in fields_of(row["type"])]
        cells = [
            octets(cell).rjust(32, b"\0") if kind in ("address", "bytes32") else int(cell).to_bytes(32, "big")
            for kind, cell in zip(kinds, row["message"].values(), strict=True)
        ]
        packed = octets(DIGESTS["types"][row["type"]]["typeHash"]) + b"".join(cells)
        assert "0x" + keccak(packed).hex() == row["hash"]


# --- signatures, terms, decoding ---------------------------------------------------------------------------------


@by_name("signatures")
def test_signature(row: Any) -> None:
    typed = TypedDigest("State", octets(row["digest"]))
    allowed = tuple(octets(address) for address in row["allowed"])
    if "signer" in row:
        assert require_signer(typed, octets(row["signature"]), allowed) == octets(row["signer"])
    else:
        assert failure(lambda: require_signer(typed, octets(row["signature"]), allowed)) == row["code"]


def test_keys_sign_as_the_vectors_say() -> None:
    keys = LOADED["signatures"]["keys"]
    for row in LOADED["signatures"]["cases"][:4]:
        key = PrivateKey(octets(keys[row["name"].removeprefix("by ")]["privateKey"]))
        assert address_of(key.public_key) == octets(keys[row["name"].removeprefix("by ")]["address"])
        assert sign(key, TypedDigest("State", octets(row["digest"]))) == octets(row["signature"])


@by_name("terms")
def test_terms(row: Any) -> None:
    shown = LOADED["terms"]["base"] | row["change"]
    assert failure(lambda: check_terms(read_terms(shown))) == row["code"]


@by_name("decoding")
def test_decoding(row: Any) -> None:
    assert failure(lambda: strictjson.loads(octets(row["bytes"]))) == row["code"]


# --- transitions -------------------------------------------------------------------------------------------------

MOVES = LOADED["transitions"]
MOVES_DOMAIN = domain_of(MOVES["domain"])


def terms_at(number: int) -> tuple[Terms, bytes]:
    row = MOVES["terms"][number]
    return read_terms(row["terms"]), octets(row["channel"])


def state_at(number: int) -> tuple[State, bytes]:
    row = MOVES["states"][number]
    return read_state(row["envelope"], row["state"]), octets(row["digest"])


def ground_of(row: Any) -> Ground:
    terms, _ = terms_at(row["terms"])
    last, digest = state_at(row["last"])
    shown, _ = state_at(row["state"])
    return Ground(
        terms=terms,
        last=last,
        last_digest=octets(row["lastDigest"]) if "lastDigest" in row else digest,
        increment=row["increment"],
        orders={octets(MOVES["orders"][n]["id"]): read_order(MOVES["orders"][n]["order"]) for n in row["orders"]},
        finalize_on=octets(row["finalizeOn"]) if row["finalizeOn"] else None,
        known=lambda asked: row["previousIsKnown"] and asked == shown.previous,
    )


def verdict(row: Any) -> Flag | None:
    state, _ = state_at(row["state"])
    if row["check"] == "setup":
        return rules.check_setup(*terms_at(row["terms"]), state)
    if row["check"] == "void":
        return rules.check_void(ground_of(row), state)
    return rules.check(ground_of(row), state, Role[row["issuer"].upper()])


@by_name("transitions")
def test_transition(row: Any) -> None:
    flag = verdict(row)
    assert (flag.code if flag else None) == row["code"]
    if flag:
        assert [["0x" + asset.hex(), str(amount)] for asset, amount in flag.cost] == row.get("cost", [])


def test_tables_are_kept_by_digest() -> None:
    for number, row in enumerate(MOVES["terms"]):
        assert MOVES_DOMAIN.digest(terms_at(number)[0]).digest == octets(row["channel"])
    for number in range(len(MOVES["states"])):
        state, digest = state_at(number)
        assert MOVES_DOMAIN.digest(state).digest == digest
    for row in MOVES["orders"]:
        assert MOVES_DOMAIN.digest(read_order(row["order"])).digest == octets(row["id"])


def test_there_is_a_vector_for_every_code_and_enough_that_must_pass() -> None:
    assert {row["code"] for row in MOVES["cases"]} - {None} == {code for code, _ in CASES.values()}
    assert sum(row["code"] is None for row in MOVES["cases"]) > 80


# --- presence and market data ------------------------------------------------------------------------------------


@by_name("presence")
def test_presence(row: Any) -> None:
    vectors = LOADED["presence"]
    states = {name: read_state(**_state_keys(shown)) for name, shown in vectors["states"].items()}
    orders = {name: octets(order) for name, order in vectors["orders"].items()}
    told = Presence(
        row["echoed"],
        {orders[name]: at for name, at in row["openBefore"].items()},
        {orders[name]: at for name, at in row["expiry"].items()},
        {orders[name] for name in row["cancelled"]},
    )
    found = refusal(read_terms(vectors["terms"]), states["last"], states[row["state"]], told, row["received"])
    assert found == row["code"]


def test_every_reason_to_refuse_has_a_vector() -> None:
    assert {row["code"] for row in LOADED["presence"]["cases"]} == {
        *(None, "STALE-OPENING", "EXPIRED-OPENING", "CANCELLED-OPENING"),
        *("STALE-FILL", "EXPIRED-FILL", "CANCELLED-FILL"),
    }


@by_name("checksums")
def test_checksum(row: Any) -> None:
    levels = [f"{price}:{amount}" for side in ("bids", "asks") for price, amount in row[side][:10]]
    assert crc32("|".join(levels).encode()) == row["checksum"]


# --- the session -------------------------------------------------------------------------------------------------


def test_session_from_setup_to_finalize() -> None:
    """The whole of it: ids, chain, signatures, rules, a refused state and its void, the request to finalize."""
    told = LOADED["session"]
    domain, terms, channel = domain_of(told["domain"]), read_terms(told["terms"]), octets(told["channel"])
    assert domain.digest(terms).digest == channel
    require_signer(TypedDigest("Terms", channel), octets(told["setupSignature"]), (terms.trader,))
    intents = [read_signed_order(shown) for shown in told["intents"]]
    for signed in intents:
        typed = domain.digest(signed.order)
        assert typed.digest == signed.id
        require_signer(typed, signed.signature, (terms.trader_signer,))
    orders = {signed.id: signed.order for signed in intents}
    asked = told["finalizeRequest"]
    request = FinalizeRequest(channel, octets(asked["lastDigest"]), asked["validUntil"])
    require_signer(domain.digest(request), octets(asked["signature"]), (terms.trader_signer,))

    last: tuple[State, bytes] | None = None
    refused = 0
    for row in told["states"]:
        state = read_state(row["envelope"], row["state"])
        typed = domain.digest(state)
        assert typed.digest == octets(row["digest"])
        _check_signed(typed, row, terms)
        if last is None:
            assert rules.check_setup(terms, channel, state) is None
        else:
            due = last[0].increment + 1 + refused
            ground = Ground(terms, *last, due, orders, request.last_digest)
            void = state.transition is Transition.VOID
            flag = rules.check_void(ground, state) if void else rules.check(ground, state, Role.BROKER)
            assert flag is None, flag
        refused = int(row["status"] == "refused")
        last = last if refused else (state, typed.digest)
    assert last is not None
    assert last[0].transition is Transition.FINALIZE
    assert [row["status"] for row in told["states"]].count("refused") == 1


def _check_signed(typed: TypedDigest, row: Any, terms: Terms) -> None:
    for role, signer in (("trader", terms.trader_signer), ("broker", terms.broker_signer)):
        signature = row["signatures"][role]
        if signature is None:
            assert (row["status"], role) == ("refused", "trader")
        else:
            require_signer(typed, read_hex(signature, 65, role), (signer,))


# --- proofs ------------------------------------------------------------------------------------------------------

PROOFS = {row["name"]: row for row in LOADED["proofs"]["cases"] if "proof" in row}


@by_name("proofs")
def test_proof(row: Any) -> None:
    if "proof" not in row:
        forged = changed(PROOFS[row["of"]]["proof"], row["path"], row["value"])
        assert failure(lambda: proofs.verify(proofs.parse(forged))) == row["code"]
        return
    worth = proofs.verify(proofs.parse(row["proof"]))
    signable = encode_typed_data(full_message=row["proof"]["typedData"])
    assert "0x" + keccak(b"\x19\x01" + signable.header + signable.body).hex() == row["worth"]["digest"]
    assert {
        "channel": "0x" + worth.channel.hex(),
        "digest": "0x" + worth.digest.hex(),
        "final": worth.final,
        "implied": worth.implied.name.lower() if worth.implied is not None else None,
        "payouts": [["0x" + asset.hex(), str(mine), str(his)] for asset, mine, his in worth.payouts],
    } == row["worth"]
