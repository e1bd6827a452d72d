"""The ground of the liar tests: one open channel, its wallet connected over a real socket, every number a literal.

Two assets: ETH (18 decimals, the zero address) and USDT (6, 0x11…). Allocation 2 ETH and 10,000 USDT. Two orders:
a resting buy of 1 ETH at 2,000 and a resting sell of 0.5 ETH at 2,500.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.session.liar import KeyOf, LyingBroker
from tests.support.game import ADDRESSES, CONTRACT, ETH, ETH_USDT, KEYS, USDT, make_terms
from tests.support.waiting import PATIENCE
from wallet.history.journal import ChannelRecord, Entry, IntentRecord, Journal, Status
from wallet.protocol import codec
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order, SignedOrder, TimeInForce
from wallet.protocol.signatures import sign
from wallet.protocol.state import Side
from wallet.protocol.terms import Asset, Initiative, Role
from wallet.session.broker_profile import BrokerProfile, Offer, Token
from wallet.session.connection import SessionKeys
from wallet.session.link import BrokerLink
from wallet.session.phases import Phase

DOMAIN = Domain(31337, CONTRACT)
E_, U_ = codec.show_hex(ETH), codec.show_hex(USDT)
TERMS = make_terms(
    assets=(Asset(ETH, 2 * 10**18, 10 * 10**18), Asset(USDT, 10_000 * 10**6, 20_000 * 10**6)),
    markets=(ETH_USDT,),
)
CHANNEL = DOMAIN.digest(TERMS).digest
LIAR = KeyOf(KEYS["broker signer"])
SESSION = KeyOf(KEYS["trader signer"])
OWNER = KeyOf(KEYS["trader"])


class Keys:
    """The session key of the one channel, and the owner's."""

    def signer(self, address: bytes) -> KeyOf:
        return {SESSION.address: SESSION, OWNER.address: OWNER}[address]


class OwnerKeys:
    """What there is of a profile that was restored from a backup."""

    def signer(self, address: bytes) -> KeyOf:
        if address != OWNER.address:
            raise WalletError("KEYS_NO_SESSION_KEY", address=address.hex())
        return OWNER


def intent(
    nonce: int, side: Side, price: int, amount: int, tif: TimeInForce = TimeInForce.GOOD_TILL_TIME
) -> SignedOrder:
    now = int(time.time())
    order = Order(CHANNEL, nonce, ETH, USDT, side, price, amount, tif, now + 10, now + 3600)
    typed = DOMAIN.digest(order)
    return SignedOrder(typed.digest, order, SESSION.sign(typed))


@dataclass
class Ground:
    """What a test stands on: ``envelope`` and ``array`` are those of the last validated state (number 2)."""

    liar: LyingBroker
    link: BrokerLink
    journal: Journal
    buy: str
    sell: str
    fresh: SignedOrder
    unsent: SignedOrder
    envelope: dict[str, Any]
    array: list[Any]
    digests: list[str]

    @property
    def channel(self) -> Any:
        return self.link.channels[CHANNEL]

    def signatures_of_trader(self, increment: int) -> list[bytes]:
        return [
            entry.trader_signature
            for entry in self.journal.at(CHANNEL, increment)
            if entry.trader_signature is not None
        ]


def head(previous: str, transition: str, nonce: int, fills: list[list[str]] | None = None) -> dict[str, Any]:
    return {
        "channel": codec.show_hex(CHANNEL),
        "previous": previous,
        "time": int(time.time()),
        "turn": "broker",
        "transition": transition,
        "orderNonce": nonce,
        "fills": fills or [],
    }


def base_states(buy: str, sell: str) -> list[tuple[str, int, list[Any]]]:
    """States 0, 1, 2 as (transition, orderNonce, array)."""
    buy_row = [buy, E_, U_, "buy", "2000000000", "1000000000000000000", "0"]
    sell_row = [sell, E_, U_, "sell", "2500000000", "500000000000000000", "0"]
    zero = [[E_, "0", "0"], [U_, "0", "0"]]
    return [
        ("setup", 0, [0, [[E_, "2000000000000000000", "0"], [U_, "10000000000", "0"]], [], zero]),
        (
            "create_order",
            1,
            [1, [[E_, "2000000000000000000", "0"], [U_, "8000000000", "2000000000"]], [buy_row], zero],
        ),
        (
            "create_order",
            2,
            [
                2,
                [[E_, "1500000000000000000", "500000000000000000"], [U_, "8000000000", "2000000000"]],
                [buy_row, sell_row],
                zero,
            ],
        ),
    ]


@asynccontextmanager
async def ground(
    path: Path,
    *,
    phase: Phase = Phase.OPEN,
    prepare: Callable[[LyingBroker], None] = lambda _: None,
    wait: float = PATIENCE,
    keys: SessionKeys | None = None,
) -> AsyncIterator[Ground]:
    """A wallet standing at state 2, connected to the liar (with ``wait`` 0: trying to)."""
    assert TERMS.initiative is Initiative.BROKER
    journal = Journal.open(path / "history.db")
    journal.add_channel(ChannelRecord(CHANNEL, Role.TRADER, 31337, CONTRACT, TERMS, phase.value, 0))
    buy, sell = (
        intent(1, Side.BUY, 2_000 * 10**6, 10**18),
        intent(2, Side.SELL, 2_500 * 10**6, 5 * 10**17),
    )
    fresh = intent(3, Side.BUY, 1_000 * 10**6, 10**18)
    unsent = intent(4, Side.BUY, 500 * 10**6, 10**18)
    for signed, status in ((buy, "open"), (sell, "open"), (fresh, "submitted"), (unsent, "submitted")):
        journal.add_intent(signed, status, 0)
    previous, envelope, array, digests = "0x" + "00" * 32, {}, [], []
    for transition, nonce, array in base_states(codec.show_hex(buy.id), codec.show_hex(sell.id)):
        envelope = head(previous, transition, nonce)
        state = codec.read_state(envelope, array)
        typed = DOMAIN.digest(state)
        journal.record(
            Entry(
                state,
                typed.digest,
                Role.BROKER,
                Status.VALIDATED,
                sign(KEYS["broker signer"], typed),
                SESSION.sign(typed),
                own=True,
            )
        )
        previous = codec.show_hex(typed.digest)
        digests.append(previous)
    async with LyingBroker(DOMAIN, LIAR, highest=(2, bytes.fromhex(previous[2:]))) as liar:
        prepare(liar)
        link = BrokerLink(profile_of(liar.port), journal, keys or Keys(), lambda: None)
        task = asyncio.create_task(link.run())
        try:
            if wait:
                await link.online(wait)
            yield Ground(
                liar,
                link,
                journal,
                codec.show_hex(buy.id),
                codec.show_hex(sell.id),
                fresh,
                unsent,
                envelope,
                array,
                digests,
            )
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            journal.close()


def profile_of(port: int) -> BrokerProfile:
    return BrokerProfile(
        name="Liar",
        url=f"ws://127.0.0.1:{port}",
        broker=ADDRESSES["broker"],
        signer=LIAR.address,
        chain_id=31337,
        rpc=("http://127.0.0.1:1",),
        adjudicator=CONTRACT,
        tokens=(Token(ETH, "ETH", 18), Token(USDT, "USDT", 6)),
        offer=Offer(Initiative.BROKER, (), TERMS.markets),
        test=True,
        simulated=True,
    )


__all__ = ["CHANNEL", "DOMAIN", "E_", "LIAR", "SESSION", "U_", "Ground", "IntentRecord", "ground", "head"]
