"""The sandbox as a process: a market that is alive, in which a stranger can trade, and that survives a lot."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.chain_reader import ask, holdings
from tests.sandbox.sandbox_process import SandboxProcess, eventually, launch, listens, trader, watch
from wallet.app.account import Account
from wallet.protocol.terms import NATIVE
from wallet.session import broker_profile
from wallet.session.phases import Phase

pytestmark = pytest.mark.e2e

ETH, USDT = 10**18, 10**6
MARKET = "ETH/USDT"
FAUCET = {"ETH": 10 * ETH, "USDT": 50_000 * USDT, "WBTC": 10**8}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One for all tests that leave it as it was."""
    with SandboxProcess(tmp_path_factory.mktemp("sandbox") / "box") as process:
        yield process


async def _open(account: Account) -> None:
    await account.faucet()
    by_symbol = {token.symbol: token.address for token in account.broker.tokens}
    await account.open_channel([(NATIVE, 5 * ETH), (by_symbol["USDT"], 40_000 * USDT), (by_symbol["WBTC"], 0)])


async def _take(account: Account, side: str, amount: int) -> int:
    """Buys or sells ``amount`` from the makers; what is filled."""
    copy = await watch(account, MARKET)
    levels = copy.book.asks() if side == "buy" else copy.book.bids()
    order = await account.place_order(MARKET, side, levels[5][0], amount, "immediate_or_cancel")
    channel = account.open_channel_or_refuse()
    await eventually(lambda: _status(account, order) in ("filled", "cancelled"))
    return sum(
        fill.quantity
        for entry in account.journal.after(channel.id, -1, 1_000)
        for fill in entry.state.fills
        if fill.order == order
    )


def _status(account: Account, order: bytes) -> str:
    record = account.journal.intent(order)
    assert record is not None
    return record.status


def _wallet(account: Account) -> dict[str, int]:
    """What the owner has on chain, read by who knows nothing of the wallet."""
    tokens = {"0x" + token.address.hex(): token.symbol for token in account.broker.tokens}
    found = holdings(account.broker.rpc[0], "0x" + account.address.hex(), list(tokens))
    return {tokens[address]: amount for address, amount in found.items()}


def _gas(account: Account) -> int:
    """Wei that the owner's own transactions have cost, and those of his gas key, and what is left with that."""
    gas_key = "0x" + account.vault.gas_key().address.hex()
    cost = int(_result(account.broker.rpc[0], "eth_getBalance", gas_key, "latest"), 16)
    for (digest,) in account.journal.store.rows("SELECT hash FROM transactions"):
        receipt: Any = _result(account.broker.rpc[0], "eth_getTransactionReceipt", "0x" + digest.hex())
        cost += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    return cost


def _result(url: str, method: str, *params: object) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)["result"]


def test_says_where_everything_is(sandbox: SandboxProcess) -> None:
    profile = broker_profile.load(sandbox.profile)
    assert sandbox.ready == {
        "profile": str(sandbox.profile),
        "broker": profile.url,
        "rpc": profile.rpc[0],
        "chainId": profile.chain_id,
    }
    assert stat.S_IMODE(sandbox.profile.stat().st_mode) == 0o600
    assert profile.test
    assert profile.simulated
    assert {token.symbol: token.decimals for token in profile.tokens} == {"ETH": 18, "USDT": 6, "WBTC": 8}
    assert len(profile.offer.markets) == 2
    assert int(ask(profile.rpc[0], "eth_chainId"), 16) == profile.chain_id
    assert len(ask(profile.rpc[0], "eth_getCode", "0x" + profile.adjudicator.hex(), "latest")) > 1_000


