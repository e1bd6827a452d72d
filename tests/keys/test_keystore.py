"""Key files of one key: read by other tools, bounded, and no word of what is inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from wallet.keys.keystore import create_keystore, open_keystore, read_address
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

PASSWORD = Secret("as good as none")
CHEAP = 1 << 10


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "owner.key"
    create_keystore(path, PASSWORD, work=CHEAP)
    return path


def changed(path: Path, change: Any) -> Path:
    row = json.loads(path.read_text())
    change(row)
    path.write_text(json.dumps(row))
    return path


def test_other_tools_open_it_and_it_opens_theirs(file: Path, tmp_path: Path) -> None:
    key = bytes(Account.decrypt(file.read_text(), PASSWORD.reveal()))
    assert open_keystore(file, PASSWORD) == key
    assert read_address(file).hex() == Account.from_key(key).address[2:].lower()
    assert file.stat().st_mode & 0o077 == 0
    theirs = tmp_path / "theirs.json"
    theirs.write_text(json.dumps(Account.encrypt(b"\7" * 32, "x", kdf="pbkdf2", iterations=1_000)))
    assert open_keystore(theirs, Secret("x")) == b"\7" * 32


def test_a_wrong_password_and_an_existing_file_change_nothing(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(WalletError) as wrong:
        open_keystore(file, Secret("another"))
    assert wrong.value.code == "KEYSTORE_PASSWORD"
    with pytest.raises(WalletError) as there:
        create_keystore(file, PASSWORD, work=CHEAP)
    assert there.value.code == "KEYS_EXISTS"
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.pop("crypto"),
        lambda row: row.update(version=4),
        lambda row: row["crypto"]["kdfparams"].update(n=1 << 30),
        lambda row: row["crypto"]["kdfparams"].update(p=1_000),
        lambda row: row["crypto"]["kdfparams"].update(c=10**12),
        lambda row: row["crypto"]["kdfparams"].update(n="1024"),
        lambda row: row["crypto"]["kdfparams"].update(n=1_000),
        lambda row: row["crypto"].update(kdf="none"),
        lambda row: row["crypto"].update(ciphertext="zz"),
        lambda row: row.update(address="00" * 20),
        lambda row: row.update(address=7),
        lambda row: row["crypto"].pop("cipherparams"),
    ],
)
def test_a_file_that_is_none_is_refused_before_any_work(file: Path, change: Any) -> None:
    with pytest.raises(WalletError) as refused:
        open_keystore(changed(file, change), PASSWORD)
    assert refused.value.code == "KEYSTORE_FORM"
    assert str(file) in str(refused.value.params)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"version":3,"version":3}', b"x" * 20_000])
def test_what_is_no_json_object(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(WalletError) as refused:
        open_keystore(path, PASSWORD)
    assert refused.value.code in ("KEYSTORE_FORM", "KEYS_DAMAGED")
