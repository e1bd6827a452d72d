"""The vault: one encrypted, owner-only file per profile with the phrase, the accounts, gas and session keys.

An account's key is derived from the phrase (``add_account``), was imported (``import_key``), or is not here
(``watch``); the first account is the one that the vault was made with. ``owner(which)`` takes an account's position
or address. Labels and addresses are readable without the password, and authenticated with it.

Creating, unlocking and changing the password take about half a second of Argon2 and must run in an executor (the GIL
is released meanwhile); creating and adding accounts import eth-account on top. A new session key costs one small
durable write. All methods may be called from any thread; that only one process writes is the profile lock's task,
and a write over somebody else's is refused.
"""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import replace
from pathlib import Path

from coincurve.utils import GROUP_ORDER_INT
from msgspec import structs

from wallet.keys import files, locking, sections
from wallet.keys.hd import GAS_PATH, MAX_ACCOUNTS, account_path, derive_key, gas_key_of
from wallet.keys.image import MAX_BYTES, VERSION, VaultImage
from wallet.keys.kdf import DEFAULT_PARAMS, KEY_BYTES, KdfParams, check_password
from wallet.keys.mnemonic import check_phrase, phrase_seed
from wallet.keys.secret import Redacted, Secret
from wallet.keys.sections import (
    MAX_LABEL_CHARS,
    MAX_SESSION_KEYS,
    Account,
    OwnerSection,
    Public,
    SessionRecord,
    SessionSection,
)
from wallet.keys.signer import AccountSigner, Signer
from wallet.keys.unlocked import OwnerKeys, SessionKeys
from wallet.protocol.errors import WalletError


def create_vault(
    path: Path,
    phrase: Secret,
    password: Secret,
    *,
    passphrase: Secret | None = None,
    label: str = "",
    params: KdfParams = DEFAULT_PARAMS,
) -> Vault:
    """Make the vault file of a new or restored phrase, unlocked. Directory 0700 if made here, file 0600.

    ``passphrase`` is BIP-39's optional one; it is kept in the vault, so that it is typed only here. Raises
    WalletError("KEYS_PHRASE_…" | "KEYS_PASSWORD_…" | "KEYS_LABEL_TOO_LONG" | "KEYS_EXISTS" | "KEYS_WRITE_FAILED").
    """
    words, extra = check_phrase(phrase), passphrase or Secret("")
    seed = phrase_seed(words, extra)
    account, key = _derive_account(seed, 0, "")
    owner = OwnerSection(words.reveal(), extra.reveal(), (key,))
    return _create(path, account, owner, derive_key(seed, GAS_PATH), password, label, params)


def create_vault_of_key(
    path: Path, key: bytes, password: Secret, *, label: str = "", params: KdfParams = DEFAULT_PARAMS
) -> Vault:
    """The same around one private key (32 bytes, see :func:`hd.read_private_key`) without a phrase."""
    owner = OwnerSection("", "", (key,))
    return _create(path, _imported(key, ""), owner, gas_key_of(key), password, label, params)


def create_vault_watching(
    path: Path, address: bytes, password: Secret, *, label: str = "", params: KdfParams = DEFAULT_PARAMS
) -> Vault:
    """The same around a 20-byte address whose key is elsewhere: it shows, and signs nothing."""
    account = Account(0, "", address, "", "watched")
    return _create(path, account, OwnerSection("", "", ()), _random_key(), password, label, params)


def _create(
    path: Path, account: Account, owner: OwnerSection, gas_key: bytes, password: Secret, label: str, params: KdfParams
) -> Vault:
    path = _resolved(path)
    check_password(password)
    _check_label(label)
    files.check_absent(path)
    opened = locking.lock(Public(label, (account,)), owner, SessionSection(gas_key, ()), password, params)
    image = opened.image.encode()
    files.write_new(path, image)
    return Vault(path, opened, image)


def open_vault(path: Path) -> LockedVault:
    """Read a vault file and check its frame, bounds and version; fast, and without the password.

    Raises WalletError("KEYS_NOT_FOUND" | "KEYS_READ_FAILED" | "KEYS_DAMAGED" | "KEYS_NEWER_VERSION").
    """
    path = _resolved(path)
    return LockedVault(path, VaultImage.decode(files.read_bounded(path, MAX_BYTES)))


