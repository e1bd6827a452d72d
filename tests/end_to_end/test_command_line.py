"""The whole path by the command line alone, from an installed wheel: keys to money back on chain, to the unit.

What the chain holds is read by web3; the withdrawal proof is used by a program that has no wallet.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.installed import Cli, Sandbox, install
from tests.end_to_end.outside import Chain

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ETH, USDT, WBTC = 10**18, 10**6, 10**8
GIVEN = {"ETH": 10 * ETH, "USDT": 50_000 * USDT, "WBTC": WBTC}  # by the faucet
ABOVE, FAR = "6000", "500"  # USDT for an ETH: crosses the book, rests in it
OPEN = ("ETH=2", "USDT=20000")


@dataclass(frozen=True)
class Place:
    """An installed program, a sandbox it started, and the chain in it as others see it."""

    program: Path
    sandbox: Sandbox
    folder: Path

    @property
    def chain(self) -> Chain:
        return Chain(self.sandbox.rpc)

    def trader(self, name: str, *allocations: str) -> tuple[Cli, dict[str, Any]]:
        """A new profile with coins and, if anything is allocated, an open channel; and what `keys create` said."""
        cli = Cli(self.program, self.folder / name)
        keys = cli("keys", "create")
        cli("faucet", "--broker", str(self.sandbox.profile))
        if allocations:
            chosen = [part for text in allocations for part in ("--allocate", text)]
            shown = cli("channel", "open", "--broker", str(self.sandbox.profile), *chosen)
            assert shown["status"] == "open"
        return cli, keys

    def home(self, account: str) -> dict[str, int]:
        """Base units by symbol in the account, with what it spent on gas given back."""
        chain = self.chain
        found = {symbol: chain.balance(account, token) for symbol, token in self.sandbox.tokens.items()}
        found["ETH"] += chain.gas_spent(account)
        return found

    def brought(self, state: list[Any]) -> dict[str, int]:
        """What the session brought, by symbol, from the outcomes of a state's array."""
        symbols = {token: symbol for symbol, token in self.sandbox.tokens.items()}
        return {symbols[asset]: int(to_trader) - int(to_broker) for asset, to_broker, to_trader in state[3]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("command-line")
    program = install(folder)
    sandbox = Sandbox(program, folder / "sandbox")
    try:
        yield Place(program, sandbox, folder)
    finally:
        assert sandbox.close() == 0


@pytest.fixture(scope="module")
def idle(place: Place) -> Cli:
    """A profile with an open channel and one resting order, that every refusal must leave as it is."""
    cli, _ = place.trader("idle", *OPEN)
    assert cli("order", "buy", "ETH/USDT", "0.1", "--limit", FAR, "--post-only")["status"] == "open"
    return cli


def buy_at_once(cli: Cli) -> dict[str, Any]:
    """0.1 ETH from whoever sells; the market makers may need a moment to be there."""
    deadline = time.monotonic() + 60
    while True:
        order = cli("order", "buy", "ETH/USDT", "0.1", "--limit", ABOVE, "--ioc")
        if order["filled"] != "0":
            return order
        assert time.monotonic() < deadline, "nobody sells"


def test_the_whole_path(place: Place) -> None:
    cli, keys = place.trader("whole", *OPEN)
    owner = keys["address"]
    assert len(keys["phrase"].split()) == 12
    assert cli("keys", "list")["accounts"][0]["address"] == owner

    bought = buy_at_once(cli)
    assert bought["status"] in ("filled", "cancelled")
    resting = cli("order", "buy", "ETH/USDT", "0.1", "--limit", FAR, "--post-only")
    assert (resting["status"], resting["filled"]) == ("open", "0")
    assert [row["id"] for row in cli("order", "list")["orders"]] == [resting["id"]]

    shown = cli("channel", "show")
    increment, balances, orders, outcomes = shown["state"]
    assert (shown["status"], shown["increment"]) == ("open", increment)
    assert [row[0] for row in orders] == [resting["id"]]
    assert {row[0]: row[2] for row in balances}[place.sandbox.tokens["USDT"]] == str(50 * USDT)
    won = place.brought(shown["state"])
    assert won["ETH"] > 0 > won["USDT"]
    assert len(outcomes) == 3

    assert cli("order", "cancel", "all") == {"cancelled": 1}
    assert cli("order", "list") == {"orders": []}
    assert cli("flags") == {"flags": []}
    last = cli("channel", "show")["increment"]
    assert cli("history", "verify") == {"verified": last + 1}
    assert [row["increment"] for row in cli("history", "list")["states"]] == list(range(last, -1, -1))
    assert cli("history", "export", str(place.folder / "history.json"))["exported"] == last + 1

    open_proof, final_proof = place.folder / "open.json", place.folder / "final.json"
    assert cli("proof", "export", str(open_proof))["increment"] == last
    final = cli("channel", "finalize")
    assert cli("proof", "export", str(final_proof))["increment"] == final["increment"] == last + 1
    worth = {file: cli("proof", "verify", str(file)) for file in (open_proof, final_proof)}
    assert [(row["valid"], row["final"]) for row in worth.values()] == [(True, False), (True, True)]

    before = place.home(owner)
    assert before["USDT"] == GIVEN["USDT"] - 20_000 * USDT
    cli("channel", "withdraw")
    brought = place.brought(final["state"])
    assert place.home(owner) == {symbol: GIVEN[symbol] + brought[symbol] for symbol in GIVEN}
    assert cli("channel", "show")["status"] == "withdrawn"


def test_a_proof_gets_the_money_without_the_wallet(place: Place) -> None:
    """Finalized, exported, and the profile locked away: web3 and eth-account do the rest."""
    cli, keys = place.trader("independent", *OPEN)
    buy_at_once(cli)
    final = cli("channel", "finalize")
    proof = place.folder / "independent.json"
    cli("proof", "export", str(proof))
    said = alone(place, proof, keys["phrase"])
    assert said["left"] == []
    assert len(said["sent"]) == 3  # close, and a withdrawal for each of the two assets it pays
    brought = place.brought(final["state"])
    assert brought["ETH"] > 0
    assert place.home(keys["address"]) == {symbol: GIVEN[symbol] + brought[symbol] for symbol in GIVEN}


@pytest.mark.slow
def test_a_proof_of_an_open_channel_wins_a_dispute_without_the_wallet(place: Place) -> None:
    """The broker may be gone: challenge, wait, settle, withdraw, all from the file."""
    cli, keys = place.trader("dispute", *OPEN)
    buy_at_once(cli)
    shown = cli("channel", "show")
    proof = place.folder / "dispute.json"
    cli("proof", "export", str(proof))
    said = alone(place, proof, keys["phrase"], WAIT="240")
    assert len(said["sent"]) == 4  # challenge, settle, two withdrawals
    brought = place.brought(shown["state"])
    assert place.home(keys["address"]) == {symbol: GIVEN[symbol] + brought[symbol] for symbol in GIVEN}


def alone(place: Place, proof: Path, phrase: str, **environment: str) -> dict[str, Any]:
    """Runs the script that has no wallet, where there is none to import."""
    script = Path(__file__).with_name("independent_proof.py")
    forbidden = "import sys; sys.modules['wallet'] = None; import runpy; sys.argv = sys.argv[1:]; "
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            forbidden + "runpy.run_path(sys.argv[0], run_name='__main__')",
            str(script),
            str(proof),
            place.sandbox.rpc,
        ],
        cwd=place.folder,
        env={**os.environ, "PHRASE": phrase, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


# --- what bad input gets ----------------------------------------------------------------------------------------------


def picture(profile: Path) -> dict[str, Any]:
    """Everything of a profile that must not change: its keys, its brokers, what is signed and asked for."""
    files = [profile / "keys.vault", *sorted((profile / "brokers").glob("*"))]
    found: dict[str, Any] = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()
    }
    if (profile / "history.db").exists():
        with sqlite3.connect(f"file:{profile / 'history.db'}?mode=ro", uri=True) as history:
            for table in ("channels", "states", "intents", "flags", "transactions"):
                if rows := history.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall():
                    found[table] = rows
        history.close()
    return found


