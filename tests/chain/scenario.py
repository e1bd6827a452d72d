"""A trader and a broker with a channel, for the contract's tests: terms, states, signatures, proofs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.chain.evm import Actor, actor
from wallet.chain.calls import Mandate, Validation
from wallet.protocol.eip712 import Domain
from wallet.protocol.intents import Challenge
from wallet.protocol.signatures import sign
from wallet.protocol.state import Balance, OpenOrder, Outcome, State, Transition, setup_state
from wallet.protocol.terms import NATIVE, Asset, Initiative, Market, Role, Terms

TRADER = actor("trader")
TRADER_SIGNER = actor("trader signer")
BROKER = actor("broker")
BROKER_SIGNER = actor("broker signer")
STRANGER = actor("stranger")
SIGNERS = {Role.TRADER: TRADER_SIGNER, Role.BROKER: BROKER_SIGNER}


def make_terms(assets: tuple[Asset, ...], now: int, nonce: int = 1) -> Terms:
    """Ordinary terms; one market if there are two assets for it."""
    markets = (
        (Market(assets[0].asset, assets[1].asset, 10**18, 10_000, 10**15, 10**6, 10**12),) if len(assets) > 1 else ()
    )
    return Terms(
        trader=TRADER.address,
        trader_signer=TRADER_SIGNER.address,
        broker=BROKER.address,
        broker_signer=BROKER_SIGNER.address,
        nonce=nonce,
        open_before=now + 600,
        challenge_period=3600,
        initiative=Initiative.BROKER,
        max_fee=1000,
        heartbeat=5,
        answer_time=10,
        skew=120,
        yield_interval=0,
        max_open_orders=20,
        max_fills=10,
        assets=assets,
        markets=markets,
    )


@dataclass
class Session:
    """What the two sign in one channel."""

    domain: Domain
    terms: Terms
    time: int
    channel: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.channel = self.domain.digest(self.terms).digest

    @property
    def setup(self) -> State:
        return setup_state(self.terms, self.channel, self.time)

    def state(
        self,
        increment: int,
        outcomes: dict[bytes, tuple[int, int]] | None = None,
        transition: Transition = Transition.TRADE,
        previous: bytes | None = None,
        orders: int = 0,
    ) -> State:
        """A state with these (to_broker, to_trader) by asset; what is not named is zero."""
        rows = tuple(Outcome(row.asset, *(outcomes or {}).get(row.asset, (0, 0))) for row in self.terms.assets)
        return replace(
            self.setup,
            increment=increment,
            previous=self.digest(self.setup) if previous is None else previous,
            transition=transition,
            order_nonce=orders,
            balances=tuple(
                Balance(row.asset, row.allocation + out.to_trader - out.to_broker, 0)
                for row, out in zip(self.terms.assets, rows, strict=True)
            ),
            open_orders=tuple(OpenOrder(bytes([n]) * 32, NATIVE, b"\1" * 20, 0, n, n, 0) for n in range(1, orders + 1)),
            outcomes=rows,
        )

    def successor(self, state: State, increment: int | None = None) -> State:
        """A state right after ``state``, of whatever content."""
        return replace(
            state, increment=increment or state.increment + 1, previous=self.digest(state), transition=Transition.VOID
        )

    def digest(self, state: State) -> bytes:
        return self.domain.digest(state).digest

    def sign(self, who: Actor, state: State) -> bytes:
        return sign(who.key, self.domain.digest(state))

    def signatures(self, state: State) -> tuple[bytes, bytes]:
        """The trader's and the broker's, by their signers."""
        return self.sign(TRADER_SIGNER, state), self.sign(BROKER_SIGNER, state)

    def both(self, state: State) -> Validation:
        """Validated by both signatures on the state itself."""
        return Validation(*self.signatures(state))

    def implied(self, state: State, role: Role, successor: State | None = None) -> Validation:
        """Validated by the signature of ``role`` on a successor, the other's on the state."""
        following = successor or self.successor(state)
        on = {role: following, role.other: state}
        return Validation(
            self.sign(TRADER_SIGNER, on[Role.TRADER]), self.sign(BROKER_SIGNER, on[Role.BROKER]), following, role
        )

    def mandate(self, who: Actor, min_increment: int, valid_until: int) -> Mandate:
        typed = self.domain.digest(Challenge(self.channel, min_increment, valid_until))
        return Mandate(min_increment, valid_until, sign(who.key, typed))
