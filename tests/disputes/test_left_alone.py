"""Real processes on anvil: trade with `broker run`, leave; a broker who cheats and is never seen again.

The wallet is closed when the broker shows an old state. One trader then starts his window, one has a watch package on
another machine, and one leaves by himself; each gets what his last state says, to the unit. What arrived is read from
the chain by programs that know nothing of the wallet. Pictures and figures are written to the results.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.chains import travel
from tests.disputes.cheating import Cheat, by_the_broker, by_the_trader
from tests.end_to_end.outside import Chain
from tests.end_to_end.screen import Screen
from tests.operators.operated import ETH, PASSWORD, ROOT, USDT, Ground, Running, founded, ground

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
NATIVE = "0x" + "00" * 20
PERIOD = 3_600
GIVEN = {"ETH": 10 * ETH, "USDT": 50_000 * USDT}
RESULTS = ROOT / ".cache" / "results"
PATIENCE = 120.0
HANDS = all(map(shutil.which, ("Xvfb", "xdotool", "import")))


class Market:
    """A broker of one's own, and traders with open channels who have traded with one another."""

    def __init__(self, there: Ground) -> None:
        self.there = there
        self.config = founded(there, challenge_period=str(PERIOD))
        self.broker = Running(there, self.config)
        self.accounts: dict[str, str] = {}

    def folder(self, name: str) -> str:
        return str(self.there.folder / name)

    def join(self, name: str) -> None:
        self.accounts[name] = self.there.trader(name)
        profile = self.broker.ready["profile"]
        funds = ("--allocate", "ETH=1", "--allocate", "USDT=3000")
        self.there.ask("channel", "open", "--profile", self.folder(name), "--broker", profile, *funds)

    def ask(self, name: str, *arguments: str) -> dict[str, Any]:
        return self.there.ask(*arguments, "--profile", self.folder(name))

    def trade(self, seller: str, buyer: str, amount: str, price: str) -> None:
        """The seller stays with his order until it is filled."""
        order = ("order", "sell", "ETH/USDT", amount, "--limit", price, "--post-only", "--stay", "--json")
        process = subprocess.Popen(
            self.there.command(*order, "--profile", self.folder(seller)),
            env=self.there.variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                bought = self.ask(buyer, "order", "buy", "ETH/USDT", amount, "--limit", price, "--ioc")
                if bought["status"] == "filled":
                    break
                assert time.monotonic() < deadline, bought
            said, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            process.wait()
        assert json.loads(said)["status"] == "filled", said

    def due(self, name: str) -> dict[str, int]:
        """What his last state pays him, by symbol."""
        symbols = {NATIVE: "ETH", self.there.token.lower(): "USDT"}
        _, balances, orders, _ = self.ask(name, "channel", "show")["state"]
        assert orders == []
        return {symbols[asset]: int(available) + int(locked) for asset, available, locked in balances}

    def assert_paid(self, name: str, due: dict[str, int]) -> dict[str, int]:
        """To the unit: what he was given, less what he brought, and what his last state pays; gas apart."""
        chain, account = Chain(self.there.url), self.accounts[name]
        brought = {"ETH": ETH, "USDT": 3_000 * USDT}
        found = {"ETH": chain.balance(account, NATIVE), "USDT": chain.balance(account, self.there.token)}
        spent = {"ETH": chain.gas_spent(account), "USDT": 0}
        wanted = {symbol: GIVEN[symbol] - brought[symbol] + due[symbol] - spent[symbol] for symbol in GIVEN}
        assert found == wanted
        return found

    def until_paid(self, name: str, due: dict[str, int]) -> dict[str, int]:
        """Waits for the tokens, which cost no gas, then looks at everything."""
        chain = Chain(self.there.url)
        wanted = GIVEN["USDT"] - 3_000 * USDT + due["USDT"]
        until(lambda: chain.balance(self.accounts[name], self.there.token) == wanted, f"{name} is paid")
        native = lambda: chain.balance(self.accounts[name], NATIVE)  # noqa: E731
        until(lambda: native() > GIVEN["ETH"] - ETH + due["ETH"] - ETH // 10, f"{name} is paid in ether")
        return self.assert_paid(name, due)

    def recorded(self, cheat: Cheat) -> tuple[str, int]:
        """Standing and number that the contract has for a channel, asked without the wallet."""
        from eth_abi.abi import decode
        from eth_utils import keccak

        data = "0x" + keccak(b"channel(bytes32)")[:4].hex() + cheat.channel[2:]
        contract = Chain(self.there.url).web3.to_checksum_address(self.there.contract)
        found = Chain(self.there.url).web3.eth.call({"to": contract, "data": data})  # type: ignore[typeddict-item]
        status, _, increment, _ = decode(("uint8", "uint64", "uint64", "bytes32"), bytes(found))
        return ("none", "open", "disputed", "settled")[status], increment


@contextmanager
def market(folder: Path) -> Iterator[Market]:
    with ground(folder, "--block-time", "1") as there:
        found = Market(there)
        try:
            yield found
        finally:
            found.broker.kill()


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never came to be: {what}"
        time.sleep(0.3)


def write_results(name: str, row: dict[str, Any]) -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / name).write_text(json.dumps({"commit": commit.stdout.strip(), **row}, indent=2) + "\n")


def test_open_trade_finalize_withdraw(tmp_path: Path) -> None:
    with market(tmp_path) as there:
        for name in ("anna", "ben"):
            there.join(name)
        there.trade("anna", "ben", "0.25", "3000")
        there.trade("ben", "anna", "0.1", "3100")
        paid = {}
        for name in ("anna", "ben"):
            due = there.due(name)
            there.ask(name, "channel", "finalize")
            there.ask(name, "channel", "withdraw")
            paid[name] = there.assert_paid(name, due)
        status = there.there.ask("broker", "status", "--config", str(there.config))
        assert [row["phase"] for row in status["channels"]] == []
        assert there.broker.stop() == 0
        write_results("anvil-cooperative.json", {"paid": paid})


def _unlock(screen: Screen) -> None:
    screen.click("open.password")
    screen.type(PASSWORD)
    screen.key("Return")
    screen.until(lambda rects: rects.get("strip", {}).get("visible", False), "the trading room", PATIENCE)


@contextmanager
def window(screen: Screen, there: Market, name: str, output: Path) -> Iterator[None]:
    """The program's window on a profile, its password typed; ended as its user does."""
    with output.open("wb") as stream:
        process = subprocess.Popen(
            there.there.command("--profile", there.folder(name)),
            cwd=ROOT,
            env=there.there.variables_for(screen.environment()),
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            _unlock(screen)
            yield
        finally:
            process.terminate()
            process.wait(60)
    assert "Traceback" not in output.read_text()


@pytest.mark.skipif(not HANDS, reason="needs Xvfb, xdotool, import")
def test_a_broker_who_cheats_and_is_never_seen_again(tmp_path: Path) -> None:
    with market(tmp_path) as there:
        for name in ("anna", "ben", "carl"):
            there.join(name)
        there.trade("anna", "ben", "0.2", "3000")
        there.trade("ben", "anna", "0.1", "2900")
        there.trade("carl", "ben", "0.3", "3050")
        due = {name: there.due(name) for name in there.accounts}
        package = there.folder("ben.watch")
        there.ask("ben", "watch", "export", package)

        # every wallet is closed; the broker stops, shows old states, and is gone for good
        there.broker.kill()
        cheats = {name: by_the_broker(there.config, there.accounts[name]) for name in ("anna", "ben")}
        shutil.rmtree(there.config.parent)
        for cheat in cheats.values():
            assert there.recorded(cheat) == ("disputed", cheat.shown)
            assert cheat.shown < cheat.best

        watcher = _watch(there, package, tmp_path / "watch.txt")
        try:
            pictures = Path(os.environ.get("CHANNEL_WALLET_PICTURES", RESULTS / "anvil-cheated"))
            shutil.rmtree(pictures, ignore_errors=True)  # what an earlier run saw is not there now
            pictures.mkdir(parents=True)
            screen = Screen(pictures)
            try:
                _in_the_window(screen, there, cheats["anna"], due["anna"], tmp_path)
            finally:
                screen.close()
            until(lambda: there.recorded(cheats["ben"])[0] == "settled", "ben's watch settles")
            there.until_paid("ben", due["ben"])
            assert watcher.wait(PATIENCE) == 0
        finally:
            watcher.kill()
            watcher.wait()

        # and one whom nobody cheated, who just leaves: no broker is there to sign
        left = there.ask("carl", "channel", "exit")
        assert left["deadline"] > 0
        travel(there.there.url, PERIOD + 1)
        there.ask("carl", "channel", "withdraw")
        paid = {name: there.until_paid(name, due[name]) for name in there.accounts}
        rows = {name: {"shown": cheat.shown, "best": cheat.best} for name, cheat in cheats.items()}
        write_results("anvil-cheated.json", {"period": PERIOD, "challenges": rows, "due": due, "paid": paid})


def _in_the_window(screen: Screen, there: Market, cheat: Cheat, due: dict[str, int], folder: Path) -> None:
    with window(screen, there, "anna", folder / "window.txt"):
        screen.until(lambda rects: rects.get("dispute.banner", {}).get("visible", False), "the banner of the dispute")
        screen.picture("1-banner")
        assert screen.text("dispute.title")
        until(lambda: there.recorded(cheat) == ("disputed", cheat.best), "the answer is on chain by itself")
        screen.picture("2-answered")
        travel(there.there.url, PERIOD + 1)
        until(lambda: there.recorded(cheat)[0] == "settled", "the channel is settled by itself")
        there.until_paid("anna", due)
        screen.until(lambda rects: rects.get("strip.session", {}).get("text") == "withdrawn", "the session withdrawn")
        screen.picture("3-paid")


def _watch(there: Market, package: str, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "wallet", "watch", "run", package],
            cwd=there.there.folder,
            env=there.there.variables,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )


def test_a_trader_who_cheats_a_broker_that_was_away(tmp_path: Path) -> None:
    with market(tmp_path) as there:
        for name in ("anna", "ben"):
            there.join(name)
        there.trade("anna", "ben", "0.2", "3000")
        there.trade("ben", "anna", "0.1", "2900")
        due = there.due("anna")
        assert there.broker.stop() == 0
        cheat = by_the_trader(Path(there.folder("anna")), there.there.url)
        assert there.recorded(cheat) == ("disputed", cheat.shown)
        there.broker = Running(there.there, there.config)
        until(lambda: there.recorded(cheat) == ("disputed", cheat.best), "the broker answers after its start")
        live = there.there.ask("broker", "status", "--config", str(there.config))
        (disputed,) = [row for row in live["channels"] if row["channel"] == cheat.channel]
        assert disputed["phase"] == "disputed"
        assert disputed["dispute"]["recorded"] == cheat.best
        travel(there.there.url, PERIOD + 1)
        until(lambda: there.recorded(cheat)[0] == "settled", "the broker settles")
        there.ask("anna", "channel", "withdraw")
        there.until_paid("anna", due)
        assert there.broker.stop() == 0
        text = there.there.run("broker", "status", "--config", str(there.config)).stdout
        assert cheat.channel[:10] not in text
        write_results("anvil-cheating-trader.json", {"shown": cheat.shown, "best": cheat.best, "due": due})
