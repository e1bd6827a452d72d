"""Password → key → data keys → sections, and back. Slow by design (see :mod:`wallet.keys.kdf`)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from wallet.keys import sections
from wallet.keys.image import VERSION, VaultImage
from wallet.keys.kdf import KEY_BYTES, SALT_BYTES, KdfHeader, KdfParams, derive_key
from wallet.keys.secret import Redacted, Secret
from wallet.keys.sections import OwnerSection, Public, SessionSection
from wallet.keys.unlocked import OwnerKeys, SessionKeys
from wallet.protocol.errors import WalletError


@dataclass(frozen=True, slots=True, repr=False)
class Opened(Redacted):
    """A vault's image together with what it holds."""

    image: VaultImage
    public: Public
    owner: OwnerKeys
    session: SessionKeys


def lock(public: Public, owner: OwnerSection, session: SessionSection, password: Secret, params: KdfParams) -> Opened:
    """Seal everything anew: fresh salt, fresh data keys. What an old copy and its password open, stays there."""
    return lock_with(wrapping_key(password, params), public, owner, session)


@dataclass(frozen=True, slots=True, repr=False)
class WrappingKey(Redacted):
    """A password's key, with what it was derived by."""

    header: KdfHeader
    key: bytes


def wrapping_key(password: Secret, params: KdfParams) -> WrappingKey:
    """The slow part of :func:`lock`, under a fresh salt."""
    header = KdfHeader(params.check(), secrets.token_bytes(SALT_BYTES))
    return WrappingKey(header, derive_key(password, header))


def lock_with(wrapping: WrappingKey, public: Public, owner: OwnerSection, session: SessionSection) -> Opened:
    """The quick part of :func:`lock`."""
    owner_keys = OwnerKeys(owner, secrets.token_bytes(KEY_BYTES))
    session_keys = SessionKeys(session, secrets.token_bytes(KEY_BYTES))
    return _wrap(wrapping.header, wrapping.key, public, owner_keys, session_keys)


def _wrap(header: KdfHeader, wrapping: bytes, public: Public, owner: OwnerKeys, session: SessionKeys) -> Opened:
    """An image of the current version that this wrapping key opens, with the data keys that the halves have."""
    image = VaultImage(header.encode(), sections.encode(public), b"", b"", b"", b"")
    image = replace(
        image,
        owner_key=sections.seal(wrapping, owner.data_key, image.associated("owner_key")),
        session_key=sections.seal(wrapping, session.data_key, image.associated("session_key")),
        owner=seal_owner(image, owner.section, owner.data_key),
        session=seal_session(image, session.section, session.data_key),
    )
    return Opened(image, public, owner, session)


def lock_again(opened: Opened, password: Secret, params: KdfParams) -> Opened:
    """The same keys under a fresh salt and another cost; the data keys stay, and so does what knows them."""
    wrapping = wrapping_key(password, params)
    return _wrap(wrapping.header, wrapping.key, opened.public, opened.owner, opened.session)


def seal_owner(image: VaultImage, section: OwnerSection, data_key: bytes) -> bytes:
    """The owner field for ``image``, bound to its public field."""
    return sections.seal(data_key, sections.encode(section), image.associated("owner"))


def seal_session(image: VaultImage, section: SessionSection, data_key: bytes) -> bytes:
    """The session field for ``image``."""
    return sections.seal(data_key, sections.encode(section), image.associated("session"))


def unlock(image: VaultImage, password: Secret) -> Opened:
    """Everything in the image. Raises WalletError("KEYS_WRONG_PASSWORD" | "KEYS_DAMAGED" | "KEYS_NO_MEMORY").

    The image that comes back is of the current version: what is written next is, too.
    Only if neither wrapped key opens is it the password: one of them alone means that the other was changed.
    """
    wrapping = derive_key(password, image.kdf_header())
    owner_key = sections.unseal(wrapping, image.owner_key, image.associated("owner_key"))
    session_key = sections.unseal(wrapping, image.session_key, image.associated("session_key"))
    if owner_key is None and session_key is None:
        raise WalletError("KEYS_WRONG_PASSWORD")
    opened = unseal(image, owner_key, session_key)
    if image.version == VERSION:
        return opened
    return _wrap(image.kdf_header(), wrapping, opened.public, opened.owner, opened.session)


def unseal(image: VaultImage, owner_key: bytes | None, session_key: bytes | None) -> Opened:
    """Everything in the image, by its two data keys. Raises WalletError("KEYS_DAMAGED")."""
    owner = sections.decode(_open(owner_key, image.owner, image.associated("owner"), "owner"), OwnerSection, "owner")
    session = sections.decode(
        _open(session_key, image.session, image.associated("session"), "session"), SessionSection, "session"
    )
    public = sections.decode(image.public, Public, "public")
    keys = OwnerKeys(owner, owner_key or b"")
    if keys.addresses != tuple(account.address for account in public.accounts if account.signs):
        raise WalletError("KEYS_DAMAGED", why="accounts")
    return Opened(image, public, keys, SessionKeys(session, session_key or b""))


def _open(key: bytes | None, box: bytes, associated: bytes, why: str) -> bytes:
    contents = None if key is None else sections.unseal(key, box, associated)
    if contents is None:
        raise WalletError("KEYS_DAMAGED", why=why)
    return contents
