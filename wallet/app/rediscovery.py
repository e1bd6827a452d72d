"""Channels the chain knows and this profile does not: of a wallet restored from its phrase. Taken in to be left.

The chain shows terms without their markets; those are the broker's profile's, and the channel's id proves that they
are the same. The setup state's signatures stand in the opening's own transaction. All later states are the broker's to
show (protocol §10.3); without him the opening state is what there is, or an exported proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wallet.chain.client import Adjudicator, Status
from wallet.chain.events import Opened
from wallet.history.journal import ChannelRecord, Entry
from wallet.history.journal import Status as Recorded
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import setup_state
from wallet.protocol.terms import Initiative, Role
from wallet.session.phases import Phase

if TYPE_CHECKING:
    from wallet.app.account import Account

WHY = b"found on the chain"  # what the journal says of why such a channel is a restored one


@dataclass(frozen=True, slots=True)
class Rediscovered:
    """How many channels were taken in; how many of the owner's were not: of another broker, or of other markets."""

    taken: int
    others: int


async def find_channels(account: Account, told: Callable[[int, int], None] = lambda _done, _all: None) -> Rediscovered:
    """Looks for the owner's channels on the broker's contract, and takes in those of this broker that are not settled.

    Raises WalletError("CHAIN_…" | "RPC_…").
    """
    await account.chain.ready(15)
    contract, taken, others = account.chain.contract, 0, 0
    last = await contract.rpc.block_number()
    for opened in await contract.opened_by(account.address, 0, last, told):
        if account.journal.channel(opened.channel) is not None:
            continue
        if (await contract.channel(opened.channel)).status in (Status.NONE, Status.SETTLED):
            continue  # its credit, if any is left, is the owner's to withdraw like any other
        found = await _take_in(account, contract, opened)
        taken, others = taken + found, others + (not found)
    return Rediscovered(taken, others)


async def _take_in(account: Account, contract: Adjudicator, opened: Opened) -> bool:
    terms = replace(opened.terms, markets=account.broker.offer.markets)
    if terms.broker != account.broker.broker or contract.domain.digest(terms).digest != opened.channel:
        return False
    state = setup_state(terms, opened.channel, opened.time)
    typed = contract.domain.digest(state)
    signatures = await contract.opening_signatures(opened)
    try:
        for role, signature in zip((Role.TRADER, Role.BROKER), signatures or (), strict=False):
            require_signer(typed, signature, terms.signers(role))
    except WalletError:
        return False
    if signatures is None:
        return False
    issuer = Role.TRADER if terms.initiative is Initiative.COOPERATIVE else Role.BROKER
    trader, broker = signatures
    entry = Entry(state, typed.digest, issuer, Recorded.VALIDATED, broker, trader, own=True, recorded=opened.time)
    domain = contract.domain
    record = ChannelRecord(
        opened.channel, Role.TRADER, domain.chain_id, domain.contract, terms, Phase.OPENING.value, opened.time
    )
    with account.journal.store.transaction():
        account.journal.add_channel(record)
        account.journal.set_fact(record.id, "restored", WHY)
        account.journal.set_fact(record.id, "opened", b"")
        account.journal.record(entry)
    if terms.broker_signer == account.broker.signer and account.broker not in account.profile.brokers():
        account.profile.pin(account.broker)  # his key has signed: he is who his profile says, though he may be gone
    await account.link.take_in(record)
    await account.chain.refresh()
    return True
