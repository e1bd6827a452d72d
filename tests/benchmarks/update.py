"""CPU time of one update: decode, digest, verify, rules, sign; no socket, no disk.

What is measured is what the wallet runs: the frame as text, the reader of its connection, the signer that checks its
own signature. Every update is another one, and what is cached before it is only what the session itself has put there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tests.benchmarks import bare
from tests.benchmarks.report import Figure, Options
from tests.benchmarks.session import BROKER, DOMAIN, TERMS, TRADER, Session, forget, frames_of, write_session
from wallet.keys.signer import Signer
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
from wallet.wire.proposals import ProposalReader

SIZES = (("small: 2 balances, 4 open orders", 4), ("large: 2 balances, 50 open orders", 50))
PARTS = ("decode", "digest", "verify", "rules", "sign, and check the signature")
BATCH = 20
LIMIT = "verify + sign + keccak of the same lengths"


def run(options: Options) -> list[Figure]:
    figures = []
    for name, resting in SIZES:
        session = write_session(options.states, resting)
        texts = frames_of(session)
        wholes, without, parts = [], [], []
        for _ in range(options.rounds):
            wholes.append(side_by_side(session, texts, resting, Wallet(session, Signer(TRADER.secret))))
            without.append(side_by_side(session, texts, resting, Wallet(session, Unchecked())))
            parts.append(Wallet(session, Signer(TRADER.secret)).in_parts(texts, resting))
        for title, pairs in ((name, wholes), (f"{name}, own signature unchecked", without)):
            value, limit = min(pairs, key=lambda pair: pair[0] / pair[1])
            figures.append(Figure(title, value * 1e6, "µs", limit * 1e6, LIMIT, value / limit))
        figures += [Figure(f"  {part}", min(row[at] for row in parts) * 1e6, "µs") for at, part in enumerate(PARTS)]
    return figures


class Unchecked:
    """Signs as the limit does, without looking at what came out: to tell what that look costs."""

    def sign(self, typed: TypedDigest) -> bytes:
        return sign(TRADER, typed)


def side_by_side(session: Session, texts: Sequence[str], resting: int, wallet: Wallet) -> tuple[float, float]:
    """CPU seconds per update of ``wallet`` and of the limit, a few of each by turns: a busy machine slows both."""
    limit = bare.Limit(BROKER, TRADER, session)
    for text in texts[:resting]:
        wallet.update(text)
    ours = least = 0.0
    for first in range(resting, len(texts), BATCH):
        batch = range(first, min(first + BATCH, len(texts)))
        start = time.process_time()
        for at in batch:
            wallet.update(texts[at])
        middle = time.process_time()
        for at in batch:
            limit.once(at)
        ours, least = ours + middle - start, least + time.process_time() - middle
    return ours / (len(texts) - resting), least / (len(texts) - resting)


class Wallet:
    """The pure part of a wallet in a session: what it reads with, signs with and stands on."""

    def __init__(self, session: Session, signer: Signer | Unchecked) -> None:
        forget()
        self.read = ProposalReader()
        self.signer = signer
        self.broker = TERMS.signers(Role.BROKER)
        self.orders: dict[bytes, Order] = {signed.id: signed.order for signed in session.intents}
        self.last, self.digest = session.setup, DOMAIN.digest(session.setup).digest

    def decode(self, text: str) -> Propose:
        request = self.read(text, 0.0) or frames.parse(text.encode(), 0.0)
        assert isinstance(request, Request)
        message = request.frame.message
        return message if isinstance(message, Propose) else Propose.read(request.frame.params)

    def check(self, state: State, last: State, digest: bytes) -> None:
        ground = Ground(TERMS, last, digest, last.increment + 1, self.orders)
        flag = rules.check(ground, state, Role.BROKER)
        assert flag is None, flag

    def update(self, text: str) -> bytes:
        """One update; our signature."""
        message = self.decode(text)
        typed = DOMAIN.digest(message.state)
        require_signer(typed, message.signature, self.broker)
        self.check(message.state, self.last, self.digest)
        self.last, self.digest = message.state, typed.digest
        return self.signer.sign(typed)

    def in_parts(self, texts: Sequence[str], resting: int) -> tuple[float, ...]:
        """CPU seconds of each part by itself."""
        for text in texts[: resting - 1]:
            self.update(text)
        messages: list[Propose] = []
        digests: list[TypedDigest] = []

        def timed(work: Callable[[int], object]) -> float:
            work(resting - 1)  # the first has no predecessor here
            start = time.process_time()
            for at in range(resting, len(texts)):
                work(at)
            return (time.process_time() - start) / (len(texts) - resting)

        first = resting - 1
        return (
            timed(lambda at: messages.append(self.decode(texts[at]))),
            timed(lambda at: digests.append(DOMAIN.digest(messages[at - first].state))),
            timed(lambda at: require_signer(digests[at - first], messages[at - first].signature, self.broker)),
            timed(
                lambda at: (
                    at > first
                    and self.check(
                        messages[at - first].state, messages[at - first - 1].state, digests[at - first - 1].digest
                    )
                )
            ),
            timed(lambda at: self.signer.sign(digests[at - first])),
        )
