"""On disk: owner-only, whole or not at all, and never somebody else's file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.keys.vaults import OWNER_0, PASSWORD, PHRASE, image_of, make
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, open_vault
from wallet.protocol.errors import WalletError

posix = pytest.mark.skipif(os.name != "posix", reason="owner-only modes are POSIX")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "keys.vault"


def unlocked(path: Path) -> Vault:
    return open_vault(path).unlock(Secret(PASSWORD))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


@posix
@pytest.mark.parametrize("umask", [0o022, 0o000, 0o077])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        path = tmp_path / "outer" / "profile" / "keys.vault"
        vault = make(path)
        assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
        vault.new_session_key()
        vault.backup(path.with_name("copy.vault"))
    finally:
        os.umask(old)
    assert mode(path) == 0o600
    assert mode(path.with_name("copy.vault")) == 0o600
    assert names(path.parent) == ["copy.vault", "keys.vault"]


@posix
def test_the_temporary_file_is_owner_only_from_its_first_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = make(path)
    seen: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (seen.append(stat.S_IMODE(os.fstat(fd).st_mode)), fsync(fd))[1])
    old = os.umask(0)
    try:
        vault.new_session_key()
    finally:
        os.umask(old)
    assert seen == [0o600, 0o700]


@posix
def test_the_file_is_flushed_before_the_rename_and_the_directory_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = make(path)
    steps: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def note_fsync(fd: int) -> None:
        steps.append("fsync directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "fsync file")
        fsync(fd)

    def note_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_rename)
    vault.new_session_key()
    assert steps == ["fsync file", "rename", "fsync directory"]


@posix
def test_lax_modes_are_repaired(path: Path) -> None:
    make(path)
    path.chmod(0o644)
    open_vault(path)
    assert mode(path) == 0o600


CRASH = f"""
import os, sys
from pathlib import Path
from wallet.keys.secret import Secret
from wallet.keys.vault import open_vault
vault = open_vault(Path(sys.argv[1])).unlock(Secret({PASSWORD!r}))
def hook(event, arguments):
    if event == sys.argv[2]:
        os._exit(9)
sys.addaudithook(hook)
vault.new_session_key()
"""


@pytest.mark.parametrize(("event", "keys"), [("os.rename", 0), ("os.remove", 0), ("os.listdir", 1)])
def test_a_crash_leaves_the_old_file_or_the_new_one(path: Path, event: str, keys: int) -> None:
    """Killed before the temporary file, before the rename, or not at all (no such event): never in between."""
    make(path)
    before = image_of(path)
    run = subprocess.run([sys.executable, "-c", CRASH, str(path), event], cwd=ROOT, check=False, timeout=60)
    assert run.returncode == (0 if keys else 9)
    assert (image_of(path) == before) == (keys == 0)
    assert path.with_name(".keys.vault.tmp").exists() == (event == "os.rename")
    vault = unlocked(path)
    assert len(vault.session_addresses()) == keys
    vault.new_session_key()
    assert len(unlocked(path).session_addresses()) == keys + 1
    assert names(path.parent) == ["keys.vault"]


def test_a_full_disk_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = make(path)
    before = path.read_bytes()
    with monkeypatch.context() as patch:

        def full(fd: int) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        for attempt in (vault.new_session_key, vault.add_account, lambda: vault.backup(path.with_name("copy"))):
            with pytest.raises(WalletError, match="KEYS_WRITE_FAILED.*No space left"):
                attempt()
    assert path.read_bytes() == before
    assert names(path.parent) == ["keys.vault"]
    assert vault.session_addresses() == ()
    assert len(vault.accounts) == 1
    address = vault.new_session_key()
    assert unlocked(path).session_addresses() == (address,)


def test_an_existing_vault_is_never_overwritten(path: Path) -> None:
    make(path)
    before = path.read_bytes()
    with pytest.raises(WalletError, match="KEYS_EXISTS"):
        make(path, phrase=PHRASE, password="other")
    assert path.read_bytes() == before


def test_an_existing_file_is_not_overwritten_even_if_it_came_in_between(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"other")
    monkeypatch.setattr("wallet.keys.files.check_absent", lambda path: None)
    with pytest.raises(WalletError, match="KEYS_EXISTS"):
        make(path)
    assert path.read_bytes() == b"other"
    assert names(path.parent) == ["keys.vault"]


@posix
def test_without_hard_links_it_works_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    make(path)
    assert unlocked(path).owner().address == OWNER_0
    assert names(path.parent) == ["keys.vault"]


def test_another_writer_s_file_is_not_overwritten(path: Path) -> None:
    first = make(path)
    second = unlocked(path)
    address = first.new_session_key()
    for attempt in (second.new_session_key, second.add_account):
        with pytest.raises(WalletError, match="KEYS_CHANGED_ON_DISK"):
            attempt()
    assert unlocked(path).session_addresses() == (address,)


def test_many_threads_lose_no_key(path: Path) -> None:
    vault = make(path)
    with ThreadPoolExecutor(4) as pool:
        addresses = set(pool.map(lambda _: vault.new_session_key(), range(24)))
    assert len(addresses) == 24
    assert set(unlocked(path).session_addresses()) == addresses


@posix
def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    make(path)
    link = tmp_path / "link.vault"
    link.symlink_to(path)
    unlocked(link).new_session_key()
    assert link.is_symlink()
    assert len(unlocked(path).session_addresses()) == 1


@pytest.mark.timeout(10)
@posix
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, code in (("pipe", "KEYS_DAMAGED"), (".", "KEYS_READ_FAILED"), ("none", "KEYS_NOT_FOUND")):
        with pytest.raises(WalletError, match=code):
            open_vault(tmp_path / name)


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WalletError, match="KEYS_WRITE_FAILED"):
        make(tmp_path / "file" / "keys.vault")
