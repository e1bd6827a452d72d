"""Key files of one key: read by other tools, bounded, and no word of what is inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from wallet.keys.keystore import create_keystore, open_keystore, read_address, save_keystore
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


def _crypto(**fields: object) -> Any:
    return lambda row: row["crypto"].update(fields)


def _cost(**fields: object) -> Any:
    return lambda row: row["crypto"]["kdfparams"].update(fields)


def _pbkdf2(**fields: object) -> Any:
    cost = {"c": 1_000, "dklen": 32, "prf": "hmac-sha256", "salt": "00" * 32, **fields}
    return lambda row: row["crypto"].update(kdf="pbkdf2", kdfparams=cost)


BOMBS = {
    "memory of 1 TiB": _cost(n=1 << 30),
    "memory just above": _cost(n=1 << 21),
    "memory by r": _cost(n=2, r=1 << 23),
    "lanes": _cost(p=17),
    "work, each in bounds": _cost(n=1 << 19, r=8, p=4),
    "rounds": _pbkdf2(c=10_000_001),
    "rounds beyond any integer": _pbkdf2(c=10**40),
    "a key of 4 GiB": _cost(dklen=1 << 32),
    "a longer key": _cost(dklen=33),
    "a key of 4 GiB, the other way": _pbkdf2(dklen=1 << 32),
    "a salt of kilobytes": _cost(salt="00" * 4_000),
}
MALFORMED = {
    "no crypto": lambda row: row.pop("crypto"),
    "both spellings": lambda row: row.update(Crypto=row["crypto"]),
    "version 4": lambda row: row.update(version=4),
    "version as text": lambda row: row.update(version="3"),
    "version as true": lambda row: row.update(version=True),
    "crypto as a list": lambda row: row.update(crypto=[]),
    "both ways' costs": _cost(c=10**12),
    "n as text": _cost(n="1024"),
    "n as true": _cost(n=True),
    "n no power of two": _cost(n=1_000),
    "n of one": _cost(n=1),
    "n of nothing": _cost(n=0),
    "negative n": _cost(n=-1024),
    "no p": lambda row: row["crypto"]["kdfparams"].pop("p"),
    "p as null": _cost(p=None),
    "another way": _crypto(kdf="none"),
    "a list of ways": _crypto(kdf=["scrypt"]),
    "another hash": _pbkdf2(prf="hmac-sha1"),
    "no hash": _pbkdf2(prf=None),
    "another cipher": _crypto(cipher="aes-256-cbc"),
    "no digits": _crypto(ciphertext="zz" * 32),
    "a key of 31 bytes": _crypto(ciphertext="00" * 31),
    "a ciphertext of kilobytes": _crypto(ciphertext="00" * 5_000),
    "a short iv": _crypto(cipherparams={"iv": "00"}),
    "iv as a number": _crypto(cipherparams={"iv": 7}),
    "no iv": lambda row: row["crypto"].pop("cipherparams"),
    "a short mac": _crypto(mac="00"),
    "a salt of nothing": _cost(salt=""),
    "other digits": _cost(salt="٣" * 64),
}


@pytest.mark.parametrize("name", [*BOMBS, *MALFORMED])
def test_a_file_that_is_none_is_refused_before_any_work(file: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[object] = []
    monkeypatch.setattr(Account, "decrypt", lambda *_: worked.append(1) or b"\1" * 32)
    with pytest.raises(WalletError) as refused:
        open_keystore(changed(file, (BOMBS | MALFORMED)[name]), PASSWORD)
    assert refused.value.code == "KEYSTORE_FORM"
    assert str(file) in str(refused.value.params)
    assert worked == []


def test_the_bounds_let_the_dearest_honest_files_pass(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = open_keystore(file, PASSWORD)
    monkeypatch.setattr(Account, "decrypt", lambda *_: key)
    for honest in (_cost(n=1 << 20, r=8, p=1), _cost(n=1 << 12, r=8, p=6), _pbkdf2(c=10_000_000)):
        assert open_keystore(changed(file, honest), PASSWORD) == key


@pytest.mark.parametrize("address", ["00" * 20, 7, "", None, "0x"])
def test_an_address_of_another_key_is_found(file: Path, address: object) -> None:
    with pytest.raises(WalletError, match="KEYSTORE_FORM"):
        open_keystore(changed(file, lambda row: row.update(address=address)), PASSWORD)


@pytest.mark.parametrize("number", [0, 1])
def test_the_official_vectors(tmp_path: Path, number: int) -> None:
    """Web3 Secret Storage Definition, its two test vectors: PBKDF2-SHA-256 and scrypt."""
    row = json.loads((Path(__file__).with_name("data") / "keystores.json").read_text())[number]
    path = tmp_path / "official.json"
    path.write_text(json.dumps(row["file"]))
    assert open_keystore(path, Secret(row["password"])).hex() == row["key"]
    with pytest.raises(WalletError, match="KEYSTORE_PASSWORD"):
        open_keystore(path, Secret(row["password"] + "x"))


def test_a_password_that_is_no_text_is_wrong_and_not_shown(file: Path) -> None:
    with pytest.raises(WalletError, match="KEYSTORE_PASSWORD"):
        open_keystore(file, Secret("\udc80"))


def test_a_key_goes_out_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    save_keystore(path, b"\3" * 32, PASSWORD, work=CHEAP)
    assert open_keystore(path, PASSWORD) == b"\3" * 32
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(WalletError, match="KEYS_EXISTS"):
        save_keystore(path, b"\4" * 32, PASSWORD, work=CHEAP)
    with pytest.raises(WalletError, match="KEYS_PASSWORD_EMPTY"):
        save_keystore(tmp_path / "other", b"\4" * 32, Secret(""), work=CHEAP)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"version":3,"version":3}', b"x" * 20_000, b"[" * 16_000, b'{"a":' * 3_000]
)
def test_what_is_no_json_object(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(WalletError) as refused:
        open_keystore(path, PASSWORD)
    assert refused.value.code in ("KEYSTORE_FORM", "KEYS_DAMAGED")
