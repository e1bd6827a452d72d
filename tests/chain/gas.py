"""What each call costs, as real transactions on py-evm: `python -m tests.chain.gas` prints the table.

With `--write` it is kept in the resources, where a test holds it against the contract.

Cold storage and real calldata throughout: every row is a chain of its own, every transaction in a block of its own.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eth_account import Account
from eth_tester import EthereumTester, PyEVMBackend

from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, Session, make_terms
from wallet.chain import calls
from wallet.chain.abi import encode, read_abi
from wallet.chain.artifact import adjudicator
from wallet.chain.calls import Call
from wallet.protocol.eip712 import Domain
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import NATIVE, Asset, Role
from wallet.resources import resource

UNIT = 10**18
PERIOD = 3600
ACTORS = {who.address: who for who in (TRADER, BROKER, STRANGER, BROKER_SIGNER)}
KEPT = Path(__file__).parents[2] / "resources" / "contracts" / "gas-1.md"
_TABLE = re.compile(r"^\|.*\|$(?=(?:.|\n)*?^Published)", re.MULTILINE)
ROWS = ("1 native", "1 ERC-20", "2 (native, ERC-20)", "2 ERC-20", "16 (native, 15 ERC-20)")


@dataclass
class Bench:
    """A py-evm chain with the adjudicator and the tokens of one row."""

    tester: EthereumTester
    contract: bytes
    chain_id: int
    assets: list[bytes]

    @classmethod
    def start(cls, native: bool, tokens: int) -> Bench:
        backend = PyEVMBackend()
        tester = EthereumTester(backend)
        rich = tester.get_accounts()[0]
        for who in ACTORS.values():
            tester.send_transaction({"from": rich, "to": _hex(who.address), "value": 1000 * UNIT, "gas": 21_000})
        bench = cls(tester, b"", backend.chain.chain_id, [NATIVE] if native else [])
        bench.contract = bench.create(rich, adjudicator().bytecode)
        entry = json.loads(resource("contracts/test-token.json").read_text())
        code = bytes.fromhex(entry["bytecode"].removeprefix("0x"))
        mint = read_abi(entry["abi"]).functions["mint"]
        for _ in range(tokens):
            token = bench.create(rich, code + encode(("string", "string", "uint8"), ("T", "T", 18)))
            for who in ACTORS:
                data = mint.encode(who, 1000 * UNIT)
                tester.send_transaction({"from": rich, "to": _hex(token), "data": _hex(data), "gas": 200_000})
            bench.assets.append(token)
        bench.assets.sort()
        return bench

    def create(self, sender: str, code: bytes) -> bytes:
        found = self.tester.send_transaction({"from": sender, "data": _hex(code), "gas": 9_000_000})
        address: str = self.tester.get_transaction_receipt(found)["contract_address"]
        return bytes.fromhex(address[2:])

    @property
    def now(self) -> int:
        return int(self.tester.get_block_by_number("pending")["timestamp"])

    def send(self, sender: bytes, call: Call) -> int:
        """Gas used by a signed transaction, which must succeed."""
        block = self.tester.get_block_by_number("pending")
        transaction = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": self.tester.get_nonce(_hex(sender)),
            "to": call.to,
            "data": call.data,
            "value": call.value,
            "gas": 5_000_000,
            "maxFeePerGas": block["base_fee_per_gas"] * 2,
            "maxPriorityFeePerGas": 0,
        }
        raw = Account.sign_transaction(transaction, ACTORS[sender].key.secret).raw_transaction
        receipt = self.tester.get_transaction_receipt(self.tester.send_raw_transaction(raw.hex()))
        assert receipt["status"] == 1
        return int(receipt["gas_used"])

    def session(self, nonce: int) -> Session:
        """Funds and authorizes the broker, lets the trader approve, and makes the papers of a channel."""
        for asset in self.assets:
            for who in (TRADER, BROKER):
                if asset != NATIVE:
                    self.send(who.address, calls.approve(asset, self.contract, 500 * UNIT))
        now = self.now
        terms = make_terms(tuple(Asset(asset, 7 * UNIT + 123, 9 * UNIT + 321) for asset in self.assets), now, nonce)
        return Session(Domain(self.chain_id, self.contract), terms, now)

    def stock_broker(self) -> None:
        for asset in self.assets:
            if asset != NATIVE:
                self.send(BROKER.address, calls.approve(asset, self.contract, 500 * UNIT))
            self.send(BROKER.address, calls.deposit(self.contract, asset, 100 * UNIT))
            self.send(
                BROKER.address,
                calls.authorize(self.contract, BROKER_SIGNER.address, asset, 1000 * UNIT, self.now + 10**6),
            )

    def open_with_deposit(self, session: Session) -> int:
        value = sum(row.allocation for row in session.terms.assets if row.asset == NATIVE)
        call = calls.open_with_deposit(
            self.contract, session.terms, session.time, *session.signatures(session.setup), value
        )
        return self.send(TRADER.address, call)

    def skip(self, seconds: int) -> None:
        self.tester.time_travel(self.now + seconds)


def traded(session: Session, increment: int, transition: Transition = Transition.TRADE, orders: int = 4) -> State:
    """A state after trading: what was bought with the one asset, sold of the other."""
    outcomes = {
        row.asset: (UNIT + 7, 0) if index % 2 else (0, UNIT + 9) for index, row in enumerate(session.terms.assets)
    }
    final = transition is Transition.FINALIZE
    return session.state(increment, outcomes, transition, orders=0 if final else orders)


def measure(row: str) -> Iterator[tuple[str, int]]:
    """(what, gas) of every call, for one row of the table."""
    count = int(row.partition(" ")[0])
    native = "native" in row
    bench = Bench.start(native, count - native)
    asset = bench.assets[-1]
    if asset != NATIVE:
        bench.send(TRADER.address, calls.approve(asset, bench.contract, UNIT))
    yield "deposit, first", bench.send(TRADER.address, calls.deposit(bench.contract, asset, UNIT - 5))
    bench.send(TRADER.address, calls.withdraw(bench.contract, asset, UNIT - 5, TRADER.address))
    bench.stock_broker()
    first = bench.session(1)
    yield "open with deposit, broker's first", bench.open_with_deposit(first)
    final = traded(first, 40, Transition.FINALIZE)
    call = calls.close(bench.contract, first.terms, final, *first.signatures(final))
    yield "close, trader's first credit", bench.send(TRADER.address, call)
    call = calls.withdraw(bench.contract, asset, UNIT, STRANGER.address)
    yield "withdraw part of the credit", bench.send(TRADER.address, call)
    second = bench.session(2)
    yield "open with deposit", bench.open_with_deposit(second)
    final = traded(second, 40, Transition.FINALIZE)
    call = calls.close(bench.contract, second.terms, final, *second.signatures(final))
    yield "close", bench.send(STRANGER.address, call)
    yield "push all credit", bench.send(STRANGER.address, calls.push_credit(bench.contract, asset, TRADER.address))
    yield from _dispute(bench)


def _dispute(bench: Bench) -> Iterator[tuple[str, int]]:
    session = bench.session(3)
    bench.open_with_deposit(session)
    state = traded(session, 17)
    call = calls.challenge(bench.contract, session.terms, state, session.both(state))
    yield "challenge, both on it", bench.send(BROKER.address, call)
    higher = traded(session, 18, orders=20)
    call = calls.respond(bench.contract, session.terms, higher, session.implied(higher, Role.TRADER))
    yield "answer, implied", bench.send(STRANGER.address, call)
    highest = traded(session, 20)
    call = calls.respond(bench.contract, session.terms, highest, session.both(highest))
    yield "answer, both on it", bench.send(STRANGER.address, call)
    bench.skip(PERIOD + 1)
    yield "settle", bench.send(STRANGER.address, calls.settle(bench.contract, session.terms, highest.outcomes))
    amount = session.terms.assets[-1].allocation + highest.outcomes[-1].to_trader - highest.outcomes[-1].to_broker
    call = calls.withdraw(bench.contract, session.terms.assets[-1].asset, amount, TRADER.address)
    yield "withdraw all of the credit", bench.send(TRADER.address, call)
    other = bench.session(4)
    bench.open_with_deposit(other)
    state = traded(other, 17)
    call = calls.challenge(bench.contract, other.terms, state, other.implied(state, Role.BROKER))
    yield "challenge, implied", bench.send(TRADER.address, call)


def table(rows: tuple[str, ...] = ROWS) -> dict[str, dict[str, int]]:
    """Gas by call and row."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        for what, gas in measure(row):
            found.setdefault(what, {})[row] = gas
    return found


def render(found: dict[str, dict[str, int]]) -> str:
    rows = list(next(iter(found.values())))
    lines = ["| call | " + " | ".join(rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for what, figures in found.items():
        lines.append(f"| {what} | " + " | ".join(f"{figures[row]:,}" for row in rows) + " |")
    return "\n".join(lines)


def read(text: str) -> dict[str, dict[str, int]]:
    """The first table of a Markdown text, as `render` made it."""
    lines = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in _TABLE.findall(text)]
    head, *body = lines[0], *lines[2:]
    return {
        row[0]: {name: int(cell.replace(",", "")) for name, cell in zip(head[1:], row[1:], strict=True)} for row in body
    }


def kept() -> str:
    """The table that is checked in, with the words around it."""
    return KEPT.read_text(encoding="utf-8")


def write() -> None:
    """Measures all and puts the figures into the place of the kept ones."""
    text = kept()
    start, end = text.index("| call |"), text.index("\n\n", text.index("| call |"))
    KEPT.write_text(text[:start] + render(table()) + text[end:], encoding="utf-8")


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        print(render(table(tuple(sys.argv[1:]) or ROWS)))
