"""The driver's thread: what fails there is told to whoever looks, not to a log alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from tests.session.ground import profile_of
from wallet.app.profile import Profile
from wallet.app.service import Service
from wallet.app.snapshots import AppView
from wallet.keys.kdf import KdfParams
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault


def test_a_failure_to_publish_is_an_alarm(tmp_path: Path) -> None:
    """Screens that get no more snapshots show what was true once: the next one that arrives must say so."""
    profile = Profile(tmp_path / "profile")
    create_vault(profile.vault, create_phrase(), Secret("a password"), params=KdfParams(8 * 1024, 1, 1)).lock()
    broker = profile_of(1)  # nobody answers for him
    offer = replace(broker.offer, rules=(*broker.offer.rules, ("max_fee", 0)))
    service = Service(profile, Secret("a password"), replace(broker, offer=offer))
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
