"""A long trading session as a journal file: every state valid by the rules and truly signed, made once and kept.

``make_history(path, states=1_000_000)`` plays the session by the protocol's own transitions, signs in other
processes, and takes up again where it was stopped. As on a real link some answers are missing (the next state
validates the one before), some states are refused and voided. Same arguments, same bytes.

From the command line: ``python -m tests.support.long_history [--states N] [--seed N] [--orders N] [PATH]``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from tests.support.game import CONTRACT, ETH, ETH_USDT, LOT, NOW, SIGNERS, USDT, make_terms
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.history.schema import SCHEMA_VERSION
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order, SignedOrder, TimeInForce
from wallet.protocol.signatures import sign
from wallet.protocol.state import Fill, OpenOrder, Side, State, Transition, setup_state
from wallet.protocol.terms import Asset, Role
from wallet.protocol.transitions import Contents, cancel_order, contents_of, create_order, successor, trade
from wallet.protocol.typed import TypedDigest

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "histories"
DOMAIN = Domain(31337, CONTRACT)
TERMS = make_terms(
    max_open_orders=64,
    assets=(Asset(ETH, 10**6 * 10**18, 10**6 * 10**18), Asset(USDT, 10**16, 10**16)),
    markets=(ETH_USDT,),
)
CHANNEL = DOMAIN.digest(TERMS).digest
PER_SECOND = 20  # how fast the states of the session followed each other
UNANSWERED = 1 / 50  # share of states whose ACK is only implied
REFUSED = 1 / 500
BATCH = 2_000
AHEAD = 3  # batches that may wait for their signatures
MADE = "made"  # the fact that tells what a file holds


@dataclass(frozen=True, slots=True)
class LongHistory:
    """What is at ``path``: rows of states, intents and their signatures, and the highest increment."""

    path: Path
    channel: bytes
    states: int
    intents: int
    signatures: int
    top: int


@dataclass(slots=True)
class _Step:
    """One issued state, the roles that signed it, and the order it opens."""

    state: State
    digest: bytes
    issuer: Role
    status: Status
    roles: tuple[Role, ...]
    order: Order | None = None
    order_id: bytes = b""


@dataclass
class _Player:
    """Plays both sides: ``orders`` rest, one is opened, filled or cancelled at a time."""

    chance: random.Random
    orders: int
    last: State = field(default_factory=lambda: setup_state(TERMS, CHANNEL, NOW))
    increment: int = 0
    answered: bool = True  # the last validated state has both signatures on itself
    known: dict[bytes, Order] = field(default_factory=dict)

    def steps(self) -> Iterator[_Step]:
        """The session without end, state 0 first."""
        self.digest = DOMAIN.digest(self.last).digest
        yield _Step(self.last, self.digest, Role.BROKER, Status.VALIDATED, tuple(Role))
        while True:
            if len(self.last.open_orders) < self.orders:
                yield self._open()
            elif self.chance.random() < REFUSED:
                yield from self._refuse()
            elif self.chance.random() < 0.2:
                yield self._cancel()
            else:
                yield self._trade()

    def _open(self) -> _Step:
        side = self.chance.choice((Side.BUY, Side.SELL))
        price = (2_000 - self.chance.randrange(100) if side is Side.BUY else 2_100 + self.chance.randrange(100)) * 10**6
        tif = self.chance.choice((TimeInForce.GOOD_TILL_TIME, TimeInForce.POST_ONLY))
        amount, now, nonce = LOT * self.chance.randrange(50, 500), self._now(), self.last.order_nonce + 1
        order = Order(CHANNEL, nonce, ETH, USDT, side, price, amount, tif, now + 10, now + 3600)
        order_id = DOMAIN.digest(order).digest
        self.known[order_id] = order
        step = self._validated(Transition.CREATE_ORDER, create_order(TERMS, contents_of(self.last), order_id, order))
        step.order, step.order_id = order, order_id
        return step

    def _trade(self) -> _Step:
        fill = self._fill(self.chance.choice(self.last.open_orders))
        return self._validated(*self._traded(fill), (fill,))

    def _cancel(self) -> _Step:
        row = self.chance.choice(self.last.open_orders)
        return self._validated(Transition.CANCEL_ORDER, cancel_order(TERMS, contents_of(self.last), row.id))

    def _refuse(self) -> Iterator[_Step]:
        fill = self._fill(self.chance.choice(self.last.open_orders))
        self.increment += 1
        state = self._next(*self._traded(fill), (fill,))
        yield _Step(state, DOMAIN.digest(state).digest, Role.BROKER, Status.REFUSED, (Role.BROKER,))
        yield self._validated(Transition.VOID, contents_of(self.last), issuer=Role.TRADER)

    def _fill(self, row: OpenOrder) -> Fill:
        """A third of what rests or all of it, with a fee of 0.1 % of what arrives."""
        rest = row.amount - row.filled
        part = rest // LOT // 3 * LOT
        quantity = part if part >= 10 * LOT and self.chance.random() < 0.5 else rest
        gross = ETH_USDT.notional(row.price, quantity)
        return Fill(row.id, row.price, quantity, (quantity if row.side == Side.BUY else gross) // 1_000)

    def _traded(self, fill: Fill) -> tuple[Transition, Contents]:
        return Transition.TRADE, trade(TERMS, contents_of(self.last), (fill,), self.known)

    def _now(self) -> int:
        return NOW + self.increment // PER_SECOND

    def _next(self, transition: Transition, after: Contents, fills: tuple[Fill, ...] = ()) -> State:
        return successor(self.last, self.digest, self.increment, transition, after, self._now(), fills=fills)

    def _validated(
        self,
        transition: Transition,
        after: Contents,
        fills: tuple[Fill, ...] = (),
        issuer: Role = Role.BROKER,
    ) -> _Step:
        self.increment += 1
        state = self._next(transition, after, fills)
        self.last, self.digest = state, DOMAIN.digest(state).digest
        for gone in self.known.keys() - {row.id for row in state.open_orders}:
            del self.known[gone]
        silent = self.answered and issuer is Role.BROKER and self.chance.random() < UNANSWERED
        self.answered = not silent
        roles = (Role.BROKER,) if silent else tuple(Role)
        return _Step(state, self.digest, issuer, Status.VALIDATED, roles)


def make_history(
    path: Path | None = None, states: int = 1_000_000, seed: int = 1, orders: int = 4, *, quiet: bool = True
) -> LongHistory:
    """The journal of a trader with at least ``states`` states (at most one more), ``orders`` orders resting.

    Made at ``path`` (None: in ``.cache/histories``) unless it is there already; one that was stopped goes on.
    """
    plan = {"version": 1, "schema": SCHEMA_VERSION, "states": states, "seed": seed, "orders": orders}
    if path is None:
        CACHE.mkdir(parents=True, exist_ok=True)
        path = CACHE / ("-".join(f"{key}{value}" for key, value in plan.items()) + ".db")
    journal = _opened(path, plan)
    try:
        made = json.loads(journal.fact(b"", MADE) or b"{}")
        if "top" not in made:
            made = plan | _fill_journal(journal, states, seed, orders, quiet)
            journal.set_fact(b"", MADE, json.dumps(made).encode())
    finally:
        journal.close()
    return LongHistory(path, CHANNEL, made["rows"], made["intents"], made["signatures"], made["top"])


def _opened(path: Path, plan: dict[str, int]) -> Journal:
    """The journal at ``path`` if it holds this plan's history or its beginning; else a new one."""
    try:
        journal = Journal.open(path)
        found = json.loads(journal.fact(b"", MADE) or b"null")
        if found is None and not journal.channels():
            found = plan
        if found is not None and plan.items() <= found.items():
            journal.set_fact(b"", MADE, json.dumps(found).encode())
            return journal
        journal.close()
    except (WalletError, ValueError, sqlite3.Error):
        pass  # of another time: made anew
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    journal = Journal.open(path)
    journal.set_fact(b"", MADE, json.dumps(plan).encode())
    return journal


