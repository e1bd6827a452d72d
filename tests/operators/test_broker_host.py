"""``channel-wallet broker init|run|status|withdraw`` on anvil: a process of its own, asked, stopped, nothing left."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.chains import call, rich
from tests.operators.operated import ETH, PASSWORD, Ground, Running, balance, founded, free_port, ground
from tests.support.settings import example, filled
from wallet.app.owner.local import NAME

NATIVE = "0x" + "00" * 20

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


@contextmanager
def running(there: Ground, config: Path) -> Iterator[Running]:
    broker = Running(there, config)
    try:
        yield broker
    finally:
        broker.kill()


def test_from_nothing_to_a_broker_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ground(tmp_path) as there:
        config = founded(there)
        owner = json.loads((config.parent / "owner.key").read_text())["address"]
        away = there.run("broker", "status", "--config", str(config))
        assert (away.returncode, away.stdout) == (1, "")
        assert "no ledger yet" in away.stderr
        with running(there, config) as broker:
            profile = Path(broker.ready["profile"])
            assert json.loads(profile.read_text())["adjudicator"] == there.contract
            live = there.ask("broker", "status", "--config", str(config))
            assert live["running"]
            assert live["alarms"] == []
            assert {row["asset"]: row["free"] for row in live["exposure"]} == {"ETH": "10", "USDT": "20000"}
            assert balance(there.url, live["gasAccount"], NATIVE) > 0
            monkeypatch.chdir(config.parent / "data")  # the way to a socket is bounded
            _questions_that_are_none(config.parent / "data")
            taken = there.run("broker", "withdraw", "ETH", "1", "--config", str(config))
            assert taken.returncode == 1
            assert "Stop it first" in taken.stderr
            second = there.run("broker", "run", "--config", str(config))
            assert second.returncode == 1
            assert "Another broker runs" in second.stderr
            assert broker.stop() == 0
        assert not (config.parent / "data" / NAME).exists()
        left = there.ask("broker", "status", "--config", str(config))
        assert not left["running"]
        assert left["channels"] == []
        before = balance(there.url, "0x" + owner.lower(), there.token)
        said = there.ask("broker", "withdraw", "USDT", "all", "--config", str(config))
        assert said == {"withdrawn": {"USDT": "20000"}}
        assert balance(there.url, "0x" + owner.lower(), there.token) == before + 20_000 * 10**6
        assert "Nothing was sent" in there.run("broker", "withdraw", "USDT", "all", "--config", str(config)).stderr
        kept = (config.parent / "data" / "logs" / "wallet.log").read_text() + (tmp_path / "broker.out").read_text()
        assert PASSWORD not in kept
        assert "Traceback" not in kept


def _questions_that_are_none(folder: Path) -> None:
    """Whatever is asked, the broker lives, and says one line or nothing."""
    for line in (b"\n", b"{}\n", b'{"ask":"x"}\n', b"x" * 200_000 + b"\n", b'{"ask":' + b"[" * 5_000 + b"\n", b""):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(30)
            door.connect(NAME)
            try:
                door.sendall(line)
                door.shutdown(socket.SHUT_WR)
                said = door.recv(65_536)
            except OSError:
                said = b""
            assert said == b"" or "error" in json.loads(said)
    assert (folder / NAME).stat().st_mode & 0o077 == 0


def test_a_broker_without_means_runs_and_says_what_is_lacking(tmp_path: Path) -> None:
    """Disputes have to be answered even by one who can't deposit."""
    with ground(tmp_path) as there:
        config = founded(there)
        owner = json.loads((config.parent / "owner.key").read_text())["address"]
        rich(there.url, bytes.fromhex(owner.removeprefix("0x")), ETH)
        with running(there, config) as broker:
            text = there.run("broker", "status", "--config", str(config)).stdout
            assert "Of ETH, " in text
            assert "are lacking for the collateral" in text
            assert broker.stop() == 0


def test_what_the_chain_says_otherwise_is_refused(tmp_path: Path) -> None:
    with ground(tmp_path) as there:
        config = founded(there)
        right = config.read_text()
        for change, says in (
            ({"contract": '"' + "0x" + "11" * 20 + '"'}, "is not the released one (no contract)"),
            ({"id": "1", "test": "false"}, "is on chain 31337, not on 1"),
        ):
            config.write_text(filled(right, **change))
            done = there.run("broker", "run", "--config", str(config))
            assert done.returncode == 1
            assert says in done.stderr
            assert "Traceback" not in done.stderr
        config.write_text(right.replace("decimals = 6", "decimals = 8"))
        done = there.run("broker", "run", "--config", str(config))
        assert "has 6 decimals on the chain, not 8" in done.stderr
        config.write_text(filled(right, rpc='["http://127.0.0.1:9"]'))
        done = there.run("broker", "run", "--config", str(config))
        assert done.returncode == 1
        assert "127.0.0.1:9" in done.stderr
        config.write_text(right)
        there.environment["CHANNEL_WALLET_KEY_PASSWORD"] = "another"
        assert "does not open" in there.run("broker", "run", "--config", str(config)).stderr
        assert call(there.url, "eth_getTransactionCount", "0x" + "11" * 20, "latest") == "0x0"


def test_init_touches_nothing_that_is_there(tmp_path: Path) -> None:
    there = Ground(tmp_path, "")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "gas.key").write_text("mine")
    done = there.run("broker", "init", "--dir", "b")
    assert done.returncode == 1
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["gas.key"]
    assert (tmp_path / "b" / "gas.key").read_text() == "mine"


def test_the_example_without_a_chain_says_what_to_fill_in(tmp_path: Path) -> None:
    there = Ground(tmp_path, "")
    assert there.run("broker", "init").returncode == 0
    done = there.run("broker", "run")
    assert done.returncode == 1
    assert "broker.toml, line " in done.stderr
    assert "must be" in done.stderr
    (tmp_path / "broker.toml").write_text(example())
    assert there.run("broker", "status").stderr.startswith("No broker runs in")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    with ground(tmp_path) as there:
        config = founded(there)
        pem = config.with_name("certificate.pem")
        names = ("-addext", "subjectAltName=DNS:localhost", "-addext", "keyUsage=digitalSignature,keyCertSign")
        files = ("-keyout", str(config.with_name("key.pem")), "-out", str(pem))
        command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost")
        subprocess.run([*command, *names, *files], check=True, capture_output=True)
        port = free_port()
        named = {"certificate": '"certificate.pem"', "url": f'"wss://localhost:{port}"', "port": str(port)}
        text = filled(config.read_text(), **named)
        config.write_text(text.replace('\nkey = ""', '\nkey = "key.pem"'))
        there.trader("anna")
        with running(there, config) as broker:
            add = ("broker", "add", broker.ready["profile"], "--profile", str(tmp_path / "anna"))
            refused = there.run(*add)
            assert refused.returncode == 1
            assert "no valid certificate" in refused.stderr
            there.environment["SSL_CERT_FILE"] = str(pem)
            assert there.ask(*add)["name"] == "My broker"
            profile = Path(broker.ready["profile"])
            profile.write_text(profile.read_text().replace("localhost", "127.0.0.1"))
            there.trader("ben")
            other = there.run("broker", "add", str(profile), "--profile", str(tmp_path / "ben"))
            assert other.returncode == 1
            assert "no valid certificate" in other.stderr
            assert broker.stop() == 0
