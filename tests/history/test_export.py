"""Exports hold all there is, are whole or absent, and can be checked without this program."""

from __future__ import annotations

import csv
import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.support.game import CONTRACT, LOT, NOW, USDT, Game
from tests.support.histories import entry_of, journal_with, played
from tests.support.tamper import tamper
from wallet.history.export import PROGRESS_EVERY, export_csv, export_json
from wallet.history.journal import FlagRecord, Journal
from wallet.history.reader import HistoryReader
from wallet.history.store import Store
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.rules import Flag
from wallet.protocol.typeddata import state_typed_data

FLAG = FlagRecord(
    id=0,
    channel=b"",
    increment=3,
    flag=Flag("BAL-DEFLATE", "2", '1","x', ((USDT, 2**200),)),
    digest=b"\1" * 32,
    raw=b"\xff{",
    signature=bytes(65),
    time=NOW,
    last_good=2,
    resolved=False,
)


def names(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


@pytest.fixture
def game_and_journal(tmp_path: Path) -> Iterator[tuple[Game, Journal]]:
    game, entries = played()
    journal = journal_with(tmp_path / "history.db", game, entries)
    journal.add_flag(replace(FLAG, channel=game.channel))
    yield game, journal
    journal.close()


def exported(journal: Journal, game: Game, path: Path) -> Any:
    count = export_json(journal, game.channel, path)
    value = json.loads(path.read_bytes())
    assert count == len(value["states"])
    return value


def test_everything_is_there(game_and_journal: tuple[Game, Journal], tmp_path: Path) -> None:
    game, journal = game_and_journal
    value = exported(journal, game, tmp_path / "out.json")
    assert list(value) == [
        *("format", "version", "chainId", "adjudicator", "channel", "role", "terms", "intents", "states", "flags"),
    ]
    assert (value["format"], value["version"], value["chainId"]) == ("trading-channels/history", 1, 31337)
    assert (value["adjudicator"], value["role"]) == ("0x" + CONTRACT.hex(), "trader")
    assert value["channel"] == "0x" + game.channel.hex()
    assert codec.read_terms(value["terms"]) == game.terms
    entries = list(journal.walk(game.channel))
    assert [codec.read_state(row["envelope"], row["state"]) for row in value["states"]] == [
        entry.state for entry in entries
    ]
    assert [row["status"] for row in value["states"]] == ["validated"] * 4 + ["refused"] + ["validated"] * 5
    assert value["states"][4]["signatures"]["trader"] is None
    for row, entry in zip(value["states"], entries, strict=True):
        assert set(row) == {"envelope", "state", "digest", "issuer", "status", "signatures", "validation"}
        assert row["digest"] == "0x" + entry.digest.hex()
        assert row["issuer"] == entry.issuer.name.lower()
    for row in value["intents"]:
        assert set(row) == {"id", "order", "signature", "status", "reason", "cancel", "receipt"}
        signed = codec.read_signed_order({key: row[key] for key in ("id", "order", "signature")})
        assert game.intents[signed.id] == signed
    assert value["flags"] == [
        {
            "code": "BAL-DEFLATE",
            "increment": 3,
            "expected": "2",
            "got": '1","x',
            "cost": [["0x" + USDT.hex(), str(2**200)]],
            "digest": "0x" + "01" * 32,
            "signature": "0x" + "00" * 65,
            "raw": "0xff7b",
            "time": NOW,
            "lastGood": 2,
            "resolved": False,
        }
    ]


def test_signatures_hold_by_eth_account(game_and_journal: tuple[Game, Journal], tmp_path: Path) -> None:
    game, journal = game_and_journal
    value = exported(journal, game, tmp_path / "out.json")
    signers = {"trader": value["terms"]["traderSigner"], "broker": value["terms"]["brokerSigner"]}
    count = 0
    for row in value["states"]:
        state = codec.read_state(row["envelope"], row["state"])
        message = encode_typed_data(full_message=state_typed_data(game.domain, state))
        for role, signature in row["signatures"].items():
            if signature is not None:
                assert Account.recover_message(message, signature=signature).lower() == signers[role]
                count += 1
    assert count == 19


def test_csv(game_and_journal: tuple[Game, Journal], tmp_path: Path) -> None:
    game, journal = game_and_journal
    path = tmp_path / "out.csv"
    assert export_csv(journal, game.channel, path) == 10
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["increment"]) for row in rows] == list(range(10))
    assert rows[4]["status"] == "refused"
    assert rows[9]["transition"] == "finalize"
    for row, entry in zip(rows, journal.walk(game.channel), strict=True):
        assert row["digest"] == "0x" + entry.digest.hex()
        for balance, outcome in zip(entry.state.balances, entry.state.outcomes, strict=True):
            asset = "0x" + balance.asset.hex()
            assert int(row[f"available {asset}"]) == balance.available
            assert int(row[f"locked {asset}"]) == balance.locked
            assert int(row[f"to_broker {asset}"]) == outcome.to_broker
            assert int(row[f"to_trader {asset}"]) == outcome.to_trader