def refused(cli: Cli, *arguments: str, largest_file: int | None = None) -> str:
    """A command that must be refused: exit code 1, one sentence, nothing changed. The sentence."""
    before = picture(cli.profile)
    said = cli.run(*arguments, "--profile", str(cli.profile), largest_file=largest_file)
    assert said.code == 1, said
    assert said.out == ""
    sentence = said.err.strip()
    assert sentence, said
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert len(sentence) > 20
    assert picture(cli.profile) == before
    return sentence


def quick(cases: Sequence[tuple[Any, ...]], names: set[str]) -> list[Any]:
    """The cases, those not of ``names`` for the slow run only: every one starts a whole program."""
    return [pytest.param(*case, id=case[0], marks=[] if case[0] in names else pytest.mark.slow) for case in cases]


def changed(place: Place, name: str, **changes: Any) -> str:
    """A broker profile like the sandbox's, but for some of what it says."""
    file = place.folder / f"{name}.json"
    file.write_text(json.dumps({**place.sandbox.broker, **changes}), encoding="utf-8")
    return str(file)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def opening(broker: str, allocation: str = "ETH=1") -> tuple[str, ...]:
    return "channel", "open", "--broker", broker, "--allocate", allocation


@pytest.mark.parametrize(
    ("order", "word"),
    [
        (("ETH/USDT", "0.1", "--limit", "500.001"), "multiple of"),  # no tick
        (("ETH/USDT", "0.00001", "--limit", "500"), "multiple of"),  # no lot
        (("ETH/USDT", "1000", "--limit", "500"), "available"),
        pytest.param(("ETH/USDT", "0.001", "--limit", "500"), "worth at least", marks=pytest.mark.slow),
        pytest.param(("ETH/USDT", "0.1", "--limit", "lots"), "number", marks=pytest.mark.slow),
        pytest.param(("ETH/USDT", "1e3", "--limit", "500"), "number", marks=pytest.mark.slow),
    ],
)
def test_an_order_that_no_state_could_open(idle: Cli, order: tuple[str, ...], word: str) -> None:
    assert word in refused(idle, "order", "buy", *order)


