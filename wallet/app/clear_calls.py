"""What each call of the sessions' contract would do, read from its very calldata. Pure.

Only calls that a trader's owner has a reason to make are here; every other is refused, not warned of. An argument that
is not written the one way this program writes it is none: what is shown, encoded again, is the calldata byte for byte.
Source: design §6; security research §2.5 (clear signing).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wallet.app.snapshots import AssetInfo
from wallet.chain.abi import decode
from wallet.chain.calls import ERC20_APPROVE, function
from wallet.chain.envelope import Envelope
from wallet.protocol.addresses import show_address
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE

Rows = list[tuple[str, str]]
Read = tuple[str, Rows]

_TRADER, _SIGNER, _BROKER, _PERIOD, _ASSETS = 0, 1, 2, 6, 15  # of the contract's Terms
_INCREMENT, _OUTCOMES = 1, 9  # of its State


@dataclass(frozen=True, slots=True)
class Names:
    """What a reader knows: ``assets`` by address, ``names`` of addresses, and what the chain's own coin is called."""

    assets: Mapping[bytes, AssetInfo]
    names: Mapping[bytes, str]

    def amount(self, asset: bytes, units: int) -> str:
        """An amount as a person reads it; of an unknown asset its base units, which can't mislead."""
        known = self.assets.get(asset)
        if known is not None:
            return f"{format_amount(units, known.decimals)} {known.symbol}"
        if asset == NATIVE:
            return f"{format_amount(units, 18)} coin"
        return f"{units} base units of {show_address(asset)}"

    def who(self, address: bytes) -> str:
        name = self.names.get(address)
        return show_address(address) + (f" ({name})" if name else "")


def read_approval(envelope: Envelope, contract: bytes, names: Names) -> Read | None:
    """An ERC-20 approval for the sessions' contract; None for any other call. Raises WalletError("SIGN_APPROVAL")."""
    if envelope.data[:4] != ERC20_APPROVE.selector:
        return None
    spender, amount = _arguments(ERC20_APPROVE.inputs, envelope)
    if ERC20_APPROVE.encode(spender, amount) != envelope.data or envelope.value or envelope.to == contract:
        raise _unknown(envelope)
    if spender != contract:
        raise WalletError("SIGN_APPROVAL", spender=show_address(spender))
    shown = names.amount(envelope.to, amount)
    rows = [("At most", shown), ("For", names.who(spender)), ("Token", show_address(envelope.to))]
    return f"Let the sessions' contract take {shown}", rows


def read_adjudicator(envelope: Envelope, sender: bytes, names: Names) -> Read:
    """A call of the sessions' contract. Raises WalletError("SIGN_UNKNOWN_CALL" | "SIGN_NOT_YOURS")."""
    for name, reader in _READERS.items():
        called = function(name)
        if called.selector != envelope.data[:4]:
            continue
        arguments = _arguments(called.inputs, envelope)
        if called.encode(*arguments) != envelope.data:
            raise _unknown(envelope)
        if envelope.value and name not in ("deposit", "openWithDeposit"):
            raise _unknown(envelope)
        title, rows = reader(envelope, sender, names, arguments)
        return title, [*rows, ("Contract", show_address(envelope.to)), ("Call", name)]
    raise _unknown(envelope)


# --- one by one --------------------------------------------------------------------------------------------------


def _deposit(envelope: Envelope, _: bytes, names: Names, arguments: Any) -> Read:
    asset, amount = arguments
    if envelope.value != (amount if asset == NATIVE else 0):
        raise _unknown(envelope)
    shown = names.amount(asset, amount)
    return f"Deposit {shown}", [("Amount", shown)]


def _withdraw(_: Envelope, __: bytes, names: Names, arguments: Any) -> Read:
    asset, amount, to = arguments
    shown = names.amount(asset, amount)
    return f"Withdraw {shown}", [("Amount", shown), ("To", names.who(to))]


def _push(_: Envelope, __: bytes, names: Names, arguments: Any) -> Read:
    asset, trader = arguments
    known = names.assets.get(asset)
    symbol = known.symbol if known is not None else show_address(asset)
    return f"Pay out all credit in {symbol}", [("To", names.who(trader))]


def _open(envelope: Envelope, sender: bytes, names: Names, arguments: Any) -> Read:
    terms = arguments[0]
    if terms[_TRADER] != sender:
        raise WalletError("SIGN_NOT_YOURS", owner=show_address(terms[_TRADER]))
    rows: Rows = [("Broker", names.who(terms[_BROKER]))]
    rows += [("You put in", names.amount(asset, mine)) for asset, mine, _ in terms[_ASSETS] if mine]
    rows += [("The broker puts in", names.amount(asset, his)) for asset, _, his in terms[_ASSETS] if his]
    rows += [
        ("Key that trades", show_address(terms[_SIGNER])),
        ("Time to answer a challenge", f"{terms[_PERIOD]} seconds"),
    ]
    if envelope.value:
        rows.append(("Sent along", names.amount(NATIVE, envelope.value)))
    return "Open a trading session", rows


def _by_state(title: str, *, at_once: bool) -> Callable[[Envelope, bytes, Names, Any], Read]:
    def read(_: Envelope, sender: bytes, names: Names, arguments: Any) -> Read:
        terms, state = arguments[:2]
        rows: Rows = [("State", str(state[_INCREMENT])), *_payout(terms, state[_OUTCOMES], sender, names)]
        if not at_once:
            rows.append(("Paid after", f"{terms[_PERIOD]} seconds, unless a later state is shown"))
        return title, rows

    return read


def _settle(_: Envelope, sender: bytes, names: Names, arguments: Any) -> Read:
    terms, outcomes = arguments
    return "Settle a session whose time is over", _payout(terms, outcomes, sender, names)


def _payout(terms: Any, outcomes: Any, sender: bytes, names: Names) -> Rows:
    """What the session's trader gets: what he put in, and what the outcomes move."""
    trader = terms[_TRADER]
    moved = {asset: to_trader - to_broker for asset, to_broker, to_trader in outcomes}
    label = "You get" if trader == sender else f"{names.who(trader)} gets"
    paid: Rows = [
        (label, names.amount(asset, max(mine + moved.get(asset, 0), 0)))
        for asset, mine, his in terms[_ASSETS]
        if mine or moved.get(asset, 0)
    ]
    return [("Broker", names.who(terms[_BROKER])), *paid]


_READERS: Final[dict[str, Callable[[Envelope, bytes, Names, Any], Read]]] = {
    "deposit": _deposit,
    "withdraw": _withdraw,
    "pushCredit": _push,
    "open": _open,
    "openWithDeposit": _open,
    "close": _by_state("Settle by the final state", at_once=True),
    "challenge": _by_state("Leave without the broker", at_once=False),
    "respond": _by_state("Answer with a later state", at_once=False),
    "settle": _settle,
}


def _arguments(inputs: tuple[str, ...], envelope: Envelope) -> tuple[Any, ...]:
    try:
        return decode(inputs, envelope.data[4:], "")
    except WalletError as error:
        raise _unknown(envelope) from error


def _unknown(envelope: Envelope) -> WalletError:
    return WalletError("SIGN_UNKNOWN_CALL", to=show_address(envelope.to), selector="0x" + envelope.data[:4].hex())
