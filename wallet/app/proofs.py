"""Withdrawal proofs of our own states, and what a proof file of anyone's is worth: made, read, explained, sent.

Source: design §7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from wallet.app.messages import sentence
from wallet.app.profile import write_file
from wallet.app.standing import is_over
from wallet.chain import calls
from wallet.chain.calls import Call, Validation
from wallet.chain.client import OnChain, Status
from wallet.history.journal import ChannelRecord, Entry
from wallet.history.reader import HistoryReader
from wallet.history.validation import Validation as Recorded
from wallet.history.validation import best_validated, validation_of
from wallet.protocol import codec, scan, strictjson
from wallet.protocol import proof as proofs
from wallet.protocol.errors import WalletError
from wallet.protocol.proof import Proof, ProofCall, Successor, Validated
from wallet.protocol.state import Outcome, State, Transition, payouts
from wallet.protocol.terms import Role, Terms
from wallet.session.settlement import RECORD_BLOCKS

if TYPE_CHECKING:
    from wallet.app.account import Account

MAX_FILE = 8 * 1024 * 1024
_DERIVED = ("typedData", "calls")  # what follows from the rest of a proof


def make(journal: HistoryReader, record: ChannelRecord, increment: int | None) -> tuple[int, dict[str, Any]]:
    """The proof of one validated state (None: the best); its increment and its JSON object.

    Raises WalletError("PROOF_NO_STATE") if there is no validated state of that number.
    """
    found = best_validated(journal, record.id) if increment is None else _validated(journal, record.id, increment)
    if found is None:
        raise WalletError("PROOF_NO_STATE", increment="any" if increment is None else increment)
    entry, how = found
    signatures = {role: signature for role in Role if (signature := entry.signature(role)) is not None}
    successor = None
    if how.successor is not None and how.implied is not None:
        successor = Successor(how.successor.state, {how.implied: how.successor.signature(how.implied) or b""})
    intents = [row.signed for order in entry.state.open_orders if (row := journal.intent(order.id)) is not None]
    ready = _calls(record.contract, record.terms, entry.state, _validation(signatures, successor))
    value = proofs.build(record.terms, record.domain, entry.state, signatures, successor, intents, ready)
    return entry.state.increment, value


def _validated(journal: HistoryReader, channel: bytes, increment: int) -> tuple[Entry, Recorded] | None:
    """The state of one number that can be proved, and how."""
    for entry in journal.entries(channel, increment):
        how = validation_of(journal, entry)
        if how is not None:
            return entry, how
    return None


def save(journal: HistoryReader, record: ChannelRecord, path: Path, increment: int | None) -> int:
    """Writes a proof file, owner-only; the increment of its state."""
    number, value = make(journal, record, increment)
    write_file(path, msgspec.json.format(msgspec.json.encode(value), indent=2))
    return number


def load(path: Path) -> Proof:
    """A proof file of anyone's, or the text of its printed codes, checked in its form only.

    Raises WalletError("FILE_UNREADABLE" | "PROOF_FORM" | "PROOF_VERSION" | "JSON_…" | "SCAN_…").
    """
    data = read_file(path)
    if scan.is_scanned(data[:64].decode("ascii", "replace")):
        return _scanned(data.decode("ascii", "replace"))
    return proofs.parse(strictjson.loads(data, max_bytes=MAX_FILE))


def show(proof: Proof) -> dict[str, Any]:
    """The JSON object of a proof that was read. Raises WalletError("PROOF_…") for one that does not hold."""
    return proofs.build(
        proof.terms, proof.domain, proof.state, proof.signatures, proof.successor, proof.intents, proof.calls
    )


def slim(value: Mapping[str, Any]) -> bytes:
    """The proof without what can be made again: what its printed codes carry."""
    kept = {key: item for key, item in value.items() if key not in _DERIVED}
    if kept["successor"] is not None:
        kept["successor"] = {key: item for key, item in kept["successor"].items() if key not in _DERIVED}
    return msgspec.json.encode(kept)


def _scanned(text: str) -> Proof:
    """The proof that a scanner read, whole again."""
    value = strictjson.loads(scan.join(text), max_bytes=scan.MAX_BYTES)
    if not isinstance(value, dict) or any(key in value for key in _DERIVED):
        raise WalletError("PROOF_FORM", what="scanned proof", got="")
    successor = value.get("successor")
    if isinstance(successor, dict):
        value["successor"] = {**successor, "typedData": None}
    proof = proofs.with_typed_data(proofs.parse({**value, "typedData": None, "calls": []}))
    proofs.verify(proof)  # before calls are made of it
    return replace(proof, calls=tuple(_calls(proof.domain.contract, proof.terms, proof.state, validation(proof))))


def read_json(path: Path) -> object:
    """What is in a file of anyone's, bounded and strictly decoded. Raises WalletError("FILE_UNREADABLE" | "JSON_…")."""
    return strictjson.loads(read_file(path), max_bytes=MAX_FILE)