REFUSALS: list[tuple[str, Callable[[Place, Cli], str], str]] = [
    ("wrong password", lambda p, cli: refused(cli.with_password("wrong"), "order", "cancel", "all"), "password"),
    ("unknown market", lambda p, cli: refused(cli, "order", "buy", "DOGE/USDT", "1", "--limit", "1"), "DOGE"),
    ("no such order", lambda p, cli: refused(cli, "order", "cancel", "0x" + "11" * 32), "order"),
    ("a second channel", lambda p, cli: refused(cli, *opening(str(p.sandbox.profile))), "channel"),
    ("not final yet", lambda p, cli: refused(cli, "channel", "withdraw"), "final"),
    (
        "no such state",
        lambda p, cli: refused(cli, "proof", "export", str(p.folder / "no"), "--increment", "999"),
        "999",
    ),
    ("no proof", lambda p, cli: refused(cli, "proof", "verify", str(p.sandbox.profile)), "proof"),
    ("no file", lambda p, cli: refused(cli, "proof", "verify", str(p.folder / "missing")), "missing"),
    ("folder is no file", lambda p, cli: refused(cli, "history", "export", "/proc/history.json"), "can't be written"),
    ("keys again", lambda p, cli: refused(cli, "keys", "create"), "already"),
]


@pytest.mark.parametrize(("name", "attempt", "word"), quick(REFUSALS, {"wrong password", "not final yet", "no proof"}))
def test_what_an_open_channel_refuses(
    place: Place, idle: Cli, name: str, attempt: Callable[[Place, Cli], str], word: str
) -> None:
    sentence = attempt(place, idle)
    assert word.lower() in sentence.lower(), sentence


@pytest.mark.parametrize("room", [0, 20_000], ids=["none", "little"])
def test_a_full_disk(idle: Cli, room: int) -> None:
    """Nothing leaves that could not be kept."""
    sentence = refused(idle, "order", "buy", "ETH/USDT", "0.1", "--limit", FAR, largest_file=room)
    assert "history.db" in sentence, sentence
    assert len(idle("order", "list")["orders"]) == 1


