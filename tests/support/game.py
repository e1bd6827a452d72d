"""A small channel played with real keys: terms, intents, states and signatures, for any test that needs some.

``Game`` walks one channel forward with the transitions themselves; what it makes is valid unless a test bends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from coincurve import PrivateKey

from wallet.protocol import rules
from wallet.protocol.eip712 import Domain
from wallet.protocol.intents import Order, SignedOrder, TimeInForce
from wallet.protocol.rules import Flag, Ground
from wallet.protocol.signatures import address_of, sign
from wallet.protocol.state import Fill, Side, State, Transition, setup_state
from wallet.protocol.terms import NATIVE, Asset, Initiative, Market, Role, Terms
from wallet.protocol.transitions import cancel_order, contents_of, create_order, successor, trade

NOW = 1_700_000_000
ETH, USDT, WBTC = NATIVE, b"\x11" * 20, b"\x22" * 20
CONTRACT = b"\xad" * 20
UNIT_ETH, UNIT_BTC = 10**18, 10**8
LOT = 10**14  # 0.0001 ETH
TICK = 10**4  # 0.01 USDT
ETH_USDT = Market(ETH, USDT, UNIT_ETH, TICK, LOT, 10**6, 50_000 * 10**6)
WBTC_USDT = Market(WBTC, USDT, UNIT_BTC, TICK, 10**4, 10**6, 50_000 * 10**6)
PRICE = 2_000 * 10**6  # 2,000 USDT for an ETH
ONE = UNIT_ETH


def key(name: str) -> PrivateKey:
    """A key that is the same in every run."""
    return PrivateKey(sha256(b"channel wallet tests: " + name.encode()).digest())


KEYS = {name: key(name) for name in ("trader", "trader signer", "broker", "broker signer", "stranger")}
ADDRESSES = {name: address_of(value.public_key) for name, value in KEYS.items()}
SIGNERS = {Role.TRADER: KEYS["trader signer"], Role.BROKER: KEYS["broker signer"]}


def make_terms(**changes: Any) -> Terms:
    """Three assets and two markets between them; any field may be another."""
    fields: dict[str, Any] = {
        "trader": ADDRESSES["trader"],
        "trader_signer": ADDRESSES["trader signer"],
        "broker": ADDRESSES["broker"],
        "broker_signer": ADDRESSES["broker signer"],
        "nonce": 1,
        "open_before": NOW + 600,
        "challenge_period": 3600,
        "initiative": Initiative.BROKER,
        "max_fee": 2_000,
        "heartbeat": 5,
        "answer_time": 10,
        "skew": 120,
        "yield_interval": 1,
        "max_open_orders": 8,
        "max_fills": 4,
        "assets": (
            Asset(ETH, 2 * 10**18, 10 * 10**18),
            Asset(USDT, 10_000 * 10**6, 20_000 * 10**6),
            Asset(WBTC, 0, 10**8),
        ),
        "markets": (ETH_USDT, WBTC_USDT),
    }
    return Terms(**{**fields, **changes})


@dataclass
class Game:
    """One channel. ``last`` is its last validated state; ``states`` all of them with their issuers."""

    terms: Terms = field(default_factory=make_terms)
    domain: Domain = field(default_factory=lambda: Domain(31337, CONTRACT))
    now: int = NOW
    intents: dict[bytes, SignedOrder] = field(default_factory=dict)
    states: list[tuple[State, Role]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.channel = self.domain.digest(self.terms).digest
        cooperative = self.terms.initiative is Initiative.COOPERATIVE
        self.states.append((self.setup, Role.TRADER if cooperative else Role.BROKER))

    # --- what stands ---

    @property
    def setup(self) -> State:
        return setup_state(self.terms, self.channel, NOW)

    @property
    def last(self) -> State:
        return self.states[-1][0]

    @property
    def orders(self) -> dict[bytes, Order]:
        return {order_id: signed.order for order_id, signed in self.intents.items()}

    def digest(self, state: State) -> bytes:
        return self.domain.digest(state).digest

    def sign(self, role: Role, state: State) -> bytes:
        return sign(SIGNERS[role], self.domain.digest(state))

    def ground(self, **changes: Any) -> Ground:
        known = {self.digest(state) for state, _ in self.states}
        fields: dict[str, Any] = {
            "terms": self.terms,
            "last": self.last,
            "last_digest": self.digest(self.last),
            "increment": self.last.increment + 1,
            "orders": self.orders,
            "known": known.__contains__,
        }
        return Ground(**{**fields, **changes})

    def check(self, state: State, issuer: Role | None = None, **changes: Any) -> Flag | None:
        """What the other side finds; the issuer is who has the turn."""
        return rules.check(self.ground(**changes), state, self.last.turn if issuer is None else issuer)

    # --- what may come next ---

    def intent(
        self,
        side: Side = Side.BUY,
        amount: int = ONE,
        price: int = PRICE,
        tif: TimeInForce = TimeInForce.GOOD_TILL_TIME,
        market: Market = ETH_USDT,
        **changes: Any,
    ) -> SignedOrder:
        """An order the trader signs; kept among the intents unless ``keep`` is False."""
        keep = changes.pop("keep", True)
        nonce = max([self.last.order_nonce, *(row.order.order_nonce for row in self.intents.values())]) + 1
        order = Order(
            self.channel, nonce, market.base, market.quote, side, price, amount, tif, self.now + 10, self.now + 3600
        )
        order = replace(order, **changes)
        typed = self.domain.digest(order)
        signed = SignedOrder(typed.digest, order, sign(SIGNERS[Role.TRADER], typed))
        if keep:
            self.intents[signed.id] = signed
        return signed

    def next(self, transition: Transition, contents: Any = None, **changes: Any) -> State:
        """A successor of the last state with these contents (the same, if none)."""
        contents = contents_of(self.last) if contents is None else contents
        increment = changes.pop("increment", self.last.increment + 1)
        return successor(self.last, self.digest(self.last), increment, transition, contents, self.now, **changes)

    def create(self, signed: SignedOrder) -> State:
        contents = create_order(self.terms, contents_of(self.last), signed.id, signed.order)
        return self.next(Transition.CREATE_ORDER, contents)

    def trade(self, *fills: Fill) -> State:
        contents = trade(self.terms, contents_of(self.last), fills, self.orders)
        return self.next(Transition.TRADE, contents, fills=fills)

    def cancel(self, order_id: bytes) -> State:
        return self.next(Transition.CANCEL_ORDER, cancel_order(self.terms, contents_of(self.last), order_id))

    def hand_over(self) -> State:
        return self.next(Transition.YIELD, turn=self.last.turn.other)

    def void(self, refused: State) -> State:
        return self.next(Transition.VOID, increment=refused.increment + 1)

    def finalize(self) -> State:
        return self.next(Transition.FINALIZE)

    # --- walking on ---

    def apply(self, state: State, issuer: Role | None = None) -> State:
        """``state`` is validated by both."""
        self.states.append((state, self.last.turn if issuer is None else issuer))
        self.now += 1
        return state

    def open(self, **wishes: Any) -> bytes:
        """Opens an order; its id."""
        signed = self.intent(**wishes)
        self.apply(self.create(signed))
        return signed.id

    def fill(self, order_id: bytes, quantity: int, price: int = PRICE, fee: int = 0) -> Fill:
        return Fill(order_id, price, quantity, fee)


def cooperative(**changes: Any) -> Game:
    """A channel of the seed's second flow: the trader has the turn first."""
    return Game(make_terms(initiative=Initiative.COOPERATIVE, **changes))
