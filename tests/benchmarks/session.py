"""A trading session prepared in advance: distinct, valid, signed states, as frames that only need to be sent.

The trader's wallet gets the channel, its first state and all intents; the broker's double gets the proposals.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.support.game import ADDRESSES, CONTRACT, ETH, ETH_USDT, KEYS, USDT, make_terms
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.protocol import codec, eip712, signatures, statetext
from wallet.protocol.eip712 import Domain
from wallet.protocol.intents import Order, SignedOrder, TimeInForce
from wallet.protocol.signatures import sign
from wallet.protocol.state import Fill, Side, State, Transition, setup_state
from wallet.protocol.terms import Asset, Role
from wallet.protocol.transitions import Contents, cancel_order, contents_of, create_order, successor, trade
from wallet.session.broker_profile import BrokerProfile, Offer, Token
from wallet.session.phases import Phase

DOMAIN = Domain(31337, CONTRACT)
TRADER, BROKER = KEYS["trader signer"], KEYS["broker signer"]
TERMS = make_terms(
    max_open_orders=64,
    assets=(Asset(ETH, 200 * 10**18, 200 * 10**18), Asset(USDT, 10**12, 10**12)),
    markets=(ETH_USDT,),
)
CHANNEL = DOMAIN.digest(TERMS).digest
LOT = ETH_USDT.lot_size
SIZE = 100 * LOT  # of each order: 0.01 ETH
LIFE = 3_600


@dataclass(frozen=True)
class Session:
    """``states`` follow the setup state, one built on the other; ``proposals`` are their params as JSON."""

    setup: State
    states: list[State]
    digests: list[bytes]
    proposals: list[bytes]
    intents: list[SignedOrder]


class Writer:
    """Plays both parts, by the transitions themselves."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.setup = setup_state(TERMS, CHANNEL, now)
        self.last, self.digest = self.setup, DOMAIN.digest(self.setup).digest
        self.orders: dict[bytes, Order] = {}
        self.session = Session(self.setup, [], [], [], [])

    def open(self) -> None:
        """A new order, buy and sell by turns, each at a price of its own."""
        nonce = len(self.orders) + 1
        side = Side.BUY if nonce % 2 else Side.SELL
        price = (2_000 - nonce % 97 if side is Side.BUY else 2_100 + nonce % 89) * 10**6
        tif, now = TimeInForce.GOOD_TILL_TIME, self.now
        order = Order(CHANNEL, nonce, ETH, USDT, side, price, SIZE, tif, now + LIFE, now + LIFE)
        typed = DOMAIN.digest(order)
        signed = SignedOrder(typed.digest, order, sign(TRADER, typed))
        self.orders[signed.id] = order
        self.session.intents.append(signed)
        self._add(Transition.CREATE_ORDER, create_order(TERMS, contents_of(self.last), signed.id, order), (signed,))

    def fill(self, part: int) -> None:
        """Part of the oldest order, with a fee of 0.1 % of what arrives."""
        row = self.last.open_orders[0]
        gross = ETH_USDT.notional(row.price, part)
        fill = Fill(row.id, row.price, part, (part if row.side == Side.BUY else gross) // 1_000)
        self._add(Transition.TRADE, trade(TERMS, contents_of(self.last), (fill,), self.orders), fills=(fill,))

    def cancel(self) -> None:
        """The newest order."""
        after = cancel_order(TERMS, contents_of(self.last), self.last.open_orders[-1].id)
        self._add(Transition.CANCEL_ORDER, after)

    def _add(
        self,
        transition: Transition,
        after: Contents,
        intents: tuple[SignedOrder, ...] = (),
        fills: tuple[Fill, ...] = (),
    ) -> None:
        last = self.last
        state = successor(last, self.digest, last.increment + 1, transition, after, self.now, fills=fills)
        typed = DOMAIN.digest(state)
        params = {
            "channel": codec.show_hex(CHANNEL),
            "envelope": codec.envelope(state),
            "state": codec.state_array(state),
            "signature": codec.show_hex(sign(BROKER, typed)),
            "intents": [codec.show_signed_order(signed) for signed in intents],
        }
        self.session.proposals.append(msgspec.json.encode(params))
        self.session.states.append(state)
        self.session.digests.append(typed.digest)
        self.last, self.digest = state, typed.digest


def write_session(states: int, resting: int, now: int | None = None) -> Session:
    """``states`` states after ``resting`` orders were opened: create, part, rest, create, cancel…"""
    writer = Writer(int(time.time()) if now is None else now)
    for _ in range(resting):
        writer.open()
    while len(writer.session.states) < resting + states:
        writer.open()
        writer.fill(SIZE // 4)
        writer.fill(SIZE - SIZE // 4)
        writer.open()
        writer.cancel()
    return writer.session


def frames_of(session: Session) -> list[str]:
    """What arrives: one text frame for each proposal."""
    return [
        f'{{"jsonrpc":"2.0","id":{number},"method":"propose","params":{params.decode()}}}'
        for number, params in enumerate(session.proposals, 1)
    ]


def forget() -> None:
    """Empties every cache of the protocol: making the session has filled them with what it has yet to bring."""
    for module in (eip712, codec, signatures, statetext):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
    gc.collect()
    gc.freeze()  # a live session has no prepared one beside it to search for garbage


def fill_journal(path: Path, session: Session) -> Journal:
    """The journal of a wallet that has state 0, signed by both, and has signed all the intents."""
    journal = Journal.open(path)
    with journal.store.transaction():
        journal.add_channel(ChannelRecord(CHANNEL, Role.TRADER, 31337, CONTRACT, TERMS, Phase.OPEN.value, 0))
        typed = DOMAIN.digest(session.setup)
        both = sign(BROKER, typed), sign(TRADER, typed)
        journal.record(Entry(session.setup, typed.digest, Role.BROKER, Status.VALIDATED, *both, own=True, recorded=0))
        for signed in session.intents:
            journal.add_intent(signed, "submitted", 0)
    return journal


def profile(port: int) -> BrokerProfile:
    """The double's profile."""
    return BrokerProfile(
        name="Bench",
        url=f"ws://127.0.0.1:{port}",
        broker=ADDRESSES["broker"],
        signer=ADDRESSES["broker signer"],
        chain_id=31337,
        rpc=("http://127.0.0.1:1",),
        adjudicator=CONTRACT,
        tokens=(Token(ETH, "ETH", 18), Token(USDT, "USDT", 6)),
        offer=Offer(TERMS.initiative, (), TERMS.markets),
        test=True,
        simulated=True,
    )