def read_file(path: Path) -> bytes:
    """The bytes of a file of anyone's, one more than allowed at most. Raises WalletError("FILE_UNREADABLE")."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE + 1)
    except OSError as error:
        raise WalletError("FILE_UNREADABLE", path=str(path), why=error.strerror or "") from error


def describe(proof: Proof) -> tuple[dict[str, Any], str]:
    """Checks a proof and says what it is worth to whom, as JSON and as text. Raises WalletError("PROOF_…")."""
    worth = proofs.verify(proof)
    rows = [
        {"asset": codec.show_hex(asset), "trader": str(trader), "broker": str(broker)}
        for asset, trader, broker in worth.payouts
    ]
    value = {
        "valid": True,
        "channel": codec.show_hex(worth.channel),
        "chainId": proof.domain.chain_id,
        "adjudicator": codec.show_hex(proof.domain.contract),
        "increment": worth.state.increment,
        "final": worth.final,
        "validation": _show_validation(proof, worth),
        "trader": codec.show_hex(proof.terms.trader),
        "broker": codec.show_hex(proof.terms.broker),
        "pays": rows,
    }
    lines = [
        sentence("PROOF-FINAL" if worth.final else "PROOF-OPEN", {"increment": worth.state.increment}),
        *describe_lines(proof, worth),
        *(f"  {row['asset']}: trader {row['trader']}, broker {row['broker']} (base units)" for row in rows),
    ]
    return value, "\n".join(lines)


def told(proof: Proof) -> dict[str, Any]:
    """What a screen shows of a proof: its worth as ``value`` and ``text``, and the whole of it as ``proof``; how it
    stands on its chain (``standing``, and whether it ``counts`` there) is for who has a node to ask.
    """
    value, text = describe(proof)
    return {"value": value, "text": text, "proof": show(proof), "standing": "", "counts": False}


def _show_validation(proof: Proof, worth: Validated) -> dict[str, Any]:
    if worth.implied is None or proof.successor is None:
        return {"kind": "both"}
    following = proof.successor.state.increment
    return {"kind": "implied", "role": codec.show_enum(worth.implied), "increment": following}


def describe_lines(proof: Proof, worth: Validated) -> list[str]:
    shown = _show_validation(proof, worth)
    if shown["kind"] == "both":
        return [sentence("PROOF-BOTH")]
    return [sentence("PROOF-IMPLIED", {"role": shown["role"], "increment": shown["increment"]})]


async def submit(account: Account, proof: Proof) -> dict[str, Any]:
    """Sends what is due by the proof and may be sent by its bearer: close for a final state, else the start of a
    dispute, an answer in one, the settlement after it, what it credited to the trader's own address.

    Raises WalletError("PROOF_…") if it does not hold, WalletError("PROOF_ELSEWHERE") for another chain or contract,
    WalletError("PROOF_NOT_YOURS") if only its owner may send what is due, WalletError("PROOF_SETTLED") if all is over.
    """
    worth = proofs.verify(proof)
    if proof.domain != account.broker.domain:
        raise WalletError(
            "PROOF_ELSEWHERE", chain=proof.domain.chain_id, contract=codec.show_hex(proof.domain.contract)
        )
    due, sent = await _due(account, proof, worth)
    sender = account.chain.sender(account.owner, f"proof {sent}")
    receipts = [await sender.execute(call) for call in due]
    await account.chain.refresh()
    return {
        "sent": sent,
        "transaction": codec.show_hex(receipts[-1].transaction),
        "next": sentence(_NEXT[sent], {"seconds": proof.terms.challenge_period}),
    }


_NEXT = {
    "close": "PROOF-NEXT-WITHDRAW",
    "settle": "PROOF-NEXT-WITHDRAW",
    "respond": "PROOF-NEXT-WAIT",
    "challenge": "PROOF-NEXT-WAIT",
    "pay out": "PROOF-NEXT-PAID",
}


async def _due(account: Account, proof: Proof, worth: Validated) -> tuple[list[Call], str]:
    on_chain = account.chain.contract
    found = await on_chain.channel(worth.channel)
    contract, terms, signatures = proof.domain.contract, proof.terms, proof.signatures
    if found.status is Status.NONE:
        raise WalletError("PROOF_NOT_OPEN", channel=codec.show_hex(worth.channel))
    if found.status is Status.SETTLED:
        credited = [row.asset for row in terms.assets if await on_chain.credit(terms.trader, row.asset)]
        if not credited:
            raise WalletError("PROOF_SETTLED", channel=codec.show_hex(worth.channel))
        return [calls.push_credit(contract, asset, terms.trader) for asset in credited], "pay out"
    if worth.final:
        return [calls.close(contract, terms, proof.state, signatures[Role.TRADER], signatures[Role.BROKER])], "close"
    due = validation(proof)
    if found.status is Status.DISPUTED:
        if await is_over(on_chain, found):
            return [calls.settle(contract, terms, await _recorded(account, proof, found))], "settle"
        if proof.state.increment == found.increment:
            raise WalletError("PROOF_RECORDED", increment=found.increment, deadline=found.deadline)
        if proof.state.increment < found.increment:
            raise WalletError("PROOF_LOWER", increment=proof.state.increment, recorded=found.increment)
        return [calls.respond(contract, terms, proof.state, due)], "respond"
    if account.address not in (terms.trader, terms.broker):
        raise WalletError("PROOF_NOT_YOURS", owner=codec.show_hex(terms.trader))
    return [calls.challenge(contract, terms, proof.state, due)], "challenge"


async def _recorded(account: Account, proof: Proof, found: OnChain) -> tuple[Outcome, ...]:
    """What the contract will pay by: the proof's own outcomes, or what its events say was recorded."""
    if calls.outcomes_hash(proof.state.outcomes) == found.outcomes_hash:
        return proof.state.outcomes
    last = await account.chain.contract.rpc.block_number()
    return await account.chain.contract.recorded_outcomes(proof.state.channel, max(0, last - RECORD_BLOCKS), last)


