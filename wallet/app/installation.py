"""What this computer remembers of a profile, outside of it: enough to tell that the profile was rolled back.

A profile restored from a backup, or copied, can't know what its session keys have signed since. Signing on would put a
second digest at a number, and the broker could choose. So each opening of a profile draws a token and writes it in
both places, here and in the journal: of all the copies of a profile, only the one that was opened last can be opened
as itself. Within one opening, the highest number of each channel is noted here every few seconds: a journal below
that has lost states.

The file lies where a user's *state* lies, which is not meant to be backed up; a backup of the whole computer that
brings both back at once is found out by the broker's Resume alone. Source: design §1, §8 "Restored profiles".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import platformdirs

from wallet.app.profile import Profile, write_file
from wallet.history import schema
from wallet.history.journal import Journal, mark_path
from wallet.history.reader import HistoryReader
from wallet.history.store import Store, sync_directory
from wallet.keys.signer import Signer
from wallet.keys.vault import Vault
from wallet.protocol import codec, strictjson
from wallet.protocol.codec import read_hex, show_hex
from wallet.protocol.errors import WalletError
from wallet.session.phases import OVER, Phase

log = logging.getLogger(__name__)

NOTE_EVERY = 5.0  # seconds between two looks at what is to be noted
_PROFILE, _TOKEN = "profile", "opening"  # facts of the journal, of no channel
_NO_CHANNEL = b""


@dataclass(frozen=True, slots=True)
class Memory:
    """``tokens``: of the last opening, and of one that broke off; ``marks``: highest number signed, by channel."""

    tokens: tuple[str, ...]
    marks: Mapping[str, int]


def open_journal(profile: Profile, vault: Vault) -> tuple[Journal, Installation]:
    """Opens the journal of a profile and claims the profile for this computer.

    If it is not the one that was here last, its channels are restored ones from now on: marked so in the journal,
    and their session keys forgotten, before anything else. Raises WalletError("STORE_…" | "FILE_UNWRITABLE").
    """
    journal = Journal.open(profile.journal)
    try:
        installation = Installation(journal)
        if not installation.sound:
            log.warning("this profile was restored or copied: its channels trade no more")
            _restore(journal, b"another copy")
        _forget_keys(journal, vault)
        installation.claim()
    except BaseException:
        journal.close()
        raise
    return journal, installation


def lost_rows(file: Path) -> tuple[int, int]:
    """(states expected, states there are) of a journal that lacks some. Raises as :func:`accept_loss` does."""
    if not file.exists():
        raise WalletError("STORE_NOTHING_LOST", path=file.name)
    reader = HistoryReader(file)
    try:
        found = reader.lost()
    finally:
        reader.close()
    if found is None:
        raise WalletError("STORE_NOTHING_LOST", path=file.name)
    return found


def accept_loss(file: Path) -> int:
    """Goes on with a journal that lacks states it had: its channels are restored ones from here on; how many.

    They trade no more, and opening the profile forgets their session keys: what they signed last is not known here.
    The caller holds the profile. Raises WalletError("STORE_NOTHING_LOST") if it is whole, "STORE_DAMAGED" if what is
    there does not hold either, "STORE_FAILED".
    """
    store = Store(file, schema.SCHEMA, schema.SCHEMA_VERSION, schema.MIGRATIONS)
    try:
        journal = Journal(store)
        if journal.lost() is None:
            raise WalletError("STORE_NOTHING_LOST", path=file.name)
        journal.check_rows()
        with store.transaction():
            count = _restore(journal, b"rows were lost")
        _begin_mark_anew(file)
        return count
    finally:
        store.close()


def _begin_mark_anew(file: Path) -> None:
    """Only once its channels are marked on disk: without the old mark the journal opens as any other."""
    try:
        mark_path(file).unlink(missing_ok=True)
        sync_directory(file.parent)
    except OSError as error:
        raise WalletError("STORE_FAILED", path=file.name, why=error.strerror or "") from error


def _restore(journal: Journal, why: bytes) -> int:
    live = [record for record in journal.channels() if Phase(record.phase) not in OVER]
    for record in live:
        journal.set_fact(record.id, "restored", why)
    return len(live)


def _forget_keys(journal: Journal, vault: Vault) -> None:
    """A restored channel holds no session key: what is not there can't sign a second state."""
    for record in journal.channels():
        signer = record.terms.trader_signer
        if journal.fact(record.id, "restored") is not None and signer in vault.session_addresses():
            vault.forget_session_key(signer)


