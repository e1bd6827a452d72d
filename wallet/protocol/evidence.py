"""Evidence: what one party signed and may not have, as a self-contained JSON file that any tool can check.

Two digests at one increment prove an equivocation by their signatures alone. Another broken rule is proved by the last
good state, the orders, and the rules run again. Built and checked here, both purely; a file from elsewhere is hostile
until :func:`verify` has taken it apart. Source: design §3, §5; specification §11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wallet.protocol import codec, rules, strictjson
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order, SignedOrder
from wallet.protocol.proof import read_signatures, show_state
from wallet.protocol.rules import Flag, Ground
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Role, Terms, check_terms
from wallet.protocol.typeddata import state_typed_data

FORMAT = "trading-channels/evidence"
VERSION = 1
EQUIVOCATION, BROKEN_RULE = "equivocation", "broken_rule"
MAX_RAW = 2**20  # bytes: the largest frame there is
MAX_TEXT = 2_000
_KEYS = (
    *("format", "version", "chainId", "adjudicator", "terms", "kind", "accused", "rule", "states", "lastGood"),
    *("intents", "raw"),
)
_RULE = ("code", "expected", "got", "cost", "time")
_STATE = ("envelope", "state", "signatures", "typedData")


@dataclass(frozen=True, slots=True)
class Signed:
    """A state with the signatures that are on it; ``typed_data`` is what a file says was signed."""

    state: State
    signatures: Mapping[Role, bytes]
    typed_data: object = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file says; nothing of it is checked but its form.

    ``states`` are what ``accused`` signed: two for an equivocation, else one. ``flag`` is the accuser's finding at
    ``time`` (Unix seconds), ``raw`` the bytes that he received, ``last_good`` the state they came after.
    """

    domain: Domain
    terms: Terms
    accused: Role
    flag: Flag
    time: int
    states: tuple[Signed, ...]
    last_good: Signed | None
    intents: tuple[SignedOrder, ...]
    raw: bytes

    @property
    def kind(self) -> str:
        return EQUIVOCATION if len(self.states) > 1 else BROKEN_RULE


@dataclass(frozen=True, slots=True)
class Finding:
    """What evidence that holds shows: ``accused`` signed these digests at ``increment`` with the keys ``signers``.

    ``proven`` is the rule that is broken by what the file itself holds, "" if that takes more than it holds (what was
    asked for before, or when something arrived).
    """

    kind: str
    channel: bytes
    accused: Role
    increment: int
    digests: tuple[bytes, ...]
    signers: tuple[bytes, ...]
    proven: str


def state_in(raw: bytes) -> State:
    """The state in the bytes of a ``propose`` request as they arrived. WalletError or LookupError if none is."""
    frame: codec.Json = strictjson.loads(raw)
    return codec.read_state(frame["params"]["envelope"], frame["params"]["state"])


# --- writing -----------------------------------------------------------------------------------------------------


def build(evidence: Evidence) -> dict[str, Any]:
    """The file as plain JSON values. Raises WalletError("EVIDENCE_…") rather than give out what does not hold."""
    show = [show_state(evidence.domain, signed.state, signed.signatures) for signed in evidence.states]
    good, flag = evidence.last_good, evidence.flag
    value = {
        "format": FORMAT,
        "version": VERSION,
        "chainId": evidence.domain.chain_id,
        "adjudicator": codec.show_hex(evidence.domain.contract),
        "terms": codec.show_terms(evidence.terms),
        "kind": evidence.kind,
        "accused": codec.show_enum(evidence.accused),
        "rule": {
            "code": flag.code,
            "expected": flag.expected[:MAX_TEXT],
            "got": flag.got[:MAX_TEXT],
            "cost": [[codec.show_hex(asset), str(amount)] for asset, amount in flag.cost],
            "time": evidence.time,
        },
        "states": show,
        "lastGood": show_state(evidence.domain, good.state, good.signatures) if good else None,
        "intents": [codec.show_signed_order(signed) for signed in evidence.intents],
        "raw": codec.show_hex(evidence.raw),
    }
    verify(parse(value))
    return value


