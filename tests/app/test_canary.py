"""Known secrets live through a session, a lock, and an export; then every file that came to be is searched for them."""

from __future__ import annotations

import base64
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.test_account import CHEAP, ETH, ONE, Machine, run
from wallet.app.logs import start_logging
from wallet.keys import gate
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

PASSWORD = "Zebra-quartz-71-canary"


def forms(secret: bytes) -> Iterator[bytes]:
    """The ways a secret may lie in a file."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield str(int.from_bytes(secret, "big")).encode()
    yield base64.b64encode(secret).rstrip(b"=")
    yield base64.urlsafe_b64encode(secret).rstrip(b"=")
    for shift in (1, 2):  # base64 of a text that has it further on
        yield base64.b64encode(bytes(shift) + secret)[4:-4]
    for text in (secret.decode("latin-1"), secret.hex()):
        yield text.encode("utf-16-le")
        yield text.encode("utf-16-be")


def found(folder: Path, secrets: dict[str, bytes]) -> list[str]:
    """Which of them lie where."""
    needles = {name: set(forms(secret)) for name, secret in secrets.items()}
    return [
        f"{name} in {path.relative_to(folder)}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for data in [path.read_bytes()]
        for name, ways in needles.items()
        if any(way in data for way in ways)
    ]


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    key = bytes(range(200, 232))
    for number, way in enumerate((*forms(key), base64.b64encode(b"a text before " + key + b" and after"))):
        (tmp_path / str(number)).write_bytes(b"before" + way + b"after")
    assert len(found(tmp_path, {"key": key})) == number + 1
    assert found(tmp_path, {"key": bytes(range(100, 132))}) == []


@pytest.mark.slow
def test_no_secret_reaches_a_file_in_the_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    log = start_logging(tmp_path / "logs", logging.DEBUG)
    secrets: dict[str, bytes] = {}

    async def work(machine: Machine) -> None:
        vault = machine.vault
        vault.change_password(Secret("a password"), Secret(PASSWORD), CHEAP)
        async with machine.wallet() as account:
            await account.open_channel(ONE)
            await account.place_order("ETH/USDT", "sell", 9_000 * 10**6, ETH // 10, "good_till_time")
            await account.link.until(lambda: bool(account.channel.last.state.open_orders), 30)  # type: ignore[union-attr]
            phrase = vault.export_phrase().reveal()
            secrets["password"] = PASSWORD.encode()
            secrets["phrase"] = phrase.encode()
            secrets["half a phrase"] = " ".join(phrase.split()[:6]).encode()
            secrets["owner key"] = vault.export_key()
            secrets["gas key"] = vault.session_keys.section.gas_key
            for number, record in enumerate(vault.session_keys.section.records):
                secrets[f"session key {number}"] = record.key
            for text in (str(vault), repr(vault), repr(vault.owner()), repr(vault.session_keys), repr(machine)):
                logging.getLogger("wallet.canary").warning("%s", text)
            logging.getLogger("wallet.canary").error("a slip: %s %s", phrase, secrets["owner key"].hex())
            with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD") as wrong:
                gate.unlock_again(vault, Secret(PASSWORD + "x"))
            logging.getLogger("wallet.canary").error("refused", exc_info=wrong.value)
            vault.lock_owner()
            gate.unlock_again(vault, Secret(PASSWORD))

    run(tmp_path, work)
    assert len(secrets) == 6
    assert "a slip: [cut]" in log.read_text()
    assert found(tmp_path, secrets) == []
    files = [path for path in (tmp_path / "profile").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in [*files, log]} == {0}
