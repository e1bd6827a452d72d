"""The operating system's keyring, as a place for one random key; never for a password, a phrase or a key that signs.

Only the system's own kinds are used, and by name: the Secret Service (GNOME Keyring, KWallet, KeePassXC), macOS's
Keychain, Windows' Credential Locker. The library's choice by environment, configuration file and entry points is not
asked, since any of them may name a back end that keeps plain text. A keyring is somebody else's program: it may be
absent, locked, or never answer. Blocking, for as long as told: run it in an executor.
Source: keyring's "Security Considerations"; research/security §2.3.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from wallet.protocol.errors import WalletError

SERVICE = "channel-wallet"
PATIENCE = 30.0  # seconds: the system may ask its user to unlock the keyring first
T = TypeVar("T")


class Ring(Protocol):
    """What is used of a back end of keyring's."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


def system_ring() -> Ring:
    """The keyring of this system; it may still turn out to be absent. Raises WalletError("KEYRING_ABSENT")."""
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _macos()
    return _secret_service()


def _secret_service() -> Ring:
    from keyring.backends import SecretService

    # Made without __init__, here and below: that sets any attribute KEYRING_PROPERTY_… names in the environment.
    return _plain(SecretService.Keyring)


def _macos() -> Ring:
    from keyring.backends import macOS

    found = _plain(macOS.Keyring)
    found.keychain = None  # the library takes KEYCHAIN_PATH from the environment
    return found


def _windows() -> Ring:
    from keyring.backends import Windows

    found = _plain(Windows.WinVaultKeyring)
    found.persist = "local machine"  # else it would follow the user to other computers
    return found


def _plain(kind: type[T]) -> T:
    return object.__new__(kind)


def put(name: str, value: str, *, ring: Callable[[], Ring] = system_ring, patience: float = PATIENCE) -> None:
    """Keep ``value`` under ``name``, and see it there. Raises WalletError("KEYRING_…")."""

    def work() -> str | None:
        found = ring()
        found.set_password(SERVICE, name, value)
        return found.get_password(SERVICE, name)

    if _within(patience, work) != value:
        raise WalletError("KEYRING_FAILED", why="what was put into it is not there")


def get(name: str, *, ring: Callable[[], Ring] = system_ring, patience: float = PATIENCE) -> str | None:
    """What is kept under ``name``, or None. Raises WalletError("KEYRING_…")."""
    return _within(patience, lambda: ring().get_password(SERVICE, name))


def delete(name: str, *, ring: Callable[[], Ring] = system_ring, patience: float = PATIENCE) -> None:
    """Forget ``name``, if it is there. Raises WalletError("KEYRING_…")."""

    def work() -> None:
        found = ring()
        if found.get_password(SERVICE, name) is not None:
            found.delete_password(SERVICE, name)

    _within(patience, work)


def _within(patience: float, work: Callable[[], T]) -> T:
    """The result of ``work`` from a thread of its own: one that never comes back must not keep the program."""
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - whatever a stranger's program makes of it, it is told below
            failures.append(error)

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(patience)
    if failures:
        raise _told(failures[0]) from None
    if not results:
        raise WalletError("KEYRING_SLOW", seconds=int(patience))
    return results[0]


def _told(error: BaseException) -> WalletError:
    """As a sentence, by kind: what its text holds is not ours to know."""
    from keyring.errors import InitError, KeyringLocked, NoKeyringError

    if isinstance(error, KeyringLocked) or type(error).__name__ in ("LockedException", "PromptDismissedException"):
        return WalletError("KEYRING_LOCKED")
    absent = InitError, NoKeyringError, ImportError, NameError, RuntimeError, OSError
    if isinstance(error, absent) or type(error).__name__ in ("SecretServiceNotAvailableException", "DBusErrorResponse"):
        return WalletError("KEYRING_ABSENT")
    return WalletError("KEYRING_FAILED", why=type(error).__name__)
