"""One side of a channel shows the contract an old state: with its own keys and its own records, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.operators.operated import PASSWORD
from wallet.broker.settings import read_settings
from wallet.chain.calls import Validation
from wallet.chain.client import Adjudicator
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Sender, TransactionSigner
from wallet.history.journal import ChannelRecord, Journal
from wallet.history.store import ReadOnlyStore
from wallet.keys.keystore import open_keystore
from wallet.keys.secret import Secret
from wallet.keys.signer import AccountSigner
from wallet.keys.vault import open_vault


@dataclass(frozen=True)
class Cheat:
    """``shown`` is the number of the old state, ``best`` that of the highest one both have signed."""

    channel: str
    shown: int
    best: int


def by_the_broker(config: Path, trader: str) -> Cheat:
    settings = read_settings(config)
    owner = AccountSigner(open_keystore(settings.keys.owner, Secret(PASSWORD)))
    return _challenge(settings.folder / "broker.db", settings.nodes[0], owner, bytes.fromhex(trader[2:]))


def by_the_trader(profile: Path, url: str) -> Cheat:
    vault = open_vault(profile / "keys.vault").unlock(Secret(PASSWORD))
    owner = vault.owner(0)
    return _challenge(profile / "history.db", url, owner, owner.address)


def _challenge(database: Path, url: str, owner: TransactionSigner, trader: bytes) -> Cheat:
    store = ReadOnlyStore(database)
    try:
        journal = Journal(store)
        record = next(row for row in journal.channels() if row.terms.trader == trader)
        latest = journal.latest(record.id)
        assert latest is not None
        shown = asyncio.run(_show(journal, record, url, owner, latest.state.increment))
    finally:
        store.close()
    return Cheat("0x" + record.id.hex(), shown, latest.state.increment)


async def _show(journal: Journal, record: ChannelRecord, url: str, owner: TransactionSigner, below: int) -> int:
    """The oldest state above the setup that both have signed."""
    for increment in range(1, below):
        for entry in journal.at(record.id, increment):
            if entry.trader_signature and entry.broker_signature:
                async with Rpc(url) as rpc:
                    contract = Adjudicator(rpc, record.chain_id, record.contract)
                    sender = Sender(rpc, record.chain_id, owner, lambda _: None)
                    proof = Validation(entry.trader_signature, entry.broker_signature)
                    await contract.challenge(sender, record.terms, entry.state, proof)
                return increment
    raise AssertionError("there is no old state to cheat with")
