"""The judge itself: it acquits an honest story, broken connections included, and convicts for each crime alone."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from tests.end_to_end import typed
from tests.end_to_end.judge import ZERO, Verdict, judge
from tests.end_to_end.recorder import HEAD, TO_BROKER, TO_TRADER, Recorder
from tests.end_to_end.recording import chunks, messages
from tests.support import strategies
from tests.support.game import CONTRACT, KEYS, Game
from wallet.protocol import codec
from wallet.protocol.intents import Resume
from wallet.protocol.signatures import sign
from wallet.protocol.state import State
from wallet.protocol.terms import Role, Terms

GREETING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
BROKER, TRADER = True, False


def frame(text: bytes, *, masked: bool) -> bytes:
    """One WebSocket text message (RFC 6455 §5.2)."""
    length = len(text)
    size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
    if length > 0xFFFF:
        size = b"\x7f" + length.to_bytes(8, "big")
    mask = b"\x11\x22\x33\x44"
    if not masked:
        return b"\x81" + size + text
    covered = bytes(octet ^ mask[at % 4] for at, octet in enumerate(text))
    return b"\x81" + bytes([size[0] | 0x80]) + size[1:] + mask + covered


@dataclass
class Tape:
    """A recording made by hand."""

    file: Path
    game: Game = field(default_factory=Game)
    time: float = 1_000.0
    connection: int = 0
    ids: int = 0

    def say(self, by_broker: bool, value: dict[str, Any]) -> None:
        self.time += 0.01
        data = frame(json.dumps({"jsonrpc": "2.0", **value}).encode(), masked=not by_broker)
        self.write(TO_TRADER if by_broker else TO_BROKER, data)

    def write(self, direction: int, data: bytes) -> None:
        with self.file.open("ab") as out:
            out.write(HEAD.pack(self.time, self.connection, direction, len(data)) + data)

    def ask(self, by_broker: bool, method: str, params: dict[str, Any], result: dict[str, Any] | None) -> None:
        """A request and, unless None, its answer."""
        self.ids += 1
        self.say(by_broker, {"id": self.ids, "method": method, "params": params})
        if result is not None:
            self.say(not by_broker, {"id": self.ids, "result": result})

    def connect(self) -> None:
        self.connection += 1
        for direction in (TO_BROKER, TO_TRADER):
            self.write(direction, GREETING)
        own, peer = f"0x{self.connection:064x}", f"0x{1_000 + self.connection:064x}"
        self.ask(TRADER, "hello", {"nonce": own, "role": "trader"}, {"nonce": peer})

    def setup(self) -> None:
        signed = sign(KEYS["trader"], self.game.domain.digest(self.game.terms))
        terms = codec.show_terms(self.game.terms)
        self.ask(TRADER, "setup", {"terms": terms, "signature": codec.show_hex(signed)}, {})

    def propose(self, state: State, *, ack: bool = True, **keys: str) -> None:
        broker = sign(KEYS[keys.get("broker", "broker signer")], self.game.domain.digest(state))
        trader = sign(KEYS[keys.get("trader", "trader signer")], self.game.domain.digest(state))
        params = {"channel": codec.show_hex(state.channel), "signature": codec.show_hex(broker), "intents": []}
        shown = {"envelope": codec.envelope(state), "state": codec.state_array(state)}
        self.ask(BROKER, "propose", params | shown, {"ack": codec.show_hex(trader)} if ack else None)

    def play(self, state: State) -> State:
        """Proposed, acknowledged, validated."""
        self.propose(state)
        return self.game.apply(state)

    def resume(self, trader: State, broker: State, key: str = "broker signer") -> None:
        nonces = bytes.fromhex(f"{self.connection:064x}"), bytes.fromhex(f"{1_000 + self.connection:064x}")
        rows = []
        for state, name, pair in ((trader, "trader signer", nonces), (broker, key, nonces[::-1])):
            digest = self.game.digest(state)
            struct = Resume(state.channel, state.increment, digest, *pair)
            signature = sign(KEYS[name], self.game.domain.digest(struct))
            rows.append(
                {
                    "increment": state.increment,
                    "digest": codec.show_hex(digest),
                    "signature": codec.show_hex(signature),
                }
            )
        self.ask(TRADER, "resume", {"channel": codec.show_hex(trader.channel), **rows[0]}, rows[1])

    def create(self) -> State:
        return self.game.create(self.game.intent(amount=10**16))

    def verdict(self) -> Verdict:
        return judge(self.file, 31337, codec.show_hex(CONTRACT))


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    """Set up and two states on."""
    made = Tape(tmp_path / "tape")
    made.connect()
    made.setup()
    made.propose(made.game.setup)
    made.play(made.create())
    made.play(made.create())
    return made


def test_an_honest_story_with_lost_answers_is_acquitted(tape: Tape) -> None:
    """The wallet dies with its ACK on disk and unsent; the broker shows the same state and gets the same bytes."""
    before = tape.game.last
    third = tape.create()
    tape.propose(third, ack=False)
    tape.connect()
    tape.resume(third, before)
    tape.play(third)
    fourth = tape.create()
    tape.propose(fourth)  # acknowledged on the wire, but the broker dies before he reads it
    tape.connect()
    tape.game.apply(fourth)
    tape.resume(fourth, third)
    tape.propose(fourth)
    tape.play(tape.create())
    verdict = tape.verdict()
    assert verdict.findings == []
    assert (verdict.states, verdict.resumes, verdict.connections) == (6, 2, 3)
    assert verdict.rate > 20


def test_a_refused_state_and_its_void_are_no_crime(tape: Tape) -> None:
    game = tape.game
    refused = tape.create()
    void = game.void(refused)
    typed_void = game.domain.digest(void)
    shown = {"envelope": codec.envelope(void), "state": codec.state_array(void)}
    signatures = {name: codec.show_hex(sign(KEYS[name], typed_void)) for name in ("trader signer", "broker signer")}
    broker = codec.show_hex(sign(KEYS["broker signer"], game.domain.digest(refused)))
    channel = codec.show_hex(game.channel)
    params = {"channel": channel, "envelope": codec.envelope(refused), "state": codec.state_array(refused)}
    answer = {"refuse": shown | {"signature": signatures["trader signer"]}}
    tape.ask(BROKER, "propose", params | {"signature": broker, "intents": []}, answer)
    last = game.last
    ack = {"channel": channel, "increment": void.increment, "digest": codec.show_hex(typed_void.digest)}
    tape.ask(BROKER, "ack", ack | {"signature": signatures["broker signer"]}, None)
    tape.connect()
    tape.resume(last, void)  # the countersignature was lost: the trader is one void behind
    game.apply(void, Role.TRADER)
    tape.play(tape.create())
    verdict = tape.verdict()
    assert verdict.findings == []
    assert verdict.states == 5


def two_by_broker(tape: Tape) -> None:
    tape.propose(tape.create(), ack=False)
    tape.propose(tape.create(), ack=False)


def two_by_trader(tape: Tape) -> None:
    first = tape.create()
    second = replace(first, time=first.time + 1)
    tape.propose(first)
    tape.connect()
    tape.propose(second)


def trader_forgets(tape: Tape) -> None:
    (before, _), (last, _) = tape.game.states[-2:]
    tape.connect()
    tape.resume(before, last)


def broker_forgets(tape: Tape) -> None:
    (first, _), _, (last, _) = tape.game.states
    tape.connect()
    tape.resume(last, first)


def broker_goes_on_elsewhere(tape: Tape) -> None:
    (before, _), (last, _) = tape.game.states[-2:]
    tape.connect()
    tape.resume(last, before)
    tape.propose(replace(last, time=last.time + 5, increment=last.increment + 1), ack=False)


def dropped_from_the_chain(tape: Tape) -> None:
    (before, _), (last, _) = tape.game.states[-2:]
    skipping = replace(last, increment=last.increment + 1, previous=tape.game.digest(before), time=last.time + 1)
    tape.propose(skipping)


def chain_without_beginning(tape: Tape) -> None:
    tape.propose(replace(tape.create(), previous=b"\x07" * 32))


def signed_by_a_stranger(tape: Tape) -> None:
    tape.propose(tape.create(), trader="stranger")


def signed_by_the_other_role(tape: Tape) -> None:
    tape.propose(tape.create(), broker="trader signer")


def resumed_by_a_stranger(tape: Tape) -> None:
    tape.connect()
    tape.resume(tape.game.last, tape.game.last, key="stranger")


def resumed_with_old_nonces(tape: Tape) -> None:
    tape.connect()
    tape.resume(tape.game.last, tape.game.last)
    said = next(said.value for said in messages(tape.file) if said.value.get("method") == "resume")
    tape.connect()
    tape.ask(TRADER, "resume", said["params"], None)


CRIMES: list[tuple[Callable[[Tape], None], str]] = [
    (two_by_broker, "the broker signed two digests at 3"),
    (two_by_trader, "the trader signed two digests at 3"),
    (trader_forgets, "the trader resumes at 1 after having held 2"),
    (broker_forgets, "the broker resumes at 0 after having held 1"),
    (broker_goes_on_elsewhere, "did not show state"),
    (dropped_from_the_chain, "acknowledged and lost: states [2]"),
    (chain_without_beginning, "not at its setup"),
    (signed_by_a_stranger, "a signature that is not by the trader"),
    (signed_by_the_other_role, "a signature that is not by the broker"),
    (resumed_by_a_stranger, "a resume not signed by the broker"),
    (resumed_with_old_nonces, "a resume not signed by the trader"),
]


@pytest.mark.parametrize(("crime", "finding"), CRIMES, ids=[crime.__name__ for crime, _ in CRIMES])
def test_each_crime_is_found(tape: Tape, crime: Callable[[Tape], None], finding: str) -> None:
    assert tape.verdict().findings == []
    crime(tape)
    findings = tape.verdict().findings
    assert any(finding in found for found in findings), findings


def test_a_message_that_was_never_finished_proves_nothing(tape: Tape) -> None:
    count = len(list(messages(tape.file)))
    whole = frame(json.dumps({"jsonrpc": "2.0", "id": 99, "result": {"ack": ZERO}}).encode(), masked=True)
    tape.write(TO_BROKER, whole[:-1])
    assert len(list(messages(tape.file))) == count


@given(st.lists(st.text(max_size=200), max_size=6), st.integers(1, 50), st.booleans())
def test_frames_are_found_however_the_bytes_are_cut(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], step: int, masked: bool
) -> None:
    tape = Tape(tmp_path_factory.mktemp("cut") / "tape")
    whole = GREETING + b"".join(frame(json.dumps(text).encode(), masked=masked) for text in texts)
    for at in range(0, len(whole), step):
        tape.write(TO_BROKER, whole[at : at + step])
    assert [said.value for said in messages(tape.file)] == texts


@given(strategies.states)
def test_its_digest_of_a_state_is_eth_accounts(state: State) -> None:
    check_digest("State", typed.state_message(codec.envelope(state), codec.state_array(state)))


@given(strategies.terms)
def test_its_digest_of_terms_is_eth_accounts(terms: Terms) -> None:
    message = typed.terms_message(codec.show_terms(terms))
    check_digest("Terms", message | {"nonce": int(message["nonce"])})


def check_digest(name: str, message: dict[str, Any]) -> None:
    contract = codec.show_hex(CONTRACT)
    found = typed.digest(typed.domain_separator(31337, contract), name, message)
    encoded = encode_typed_data(full_message=typed.typed_data(31337, contract, name, message))
    assert found == "0x" + _hash_eip191_message(encoded).hex()


def test_the_recorder_changes_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    said = bytes(range(256)) * 4_000

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            got = b""
            while len(got) < len(said):
                got += connection.recv(65_536)
            connection.sendall(got[::-1])

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with Recorder(tmp_path / "tape", server.getsockname()) as recorder:
        with socket.create_connection(("127.0.0.1", recorder.port), timeout=60) as client:
            client.sendall(said)
            got = b""
            while piece := client.recv(65_536):
                got += piece
        thread.join(10)
    assert got == said[::-1]
    rows = list(chunks(tmp_path / "tape"))
    assert b"".join(data for _, _, direction, data in rows if direction == TO_BROKER) == said
    assert b"".join(data for _, _, direction, data in rows if direction == TO_TRADER) == got


@pytest.mark.parametrize(
    ("signed", "code", "guilty"), [(True, "RESUME_BEHIND", 1), (True, "BUSY", 0), (False, "RESUME_BEHIND", 0)]
)
def test_a_broker_who_has_not_what_he_signed_is_convicted(tape: Tape, signed: bool, code: str, guilty: int) -> None:
    state = tape.create()
    if signed:
        tape.propose(state)
    tape.connect()
    standing = {"channel": codec.show_hex(state.channel), "increment": state.increment}
    digest = codec.show_hex(tape.game.digest(state))
    tape.ids += 1
    nonces = bytes.fromhex(f"{tape.connection:064x}"), bytes.fromhex(f"{1_000 + tape.connection:064x}")
    struct = Resume(state.channel, state.increment, tape.game.digest(state), *nonces)
    signature = sign(KEYS["trader signer"], tape.game.domain.digest(struct))
    resume = {**standing, "digest": digest, "signature": codec.show_hex(signature)}
    tape.say(TRADER, {"id": tape.ids, "method": "resume", "params": resume})
    tape.say(BROKER, {"id": tape.ids, "error": {"code": -32000, "message": "", "data": {"code": code, "params": {}}}})
    findings = tape.verdict().findings
    assert sum("knows nothing of state" in finding for finding in findings) == guilty