class LockedVault(Redacted):
    """A vault on disk. Label and accounts are readable, but authenticated only once it is unlocked."""

    __slots__ = ("_image", "_public", "path")

    def __init__(self, path: Path, image: VaultImage) -> None:
        self.path = path
        self._image = image
        self._public = sections.decode(image.public, Public, "public")

    @property
    def label(self) -> str:
        return self._public.label

    @property
    def accounts(self) -> tuple[Account, ...]:
        return self._public.accounts

    def unlock(self, password: Secret) -> Vault:
        """Slow. Raises WalletError("KEYS_WRONG_PASSWORD" | "KEYS_DAMAGED" | "KEYS_NO_MEMORY")."""
        return Vault(self.path, locking.unlock(self._image, password), self._image.encode())

    def unlock_with(self, data_keys: bytes) -> Vault:
        """By what :meth:`Vault.data_keys` gave; quick. WalletError("KEYS_DAMAGED") if they are another file's."""
        if len(data_keys) != 2 * KEY_BYTES or self._image.version != VERSION:
            raise WalletError("KEYS_DAMAGED", why="data keys")
        opened = locking.unseal(self._image, data_keys[:KEY_BYTES], data_keys[KEY_BYTES:])
        return Vault(self.path, opened, self._image.encode())


class Vault(Redacted):
    """An unlocked vault. Its owner half and its session half can be locked apart."""

    __slots__ = ("_image", "_mutex", "_on_disk", "_owner", "_public", "_session", "path")

    def __init__(self, path: Path, opened: locking.Opened, on_disk: bytes) -> None:
        """``on_disk``: the file as it is; the image of what is opened may be of a later version."""
        self.path = path
        self._on_disk = on_disk
        self._mutex = threading.RLock()
        self._image = opened.image
        self._public = opened.public
        self._owner = opened.owner
        self._session = opened.session

    @property
    def label(self) -> str:
        return self._public.label

    @property
    def accounts(self) -> tuple[Account, ...]:
        return self._public.accounts

    @property
    def owner_keys(self) -> OwnerKeys:
        return self._owner

    @property
    def session_keys(self) -> SessionKeys:
        return self._session

    @property
    def owner_unlocked(self) -> bool:
        return not self._owner.dropped

    @property
    def has_phrase(self) -> bool:
        """Whether accounts can be derived here, and words be shown; WalletError("KEYS_LOCKED")."""
        return bool(self._owner.section.phrase)

    def owner(self, which: int | bytes = 0) -> AccountSigner:
        """The owner key of the account at this position, or of this address.

        Raises WalletError("KEYS_LOCKED" | "KEYS_NO_ACCOUNT" | "KEYS_NOT_OURS" | "KEYS_WATCH_ONLY").
        """
        if not self.owner_unlocked:
            raise WalletError("KEYS_LOCKED")
        return self._owner.signer(self.account(which).address)

    def account(self, which: int | bytes) -> Account:
        """The account at this position, or of this address; WalletError("KEYS_NO_ACCOUNT" | "KEYS_NOT_OURS")."""
        if isinstance(which, int):
            if not 0 <= which < len(self.accounts):
                raise WalletError("KEYS_NO_ACCOUNT", index=which)
            return self.accounts[which]
        found = next((account for account in self.accounts if account.address == which), None)
        if found is None:
            raise WalletError("KEYS_NOT_OURS", address="0x" + which.hex())
        return found

    def gas_key(self) -> AccountSigner:
        """The key that pays for transactions which anyone may send; WalletError("KEYS_LOCKED")."""
        return self._session.gas()

    def session(self, address: bytes) -> Signer:
        """The session key of ``address``; WalletError("KEYS_LOCKED" | "KEYS_NO_SESSION_KEY")."""
        return self._session.signer(address)

    def session_addresses(self) -> tuple[bytes, ...]:
        """Of all session keys in this vault, oldest first."""
        return self._session.addresses

    def new_session_key(self) -> bytes:
        """Make a random session key and return its 20-byte address once it is durable on disk.

        Works while the owner half is locked. Raises WalletError("KEYS_FULL" | "KEYS_WRITE_FAILED" |
        "KEYS_CHANGED_ON_DISK" | "KEYS_LOCKED"); nothing has changed then.
        """
        with self._mutex:
            section = self._session.section
            if len(section.records) >= MAX_SESSION_KEYS:
                raise WalletError("KEYS_FULL")
            record = SessionRecord(_random_key())
            self._store_session(SessionSection(section.gas_key, (*section.records, record)))
            return self._session.addresses[-1]

    def forget_session_key(self, address: bytes) -> None:
        """Take a key out of the vault for good: only after its channel is paid out or was never opened."""
        with self._mutex:
            signer, section = self._session.signer(address), self._session.section
            position = self._session.addresses.index(signer.address)
            kept = section.records[:position] + section.records[position + 1 :]
            self._store_session(SessionSection(section.gas_key, kept))

    def add_account(self, label: str = "", index: int | None = None) -> Account:
        """Derive an account of the phrase, the next one unless told which, and keep it. Slow at first (imports).

        Raises WalletError("KEYS_LOCKED" | "KEYS_NO_PHRASE" | "KEYS_ACCOUNT_EXISTS" | "KEYS_FULL" | "KEYS_LABEL_…" |
        "KEYS_WRITE_FAILED"), as the two below; nothing has changed then.
        """
        with self._mutex:
            section = self._owner.section
            seed = phrase_seed(self._owner.phrase(), Secret(section.passphrase))
            taken = [account.index for account in self.accounts if account.kind == "derived"]
            wanted = 1 + max(taken, default=-1) if index is None else index
            if wanted >= MAX_ACCOUNTS:
                raise WalletError("KEYS_FULL")
            account, key = _derive_account(seed, wanted, label)
            return self._add(account, (key,))

    def derived_addresses(self, first: int, count: int) -> list[bytes]:
        """The addresses of the phrase's accounts from index ``first`` on, kept or not. Slow at first (imports).

        Raises WalletError("KEYS_LOCKED" | "KEYS_NO_PHRASE").
        """
        with self._mutex:
            seed = phrase_seed(self._owner.phrase(), Secret(self._owner.section.passphrase))
        last = min(first + count, MAX_ACCOUNTS)
        return [_derive_account(seed, index, "")[0].address for index in range(first, last)]

    def import_key(self, key: bytes, label: str = "") -> Account:
        """Keep a private key (32 bytes) as an account. Its gas is paid for as the others' is."""
        return self._add(_imported(key, label), (key,))

    def watch(self, address: bytes, label: str = "") -> Account:
        """Keep a 20-byte address whose key is elsewhere."""
        return self._add(Account(0, "", address, label, "watched"), ())

    def _add(self, account: Account, key: tuple[bytes, ...]) -> Account:
        _check_label(account.label)
        with self._mutex:
            section, accounts = self._owner.section, self.accounts
            if len(accounts) >= MAX_ACCOUNTS:
                raise WalletError("KEYS_FULL")
            if any(row.address == account.address for row in accounts):
                raise WalletError("KEYS_ACCOUNT_EXISTS", address="0x" + account.address.hex())
            self._store_accounts((*accounts, account), (*section.keys, *key))
            return account

    def remove_account(self, address: bytes) -> None:
        """Take an account out, and its key: for good, if that was imported. Only one without channels.

        Raises WalletError("KEYS_LOCKED" | "KEYS_NOT_OURS" | "KEYS_FIRST_ACCOUNT" | "KEYS_WRITE_FAILED").
        """
        with self._mutex:
            keys, gone = self._owner.section.keys, self.account(address)
            if gone == self.accounts[0]:
                raise WalletError("KEYS_FIRST_ACCOUNT")
            signing = [account for account in self.accounts if account.signs]
            kept = tuple(key for key, account in zip(keys, signing, strict=True) if account != gone)
            self._store_accounts(tuple(account for account in self.accounts if account != gone), kept)

    def rename(self, address: bytes, label: str) -> Account:
        """Give an account another label. Raises WalletError("KEYS_LOCKED" | "KEYS_NOT_OURS" | "KEYS_LABEL_…")."""
        _check_label(label)
        with self._mutex:
            keys, old = self._owner.section.keys, self.account(address)
            new = structs.replace(old, label=label)
            self._store_accounts(tuple(new if account == old else account for account in self.accounts), keys)
            return new

    def rename_vault(self, label: str) -> None:
        """Give the wallet itself another label. Raises as :meth:`rename`."""
        _check_label(label)
        with self._mutex:
            self._store_accounts(self.accounts, self._owner.section.keys, label)

    def _store_accounts(self, accounts: tuple[Account, ...], keys: tuple[bytes, ...], label: str | None = None) -> None:
        section = self._owner.section
        public = Public(self._public.label if label is None else label, accounts)
        changed = OwnerSection(section.phrase, section.passphrase, keys)
        image = replace(self._image, public=sections.encode(public))
        self._store(replace(image, owner=locking.seal_owner(image, changed, self._owner.data_key)))
        self._public = public
        self._owner.adopt(changed)

    def change_password(self, old: Secret, new: Secret, params: KdfParams = DEFAULT_PARAMS) -> None:
        """Seal everything anew under ``new``. Twice as slow as an unlock.

        Raises WalletError("KEYS_WRONG_PASSWORD" | "KEYS_PASSWORD_…" | "KEYS_WRITE_FAILED"); the old one holds then.
        """
        check_password(new)
        opened = locking.unlock(self._image, old)
        wrapping = locking.wrapping_key(new, params)
        # Only now, when all that is slow is done: the driver may need a session key any moment, and had one made since.
        with self._mutex:
            owner = opened.owner.section if self._owner.dropped else self._owner.section
            session = opened.session.section if self._session.dropped else self._session.section
            again = locking.lock_with(wrapping, self._public, owner, session)
            self._store(again.image)
            if self.owner_unlocked:
                self._owner.data_key = again.owner.data_key
            if not self._session.dropped:
                self._session.data_key = again.session.data_key
            for half in (opened.owner, opened.session, again.owner, again.session):
                half.drop()

    @property
    def kdf_params(self) -> KdfParams:
        """What a guess at the password costs."""
        return self._image.kdf_header().params

    def seal_again(self, password: Secret, params: KdfParams) -> None:
        """The same keys and password at another cost. ``password`` must be the one this was just unlocked with.

        Raises WalletError("KEYS_LOCKED" | "KEYS_WRITE_FAILED" | "KEYS_CHANGED_ON_DISK"); nothing has changed then.
        """
        with self._mutex:
            self._owner.section, self._session.section  # noqa: B018 - refused while either half is locked
            opened = locking.Opened(self._image, self._public, self._owner, self._session)
            self._store(locking.lock_again(opened, password, params).image)

    def settle(self) -> None:
        """Writes the file in the current version, if it is of an older one. WalletError("KEYS_WRITE_FAILED" | …)."""
        with self._mutex:
            if self._on_disk != self._image.encode():
                self._store(self._image)

    def data_keys(self) -> bytes:
        """Both data keys: they open this vault's file until its password is changed. WalletError("KEYS_LOCKED")."""
        with self._mutex:
            self._owner.section, self._session.section  # noqa: B018 - the same
            return self._owner.data_key + self._session.data_key

    def export_key(self, which: int | bytes = 0) -> bytes:
        """The private key of an account (32 bytes), to be sealed elsewhere. Raises as :meth:`owner`."""
        with self._mutex:
            address = self.owner(which).address
            return self._owner.section.keys[self._owner.addresses.index(address)]

    def export_phrase(self) -> Secret:
        """The recovery phrase, to be shown to the owner only; WalletError("KEYS_LOCKED" | "KEYS_NO_PHRASE")."""
        return self._owner.phrase()

    def backup(self, path: Path) -> None:
        """Write a copy that holds no session key: put back, it can never sign a second state of a channel.

        Same password. Raises WalletError("KEYS_EXISTS" | "KEYS_WRITE_FAILED" | "KEYS_LOCKED").
        """
        files.write_new(_resolved(path), self.for_backup()[0].encode())

    def for_backup(self) -> tuple[VaultImage, bytes]:
        """The vault without its session keys, under the same password, and the data key of its session half.

        The gas key stays: it comes from the phrase, so that leaving it out would keep nothing from anyone.
        Raises WalletError("KEYS_LOCKED").
        """
        with self._mutex:
            section, key = self._session.section.for_backup(), self._session.data_key
            return replace(self._image, session=locking.seal_session(self._image, section, key)), key

    def lock_owner(self) -> None:
        """Forget phrase and owner keys; gas and session keys go on serving the driver."""
        with self._mutex:
            self._owner.drop()

    def unlock_owner(self, password: Secret) -> None:
        """Slow. Undo :meth:`lock_owner` (and :meth:`lock`); signers that were handed out before stay dropped."""
        with self._mutex:
            opened = locking.unlock(self._image, password)
            self._owner.drop()
            self._owner = opened.owner
            if self._session.dropped:
                self._session = opened.session
            else:
                opened.session.drop()

    def lock(self) -> None:
        """Forget every key."""
        with self._mutex:
            self._owner.drop()
            self._session.drop()

    def _store_session(self, section: SessionSection) -> None:
        field = locking.seal_session(self._image, section, self._session.data_key)
        self._store(replace(self._image, session=field))
        self._session.adopt(section)

    def _store(self, image: VaultImage) -> None:
        # Replacing what another process has written would lose its session keys, and with them its channels.
        if files.read_bounded(self.path, MAX_BYTES) != self._on_disk:
            raise WalletError("KEYS_CHANGED_ON_DISK", path=str(self.path))
        encoded = image.encode()
        files.replace(self.path, encoded)
        self._image, self._on_disk = image, encoded


def _resolved(path: Path) -> Path:
    # A link to the file must lead to the same file, not be replaced by a copy of it.
    return Path(os.path.realpath(path))


def _check_label(label: str) -> None:
    if len(label) > MAX_LABEL_CHARS:
        raise WalletError("KEYS_LABEL_TOO_LONG", limit=MAX_LABEL_CHARS)


def _derive_account(seed: bytes, index: int, label: str) -> tuple[Account, bytes]:
    path = account_path(index)
    key = derive_key(seed, path)
    return Account(index, path, Signer(key).address, label), key


def _imported(key: bytes, label: str) -> Account:
    return Account(0, "", Signer(key).address, label, "imported")


def _random_key() -> bytes:
    return (1 + secrets.randbelow(GROUP_ORDER_INT - 1)).to_bytes(32, "big")
