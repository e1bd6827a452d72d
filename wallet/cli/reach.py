"""The application at work for one command: the driver itself, or the window that has the profile open.

Either way the same commands (:class:`wallet.app.backend.Commands`) with the same answers. In the window's case the
password, if the environment has it, goes over the owner-only socket; else the user is asked at the window, with
the very amounts that will be signed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wallet.cli.output import Context
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.backend import Commands
    from wallet.app.owner.claim import Owner
    from wallet.app.owner.guest import Guest
    from wallet.app.snapshots import AppView


@contextlib.contextmanager
def backend(out: Context) -> Iterator[Commands]:
    """For a command that acts. Raises WalletError("KEYS_…" | "PROFILE_…" | "OWNER_…")."""
    from wallet.app.owner.claim import Owner, own_or_visit

    path = out.profile_path()
    if not (path / "keys.vault").exists():
        raise WalletError("KEYS_NOT_FOUND", path=str(path))
    found = own_or_visit(path)
    with _driver(out, found) if isinstance(found, Owner) else _guest(out, found) as commands:
        yield commands


@contextlib.contextmanager
def _driver(out: Context, owner: Owner) -> Iterator[Commands]:
    from wallet.app.logs import start_logging
    from wallet.app.service import Service

    try:
        if owner.profile.doubt:
            out.warn(owner.profile.doubt)
        start_logging(owner.profile.logs)
        service = Service(owner.profile, out.password(), leaving=owner.leave, strengthen=True)
    except BaseException:
        owner.close()
        raise
    owner.serve(service)
    try:
        yield service
    finally:
        service.close()


@contextlib.contextmanager
def _guest(out: Context, guest: Guest) -> Iterator[Commands]:
    try:
        password = out.given_password()
        if password is None and not guest.window:
            password = out.password()
        if password is not None:
            guest.permit(password).result()
        else:
            out.warn("OWNER_ASKS")
        yield guest
    except KeyboardInterrupt:
        raise WalletError("OWNER_GOES_ON") from None
    finally:
        guest.close()


@dataclass(frozen=True, slots=True)
class Target:
    """A channel at hand: its broker is online (or his chain, where that is all it takes)."""

    commands: Commands
    channel: bytes
    view: AppView


@contextlib.contextmanager
def target(out: Context, which: str | None, *, chain_only: bool = False, act: str = "") -> Iterator[Target]:
    """The channel a command means; ``act`` names the command, if it may be refused from what is known here.

    Raises as :func:`backend`, WalletError("NO_BROKER" | "NO_CHANNEL" | "CHANNEL_…").
    """
    from wallet.app.owner.question import refusal

    with backend(out) as commands:
        channel = meant(commands.view(b"", b"").result(), which)
        view = commands.view(b"", channel).result()
        problem = refusal(act, view)
        if problem is not None:
            raise problem  # before a broker is waited for who may be gone, and before a window is asked
        commands.online(view.broker, chain_only).result()
        yield Target(commands, channel, commands.view(b"", channel).result())


def meant(view: AppView, which: str | None) -> bytes:
    from wallet.app.choice import KnownChannel, choose_channel
    from wallet.app.snapshots import Phase

    if not view.brokers:
        raise WalletError("NO_BROKER")
    over = (Phase.WITHDRAWN, Phase.ABANDONED)
    return choose_channel([KnownChannel(row.id, row.phase not in over) for row in view.channels], which)


def broker_at(commands: Commands, named: str, *, chain_only: bool = False) -> bytes:
    """The broker of a profile file, added if he is new; or one that the profile has, by name or address. Online.

    ``chain_only``: one that the profile has need not be there, if his chain is.

    Raises WalletError("BROKER_…" | "FILE_UNREADABLE" | "CHAIN_…").
    """
    from wallet.app.choice import KnownBroker, choose_broker

    if Path(named).exists():
        return commands.add_broker(Path(named)).result()
    view = commands.view(b"", b"").result()
    found = choose_broker([KnownBroker(row.id, row.name) for row in view.brokers], named)
    commands.online(found, chain_only).result()
    return found
