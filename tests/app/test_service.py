"""The driver's thread: what fails there is told to whoever looks, not to a log alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.keys.vaults import CHEAP
from tests.session.ground import profile_of
from tests.support.waiting import eventually
from wallet.app.profile import Profile
from wallet.app.service import Service
from wallet.app.snapshots import AppView
from wallet.keys import stay
from wallet.keys.kdf import KdfParams
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault
from wallet.protocol.errors import WalletError
from wallet.session.broker_profile import BrokerProfile


def _broker() -> BrokerProfile:
    """Nobody answers for him."""
    broker = profile_of(1)
    return replace(broker, offer=replace(broker.offer, rules=(*broker.offer.rules, ("max_fee", 0))))


def test_a_failure_to_publish_is_an_alarm(tmp_path: Path) -> None:
    """Screens that get no more snapshots show what was true once: the next one that arrives must say so."""
    profile = Profile(tmp_path / "profile")
    create_vault(profile.vault, create_phrase(), Secret("a password"), params=KdfParams(8 * 1024, 1, 1)).lock()
    service = Service(profile, Secret("a password"), _broker())
    told = threading.Event()
    said: list[str | None] = []

    def show(view: AppView) -> None:
        said.append(view.connection.problem)
        if len(said) == 1:
            raise ValueError("a screen that is broken")
        if view.connection.problem == "TASK_DIED":
            told.set()

    try:
        service.subscribe(show, lambda _: None)
        assert told.wait(10), said
        assert said[0] != "TASK_DIED"
    finally:
        service.close()


@pytest.mark.parametrize("keep_signing", [True, False])
def test_a_lock_drops_the_owners_keys_and_the_password_brings_them_back(tmp_path: Path, keep_signing: bool) -> None:
    """Without signing on, every key goes, and the driver ends and begins again as with a start of the program."""
    profile = Profile(tmp_path / "profile")
    create_vault(profile.vault, create_phrase(), Secret("a password"), params=KdfParams(8 * 1024, 1, 1)).lock()
    service = Service(profile, Secret("a password"), _broker())
    said: list[AppView] = []
    try:
        service.subscribe(said.append, lambda _: None)
        eventually(lambda: said)
        vault, broker = service._vault, _broker().broker
        owner = vault.owner()
        service.lock(keep_signing).result(10)
        with pytest.raises(WalletError, match="KEYS_LOCKED"):
            owner.sign_transaction({"chainId": 1})
        assert not vault.owner_unlocked
        assert vault.session_keys.dropped is not keep_signing
        eventually(lambda: not said[-1].unlocked)
        assert said[-1].resting is not keep_signing
        if not keep_signing:
            with pytest.raises(WalletError, match="KEYS_LOCKED"):
                service.view(b"", b"").result(10)
        with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
            service.unlock(Secret("another")).result(10)
        assert not vault.owner_unlocked
        service.unlock(Secret("a password")).result(10)
        assert vault.owner().address == owner.address
        eventually(lambda: said[-1].unlocked and not said[-1].resting)
        assert service.view(broker, b"").result(10).unlocked
        if not keep_signing:
            service.lock(keep_signing=False).result(10)  # and it ends well from there, too
    finally:
        service.close()
    assert service._vault.session_keys.dropped


class Kept(dict[tuple[str, str], str]):
    """A keyring in memory."""

    def get_password(self, service: str, username: str) -> str | None:
        return self.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self[service, username]


def test_the_password_changes_and_the_keyring_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    monkeypatch.setattr("wallet.app.service.calibrate", lambda: CHEAP)
    for name in ("turn_on", "turn_off", "unlock"):
        work = getattr(stay, name)
        monkeypatch.setattr(stay, name, partial(work, system=lambda: kept))
    path = tmp_path / "profile"
    profile = Profile(path)
    create_vault(profile.vault, create_phrase(12), Secret("old"), params=CHEAP)
    service = Service(profile, Secret("old"))
    try:
        assert not service.stays_unlocked()
        service.stay_unlocked(on=True).result(30)
        assert service.stays_unlocked()
        with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
            service.change_password(Secret("no"), Secret("new")).result(30)
        service.change_password(Secret("old"), Secret("new")).result(30)
        service.check_password(Secret("new"))
    finally:
        service.close()
    again = Service(Profile(path), None)
    try:
        assert again.view(b"", b"").result(30).unlocked
        again.stay_unlocked(on=False).result(30)
    finally:
        again.close()
    assert kept == {}
    profile = Profile(path)
    with pytest.raises(WalletError, match="KEYRING_OTHER"):
        Service(profile, None)
    profile.close()
