"""The owner's own accounts beside the channels: what they hold, what was sent from them, and sending.

Chains are those of the profile's brokers; ``broker`` chooses one. What is sent goes the way of every transaction of the
owner's: shown from the bytes that will be signed, kept, and then sent (:mod:`wallet.session.transfers`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from wallet.app import addressbook, clear
from wallet.app.discovery import used_accounts
from wallet.app.purse_views import (
    BROKER,
    OWN,
    SAVED,
    AccountView,
    DraftView,
    HoldingView,
    NamedView,
    PurseView,
    SpeedView,
    TransactionView,
)
from wallet.app.snapshots import AssetInfo
from wallet.chain import token
from wallet.chain.calls import read_approval, read_transfer
from wallet.chain.envelope import Envelope
from wallet.chain.fees import Speed
from wallet.protocol.addresses import look_alike, show_address
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.session import tokens
from wallet.session.outbox import Kept
from wallet.session.settlement import ChainLink
from wallet.session.transfers import CANCEL, PLAIN, SEND, Prepared

if TYPE_CHECKING:
    from wallet.app.account import Account
    from wallet.app.accounts import Accounts

READY_WITHIN = 15.0
SHOWN = 100  # transactions
APPROVE = "approve"  # what it is, where the outbox knows what it is for
Warnings = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


class Purse:
    """Belongs to the loop of the accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._vault = accounts.vault
        self._profile = accounts.profile.path

    # --- what there is ---

    async def view(self, broker: bytes) -> PurseView:
        """As the chain of this broker has it now. Raises WalletError("NO_BROKER" | "CHAIN_…" | "RPC_…")."""
        account = self._accounts.account(broker)
        await account.chain.ready(READY_WITHIN)
        assets = self._assets(account)
        owners = self._vault.accounts
        held = await asyncio.gather(*(_holdings(account.chain, row.address, assets) for row in owners))
        rows = [
            AccountView(row.address, row.label, row.path, row.kind, holdings)
            for row, holdings in zip(owners, held, strict=True)
        ]
        book = self._book(account)
        names = {row.address: row.name for row in book}
        kept = account.chain.outbox.kept(SHOWN, self._own())
        coin = assets[NATIVE]
        return PurseView(
            account.broker.chain_id,
            coin,
            tuple(assets.values()),
            tuple(rows),
            tuple(_transaction_view(row, kept, assets, names) for row in kept),
            book,
            await _speeds(account.chain),
            account.chain.block,
        )

    def _own(self) -> list[bytes]:
        return [row.address for row in self._vault.accounts]

    def _assets(self, account: Account) -> dict[bytes, AssetInfo]:
        """The chain's own coin, what this profile's brokers on the chain trade, and what this program knows there."""
        chain_id = account.broker.chain_id
        found = {NATIVE: AssetInfo(NATIVE, "ETH", 18)}
        for one in (account, *self._accounts):
            if one.broker.chain_id == chain_id:
                found |= {address: info for address, info in one.names.assets.items() if address not in found}
        for address, (symbol, decimals) in tokens.listed(chain_id).items():
            found.setdefault(address, AssetInfo(address, symbol, decimals))
        return found

    def _book(self, account: Account) -> tuple[NamedView, ...]:
        """The brokers, the own accounts, and what the user saved; each address once, in this order."""
        brokers = [NamedView(one.broker.broker, one.broker.name, BROKER) for one in self._accounts]
        own = [
            NamedView(row.address, row.label or f"Account {number}", OWN)
            for number, row in enumerate(self._vault.accounts, 1)
        ]
        saved = [NamedView(address, name, SAVED) for address, name in addressbook.read(self._profile).items()]
        rows = {row.address: row for row in reversed((*brokers, *own, *saved))}
        return tuple(reversed(rows.values()))

    # --- sending ---

    async def prepare(
        self, broker: bytes, sender: bytes, to: bytes, asset: bytes, amount: int | None, speed: str
    ) -> DraftView:
        """The bytes of a payment and what they would do; nothing is signed. ``amount`` None: all there is.

        Raises WalletError as :meth:`Transfers.prepare`, or TX_NO_SENDER, ASSET_NAME, SIGN_….
        """
        account = self._accounts.account(broker)
        await account.chain.ready(READY_WITHIN)
        self._signing(sender)
        assets = self._assets(account)
        if asset not in assets:
            known = ", ".join(info.symbol for info in assets.values())
            raise WalletError("ASSET_NAME", asset=show_address(asset), known=known)
        with _in_words(assets):
            prepared = await account.chain.transfers.prepare(sender, to, asset, amount, _speed(speed))
        return self._draft(account, prepared)

    async def replace(self, broker: bytes, transaction: bytes, speed: str, *, cancel: bool) -> DraftView:
        """The same for what takes the place of one that is stuck. Raises as :meth:`Transfers.replace`."""
        account = self._accounts.account(broker)
        await account.chain.ready(READY_WITHIN)
        with _in_words(self._assets(account)):
            prepared = await account.chain.transfers.replace(transaction, _speed(speed), cancel=cancel)
        self._signing(prepared.sender)
        return self._draft(account, prepared)

    async def send(self, broker: bytes, sender: bytes, unsigned: bytes) -> bytes:
        """Signs exactly these bytes and sends them; the hash. Raises as :meth:`Transfers.send`."""
        account = self._accounts.account(broker)
        await account.chain.ready(READY_WITHIN)
        self.read(account, sender, unsigned)  # what can't be read is not signed
        self._signing(sender)
        outgoing = await account.chain.transfers.send(unsigned, self._vault.owner(sender))
        with suppress(WalletError):  # it is kept and sent: what the chain says of it comes later
            await account.chain.refresh()
        return outgoing.hash

    def read(self, account: Account, sender: bytes, unsigned: bytes) -> clear.Reading:
        names = {row.address: row.name for row in self._book(account)}
        broker = account.broker
        return clear.read_transaction(
            unsigned, sender, self._assets(account), broker.chain_id, broker.adjudicator, names
        )

    def _draft(self, account: Account, prepared: Prepared) -> DraftView:
        unsigned = prepared.envelope.unsigned()
        found = self.read(account, prepared.sender, unsigned)
        warnings = () if prepared.replaces else self._warnings(account, prepared)
        return DraftView(unsigned, prepared.sender, found.title, found.rows, warnings, prepared.envelope.max_cost)

    def _warnings(self, account: Account, prepared: Prepared) -> Warnings:
        """What a person should look at before he says yes."""
        named = {row.address: row.name for row in self._book(account)}
        sent = {_moved(row.envelope)[0] for row in account.chain.outbox.kept(SHOWN, self._own()) if row.purpose == SEND}
        found: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        to = prepared.to
        if to not in named:
            twin = look_alike(to, named) or look_alike(to, sent)
            if twin is not None:
                other = show_address(twin) + (f" ({named[twin]})" if twin in named else "")
                found.append(("WARN-ALIKE", (("address", show_address(to)), ("other", other))))
        left = prepared.coin - prepared.envelope.value - prepared.envelope.max_cost
        if left < account.chain.reserve and self._accounts.in_session(account.broker.chain_id):
            coin = self._assets(account)[NATIVE]
            amounts = [f"{format_amount(wei, coin.decimals)} {coin.symbol}" for wei in (left, account.chain.reserve)]
            found.append(("WARN-FEES", (("left", amounts[0]), ("need", amounts[1]))))
        if prepared.contract:
            found.append(("WARN-CONTRACT", (("address", show_address(to)),)))
        return tuple(found)

    def _signing(self, sender: bytes) -> None:
        row = next((row for row in self._vault.accounts if row.address == sender), None)
        if row is None or not row.signs:
            raise WalletError("TX_NO_SENDER", address=show_address(sender))

    # --- accounts and names ---

    async def add_account(self, label: str) -> bytes:
        """Derives the next account of the phrase and keeps it; its address."""
        return (await asyncio.to_thread(self._vault.add_account, label)).address

    async def rename_account(self, address: bytes, label: str) -> None:
        await asyncio.to_thread(self._vault.rename, address, label)

    async def find_accounts(self, broker: bytes) -> int:
        """Keeps every account of the phrase that this chain shows as used, and those between; how many are new."""
        account = self._accounts.account(broker)
        await account.chain.ready(READY_WITHIN)
        assets = [address for address in self._assets(account) if address != NATIVE]

        async def addresses(first: int, count: int) -> list[bytes]:
            return await asyncio.to_thread(self._vault.derived_addresses, first, count)

        async def is_used(address: bytes) -> bool:
            nodes = account.chain.nodes
            if await nodes.nonce(address, "latest") or await nodes.balance(address):
                return True
            for asset in assets:
                if await token.balance(nodes, asset, address):
                    return True
            return False

        used = await used_accounts(addresses, is_used)
        have = {row.index for row in self._vault.accounts if row.kind == "derived"}
        new = [index for index in range(max(used, default=-1) + 1) if index not in have]
        for index in new:
            await asyncio.to_thread(self._vault.add_account, "", index)
        return len(new)

    async def name(self, address: bytes, name: str) -> None:
        await asyncio.to_thread(addressbook.add, self._profile, address, name)

    async def forget(self, address: bytes) -> None:
        await asyncio.to_thread(addressbook.remove, self._profile, address)


