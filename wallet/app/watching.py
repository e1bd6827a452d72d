"""The watch package: what another machine needs to guard our channels, and nothing more; and the watch it keeps.

It holds proofs of the best states, addresses of nodes, and of keys only the gas key: whoever opens it can answer a
dispute, settle, pay out to the owner's own address, and spend what is on the gas account. It is of one moment: a
channel that trades on needs a new one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from wallet.app import proofs as app_proofs
from wallet.app.choice import KnownBroker, choose_broker
from wallet.app.profile import kept_brokers, write_file
from wallet.chain.agreement import EVERY, Agreement
from wallet.chain.client import Adjudicator, Status
from wallet.chain.guard import Guarded, Provable
from wallet.chain.nodes import MAX_NODES, Nodes
from wallet.chain.tx import KeySigner
from wallet.chain.urgent import UrgentSender
from wallet.history.reader import HistoryReader
from wallet.keys.package import open_package, seal_package
from wallet.keys.secret import Secret
from wallet.protocol import codec, strictjson
from wallet.protocol import proof as proofs
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.proof import Proof
from wallet.session.broker_profile import SANDBOX_CHAIN, BrokerProfile
from wallet.session.outbox import Outbox, open_store
from wallet.session.watcher import Watcher

MAGIC = b"TCWATCH1"
MAX_FILE = 32 * 1024 * 1024
MAX_CHANNELS = 64
_KEYS = ("gasKey", "nodes", "proofs")
_OVER = ("withdrawn", "abandoned", "requested", "agreed")


@dataclass(frozen=True, slots=True)
class Package:
    """What a watch package says, every proof of it checked. All channels are of one adjudicator."""

    domain: Domain
    nodes: tuple[str, ...]
    proofs: tuple[Proof, ...]
    gas_key: bytes

    def __repr__(self) -> str:
        return f"<Package of {len(self.proofs)} channels>"

    def guarded(self) -> tuple[Guarded, ...]:
        return tuple(
            Guarded(
                one.state.channel,
                one.terms,
                Provable(one.state, app_proofs.validation(one)) if one.state.increment else None,
                pay_out=True,
            )
            for one in self.proofs
        )


def export(
    journal: HistoryReader, domain: Domain, nodes: Sequence[str], gas_key: bytes, password: Secret, path: Path
) -> int:
    """Writes the package of every channel on this adjudicator that is not over; how many. Slow by design.

    Raises WalletError("WATCH_NOTHING") if there is none, WalletError("FILE_…").
    """
    records = [row for row in journal.channels() if row.domain == domain and row.phase not in _OVER]
    if not records:
        raise WalletError("WATCH_NOTHING")
    value = {
        "gasKey": codec.show_hex(gas_key),
        "nodes": list(nodes),
        "proofs": [app_proofs.make(journal, record, None)[1] for record in records],
    }
    write_file(path, seal_package(MAGIC, password, msgspec.json.encode(value)))
    return len(records)


def broker_of(profile: Path, named: str | None) -> BrokerProfile:
    """The kept broker meant. Raises WalletError("NO_BROKER" | "BROKER_NO_SUCH" | "BROKER_AMBIGUOUS")."""
    brokers = {row.broker: row for row in kept_brokers(profile)}
    if not brokers:
        raise WalletError("NO_BROKER")
    if named is None and len(brokers) > 1:
        raise WalletError("BROKER_AMBIGUOUS", ids=", ".join(row.name for row in brokers.values()))
    known = [KnownBroker(address, row.name) for address, row in brokers.items()]
    return brokers[choose_broker(known, named) if named is not None else known[0].id]


def load(path: Path, password: Secret) -> Package:
    """A package of anyone's, taken apart and checked. Slow by design.

    Raises WalletError("FILE_UNREADABLE" | "PACKAGE_FORM" | "PACKAGE_SEALED" | "PROOF_…" | "JSON_…").
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise WalletError("FILE_UNREADABLE", path=str(path), why=error.strerror or "") from error
    if len(data) > MAX_FILE:
        raise WalletError("PACKAGE_FORM")
    value = strictjson.loads(open_package(MAGIC, data, password), max_bytes=MAX_FILE)
    return _read(value)


def _read(value: object) -> Package:
    try:
        row = codec.read_object(value, "package", _KEYS)
        nodes = tuple(codec.read_text(item, "nodes", 2_000) for item in codec.read_list(row["nodes"], "nodes"))
        found = tuple(proofs.parse(item) for item in codec.read_list(row["proofs"], "proofs"))
        gas_key = codec.read_hex(row["gasKey"], 32, "gasKey")
    except WalletError as error:
        if error.code != "WIR-FORM":
            raise
        raise WalletError("PACKAGE_FORM") from error
    domains = {one.domain for one in found}
    if len(domains) != 1 or not 1 <= len(found) <= MAX_CHANNELS or not 1 <= len(nodes) <= MAX_NODES:
        raise WalletError("PACKAGE_FORM")
    for one in found:
        proofs.verify(one)
    return Package(domains.pop(), nodes, found, gas_key)


class Lookout:
    """A watcher over a package; its transactions are kept beside the file. Belongs to one asyncio loop."""

    def __init__(self, package: Package, sent: Path, nodes: Sequence[str], changed: Callable[[], None]) -> None:
        """``nodes``: asked before those of the package. ``sent``: the database of what was signed."""
        urls = tuple(dict.fromkeys((*nodes, *package.nodes)))[:MAX_NODES]
        self.package = package
        self._store = open_store(sent)
        self.rpc = Nodes(urls, self._check)
        self.contract = Adjudicator(self.rpc, package.domain.chain_id, package.domain.contract)
        outbox = Outbox(self._store, self.rpc, package.domain.chain_id)
        self._guarded = package.guarded()
        sender = UrgentSender(
            self.rpc, package.domain.chain_id, KeySigner(package.gas_key), outbox.store_for(b"", "watch")
        )
        quiet = package.domain.chain_id == SANDBOX_CHAIN
        self.watcher = Watcher(self.contract, sender, lambda: self._guarded, changed, quiet_chain=quiet)
        self._agreement = Agreement(self.rpc, self.contract, lambda: [one.channel for one in self._guarded])
        self._compared = 0.0  # when, by the monotonic clock

    async def _check(self, rpc: Any) -> None:
        await self.contract.check_deployment(rpc)

    async def look(self) -> None:
        """One look at every channel, and now and then at whether the nodes agree. Raises WalletError."""
        if len(self.rpc.each()) > 1 and time.monotonic() - self._compared > EVERY:
            self._compared = time.monotonic()
            await self._agreement.look()
        await self.watcher.look()

    @property
    def alarms(self) -> list[WalletError]:
        found = [] if self._agreement.alarm is None else [self._agreement.alarm]
        return [*found, *self.watcher.alarms.values()]

    async def over(self) -> bool:
        """Whether nothing is left to watch: every channel is settled, and its credit paid out."""
        for one in self._guarded:
            standing = self.watcher.seen.get(one.channel)
            if standing is None or standing.status is not Status.SETTLED:
                return False
            for row in one.terms.assets:
                if await self.contract.credit(one.terms.trader, row.asset):
                    return False
        return True

    async def close(self) -> None:
        await self.rpc.close()
        self._store.close()
