"""Staying unlocked by the keyring: what lies where, what opens nothing, and keyrings that fail; a real one, too."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.keys.vaults import CHEAP, OWNER_0, PASSWORD, make
from wallet.keys import ring, stay
from wallet.keys.secret import Secret
from wallet.keys.vault import Vault, open_vault
from wallet.protocol.errors import WalletError

ROOT = Path(__file__).resolve().parents[2]


class Kept(dict[tuple[str, str], str]):
    """A keyring in memory."""

    def get_password(self, service: str, username: str) -> str | None:
        return self.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self[service, username]


class Raising:
    """One whose every call fails the same way."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def get_password(self, *_: str) -> str | None:
        raise self._error

    def set_password(self, *_: str) -> None:
        raise self._error

    delete_password = set_password


class Forgetful(Kept):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return make(tmp_path / "keys.vault")


def test_the_keyring_opens_it_and_holds_one_random_key(vault: Vault) -> None:
    kept = Kept()
    session = vault.new_session_key()
    assert not stay.is_on(vault.path)
    stay.turn_on(vault, system=lambda: kept)
    assert stay.is_on(vault.path)
    opened = stay.unlock(vault.path, system=lambda: kept)
    assert opened.owner().address == OWNER_0
    assert opened.session_addresses() == (session,)
    opened.add_account()
    assert stay.unlock(vault.path, system=lambda: kept).accounts == opened.accounts
    ((service, name),) = kept
    assert service == "channel-wallet"
    assert [len(bytes.fromhex(text)) for text in (name, kept[service, name])] == [16, 32]
    beside = vault.path.with_name("keys.vault.stay").read_bytes()
    for secret in (vault.data_keys()[:32], vault.data_keys()[32:], bytes.fromhex(kept[service, name])):
        assert secret not in beside
        assert secret.hex() not in "".join(kept.values()) or secret.hex() == kept[service, name]


def test_an_old_file_is_written_anew_first(tmp_path: Path) -> None:
    path, kept = tmp_path / "keys.vault", Kept()
    shutil.copy(Path(__file__).with_name("data") / "version1.vault", path)
    vault = open_vault(path).unlock(Secret(PASSWORD))
    stay.turn_on(vault, system=lambda: kept)
    assert stay.unlock(path, system=lambda: kept).accounts == vault.accounts


def test_turned_on_again_it_leaves_no_old_key(vault: Vault) -> None:
    kept = Kept()
    stay.turn_on(vault, system=lambda: kept)
    before = dict(kept)
    stay.turn_on(vault, system=lambda: kept)
    assert len(kept) == 1
    assert kept != before


def test_turned_off_nothing_is_left(vault: Vault) -> None:
    kept = Kept()
    stay.turn_on(vault, system=lambda: kept)
    stay.turn_off(vault.path, system=lambda: kept)
    assert not kept
    assert not stay.is_on(vault.path)
    with pytest.raises(WalletError, match="KEYRING_OTHER"):
        stay.unlock(vault.path, system=lambda: kept)
    stay.turn_off(vault.path, system=lambda: kept)


def test_turning_off_without_the_keyring_still_closes_it(vault: Vault) -> None:
    kept = Kept()
    stay.turn_on(vault, system=lambda: kept)
    with pytest.raises(WalletError, match="KEYRING_ABSENT"):
        stay.turn_off(vault.path, system=lambda: Raising(RuntimeError()))
    with pytest.raises(WalletError, match="KEYRING_OTHER"):
        stay.unlock(vault.path, system=lambda: kept)


def test_another_password_makes_it_void(vault: Vault) -> None:
    kept = Kept()
    stay.turn_on(vault, system=lambda: kept)
    vault.change_password(Secret(PASSWORD), Secret("another password"), CHEAP)
    with pytest.raises(WalletError, match="KEYRING_OTHER"):
        stay.unlock(vault.path, system=lambda: kept)


def test_a_dearer_cost_does_not(vault: Vault) -> None:
    kept = Kept()
    stay.turn_on(vault, system=lambda: kept)
    vault.seal_again(Secret(PASSWORD), CHEAP)
    assert stay.unlock(vault.path, system=lambda: kept).owner_unlocked


@pytest.mark.parametrize("spoil", ["short", "magic", "name", "box", "empty", "key", "no key"])
def test_what_was_changed_opens_nothing(vault: Vault, spoil: str) -> None:
    kept = Kept()
    stay.turn_on(vault, system=lambda: kept)
    path = vault.path.with_name("keys.vault.stay")
    data = path.read_bytes()
    (place,) = kept
    if spoil == "key":
        kept[place] = secrets.token_hex(32)
    elif spoil == "no key":
        kept[place] = "ü"
    else:
        path.write_bytes(
            {
                "short": data[:24],
                "magic": b"X" + data[1:],
                "name": data[:8] + bytes(16) + data[24:],
                "box": data[:-1] + bytes([data[-1] ^ 1]),
                "empty": b"",
            }[spoil]
        )
    with pytest.raises(WalletError, match="KEYRING_OTHER"):
        stay.unlock(vault.path, system=lambda: kept)
    assert open_vault(vault.path).unlock(Secret(PASSWORD)).owner().address == OWNER_0


