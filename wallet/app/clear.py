"""Clear signing: what the very bytes that are signed would do, in words. What can't be read is not signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wallet.app.clear_calls import Names, Read, read_adjudicator, read_approval
from wallet.app.snapshots import AssetInfo
from wallet.chain.calls import read_transfer
from wallet.chain.envelope import Envelope, envelope_of, read_signed, read_unsigned
from wallet.chain.tx import TransactionSigner
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

    ``names``: of addresses the user knows. Raises WalletError("TX_FORM" | "CHAIN_WRONG_ID" | "SIGN_UNKNOWN_CALL" |
    "SIGN_NOT_YOURS" | "SIGN_APPROVAL").
    """
    envelope = read_unsigned(raw)
    if envelope.chain_id != chain_id:
        raise WalletError("CHAIN_WRONG_ID", expected=chain_id, got=envelope.chain_id, node="")
    title, what = _read_call(envelope, sender, contract, Names(assets, names))
    coin = assets.get(NATIVE, AssetInfo(NATIVE, "coin", 18))
    most = envelope.max_cost
    rows = [
        *what,
        ("From", Names(assets, names).who(sender)),
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
        title, rows = _read_call(envelope, sender, b"", Names(assets, {}))
    except WalletError:
        return f"Call the contract {show_address(envelope.to)}"
    to = next((value for label, value in rows if label == "To"), "")
    return f"{title} to {to}" if to else title


def _read_call(envelope: Envelope, sender: bytes, contract: bytes, names: Names) -> Read:
    if not envelope.data:
        if envelope.to == sender and not envelope.value:
            return "Take the place of a transaction, and move nothing", []
        amount = names.amount(NATIVE, envelope.value)
        return f"Send {amount}", [("Amount", amount), ("To", names.who(envelope.to))]
    if envelope.to == contract:
        return read_adjudicator(envelope, sender, names)
    asset = names.assets.get(envelope.to)
    if asset is None:
        raise WalletError("SIGN_UNKNOWN_CALL", to=show_address(envelope.to), selector="0x" + envelope.data[:4].hex())
    moved = read_transfer(envelope.data)
    if moved is not None and not envelope.value:
        amount = names.amount(asset.address, moved[1])
        token = ("Token", show_address(asset.address) + ("" if asset.verified else " (named by the broker)"))
        return f"Send {amount}", [("Amount", amount), ("To", names.who(moved[0])), token]
    allowed = read_approval(envelope, contract, names)
    if allowed is None:
        raise WalletError("SIGN_UNKNOWN_CALL", to=show_address(envelope.to), selector="0x" + envelope.data[:4].hex())
    return allowed


class ReadSigner:
    """The owner's key for transactions of one chain and contract, which signs nothing that can't be read.

    Whoever builds a transaction, and from whatever, this reads the bytes once more before the key sees them. A signer
    like the one it holds (:class:`wallet.chain.tx.TransactionSigner`).
    """

    def __init__(
        self, key: TransactionSigner, chain_id: int, contract: bytes, assets: Mapping[bytes, AssetInfo]
    ) -> None:
        self._key = key
        self._chain_id = chain_id
        self._contract = contract
        self._assets = assets

    @property
    def address(self) -> bytes:
        return self._key.address

    def sign_transaction(self, transaction: Mapping[str, object]) -> bytes:
        """Raises WalletError as :func:`read_transaction`, and "KEYS_SIGNING_FAULT" if anything else was signed."""
        wanted = envelope_of(transaction)
        read_transaction(wanted.unsigned(), self.address, self._assets, self._chain_id, self._contract, {})
        raw = self._key.sign_transaction(transaction)
        if read_signed(raw) != wanted:
            raise WalletError("KEYS_SIGNING_FAULT", address=show_address(self.address))
        return raw
