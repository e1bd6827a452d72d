"""A funded trader and broker on a fresh chain, and the calls of the contract in one word each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.chain.evm import CHAIN_ID, ETHER, Chain, Receipt, Token
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER, Session, make_terms
from wallet.chain import calls
from wallet.chain.calls import NO_MANDATE, Mandate, Validation
from wallet.protocol.state import Outcome, State, Transition
from wallet.protocol.terms import NATIVE, Asset, Terms

ALLOCATION = 1_000_000
COLLATERAL = 3_000_000
STOCK = 50_000_000  # what the broker deposits of each asset
CAP = 40_000_000


@dataclass
class World:
    chain: Chain
    token: Token
    opened: int = field(default=0)

    @classmethod
    def make(cls, chain_id: int = CHAIN_ID, token: Callable[[Chain], Token] = Chain.token) -> World:
        chain = Chain(chain_id)
        world = cls(chain, token(chain))
        for who in (TRADER, BROKER, STRANGER):
            chain.fund(who.address, 100 * ETHER)
            world.token.mint(who.address, 10**12)
            world.token.approve(who.address, 10**12)
        for asset in (NATIVE, world.token.address):
            world.deposit(BROKER.address, asset, STOCK)
            world.authorize(asset, CAP)
        return world

    @property
    def assets(self) -> tuple[bytes, bytes]:
        return NATIVE, self.token.address

    # --- calls ---------------------------------------------------------------------------------------------------

    def deposit(self, who: bytes, asset: bytes, amount: int) -> Receipt:
        return self.chain.send(who, calls.deposit(self.chain.contract, asset, amount))

    def withdraw(self, who: bytes, asset: bytes, amount: int, to: bytes) -> Receipt:
        return self.chain.send(who, calls.withdraw(self.chain.contract, asset, amount, to))

    def push(self, asset: bytes, trader: bytes = TRADER.address, who: bytes = STRANGER.address) -> Receipt:
        return self.chain.send(who, calls.push_credit(self.chain.contract, asset, trader))

    def authorize(self, asset: bytes, cap: int, until: int | None = None) -> Receipt:
        last = self.chain.now + 10**6 if until is None else until
        call = calls.authorize(self.chain.contract, BROKER_SIGNER.address, asset, cap, last)
        return self.chain.send(BROKER.address, call)

    def terms(self, **changes: Any) -> Terms:
        """Ordinary terms over both assets, with a nonce of their own."""
        self.opened += 1
        assets = tuple(Asset(asset, ALLOCATION, COLLATERAL) for asset in self.assets)
        return replace(make_terms(assets, self.chain.now, self.opened), **changes)

    def session(self, terms: Terms | None = None) -> Session:
        return Session(self.chain.domain, terms or self.terms(), self.chain.now)

    def open(
        self, session: Session, who: bytes = TRADER.address, signatures: tuple[bytes, bytes] | None = None
    ) -> Receipt:
        both = signatures or session.signatures(session.setup)
        return self.chain.send(who, calls.open_channel(self.chain.contract, session.terms, session.time, *both))

    def open_with_deposit(self, session: Session, value: int | None = None) -> Receipt:
        native = sum(row.allocation for row in session.terms.assets if row.asset == NATIVE)
        both = session.signatures(session.setup)
        call = calls.open_with_deposit(
            self.chain.contract, session.terms, session.time, *both, native if value is None else value
        )
        return self.chain.send(TRADER.address, call)

    def opened_session(self, **changes: Any) -> Session:
        session = self.session(self.terms(**changes))
        self.open_with_deposit(session)
        return session

    def close(self, session: Session, state: State, signatures: tuple[bytes, bytes] | None = None) -> Receipt:
        both = signatures or session.signatures(state)
        return self.chain.send(STRANGER.address, calls.close(self.chain.contract, session.terms, state, *both))

    def challenge(
        self,
        session: Session,
        state: State,
        validation: Validation | None = None,
        who: bytes = TRADER.address,
        mandate: Mandate = NO_MANDATE,
    ) -> Receipt:
        proof = session.both(state) if validation is None else validation
        return self.chain.send(who, calls.challenge(self.chain.contract, session.terms, state, proof, mandate))

    def respond(self, session: Session, state: State, validation: Validation | None = None) -> Receipt:
        proof = session.both(state) if validation is None else validation
        return self.chain.send(STRANGER.address, calls.respond(self.chain.contract, session.terms, state, proof))

    def settle(self, session: Session, outcomes: tuple[Outcome, ...]) -> Receipt:
        return self.chain.send(STRANGER.address, calls.settle(self.chain.contract, session.terms, outcomes))

    # --- reading -------------------------------------------------------------------------------------------------

    def free(self, owner: bytes, asset: bytes) -> int:
        return int(self.chain.view("freeBalance", owner, asset))

    def credit(self, asset: bytes, trader: bytes = TRADER.address) -> int:
        return int(self.chain.view("credit", trader, asset))

    def used(self, asset: bytes) -> int:
        return int(self.chain.view("authorization", BROKER.address, BROKER_SIGNER.address, asset)[1])

    def status(self, session: Session) -> tuple[int, int, int]:
        """Status, deadline and increment."""
        status, deadline, increment, _ = self.chain.view("channel", session.channel)
        return status, deadline, increment

    def held(self, asset: bytes) -> int:
        contract = self.chain.contract
        return self.chain.balance(contract) if asset == NATIVE else self.token.balance(contract)

    # --- states --------------------------------------------------------------------------------------------------

    def traded(self, session: Session, increment: int, won: int = 400, lost: int = 300) -> State:
        """The trader won native currency and lost tokens."""
        return session.state(increment, {NATIVE: (0, won), self.token.address: (lost, 0)})

    def final(self, session: Session, increment: int = 9, won: int = 400, lost: int = 300) -> State:
        return replace(self.traded(session, increment, won, lost), transition=Transition.FINALIZE)
