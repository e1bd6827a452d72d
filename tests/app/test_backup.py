"""A profile's backup: what is in it, what a hostile one may do (nothing), and the profile made from it."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from tests.app.test_watching import journal_of, scene
from tests.keys.vaults import OWNER_0, PASSWORD, make
from wallet.app import backup
from wallet.app.backup import HISTORY, KEYS
from wallet.cli.main import main
from wallet.history.journal import Journal
from wallet.history.reader import HistoryReader
from wallet.keys import archive
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, open_vault
from wallet.protocol.errors import WalletError

WORD = Secret(PASSWORD)
BROKER = "brokers/" + "ab" * 20 + ".json"


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Vault]:
    """A profile with a session key, three states, brokers, settings, and what is of this computer alone."""
    profile = tmp_path / "profile"
    (profile / "brokers" / "past").mkdir(parents=True)
    vault = make(profile / KEYS)
    vault.new_session_key()
    session = scene()
    journal_of(profile / HISTORY, session, session.setup, session.state(1), session.state(2))
    for name in (BROKER, "brokers/past/" + "cd" * 20 + ".json", "layout.json", "window.ini"):
        (profile / name).write_text(f"of {name}", encoding="utf-8")
    (profile / "demo-password").write_text("a secret", encoding="utf-8")
    (profile / "lock").write_text("", encoding="utf-8")
    (profile / "logs").mkdir()
    (profile / "logs" / "wallet.json").write_text("of logs", encoding="utf-8")
    return profile, vault


def made(place: tuple[Path, Vault]) -> Path:
    target = place[0].parent / "one.backup"
    backup.make(*place, target)
    return target


def plaintext(file: Path) -> bytes:
    with file.open("rb") as source:
        return b"".join(archive.read(source, WORD))


def test_everything_of_the_profile_comes_back_but_what_is_of_this_computer(
    place: tuple[Path, Vault], tmp_path: Path
) -> None:
    profile, again = place[0], tmp_path / "elsewhere" / "again"
    file = made(place)
    assert file.stat().st_mode & 0o077 == 0
    found = backup.restore(file, WORD, again)
    assert (found.accounts, found.channels, found.open_channels, found.settings) == ((OWNER_0,), 1, 1, 4)
    kept = sorted(path.relative_to(again).as_posix() for path in again.rglob("*") if path.is_file())
    assert [name for name in kept if not name.startswith("history.")] == [
        BROKER,
        "brokers/past/" + "cd" * 20 + ".json",
        KEYS,
        "layout.json",
        "window.ini",
    ]
    assert (again / BROKER).read_bytes() == (profile / BROKER).read_bytes()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (again, *again.rglob("*")))
    channel = scene().channel
    with HistoryReader(profile / HISTORY) as before, HistoryReader(again / HISTORY) as after:
        assert list(after.walk(channel)) == list(before.walk(channel))
    vault = open_vault(again / KEYS).unlock(WORD)
    assert [row.address for row in vault.accounts] == [OWNER_0]
    assert vault.export_phrase().reveal() == place[1].export_phrase().reveal()
    assert not list(profile.glob(".backup-*"))


def test_no_session_key_is_in_it_and_its_channels_recover(place: tuple[Path, Vault], tmp_path: Path) -> None:
    vault = place[1]
    (key,) = (record.key for record in vault.session_keys.section.records)
    inside = plaintext(made(place))
    assert key not in inside
    assert key.hex().encode() not in inside
    image = open_vault_bytes(inside, tmp_path)
    assert image.session_addresses() == ()
    assert key not in msgspec.msgpack.encode(image.session_keys.section)
    assert image.gas_key().address == vault.gas_key().address  # of the phrase, which is in it anyway
    backup.restore(tmp_path / "one.backup", WORD, tmp_path / "again")
    journal = Journal.open(tmp_path / "again" / HISTORY)
    assert journal.fact(scene().channel, "restored") == backup.RESTORED
    journal.close()
    with HistoryReader(place[0] / HISTORY) as own:  # where it was made, all goes on
        assert own.fact(scene().channel, "restored") is None


def open_vault_bytes(inside: bytes, folder: Path) -> Vault:
    """The key file in a backup's contents: the first after its list."""
    listed = int.from_bytes(inside[:4], "big")
    size = msgspec.json.decode(inside[4 : 4 + listed])["files"][0][1]
    (folder / "inside.vault").write_bytes(inside[4 + listed : 4 + listed + size])
    return open_vault(folder / "inside.vault").unlock(WORD)


