"""A history that lost states: said, refused, and opened again only to leave."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.session.ground import TERMS
from tests.support.game import CONTRACT
from wallet.app.installation import accept_loss, lost_rows, open_journal
from wallet.app.profile import Profile
from wallet.cli.main import main
from wallet.cli.window import WindowLauncher
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.history.seat import Seat
from wallet.keys.kdf import KdfParams
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault, open_vault
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Transition, setup_state
from wallet.protocol.terms import Role, Terms
from wallet.protocol.transitions import contents_of, successor
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock
from wallet.session.phases import Phase

PASSWORD = Secret("as good as none")
PHRASE = Secret("test test test test test test test test test test test junk")
DOMAIN = Domain(31337, CONTRACT)


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wallet with an open channel and one that is over; its history was put back by one state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "memory"))
    made = Profile(tmp_path / "profile")
    vault = create_vault(made.vault, PHRASE, PASSWORD, params=KdfParams(8 * 1024, 1, 1))
    session = vault.session(vault.new_session_key())
    journal, installation = open_journal(made, vault)
    terms = _terms(session.address, 1)
    channel = DOMAIN.digest(terms).digest
    journal.add_channel(ChannelRecord(channel, Role.TRADER, 31337, CONTRACT, terms, Phase.OPEN.value, 0))
    over = _terms(session.address, 2)
    ended = ChannelRecord(DOMAIN.digest(over).digest, Role.TRADER, 31337, CONTRACT, over, Phase.WITHDRAWN.value, 0)
    journal.add_channel(ended)
    seat = Seat(DOMAIN, terms, Role.TRADER, session)
    first = setup_state(terms, channel, 1_700_000_000)
    journal.record(_validated(seat.issue(first, 0)))
    _keep(made.path, tmp_path / "old")
    second = successor(first, DOMAIN.digest(first).digest, 1, Transition.CANCEL_ORDER, contents_of(first), first.time)
    journal.record(_validated(seat.issue(second, 0)))
    installation.note()
    journal.close()
    made.close()
    for name in ("history.db", "history.db-wal"):  # all but the mark
        (made.path / name).unlink(missing_ok=True)
        if (tmp_path / "old" / name).exists():
            shutil.copy(tmp_path / "old" / name, made.path / name)
    return made.path


def _terms(signer: bytes, nonce: int) -> Terms:
    return replace(TERMS, trader_signer=signer, nonce=nonce)


def _validated(entry: Entry) -> Entry:
    return replace(entry, status=Status.VALIDATED)


def _keep(folder: Path, to: Path) -> None:
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.sock", "lock"))


def opened(path: Path) -> tuple[Journal, TraderChannel, bool]:
    """As the program opens it; whether the session key is still there."""
    made = Profile(path)
    try:
        vault = open_vault(made.vault).unlock(PASSWORD)
        journal, _ = open_journal(made, vault)
        record = next(row for row in journal.channels() if row.phase == Phase.OPEN.value)
        there = record.terms.trader_signer in vault.session_addresses()
        return journal, TraderChannel(journal, record, None, Clock()), there
    finally:
        made.close()


def command(path: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["history", "accept-loss", "--profile", str(path), *words])


def test_it_is_refused_until_the_loss_is_accepted(profile: Path) -> None:
    with pytest.raises(WalletError, match="STORE_ROLLED_BACK"):
        opened(profile)
    assert lost_rows(profile / "history.db") == (2, 1)
    assert accept_loss(profile / "history.db") == 1
    journal, channel, has_key = opened(profile)
    assert channel.restored
    assert not has_key
    assert journal.lost() is None
    ended = next(row for row in journal.channels() if row.phase == Phase.WITHDRAWN.value)
    assert journal.fact(ended.id, "restored") is None
    journal.close()


def test_broken_off_at_any_point_nothing_opens_that_could_sign(profile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The channels are marked before the mark goes: whoever comes between finds it refused, or restored."""

    def break_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wallet.app.installation._begin_mark_anew", break_off)
    with pytest.raises(KeyboardInterrupt):
        accept_loss(profile / "history.db")
    with pytest.raises(WalletError, match="STORE_ROLLED_BACK"):
        opened(profile)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(profile.parent / "memory"))
    assert accept_loss(profile / "history.db") == 1
    journal, channel, _ = opened(profile)
    assert channel.restored
    journal.close()


def test_a_whole_history_has_nothing_to_accept(profile: Path) -> None:
    accept_loss(profile / "history.db")
    opened(profile)[0].close()
    for work in (accept_loss, lost_rows):
        with pytest.raises(WalletError, match="STORE_NOTHING_LOST"):
            work(profile / "history.db")
    with pytest.raises(WalletError, match="STORE_NOTHING_LOST"):
        lost_rows(profile / "nothing.db")


def test_the_command_says_what_happened_and_asks(profile: Path) -> None:
    asked = command(profile)
    assert asked.exit_code == 1
    assert "it has 1 of 2" in asked.output
    assert "put them back" in asked.output
    with pytest.raises(WalletError, match="STORE_ROLLED_BACK"):
        opened(profile)
    done = command(profile, "--yes", "--json")
    assert json.loads(done.output.strip().splitlines()[-1]) == {"restored": 1}
    again = command(profile, "--yes")
    assert again.exit_code == 1
    assert "nothing to accept" in again.output


def test_the_window_does_it_with_the_profile_in_its_hands(profile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(profile)  # the way to a socket is bounded
    launcher = WindowLauncher()
    try:
        launcher.claim(profile)
        assert launcher.accept_loss(profile).result(60) == 1
        with pytest.raises(WalletError, match="PROFILE_IN_USE"):
            Profile(profile)  # held all the while
        with pytest.raises(WalletError, match="STORE_NOTHING_LOST"):
            launcher.accept_loss(profile).result(60)
    finally:
        launcher.close()
    journal, channel, _ = opened(profile)
    assert channel.restored
    journal.close()
