"""A profile that was copied or rolled back is found out by what this computer remembers of it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.app.test_account import CHEAP, ETH, ONE, Machine
from tests.session.ground import CHANNEL
from tests.support.game import CONTRACT, NOW, make_terms
from wallet.app.account import Account
from wallet.app.installation import Installation
from wallet.app.profile import Profile
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.history.reader import HistoryReader
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault, open_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.state import setup_state
from wallet.protocol.terms import Role
from wallet.sandbox.boot import sandbox
from wallet.session.phases import Phase

RECORD = ChannelRecord(CHANNEL, Role.TRADER, 31337, CONTRACT, make_terms(), Phase.OPEN.value, 0)


def opened(profile: Path, memory: Path) -> bool:
    """Opens and closes a profile's journal as the program does; whether it was the one that was here last."""
    journal = Journal.open(profile)
    try:
        installation = Installation(journal, memory)
        installation.claim()
        installation.note()
        return installation.sound
    finally:
        journal.close()


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A journal that was opened here before, and where the memory of it is."""
    (tmp_path / "profile").mkdir()
    profile, memory = tmp_path / "profile" / "history.db", tmp_path / "memory"
    assert opened(profile, memory)
    assert opened(profile, memory)
    return profile, memory


def copy(profile: Path, to: Path) -> Path:
    shutil.copytree(profile.parent, to)
    return to / profile.name


def test_a_backup_put_back_is_not_the_profile_that_was_here_last(tmp_path: Path, places: tuple[Path, Path]) -> None:
    profile, memory = places
    old = copy(profile, tmp_path / "backup")
    assert opened(profile, memory)
    shutil.rmtree(profile.parent)
    shutil.copytree(old.parent, profile.parent)
    assert not opened(profile, memory)
    assert opened(profile, memory)  # known again from then on


def test_of_two_copies_the_one_opened_first_goes_on(tmp_path: Path, places: tuple[Path, Path]) -> None:
    profile, memory = places
    other = copy(profile, tmp_path / "copy")
    assert opened(other, memory)  # moved, for all anyone can tell: the other one is the old one now
    assert not opened(profile, memory)


def test_on_another_computer_a_profile_is_a_copy(tmp_path: Path, places: tuple[Path, Path]) -> None:
    profile, _ = places
    assert not opened(profile, tmp_path / "another computer")


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"tokens": [], "marks": {}}', b'{"tokens": ["a"], "marks": 7}', b'{"tokens": [1.5]}']
)
def test_a_memory_that_cannot_be_read_is_none(places: tuple[Path, Path], damage: bytes) -> None:
    profile, memory = places
    (file,) = memory.iterdir()
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    file.write_bytes(damage)
    assert not opened(profile, memory)


def test_a_journal_below_what_was_noted_has_lost_states(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within one opening: the file is put back while nobody looks, and has the token of the day."""
    profile, memory = places
    journal = Journal.open(profile)
    reached = {"0x" + "aa" * 32: 7}
    monkeypatch.setattr("wallet.app.installation._marks", lambda _: dict(reached))
    installation = Installation(journal, memory)
    installation.claim()
    reached["0x" + "aa" * 32] = 9
    installation.note()
    assert Installation(journal, memory).sound
    reached["0x" + "aa" * 32] = 8
    assert not Installation(journal, memory).sound
    journal.close()


def test_what_is_noted_is_on_disk(places: tuple[Path, Path]) -> None:
    """A power cut right after the note must not make this profile an old copy of itself."""
    profile, memory = places
    journal = Journal.open(profile)
    journal.add_channel(RECORD)
    installation = Installation(journal, memory)
    state = setup_state(RECORD.terms, CHANNEL, NOW)

    async def main() -> None:
        with journal.store.grouped():
            journal.record(Entry(state, bytes(32), Role.BROKER, Status.VALIDATED))
        installation.note()
        with HistoryReader(profile) as reader:
            assert reader.latest(CHANNEL) is not None

    asyncio.run(main())
    journal.close()


