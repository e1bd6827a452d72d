"""The calls that cross the socket: exactly those of :class:`wallet.app.backend.Commands`, read off its signatures.

So a command that the window gains is there for the command line at once, with the same types, and none can differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from wallet.app.backend import Commands
from wallet.app.owner import frames
from wallet.protocol.errors import WalletError
from wallet.wire.frames import RemoteError

PERMIT = "permit"  # the one request that is no command: the password
PROGRESS = "progress"  # the one parameter that is no value: it comes back as frames of its own
# What changes nothing: reading needs no leave, since whoever reaches the socket can read the profile's files as well.
READING = frozenset(
    {
        *("view", "online", "order", "orders_gone", "exit_plan", "count_states", "states", "state_detail"),
        *("purse", "prepare_send", "prepare_replacement"),
        *("verify_history", "export_history", "export_proof", "export_evidence", "check_proof"),
        *("export_fills", "market_price"),
    }
)


class Failure(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A WalletError on its way; ``remote``: the code is a broker's, who must not speak with this program's voice."""

    code: str
    params: dict[str, str]
    remote: bool

    @classmethod
    def of(cls, error: WalletError) -> Failure:
        params = {name: ("0x" + v.hex() if isinstance(v, bytes) else str(v))[:200] for name, v in error.params.items()}
        return cls(error.code, params, isinstance(error, RemoteError))


@dataclass(frozen=True, slots=True)
class Call:
    """One command: its parameters' types by name, the type of its answer, and whether it needs the user's leave."""

    name: str
    params: Mapping[str, Any]
    required: frozenset[str]
    result: Any
    progress: bool

    @property
    def acts(self) -> bool:
        return self.name not in READING

    def read(self, given: Any) -> dict[str, Any]:
        """The arguments from their JSON form; WalletError("OWNER_FRAME", what) for any but these."""
        if not isinstance(given, dict) or not self.required <= given.keys() <= self.params.keys():
            raise WalletError("OWNER_FRAME", what=f"arguments of {self.name}")
        return {name: frames.read(value, self.params[name]) for name, value in given.items()}


@cache
def calls() -> Mapping[str, Call]:
    """All of them, by name."""
    names = [name for name, value in vars(Commands).items() if inspect.isfunction(value) and name[0] != "_"]
    return {name: _call(name, getattr(Commands, name)) for name in names}


def _call(name: str, function: Callable[..., Any]) -> Call:
    hints = get_type_hints(function)
    parameters = inspect.signature(function).parameters
    params = {key: hints[key] for key in parameters if key not in ("self", PROGRESS)}
    required = frozenset(key for key in params if parameters[key].default is inspect.Parameter.empty)
    (result,) = get_args(hints["return"])  # of Future[…]
    return Call(name, params, required, result, PROGRESS in parameters)