# --- reading ---------------------------------------------------------------------------------------------------------


async def _holdings(chain: ChainLink, owner: bytes, assets: Mapping[bytes, AssetInfo]) -> tuple[HoldingView, ...]:
    """A token that does not answer as one is left out: one broken token must not hide the rest."""
    found = []
    for asset, info in assets.items():
        try:
            found.append(HoldingView(info, await token.balance(chain.nodes, asset, owner)))
        except WalletError as error:
            if asset == NATIVE or error.code not in ("RPC_REVERTED", "RPC_BAD_REPLY"):
                raise
    return tuple(found)


async def _speeds(chain: ChainLink) -> tuple[SpeedView, ...]:
    found = await chain.transfers.prices()
    return tuple(
        SpeedView(speed.value, PLAIN * (price.base + price.tip), PLAIN * price.most) for speed, price in found.items()
    )


def _speed(word: str) -> Speed:
    try:
        return Speed(word)
    except ValueError as error:
        raise WalletError("TX_SPEED", got=word[:20]) from error


def _moved(envelope: Envelope) -> tuple[bytes, bytes, int]:
    """Recipient, asset and amount; of any other call the contract and what goes with it."""
    found = read_transfer(envelope.data) or read_approval(envelope.data)
    if found is not None and not envelope.value:
        return found[0], envelope.to, found[1]
    return envelope.to, NATIVE, envelope.value