def test_a_locked_owner_is_not_kept_open(vault: Vault) -> None:
    kept = Kept()
    vault.lock_owner()
    with pytest.raises(WalletError, match="KEYS_LOCKED"):
        stay.turn_on(vault, system=lambda: kept)
    assert not kept


class LockedException(Exception):
    """Named as secretstorage's."""


def failures() -> list[tuple[BaseException, str]]:
    from keyring.errors import InitError, KeyringLocked, PasswordSetError

    return [
        (KeyringLocked(), "KEYRING_LOCKED"),
        (LockedException(), "KEYRING_LOCKED"),
        (InitError(), "KEYRING_ABSENT"),
        (ImportError(), "KEYRING_ABSENT"),
        (NameError(), "KEYRING_ABSENT"),
        (OSError(), "KEYRING_ABSENT"),
        (PasswordSetError("it is " + PASSWORD), "KEYRING_FAILED"),
        (KeyError(PASSWORD), "KEYRING_FAILED"),
    ]


@pytest.mark.parametrize(("error", "code"), failures())
def test_a_keyring_that_fails_is_a_sentence_and_changes_nothing(vault: Vault, error: BaseException, code: str) -> None:
    with pytest.raises(WalletError) as refused:
        stay.turn_on(vault, system=lambda: Raising(error))
    assert refused.value.code == code
    assert PASSWORD not in str(refused.value)
    assert not stay.is_on(vault.path)


def test_a_keyring_that_keeps_nothing_is_found_out(vault: Vault) -> None:
    with pytest.raises(WalletError, match="KEYRING_FAILED"):
        stay.turn_on(vault, system=Forgetful)
    assert not stay.is_on(vault.path)


def test_a_keyring_that_never_answers_is_not_waited_for(vault: Vault) -> None:
    kept, answer = Kept(), threading.Event()
    stay.turn_on(vault, system=lambda: kept)

    def hangs() -> Kept:
        answer.wait()
        return kept

    with pytest.raises(WalletError, match="KEYRING_SLOW"):
        stay.unlock(vault.path, system=hangs, patience=0.05)
    answer.set()


@pytest.mark.skipif(sys.platform != "linux", reason="the Secret Service is Linux's")
def test_the_environment_chooses_neither_the_keyring_nor_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends import SecretService

    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("KEYRING_PROPERTY_PREFERRED_COLLECTION", "/somewhere/else")
    monkeypatch.setenv("KEYRING_PROPERTY_SCHEME", "KeePassXC")
    found = ring.system_ring()
    assert type(found) is SecretService.Keyring
    assert vars(found) == {}


TOOLS = all(map(shutil.which, ("dbus-run-session", "gnome-keyring-daemon")))
UNLOCKED = 'printf x | gnome-keyring-daemon --unlock --components=secrets >/dev/null; exec "$@"'


@pytest.fixture
def live(tmp_path: Path) -> Callable[..., list[str]]:
    """The lines of a program's life on a session bus of its own, with what the environment could lead it astray by."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "run").mkdir(mode=0o700)
    (home / ".config/python_keyring").mkdir(parents=True)
    (home / ".config/python_keyring/keyringrc.cfg").write_text(
        "[backend]\ndefault-keyring=keyring.backends.null.Keyring\n"
    )
    places = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_RUNTIME_DIR": str(home / "run")}
    surprises = {
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "KEYRING_PROPERTY_PREFERRED_COLLECTION": "/no/such",
    }
    environment = {key: value for key, value in os.environ.items() if "DISPLAY" not in key and "DBUS" not in key}
    environment |= places | surprises | {"PYTHONPATH": str(ROOT)}

    def run(*steps: str, daemon: bool = True) -> list[str]:
        program = [sys.executable, "-m", "tests.keys.keyring_process", str(tmp_path / "keys.vault"), *steps]
        inside = ["sh", "-c", UNLOCKED, "sh", *program] if daemon else program
        done = subprocess.run(
            ["dbus-run-session", "--", *inside],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=100,
        )
        return done.stdout.splitlines()

    return run


@pytest.mark.slow
@pytest.mark.skipif(not TOOLS, reason="needs dbus-run-session, gnome-keyring-daemon")
class TestRealSecretService:
    def test_on_off_and_another_password(self, live: Callable[..., list[str]]) -> None:
        opened = f"unlock {OWNER_0.hex()}"
        assert live("make", "on", "items", "unlock")[1:] == ["on None", "items [1, 1, 64]", opened]
        assert live("unlock", "on", "items", "unlock")[1:] == ["on None", "items [1, 1, 64]", opened]  # a later session
        assert live("password", "unlock", "on", "unlock") == [
            "password None",
            "unlock KEYRING_OTHER",
            "on None",
            opened,
        ]
        assert live("off", "items", "unlock") == ["off None", "items [0, 0]", "unlock KEYRING_OTHER"]

    def test_a_locked_keyring_is_the_password_s_turn(self, live: Callable[..., list[str]]) -> None:
        *_, last = live("make", "on", "lock", "unlock-impatient")
        assert last in ("unlock-impatient KEYRING_LOCKED", "unlock-impatient KEYRING_SLOW")

    def test_a_bus_without_a_keyring(self, live: Callable[..., list[str]]) -> None:
        assert live("make", "on", daemon=False)[1:] in (["on KEYRING_ABSENT"], ["on KEYRING_LOCKED"])
