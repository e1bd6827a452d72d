"""The printed page of a proof: what it says, and the codes that carry the whole proof. No Qt: others draw it.

Source: design §7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from wallet.app.messages import sentence
from wallet.app.proofs import describe_lines, slim
from wallet.app.snapshots import AssetInfo
from wallet.protocol import codec, scan
from wallet.protocol import proof as proofs
from wallet.protocol.amounts import format_amount


@dataclass(frozen=True, slots=True)
class Sheet:
    """``rows`` are (name, value), ``pays`` (symbol, address, to the trader, to the broker), ``codes`` of QR texts."""

    title: str
    subtitle: str
    rows: tuple[tuple[str, str], ...]
    pays: tuple[tuple[str, str, str, str], ...]
    steps: tuple[str, ...]
    codes: tuple[str, ...]
    note: str
    no_room: str  # instead of the note, where the codes do not fit below the rest


def sheet(value: Mapping[str, Any], assets: Mapping[bytes, AssetInfo]) -> Sheet:
    """The page of a proof as it stands in its JSON file. Raises WalletError("PROOF_…") for one that does not hold."""
    proof = proofs.parse(dict(value))
    worth = proofs.verify(proof)
    texts = scan.codes(slim(value))
    digest = sha256(msgspec.json.encode(value)).hexdigest()
    final = sentence("PROOF-FINAL" if worth.final else "PROOF-OPEN", {"increment": worth.state.increment})
    rows = (
        ("Chain", str(proof.domain.chain_id)),
        ("Contract", codec.show_hex(proof.domain.contract)),
        ("Channel", codec.show_hex(worth.channel)),
        ("Trader", codec.show_hex(proof.terms.trader)),
        ("Broker", codec.show_hex(proof.terms.broker)),
        ("State", str(worth.state.increment)),
        ("Digest", codec.show_hex(worth.digest)),
        ("Challenge period", f"{proof.terms.challenge_period} s"),
        ("SHA-256 of the values", digest),
    )
    pays = tuple((*_name(assets, a), _amount(assets, a, t), _amount(assets, a, b)) for a, t, b in worth.payouts)
    steps = tuple(f"{call.says} {call.who} {call.when}" for call in proof.calls)
    note = sentence("SHEET-CODES" if texts else "SHEET-NO-CODES", {"count": len(texts)})
    subtitle = " ".join((*(line.strip() for line in describe_lines(proof, worth)), final))
    return Sheet("Withdrawal proof", subtitle, rows, pays, steps, tuple(texts), note, sentence("SHEET-NO-CODES"))


def _name(assets: Mapping[bytes, AssetInfo], asset: bytes) -> tuple[str, str]:
    found = assets.get(asset)
    return found.symbol if found else "Asset", codec.show_hex(asset)


def _amount(assets: Mapping[bytes, AssetInfo], asset: bytes, amount: int) -> str:
    found = assets.get(asset)
    return format_amount(amount, found.decimals) if found else f"{amount} base units"