_AMOUNTS = ("have", "need")
_STATUS = {"signed": "pending", "undone": "reorged", "mined": "confirmed", "failed": "failed", "replaced": "replaced"}


def _transaction_view(
    row: Kept, rows: list[Kept], assets: dict[bytes, AssetInfo], names: dict[bytes, str]
) -> TransactionView:
    to, asset, amount = _moved(row.envelope)
    status = _STATUS.get(row.status, row.status)
    if status == "replaced" and row.purpose != CANCEL:
        place = (row.sender, row.envelope.nonce)
        winner = next(
            (one for one in rows if one.status == "mined" and (one.sender, one.envelope.nonce) == place), None
        )
        status = "cancelled" if winner is not None and winner.purpose == CANCEL else status
    return TransactionView(
        row.hash,
        APPROVE if read_approval(row.envelope.data) else row.purpose,
        status,
        row.created,
        row.sender,
        row.envelope.nonce,
        to,
        assets.get(asset) or AssetInfo(asset, show_address(asset)[:8], 0, verified=False),
        amount,
        names.get(to, ""),
        row.envelope.max_cost,
        row.fee,
        row.block,
        row.waits,
        row.waits and row.purpose in (SEND, CANCEL),
    )


@contextmanager
def _in_words(assets: Mapping[bytes, AssetInfo]) -> Iterator[None]:
    """Amounts of an error as a person reads them."""
    try:
        yield
    except WalletError as error:
        if error.code not in ("TX_SHORT", "TX_SHORT_FEE"):
            raise
        asset = error.params.get("asset", NATIVE)
        info = assets[asset if isinstance(asset, bytes) else NATIVE]
        have, need = (f"{format_amount(int(str(error.params[key])), info.decimals)} {info.symbol}" for key in _AMOUNTS)
        if error.code == "TX_SHORT":
            raise WalletError("TX_SHORT", have=have, need=need) from None
        raise WalletError("TX_SHORT_FEE", have=have, need=need) from None
