"""The broker's file: what is written in one turn is on disk together, and nothing leaves before it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.support.game import KEYS, Game
from wallet.broker.ledger import Ledger
from wallet.history.journal import ChannelRecord, Entry, Status, mark_path
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import sign
from wallet.protocol.state import Transition, setup_state
from wallet.protocol.terms import Role
from wallet.protocol.transitions import contents_of, successor

PAIR = (b"\x01" * 20, b"\x02" * 20)


def with_channel(ledger: Ledger) -> bytes:
    game = Game()
    domain = game.domain
    with ledger.turn():
        record = ChannelRecord(game.channel, Role.BROKER, domain.chain_id, domain.contract, game.terms, "open", 1)
        ledger.journal.add_channel(record)
    return game.channel


def on_disk(path: Path) -> int:
    """Trades that another process would find."""
    with sqlite3.connect(path) as other:
        found: int = other.execute("SELECT count(*) FROM trades").fetchone()[0]
    other.close()
    return found


def test_a_turn_is_one_commit_and_sends_after_it(tmp_path: Path) -> None:
    async def body() -> None:
        path = tmp_path / "broker.db"
        ledger = Ledger(path, asyncio.get_running_loop().call_soon)
        sent: list[int] = []
        ledger.after_commit = lambda: sent.append(on_disk(path))
        for _ in range(3):
            with ledger.turn():
                ledger.add_trade(PAIR, 1, 0, 5, 6)
        assert on_disk(path) == 0
        assert sent == []
        await asyncio.gather(ledger.durable(), ledger.durable())
        assert sent == [3]
        ledger.close()

    asyncio.run(body())


def test_fills_from_queued_to_settled_or_carried(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "broker.db", lambda _: None)
    channel = with_channel(ledger)
    with ledger.turn():
        fills = [ledger.add_fill(channel, b"\x03" * 32, 10**70, quantity, 5, 1) for quantity in (1, 2, 3)]
        ledger.send_fills(fills[:2], 7)
    assert ledger.fills(channel) == [(fills[0], 7), (fills[1], 7), (fills[2], None)]
    ledger.settle_fills(fills[:1])
    ledger.carry_fills(fills[1:2], "refused")
    assert ledger.fills(channel) == [(fills[2], None)]
    assert ledger.carried() == 1
    ledger.close()


def fail_in_a_turn(ledger: Ledger) -> None:
    with ledger.turn():
        ledger.add_trade(PAIR, 1, 0, 5, 6)
        raise sqlite3.OperationalError("database or disk is full")


def test_after_a_failed_write_everything_is_refused(tmp_path: Path) -> None:
    async def body() -> None:
        ledger = Ledger(tmp_path / "broker.db", asyncio.get_running_loop().call_soon)
        channel, halted = with_channel(ledger), []
        await ledger.durable()
        ledger.on_failure = lambda: halted.append(1)
        with pytest.raises(WalletError, match="BROKER_HALTED"):
            fail_in_a_turn(ledger)
        assert halted == [1]
        with pytest.raises(WalletError, match="BROKER_HALTED"), ledger.turn():
            pass
        with pytest.raises(WalletError, match="BROKER_HALTED"):
            await ledger.durable()
        assert on_disk(tmp_path / "broker.db") == 0  # rolled back whole
        assert ledger.fills(channel) == []
        ledger.close()

    asyncio.run(body())


def test_who_waits_for_a_commit_that_fails_is_told(tmp_path: Path) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        ledger = Ledger(tmp_path / "broker.db", loop.call_soon)
        sent: list[int] = []
        ledger.after_commit = lambda: sent.append(1)

        def fail() -> None:
            raise sqlite3.OperationalError("disk I/O error")

        ledger.before_commit = fail
        with ledger.turn():
            ledger.add_trade(PAIR, 1, 0, 5, 6)
        with pytest.raises(WalletError, match="BROKER_HALTED"):
            await ledger.durable()
        assert sent == []
        ledger.close()

    asyncio.run(body())


def test_trades_come_back_in_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "broker.db", lambda _: None)
    with ledger.turn():
        made = [ledger.add_trade(PAIR, time, time % 2, 2**200, 3) for time in range(5)]
    assert ledger.trades(PAIR, 3) == made[2:]
    assert ledger.trades((PAIR[1], PAIR[0]), 3) == []
    ledger.close()


# --- the high-water mark ----------------------------------------------------------------------------------------------


def signed(path: Path, count: int) -> None:
    """A ledger that holds the first ``count`` states of a channel."""
    game = Game()
    ledger = Ledger(path, lambda _: None)
    if not ledger.journal.channels():
        with_channel(ledger)
    state = setup_state(game.terms, game.channel, 1_700_000_000)
    for number in range(count):
        typed = game.domain.digest(state)
        if ledger.journal.by_digest(game.channel, typed.digest) is None:
            signature = sign(KEYS["broker signer"], typed)
            entry = Entry(state, typed.digest, Role.BROKER, Status.VALIDATED, signature, signature, own=True)
            with ledger.turn():
                ledger.journal.record(entry)
            ledger.commit()
        contents = contents_of(state)
        state = successor(state, typed.digest, number + 1, Transition.CANCEL_ORDER, contents, state.time)
    ledger.close()


def code_of(path: Path) -> str:
    with pytest.raises(WalletError) as caught:
        Ledger(path, lambda _: None)
    return caught.value.code


def test_an_old_ledger_put_back_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    signed(path, 3)
    old = path.read_bytes()
    signed(path, 5)
    path.write_bytes(old)
    assert code_of(path) == "LEDGER_ROLLED_BACK"
    assert code_of(path) == "LEDGER_ROLLED_BACK"  # looking does not make it good


def test_a_ledger_without_its_wal_is_not_opened(tmp_path: Path) -> None:
    path, taken = tmp_path / "broker.db", tmp_path / "taken"
    signed(path, 2)
    ledger = Ledger(path, lambda _: None)
    shutil.copy(path, taken)  # while its last states are in the WAL alone
    ledger.close()
    signed(path, 4)
    path.unlink()
    shutil.copy(taken, path)
    assert code_of(path) == "LEDGER_ROLLED_BACK"


def test_the_mark_is_never_ahead_of_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    for count in range(6):
        signed(path, count)
        assert Ledger(path, lambda _: None).journal.lost() is None


def test_a_mark_that_cannot_be_kept_stops_the_broker(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    signed(path, 2)
    mark_path(path).unlink()
    mark_path(path).mkdir()
    assert code_of(path) == "STORE_FAILED"
