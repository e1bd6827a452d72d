"""The adjudicator on one chain, typed: checked before it is trusted, read, called, and listened to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from wallet.chain import calls, token
from wallet.chain.abi import decode
from wallet.chain.artifact import adjudicator
from wallet.chain.calls import NO_MANDATE, Mandate, Validation
from wallet.chain.events import Challenged, Closed, Event, Opened, Responded, Settled, read_event, topic
from wallet.chain.quantities import show_quantity
from wallet.chain.records import Receipt
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Sender
from wallet.protocol.eip712 import Domain, keccak
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Outcome, State
from wallet.protocol.terms import NATIVE, Terms

LOG_PAGE = 5_000  # blocks; nodes bound what one question may span
LEAST_PAGE = 500
MAX_PAGES = 5_000  # questions to one node about one owner's channels
# What a node says to a question about too many blocks; each in its own way.
_TOO_MUCH = frozenset({"RPC_ERROR", "RPC_SIZE", "RPC_TIMEOUT", "RPC_HTTP", "RPC_BAD_REPLY"})


class Status(IntEnum):
    """Where a channel stands on chain; the numbers are the contract's."""

    NONE = 0
    OPEN = 1
    DISPUTED = 2
    SETTLED = 3


@dataclass(frozen=True, slots=True)
class OnChain:
    """A channel as the chain has it. ``deadline`` (Unix seconds) and ``outcomes_hash`` are zero unless disputed."""

    status: Status
    deadline: int
    increment: int
    outcomes_hash: bytes


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a broker's signer may commit: ``used`` of ``cap`` base units, until ``until`` (Unix seconds)."""

    cap: int
    used: int
    until: int


