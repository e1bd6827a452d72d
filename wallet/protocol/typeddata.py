"""EIP-712 JSON of the protocol's structs, complete, as every wallet and library takes it.

Integers of the message are decimal strings: amounts pass what a JSON number can hold exactly. Source: EIP-712
("eth_signTypedData"), design §7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wallet.protocol.eip712 import DOMAIN_NAME, DOMAIN_VERSION, FIELDS, Domain
from wallet.protocol.state import State

_DOMAIN_FIELDS = (
    ("string", "name"),
    ("string", "version"),
    ("uint256", "chainId"),
    ("address", "verifyingContract"),
)


def state_typed_data(domain: Domain, state: State) -> dict[str, Any]:
    """What both parties signed when they signed ``state``: ``types``, ``primaryType``, ``domain``, ``message``."""
    inner = [kind[:-2] for kind, _ in FIELDS["State"] if kind.endswith("[]")]
    types = {"EIP712Domain": _DOMAIN_FIELDS, "State": FIELDS["State"], **{name: FIELDS[name] for name in inner}}
    return {
        "types": {name: [{"name": field, "type": kind} for kind, field in rows] for name, rows in types.items()},
        "primaryType": "State",
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": "0x" + domain.contract.hex(),
        },
        "message": _message("State", _state_values(state)),
    }


def _state_values(state: State) -> Sequence[object]:
    """The values of a state in the order in which they are signed."""
    return (
        state.channel,
        state.previous,
        state.increment,
        state.time,
        state.turn,
        state.transition,
        state.order_nonce,
        state.fills,
        state.balances,
        state.open_orders,
        state.outcomes,
    )


def _message(name: str, values: Sequence[object]) -> dict[str, Any]:
    pairs = zip(FIELDS[name], values, strict=True)
    return {field: _value(kind, value) for (kind, field), value in pairs}


def _value(kind: str, value: Any) -> Any:
    if kind.endswith("[]"):
        return [_message(kind[:-2], row) for row in value]
    return "0x" + value.hex() if isinstance(value, bytes) else str(int(value))
