"""Clear signing: what the very bytes that are signed would do, in words. What can't be read is not signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wallet.app.snapshots import AssetInfo
from wallet.chain.artifact import adjudicator
from wallet.chain.calls import read_transfer
from wallet.chain.envelope import Envelope, read_unsigned
from wallet.protocol.addresses import show_address
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE

GWEI = 9  # decimals


@dataclass(frozen=True, slots=True)
class Reading:
    """What would happen, in one line, and row by row as (label, value)."""

    title: str
    rows: tuple[tuple[str, str], ...]


def read_transaction(
    raw: bytes,
    sender: bytes,
    assets: Mapping[bytes, AssetInfo],
    chain_id: int,
    contract: bytes,
    names: Mapping[bytes, str],
) -> Reading:
    """The reading of an unsigned transaction for this chain, and this adjudicator's ``contract``.

    ``names``: of addresses the user knows. Raises WalletError("TX_FORM" | "CHAIN_WRONG_ID" | "SIGN_UNKNOWN_CALL").
    """
    envelope = read_unsigned(raw)
    if envelope.chain_id != chain_id:
        raise WalletError("CHAIN_WRONG_ID", expected=chain_id, got=envelope.chain_id, node="")
    title, what = _read_call(envelope, sender, assets, contract, names)
    coin = assets.get(NATIVE, AssetInfo(NATIVE, "coin", 18))
    most = envelope.max_cost
    rows = [
        *what,
        ("From", _who(sender, names)),
        ("Network fee, at most", f"{format_amount(most, coin.decimals)} {coin.symbol}"),
        ("Price of gas, at most", f"{format_amount(envelope.max_fee_per_gas, GWEI)} gwei"),
        ("Chain", str(envelope.chain_id)),
        ("Number of this account's transaction", str(envelope.nonce)),
    ]
    if envelope.value:
        whole = f"{format_amount(envelope.value + most, coin.decimals)} {coin.symbol}"
        rows.insert(len(what) + 2, ("Leaves the account, at most", whole))
    return Reading(title, tuple(rows))


def one_line(raw: bytes, sender: bytes, assets: Mapping[bytes, AssetInfo]) -> str:
    """The same in one line, for a question; of a call of any contract no more than where it goes."""
    envelope = read_unsigned(raw)
    try:
        title, rows = _read_call(envelope, sender, assets, b"", {})
    except WalletError:
        return f"Call the contract {show_address(envelope.to)}"
    to = next((value for label, value in rows if label == "To"), "")
    return f"{title} to {to}" if to else title


def _read_call(
    envelope: Envelope, sender: bytes, assets: Mapping[bytes, AssetInfo], contract: bytes, names: Mapping[bytes, str]
) -> tuple[str, list[tuple[str, str]]]:
    coin = assets.get(NATIVE, AssetInfo(NATIVE, "coin", 18))
    if not envelope.data:
        if envelope.to == sender and not envelope.value:
            return "Take the place of a transaction, and move nothing", []
        amount = f"{format_amount(envelope.value, coin.decimals)} {coin.symbol}"
        return f"Send {amount}", [("Amount", amount), ("To", _who(envelope.to, names))]
    moved = read_transfer(envelope.data)
    if moved is not None and not envelope.value and envelope.to in assets:
        asset = assets[envelope.to]
        amount = f"{format_amount(moved[1], asset.decimals)} {asset.symbol}"
        token = ("Token", show_address(asset.address) + ("" if asset.verified else " (named by the broker)"))
        return f"Send {amount}", [("Amount", amount), ("To", _who(moved[0], names)), token]
    found = next((one for one in adjudicator().abi.functions.values() if envelope.data[:4] == one.selector), None)
    if envelope.to != contract or found is None:
        raise WalletError("SIGN_UNKNOWN_CALL", to=show_address(envelope.to), selector="0x" + envelope.data[:4].hex())
    rows = [("Contract", show_address(contract)), ("Call", found.name)]
    if envelope.value:
        rows.append(("Amount", f"{format_amount(envelope.value, coin.decimals)} {coin.symbol}"))
    return f"Call {found.name} of the sessions' contract", rows


def _who(address: bytes, names: Mapping[bytes, str]) -> str:
    name = names.get(address)
    return show_address(address) + (f" ({name})" if name else "")