def test_a_profile_without_a_history_and_with_the_owner_locked(tmp_path: Path) -> None:
    vault = make(tmp_path / "profile" / KEYS)
    vault.lock_owner()
    backup.make(tmp_path / "profile", vault, tmp_path / "x")
    found = backup.verify(tmp_path / "x", WORD)
    assert (found.channels, found.settings) == (0, 0)
    vault.lock()
    with pytest.raises(WalletError, match="KEYS_LOCKED"):
        backup.make(tmp_path / "profile", vault, tmp_path / "y")


def test_nothing_is_restored_over_anything(place: tuple[Path, Vault], tmp_path: Path) -> None:
    file = made(place)
    for taken in (place[0], file):
        with pytest.raises(WalletError, match="BACKUP_OCCUPIED"):
            backup.restore(file, WORD, taken)
    (tmp_path / "empty").mkdir()
    assert backup.restore(file, WORD, tmp_path / "empty").channels == 1


def test_a_backup_that_fails_leaves_the_earlier_one(place: tuple[Path, Vault], monkeypatch: pytest.MonkeyPatch) -> None:
    file = made(place)
    before = file.read_bytes()

    def liar(*_: object) -> bytes:
        return b"other"

    monkeypatch.setattr(backup, "_digest", liar)  # what is on the disk is not what was written
    with pytest.raises(WalletError, match="BACKUP_FAILED"):
        made(place)
    with pytest.raises(WalletError, match="BACKUP_CANCELLED"):
        backup.make(*place, file, cancelled=lambda: True)
    with pytest.raises(WalletError, match="BACKUP_FAILED"):
        backup.make(*place, place[0] / "no folder" / "x")
    assert file.read_bytes() == before
    assert sorted(path.name for path in file.parent.iterdir()) == ["one.backup", "profile"]
    assert not list(place[0].glob(".backup-*"))


