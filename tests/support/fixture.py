"""Makes the journal of this version's schema that later versions must still read: ``python -m tests.support.fixture``.

Run once when a schema is new, and the file checked in under ``tests/history/fixtures``; never made again. The contents
are the same in every version, so that ``history.json`` says what any of them must export.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.game import ETH, NOW, USDT
from tests.support.histories import issued, played, write
from wallet.history.export import export_json
from wallet.history.journal import FlagRecord, Journal, Status, mark_path
from wallet.history.schema import SCHEMA_VERSION
from wallet.protocol.rules import Flag
from wallet.protocol.terms import Role

FOLDER = Path(__file__).resolve().parents[1] / "history" / "fixtures"


def fill(journal: Journal) -> bytes:
    """A played session with all there can be in a journal; the channel's id."""
    game, entries = played()
    lie = replace(entries[9].state, increment=9, order_nonce=9)
    lied = issued(game, lie, Role.BROKER, Status.FLAGGED)
    silent = replace(entries[2], trader_signature=None, own=False)  # only the next state validates it
    write(journal, game, [*entries[:2], silent, *entries[3:], lied])
    first, second = list(game.intents)[:2]
    journal.set_cancel(first, cancel=bytes(64) + b"\x1b")
    journal.set_cancel(first, receipt=bytes(64) + b"\x1c")
    journal.set_intent(second, "filled", "ORD-FUNDS")
    flag = Flag("FIN-TWICE", "one", "another", ((USDT, 7), (ETH, 2**256 - 1)))
    signature = lied.broker_signature or b""
    number = journal.add_flag(
        FlagRecord(0, game.channel, 9, flag, lied.digest, b'{"method":"propose"}', signature, NOW, 8, resolved=False)
    )
    journal.resolve_flag(number)
    journal.set_phase(game.channel, "final")
    journal.set_fact(game.channel, "finalize_on", entries[8].digest)
    return game.channel


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"history-{SCHEMA_VERSION}.db"
    journal = Journal.open(path)
    channel = fill(journal)
    export_json(journal, channel, FOLDER / "history.json")
    journal.close()
    mark_path(path).unlink()
    print(path)


if __name__ == "__main__":
    main()
