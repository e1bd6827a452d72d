"""Every sentence a person reads for a code: one catalogue, for window and command line.

Core and application give a stable code with typed parameters; here it becomes words. Parameters may be a stranger's:
they are made plain and cut. Rules of the protocol are said as rules, so that the same words fit a flag and a refusal.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping

from wallet.app.catalogue import FLAGS, PROGRAM, WINDOW
from wallet.app.operation import OPERATION
from wallet.app.refusals import BROKER, CHANNELS, ORDERS, REFUSALS
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain
from wallet.wire.frames import RemoteError

DOMAIN = "channel-wallet"
_PARAM_LIMIT = 120
_UNKNOWN = "Something was refused with the code {code}. Nothing was signed because of it."


_REMOTE = {*FLAGS, *BROKER, *CHANNELS, *ORDERS}


class _Params(dict[str, str]):
    """A parameter the code did not bring shows as a question mark, never as a second error."""

    def __missing__(self, key: str) -> str:
        return "?"


def known(code: str) -> bool:
    """Whether the catalogue has a sentence of its own for ``code``."""
    return _template(code) is not None


def sentence(code: str, params: Mapping[str, object] | None = None) -> str:
    """The sentence for ``code``, in the user's language; a general one that quotes the code if there is none."""
    shown = _Params({name: plain(_word(value), _PARAM_LIMIT) for name, value in (params or {}).items()})
    template = _template(code)
    if template is None:
        return gettext.dgettext(DOMAIN, _UNKNOWN).format(code=plain(code, 60))
    return gettext.dgettext(DOMAIN, template).format_map(shown)


def explain(error: WalletError) -> str:
    """The sentence of an error; for a rule of the protocol, with what it expected and got."""
    if isinstance(error, RemoteError) and error.code not in _REMOTE:
        # the broker chose this code: he may not speak with the voice of this program
        return sentence("BROKER-SAYS", {"code": error.code})
    text = sentence(error.code, error.params)
    if error.code in FLAGS and "expected" in error.params:
        text += " " + sentence("EXPECTED-GOT", error.params)
    return text


def _template(code: str) -> str | None:
    return next((part[code] for part in (FLAGS, REFUSALS, OPERATION, PROGRAM, WINDOW) if code in part), None)


def _word(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
