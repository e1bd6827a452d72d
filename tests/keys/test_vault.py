"""The vault as its users see it: made, opened, grown, locked, re-keyed, copied; tampered with."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.keys.vaults import CHEAP, OWNER_0, OWNER_1, PASSWORD, PHRASE, image_of, make
from wallet.keys import locking, sections
from wallet.keys.kdf import KdfHeader, KdfParams, derive_key
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, create_vault, open_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.typed import TypedDigest

STATE = TypedDigest("State", b"\x07" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "keys.vault"


def reopened(path: Path, password: str = PASSWORD) -> Vault:
    return open_vault(path).unlock(Secret(password))


def test_create_open_unlock(path: Path) -> None:
    make(path)
    locked = open_vault(path)
    assert locked.label == "savings"
    assert [(a.index, a.path, a.address) for a in locked.accounts] == [(0, "m/44'/60'/0'/0/0", OWNER_0)]
    vault = locked.unlock(Secret(PASSWORD))
    assert vault.owner().address == OWNER_0
    assert vault.accounts == locked.accounts
    assert vault.export_phrase() == Secret(PHRASE)
    assert vault.session_addresses() == ()


def test_restoring_the_phrase_gives_the_same_keys(path: Path, tmp_path: Path) -> None:
    first = make(path)
    second = make(tmp_path / "other.vault", phrase=PHRASE.upper())
    assert second.owner().address == first.owner().address
    assert second.gas_key().address == first.gas_key().address
    assert first.gas_key().address != first.owner().address


def test_a_passphrase_gives_other_keys_and_survives_reopening(path: Path) -> None:
    vault = create_vault(path, Secret(PHRASE), Secret(PASSWORD), passphrase=Secret("extra"), params=CHEAP)
    assert vault.owner().address != OWNER_0
    again = reopened(path)
    assert again.owner().address == vault.owner().address
    assert again.add_account().address not in (OWNER_0, OWNER_1)


@pytest.mark.parametrize("password", ["", "Correct horse", PASSWORD + " ", "x" * 100_000, "\udc80"])
def test_wrong_password(path: Path, password: str) -> None:
    make(path)
    with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD") as caught:
        reopened(path, password)
    assert caught.value.params == {}


@pytest.mark.parametrize(("made", "typed"), [("caf\u00e9", "cafe\u0301"), ("\udcff", "\udcff"), ("ﬁ", "fi")])
def test_the_same_letters_in_another_form_open_it(path: Path, made: str, typed: str) -> None:
    make(path, password=made)
    assert reopened(path, typed).owner().address == OWNER_0


@pytest.mark.parametrize(("password", "code"), [("", "KEYS_PASSWORD_EMPTY"), ("x" * 1025, "KEYS_PASSWORD_TOO_LONG")])
def test_passwords_that_protect_nothing(path: Path, password: str, code: str) -> None:
    with pytest.raises(WalletError, match=code):
        make(path, password=password)
    assert not path.exists()
    vault = make(path)
    with pytest.raises(WalletError, match=code):
        vault.change_password(Secret(PASSWORD), Secret(password), CHEAP)
    assert reopened(path).owner().address == OWNER_0


def test_a_bad_phrase_makes_no_file(path: Path) -> None:
    with pytest.raises(WalletError, match="KEYS_PHRASE_CHECKSUM"):
        make(path, phrase=PHRASE.replace("junk", "test"))
    assert not path.parent.exists()


def test_a_label_has_a_bound(path: Path) -> None:
    with pytest.raises(WalletError, match="KEYS_LABEL_TOO_LONG"):
        create_vault(path, Secret(PHRASE), Secret(PASSWORD), label="x" * 65, params=CHEAP)
    with pytest.raises(WalletError, match="KEYS_LABEL_TOO_LONG"):
        make(path).add_account("x" * 65)


def test_accounts_grow_along_the_path(path: Path) -> None:
    vault = make(path)
    owner = vault.owner()
    added = vault.add_account("trading")
    assert (added.index, added.path, added.address, added.label) == (1, "m/44'/60'/0'/0/1", OWNER_1, "trading")
    assert vault.owner(1).address == OWNER_1
    assert vault.owner() is owner
    assert reopened(path).accounts == vault.accounts
    assert reopened(path).owner(1).address == OWNER_1
    for index in (2, -1):
        with pytest.raises(WalletError, match="KEYS_NO_ACCOUNT"):
            vault.owner(index)


def test_a_session_key_is_on_disk_before_its_address_is_known(path: Path) -> None:
    vault = make(path)
    address = vault.new_session_key()
    again = reopened(path)
    assert again.session_addresses() == (address,)
    assert again.session(address).sign(STATE) == vault.session(address).sign(STATE)


def test_session_keys_are_random_and_keep_their_order(path: Path, tmp_path: Path) -> None:
    vault, twin = make(path), make(tmp_path / "twin.vault")
    addresses = [vault.new_session_key() for _ in range(3)]
    assert len({*addresses, twin.new_session_key(), vault.gas_key().address, OWNER_0}) == 6
    assert vault.session_addresses() == tuple(addresses) == reopened(path).session_addresses()


def test_an_unknown_session_key(path: Path) -> None:
    with pytest.raises(WalletError, match="KEYS_NO_SESSION_KEY"):
        make(path).session(b"\x01" * 20)


def test_a_forgotten_session_key_is_gone_from_memory_and_disk(path: Path) -> None:
    vault = make(path)
    first, second = vault.new_session_key(), vault.new_session_key()
    signer, kept = vault.session(first), vault.session(second)
    vault.forget_session_key(first)
    assert vault.session_addresses() == reopened(path).session_addresses() == (second,)
    with pytest.raises(WalletError, match="KEYS_LOCKED"):
        signer.sign(STATE)
    assert vault.session(second) is kept
    assert kept.sign(STATE)


def test_the_number_of_session_keys_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.keys.vault.MAX_SESSION_KEYS", 1)
    vault = make(path)
    vault.new_session_key()
    with pytest.raises(WalletError, match="KEYS_FULL"):
        vault.new_session_key()


def test_locking_the_owner_leaves_the_driver_its_keys(path: Path) -> None:
    vault = make(path)
    address = vault.new_session_key()
    owner, session = vault.owner(), vault.session(address)
    vault.lock_owner()
    assert not vault.owner_unlocked
    for refused in (vault.owner, vault.export_phrase, vault.add_account, lambda: owner.sign(STATE)):
        with pytest.raises(WalletError, match="KEYS_LOCKED"):
            refused()
    assert session.sign(STATE)
    assert vault.gas_key().address
    later = vault.new_session_key()
    assert reopened(path).session_addresses() == (address, later)
    assert vault.accounts[0].address == OWNER_0

    with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
        vault.unlock_owner(Secret("wrong"))
    assert not vault.owner_unlocked
    vault.unlock_owner(Secret(PASSWORD))
    assert vault.owner_unlocked
    assert vault.owner().sign(STATE)
    assert vault.session(address) is session
    assert vault.session_addresses() == (address, later)
    with pytest.raises(WalletError, match="KEYS_LOCKED"):
        owner.sign(STATE)


def test_locking_everything(path: Path) -> None:
    vault = make(path)
    address = vault.new_session_key()
    signers = (vault.owner(), vault.gas_key(), vault.session(address))
    vault.lock()
    for refused in (vault.owner, vault.gas_key, vault.new_session_key, lambda: vault.session(address)):
        with pytest.raises(WalletError, match="KEYS_LOCKED"):
            refused()
    for signer in signers:
        with pytest.raises(WalletError, match="KEYS_LOCKED"):
            signer.sign(STATE)
    vault.unlock_owner(Secret(PASSWORD))
    assert vault.owner().sign(STATE)
    assert vault.session(address).sign(STATE)


def test_changing_the_password(path: Path) -> None:
    vault = make(path)
    address = vault.new_session_key()
    before = image_of(path)
    with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
        vault.change_password(Secret("wrong"), Secret("new"), CHEAP)
    assert image_of(path) == before
    vault.change_password(Secret(PASSWORD), Secret("new"), CHEAP)
    with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
        reopened(path)
    again = reopened(path, "new")
    assert again.export_phrase() == Secret(PHRASE)
    assert again.session_addresses() == (address,)
    # The vault that changed it goes on, with both halves.
    vault.new_session_key()
    vault.add_account()
    assert reopened(path, "new").session_addresses() == vault.session_addresses()
    assert reopened(path, "new").accounts == vault.accounts


def test_what_is_added_while_the_password_changes_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow part holds nothing up: the driver makes a session key in the middle of it."""
    vault, made, slow = make(path), [], locking.wrapping_key

    def meanwhile(password: Secret, params: KdfParams) -> locking.WrappingKey:
        thread = threading.Thread(target=lambda: made.append(vault.new_session_key()))
        thread.start()
        thread.join(30)
        return slow(password, params)

    monkeypatch.setattr(locking, "wrapping_key", meanwhile)
    vault.change_password(Secret(PASSWORD), Secret("new"), CHEAP)
    assert reopened(path, "new").session_addresses() == tuple(made) == vault.session_addresses()
    assert len(made) == 1