def validation(proof: Proof) -> Validation:
    """What the contract is shown of a proof that holds."""
    return _validation(proof.signatures, proof.successor)


def _validation(signatures: Mapping[Role, bytes], successor: Successor | None) -> Validation:
    """The proof's signatures as the contract takes them, the missing role's from the successor."""
    role = next(iter(successor.signatures)) if successor else None
    on = {**signatures, **(successor.signatures if successor else {})}
    return Validation(on[Role.TRADER], on[Role.BROKER], successor.state if successor else None, role)


def _calls(contract: bytes, terms: Terms, state: State, validation: Validation) -> Sequence[ProofCall]:
    """Ready-made transactions, so that any wallet can act on the proof with this program gone."""
    trader, broker = validation.trader_signature, validation.broker_signature
    ready: list[tuple[Call, str]] = []
    if state.transition is Transition.FINALIZE:
        ready.append((calls.close(contract, terms, state, trader, broker), "CLOSE"))
    else:
        ready.append((calls.challenge(contract, terms, state, validation), "CHALLENGE"))
        ready.append((calls.respond(contract, terms, state, validation), "RESPOND"))
        ready.append((calls.settle(contract, terms, state.outcomes), "SETTLE"))
    for asset, to_trader, _ in payouts(terms, state):
        if to_trader:
            ready.append((calls.withdraw(contract, asset, to_trader, terms.trader), "WITHDRAW"))
    return [
        ProofCall(
            call.to,
            call.data,
            sentence(f"CALL-{name}-SAYS"),
            sentence(f"CALL-{name}-WHO"),
            sentence(f"CALL-{name}-WHEN"),
        )
        for call, name in ready
    ]
