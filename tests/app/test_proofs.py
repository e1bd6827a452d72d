"""Withdrawal proofs of both kinds, from the history to the chain: by eth-account and the contract alone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.chain.evm import Reverted
from tests.chain.scenario import BROKER, SIGNERS, STRANGER, TRADER, Session
from tests.chain.world import ALLOCATION, World
from wallet.app import proofs, standing
from wallet.app.sheet import sheet
from wallet.app.snapshots import AssetInfo
from wallet.chain import calls
from wallet.chain.calls import Call
from wallet.chain.client import OnChain
from wallet.chain.client import Status as OnChainStatus
from wallet.gui.paper import write_pdf
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.history.reader import HistoryReader
from wallet.protocol import scan
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.state import State
from wallet.protocol.terms import NATIVE, Role

BOTH = tuple(Role)


@dataclass
class Told:
    """A channel on the chain, and the trader's journal of it."""

    world: World
    session: Session
    journal: Journal
    record: ChannelRecord
    folder: Path

    def record_state(self, state: State, roles: tuple[Role, ...] = BOTH, status: Status = Status.VALIDATED) -> Entry:
        entry = Entry(state, self.session.digest(state), Role.BROKER, status, recorded=state.time)
        for role in roles:
            entry = entry.signed(role, self.session.sign(SIGNERS[role], state), own=role is Role.TRADER)
        self.journal.record(entry)
        return entry

    def proof(self, increment: int | None = None) -> Any:
        path = self.folder / "proof.json"
        with HistoryReader(self.folder / "history.db") as reader:
            proofs.save(reader, self.record, path, increment)
        return json.loads(path.read_bytes())

    def send(self, proof: Any, says: str, who: bytes) -> None:
        """One of the proof's own calls, as any wallet would send it."""
        (call,) = [row for row in proof["calls"] if row["says"].startswith(says)]
        self.world.chain.send(who, Call(bytes.fromhex(call["to"][2:]), bytes.fromhex(call["data"][2:])))


@pytest.fixture
def told(tmp_path: Path) -> Any:
    world = World.make()
    session = world.opened_session()
    journal = Journal.open(tmp_path / "history.db")
    record = ChannelRecord(
        session.channel, Role.TRADER, session.domain.chain_id, session.domain.contract, session.terms, "open", 0
    )
    journal.add_channel(record)
    made = Told(world, session, journal, record, tmp_path)
    made.record_state(session.setup)
    yield made
    journal.close()


def signers_of(proof: Any) -> dict[str, str]:
    """Who signed, by eth-account alone; a signature that is not on the state is on the successor that names it."""
    found = {}
    for role in ("trader", "broker"):
        part = proof if proof["signatures"][role] else proof["successor"]
        message = encode_typed_data(full_message=part["typedData"])
        found[role] = Account.recover_message(message, signature=part["signatures"][role]).lower()
        if part is not proof:
            signable = encode_typed_data(full_message=proof["typedData"])
            digest = Account.from_key(b"\1" * 32).sign_message(signable).message_hash
            assert part["typedData"]["message"]["previous"] == "0x" + digest.hex().removeprefix("0x")
            assert int(part["typedData"]["message"]["increment"]) > proof["state"][0]
    return found


@pytest.mark.parametrize("silent", [None, Role.TRADER, Role.BROKER])
def test_a_proof_of_either_kind_carries_through_the_whole_dispute(told: Told, silent: Role | None) -> None:
    """The broker starts one with an old state; the proof answers it, and is paid. No call is made by this program."""
    world, session = told.world, told.session
    state = world.traded(session, 5, won=700, lost=100)
    told.record_state(state, tuple(role for role in Role if role is not silent))
    if silent is not None:
        told.record_state(session.successor(state), (silent,), Status.PENDING)
    world.challenge(session, world.traded(session, 2), who=BROKER.address)
    proof = told.proof()
    assert proof["state"][0] == 5
    assert (proof["successor"] is None) is (silent is None)
    assert signers_of(proof) == {role.name.lower(): "0x" + SIGNERS[role].address.hex() for role in Role}
    told.send(proof, "Answers a dispute", STRANGER.address)
    assert world.status(session)[2] == 5
    world.chain.pass_time(session.terms.challenge_period + 1)
    told.send(proof, "Pays by the recorded", STRANGER.address)
    assert world.credit(NATIVE) == ALLOCATION + 700


@pytest.mark.parametrize("silent", list(Role))
def test_a_challenge_with_a_state_that_only_its_successor_validates(told: Told, silent: Role) -> None:
    state = told.world.traded(told.session, 3)
    told.record_state(state, (silent.other,))
    told.record_state(told.session.successor(state, 7), (silent,), Status.REFUSED)
    proof = told.proof(3)
    told.send(proof, "Starts a dispute", TRADER.address)
    assert told.world.status(told.session)[2] == 3


