"""The watch package: written from a journal, opened elsewhere, and kept watch by without owner, journal or broker."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from tests.chain.evm import actor
from tests.chain.live import ETHER, USDT, Live, run
from tests.chain.scenario import BROKER, BROKER_SIGNER, TRADER, TRADER_SIGNER, Session
from wallet.app import watching
from wallet.app.watching import MAGIC, Lookout
from wallet.chain import calls, token
from wallet.chain.client import Status
from wallet.chain.guard import Act
from wallet.history.journal import ChannelRecord, Entry, Journal
from wallet.history.journal import Status as Recorded
from wallet.history.reader import HistoryReader
from wallet.keys import kdf
from wallet.keys.package import seal_package
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError
from wallet.protocol.state import State
from wallet.protocol.terms import NATIVE, Role

GAS = actor("gas")
PASSWORD = Secret("for the other machine")
CHEAP = kdf.KdfParams(memory_kib=8 * 1024, passes=1, lanes=1)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_package, "__defaults__", (CHEAP,))


def journal_of(path: Path, session: Session, *states: State) -> None:
    """A history of one open channel with these states, each signed by both."""
    journal = Journal.open(path)
    domain = session.domain
    journal.add_channel(
        ChannelRecord(session.channel, Role.TRADER, domain.chain_id, domain.contract, session.terms, "open", 1)
    )
    for state in states:
        trader, broker = session.sign(TRADER_SIGNER, state), session.sign(BROKER_SIGNER, state)
        issuer = Role.BROKER
        journal.record(Entry(state, session.digest(state), issuer, Recorded.VALIDATED, broker, trader, own=True))
    journal.close()


def exported(tmp_path: Path, session: Session, nodes: tuple[str, ...]) -> Path:
    file = tmp_path / "channels.watch"
    with HistoryReader(tmp_path / "journal.db") as reader:
        watching.export(reader, session.domain, nodes, GAS.key.secret, PASSWORD, file)
    return file


def test_a_second_machine_answers_settles_and_pays_out_with_the_package_alone(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        await live.stock_broker()
        await live.node.fund(GAS.address, native=ETHER // 100)
        session = await live.session()
        await live.adjudicator.open(
            live.sender(TRADER), session.terms, session.time, *session.signatures(session.setup)
        )
        stale, best = session.state(1), session.state(2, {NATIVE: (0, 77), live.usdt: (9, 0)})
        journal_of(tmp_path / "journal.db", session, session.setup, stale, best)
        file = exported(tmp_path, session, (live.node.url,))
        assert file.stat().st_mode & 0o077 == 0
        await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))

        package = watching.load(file, PASSWORD)
        elsewhere = Lookout(package, tmp_path / "elsewhere.sent", ("http://127.0.0.1:9",), lambda: None)
        try:
            assert elsewhere.watcher.gas_address == GAS.address
            await elsewhere.watcher.look()
            assert (await live.adjudicator.channel(session.channel)).increment == 2
            await live.travel(session.terms.challenge_period + 1)
            before = {asset: await token.balance(live.rpc, asset, TRADER.address) for asset in (NATIVE, live.usdt)}
            await elsewhere.watcher.look()
            await elsewhere.watcher.look()
            assert (await live.adjudicator.channel(session.channel)).status is Status.SETTLED
            for asset, due in ((NATIVE, ETHER // 10 + 77), (live.usdt, 1_000 * USDT - 9)):
                assert await token.balance(live.rpc, asset, TRADER.address) == before[asset] + due
            assert [deed.act for deed in elsewhere.watcher.deeds] == [Act.ANSWER, Act.SETTLE, *[Act.PAY_OUT] * 2]
        finally:
            await elsewhere.close()

    run(tmp_path, body)


def test_who_has_the_package_can_only_answer_settle_and_pay_out_to_the_owner(tmp_path: Path) -> None:
    """All that it sends in a whole dispute; and what the contract makes of the rest, tried with its key."""

    async def body(live: Live) -> None:
        await live.stock_broker()
        await live.node.fund(GAS.address, native=ETHER // 10)
        session = await live.session()
        await live.adjudicator.open(
            live.sender(TRADER), session.terms, session.time, *session.signatures(session.setup)
        )
        stale, best = session.state(1), session.state(2, {NATIVE: (0, 77)})
        journal_of(tmp_path / "journal.db", session, session.setup, stale, best)
        package = watching.load(exported(tmp_path, session, (live.node.url,)), PASSWORD)
        assert all(one.leaving is None for one in package.guarded())  # no mandate goes with it
        thief, trader = live.sender(GAS), session.terms.trader
        address, proof = live.adjudicator.address, session.both(best)
        for call in (
            calls.challenge(address, session.terms, best, proof),
            calls.withdraw(address, NATIVE, 1, GAS.address),
            calls.settle(address, session.terms, best.outcomes),
            calls.close(address, session.terms, best, proof.trader_signature, proof.broker_signature),
        ):
            with pytest.raises(WalletError, match="RPC_REVERTED"):
                await thief.send(call)
        await live.adjudicator.challenge(live.sender(BROKER), session.terms, stale, session.both(stale))
        elsewhere = Lookout(package, tmp_path / "elsewhere.sent", (), lambda: None)
        try:
            await elsewhere.look()
            await live.travel(session.terms.challenge_period + 1)
            for _ in range(3):
                await elsewhere.look()
            with pytest.raises(WalletError, match="RPC_REVERTED"):
                await thief.send(calls.withdraw(address, NATIVE, 1, GAS.address))
            rows = elsewhere._store.rows("SELECT raw FROM transactions")
            sent = [TypedTransaction.from_bytes(HexBytes(raw)).as_dict() for (raw,) in rows]
        finally:
            await elsewhere.close()
        allowed = {calls.function(name).selector for name in ("respond", "settle", "pushCredit")}
        assert {(bytes(row["to"]), row["value"]) for row in sent} == {(address, 0)}
        assert {bytes(row["data"])[:4] for row in sent} == allowed
        paid = [bytes(row["data"]) for row in sent if bytes(row["data"])[:4] == calls.function("pushCredit").selector]
        assert len(paid) == 2
        assert all(trader in data for data in paid)

    run(tmp_path, body)


def scene() -> Session:
    from tests.chain.scenario import make_terms
    from wallet.protocol.eip712 import Domain
    from wallet.protocol.terms import Asset

    now = 1_900_000_000
    terms = make_terms((Asset(NATIVE, 50, 50), Asset(b"\x22" * 20, 60, 60)), now)
    return Session(Domain(31337, b"\x0a" * 20), terms, now)


def test_it_holds_no_key_but_the_gas_key(tmp_path: Path) -> None:
    session = scene()
    journal_of(tmp_path / "journal.db", session, session.setup, session.state(1))
    package = watching.load(exported(tmp_path, session, ("http://127.0.0.1:1",)), PASSWORD)
    assert package.gas_key == GAS.key.secret
    assert GAS.key.secret.hex() not in repr(package)
    assert [one.state.increment for one in package.proofs] == [1]
    assert all(one.pay_out for one in package.guarded())


def test_a_setup_alone_is_guarded_without_a_proof(tmp_path: Path) -> None:
    session = scene()
    journal_of(tmp_path / "journal.db", session, session.setup)
    (guarded,) = watching.load(exported(tmp_path, session, ("http://127.0.0.1:1",)), PASSWORD).guarded()
    assert guarded.best is None


def test_nothing_to_watch_writes_nothing(tmp_path: Path) -> None:
    session = scene()
    Journal.open(tmp_path / "journal.db").close()
    with pytest.raises(WalletError, match="WATCH_NOTHING"):
        exported(tmp_path, session, ("http://127.0.0.1:1",))
    assert not (tmp_path / "channels.watch").exists()


@pytest.mark.parametrize(
    ("contents", "code"),
    [
        (b"", "JSON_"),
        (b"[]", "PACKAGE_FORM"),
        (b'{"gasKey":"0x00","nodes":[],"proofs":[]}', "PACKAGE_FORM"),
        (b'{"gasKey":"0x' + b"11" * 32 + b'","nodes":["http://a"],"proofs":[]}', "PACKAGE_FORM"),
        (b'{"gasKey":"0x' + b"11" * 32 + b'","nodes":["http://a"],"proofs":[{}]}', "PROOF_FORM"),
        (b'{"gasKey":"0x' + b"11" * 32 + b'","nodes":["http://a"],"proofs":[],"more":1}', "PACKAGE_FORM"),
        (b'{"gasKey":"0x' + b"11" * 32 + b'","gasKey":1,"nodes":["http://a"],"proofs":[]}', "JSON_"),
    ],
)
def test_a_package_of_nonsense_is_refused(tmp_path: Path, contents: bytes, code: str) -> None:
    file = tmp_path / "x.watch"
    file.write_bytes(seal_package(MAGIC, PASSWORD, contents))
    with pytest.raises(WalletError, match=code):
        watching.load(file, PASSWORD)


def test_a_proof_in_it_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    session = scene()
    journal_of(tmp_path / "journal.db", session, session.setup, session.state(1))
    package = watching.open_package(MAGIC, exported(tmp_path, session, ("http://127.0.0.1:1",)).read_bytes(), PASSWORD)
    value = msgspec.json.decode(package)
    value["proofs"][0]["signatures"]["broker"] = value["proofs"][0]["signatures"]["trader"]
    file = tmp_path / "y.watch"
    file.write_bytes(seal_package(MAGIC, PASSWORD, msgspec.json.encode(value)))
    with pytest.raises(WalletError, match="PROOF_SIGNATURE"):
        watching.load(file, PASSWORD)
