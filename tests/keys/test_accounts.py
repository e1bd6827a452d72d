"""What a vault holds besides the accounts of its phrase: imported keys, watched addresses, labels; and old files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.keys.vaults import CHEAP, OWNER_0, OWNER_0_KEY, OWNER_1, PASSWORD, PHRASE, image_of, make, resum
from wallet.keys.hd import gas_key_of, read_private_key
from wallet.keys.image import MAGIC, VERSION, VaultImage
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, create_vault_of_key, create_vault_watching, open_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.typed import TypedDigest

STATE = TypedDigest("State", b"\x07" * 32)
KEY = b"\x11" * 32
KEY_ADDRESS = bytes.fromhex("19e7e376e7c213b7e7e7e46cc70a5dd086daff2a")
WATCHED = b"\x22" * 20
VERSION_1 = Path(__file__).with_name("data") / "version1.vault"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "keys.vault"


def reopened(path: Path) -> Vault:
    return open_vault(path).unlock(Secret(PASSWORD))


def test_keys_of_three_kinds_in_one_vault(path: Path) -> None:
    vault = make(path)
    vault.import_key(KEY, "old savings")
    vault.watch(WATCHED, "cold")
    derived = vault.add_account("trading")
    for now in (vault, reopened(path)):
        assert [(a.kind, a.address, a.label, a.path) for a in now.accounts] == [
            ("derived", OWNER_0, "", "m/44'/60'/0'/0/0"),
            ("imported", KEY_ADDRESS, "old savings", ""),
            ("watched", WATCHED, "cold", ""),
            ("derived", OWNER_1, "trading", "m/44'/60'/0'/0/1"),
        ]
        assert [now.owner(at).address for at in (0, 1, 3)] == [OWNER_0, KEY_ADDRESS, OWNER_1]
        assert now.owner(KEY_ADDRESS).sign(STATE)
        assert now.owner(OWNER_1).address == derived.address
        for which in (2, WATCHED):
            with pytest.raises(WalletError, match="KEYS_WATCH_ONLY"):
                now.owner(which)
        with pytest.raises(WalletError, match="KEYS_NOT_OURS"):
            now.owner(b"\x99" * 20)
    assert [row.address for row in open_vault(path).accounts] == [row.address for row in vault.accounts]


def test_accounts_are_derived_at_any_index_once(path: Path) -> None:
    vault = make(path)
    assert vault.add_account("", 7).path == "m/44'/60'/0'/0/7"
    assert vault.add_account().index == 8
    assert vault.add_account("", 1).address == OWNER_1
    with pytest.raises(WalletError, match="KEYS_ACCOUNT_EXISTS"):
        vault.add_account("", 7)
    with pytest.raises(WalletError, match="KEYS_FULL"):
        vault.add_account("", 256)
    assert [row.index for row in reopened(path).accounts] == [0, 7, 8, 1]


def test_nothing_is_there_twice(path: Path) -> None:
    vault = make(path)
    for again in (lambda: vault.import_key(OWNER_0_KEY), lambda: vault.watch(OWNER_0)):
        with pytest.raises(WalletError, match="KEYS_ACCOUNT_EXISTS"):
            again()
    assert len(reopened(path).accounts) == 1


def test_labels_change_and_stay(path: Path) -> None:
    vault = make(path)
    owner = vault.owner()
    vault.rename(OWNER_0, "daily")
    vault.rename_vault("mine")
    assert vault.owner() is owner
    again = reopened(path)
    assert (again.label, again.accounts[0].label) == ("mine", "daily")
    with pytest.raises(WalletError, match="KEYS_LABEL_TOO_LONG"):
        vault.rename(OWNER_0, "x" * 65)
    vault.lock_owner()
    with pytest.raises(WalletError, match="KEYS_LOCKED"):
        vault.rename(OWNER_0, "later")


def test_a_removed_account_is_gone_from_memory_and_disk(path: Path) -> None:
    vault = make(path)
    vault.import_key(KEY)
    vault.watch(WATCHED)
    signer, kept = vault.owner(KEY_ADDRESS), vault.owner()
    with pytest.raises(WalletError, match="KEYS_FIRST_ACCOUNT"):
        vault.remove_account(OWNER_0)
    vault.remove_account(KEY_ADDRESS)
    vault.remove_account(WATCHED)
    with pytest.raises(WalletError, match="KEYS_LOCKED"):
        signer.sign(STATE)
    assert vault.owner() is kept
    assert [row.address for row in reopened(path).accounts] == [OWNER_0]
    assert reopened(path).owner_keys.section.keys == (OWNER_0_KEY,)


def test_a_vault_of_one_key(path: Path) -> None:
    vault = create_vault_of_key(path, KEY, Secret(PASSWORD), label="one", params=CHEAP)
    for now in (vault, reopened(path)):
        assert now.owner().address == KEY_ADDRESS
        assert not now.has_phrase
        assert now.gas_key().address not in (KEY_ADDRESS, OWNER_0)
        for refused in (now.export_phrase, now.add_account):
            with pytest.raises(WalletError, match="KEYS_NO_PHRASE"):
                refused()
    # Imported again elsewhere it pays from the same account; and that one does not lead back to the key.
    assert vault.gas_key().address == reopened(path).gas_key().address
    assert gas_key_of(KEY) == bytes.fromhex(GAS_OF_KEY)


GAS_OF_KEY = "968521b303fb860e35b3310664c0caddc1735894ca765ca07c048d095e8bcfb4"


def test_a_vault_that_watches(path: Path) -> None:
    create_vault_watching(path, WATCHED, Secret(PASSWORD), params=CHEAP)
    vault = reopened(path)
    assert [(row.kind, row.address) for row in vault.accounts] == [("watched", WATCHED)]
    with pytest.raises(WalletError, match="KEYS_WATCH_ONLY"):
        vault.owner()
    assert vault.import_key(KEY).address == vault.owner(1).address


@pytest.mark.parametrize(
    "act",
    [
        lambda vault: vault.import_key(KEY),
        lambda vault: vault.watch(WATCHED),
        lambda vault: vault.remove_account(OWNER_1),
        lambda vault: vault.rename_vault("x"),
    ],
)
def test_nothing_changes_while_the_owner_is_locked(path: Path, act: Callable[[Vault], object]) -> None:
    vault = make(path)
    vault.add_account()
    before = image_of(path)
    vault.lock_owner()
    with pytest.raises(WalletError, match="KEYS_LOCKED"):
        act(vault)
    assert image_of(path) == before


@pytest.mark.parametrize("digits", [KEY.hex(), "0x" + KEY.hex(), " " + KEY.hex().upper() + "\n"])
def test_a_private_key_as_people_have_it(digits: str) -> None:
    assert read_private_key(Secret(digits)) == KEY


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "0x",
        "11" * 31,
        "11" * 33,
        "0X" + "11" * 32,
        "1_" * 32,
        "zz" * 32,
        "٣" * 64,
        "+" + "1" * 63,
        "00" * 32,
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        PHRASE,
        "1" * 10**6,
    ],
)
def test_what_is_no_private_key(digits: str) -> None:
    with pytest.raises(WalletError, match="KEYS_PRIVATE_KEY_FORM") as caught:
        read_private_key(Secret(digits))
    assert caught.value.params == {}


# --- files of version 1 ---


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copy(VERSION_1, tmp_path / "keys.vault"))


SESSION = bytes.fromhex("2fcb88098cd07fe7acca41034fd356212b4e3636")
OLD_ACCOUNTS = tuple(
    map(bytes.fromhex, ("9ab58b8b6bd2e29fc21f06a4c8684a8976dc4cf7", "0ab7c8f57fcfe13da740a9a591ee54cf3ffb5548"))
)


def test_an_old_file_opens_as_it_is_and_grows_into_the_new_form(old: Path) -> None:
    before = old.read_bytes()
    vault = reopened(old)
    assert (old.read_bytes(), image_of(old).version) == (before, 1)
    vault.import_key(KEY, "new")
    assert image_of(old).version == VERSION
    for now in (vault, reopened(old)):
        assert tuple(row.address for row in now.accounts) == (*OLD_ACCOUNTS, KEY_ADDRESS)
        assert [row.kind for row in now.accounts] == ["derived", "derived", "imported"]
        assert now.session_addresses() == (SESSION,)
        assert now.owner(1).sign(STATE)
        assert now.owner(2).sign(STATE)
        assert now.session(SESSION).sign(STATE)


@pytest.mark.parametrize(
    "write",
    [
        lambda vault, _path: vault.new_session_key(),
        lambda vault, _path: vault.add_account(),
        lambda vault, _path: vault.change_password(Secret(PASSWORD), Secret(PASSWORD), CHEAP),
        lambda vault, path: vault.backup(path.with_name("copy.vault")),
    ],
)
def test_every_write_of_an_old_file_is_whole(old: Path, write: Callable[[Vault, Path], object]) -> None:
    vault = reopened(old)
    write(vault, old)
    vault.lock_owner()
    vault.unlock_owner(Secret(PASSWORD))
    vault.new_session_key()
    for file in old.parent.glob("*.vault"):
        again = reopened(file)
        assert image_of(file).version == VERSION
        assert tuple(row.address for row in again.accounts[:2]) == OLD_ACCOUNTS


def test_a_version_is_authenticated(old: Path) -> None:
    for image in (
        replace(image_of(old), version=VERSION),
        replace(image_of(make(old.with_name("new")).path), version=1),
    ):
        old.write_bytes(image.encode())
        with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
            reopened(old)


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_have_one_form(version: int, old: Path) -> None:
    body = MAGIC + version.to_bytes(2, "big") + old.read_bytes()[len(MAGIC) + 2 : -32]
    assert VaultImage.decode(resum(body)).encode() == resum(body)