def test_a_failed_restore_leaves_nothing(place: tuple[Path, Vault], tmp_path: Path) -> None:
    file = made(place)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(WalletError, match="BACKUP_DAMAGED"):
        backup.restore(file, WORD, tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.backup", "profile"]


def test_what_a_crash_left_behind_goes_and_what_is_being_made_stays(place: tuple[Path, Vault], tmp_path: Path) -> None:
    made(place)
    leftovers = [place[0] / ".backup-x", tmp_path / ".again.restoring-x", tmp_path / ".one.backup.77.part"]
    for path in leftovers[:2]:
        path.mkdir()
        (path / "history.db").write_text("states", encoding="utf-8")
    leftovers[2].write_text("half", encoding="utf-8")
    backup.restore(made(place), WORD, tmp_path / "again")
    assert all(path.exists() for path in leftovers)
    long_ago = time.time() - backup.STALE - 10
    for path in leftovers:
        os.utime(path, (long_ago, long_ago))
    shutil.rmtree(tmp_path / "again")
    backup.restore(made(place), WORD, tmp_path / "again")
    assert not any(path.exists() for path in leftovers)


def test_a_disk_too_small_is_said_before_any_work(place: tuple[Path, Vault], monkeypatch: pytest.MonkeyPatch) -> None:
    file = made(place)
    usage = shutil.disk_usage(file.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    monkeypatch.setattr(archive, "derive_key", lambda *_: 1 / 0)
    with pytest.raises(WalletError, match="BACKUP_NO_SPACE"):
        backup.verify(file, WORD)


# --- hostile contents under a password that is known ------------------------------------------------------------------


def forged(place: tuple[Path, Vault], listed: Any, *files: bytes, raw: bytes | None = None) -> Path:
    """A backup that is sealed as one must be, and says what its maker likes."""
    text = raw if raw is not None else msgspec.json.encode(listed)
    out = io.BytesIO()
    archive.write(*place[1].for_backup(), [len(text).to_bytes(4, "big"), text, *files], out)
    file = place[0].parent / "forged"
    file.write_bytes(out.getvalue())
    return file


def listing(files: Sequence[object], version: int = 1, **more: object) -> dict[str, object]:
    return {"format": backup.FORMAT, "version": version, "made": 1, "files": files, **more}


def vault_of(place: tuple[Path, Vault]) -> bytes:
    return place[1].for_backup()[0].encode()


Forgery = Callable[[bytes], tuple[Any, tuple[bytes, ...]]]
FORGERIES: dict[str, Forgery] = {
    "another format": lambda keys: ({**listing([[KEYS, len(keys)]]), "format": "tar"}, (keys,)),
    "a key too many": lambda keys: (listing([[KEYS, len(keys)]], more=1), (keys,)),
    "no keys": lambda _: (listing([]), ()),
    "keys not first": lambda keys: (listing([["a.json", 1], [KEYS, len(keys)]]), (b"x", keys)),
    "twice": lambda keys: (listing([[KEYS, len(keys)], ["a.json", 1], ["a.json", 1]]), (keys, b"xy")),
    "outside": lambda keys: (listing([[KEYS, len(keys)], ["../a.json", 1]]), (keys, b"x")),
    "absolute": lambda keys: (listing([[KEYS, len(keys)], ["/tmp/a.json", 1]]), (keys, b"x")),
    "deeper": lambda keys: (listing([[KEYS, len(keys)], ["brokers/past/../../a.json", 1]]), (keys, b"x")),
    "a program": lambda keys: (listing([[KEYS, len(keys)], ["a.py", 1]]), (keys, b"x")),
    "a lock": lambda keys: (listing([[KEYS, len(keys)], ["lock", 1]]), (keys, b"x")),
    "less than it says": lambda keys: (listing([[KEYS, len(keys)], ["a.json", 5]]), (keys, b"x")),
    "more than it says": lambda keys: (listing([[KEYS, len(keys)], ["a.json", 1]]), (keys, b"xxxx")),
    "a bomb": lambda keys: (listing([[KEYS, len(keys)], [HISTORY, 2**50]]), (keys, b"x")),
    "a huge setting": lambda keys: (listing([[KEYS, len(keys)], ["a.json", 2**21]]), (keys, bytes(2**21))),
    "a negative size": lambda keys: (listing([[KEYS, len(keys) + 1], ["a.json", -1]]), (keys,)),
    "a fraction": lambda keys: (listing([[KEYS, float(len(keys))]]), (keys,)),
    "three in a row": lambda keys: (listing([[KEYS, len(keys), 1]]), (keys,)),
    "too many": lambda keys: (listing([[KEYS, len(keys)], *[[f"a-{n}.json", 0] for n in range(300)]]), (keys,)),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_list_that_lies_is_refused_before_a_file_is_written(
    place: tuple[Path, Vault], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, files = FORGERIES[name](vault_of(place))
    monkeypatch.setattr(backup, "_write_out", lambda *_: 1 / 0)
    with pytest.raises(WalletError, match="BACKUP_FORM"):
        backup.restore(forged(place, listed, *files), WORD, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"a":1,"a":2}', b"\xff", b"[" * 40])
def test_a_list_that_is_none(place: tuple[Path, Vault], raw: bytes) -> None:
    with pytest.raises(WalletError, match="BACKUP_FORM"):
        backup.verify(forged(place, None, raw=raw), WORD)


def test_a_list_longer_than_the_file(place: tuple[Path, Vault]) -> None:
    out = io.BytesIO()
    archive.write(*place[1].for_backup(), [b"\xff\xff\xff\xff{}"], out)
    (place[0].parent / "long").write_bytes(out.getvalue())
    with pytest.raises(WalletError, match="BACKUP_FORM"):
        backup.verify(place[0].parent / "long", WORD)


def test_a_list_of_a_newer_version(place: tuple[Path, Vault]) -> None:
    keys = vault_of(place)
    with pytest.raises(WalletError, match="BACKUP_NEWER"):
        backup.verify(forged(place, listing([[KEYS, len(keys)]], version=2), keys), WORD)


def test_one_that_holds_session_keys_is_no_backup(place: tuple[Path, Vault]) -> None:
    keys = (place[0] / KEYS).read_bytes()
    with pytest.raises(WalletError, match="BACKUP_FORM"):
        backup.verify(forged(place, listing([[KEYS, len(keys)]]), keys), WORD)


@pytest.mark.parametrize("history", [b"SQLite format 3\0" + bytes(200), b"nothing of the kind", b""])
def test_a_history_that_is_none(place: tuple[Path, Vault], tmp_path: Path, history: bytes) -> None:
    keys = vault_of(place)
    file = forged(place, listing([[KEYS, len(keys)], [HISTORY, len(history)]]), keys, history)
    if not history:  # SQLite takes an empty file for an empty database
        assert backup.verify(file, WORD).channels == 0
        return
    with pytest.raises(WalletError, match="STORE_"):
        backup.restore(file, WORD, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_history_with_one_row_changed_is_none(place: tuple[Path, Vault], tmp_path: Path) -> None:
    """Deeper than what is looked at whenever a journal is opened: who brings one from elsewhere looks at all of it."""
    session, path = scene(), tmp_path / "long.db"
    journal_of(path, session, session.setup, *(session.state(number) for number in range(1, 41)))
    db = sqlite3.connect(path)
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    db.execute("UPDATE states SET recorded = recorded + 1 WHERE increment = 3")
    db.commit()
    db.execute("PRAGMA journal_mode=DELETE")
    db.close()
    keys, history = vault_of(place), path.read_bytes()
    with pytest.raises(WalletError, match="STORE_DAMAGED"):
        backup.verify(forged(place, listing([[KEYS, len(keys)], [HISTORY, len(history)]]), keys, history), WORD)


def test_the_last_tag_is_looked_at_also_of_an_empty_chunk(
    place: tuple[Path, Vault], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No writer of ours makes one: the file is as long as its list says, and ends in bytes that nobody sealed."""
    keys, key = vault_of(place), b"k" * 32
    head = len(msgspec.json.encode(listing([[KEYS, len(keys)], ["a.json", 100_000]]))) + 4 + len(keys)
    rest = 2 * archive.CHUNK - head
    text = msgspec.json.encode(listing([[KEYS, len(keys)], ["a.json", rest]]))
    whole = len(text).to_bytes(4, "big") + text + keys
    whole += bytes(2 * archive.CHUNK - len(whole))
    with monkeypatch.context() as patch:
        patch.setattr(archive.secrets, "token_bytes", lambda size: key[:size])
        out = io.BytesIO()
        archive.write(*place[1].for_backup(), [], out)
    cipher = archive._cipher(key)
    boxes = [
        cipher.encrypt(archive._nonce(at, last=False), whole[at * archive.CHUNK :][: archive.CHUNK], None)
        for at in (0, 1)
    ]
    file = place[0].parent / "odd"
    file.write_bytes(out.getvalue()[: archive.HEADER_BYTES] + b"".join(boxes) + bytes(16))
    with pytest.raises(WalletError, match="BACKUP_DAMAGED"):
        backup.verify(file, WORD)


# --- the commands -----------------------------------------------------------------------------------------------------


def run(*arguments: str, password: str = PASSWORD) -> Any:
    return CliRunner().invoke(main, ["backup", *arguments], env={"CHANNEL_WALLET_PASSWORD": password})


def test_made_verified_and_restored_by_command(place: tuple[Path, Vault], tmp_path: Path) -> None:
    file, again = str(tmp_path / "b"), str(tmp_path / "again")
    assert run("make", file, "--profile", str(place[0])).exit_code == 0
    looked = run("verify", file, "--json")
    assert msgspec.json.decode(looked.stdout)["openChannels"] == 1
    assert "0x" + OWNER_0.hex() in looked.stdout
    wrong = run("verify", file, password="another")
    assert (wrong.exit_code, "password is not the one" in wrong.stderr) == (1, True)
    done = run("restore", file, "--profile", again)
    assert done.exit_code == 0, done.output
    assert "Open channels recover" in done.stdout
    taken = run("restore", file, "--profile", again)
    assert (taken.exit_code, "left as it is" in taken.stderr) == (1, True)