def test_changing_the_password_while_the_owner_is_locked_does_not_unlock_him(path: Path) -> None:
    vault = make(path)
    vault.lock_owner()
    vault.change_password(Secret(PASSWORD), Secret("new"), CHEAP)
    assert not vault.owner_unlocked
    vault.new_session_key()
    vault.unlock_owner(Secret("new"))
    assert vault.owner().address == OWNER_0


def test_an_old_copy_and_its_password_do_not_open_the_new_file(path: Path) -> None:
    vault = make(path)
    old = image_of(path)
    vault.change_password(Secret(PASSWORD), Secret("new"), CHEAP)
    new = image_of(path)
    wrapping = derive_key(Secret(PASSWORD), old.kdf_header())
    for field in ("owner", "session"):
        data_key = sections.unseal(wrapping, getattr(old, f"{field}_key"), old.associated(f"{field}_key"))
        assert data_key is not None
        assert sections.unseal(data_key, getattr(old, field), old.associated(field)) is not None
        assert sections.unseal(data_key, getattr(new, field), new.associated(field)) is None


def test_a_backup_holds_no_session_key(path: Path, tmp_path: Path) -> None:
    vault = make(path)
    vault.new_session_key()
    vault.backup(tmp_path / "copy.vault")
    copy = reopened(tmp_path / "copy.vault")
    assert copy.session_addresses() == ()
    assert copy.owner().address == OWNER_0
    assert copy.gas_key().address == vault.gas_key().address
    assert len(reopened(path).session_addresses()) == 1
    with pytest.raises(WalletError, match="KEYS_EXISTS"):
        vault.backup(path)
    assert len(reopened(path).session_addresses()) == 1