def test_a_profile_in_use(idle: Cli) -> None:
    """The lock is the operating system's; whoever holds it keeps all others out."""
    with (idle.profile / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "in use" in refused(idle, "order", "cancel", "all")
    assert idle("order", "list")["orders"]


@pytest.fixture(scope="module")
def fresh(place: Place) -> Cli:
    """A profile with keys, that knows no broker yet."""
    cli = Cli(place.program, place.folder / "fresh")
    cli("keys", "create")
    return cli


WRONG_BROKERS: list[tuple[str, dict[str, Any], str]] = [
    ("dead broker", {"url": "ws://127.0.0.1:{port}"}, "127.0.0.1"),
    ("dead chain", {"rpc": ["http://127.0.0.1:{port}"]}, "127.0.0.1"),
    ("wrong chain id", {"chainId": 1}, "chain"),
    ("other code", {"adjudicator": "{USDT}"}, "contract"),
    ("no code", {"adjudicator": "0x" + "ab" * 20}, "contract"),
    ("another broker's key", {"brokerSigner": "0x" + "ab" * 20}, "broker"),
    ("plain connection to elsewhere", {"url": "ws://example.org:8000"}, "broker"),
    ("another format", {"format": "something/else"}, "broker"),
    ("a negative chain id", {"chainId": -1}, "broker"),
    ("an unknown key", {"surprise": 1}, "broker"),
    ("wrong decimals", {"tokens": "{decimals}"}, "USDT"),
]


@pytest.mark.parametrize(
    ("name", "changes", "word"), quick(WRONG_BROKERS, {"dead broker", "wrong chain id", "other code"})
)
def test_a_broker_who_is_not_what_he_says(
    place: Place, fresh: Cli, name: str, changes: dict[str, Any], word: str
) -> None:
    """Refused before anything is signed, and not remembered."""
    filled = {key: _fill(place, value) for key, value in changes.items()}
    sentence = refused(fresh, *opening(changed(place, name.replace(" ", "-"), **filled)))
    assert word.lower() in sentence.lower(), sentence


def _fill(place: Place, value: Any) -> Any:
    if value == "{decimals}":
        rows: list[dict[str, Any]] = place.sandbox.broker["tokens"]
        return [row | {"decimals": 18} if row["symbol"] == "USDT" else row for row in rows]
    if isinstance(value, list):
        return [_fill(place, item) for item in value]
    return value.format(port=closed_port(), **place.sandbox.tokens) if isinstance(value, str) else value


MALFORMED = [
    ("empty", ""),
    ("cut", "{"),
    ("list", "[]"),
    ("null", "null"),
    ("words", "not json"),
    ("key twice", '{"format": 1, "format": 2}'),
    ("deep", "[" * 100_000),
    ("no UTF-8", "\udcff"),
]


@pytest.mark.parametrize(("name", "text"), quick(MALFORMED, {"cut", "deep"}))
def test_a_malformed_profile_file(place: Place, fresh: Cli, name: str, text: str) -> None:
    file = place.folder / "malformed.json"
    file.write_bytes(text.encode(errors="surrogateescape"))
    refused(fresh, *opening(str(file)))


def test_more_than_there_is(place: Place, fresh: Cli) -> None:
    """By now the right profile has not been locked out by any of the wrong ones."""
    broker = str(place.sandbox.profile)
    assert fresh("faucet", "--broker", broker)["wallet"] == {"ETH": "10", "USDT": "50000", "WBTC": "1"}
    changed_key = changed(place, "changed", brokerSigner="0x" + "ab" * 20)
    assert "other facts" in refused(fresh, *opening(changed_key))
    assert "ETH" in refused(fresh, *opening(broker, "ETH=10.5"))
    assert "DOGE" in refused(fresh, *opening(broker, "DOGE=1"))
    assert refused(fresh, *opening(broker, "USDT=0.0000001"))
    assert refused(fresh, *opening(broker, "ETH=0"))


def test_no_keys_yet(place: Place) -> None:
    nobody = Cli(place.program, place.folder / "nobody")
    for arguments in (("order", "list"), ("channel", "show"), ("keys", "list"), opening(str(place.sandbox.profile))):
        refused(nobody, *arguments)
    assert not nobody.profile.exists()


def test_a_refusal_as_json(place: Place, idle: Cli) -> None:
    said = idle.run("order", "buy", "DOGE/USDT", "1", "--limit", "1", "--profile", str(idle.profile), "--json")
    assert said.code == 1
    value = json.loads(said.out)
    assert value["error"] == "MARKET_NOT_OFFERED"
    assert value["message"] == said.err.strip()


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("order", "buy", "ETH/USDT", "1"),
        ("order", "buy", "ETH/USDT", "1", "--limit", "1", "--ioc", "--post-only"),
        ("order", "cancel", "1234"),
        ("channel", "open", "--broker", "broker.json"),
        ("channel", "open", "--broker", "{broker}", "--allocate", "ETH"),
        ("proof", "export", "proof.json", "--increment", "-1"),
        ("keys", "create", "--words", "13"),
        ("sandbox",),
        ("history", "list", "--limit", "many"),
    ],
    ids=" ".join,
)
def test_wrong_usage(place: Place, idle: Cli, arguments: tuple[str, ...]) -> None:
    before = picture(idle.profile)
    filled = [text.format(broker=place.sandbox.profile) for text in arguments]
    said = idle.run(*filled, *([] if arguments[0] in ("nonsense", "sandbox") else ["--profile", str(idle.profile)]))
    assert said.code == 2, said
    assert "Traceback" not in said.err
    assert picture(idle.profile) == before
