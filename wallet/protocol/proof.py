"""The withdrawal proof: one validated state as a self-contained JSON file that any tool can check and any wallet send.

Built and checked here, both purely. A proof from elsewhere is hostile until :func:`verify` has taken it apart: form,
terms, channel id, digests, signatures, intents, and that what it says was signed is what was. Source: design §3, §7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wallet.protocol import codec
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import State, Transition, payouts
from wallet.protocol.terms import Role, Terms, check_terms
from wallet.protocol.typeddata import state_typed_data

FORMAT = "trading-channels/proof"
VERSION = 1
MAX_CALLS = 100
MAX_CALL_BYTES = 64 * 1024
_KEYS = (
    *("format", "version", "chainId", "adjudicator", "terms", "envelope", "state", "intents", "signatures"),
    *("successor", "typedData", "calls"),
)


@dataclass(frozen=True, slots=True)
class ProofCall:
    """A transaction ready to be sent: ``says`` what it does, ``who`` may send it and ``when``, for a person to read."""

    to: bytes
    data: bytes
    says: str
    who: str
    when: str


@dataclass(frozen=True, slots=True)
class Successor:
    """A later state whose signature by one role stands for that role's signature on its predecessor."""

    state: State
    signatures: Mapping[Role, bytes]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof file says; nothing of it is checked but its form."""

    domain: Domain
    terms: Terms
    state: State
    intents: tuple[SignedOrder, ...]
    signatures: Mapping[Role, bytes]
    successor: Successor | None
    typed_data: object
    successor_typed_data: object
    calls: tuple[ProofCall, ...]


@dataclass(frozen=True, slots=True)
class Validated:
    """What a proof that holds is worth.

    ``payouts`` are (asset, to the trader, to the broker) in base units; ``implied`` is the role whose signature is
    on the successor, None if both are on the state; a ``final`` state needs no challenge period.
    """

    channel: bytes
    digest: bytes
    state: State
    final: bool
    implied: Role | None
    signers: Mapping[Role, bytes]
    payouts: tuple[tuple[bytes, int, int], ...]


def build(
    terms: Terms,
    domain: Domain,
    state: State,
    signatures: Mapping[Role, bytes],
    successor: Successor | None,
    intents: Sequence[SignedOrder],
    calls: Sequence[ProofCall],
) -> dict[str, Any]:
    """The proof of ``state`` as plain JSON values. ``intents`` may be more than those of its open orders.

    ``successor`` is used only where a signature is missing that it brings. Raises WalletError("PROOF_…") rather than
    give out what does not hold.
    """
    by_id = {signed.id: signed for signed in intents}
    needed = successor if len(signatures) < len(Role) else None
    shown = {
        "format": FORMAT,
        "version": VERSION,
        "chainId": domain.chain_id,
        "adjudicator": codec.show_hex(domain.contract),
        "terms": codec.show_terms(terms),
        **show_state(domain, state, signatures),
        "intents": [codec.show_signed_order(by_id[row.id]) for row in state.open_orders if row.id in by_id],
        "successor": show_state(domain, needed.state, needed.signatures) if needed else None,
        "calls": [_show_call(call) for call in calls],
    }
    verify(parse(shown))
    return {key: shown[key] for key in _KEYS}


def show_state(domain: Domain, state: State, signatures: Mapping[Role, bytes]) -> dict[str, Any]:
    """A state as files carry it: envelope, array, signatures (null where there is none), what was signed."""
    return {
        "envelope": codec.envelope(state),
        "state": codec.state_array(state),
        "signatures": {
            codec.show_enum(role): codec.show_hex(signatures[role]) if role in signatures else None
            for role in (Role.TRADER, Role.BROKER)
        },
        "typedData": state_typed_data(domain, state),
    }


def _show_call(call: ProofCall) -> dict[str, str]:
    return {
        "to": codec.show_hex(call.to),
        "data": codec.show_hex(call.data),
        "says": call.says,
        "who": call.who,
        "when": call.when,
    }


# --- reading -----------------------------------------------------------------------------------------------------


def parse(value: object) -> Proof:
    """A proof from what a strict JSON decoder gave.

    Raises WalletError("PROOF_VERSION") for a format this program doesn't know, WalletError("PROOF_FORM", what, got)
    for anything else that has not exactly the form of a proof.
    """
    try:
        return _parse(value)
    except WalletError as error:
        if error.code != "WIR-FORM":
            raise
        raise WalletError("PROOF_FORM", **error.params) from error


def _parse(value: object) -> Proof:
    if isinstance(value, dict) and value.get("format") == FORMAT and value.get("version") != VERSION:
        raise WalletError("PROOF_VERSION", got=repr(value.get("version"))[:20], known=VERSION)
    row = codec.read_object(value, "proof", _KEYS)
    if row["format"] != FORMAT or type(row["version"]) is not int:
        raise codec.malformed("format", row["format"])
    successor = row["successor"]
    if successor is not None:
        successor = codec.read_object(successor, "successor", ("envelope", "state", "signatures", "typedData"))
    return Proof(
        domain=Domain(codec.read_int(row["chainId"], "chainId"), codec.read_hex(row["adjudicator"], 20, "adjudicator")),
        terms=codec.read_terms(row["terms"]),
        state=codec.read_state(row["envelope"], row["state"]),
        intents=tuple(codec.read_signed_order(item) for item in codec.read_list(row["intents"], "intents")),
        signatures=read_signatures(row["signatures"]),
        successor=None
        if successor is None
        else Successor(
            codec.read_state(successor["envelope"], successor["state"]), read_signatures(successor["signatures"])
        ),
        typed_data=row["typedData"],
        successor_typed_data=successor["typedData"] if successor else None,
        calls=tuple(_read_call(item) for item in codec.read_list(row["calls"], "calls")),
    )


def read_signatures(value: object) -> dict[Role, bytes]:
    """The signatures that are not null; WalletError("WIR-FORM") for another form."""
    row = codec.read_object(value, "signatures", ("trader", "broker"))
    roles = {Role.TRADER: row["trader"], Role.BROKER: row["broker"]}
    return {role: codec.read_hex(item, 65, "signature") for role, item in roles.items() if item is not None}


def _read_call(value: object) -> ProofCall:
    row = codec.read_object(value, "call", ("to", "data", "says", "who", "when"))
    return ProofCall(
        codec.read_hex(row["to"], 20, "to"),
        codec.read_hex(row["data"], None, "data", MAX_CALL_BYTES),
        *(codec.read_text(row[key], key, 500) for key in ("says", "who", "when")),
    )


def with_typed_data(proof: Proof) -> Proof:
    """The proof with the typed data of its states: what a copy that lacks them says was signed."""
    successor = proof.successor
    return replace(
        proof,
        typed_data=state_typed_data(proof.domain, proof.state),
        successor_typed_data=state_typed_data(proof.domain, successor.state) if successor else None,
    )


# --- checking ----------------------------------------------------------------------------------------------------


def verify(proof: Proof) -> Validated:
    """What the proof is worth, if every part of it holds.

    Raises WalletError("PROOF_TERMS" | "PROOF_CHANNEL" | "PROOF_STATE" | "PROOF_INTENTS" | "PROOF_TYPED_DATA" |
    "PROOF_SUCCESSOR" | "PROOF_SIGNATURE" | "PROOF_CALLS", why=…). What only the chain knows (that the channel is
    open, that the adjudicator's code is the one expected) is for the caller to ask there.
    """
    _check_terms(proof)
    channel = proof.domain.digest(proof.terms).digest
    if proof.state.channel != channel:
        raise WalletError("PROOF_CHANNEL", expected="0x" + channel.hex(), got="0x" + proof.state.channel.hex())
    for why in _outcome_problems(proof.terms, proof.state):
        raise WalletError("PROOF_STATE", why=why)
    _check_intents(proof)
    if proof.typed_data != state_typed_data(proof.domain, proof.state):
        raise WalletError("PROOF_TYPED_DATA", why="state")
    digest = proof.domain.digest(proof.state).digest
    implied = _implied_role(proof, digest)
    _check_calls(proof)
    return Validated(
        channel=channel,
        digest=digest,
        state=proof.state,
        final=proof.state.transition is Transition.FINALIZE,
        implied=implied,
        signers={role: _check_signature(proof, role, implied is role) for role in Role},
        payouts=payouts(proof.terms, proof.state),
    )


def _check_terms(proof: Proof) -> None:
    try:
        check_terms(proof.terms)
    except WalletError as error:
        raise WalletError("PROOF_TERMS", why=error.code) from error


def _outcome_problems(terms: Terms, state: State) -> Iterator[str]:
    """What the adjudicator would refuse in the state itself."""
    if (state.increment == 0) != (state.transition is Transition.SETUP):
        yield "SET-NONZERO"
    if [row.asset for row in state.outcomes] != [row.asset for row in terms.assets]:
        yield "AST-UNKNOWN"
        return
    for row, asset in zip(state.outcomes, terms.assets, strict=True):
        if row.to_broker and row.to_trader:
            yield "OUT-BOTH"
        if state.increment == 0 and (row.to_broker or row.to_trader):
            yield "SET-NONZERO"
        if row.to_broker > asset.allocation:
            yield "AST-CAP-ALLOCATION"
        if row.to_trader > asset.collateral:
            yield "AST-CAP-COLLATERAL"


def _check_intents(proof: Proof) -> None:
    """Every open order with the intent the trader signed for it, in the same order, and no other intent."""
    if [signed.id for signed in proof.intents] != [row.id for row in proof.state.open_orders]:
        raise WalletError("PROOF_INTENTS", why="ORD-UNKNOWN")
    for signed, row in zip(proof.intents, proof.state.open_orders, strict=True):
        order = signed.order
        typed = proof.domain.digest(order)
        if typed.digest != signed.id or order.channel != proof.state.channel:
            raise WalletError("PROOF_INTENTS", why="ORD-OTHER-CHANNEL-INTENT")
        if (order.base, order.quote, int(order.side), order.price, order.amount) != tuple(row[1:6]):
            raise WalletError("PROOF_INTENTS", why="ORD-UNKNOWN")
        try:
            require_signer(typed, signed.signature, proof.terms.signers(Role.TRADER))
        except WalletError as error:
            raise WalletError("PROOF_INTENTS", why=error.code) from error


def _implied_role(proof: Proof, digest: bytes) -> Role | None:
    """The role whose signature is on the successor; None if the state needs none."""
    missing = [role for role in Role if role not in proof.signatures]
    if not missing:
        if proof.successor is not None:
            raise WalletError("PROOF_SUCCESSOR", why="SUCCESSOR-NOT-NEEDED")
        return None
    needs_both = proof.state.transition in (Transition.SETUP, Transition.FINALIZE)
    if proof.successor is None or len(missing) > 1 or needs_both:
        raise WalletError("PROOF_SIGNATURE", role=codec.show_enum(missing[0]), why="SIG-MISSING")
    successor = proof.successor.state
    if successor.channel != proof.state.channel or successor.previous != digest:
        raise WalletError("PROOF_SUCCESSOR", why="CHN-PREV-FORK")
    if successor.increment <= proof.state.increment:
        raise WalletError("PROOF_SUCCESSOR", why="INC-SKIP")
    if list(proof.successor.signatures) != missing:
        raise WalletError("PROOF_SUCCESSOR", why="SIG-MISSING")
    if proof.successor_typed_data != state_typed_data(proof.domain, successor):
        raise WalletError("PROOF_TYPED_DATA", why="successor")
    return missing[0]


def _check_signature(proof: Proof, role: Role, on_successor: bool) -> bytes:
    """The address that signed for ``role``."""
    state, signatures = proof.state, proof.signatures
    if on_successor and proof.successor is not None:
        state, signatures = proof.successor.state, proof.successor.signatures
    try:
        return require_signer(proof.domain.digest(state), signatures[role], proof.terms.signers(role))
    except WalletError as error:
        raise WalletError("PROOF_SIGNATURE", role=codec.show_enum(role), why=error.code) from error


def _check_calls(proof: Proof) -> None:
    """All of them go to the adjudicator; what they carry is not judged: this program always makes its own."""
    if len(proof.calls) > MAX_CALLS:
        raise WalletError("PROOF_CALLS", why=len(proof.calls))
    for call in proof.calls:
        if call.to != proof.domain.contract:
            raise WalletError("PROOF_CALLS", why="0x" + call.to.hex())
