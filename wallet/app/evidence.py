"""Evidence of what the broker signed and may not have: from a flag of the history to a file, and what a file shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from wallet.app.messages import sentence
from wallet.app.profile import write_file
from wallet.app.proofs import read_json
from wallet.history.journal import ChannelRecord, Entry, FlagRecord
from wallet.history.reader import HistoryReader
from wallet.history.validation import validation_of
from wallet.protocol import codec
from wallet.protocol import evidence as files
from wallet.protocol.errors import WalletError
from wallet.protocol.evidence import Evidence, Finding, Signed, needed_orders
from wallet.protocol.terms import Role


def save(journal: HistoryReader, flag: int, path: Path) -> None:
    """Writes the evidence of a flag, owner-only.

    Raises WalletError("FLAG_UNKNOWN" | "CHANNEL_UNKNOWN" | "EVIDENCE_…" | "FILE_UNWRITABLE").
    """
    write_file(path, msgspec.json.format(msgspec.json.encode(files.build(_gather(journal, flag))), indent=2))


def load(path: Path) -> Evidence:
    """A file of anyone's, checked in its form only. Raises WalletError("FILE_UNREADABLE" | "EVIDENCE_…" | "JSON_…")."""
    return files.parse(read_json(path))


def describe(evidence: Evidence) -> tuple[dict[str, Any], str]:
    """Checks evidence and says what it shows, as JSON and as text. Raises WalletError("EVIDENCE_…")."""
    found = files.verify(evidence)
    value = {
        "valid": True,
        "kind": found.kind,
        "proven": bool(found.proven),
        "rule": found.proven or evidence.flag.code,
        "accused": codec.show_enum(found.accused),
        "channel": codec.show_hex(found.channel),
        "chainId": evidence.domain.chain_id,
        "adjudicator": codec.show_hex(evidence.domain.contract),
        "increment": found.increment,
        "digests": [codec.show_hex(digest) for digest in found.digests],
        "signers": [codec.show_hex(signer) for signer in found.signers],
    }
    return value, "\n".join(_lines(evidence, found))


def _lines(evidence: Evidence, found: Finding) -> Iterator[str]:
    role = codec.show_enum(found.accused)
    if found.kind == files.EQUIVOCATION:
        yield sentence("EVIDENCE-TWO", {"role": role, "increment": found.increment})
        for digest, signer in zip(found.digests, found.signers, strict=True):
            yield f"  {codec.show_hex(digest)} by {codec.show_hex(signer)}"
        return
    code = "EVIDENCE-RULE" if found.proven else "EVIDENCE-SIGNED"
    yield sentence(code, {"role": role, "increment": found.increment, "rule": found.proven or evidence.flag.code})
    yield "  " + sentence(found.proven or evidence.flag.code)


# --- from the history ------------------------------------------------------------------------------------------------


def _gather(journal: HistoryReader, flag: int) -> Evidence:
    row = next((row for row in journal.flags() if row.id == flag), None)
    if row is None:
        raise WalletError("FLAG_UNKNOWN", flag=flag)
    record = journal.channel(row.channel)
    if record is None:
        raise WalletError("CHANNEL_UNKNOWN", channel=codec.show_hex(row.channel))
    accused = record.role.other
    other = next(_others(journal, record, row, accused), None)
    states = (_flagged(record, row, accused), *((other,) if other else ()))
    good = _last_good(journal, row)
    spoken = [signed.state for signed in states] + ([good.state] if good else [])
    intents = [found.signed for order in sorted(needed_orders(spoken)) if (found := journal.intent(order)) is not None]
    return Evidence(
        record.domain,
        record.terms,
        accused,
        row.flag,
        row.time,
        states,
        good,
        tuple(intents[: codec.MAX_ROWS]),
        row.raw,
    )


def _flagged(record: ChannelRecord, row: FlagRecord, accused: Role) -> Signed:
    """The state in the raw bytes of a proposal."""
    try:
        state = files.state_in(row.raw)
    except (WalletError, LookupError, TypeError) as error:
        raise WalletError("EVIDENCE_RAW", flag=row.id) from error
    if record.domain.digest(state).digest != row.digest:
        raise WalletError("EVIDENCE_RAW", flag=row.id)
    return Signed(state, {accused: row.signature})


def _others(journal: HistoryReader, record: ChannelRecord, row: FlagRecord, accused: Role) -> Iterator[Signed]:
    """What else he signed at the same number: recorded states first, then other flags."""
    for entry in journal.entries(record.id, row.increment):
        if entry.digest != row.digest and entry.signature(accused) is not None:
            yield _signed(entry)
    for flag in journal.flags(record.id):
        if flag.increment == row.increment and flag.digest != row.digest:
            yield _flagged(record, flag, accused)


def _last_good(journal: HistoryReader, row: FlagRecord) -> Signed | None:
    if row.increment == 0:
        return None
    entries = journal.entries(row.channel, row.last_good)
    return next((_signed(entry) for entry in entries if validation_of(journal, entry) is not None), None)


def _signed(entry: Entry) -> Signed:
    signatures = {role: entry.signature(role) for role in Role}
    return Signed(entry.state, {role: found for role, found in signatures.items() if found is not None})