@pytest.mark.parametrize("export", [export_json, export_csv])
def test_owner_only_and_nothing_beside_it(game_and_journal: tuple[Game, Journal], tmp_path: Path, export: Any) -> None:
    game, journal = game_and_journal
    out = tmp_path / "out"
    out.mkdir()
    (out / "file").write_text("old")
    (out / "file").chmod(0o644)
    export(journal, game.channel, out / "file")
    assert names(out) == ["file"]
    assert (out / "file").stat().st_size > 1000
    if sys.platform != "win32":
        assert stat.S_IMODE((out / "file").stat().st_mode) == 0o600


def failed(code: str, export: Any, *args: Any, **keywords: Any) -> None:
    with pytest.raises(WalletError) as caught:
        export(*args, **keywords)
    assert caught.value.code == code


@pytest.mark.parametrize("export", [export_json, export_csv])
def test_failures_leave_the_old_file(game_and_journal: tuple[Game, Journal], tmp_path: Path, export: Any) -> None:
    game, journal = game_and_journal
    out = tmp_path / "out"
    out.mkdir()
    path = out / "file"
    path.write_text("old")
    failed("CHANNEL_UNKNOWN", export, journal, b"\1" * 32, path)
    failed("EXPORT_FAILED", export, journal, game.channel, tmp_path / "none" / "file")
    tamper(tmp_path / "history.db", "UPDATE states SET body = '[' WHERE increment = 7")
    failed("STATE_UNREADABLE", export, journal, game.channel, path)
    assert names(out) == ["file"]
    assert path.read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk(game_and_journal: tuple[Game, Journal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game, journal = game_and_journal
    out = tmp_path / "out"
    out.mkdir()
    make = "wallet.history.export.tempfile.mkstemp"
    monkeypatch.setattr(make, lambda **_: (os.open("/dev/full", os.O_WRONLY), str(out / ".x.part")))
    failed("EXPORT_FAILED", export_json, journal, game.channel, out / "file")
    assert names(out) == []


def long_history(path: Path, count: int) -> tuple[Game, Journal]:
    game = Game()
    while len(game.states) < count:
        game.open(amount=LOT * 100)
        game.apply(game.cancel(game.last.open_orders[-1].id))
    return game, journal_with(path, game, [entry_of(game, state, issuer) for state, issuer in game.states])


def test_streams_tells_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the history, a bounded number of rows is ever asked for at once."""
    game, journal = long_history(tmp_path / "long.db", 1_100)
    batches: list[int] = []
    rows = Store.rows

    def counting(store: Store, *query: Any) -> Any:
        found = rows(store, *query)
        batches.append(len(found))
        return found

    monkeypatch.setattr(Store, "rows", counting)
    path = tmp_path / "out.json"
    told: list[tuple[int, int]] = []
    with HistoryReader(tmp_path / "long.db") as reader, reader.snapshot():
        total = export_json(reader, game.channel, path, lambda done, of: told.append((done, of)))
    assert max(batches) == 500
    assert total == len(game.states) == len(json.loads(path.read_bytes())["states"])
    assert told[0] == (PROGRESS_EVERY, total)
    assert told[-1] == (total, total)
    failed("EXPORT_CANCELLED", export_json, journal, game.channel, tmp_path / "b.json", cancelled=lambda: True)
    assert names(tmp_path) == ["long.db", "long.db-shm", "long.db-wal", "long.db.mark", "out.json"]
    journal.close()