def test_the_defaults_unlock_without_stalling_another_thread(path: Path) -> None:
    create_vault(path, Secret(PHRASE), Secret(PASSWORD))
    gaps, done = [0.0], threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not done.wait(0.001):
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    ticker = threading.Thread(target=tick)
    ticker.start()
    started = time.perf_counter()
    reopened(path)
    took = time.perf_counter() - started
    done.set()
    ticker.join()
    assert took > 0.05, "the defaults cost nothing"
    assert max(gaps) < took / 2, "the GIL was held"


@pytest.mark.parametrize("field", ["public", "owner_key", "session_key", "owner", "session"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_a_changed_byte_in_any_field_is_found(tmp_path: Path, field: str, data: st.DataObject) -> None:
    path = tmp_path / "keys.vault"
    if not path.exists():
        make(path).new_session_key()
        (tmp_path / "good").write_bytes(path.read_bytes())
    good = image_of(tmp_path / "good")
    old = getattr(good, field)
    position = data.draw(st.integers(0, len(old) - 1))
    flip = data.draw(st.integers(1, 255))
    new = old[:position] + bytes([old[position] ^ flip]) + old[position + 1 :]
    path.write_bytes(replace(good, **{field: new}).encode())
    with pytest.raises(WalletError, match="KEYS_DAMAGED"):
        reopened(path)


@pytest.mark.parametrize("field", ["owner_key", "session_key", "owner", "session"])
@pytest.mark.parametrize("box", [b"", b"\0" * 27, b"\0" * 28, b"\0" * 5000])
def test_a_box_of_any_size_is_found(path: Path, field: str, box: bytes) -> None:
    make(path)
    path.write_bytes(replace(image_of(path), **{field: box}).encode())
    with pytest.raises(WalletError, match="KEYS_DAMAGED"):
        reopened(path)


def test_another_salt_or_cost_opens_nothing(path: Path) -> None:
    make(path)
    good = image_of(path)
    header = good.kdf_header()
    for other in (KdfHeader(header.params, bytes(16)), KdfHeader(replace(CHEAP, passes=2), header.salt)):
        path.write_bytes(replace(good, kdf=other.encode()).encode())
        with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
            reopened(path)


def test_fields_of_two_vaults_do_not_mix(path: Path, tmp_path: Path) -> None:
    make(path)
    make(tmp_path / "other.vault")
    mine, other = image_of(path), image_of(tmp_path / "other.vault")
    for field in ("owner", "session", "owner_key", "session_key"):
        path.write_bytes(replace(mine, **{field: getattr(other, field)}).encode())
        with pytest.raises(WalletError, match="KEYS_DAMAGED"):
            reopened(path)
    path.write_bytes(replace(mine, owner_key=mine.session_key, session_key=mine.owner_key).encode())
    with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
        reopened(path)


def test_each_half_has_a_random_key_of_its_own(path: Path) -> None:
    vault = make(path)
    image = image_of(path)
    keys = [
        derive_key(Secret(PASSWORD), image.kdf_header()),
        vault.owner_keys.data_key,
        vault.session_keys.data_key,
    ]
    opens = [
        [sections.unseal(key, getattr(image, field), image.associated(field)) is not None for key in keys]
        for field in ("owner_key", "session_key", "owner", "session")
    ]
    assert opens == [[True, False, False], [True, False, False], [False, True, False], [False, False, True]]


def test_accounts_that_are_not_the_keys_are_never_shown_as_unlocked(path: Path) -> None:
    """What a bug of ours would write: properly sealed, but another address than the key's."""
    vault = make(path)
    stranger = sections.Public("savings", (sections.Account(0, "m/44'/60'/0'/0/0", OWNER_1, ""),))
    owner, session = vault.owner_keys.section, vault.session_keys.section
    path.write_bytes(locking.lock(stranger, owner, session, Secret(PASSWORD), CHEAP).image.encode())
    with pytest.raises(WalletError, match="KEYS_DAMAGED why=accounts"):
        reopened(path)