def test_the_contract_takes_no_proof_whose_successor_was_swapped(told: Told) -> None:
    world, session = told.world, told.session
    state, other = world.traded(session, 3), world.traded(session, 3, won=1)
    told.record_state(state, (Role.BROKER,))
    told.record_state(session.successor(state), (Role.TRADER,), Status.PENDING)
    proof = told.proof(3)
    validation = session.implied(state, Role.TRADER, session.successor(other))
    with pytest.raises(Reverted):
        world.challenge(session, state, validation)
    told.send(proof, "Starts a dispute", TRADER.address)


def test_what_it_is_worth_says_by_what_it_is_validated(told: Told) -> None:
    state = told.world.traded(told.session, 3)
    told.record_state(state, (Role.BROKER,))
    told.record_state(told.session.successor(state, 5), (Role.TRADER,), Status.PENDING)
    told.proof()
    value, text = proofs.describe(proofs.load(told.folder / "proof.json"))
    assert value["validation"] == {"kind": "implied", "role": "trader", "increment": 5}
    assert "signature of the trader on state 5" in text
    told.proof(0)
    value, text = proofs.describe(proofs.load(told.folder / "proof.json"))
    assert value["validation"] == {"kind": "both"}
    assert "both signatures" in text


def test_no_proof_of_what_nothing_validates(told: Told) -> None:
    """One signature and no successor; the best is then the one below."""
    told.record_state(told.world.traded(told.session, 3), (Role.BROKER,), Status.PENDING)
    with pytest.raises(WalletError, match="PROOF_NO_STATE"):
        told.proof(3)
    assert told.proof()["state"][0] == 0


# --- on paper ---------------------------------------------------------------------------------------------------------


def printed(told: Told, increment: int | None = None) -> tuple[Any, Any]:
    value = told.proof(increment)
    return value, sheet(value, {NATIVE: AssetInfo(NATIVE, "ETH", 18)})


def test_the_codes_of_a_page_are_the_whole_proof(told: Told) -> None:
    told.record_state(told.world.traded(told.session, 1))
    value, page = printed(told)
    scanned = told.folder / "scanned.txt"
    scanned.write_text("\n".join(reversed(page.codes)), encoding="ascii")
    read = proofs.load(scanned)
    assert proofs.show(read) == value  # what was left out is made again, byte for byte
    assert proofs.describe(read) == proofs.describe(proofs.load(told.folder / "proof.json"))


def test_a_proof_by_its_successor_is_on_paper_too(told: Told) -> None:
    state = told.world.traded(told.session, 1)
    told.record_state(state, (Role.BROKER,))
    told.record_state(told.session.successor(state), (Role.TRADER,), Status.PENDING)
    value, page = printed(told, 1)
    assert value["successor"] is not None
    scanned = told.folder / "scanned.txt"
    scanned.write_text("\n".join(page.codes), encoding="ascii")
    assert proofs.show(proofs.load(scanned)) == value


def test_a_changed_code_is_refused(told: Told) -> None:
    value, _ = printed(told)
    slim = json.loads(proofs.slim(value))
    slim["envelope"]["time"] += 1
    scanned = told.folder / "scanned.txt"
    scanned.write_text("\n".join(scan.codes(json.dumps(slim).encode())), encoding="ascii")
    with pytest.raises(WalletError, match="PROOF_SIGNATURE"):
        proofs.load(scanned)
    scanned.write_text("\n".join(scan.codes(json.dumps(value).encode())), encoding="ascii")
    with pytest.raises(WalletError, match="PROOF_FORM"):
        proofs.load(scanned)


def test_the_page_says_what_it_pays(told: Told) -> None:
    _, page = printed(told)
    (first, *_) = page.pays
    assert first[:3] == ("ETH", "0x" + NATIVE.hex(), format_amount(ALLOCATION, 18))
    assert dict(page.rows)["Channel"] == "0x" + told.record.id.hex()
    assert len(page.steps) >= 3


def test_the_page_is_one_pdf_made_without_a_window(told: Told) -> None:
    """In a process of its own: no display, no application before."""
    told.proof()
    pdf = told.folder / "proof.pdf"
    command = [sys.executable, "-m", "wallet", "proof", "print", str(told.folder / "proof.json"), str(pdf)]
    kept = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "QT_QPA_PLATFORM")}
    subprocess.run(command, check=True, capture_output=True, env=kept, timeout=120)
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 1
    assert pdf.stat().st_mode & 0o77 == 0