class Adjudicator:
    """One adjudicator, at ``address`` on chain ``chain_id``, through one node."""

    def __init__(self, rpc: Rpc, chain_id: int, address: bytes) -> None:
        self.rpc = rpc
        self.chain_id = chain_id
        self.address = address
        self.domain = Domain(chain_id, address)

    async def check_deployment(self, rpc: Rpc | None = None) -> None:
        """That the node is on the chain it should be, and that the contract is the released one. On every connect.

        Raises WalletError("CHAIN_WRONG_ID") or WalletError("CHAIN_WRONG_CODE").
        """
        rpc = rpc or self.rpc
        chain_id = await rpc.chain_id()
        if chain_id != self.chain_id:
            raise WalletError("CHAIN_WRONG_ID", expected=self.chain_id, got=chain_id, node=rpc.node)
        code = await rpc.code(self.address)
        expected = adjudicator().code_hash
        if keccak(code) != expected:
            raise WalletError(
                "CHAIN_WRONG_CODE",
                node=rpc.node,
                address="0x" + self.address.hex(),
                expected="0x" + expected.hex(),
                got="0x" + keccak(code).hex() if code else "no contract",
            )

    # --- reading -------------------------------------------------------------------------------------------------

    async def free_balance(self, owner: bytes, asset: bytes) -> int:
        """Base units that only the owner's own call moves."""
        return int(await self._read("freeBalance", owner, asset))

    async def credit(self, trader: bytes, asset: bytes) -> int:
        """Base units that settled channels have credited and nobody has withdrawn yet."""
        return int(await self._read("credit", trader, asset))

    async def channel(self, channel: bytes, block: int | None = None) -> OnChain:
        """As the chain has it at ``block``, or now.

        Some blocks back is how confirmations are counted: what a reorganisation takes away was never seen there.
        """
        function = calls.function("channel")
        tag = "latest" if block is None else show_quantity(block)
        found = await self.rpc.call(self.address, function.encode(channel), tag=tag)
        status, deadline, increment, outcomes = function.decode_result(found)
        if status not in tuple(Status):
            raise WalletError("RPC_BAD_REPLY", method="channel", reason="unknown status")
        return OnChain(Status(status), deadline, increment, outcomes)

    async def authorization(self, broker: bytes, signer: bytes, asset: bytes) -> Authorization:
        return Authorization(*await self._read("authorization", broker, signer, asset))

    async def channel_id(self, terms: Terms) -> bytes:
        """The contract's own digest of the terms; the program computes it by itself everywhere else."""
        return bytes(await self._read("channelId", calls.terms_tuple(terms)))

    async def state_digest(self, state: State) -> bytes:
        """The contract's own digest of a state."""
        return bytes(await self._read("stateDigest", state.channel, calls.state_tuple(state)))

    async def _read(self, name: str, *arguments: object) -> Any:
        function = calls.function(name)
        values = function.decode_result(await self.rpc.call(self.address, function.encode(*arguments)))
        return values[0] if len(values) == 1 else values

    # --- money ---------------------------------------------------------------------------------------------------

    async def deposit(self, sender: Sender, asset: bytes, amount: int) -> Receipt:
        """Adds to the sender's free balance; approves a token for exactly this amount first."""
        if asset != NATIVE:
            await token.approve_exactly(sender, self.rpc, asset, self.address, amount)
        return await sender.execute(calls.deposit(self.address, asset, amount))

    async def withdraw(self, sender: Sender, asset: bytes, amount: int, to: bytes) -> Receipt:
        """From the sender's credit first, the rest from his free balance."""
        return await sender.execute(calls.withdraw(self.address, asset, amount, to))

    async def push_credit(self, sender: Sender, asset: bytes, trader: bytes) -> Receipt:
        """Anyone may send a trader his credit, to his own address."""
        return await sender.execute(calls.push_credit(self.address, asset, trader))

    async def authorize(self, sender: Sender, signer: bytes, asset: bytes, headroom: int, until: int) -> Receipt:
        """Lets ``signer`` commit ``headroom`` more than it has used so far (the contract's cap counts all of it)."""
        used = (await self.authorization(sender.address, signer, asset)).used
        return await sender.execute(calls.authorize(self.address, signer, asset, used + headroom, until))

    # --- channels ------------------------------------------------------------------------------------------------

    async def lacking(self, terms: Terms) -> dict[bytes, int]:
        """Base units by asset that the trader's free balance lacks for the allocations; without those at zero."""
        found = {}
        for row in terms.assets:
            lack = row.allocation - await self.free_balance(terms.trader, row.asset) if row.allocation else 0
            if lack > 0:
                found[row.asset] = lack
        return found

    async def open(
        self, sender: Sender, terms: Terms, time: int, trader_signature: bytes, broker_signature: bytes
    ) -> Receipt:
        """Opens the channel by the trader's own transactions: exact approvals first, then one call that deposits.

        The signatures are on the setup state of ``time``.
        """
        lacking = await self.lacking(terms)
        for asset, amount in lacking.items():
            if asset != NATIVE:
                await token.approve_exactly(sender, self.rpc, asset, self.address, amount)
        if lacking:
            call = calls.open_with_deposit(
                self.address, terms, time, trader_signature, broker_signature, lacking.get(NATIVE, 0)
            )
        else:
            call = calls.open_channel(self.address, terms, time, trader_signature, broker_signature)
        return await sender.execute(call)

    async def close(
        self, sender: Sender, terms: Terms, state: State, trader_signature: bytes, broker_signature: bytes
    ) -> Receipt:
        """Settles by a finalize state with both signatures; anyone, any time before it is settled."""
        return await sender.execute(calls.close(self.address, terms, state, trader_signature, broker_signature))

    async def challenge(
        self, sender: Sender, terms: Terms, state: State, validation: Validation, mandate: Mandate = NO_MANDATE
    ) -> Receipt:
        """Starts a dispute with a validated state: an owner's call, or anyone's with his mandate."""
        return await sender.execute(calls.challenge(self.address, terms, state, validation, mandate))

    async def respond(self, sender: Sender, terms: Terms, state: State, validation: Validation) -> Receipt:
        """Answers a dispute with a higher validated state; anyone, at or before the deadline."""
        return await sender.execute(calls.respond(self.address, terms, state, validation))

    async def settle(self, sender: Sender, terms: Terms, outcomes: tuple[Outcome, ...]) -> Receipt:
        """Pays by the recorded outcomes; anyone, after the deadline."""
        return await sender.execute(calls.settle(self.address, terms, outcomes))

    # --- events --------------------------------------------------------------------------------------------------

    async def events(
        self,
        first: int,
        last: int,
        kinds: tuple[type[Event], ...] = (),
        subject: bytes | None = None,
    ) -> AsyncIterator[Event]:
        """Events in blocks first … last, in order; of ``kinds`` only, and of one channel (or owner, or broker) only.

        ``subject`` is the first indexed member: a 32-byte channel id, or a 20-byte address for the events of money.
        """
        named = tuple(topic(kind) for kind in kinds) or None
        topics = (named,) if subject is None else (named, subject.rjust(32, b"\0"))
        for start in range(first, last + 1, LOG_PAGE):
            for log in await self.rpc.logs(start, min(start + LOG_PAGE - 1, last), self.address, topics):
                yield read_event(log)

    async def recorded_outcomes(self, channel: bytes, first: int, last: int) -> tuple[Outcome, ...]:
        """What is recorded for a disputed channel, from its events in blocks first … last: all that `settle` needs.

        They are held against the digest that the contract keeps. Raises WalletError("CHAIN_NOT_DISPUTED"), or
        WalletError("CHAIN_NO_RECORD") if the events do not show what is recorded.
        """
        found = await self.channel(channel)
        if found.status is not Status.DISPUTED:
            raise WalletError("CHAIN_NOT_DISPUTED", channel="0x" + channel.hex(), status=found.status.name.lower())
        async for event in self.events(first, last, (Challenged, Responded), channel):
            outcomes = event.outcomes if isinstance(event, Challenged | Responded) else ()
            if calls.outcomes_hash(outcomes) == found.outcomes_hash:
                return outcomes
        raise WalletError("CHAIN_NO_RECORD", channel="0x" + channel.hex(), increment=found.increment)

    async def opened_by(
        self, trader: bytes, first: int, last: int, told: Callable[[int, int], None] = lambda _done, _all: None
    ) -> tuple[Opened, ...]:
        """The channels a trader opened: what a wallet restored from its phrase alone begins with.

        Asked of all blocks at once, and of ever fewer where a node will not answer that; ``told`` learns how many
        blocks are done. What a node shows must be consistent: a channel's id is the digest of its terms. Raises
        WalletError("CHAIN_TOO_LONG") for a node that would have to be asked too often.
        """
        found: list[Opened] = []
        topics = (topic(Opened), None, trader.rjust(32, b"\0"))
        start, span, asked = first, max(last - first + 1, 1), 0
        while start <= last:
            asked += 1
            if asked > MAX_PAGES:
                raise WalletError("CHAIN_TOO_LONG", block=start, node=self.rpc.node)
            try:
                logs = await self.rpc.logs(start, min(start + span - 1, last), self.address, topics)
            except WalletError as error:
                if error.code not in _TOO_MUCH or span <= LEAST_PAGE:
                    raise
                span = max(span // 4, LEAST_PAGE)
                continue
            for log in logs:
                event = read_event(log)
                if not isinstance(event, Opened) or event.trader != trader or event.terms.trader != trader:
                    raise WalletError("RPC_BAD_REPLY", method="eth_getLogs", reason="an event that was not asked for")
                if self.domain.seen_channel(event.terms, event.markets_hash) != event.channel:
                    raise WalletError("RPC_BAD_REPLY", method="eth_getLogs", reason="terms of another channel")
                found.append(event)
            start += span
            told(min(start, last + 1) - first, last + 1 - first)
        return tuple(found)

    async def last_outcomes(self, channel: bytes, first: int, last: int) -> tuple[Outcome, ...] | None:
        """What a channel was settled by, from its events in blocks first … last; None if they do not show it."""
        async for event in self.events(first, last, (Closed, Settled), channel):
            if isinstance(event, Closed | Settled):
                return event.outcomes
        return None

    async def opening_signatures(self, opened: Opened) -> tuple[bytes, bytes] | None:
        """Trader's and broker's signature on the setup state, from the opening's own transaction.

        None if the channel was opened by way of another contract. The node's word: they are to be checked.
        """
        data = await self.rpc.transaction_data(opened.log.transaction)
        for name in ("open", "openWithDeposit"):
            function = calls.function(name)
            if data is not None and data.startswith(function.selector):
                values = decode(function.inputs, data[4:], name)
                return bytes(values[2]), bytes(values[3])
        return None
