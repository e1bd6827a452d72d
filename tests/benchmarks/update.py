"""CPU time of one update: decode, rules, digest, verify, sign; no socket, no disk. The limit is verify + sign alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks import bare
from tests.benchmarks.report import Figure, Options, median
from tests.benchmarks.session import BROKER, DOMAIN, TERMS, TRADER, Session, write_session
from wallet.protocol import rules
from wallet.protocol.intents import Order
from wallet.protocol.rules import Ground
from wallet.protocol.signatures import require_signer, sign
from wallet.protocol.state import State
from wallet.protocol.terms import Role
from wallet.protocol.typed import TypedDigest
from wallet.wire import frames
from wallet.wire.frames import Request
from wallet.wire.messages import Propose

SIZES = (("small: 2 balances, 4 open orders", 4), ("large: 2 balances, 50 open orders", 50))
PARTS = ("decode", "digest", "verify", "rules", "sign")


@dataclass(frozen=True)
class Step:
    """One update of the session: the frame, and what stood before it."""

    raw: bytes
    last: State
    last_digest: bytes


def run(options: Options) -> list[Figure]:
    figures = []
    for name, resting in SIZES:
        session = write_session(options.states, resting)
        steps = steps_of(session, resting)
        orders = {signed.id: signed.order for signed in session.intents}
        totals, limits, parts = [], [], []
        for _ in range(options.rounds):
            limits.append(bare.verify_and_sign(BROKER, TRADER, session.digests[resting:]))
            totals.append(whole(steps, orders))
            parts.append(in_parts(steps, orders))
        limit, total = median(limits), median(totals)
        ratio = median([value / least for value, least in zip(totals, limits, strict=True)])
        figures.append(Figure(name, total * 1e6, "µs", limit * 1e6, "verify + sign", ratio))
        figures += [
            Figure(f"  {part}", median([row[at] for row in parts]) * 1e6, "µs") for at, part in enumerate(PARTS)
        ]
    return figures


def steps_of(session: Session, resting: int) -> list[Step]:
    before = [session.setup, *session.states]
    digests = [DOMAIN.digest(session.setup).digest, *session.digests]
    raws = [
        b'{"jsonrpc":"2.0","id":%d,"method":"propose","params":%s}' % (number + 1, params)
        for number, params in enumerate(session.proposals)
    ]
    return [Step(raws[at], before[at], digests[at]) for at in range(resting, len(raws))]


def decode(step: Step) -> Propose:
    request = frames.parse(step.raw, 0.0)
    assert isinstance(request, Request)
    return Propose.read(request.frame.params)


def check(step: Step, state: State, orders: dict[bytes, Order]) -> None:
    ground = Ground(TERMS, step.last, step.last_digest, step.last.increment + 1, orders)
    flag = rules.check(ground, state, Role.BROKER)
    assert flag is None, flag


def whole(steps: Sequence[Step], orders: dict[bytes, Order]) -> float:
    """CPU seconds per update."""
    allowed = TERMS.signers(Role.BROKER)
    start = time.process_time()
    for step in steps:
        message = decode(step)
        typed = DOMAIN.digest(message.state)
        require_signer(typed, message.signature, allowed)
        check(step, message.state, orders)
        sign(TRADER, typed)
    return (time.process_time() - start) / len(steps)


def in_parts(steps: Sequence[Step], orders: dict[bytes, Order]) -> tuple[float, ...]:
    """The same, each part by itself."""
    allowed = TERMS.signers(Role.BROKER)
    proposals = [decode(step) for step in steps]
    digests: list[TypedDigest] = []

    def timed(work: Callable[[int], object]) -> float:
        start = time.process_time()
        for at in range(len(steps)):
            work(at)
        return (time.process_time() - start) / len(steps)

    return (
        timed(lambda at: decode(steps[at])),
        timed(lambda at: digests.append(DOMAIN.digest(proposals[at].state))),
        timed(lambda at: require_signer(digests[at], proposals[at].signature, allowed)),
        timed(lambda at: check(steps[at], proposals[at].state, orders)),
        timed(lambda at: sign(TRADER, digests[at])),
    )