@pytest.mark.skipif(not all(map(shutil.which, ("pdftoppm", "zbarimg"))), reason="needs pdftoppm and zbarimg")
def test_a_scanner_reads_the_printed_page(told: Told) -> None:
    told.record_state(told.world.traded(told.session, 1))
    value, page = printed(told)
    pdf, picture = told.folder / "proof.pdf", told.folder / "page"
    command = [sys.executable, "-m", "wallet", "proof", "print", str(told.folder / "proof.json"), str(pdf)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    subprocess.run(["pdftoppm", "-r", "300", "-png", "-singlefile", str(pdf), str(picture)], check=True, timeout=60)
    scan_it = ["zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", f"{picture}.png"]
    found = subprocess.run(scan_it, check=True, capture_output=True, timeout=60, text=True)
    assert sorted(found.stdout.split()) == sorted(page.codes)
    scanned = told.folder / "scanned.txt"
    scanned.write_text(found.stdout, encoding="ascii")
    assert proofs.show(proofs.load(scanned)) == value


# --- what is due by it now --------------------------------------------------------------------------------------------


def due(told: Told, value: Any, found: OnChain, *, now: int = 0, who: bytes = b"", credit: int = 0) -> tuple[str, str]:
    """What would be sent, or the code of why nothing is; and how the viewer says that it stands."""

    async def answer(result: Any) -> Any:
        return result

    rpc = SimpleNamespace(block=lambda *_: answer(SimpleNamespace(time=now)))
    contract: Any = SimpleNamespace(channel=lambda _: answer(found), credit=lambda *_: answer(credit), rpc=rpc)
    account: Any = SimpleNamespace(chain=SimpleNamespace(contract=contract), address=who)
    proof = proofs.proofs.parse(value)

    async def both() -> tuple[str, str]:
        try:
            what = (await proofs._due(account, proof, proofs.proofs.verify(proof)))[1]
        except WalletError as error:
            what = error.code
        stands = await standing.ask(contract, proof)
        assert stands.show()["next"] == stands.next
        return what, f"{stands.says} {stands.next}"

    return asyncio.run(both())


def test_what_is_due_by_a_proof_and_how_it_stands(told: Told) -> None:
    told.record_state(told.world.traded(told.session, 5))
    value = told.proof()
    state = proofs.proofs.parse(value).state

    def disputed(increment: int) -> OnChain:
        return OnChain(OnChainStatus.DISPUTED, 1_000, increment, calls.outcomes_hash(state.outcomes))

    none, opened = OnChain(OnChainStatus.NONE, 0, 0, b""), OnChain(OnChainStatus.OPEN, 0, 0, b"")
    settled = OnChain(OnChainStatus.SETTLED, 0, 5, b"")
    assert due(told, value, none)[0] == "PROOF_NOT_OPEN"
    what, said = due(told, value, opened)
    assert (what, said.startswith("On the chain this channel is open: the proof counts. Next: the trader 0x")) == (
        "PROOF_NOT_YOURS",
        True,
    )
    assert due(told, value, opened, who=TRADER.address)[0] == "challenge"
    what, said = due(told, value, disputed(4), now=1_000)
    assert (what, "answers it" in said) == ("respond", True)
    what, said = due(told, value, disputed(5), now=1_000)
    assert (what, "this very state" in said) == ("PROOF_RECORDED", True)
    what, said = due(told, value, disputed(6), now=1_000)
    assert (what, "too old" in said) == ("PROOF_LOWER", True)
    for recorded in (4, 5, 6):  # after the period nothing answers any more
        what, said = due(told, value, disputed(recorded), now=1_001)
        assert (what, "is over" in said) == ("settle", True)
    what, said = due(told, value, settled, credit=7)
    assert (what, "sent to his own address" in said) == ("pay out", True)
    what, said = due(told, value, settled)
    assert (what, "nothing is left to do" in said) == ("PROOF_SETTLED", True)


def test_a_final_state_ends_whatever_runs(told: Told) -> None:
    told.record_state(told.world.final(told.session, 5))
    value = told.proof()
    for found, word in (
        (OnChain(OnChainStatus.OPEN, 0, 0, b""), "is open: the final state counts"),
        (OnChain(OnChainStatus.DISPUTED, 1_000, 9, b"x" * 32), "state 9: this final state ends it"),
    ):
        what, said = due(told, value, found, now=2_000)
        assert (what, word in said, "anyone may close" in said) == ("close", True, True)


def test_codes_that_no_scanner_would_read_are_left_out_and_said_so(told: Told, qapp: object) -> None:
    """Sixteen assets fill the page: it names the file instead of printing what can't be read."""
    told.proof()
    _, page = printed(told)
    many = replace(page, pays=page.pays * 8, steps=page.steps * 4)
    full, short = told.folder / "full.pdf", told.folder / "short.pdf"
    write_pdf(page, short)
    write_pdf(many, full)
    assert full.stat().st_size < short.stat().st_size  # the codes are most of a page
    assert full.read_bytes().count(b"/Type /Page\n") == 1