def _fill_journal(journal: Journal, states: int, seed: int, orders: int, quiet: bool) -> dict[str, int]:
    if journal.channel(CHANNEL) is None:
        journal.add_channel(ChannelRecord(CHANNEL, Role.TRADER, DOMAIN.chain_id, CONTRACT, TERMS, "open", NOW))
    top = journal.store.row("SELECT max(increment) FROM states WHERE channel = ?", (CHANNEL,))
    done = -1 if top is None or top[0] is None else int(top[0])
    counts = {"rows": 0, "intents": 0, "signatures": 0, "top": 0}
    waiting: deque[tuple[list[_Step], Future[list[bytes]]]] = deque()
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2) - 1), mp_context=context) as pool:
        for batch in _batches(_player_steps(seed, orders, states)):
            _count(counts, batch)
            new = [step for step in batch if step.state.increment > done]
            if new:
                waiting.append((new, pool.submit(_sign_all, [item for step in new for item in _wanted(step)])))
            while len(waiting) > AHEAD:
                _write(journal, *waiting.popleft())
            if not quiet:
                print(f"\r{counts['rows']:,} states, {time.monotonic() - began:.0f} s", end="", flush=True)
        while waiting:
            _write(journal, *waiting.popleft())
    if not quiet:
        print(f"\r{counts['rows']:,} states, {time.monotonic() - began:.0f} s")
    return counts