# --- reading -----------------------------------------------------------------------------------------------------


def parse(value: object) -> Evidence:
    """Evidence from what a strict JSON decoder gave.

    Raises WalletError("EVIDENCE_VERSION") for a format this program doesn't know, WalletError("EVIDENCE_FORM", what,
    got) for anything else that has not exactly the form.
    """
    if isinstance(value, dict) and value.get("format") == FORMAT and value.get("version") != VERSION:
        raise WalletError("EVIDENCE_VERSION", got=repr(value.get("version"))[:20], known=VERSION)
    try:
        return _parse(value)
    except WalletError as error:
        if error.code != "WIR-FORM":
            raise
        raise WalletError("EVIDENCE_FORM", **error.params) from error


def _parse(value: object) -> Evidence:
    row = codec.read_object(value, "evidence", _KEYS)
    if row["format"] != FORMAT or type(row["version"]) is not int:
        raise codec.malformed("format", row["format"])
    rule = codec.read_object(row["rule"], "rule", _RULE)
    states = tuple(map(_read_signed, codec.read_list(row["states"], "states")))
    evidence = Evidence(
        domain=Domain(codec.read_int(row["chainId"], "chainId"), codec.read_hex(row["adjudicator"], 20, "adjudicator")),
        terms=codec.read_terms(row["terms"]),
        accused=codec.read_enum(Role, row["accused"], "accused"),
        flag=Flag(
            codec.read_text(rule["code"], "code", 60),
            codec.read_text(rule["expected"], "expected", MAX_TEXT),
            codec.read_text(rule["got"], "got", MAX_TEXT),
            tuple(_read_cost(item) for item in codec.read_list(rule["cost"], "cost")),
        ),
        time=codec.read_int(rule["time"], "time"),
        states=states,
        last_good=None if row["lastGood"] is None else _read_signed(row["lastGood"]),
        intents=tuple(codec.read_signed_order(item) for item in codec.read_list(row["intents"], "intents")),
        raw=codec.read_hex(row["raw"], None, "raw", MAX_RAW),
    )
    if not 1 <= len(states) <= 2 or row["kind"] != evidence.kind:
        raise codec.malformed("kind", row["kind"])
    return evidence


def _read_signed(value: object) -> Signed:
    row = codec.read_object(value, "state", _STATE)
    return Signed(codec.read_state(row["envelope"], row["state"]), read_signatures(row["signatures"]), row["typedData"])


def _read_cost(value: object) -> tuple[bytes, int]:
    asset, amount = codec.read_list(value, "cost", 2)
    return codec.read_hex(asset, 20, "asset"), codec.read_amount(amount, "cost")


# --- checking ----------------------------------------------------------------------------------------------------


def verify(evidence: Evidence) -> Finding:
    """What the evidence shows, if every part of it holds.

    Raises WalletError("EVIDENCE_TERMS" | "EVIDENCE_CHANNEL" | "EVIDENCE_TYPED_DATA" | "EVIDENCE_SIGNATURE" |
    "EVIDENCE_SAME" | "EVIDENCE_LAST_GOOD" | "EVIDENCE_INTENTS").
    """
    try:
        check_terms(evidence.terms)
    except WalletError as error:
        raise WalletError("EVIDENCE_TERMS", why=error.code) from error
    channel = evidence.domain.digest(evidence.terms).digest
    signers = tuple(_check_signed(evidence, channel, signed)[evidence.accused] for signed in evidence.states)
    digests = tuple(evidence.domain.digest(signed.state).digest for signed in evidence.states)
    increments = {signed.state.increment for signed in evidence.states}
    if len(set(digests)) != len(digests) or len(increments) != 1:
        raise WalletError("EVIDENCE_SAME")
    _check_last_good(evidence, channel)
    orders = _orders(evidence, channel)
    proven = evidence.flag.code if evidence.kind == EQUIVOCATION else _broken_rule(evidence, channel, orders)
    return Finding(evidence.kind, channel, evidence.accused, increments.pop(), digests, signers, proven)


