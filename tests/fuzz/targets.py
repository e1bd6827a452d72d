# ruff: noqa: PT017 - a target is no test of pytest's; the errors that may come are part of what it asserts
"""The fuzz targets: each takes any bytes, as a stranger may send them, and asserts what must hold of every answer.

A target returns or fails an assertion; the only errors that may come are those its reader documents. The corpora in
``corpus/`` are replayed by every test run, `python -m tests.fuzz` looks for more (needs atheris).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from coincurve import PublicKey

from tests.support.game import ONE, Game
from wallet.app import backup as backups
from wallet.chain.artifact import adjudicator
from wallet.chain.events import read_event
from wallet.chain.records import read_block, read_logs, read_receipt
from wallet.chain.rpc import _result
from wallet.keys import archive
from wallet.keys.image import VaultImage
from wallet.keys.kdf import ENCODED_BYTES
from wallet.keys.mnemonic import check_phrase
from wallet.keys.secret import Secret
from wallet.keys.sections import OwnerSection, Public, SessionSection, decode, encode
from wallet.market.depth import Delta, Snapshot
from wallet.market.replica import BookReplica
from wallet.protocol import codec, rules, strictjson
from wallet.protocol import proof as proofs
from wallet.protocol.amounts import MAX_AMOUNT, format_amount, parse_amount, parse_decimal
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order
from wallet.protocol.signatures import _address_of_point, check_form, recover_signer
from wallet.protocol.state import State
from wallet.protocol.terms import Terms, check_terms
from wallet.protocol.typed import TypedDigest
from wallet.sandbox.devnet import params as devnet
from wallet.sandbox.devnet.errors import RpcError
from wallet.session import broker_profile
from wallet.wire import market_messages, methods
from wallet.wire.frames import Notice, Reply, Request, Violation, parse
from wallet.wire.hosts import canonical_host, read_url
from wallet.wire.messages import Propose
from wallet.wire.proposals import ProposalReader

Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {}
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def target(function: Target) -> Target:
    TARGETS[function.__name__] = function
    return function


@contextmanager
def only(*prefixes: str) -> Iterator[None]:
    """Within, WalletErrors of these codes may come, and nothing else."""
    try:
        yield
    except WalletError as error:
        assert error.code.startswith(prefixes), error.code
        assert len(str(error)) < 5_000


def load(data: bytes) -> Any:
    """The value of a JSON text, or None."""
    with only("JSON_"):
        return strictjson.loads(data)
    return None


def fixed() -> Game:
    """The channel that fuzzed states and orders are shown to."""
    game = Game()
    buy = game.open()
    game.apply(game.trade(game.fill(buy, ONE // 4)))
    return game


GAME = fixed()


# --- protocol --------------------------------------------------------------------------------------------------------


@target
def strict_json(data: bytes) -> None:
    """What is read is what the lenient decoder reads, and reads again when written."""
    try:
        value = strictjson.loads(data)
    except WalletError as error:
        assert error.code.startswith("JSON_")
        return
    assert json.dumps(value) == json.dumps(json.loads(data))
    assert strictjson.loads(json.dumps(value).encode(), max_bytes=8 * len(data) + 64) == value


@target
def state(data: bytes) -> None:
    """A state has one form; its digest is a function of it; the rules have an answer to it, whatever it says."""
    value = load(data)
    if type(value) is not list or len(value) != 2:
        return
    with only("WIR-FORM"):
        found: State = codec.read_state(value[0], value[1])
        again = codec.read_state(codec.envelope(found), codec.state_array(found))
        assert again == found
        assert [codec.envelope(found), codec.state_array(found)] == value
        assert GAME.digest(found) == GAME.digest(again)
        for issuer in rules.Role:
            flag = rules.check(GAME.ground(), found, issuer)
            assert flag is None or (flag.code and flag.expected and flag.got and all(loss > 0 for _, loss in flag.cost))
        rules.check_void(GAME.ground(), found)
        rules.check_setup(GAME.terms, GAME.channel, found)


@target
def proposal(data: bytes) -> None:
    """The quick reader of proposals and the strict way come to the same, or the quick one stands aside."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    reader = ProposalReader()
    quick = reader(text, 1.0)
    if quick is None:
        return
    slow = parse(data, 1.0)
    assert isinstance(slow, Request)
    assert (quick.id, quick.frame.method, quick.frame.raw) == (slow.id, slow.frame.method, slow.frame.raw)
    message = Propose.read(slow.frame.params)
    assert isinstance(quick.frame.message, Propose)
    assert quick.frame.message.show() == message.show() == slow.frame.params
    assert GAME.digest(quick.frame.message.state) == GAME.digest(message.state)
    again = reader(text, 1.0)
    assert again is not None
    assert again.frame.message == quick.frame.message  # with what it remembers, too


