"""Every profile that an earlier release wrote opens in this one, with a channel open; one of a later release does not.

The archives are made by ``python -m tests.frozen.make``, one before each release, and checked in.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
import tarfile
import time
from pathlib import Path

import pytest

import dev_project
from tests.end_to_end.installed import Cli, Sandbox
from tests.frozen.make import FOLDER, PASSWORD, archive_of, program
from wallet import __version__
from wallet.history.journal import mark_path
from wallet.history.schema import SCHEMA_VERSION
from wallet.keys.image import MAGIC, VERSION

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
ARCHIVES = sorted(FOLDER.glob("*.tar.xz"))


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def thawed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with ``trader``, a profile; ``state``, what its computer remembers of it; ``market``, its broker."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def trader(folder: Path) -> Cli:
    return Cli(program(folder), folder / "trader", PASSWORD)


def test_every_release_is_frozen_and_this_one_too() -> None:
    released = {row.version for row in dev_project.releases(dev_project.CHANGELOG.read_text(encoding="utf-8"))}
    assert {
        path for version in released | {__version__} for path in [archive_of(version)] if not path.exists()
    } == set()


def test_its_keys_history_and_proof_are_there_without_a_broker(thawed: Path) -> None:
    cli = trader(thawed)
    (account,) = cli("keys", "list")["accounts"]
    assert len(account["address"]) == 42
    assert cli("history", "verify")["verified"] >= 6
    (row,) = cli("broker", "list")["brokers"]
    assert row["address"] == json.loads((thawed / "market/broker.json").read_text())["broker"]
    cli("proof", "export", str(thawed / "proof.json"))
    proof = json.loads((thawed / "proof.json").read_text())
    assert proof["state"][0] >= 5


@pytest.mark.slow
def test_one_trades_on_and_takes_the_money_home(thawed: Path) -> None:
    cli = trader(thawed)
    sandbox = Sandbox(program(thawed), thawed / "market")
    try:
        cli("broker", "add", str(sandbox.profile))  # its ports may be taken by now
        shown = cli("channel", "show")
        assert shown["status"] == "open"
        deadline = time.monotonic() + 120
        while cli("order", "buy", "ETH/USDT", "0.1", "--limit", "6000", "--ioc")["filled"] == "0":
            assert time.monotonic() < deadline, "nobody sells"
        assert cli("channel", "finalize")["status"] == "final"
        brought = cli("channel", "withdraw")["withdrawn"]
        assert float(brought["ETH"]) > 2.1
        assert float(brought["USDT"]) < 19_700
    finally:
        assert sandbox.close() == 0


def test_a_journal_of_a_newer_version_is_refused_with_a_clear_word(thawed: Path) -> None:
    journal = thawed / "trader/history.db"
    with sqlite3.connect(journal) as database:
        database.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    database.close()
    refused(thawed, ("channel", "show"), "history.db", "newer version", "Update this program")


def test_keys_of_a_newer_version_are_refused_with_a_clear_word(thawed: Path) -> None:
    path = thawed / "trader/keys.vault"
    body = bytearray(path.read_bytes()[:-32])
    struct.pack_into(">H", body, len(MAGIC), VERSION + 1)
    path.write_bytes(bytes(body) + hashlib.sha256(body).digest())
    refused(thawed, ("order", "cancel", "all"), "key file", "newer version", "Update it")


def refused(folder: Path, command: tuple[str, ...], *words: str) -> None:
    """The profile is refused in one sentence, and not a byte of it is changed."""
    files = [folder / "trader" / name for name in ("history.db", "keys.vault", mark_path(Path("history.db")).name)]
    before = [path.read_bytes() for path in files]
    said = trader(folder).run(*command, "--profile", str(folder / "trader"))
    assert said.code == 1
    assert all(word in said.err for word in words), said.err
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert [path.read_bytes() for path in files] == before