def _player_steps(seed: int, orders: int, states: int) -> Iterator[_Step]:
    """So many steps, and to the end of a refusal; the last one has both signatures."""
    player = _Player(random.Random(seed), orders)
    for number, step in enumerate(player.steps(), 1):
        last = number >= states and step.status is Status.VALIDATED
        if last:
            step.roles = tuple(Role)
        yield step
        if last:
            return


def _batches(steps: Iterator[_Step]) -> Iterator[list[_Step]]:
    while batch := list(islice(steps, BATCH)):
        yield batch


def _count(counts: dict[str, int], batch: list[_Step]) -> None:
    counts["rows"] += len(batch)
    counts["intents"] += sum(step.order is not None for step in batch)
    counts["signatures"] += sum(len(step.roles) for step in batch)
    counts["top"] = batch[-1].state.increment


def _wanted(step: _Step) -> Iterator[tuple[Role, bytes]]:
    """Which signatures the step needs, in the order in which they are written."""
    for role in step.roles:
        yield role, step.digest
    if step.order is not None:
        yield Role.TRADER, step.order_id


def _sign_all(wanted: list[tuple[Role, bytes]]) -> list[bytes]:
    return [sign(SIGNERS[role], TypedDigest("State", digest)) for role, digest in wanted]


def _write(journal: Journal, steps: list[_Step], signed: Future[list[bytes]]) -> None:
    signatures = iter(signed.result())
    with journal.store.transaction():
        for step in steps:
            entry = Entry(step.state, step.digest, step.issuer, step.status, recorded=step.state.time)
            for role in step.roles:
                entry = entry.signed(role, next(signatures), own=role is Role.TRADER)
            if step.order is not None:
                journal.add_intent(SignedOrder(step.order_id, step.order, next(signatures)), "open", step.state.time)
            journal.record(entry)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?", type=Path)
    parser.add_argument("--states", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=4, help="how many rest")
    wish = parser.parse_args()
    made = asdict(make_history(wish.path, wish.states, wish.seed, wish.orders, quiet=False))
    print(json.dumps(made | {"path": str(made["path"]), "channel": "0x" + made["channel"].hex()}))


if __name__ == "__main__":
    main()