@target
def signature(data: bytes) -> None:
    """A digest and what is said to be a signature: what recovers is strict, and its twin with the other s is not."""
    typed, signed = TypedDigest("State", data[:32].ljust(32, b"\0")), data[32:]
    with only("SIG-"):
        signer = recover_signer(typed, signed)
        assert len(signed) == 65
        assert signed[64] in (27, 28)
        assert check_form(signed) == signed
        s = int.from_bytes(signed[32:64], "big")
        assert 0 < s <= N // 2
        raw = signed[:64] + bytes([signed[64] - 27])
        key = PublicKey.from_signature_and_message(raw, typed.digest, hasher=None)
        assert _address_of_point(key.format(compressed=False)) == signer
        twin = signed[:32] + (N - s).to_bytes(32, "big") + bytes([55 - signed[64]])
        try:
            recover_signer(typed, twin)
        except WalletError as error:
            assert error.code == "SIG-HIGH-S"
        else:
            raise AssertionError("two signatures for one")


@target
def order(data: bytes) -> None:
    """Order intents and terms: one form, one digest, terms that pass can be kept."""
    value = load(data)
    with only("WIR-FORM"):
        signed = codec.read_signed_order(value)
        assert codec.show_signed_order(signed) == value
        found: Order = signed.order
        assert GAME.domain.digest(found) == GAME.domain.digest(codec.read_order(codec.show_order(found)))


@target
def terms(data: bytes) -> None:
    value = load(data)
    with only("WIR-FORM", "SET-", "AST-ORDER", "BAL-OVERFLOW"):
        found: Terms = codec.read_terms(value)
        assert codec.show_terms(found) == value
        assert len(GAME.domain.digest(found).digest) == 32
        check_terms(found)
        for row in found.markets:
            assert row.notional(row.tick_size, row.lot_size) * row.unit == row.tick_size * row.lot_size <= MAX_AMOUNT


@target
def proof(data: bytes) -> None:
    """A withdrawal proof: refused with a code of its own, or it holds and says who it pays."""
    value = load(data)
    with only("PROOF_"):
        found = proofs.parse(value)
        validated = proofs.verify(found)
        assert validated is not None


@target
def amount(data: bytes) -> None:
    """What people type and what JSON says: never rounded, one form on the wire."""
    text = data.decode("utf-8", "surrogateescape")
    with only("AMOUNT_FORM"):
        assert str(parse_amount(text)) == text
    for decimals in (0, 6, 18, 36):
        with only("DECIMAL_"):
            found = parse_decimal(text, decimals)
            assert 0 <= found <= MAX_AMOUNT
            assert parse_decimal(format_amount(found, decimals), decimals) == found


# --- wire ------------------------------------------------------------------------------------------------------------


@target
def frame(data: bytes) -> None:
    """A frame of the peer: no frame at all, or every message in it is refused or has one form."""
    try:
        found = parse(data, 1.0)
    except Violation as violation:
        assert violation.code == 1002
        assert len(violation.reason) <= 100
        return
    if isinstance(found, Reply):
        if isinstance(found.result, dict):
            for method in methods.METHODS.values():
                _one_form(method.result, found.result)
        return
    known: Any = methods.METHODS if isinstance(found, Request) else methods.NEWS
    assert isinstance(found, Request | Notice)
    kind = known.get(found.frame.method)
    if kind is not None:
        _one_form(kind.params, found.frame.params)


def _one_form(kind: Any, value: dict[str, Any]) -> None:
    with only("WIR-FORM"):
        message = kind.read(value)
        assert kind.read(message.show()) == message


@target
def profile(data: bytes) -> None:
    """A broker's profile: a stranger's file."""
    value = load(data)
    with only("BROKER_", "PROFILE_VERSION", "RPC_URL", "TOKEN_", "SET-", "AST-", "BAL-", "WIR-FORM"):
        found = broker_profile.parse(value)
        assert broker_profile.parse(broker_profile.show(found)) == found