@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_opening_that_breaks_off_is_no_copy(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The three writes of a claim, and the program's end before each of them."""
    profile, memory = places
    journal = Journal.open(profile)
    steps = iter(range(1, 4))

    def dying(real: Any) -> Any:
        def step(*given: Any) -> None:
            if next(steps) == at:
                raise KeyboardInterrupt
            real(*given)

        return step

    with monkeypatch.context() as patch:
        installation = Installation(journal, memory)
        patch.setattr(installation, "_write", dying(installation._write))
        patch.setattr(journal, "set_fact", dying(journal.set_fact))
        with pytest.raises(KeyboardInterrupt):
            installation.claim()
    journal.close()
    assert opened(profile, memory)


def test_a_copied_profile_forgets_the_session_keys_it_brought_along(tmp_path: Path) -> None:
    """The keys are not only unused: they are no longer there."""
    profile = Profile(tmp_path / "profile")
    vault = create_vault(profile.vault, create_phrase(), Secret("a password"), params=CHEAP)
    terms = make_terms(trader_signer=vault.new_session_key(), trader=vault.accounts[0].address)
    spare = vault.new_session_key()  # of no channel yet
    journal = Journal.open(profile.journal)
    opened_here = Installation(journal)
    opened_here.claim()
    journal.add_channel(ChannelRecord(CHANNEL, Role.TRADER, 31337, CONTRACT, terms, Phase.OPEN.value, 0))
    journal.set_fact(b"", "opening", b"of another day")
    journal.close()

    from tests.session.brokers import sample

    account = Account(profile, vault, sample())
    assert account.journal.fact(CHANNEL, "restored") is not None
    assert vault.session_addresses() == (spare,)
    account.journal.close()
    assert open_vault(profile.vault).unlock(Secret("a password")).session_addresses() == (spare,)
    profile.close()


@pytest.mark.slow  # a broker and a chain, opened three times
def test_res_restored_a_profile_put_back_leaves_and_trades_no_more(tmp_path: Path) -> None:
    """The whole way with a real broker and chain: a copy from yesterday is put back, and goes home with everything."""

    async def main() -> None:
        async with sandbox(tmp_path / "box") as found:
            machine = Machine(tmp_path / "profile", found)
            async with machine.wallet() as account:
                await account.faucet()
                await account.open_channel(ONE)
                await account.place_order("ETH/USDT", "sell", 9_000 * 10**6, ETH // 10, "good_till_time")
                await account.link.until(lambda: bool(account.channel.last.state.open_orders), 5)  # type: ignore[union-attr]
            shutil.copytree(tmp_path / "profile", tmp_path / "yesterday")
            async with machine.wallet() as account:
                assert not account.channel.restored  # type: ignore[union-attr]
                await account.place_order("ETH/USDT", "sell", 9_100 * 10**6, ETH // 10, "good_till_time")
                await account.link.until(lambda: len(account.channel.last.state.open_orders) == 2, 5)  # type: ignore[union-attr]
                reached = account.channel.last.state.increment  # type: ignore[union-attr]
            machine.profile.close()
            shutil.rmtree(tmp_path / "profile")
            shutil.copytree(tmp_path / "yesterday", tmp_path / "profile")
            machine.profile = Profile(tmp_path / "profile")
            machine.vault = open_vault(machine.profile.vault).unlock(Secret("a password"))
            async with machine.wallet() as account:
                channel = account.channel
                assert channel is not None
                assert channel.restored
                assert channel.last is not None
                assert channel.last.state.increment == reached  # what the broker proved was taken back
                with pytest.raises(WalletError, match="RESTORED"):
                    await account.place_order("ETH/USDT", "sell", 9_000 * 10**6, ETH // 10, "good_till_time")
                await account.finalize()
                paid = await account.withdraw()
                assert paid[ONE[0][0]] == ETH
            machine.profile.close()

    asyncio.run(main())