def _check_signed(evidence: Evidence, channel: bytes, signed: Signed) -> dict[Role, bytes]:
    """Who signed a state; the accused must have, and every signature that is there must hold."""
    if signed.state.channel != channel:
        raise WalletError("EVIDENCE_CHANNEL")
    if signed.typed_data != state_typed_data(evidence.domain, signed.state):
        raise WalletError("EVIDENCE_TYPED_DATA", increment=signed.state.increment)
    if evidence.accused not in signed.signatures:
        raise WalletError("EVIDENCE_SIGNATURE", role=codec.show_enum(evidence.accused), why="SIG-MISSING")
    return {role: _signer(evidence, role, signed) for role in signed.signatures}


def _signer(evidence: Evidence, role: Role, signed: Signed) -> bytes:
    typed = evidence.domain.digest(signed.state)
    try:
        return require_signer(typed, signed.signatures[role], evidence.terms.signers(role))
    except WalletError as error:
        raise WalletError("EVIDENCE_SIGNATURE", role=codec.show_enum(role), why=error.code) from error


def _check_last_good(evidence: Evidence, channel: bytes) -> None:
    """The accused can't disown the state he went on from: he signed it, or what he signed names it."""
    good = evidence.last_good
    if good is None:
        return
    named = {signed.state.previous for signed in evidence.states}
    if good.state.channel != channel:
        raise WalletError("EVIDENCE_CHANNEL")
    if good.typed_data != state_typed_data(evidence.domain, good.state):
        raise WalletError("EVIDENCE_TYPED_DATA", increment=good.state.increment)
    for role in good.signatures:
        _signer(evidence, role, good)
    if evidence.accused not in good.signatures and evidence.domain.digest(good.state).digest not in named:
        raise WalletError("EVIDENCE_LAST_GOOD", increment=good.state.increment)


def _orders(evidence: Evidence, channel: bytes) -> dict[bytes, Order]:
    """The orders that the trader signed, each under its digest."""
    found = {}
    for signed in evidence.intents:
        typed = evidence.domain.digest(signed.order)
        if typed.digest != signed.id or signed.order.channel != channel:
            raise WalletError("EVIDENCE_INTENTS", why="ORD-OTHER-CHANNEL-INTENT")
        try:
            require_signer(typed, signed.signature, evidence.terms.signers(Role.TRADER))
        except WalletError as error:
            raise WalletError("EVIDENCE_INTENTS", why=error.code) from error
        found[signed.id] = signed.order
    return found


def _broken_rule(evidence: Evidence, channel: bytes, orders: Mapping[bytes, Order]) -> str:
    """The rule that the state breaks by what is in the file, "" if none."""
    state, good = evidence.states[0].state, evidence.last_good
    if good is None:
        found = rules.check_setup(evidence.terms, channel, state)
        return found.code if found else ""
    if good.state.transition is Transition.FINALIZE:
        return "FIN-AFTER" if state.increment > good.state.increment else ""
    ground = Ground(
        terms=evidence.terms,
        last=good.state,
        last_digest=evidence.domain.digest(good.state).digest,
        increment=good.state.increment + 1,
        orders=orders,
        finalize_on=evidence.domain.digest(good.state).digest,  # that nobody asked for it can't be shown
    )
    if state.transition is Transition.VOID:
        return ""  # what it answers is not in the file
    flag = rules.check(ground, state, evidence.accused)
    return flag.code if flag else ""


def needed_orders(states: Sequence[State]) -> set[bytes]:
    """The ids of all orders that ``states`` speak of."""
    return {row.id for state in states for row in state.open_orders} | {
        fill.order for state in states for fill in state.fills
    }
