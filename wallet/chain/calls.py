"""Every call of the adjudicator and of an ERC-20 as {to, data, value}, from protocol objects. Pure.

Wallet, broker and the withdrawal proof make their transactions from here, so that what a proof offers is what the
program itself would send. Source: design §6 and §7.
"""

from __future__ import annotations

from dataclasses import dataclass

from wallet.chain.abi import Function
from wallet.chain.artifact import adjudicator
from wallet.protocol.eip712 import (
    array_hash,
    balance_hash,
    fill_hash,
    markets_hash,
    open_order_hash,
    outcome_hash,
)
from wallet.protocol.state import Outcome, State
from wallet.protocol.terms import NATIVE, Role, Terms

# EIP-20: the part every token has.
ERC20_BALANCE = Function("balanceOf", ("address",), ("uint256",))
ERC20_ALLOWANCE = Function("allowance", ("address", "address"), ("uint256",))
ERC20_DECIMALS = Function("decimals", (), ("uint8",))
ERC20_SYMBOL = Function("symbol", (), ("string",))
ERC20_TRANSFER = Function("transfer", ("address", "uint256"), ("bool",))
ERC20_APPROVE = Function("approve", ("address", "uint256"), ("bool",))


@dataclass(frozen=True, slots=True)
class Call:
    """What to send where; ``value`` in wei."""

    to: bytes
    data: bytes
    value: int = 0


@dataclass(frozen=True, slots=True)
class Validation:
    """What makes a state usable on chain: each role's signature, on the state itself or on a direct successor.

    ``successor_role`` says whose signature is on ``successor`` instead of the state; both are None when both
    signatures are on the state. The setup state needs neither: two empty signatures.
    """

    trader_signature: bytes = b""
    broker_signature: bytes = b""
    successor: State | None = None
    successor_role: Role | None = None


@dataclass(frozen=True, slots=True)
class Mandate:
    """An owner's signed Challenge: its bearer may start the dispute for him, until ``valid_until`` (Unix seconds)."""

    min_increment: int
    valid_until: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class SeenTerms:
    """Terms as the chain shows them: without their markets, of which it knows the hash alone. Enough for its calls."""

    terms: Terms
    markets_hash: bytes


NO_MANDATE = Mandate(0, 0, b"")


def function(name: str) -> Function:
    """The adjudicator's function ``name``, as its artifact has it."""
    return adjudicator().abi.functions[name]


# --- structs as the contract takes them --------------------------------------------------------------------------


def terms_tuple(given: Terms | SeenTerms) -> tuple[object, ...]:
    """The contract's Terms: markets only by their hash."""
    terms = given.terms if isinstance(given, SeenTerms) else given
    return (
        terms.trader,
        terms.trader_signer,
        terms.broker,
        terms.broker_signer,
        terms.nonce,
        terms.open_before,
        terms.challenge_period,
        int(terms.initiative),
        terms.max_fee,
        terms.heartbeat,
        terms.answer_time,
        terms.skew,
        terms.yield_interval,
        terms.max_open_orders,
        terms.max_fills,
        [tuple(row) for row in terms.assets],
        given.markets_hash if isinstance(given, SeenTerms) else markets_hash(terms.markets),
    )


def _head(state: State) -> tuple[object, ...]:
    return (
        state.increment,
        state.time,
        int(state.turn),
        int(state.transition),
        state.order_nonce,
        array_hash(map(fill_hash, state.fills)),
        array_hash(map(balance_hash, state.balances)),
        array_hash(map(open_order_hash, state.open_orders)),
    )


def state_tuple(state: State) -> tuple[object, ...]:
    """The contract's State: fills, balances and orders by their hashes, outcomes in full."""
    return (state.previous, *_head(state), outcomes_list(state.outcomes))


def outcomes_list(outcomes: tuple[Outcome, ...]) -> list[tuple[object, ...]]:
    return [tuple(row) for row in outcomes]


def outcomes_hash(outcomes: tuple[Outcome, ...]) -> bytes:
    """What the contract keeps of recorded outcomes."""
    return array_hash(map(outcome_hash, outcomes))


def validation_tuple(validation: Validation) -> tuple[object, ...]:
    successors: list[tuple[object, ...]] = []
    if validation.successor is not None and validation.successor_role is not None:
        successor = validation.successor
        successors.append((int(validation.successor_role), *_head(successor), outcomes_hash(successor.outcomes)))
    return (validation.trader_signature, validation.broker_signature, successors)