@target
def address(data: bytes) -> None:
    """Addresses that may be dialled, and Host headers: both sides name one host alike."""
    text = data.decode("latin-1")
    host = canonical_host(text)
    assert host is None or canonical_host(host) == host
    with only("URL_", "BROKER_", "RPC_"):
        found = read_url(text)
        assert canonical_host(found.host) == found.host


@target
def book(data: bytes) -> None:
    """Snapshots and deltas: a copy that is shown is formed, uncrossed and as the checksum says."""
    value = load(data)
    if type(value) is not list:
        return
    replica = BookReplica()
    for row in value[:50]:
        with only("WIR-FORM"):
            if type(row) is dict and "prev_seq" in row:
                delta = market_messages.Depth.read(row)
                replica.apply(Delta(delta.prev_seq, delta.seq, delta.bids, delta.asks, delta.checksum))
            else:
                shot = market_messages.Snapshot.read(row)
                replica.load(Snapshot(shot.seq, shot.bids, shot.asks, shot.checksum))
        bids, asks = replica.bids(), replica.asks()
        if replica.problem is not None:
            assert not bids
            assert not asks
        assert all(price > 0 and quantity > 0 for price, quantity in (*bids, *asks))
        assert [price for price, _ in bids] == sorted({price for price, _ in bids}, reverse=True)
        assert [price for price, _ in asks] == sorted({price for price, _ in asks})
        assert not (bids and asks) or bids[0][0] < asks[0][0]


# --- chain -----------------------------------------------------------------------------------------------------------


@target
def rpc(data: bytes) -> None:
    """What a node answers: of the form that was asked for, or an error of ours."""
    value = load(data)
    with only("RPC_"):
        found = _result(value, 1, "eth_call")
        for read in (
            lambda: read_block(found),
            lambda: read_receipt(found, b"\x01" * 32),
            lambda: read_logs(found, "eth_getLogs", 1_000),
        ):
            with only("RPC_"):
                read()
        with only("RPC_"):
            for log in read_logs(found, "eth_getLogs", 1_000):
                with only("RPC_", "CHAIN_", "ABI_", "EVENT_"):
                    read_event(log)


@target
def devnet_call(data: bytes) -> None:
    """Parameters of the demo chain's calls."""
    value = load(data)
    for read in (
        lambda: devnet.octets(value, "0"),
        lambda: devnet.quantity(value, "0"),
        lambda: devnet.block(value, "0"),
        lambda: devnet.call(value),
        lambda: devnet.log_query(value),
    ):
        try:
            read()
        except RpcError as error:
            assert error.code == -32602


@target
def abi(data: bytes) -> None:
    """Words of the contract: any bytes are decoded whole, or refused."""
    for function in adjudicator().abi.functions.values():
        with only("RPC_", "CHAIN_", "ABI_"):
            function.decode_result(data)


# --- keys ------------------------------------------------------------------------------------------------------------


@target
def vault(data: bytes) -> None:
    """A file that may be a vault: its image has one form, its sections too, its cost is bounded before it is paid."""
    with only("KEYS_"):
        image = VaultImage.decode(data)
        assert image.encode() == data
        header = image.kdf_header()
        assert header.params.memory_kib * header.params.passes <= 2 * 1024 * 1024
    for kind in (Public, OwnerSection, SessionSection):
        with only("KEYS_"):
            section = decode(data, kind, "fuzz")
            assert decode(encode(section), kind, "fuzz") == section


@target
def backup(data: bytes) -> None:
    """A file that may be a backup, and what may be its list: bounded before any work, and no name leads outside."""
    with only("BACKUP_"):
        archive._kdf_header(archive._header(io.BytesIO(data))[len(archive.MAGIC) + 2 :][:ENCODED_BYTES])
    with only("BACKUP_"):
        assert archive.contents_size(len(data)) <= len(data)
    with only("BACKUP_"):
        _, rows = backups.read_listing(io.BytesIO(data), len(data))
        assert rows[0].name == backups.KEYS
        assert sum(row.size for row in rows) < len(data)
        for row in rows:
            assert not row.name.startswith(("/", "."))
            assert ".." not in row.name
            assert "\\" not in row.name


@target
def mnemonic(data: bytes) -> None:
    """What is typed as a recovery phrase: refused, or it has a normal form that is its own."""
    text = data.decode("utf-8", "surrogateescape")
    with only("KEYS_PHRASE_"):
        found = check_phrase(Secret(text))
        assert check_phrase(found).reveal() == found.reveal()
