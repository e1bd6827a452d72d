"""The sandbox's directory: who it is, in one owner-only file, and where everything else lies.

The keys in it are worth nothing outside of the chain beside them; they are kept from others all the same.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from wallet.protocol import strictjson
from wallet.protocol.errors import WalletError

VERSION: Final = 1
_MAX_FILE = 64 * 1024
_IDENTITY = "sandbox.json"
_CHAIN = "chain"
_Key = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same over restarts: keys (32 bytes), the seed of the made-up prices, ports once they are known
    (0: not yet), the adjudicator's address once it is deployed (empty: not yet).
    """

    owner: bytes
    signer: bytes
    seed: bytes
    rpc_port: int = 0
    broker_port: int = 0
    adjudicator: bytes = b""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The identity as it is kept; bytes in base64."""

    version: Literal[1]
    owner: _Key
    signer: _Key
    seed: _Key
    rpc_port: _Port
    broker_port: _Port
    adjudicator: Annotated[bytes, msgspec.Meta(max_length=20)]

    def identity(self) -> Identity:
        return Identity(self.owner, self.signer, self.seed, self.rpc_port, self.broker_port, self.adjudicator)


class Folder:
    """The paths in one directory."""

    def __init__(self, path: Path) -> None:
        """Makes the directory, or takes one that is empty or a sandbox's.

        Raises WalletError SANDBOX_FOLDER (path, why) for any other: nothing of somebody else's is touched.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = path.resolve(strict=True)
            names = {entry.name for entry in self.path.iterdir()}
            if names and not names & {_IDENTITY, _CHAIN}:
                raise WalletError("SANDBOX_FOLDER", path=str(path), why="it holds other files")
            self.path.chmod(0o700)
        except OSError as error:
            raise WalletError("SANDBOX_FOLDER", path=str(path), why=error.strerror or str(error)) from error

    @property
    def chain(self) -> Path:
        return self.path / _CHAIN

    @property
    def broker(self) -> Path:
        return self._made(self.path / "broker")

    @property
    def traders(self) -> Path:
        return self._made(self.path / "traders")

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def profile(self) -> Path:
        """The broker profile that wallets are given."""
        return self.path / "broker.json"

    def _made(self, path: Path) -> Path:
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def identity(self) -> Identity:
        """The identity kept here, a new one if there is none. Raises WalletError SANDBOX_DAMAGED (path, why)."""
        path = self.path / _IDENTITY
        if not path.exists():
            identity = Identity(secrets.token_bytes(32), secrets.token_bytes(32), secrets.token_bytes(32))
            self.keep(identity)
            return identity
        try:
            with path.open("rb") as file:
                row = msgspec.convert(strictjson.loads(file.read(_MAX_FILE), max_bytes=_MAX_FILE), type=_Row)
        except (OSError, WalletError, msgspec.ValidationError) as error:
            raise WalletError("SANDBOX_DAMAGED", path=str(path), why=str(error)[:100]) from error
        return row.identity()

    def keep(self, identity: Identity) -> None:
        """On disk when it returns. Raises WalletError FILE_UNWRITABLE."""
        self.write(self.path / _IDENTITY, msgspec.json.encode(_Row(VERSION, **asdict(identity))))

    def update(self, identity: Identity, **changes: int | bytes) -> Identity:
        """The identity with ``changes``, kept if it is another."""
        changed = replace(identity, **changes)  # type: ignore[arg-type] # the names decide which of the two it is
        if changed != identity:
            self.keep(changed)
        return changed

    def write(self, path: Path, data: bytes) -> None:
        """Replaces a file, owner-only, all or nothing. Raises WalletError FILE_UNWRITABLE (path, why)."""
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            file = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        except OSError as error:
            raise WalletError("FILE_UNWRITABLE", path=str(path), why=error.strerror or "") from error
