"""A proof checked and sent without this program: the specification's own page is run, against anvil.

viem, ethers and cast come from npm, as anvil does; where npm is not, the tests say so and are skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain.anvil import CACHE, anvil, run
from tests.chain.evm import Actor
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, TRADER_SIGNER, Session, make_terms
from wallet.app import proofs
from wallet.chain.artifact import adjudicator
from wallet.chain.client import Adjudicator
from wallet.chain.rpc import Rpc
from wallet.chain.tx import KeySigner, Sender
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.history.reader import HistoryReader
from wallet.protocol.state import Transition
from wallet.protocol.terms import NATIVE, Asset, Role
from wallet.resources import resource

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]  # npm, node and a node of the chain
PACKAGES = {"viem": "viem@2.57.20", "ethers": "ethers@6.17.0", "cast": "@foundry-rs/cast@1.7.1"}


def script(tool: str) -> str:
    """The page's own script for this tool."""
    page = resource("spec/proofs.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"```(?:js|sh) {tool}\n(.*?)```", page, re.DOTALL)
    return str(found)


def fetched(tool: str) -> Path:
    """The folder that npm put the tool's package into; skips where that can't be."""
    npm, needed = shutil.which("npm"), ("node",) if tool != "cast" else ("jq",)
    lacking = [name for name in needed if shutil.which(name) is None]
    if npm is None or lacking:
        pytest.skip(f"{tool} comes from npm and needs {', '.join(needed)}: not here")
    folder = CACHE.with_name("npm-proofs")
    package = PACKAGES[tool].rpartition("@")[0]
    if not (folder / "node_modules" / package).is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
        done = subprocess.run([*command, *PACKAGES.values()], check=False, capture_output=True, text=True, timeout=500)
        if not (folder / "node_modules" / package).is_dir():
            pytest.skip(f"npm could not bring {PACKAGES[tool]}: {done.stderr[-300:]}")
    return folder


@pytest.fixture
def url() -> Iterator[str]:
    with anvil() as address:
        yield address


def proof_of(session: Session, folder: Path, *, final: bool, silent: Role | None = None) -> Path:
    """A proof file from a history, as a user has it."""
    with_journal = Journal.open(folder / "history.db")
    terms, domain = session.terms, session.domain
    record = ChannelRecord(session.channel, Role.TRADER, domain.chain_id, domain.contract, terms, "open", 0)
    with_journal.add_channel(record)
    state = session.state(4, {NATIVE: (0, 44)}, Transition.FINALIZE if final else Transition.TRADE)

    def keep(entry: Entry, roles: tuple[Role, ...]) -> None:
        for role in roles:
            actor = TRADER_SIGNER if role is Role.TRADER else BROKER_SIGNER
            entry = entry.signed(role, session.sign(actor, entry.state), own=role is Role.TRADER)
        with_journal.record(entry)

    both = Entry(state, session.digest(state), Role.BROKER, Status.VALIDATED, recorded=state.time)
    keep(both, tuple(role for role in Role if role is not silent))
    if silent is not None:
        after = session.successor(state)
        keep(Entry(after, session.digest(after), Role.TRADER, Status.PENDING, recorded=after.time), (silent,))
    with_journal.close()
    path = folder / "proof.json"
    with HistoryReader(folder / "history.db") as reader:
        proofs.save(reader, record, path, None)
    return path


def run_page(tool: str, proof: Path, url: str, who: Actor) -> subprocess.CompletedProcess[str]:
    folder = fetched(tool)
    path = folder / (f"proof-{tool}.mjs" if tool != "cast" else "proof-cast.sh")
    path.write_text(script(tool), encoding="utf-8")
    bins = str(next(iter(folder.glob("node_modules/@foundry-rs/cast-*/bin")), folder))
    command = ["node", str(path)] if tool != "cast" else ["sh", str(path)]
    return subprocess.run(
        [*command, str(proof), url, "0x" + who.key.secret.hex()],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PATH": f"{bins}{os.pathsep}{os.environ['PATH']}"},
    )


async def opened(rpc: Rpc, contract: Adjudicator, coin: bytes) -> Session:
    """A channel open on that chain."""

    def sender(who: Actor) -> Sender:
        return Sender(rpc, contract.chain_id, KeySigner(who.key.secret), lambda _: None)

    block = await rpc.block()
    assert block is not None
    assets = tuple(Asset(asset, 10**6, 10**6) for asset in sorted((NATIVE, coin)))
    session = Session(contract.domain, make_terms(assets, block.time), block.time)
    for asset in (NATIVE, coin):
        await contract.deposit(sender(BROKER), asset, 10**6)
        await contract.authorize(sender(BROKER), BROKER_SIGNER.address, asset, 10**6, 2**32 - 1)
    await contract.open(sender(TRADER), session.terms, session.time, *session.signatures(session.setup))
    return session


@pytest.mark.parametrize("tool", sorted(PACKAGES))
def test_a_stranger_closes_with_the_page_s_script(url: str, tmp_path: Path, tool: str) -> None:
    async def body(rpc: Rpc, contract: Adjudicator, coin: bytes) -> None:
        session = await opened(rpc, contract, coin)
        proof = proof_of(session, tmp_path, final=True)
        done = await asyncio.to_thread(run_page, tool, proof, url, STRANGER)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.split("\n")
        assert f"trader: signed by 0x{TRADER_SIGNER.address.hex()}" in lines
        assert f"broker: signed by 0x{BROKER_SIGNER.address.hex()}" in lines
        assert f"code 0x{adjudicator().code_hash.hex()}" in lines
        assert "sent success" in lines
        assert await contract.credit(TRADER.address, NATIVE) == 10**6 + 44

    run(url, body)


@pytest.mark.parametrize("tool", sorted(PACKAGES))
def test_an_owner_starts_a_dispute_with_a_state_that_its_successor_validates(
    url: str, tmp_path: Path, tool: str
) -> None:
    async def body(rpc: Rpc, contract: Adjudicator, coin: bytes) -> None:
        session = await opened(rpc, contract, coin)
        proof = proof_of(session, tmp_path, final=False, silent=Role.TRADER)
        done = await asyncio.to_thread(run_page, tool, proof, url, TRADER)
        assert done.returncode == 0, done.stderr
        assert (await contract.channel(session.channel)).increment == 4

    run(url, body)


@pytest.mark.parametrize("tool", sorted(PACKAGES))
def test_a_forged_signature_is_found_before_anything_is_sent(url: str, tmp_path: Path, tool: str) -> None:
    async def body(rpc: Rpc, contract: Adjudicator, coin: bytes) -> None:
        session = await opened(rpc, contract, coin)
        proof = proof_of(session, tmp_path, final=True)
        value = json.loads(proof.read_text())
        value["typedData"]["message"]["time"] = str(int(value["typedData"]["message"]["time"]) + 1)
        proof.write_text(json.dumps(value))
        before = await rpc.block_number()
        done = await asyncio.to_thread(run_page, tool, proof, url, STRANGER)
        assert done.returncode != 0
        assert "not signed by the trader" in done.stdout + done.stderr
        assert await rpc.block_number() == before

    run(url, body)
