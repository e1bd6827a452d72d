"""The unlocked halves of a vault: what only the owner may do, and what the driver may do while he is away."""

from __future__ import annotations

from wallet.keys.secret import Redacted, Secret
from wallet.keys.sections import OwnerSection, SessionSection
from wallet.keys.signer import AccountSigner, Signer
from wallet.protocol.errors import WalletError


class OwnerKeys(Redacted):
    """The phrase and the owner's accounts. Dropping it takes every signer it has handed out with it."""

    __slots__ = ("_section", "_signers", "data_key")

    def __init__(self, section: OwnerSection, data_key: bytes) -> None:
        self._section: OwnerSection | None = section
        self._signers = tuple(map(AccountSigner, section.keys))
        self.data_key = data_key

    @property
    def addresses(self) -> tuple[bytes, ...]:
        return tuple(signer.address for signer in self._signers)

    @property
    def dropped(self) -> bool:
        return self._section is None

    @property
    def section(self) -> OwnerSection:
        if self._section is None:
            raise WalletError("KEYS_LOCKED")
        return self._section

    def signer(self, address: bytes) -> AccountSigner:
        """The signer of an account; WalletError("KEYS_LOCKED" | "KEYS_WATCH_ONLY")."""
        if self._section is None:
            raise WalletError("KEYS_LOCKED")
        found = next((signer for signer in self._signers if signer.address == address), None)
        if found is None:
            raise WalletError("KEYS_WATCH_ONLY", address="0x" + address.hex())
        return found

    def phrase(self) -> Secret:
        """The recovery phrase, to be shown to the owner only; WalletError("KEYS_LOCKED" | "KEYS_NO_PHRASE")."""
        if not self.section.phrase:
            raise WalletError("KEYS_NO_PHRASE")
        return Secret(self.section.phrase)

    def adopt(self, section: OwnerSection) -> None:
        """Take over a section that is already on disk: new keys get their signer, missing ones lose it."""
        known = dict(zip(self.section.keys, self._signers, strict=True))
        signers = tuple(known[key] if key in known else AccountSigner(key) for key in section.keys)
        for forgotten in set(known.values()).difference(signers):
            forgotten.drop()
        self._section, self._signers = section, signers

    def drop(self) -> None:
        """Forget everything here, as far as Python can."""
        for signer in self._signers:
            signer.drop()
        self._section = None
        self.data_key = b""


class SessionKeys(Redacted):
    """The gas key and the session keys: they outlive a lock of the owner's half."""

    __slots__ = ("_gas", "_section", "_signers", "data_key")

    def __init__(self, section: SessionSection, data_key: bytes) -> None:
        self._section: SessionSection | None = section
        self._gas = AccountSigner(section.gas_key)
        signers = (Signer(record.key) for record in section.records)
        self._signers = {signer.address: signer for signer in signers}
        self.data_key = data_key

    @property
    def addresses(self) -> tuple[bytes, ...]:
        """Of the session keys, oldest first."""
        return tuple(self._signers)

    @property
    def dropped(self) -> bool:
        return self._section is None

    @property
    def section(self) -> SessionSection:
        if self._section is None:
            raise WalletError("KEYS_LOCKED")
        return self._section

    def gas(self) -> AccountSigner:
        """The key that pays for transactions which anyone may send; WalletError("KEYS_LOCKED")."""
        if self._section is None:
            raise WalletError("KEYS_LOCKED")
        return self._gas

    def signer(self, address: bytes) -> Signer:
        """The session key of ``address``; WalletError("KEYS_LOCKED" | "KEYS_NO_SESSION_KEY")."""
        if self._section is None:
            raise WalletError("KEYS_LOCKED")
        if address not in self._signers:
            raise WalletError("KEYS_NO_SESSION_KEY", address="0x" + address.hex())
        return self._signers[address]

    def adopt(self, section: SessionSection) -> None:
        """Take over a section that is already on disk: new keys get their signer, missing ones lose it."""
        known = dict(zip((record.key for record in self.section.records), self._signers.values(), strict=True))
        signers = [known[record.key] if record.key in known else Signer(record.key) for record in section.records]
        for forgotten in set(known.values()).difference(signers):
            forgotten.drop()
        self._section, self._signers = section, {signer.address: signer for signer in signers}

    def drop(self) -> None:
        """Forget everything here, as far as Python can."""
        for signer in (self._gas, *self._signers.values()):
            signer.drop()
        self._section = None
        self.data_key = b""