class ChannelKeys:
    """The keys that may sign in channels: the session keys, and the owner's for restored ones."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def signer(self, address: bytes) -> Signer:
        """Raises WalletError("KEYS_LOCKED" | "KEYS_NO_SESSION_KEY")."""
        owners = [account.address for account in self._vault.accounts]
        return self._vault.owner(address) if address in owners else self._vault.session(address)


class Installation:
    """The memory of one open profile. ``sound`` is False for a profile that is not the one which was here last."""

    def __init__(self, journal: Journal, folder: Path | None = None) -> None:
        """Claims the profile for this computer. Raises WalletError("FILE_UNWRITABLE" | "STORE_FAILED")."""
        folder = folder or Path(platformdirs.user_state_dir("channel-wallet", appauthor=False)) / "profiles"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = journal.fact(_NO_CHANNEL, _PROFILE)
        if name is None:
            name = secrets.token_hex(16).encode()
            journal.set_fact(_NO_CHANNEL, _PROFILE, name)
            known: Memory | None = Memory(("",), {})  # new: nothing to remember
        else:
            known = _read(folder / f"{name.decode()}.json")
        self._path = folder / f"{name.decode()}.json"
        self._journal = journal
        self._noted: Mapping[str, int] = {}
        token = (journal.fact(_NO_CHANNEL, _TOKEN) or b"").decode()
        self.sound = known is not None and token in known.tokens and _reaches(journal, known.marks)
        self._last, self._token = token, secrets.token_hex(16)

    def claim(self) -> None:
        """From now on every other copy is the old one. Before this, whatever follows from ``sound`` is on disk."""
        marks = _marks(self._journal)
        self._write(Memory((self._last, self._token), marks))
        self._journal.set_fact(_NO_CHANNEL, _TOKEN, self._token.encode())
        self._write(Memory((self._token,), marks))
        self._noted = marks

    async def keep_noting(self) -> None:
        """For ever: notes how far the channels have come; on a thread of its own, the disk may be slow."""
        while True:
            await asyncio.sleep(NOTE_EVERY)
            marks = _marks(self._journal)
            if marks != self._noted:
                await asyncio.to_thread(self._write, Memory((self._token,), marks))
                self._noted = marks

    def note(self) -> None:
        """Once more, at the end."""
        marks = _marks(self._journal)
        if marks != self._noted:
            self._write(Memory((self._token,), marks))
            self._noted = marks

    def note_last(self) -> None:
        """The same; a journal that failed can't be read, and the last note stands."""
        with contextlib.suppress(WalletError):
            self.note()

    def _write(self, memory: Memory) -> None:
        write_file(self._path, msgspec.json.encode({"tokens": memory.tokens, "marks": dict(memory.marks)}))


def _marks(journal: Journal) -> dict[str, int]:
    """How far each channel has come on disk: a note that ran ahead would call this profile an old copy of itself."""
    journal.store.flush()
    found = {}
    for record in journal.channels():
        last = journal.latest(record.id)
        if last is not None:
            found[show_hex(record.id)] = last.state.increment
    return found


def _reaches(journal: Journal, marks: Mapping[str, int]) -> bool:
    """Whether the journal holds at least what was noted of it."""
    here = _marks(journal)
    return all(here.get(channel, -1) >= mark for channel, mark in marks.items())


def _read(path: Path) -> Memory | None:
    """None if there is no memory that can be read: a profile of another computer."""
    try:
        found: codec.Json = strictjson.loads(path.read_bytes())
        tokens, marks = found["tokens"], found["marks"]
        for channel in marks:
            read_hex(channel, 32, "marks")
        if not (1 <= len(tokens) <= 2 and all(type(token) is str for token in tokens)):
            return None
        if not all(type(mark) is int for mark in marks.values()):
            return None
        return Memory(tuple(tokens), marks)
    except (OSError, WalletError, ValueError, KeyError, TypeError, AttributeError):
        return None
