"""Power loss on the broker's side, judged: what a cut may leave of his ledger, opened by the program's own code.

The promise: it opens, its histories verify, and it holds every signature, order and standing that had left for a
trader. The journal's unique index then keeps a second digest from every number at which one has left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crashes.power import Cuts
from tests.crashes.trace import Event, Send
from wallet.broker.ledger import Ledger
from wallet.broker.loading import load
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history
from wallet.protocol.errors import WalletError

FOLDER = "broker"  # in the traced one
NOTHING = bytes(32)


@dataclass
class BrokerSent:
    """What had left the broker, for whichever trader."""

    signatures: set[bytes] = field(default_factory=set)  # on states: his own, ACKs, voids, countersignatures
    orders: set[bytes] = field(default_factory=set)  # ids that he took
    named: set[bytes] = field(default_factory=set)  # digests that he called his highest

    @property
    def any(self) -> bool:
        return bool(self.signatures)

    def hear(self, message: dict[str, Any]) -> None:
        params, result = message.get("params", {}), message.get("result", {})
        if message.get("method") in ("propose", "ack"):
            self.signatures.add(_read(params["signature"]))
        elif "ack" in result:
            self.signatures.add(_read(result["ack"]))
        elif "refuse" in result:
            self.signatures.add(_read(result["refuse"]["signature"]))
        elif "id" in result:
            self.orders.add(_read(result["id"]))
        elif {"increment", "digest"} <= result.keys():
            self.named.add(_read(result["digest"]))


class BrokerReplay(Cuts[BrokerSent]):
    """The broker's part of a trace."""

    def __init__(self, events: list[Event], root: Path) -> None:
        mine = f"{root.resolve() / FOLDER}/"
        own = [event for event in events if isinstance(event, Send) or f"{event.path}/".startswith(mine)]
        super().__init__(own, root, Path(FOLDER) / "broker.db")

    def nothing(self) -> BrokerSent:
        return BrokerSent()

    def look(self, image: Path, sent: BrokerSent, *, whole: bool) -> list[str]:
        file = image / FOLDER / "broker.db"
        if not file.exists():
            return ["the ledger is gone"] if sent.any else []
        try:
            ledger = Ledger(file, lambda _: None)
        except WalletError as error:
            return [f"it does not open: {error}"]
        try:
            if ledger.store.row("PRAGMA integrity_check") != ("ok",):
                return ["SQLite finds it damaged"]
            list(load(ledger))
            return _lost(ledger, sent) + (_verify(file, ledger) if whole else [])
        except WalletError as error:
            return [f"it can't be read: {error}"]
        finally:
            ledger.close()


def _lost(ledger: Ledger, sent: BrokerSent) -> list[str]:
    """What had left and is not there."""
    findings = []
    held = {bytes(row[0]) for row in ledger.store.rows("SELECT broker_signature FROM states WHERE own")}
    if lost := len(sent.signatures - held):
        findings.append(f"{lost} signed states are lost")
    taken = {bytes(row[0]) for row in ledger.store.rows("SELECT id FROM intents")}
    if lost := len(sent.orders - taken):
        findings.append(f"{lost} orders are lost")
    known = {bytes(row[0]) for row in ledger.store.rows("SELECT digest FROM states")}
    if lost := len(sent.named - known - {NOTHING}):
        findings.append(f"{lost} states that he called his highest are lost")
    return findings


def _verify(file: Path, ledger: Ledger) -> list[str]:
    with HistoryReader(file) as history:
        found = [verify_history(history, record.id) for record in ledger.journal.channels()]
    return [f"the history does not hold: {verdict}" for verdict in found if not verdict.sound]


def _read(text: str) -> bytes:
    return bytes.fromhex(text[2:])
