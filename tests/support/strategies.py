"""Hypothesis strategies for whole protocol objects: any value the types can hold, valid in the game or not."""

from __future__ import annotations

from hypothesis import strategies as st

from wallet.protocol import intents
from wallet.protocol.intents import Order, TimeInForce
from wallet.protocol.state import Balance, Fill, OpenOrder, Outcome, Side, State, Transition
from wallet.protocol.terms import Asset, Initiative, Market, Role, Terms

addresses = st.binary(min_size=20, max_size=20)
words = st.binary(min_size=32, max_size=32)
amounts = st.one_of(st.integers(0, 2**256 - 1), st.sampled_from([0, 1, 2**63, 2**64, 2**255, 2**256 - 1]))
counters = st.integers(0, 2**53 - 1)
small = st.integers(0, 2**16 - 1)
seconds = st.integers(0, 2**32 - 1)

assets = st.builds(Asset, addresses, amounts, amounts)
markets = st.builds(Market, addresses, addresses, amounts, amounts, amounts, amounts, amounts)
fills = st.builds(Fill, words, amounts, amounts, amounts)
balances = st.builds(Balance, addresses, amounts, amounts)
open_orders = st.builds(OpenOrder, words, addresses, addresses, st.sampled_from((0, 1)), amounts, amounts, amounts)
outcomes = st.builds(Outcome, addresses, amounts, amounts)


def rows(strategy: st.SearchStrategy, most: int = 4) -> st.SearchStrategy:
    return st.lists(strategy, max_size=most).map(tuple)


states = st.builds(
    State,
    channel=words,
    previous=words,
    increment=counters,
    time=counters,
    turn=st.sampled_from(Role),
    transition=st.sampled_from(Transition),
    order_nonce=counters,
    fills=rows(fills),
    balances=rows(balances),
    open_orders=rows(open_orders),
    outcomes=rows(outcomes),
)
terms = st.builds(
    Terms,
    trader=addresses,
    trader_signer=addresses,
    broker=addresses,
    broker_signer=addresses,
    nonce=amounts,
    open_before=counters,
    challenge_period=counters,
    initiative=st.sampled_from(Initiative),
    max_fee=seconds,
    heartbeat=seconds,
    answer_time=seconds,
    skew=seconds,
    yield_interval=seconds,
    max_open_orders=small,
    max_fills=small,
    assets=rows(assets),
    markets=rows(markets),
)
orders = st.builds(
    Order,
    channel=words,
    order_nonce=counters,
    base=addresses,
    quote=addresses,
    side=st.sampled_from(Side),
    price=amounts,
    amount=amounts,
    time_in_force=st.sampled_from(TimeInForce),
    open_before=counters,
    expiry=counters,
)
auths = st.builds(
    intents.Auth,
    nonce=words,
    peer_nonce=words,
    account=addresses,
    peer=addresses,
    role=st.integers(0, 1),
    host=st.text(max_size=40),
)
small_structs = st.one_of(
    st.builds(intents.Cancel, words, words),
    st.builds(intents.CancelReceipt, words, words),
    st.builds(intents.FinalizeRequest, words, words, counters),
    st.builds(intents.Heartbeat, words, counters, words, counters),
    st.builds(intents.Resume, words, counters, words, words, words),
    st.builds(intents.Challenge, words, counters, counters),
    auths,
)