def test_a_trader_comes_trades_and_leaves(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The whole path: coins, channel, a buy and a sale with the makers, an order cancelled, and out to the unit."""

    async def path() -> None:
        async with trader(tmp_path / "profile", sandbox.profile) as account:
            await _open(account)
            channel = account.open_channel_or_refuse()
            assert channel.last is not None
            assert [row.collateral > 0 for row in channel.terms.assets] == [True] * 3
            assert await _take(account, "buy", 2 * ETH) == 2 * ETH
            assert await _take(account, "sell", ETH // 2) == ETH // 2
            bid = (await watch(account, MARKET)).book.bids()[-1][0]
            order = await account.place_order(MARKET, "buy", bid // 2 // 10_000 * 10_000, ETH, "good_till_time")
            await eventually(lambda: _status(account, order) == "open")
            await account.cancel_order(order)
            await eventually(lambda: _status(account, order) == "cancelled")
            await account.finalize()
            outcomes = {row.asset: row.to_trader - row.to_broker for row in channel.last.state.outcomes}
            paid = await account.withdraw()
            assert Phase(channel.record.phase) is Phase.WITHDRAWN
            names = {token.address: token.symbol for token in account.broker.tokens}
            net = {names[asset]: amount for asset, amount in outcomes.items()}
            fee = 2 * ETH // 1_000
            assert net["ETH"] == 2 * ETH - fee - ETH // 2
            assert net["USDT"] < 0
            assert net["WBTC"] == 0
            assert paid == {
                row.asset: row.allocation + outcomes[row.asset] for row in channel.terms.assets if row.allocation
            }
            expected = {symbol: FAUCET[symbol] + net[symbol] for symbol in FAUCET}
            expected["ETH"] -= _gas(account)
            assert _wallet(account) == expected
            assert not channel.evidence.rows

    asyncio.run(path())


def test_the_market_moves(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """Both books are deep and move, trades come, and the charts have a past."""

    async def look() -> None:
        async with trader(tmp_path / "profile", sandbox.profile) as account:
            for market in ("ETH/USDT", "WBTC/USDT"):
                copy = await watch(account, market)
                await eventually(lambda copy=copy: min(len(copy.book.bids()), len(copy.book.asks())) >= 12)
                await eventually(lambda copy=copy: len(copy.candles) >= 300)
                seen, last = copy.book.bids(), copy.tape.last_id
                await eventually(lambda copy=copy, seen=seen: copy.book.bids() != seen)
                await eventually(lambda copy=copy, last=last: copy.tape.last_id > last)
                assert copy.book.problem is None

    asyncio.run(look())


def test_a_second_one_on_the_same_directory_is_refused(sandbox: SandboxProcess) -> None:
    second = launch(sandbox.profile.parent)
    out, complaint = second.communicate(timeout=60)
    assert (second.returncode, out) == (1, "")
    assert str(sandbox.profile.parent) in complaint
    assert "Traceback" not in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert all(map(listens, sandbox.ports))


@pytest.mark.parametrize("way", ["SIGTERM", "stdin", pytest.param("SIGINT", marks=pytest.mark.slow)])
def test_ends_and_leaves_nothing_behind(tmp_path: Path, way: str) -> None:
    with SandboxProcess(tmp_path / "box", "--until-stdin-closes") as process:
        assert all(map(listens, process.ports))
        assert _children(process.process.pid) == []  # nobody whom an end could leave behind
        if way == "stdin":
            assert process.process.stdin is not None
            process.process.stdin.close()
            process.process.stdin = None
            out, complaint = process.process.communicate(timeout=60)
            ended = process.process.returncode, out + complaint
        else:
            ended = process.stop(signal.Signals[way])
        assert ended == (0, "")
        assert not any(map(listens, process.ports))


@pytest.mark.slow
def test_ends_while_it_is_still_starting(tmp_path: Path) -> None:
    process = launch(tmp_path / "box")
    asyncio.run(eventually((tmp_path / "box" / "sandbox.json").exists))
    process.terminate()
    _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")


@pytest.mark.slow
def test_killed_and_started_again_it_goes_on(tmp_path: Path) -> None:
    """The same chain, contract, keys, ports; a trader's channel goes on, and so do the makers'."""

    async def path(box: Path) -> None:
        first = SandboxProcess(box)
        try:
            async with trader(tmp_path / "profile", first.profile) as account:
                await _open(account)
                assert await _take(account, "buy", ETH // 10) == ETH // 10
                channel, before = account.open_channel_or_refuse(), _channels(box)
                first.kill()
                await eventually(lambda: not account.link.live.online)
                second = SandboxProcess(box)
                try:
                    assert second.ready == first.ready
                    assert broker_profile.load(second.profile) == account.broker
                    await eventually(lambda: account.link.live.online and account.chain.online, 40)
                    assert await _take(account, "sell", ETH // 10) == ETH // 10
                    assert not channel.evidence.rows
                    await account.finalize()
                    await account.withdraw()
                    assert before <= _channels(box)
                finally:
                    assert second.stop() == (0, "")
        finally:
            if first.process.poll() is None:
                first.kill()

    asyncio.run(path(tmp_path / "box"))


@pytest.mark.slow
def test_a_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    """Another program got the port meanwhile: the sandbox takes a new one and says so in the profile."""
    with SandboxProcess(tmp_path / "box") as first:
        ports = first.ports
        first.stop()
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", ports[0]))
        thief.listen()
        with SandboxProcess(tmp_path / "box") as second:
            assert second.ports[0] != ports[0]
            assert second.ports[1] == ports[1]
            assert broker_profile.load(second.profile).url == second.ready["broker"]


@pytest.mark.slow
def test_another_releases_contract_is_refused(tmp_path: Path) -> None:
    """A directory whose channels live in another contract than this release deploys."""
    box = tmp_path / "box"
    with SandboxProcess(box) as first:
        first.stop()
    identity = json.loads((box / "sandbox.json").read_text())
    (box / "sandbox.json").write_text(json.dumps({**identity, "adjudicator": "A" * 26 + "A="}))
    with pytest.raises(RuntimeError) as refused:
        SandboxProcess(box)
    assert "Traceback" not in str(refused.value)
    assert "release" in str(refused.value)


def _channels(box: Path) -> set[bytes]:
    """The channels that the makers have, from their own journals."""
    found = set()
    for path in (box / "traders").glob("*.db"):
        with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as database:
            found |= {row[0] for row in database.execute("SELECT id FROM channels WHERE phase = 'open'")}
    return found


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(row.split()[0]) for row in listed.splitlines() if int(row.split()[1]) == pid]