# --- calls of the adjudicator ------------------------------------------------------------------------------------


def deposit(contract: bytes, asset: bytes, amount: int) -> Call:
    """By the owner. The native currency goes along as value; an ERC-20 must be approved before."""
    return Call(contract, function("deposit").encode(asset, amount), amount if asset == NATIVE else 0)


def withdraw(contract: bytes, asset: bytes, amount: int, to: bytes) -> Call:
    """By the owner: from credit first, then from the free balance."""
    return Call(contract, function("withdraw").encode(asset, amount, to))


def push_credit(contract: bytes, asset: bytes, trader: bytes) -> Call:
    """By anyone: the trader's whole credit goes to his own address."""
    return Call(contract, function("pushCredit").encode(asset, trader))


def authorize(contract: bytes, signer: bytes, asset: bytes, cap: int, until: int) -> Call:
    """By the broker's owner. ``cap`` counts everything the signer has used so far: see the contract."""
    return Call(contract, function("authorize").encode(signer, asset, cap, until))


def open_channel(contract: bytes, terms: Terms, time: int, trader_signature: bytes, broker_signature: bytes) -> Call:
    """By the trader, out of free balances. The signatures are on the setup state of ``time``."""
    data = function("open").encode(terms_tuple(terms), time, trader_signature, broker_signature)
    return Call(contract, data)


def open_with_deposit(
    contract: bytes, terms: Terms, time: int, trader_signature: bytes, broker_signature: bytes, value: int
) -> Call:
    """By the trader; deposits what his free balance lacks. ``value``: the native currency that it lacks, exactly."""
    data = function("openWithDeposit").encode(terms_tuple(terms), time, trader_signature, broker_signature)
    return Call(contract, data, value)


def close(contract: bytes, terms: Terms, state: State, trader_signature: bytes, broker_signature: bytes) -> Call:
    """By anyone: settles by a finalize state with both signatures on it."""
    data = function("close").encode(terms_tuple(terms), state_tuple(state), trader_signature, broker_signature)
    return Call(contract, data)


def challenge(
    contract: bytes, terms: Terms | SeenTerms, state: State, validation: Validation, mandate: Mandate = NO_MANDATE
) -> Call:
    """By an owner, or with an owner's mandate by anyone: records the state, starts the challenge period."""
    bearer = (mandate.min_increment, mandate.valid_until, mandate.signature)
    data = function("challenge").encode(terms_tuple(terms), state_tuple(state), validation_tuple(validation), bearer)
    return Call(contract, data)


def respond(contract: bytes, terms: Terms, state: State, validation: Validation) -> Call:
    """By anyone: answers a dispute with a higher state, at or before its deadline."""
    data = function("respond").encode(terms_tuple(terms), state_tuple(state), validation_tuple(validation))
    return Call(contract, data)


def settle(contract: bytes, terms: Terms | SeenTerms, outcomes: tuple[Outcome, ...]) -> Call:
    """By anyone, after the deadline: pays by the recorded outcomes."""
    return Call(contract, function("settle").encode(terms_tuple(terms), outcomes_list(outcomes)))


# --- calls of a token --------------------------------------------------------------------------------------------


def approve(token: bytes, spender: bytes, amount: int) -> Call:
    """By the token's owner: exactly what is needed, never without a limit."""
    return Call(token, ERC20_APPROVE.encode(spender, amount))


def transfer(token: bytes, to: bytes, amount: int) -> Call:
    """By the token's owner."""
    return Call(token, ERC20_TRANSFER.encode(to, amount))


def read_transfer(data: bytes) -> tuple[bytes, int] | None:
    """Recipient and amount of a token transfer's calldata; None for any other data."""
    return _read_pair(ERC20_TRANSFER, data)


def read_approval(data: bytes) -> tuple[bytes, int] | None:
    """The same of an approval: who may take, and how much."""
    return _read_pair(ERC20_APPROVE, data)


def _read_pair(function: Function, data: bytes) -> tuple[bytes, int] | None:
    selector, rest = data[:4], data[4:]
    if selector != function.selector or len(rest) != 64 or any(rest[:12]):
        return None
    return rest[12:32], int.from_bytes(rest[32:], "big")
