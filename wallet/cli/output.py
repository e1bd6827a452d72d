"""What every command shares: the profile, the password, one JSON object or plain lines, one sentence for a refusal."""

from __future__ import annotations

import datetime
import functools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wallet.cli.passwords import given_secret
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.records import Stored
    from wallet.keys.secret import Secret
    from wallet.keys.vault import Vault

VARIABLE = "CHANNEL_WALLET_PASSWORD"
F = TypeVar("F", bound=Callable[..., Any])


def wallet_command(command: F) -> F:
    """Gives a command ``--profile`` and ``--json``, and turns every WalletError into its sentence and exit code 1."""

    @click.option(
        "--profile",
        type=click.Path(path_type=Path, file_okay=False),
        help="The profile's directory; else the one of the window.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @click.option(
        "--password-fd",
        type=click.IntRange(min=0),
        metavar="N",
        help=f"Read the password from this open file descriptor; else {VARIABLE}, else it is asked for.",
    )
    @functools.wraps(command)
    def wrapped(profile: Path | None, as_json: bool, password_fd: int | None, **arguments: Any) -> None:
        _run(command, Context(profile, as_json=as_json, password_fd=password_fd), arguments)

    return wrapped  # type: ignore[return-value] # click needs a function with other parameters


def operator_command(command: F) -> F:
    """The same for a command that needs no profile: of those who run a broker or deploy a contract."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @functools.wraps(command)
    def wrapped(as_json: bool, **arguments: Any) -> None:
        _run(command, Context(None, as_json=as_json), arguments)

    return wrapped  # type: ignore[return-value] # click needs a function with other parameters


def _run(command: Callable[..., Any], out: Context, arguments: Mapping[str, Any]) -> None:
    try:
        command(out, **arguments)
    except WalletError as error:
        out.refuse(error)
    except KeyboardInterrupt:
        out.refuse(WalletError("CANCELLED"))


def show_time(seconds: int) -> str:
    """Local time with its zone, for a person; scripts get Unix seconds."""
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


channel_option = click.option(
    "--channel",
    "which",
    metavar="ID",
    help="The channel whose id begins so; needed only where several run.",
)


class Context:
    """One invocation: where the profile is and how to print."""

    def __init__(self, profile: Path | None, *, as_json: bool, password_fd: int | None = None) -> None:
        self.profile = profile
        self.as_json = as_json
        self._password_fd = password_fd
        self._password: Secret | None = None

    # --- printing ---

    def show(self, value: Mapping[str, Any], text: str) -> None:
        click.echo(json.dumps(value) if self.as_json else text)

    def refuse(self, error: WalletError) -> None:
        from wallet.app.messages import explain

        text = explain(error)
        if self.as_json:
            click.echo(json.dumps({"error": error.code, "message": text}))
        click.echo(text, err=True)
        sys.exit(1)

    # --- profile and password ---

    def profile_path(self) -> Path:
        if self.profile is not None:
            return self.profile
        from wallet.app.profile import default_path

        return default_path()

    def password(self, *, new: bool = False) -> Secret:
        """The profile's. Raises WalletError("PASSWORD_FD")."""
        from wallet.keys.secret import Secret

        given = self.given_password()
        if given is None:
            given = Secret(click.prompt("Password", hide_input=True, confirmation_prompt=new, err=True))
        if new:
            self.judge(given)
        return given

    def given_password(self) -> Secret | None:
        """The one that scripts give: of the descriptor, which is read once, or the environment."""
        if self._password is None:
            self._password = given_secret(self._password_fd, VARIABLE)
        return self._password

    def judge(self, password: Secret) -> None:
        """A word on a new password that is easily guessed; whose wallet it is decides."""
        from wallet.app.messages import sentence
        from wallet.keys.strength import WORDS, judge

        found = judge(password)
        if password and not found.good:
            self.warn("PASSWORD-WEAK", word=WORDS[found.score], why=sentence(found.why))

    def warn(self, code: str, **params: object) -> None:
        """One sentence beside the result: on standard error."""
        from wallet.app.messages import sentence

        click.echo(sentence(code, params), err=True)

    def create_vault(self, make: Callable[..., Vault], what: object, **more: object) -> str:
        """Makes profile and key file with one of :mod:`wallet.keys.vault`'s functions; the first address."""
        from wallet.app.profile import Profile
        from wallet.keys.files import check_absent
        from wallet.keys.kdf import calibrate, check_password

        path = self.profile_path()
        check_absent(path / "keys.vault")  # before a password is asked for in vain
        password = check_password(self.password(new=True))
        profile = Profile(path)
        try:
            vault = make(profile.vault, what, password, params=calibrate(), **more)
            if profile.doubt:
                self.warn(profile.doubt)
            return "0x" + vault.accounts[0].address.hex()
        finally:
            profile.close()

    # --- what lies on disk, without a password ---

    def stored(self) -> Stored:
        from wallet.app.records import Stored

        return Stored(self.profile_path())

    def stored_channel(self, which: str | None) -> tuple[Stored, bytes]:
        """The history, and the channel that is meant. WalletError("NO_CHANNEL" | "CHANNEL_…")."""
        from wallet.app.choice import choose_channel

        stored = self.stored()
        return stored, choose_channel(stored.known(), which)
