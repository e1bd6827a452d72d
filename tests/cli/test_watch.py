"""``channel-wallet watch``: what it refuses, and a watch over a channel that the chain does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.app.test_watching import CHEAP, GAS, PASSWORD, journal_of, scene
from wallet.app import watching
from wallet.cli.main import main
from wallet.history.reader import HistoryReader
from wallet.keys.package import seal_package


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_package, "__defaults__", (CHEAP,))
    monkeypatch.setenv("CHANNEL_WALLET_WATCH_PASSWORD", PASSWORD.reveal())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["watch", *arguments])


def package(folder: Path) -> Path:
    session = scene()
    journal_of(folder / "journal.db", session, session.setup, session.state(1))
    file = folder / "channels.watch"
    with HistoryReader(folder / "journal.db") as reader:
        watching.export(reader, session.domain, ("http://127.0.0.1:9",), GAS.key.secret, PASSWORD, file)
    return file


def test_a_node_that_is_away_is_said_and_ends_one_look(tmp_path: Path) -> None:
    done = run("run", str(package(tmp_path)), "--once", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"] == "RPC_UNREACHABLE"
    assert (tmp_path / "channels.watch.sent").stat().st_mode & 0o077 == 0


def test_a_wrong_password_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = package(tmp_path)
    monkeypatch.setenv("CHANNEL_WALLET_WATCH_PASSWORD", "another")
    done = run("run", str(file), "--once")
    assert done.exit_code == 1
    assert "password is wrong" in done.stderr
    assert not (tmp_path / "channels.watch.sent").exists()


def test_a_file_that_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    done = run("run", str(tmp_path / "x"), "--once")
    assert done.exit_code == 1
    assert "no watch package" in done.stderr


def test_a_profile_without_brokers_has_nothing_to_watch(tmp_path: Path) -> None:
    done = run("export", str(tmp_path / "x.watch"), "--profile", str(tmp_path))
    assert done.exit_code == 1
    assert done.stderr.strip()
    assert not (tmp_path / "x.watch").exists()
