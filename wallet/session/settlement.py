"""The chain side of our channels: what the contract says of them, and the transactions that open, close and pay.

What the chain shows wins over what this program remembers. Raw transactions are on disk before they leave; one that
was signed and not mined is sent again as it is. Source: design §6; architecture "persist, then send".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from wallet.chain import calls, token
from wallet.chain.agreement import Agreement
from wallet.chain.calls import Call, Validation
from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.guard import Duty, Guarded
from wallet.chain.nodes import MAX_NODES, Nodes
from wallet.chain.records import Receipt
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Sender, TransactionSigner
from wallet.chain.urgent import UrgentSender
from wallet.history.journal import Journal
from wallet.history.journal import Status as Recorded
from wallet.protocol.amounts import MAX_INCREMENT
from wallet.protocol.codec import read_hex, show_hex
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Outcome
from wallet.protocol.terms import NATIVE
from wallet.session.alarms import Alarms
from wallet.session.backoff import Backoff
from wallet.session.broker_profile import DEVELOPMENT_CHAINS, SANDBOX_CHAIN, BrokerProfile, Token
from wallet.session.channel import TraderChannel
from wallet.session.mandate import Departures
from wallet.session.outbox import Outbox
from wallet.session.papers import best_provable
from wallet.session.phases import Event, Phase
from wallet.session.transfers import Transfers
from wallet.session.watcher import Watcher

log = logging.getLogger(__name__)

POLL = 1.0
LONGEST_PAUSE = 30.0
GAS_RESERVE = 3_000_000  # gas kept back for open, challenge, settle and withdrawals
GAS_ALLOWANCE = 500_000  # gas the gas key is given for: an answer, settling, paying out
LOOK_BACK = 30  # looks between two at channels that are over: a node may have lied about that once
LATE = 600  # seconds after openBefore by our own clock; a quiet test chain makes no block to tell the time by
CONFIRMATIONS = 12  # blocks an opening must be deep before a state above the setup is signed
RECORD_BLOCKS = 250_000  # how far back the record of a dispute is looked for

OVERTAKING = 60.0  # seconds within which another's transaction is mined that made ours impossible
_OVERTAKEN = ("RPC_REVERTED", "TX_FAILED")

_COMING = (Phase.AGREED, Phase.OPENING)
_OVER = (Phase.WITHDRAWN, Phase.ABANDONED)
_UNWATCHED = (Phase.REQUESTED, *_OVER)

Advance = Callable[[TraderChannel, Event], None]
_SEEN = {Status.OPEN: Event.SEEN_OPEN, Status.DISPUTED: Event.SEEN_DISPUTED, Status.SETTLED: Event.SEEN_SETTLED}


@dataclass(slots=True)
class Holdings:
    """What the owner has outside of channels, by asset in base units."""

    wallet: dict[bytes, int]
    free: dict[bytes, int]
    credit: dict[bytes, int]


@dataclass(frozen=True, slots=True)
class Turns:
    """Whose turn it is to send from an account to a chain: two senders at once would take the same nonce."""

    owner: asyncio.Lock = field(default_factory=asyncio.Lock)
    gas: asyncio.Lock = field(default_factory=asyncio.Lock)


class ChainLink:
    """One chain and the adjudicator on it. Belongs to one asyncio loop."""

    def __init__(
        self,
        profile: BrokerProfile,
        journal: Journal,
        channels: Callable[[], Iterable[TraderChannel]],
        advance: Advance,
        changed: Callable[[], None],
        gas: TransactionSigner | None = None,
        turns: Turns | None = None,
        nodes: Sequence[str] = (),
    ) -> None:
        """``gas``: the key that pays for what anyone may send; without it nothing is watched.

        ``turns`` are shared by all that send from the same accounts to this chain. ``nodes``: the user's own, asked
        before those of the profile.
        """
        turns = turns or Turns()
        self.profile = profile
        self.journal = journal
        self.account: bytes | None = None
        self.online = False
        self.problem: WalletError | None = None
        self.block = 0
        self.block_time = 0
        self.gas_price = 0
        self.holdings = Holdings({}, {}, {})
        self.deadlines: dict[bytes, int] = {}
        self._channels = channels
        self._advance = advance
        self.alarms = Alarms(changed)
        self._changed = changed
        self._rpc = Nodes(self._urls(nodes), self._check_node)
        self.contract = Adjudicator(self._rpc, profile.chain_id, profile.adjudicator)
        self.outbox = Outbox(journal.store, self._rpc, profile.chain_id)
        self.transfers = Transfers(self._rpc, profile.chain_id, self.outbox, turns.owner)
        self.own: Callable[[], Iterable[bytes]] = lambda: () if self.account is None else (self.account,)
        self.agreement = Agreement(self._rpc, self.contract, lambda: [one.channel for one in self._guarded()])
        self.departures = Departures(journal)
        for channel in channels():
            channel.disputed |= self._may_be_challenged(channel)
        self.watcher = None if gas is None else self._make_watcher(gas, turns.gas)
        self._checked = False
        self._looks = 0
        self._ready = asyncio.Event()
        self._acting = turns.owner

    # --- following the chain ---

    async def run(self) -> None:
        """Follows the chain, and watches over the channels, for ever; cancel to stop."""
        backoff = Backoff(2 * POLL, LONGEST_PAUSE)
        if self.watcher is not None:
            self.alarms.watch("watcher", self.watcher.run())
        self.alarms.watch("comparing nodes", self.agreement.run())
        try:
            while True:
                try:
                    await self.refresh()
                    pause = POLL
                    backoff.succeeded()
                except WalletError as error:
                    self.online, self.problem, self._checked = False, error, False
                    self._ready.clear()
                    log.info("chain: %s", error)
                    pause = backoff.next()
                except Exception as error:  # noqa: BLE001 - whatever a node can answer, it can't end us
                    self.online, self.problem, self._checked = False, _died(error), False
                    self._ready.clear()
                    self.alarms.sound("following the chain", error)
                    pause = backoff.next()
                self._changed()
                await asyncio.sleep(pause)
        finally:
            await self.alarms.stop()
            await self._rpc.close()

    def _make_watcher(self, gas: TransactionSigner, turn: asyncio.Lock) -> Watcher:
        sender = UrgentSender(self._rpc, self.profile.chain_id, gas, self.outbox.store_for(b"", "watch"), turn=turn)
        quiet = self.profile.chain_id == SANDBOX_CHAIN
        return Watcher(self.contract, sender, self._guarded, self._changed, self._before, quiet_chain=quiet)

    def _guarded(self) -> list[Guarded]:
        """Every channel that may come to be, or is, on chain and is not over."""
        return [
            Guarded(
                channel.id,
                channel.terms,
                best_provable(self.journal, channel.id),
                self.departures.pays_out(channel.id),
                self.departures.leaving(channel),
            )
            for channel in self._channels()
            if Phase(channel.record.phase) not in _UNWATCHED
        ]

    def _urls(self, own: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*own, *self.profile.rpc)))[:MAX_NODES]

    @property
    def nodes(self) -> Nodes:
        return self._rpc

    async def use_nodes(self, own: Sequence[str]) -> None:
        """The user's own nodes from here on, before those of the profile."""
        await self._rpc.use(self._urls(own))
        self._checked = False

    def _before(self, guarded: Guarded, duty: Duty) -> None:
        for channel in self._channels():
            if channel.id == guarded.channel:
                self.departures.about_to(channel, duty)

    def _may_be_challenged(self, channel: TraderChannel) -> bool:
        """Whether a challenge of ours is signed: it may be mined at any time."""
        return self.outbox.waits(channel.id, "challenge") or self.departures.is_sent(channel.id)

    async def ready(self, wait: float) -> None:
        """Waits until the chain answers and is the right one; else WalletError with what is wrong."""
        try:
            async with asyncio.timeout(wait):
                await self._ready.wait()
        except TimeoutError as error:
            raise self.problem or WalletError("CHAIN_UNREACHABLE", node=self.profile.rpc[0]) from error

    async def refresh(self) -> None:
        """One look at the chain: the block, our money, our channels."""
        if not self._checked:
            await self._check()
        head = await self._rpc.block("latest")
        if head is not None:
            self.block, self.block_time = head.number, head.time
        if self.account is not None:
            await self._look_at_money(self.account)
        for channel in list(self._channels()):
            if Phase(channel.record.phase) not in _OVER or self._looks % LOOK_BACK == 0:
                await self._look_at(channel)
        await self.outbox.follow(self.own(), self._depth)
        self._looks += 1
        self.online, self.problem = True, None
        self._ready.set()

    async def _check(self) -> None:
        """The chain id, the contract's code, and each token's decimals: refuse, don't warn."""
        await self.contract.check_deployment()
        for row in self.profile.tokens:
            decimals = 18 if row.address == NATIVE else (await token.metadata(self._rpc, row.address)).decimals
            if decimals != row.decimals:
                raise WalletError("TOKEN_DECIMALS", symbol=row.symbol, profile=row.decimals, chain=decimals)
        self._checked = True
        await self.outbox.resend()

    async def _check_node(self, rpc: Rpc) -> None:
        """Before its first answer counts: the right chain, and the released code at the contract's address."""
        await self.contract.check_deployment(rpc)

    async def _look_at_money(self, account: bytes) -> None:
        for row in self.profile.tokens:
            self.holdings.wallet[row.address] = await token.balance(self._rpc, row.address, account)
            self.holdings.free[row.address] = await self.contract.free_balance(account, row.address)
            self.holdings.credit[row.address] = await self.contract.credit(account, row.address)
        self.gas_price = await self._rpc.gas_price()

    async def _look_at(self, channel: TraderChannel) -> None:
        phase = Phase(channel.record.phase)
        if phase is Phase.REQUESTED or (phase is Phase.ABANDONED and channel.last is None):
            if phase is Phase.REQUESTED and time.time() > channel.terms.open_before + LATE:
                self._advance(channel, Event.GIVEN_UP)
            return
        # The time before the status: an opening in a block between the two would else count as missed.
        late = phase in _COMING and await self._is_late(channel)
        found = await self.contract.channel(channel.id)
        if await self._is_young(channel, found):
            return
        channel.disputed = found.status is Status.DISPUTED or self._may_be_challenged(channel)
        if found.status is Status.DISPUTED:
            self.deadlines[channel.id] = found.deadline
            if not self.departures.pays_out(channel.id):  # trading is over, whoever began it: the money goes home
                self.departures.leave(channel.id)
        await self._follow(channel, found, late=late)

    async def _is_young(self, channel: TraderChannel, found: OnChain) -> bool:
        """Whether its opening is not deep enough yet: no state may be signed on what a reorganisation takes back.

        A dispute is believed at once: there is no time to lose, and nothing in being early.
        """
        depth = self._depth
        if found.status is not Status.OPEN or depth == 1 or Phase(channel.record.phase) not in _COMING:
            return False
        deep = await self.contract.channel(channel.id, max(self.block - depth + 1, 0))
        return deep.status is Status.NONE

    @property
    def _depth(self) -> int:
        """Blocks deep from which on nothing is taken back."""
        return 1 if self.profile.chain_id in DEVELOPMENT_CHAINS else CONFIRMATIONS

    async def _is_late(self, channel: TraderChannel) -> bool:
        block = await self._rpc.block("latest")
        return max(block.time if block else 0, int(time.time()) - LATE) > channel.terms.open_before

    async def _not_there(self, channel: TraderChannel, before: Phase, *, late: bool) -> None:
        """The chain has no such channel: it never came to be, or its opening was taken back and is sent again."""
        if before in (Phase.OPEN, Phase.FINAL):
            self._advance(channel, Event.SEEN_UNDONE)
            self.outbox.reopen(channel.id, "open")
            await self.outbox.resend()
        elif late and before in _COMING and self.journal.fact(channel.id, "opened") is None:
            self._advance(channel, Event.SEEN_MISSED)

    async def _follow(self, channel: TraderChannel, found: OnChain, *, late: bool) -> None:
        """The chain wins, both ways: what a node took back was never so."""
        before = Phase(channel.record.phase)
        if found.status is Status.NONE:
            await self._not_there(channel, before, late=late)
            return
        if found.status is Status.OPEN and before is not Phase.OPEN:
            self.journal.set_fact(channel.id, "opened", b"")
        self._advance(channel, _SEEN[found.status])
        if channel.final and found.status is Status.OPEN:
            self._advance(channel, Event.FINAL_SIGNED)
        left = any(self.holdings.credit.get(row.asset) for row in channel.terms.assets)
        if before is Phase.SETTLED and found.status is Status.SETTLED and not left:
            self._advance(channel, Event.PAID)  # credit that is there later may be of another channel

    # --- acting ---

    def spendable(self, asset: bytes) -> int:
        """What of a wallet balance may be allocated: of the native currency, transactions keep some back."""
        have = self.holdings.wallet.get(asset, 0) + self.holdings.free.get(asset, 0)
        return max(have - self.reserve, 0) if asset == NATIVE else have

    @property
    def reserve(self) -> int:
        """Wei to be kept for opening and leaving a session, at three times the present price."""
        return 3 * GAS_RESERVE * self.gas_price

    async def open(self, channel: TraderChannel, owner: TransactionSigner) -> None:
        """Approvals, deposit and ``open`` by the owner; returns when the channel is open on chain."""
        setup = next((row for row in self.journal.at(channel.id, 0) if row.status is Recorded.VALIDATED), None)
        if setup is None or setup.trader_signature is None or setup.broker_signature is None:
            raise WalletError("SETUP_UNANSWERED")
        async with self._acting:
            self._advance(channel, Event.OPENING)
            await self.outbox.finish(channel.id, "open")
            if (await self.contract.channel(channel.id)).status is Status.NONE:
                sender = self._sender(owner, channel.id, "open")
                signatures = setup.trader_signature, setup.broker_signature
                await self._execute(self.contract.open(sender, channel.terms, setup.state.time, *signatures))
        await self.refresh()

    async def gas_lacking(self) -> int:
        """Base units the gas key is to be given; 0 if it has half of them: not a transaction for every little."""
        if self.watcher is None:
            return 0
        wanted = 2 * GAS_ALLOWANCE * await self._rpc.gas_price()
        lacking = wanted - await self._rpc.balance(self.watcher.gas_address)
        return lacking if 2 * lacking > wanted else 0

    async def sweep_gas(self, to: bytes) -> int:
        """Everything the gas key holds goes back; base units that arrive. Raises WalletError("TX_NO_GAS")."""
        sent = await self.watcher.sweep(to) if self.watcher is not None else 0
        await self.refresh()
        return sent

    async def fund_gas(self, owner: TransactionSigner) -> int:
        """Tops the gas key up to what a dispute may cost at twice today's price; base units sent."""
        lacking = await self.gas_lacking()
        if self.watcher is None or not lacking:
            return 0
        async with self._acting:
            await self._execute(self._sender(owner, b"", "gas").execute(Call(self.watcher.gas_address, b"", lacking)))
        return lacking

    async def challenge(self, channel: TraderChannel, owner: TransactionSigner) -> int:
        """Leaves without the broker: our best state is recorded, and the period begins; its end, Unix seconds.

        From here on the watcher goes by itself: it answers, settles, and pays out. Raises WalletError.
        """
        if channel.last is None:
            raise WalletError("PROOF_NO_STATE", increment="any")
        best = best_provable(self.journal, channel.id)
        state, validation = (best.state, best.validation) if best else (channel.last.state, Validation())
        async with self._acting:
            await self.outbox.finish(channel.id, "challenge")
            if (await self.contract.channel(channel.id)).status is Status.OPEN:
                self.departures.leave(channel.id)
                channel.disputed = True  # from before it is sent: nothing above this state is to be signed any more
                sender = self._sender(owner, channel.id, "challenge")
                await self._execute(self.contract.challenge(sender, channel.terms, state, validation))
        await self.refresh()
        return self.deadlines.get(channel.id, 0)

    async def close(self, channel: TraderChannel, owner: TransactionSigner) -> None:
        """Settles with the final state; each share is credited, to be withdrawn."""
        last = channel.last
        if last is None or not channel.final or last.trader_signature is None or last.broker_signature is None:
            raise WalletError("NOT_FINAL")
        async with self._acting:
            await self.outbox.finish(channel.id, "close")
            if (await self.contract.channel(channel.id)).status is not Status.SETTLED:
                self._advance(channel, Event.FINAL_SIGNED)
                self._advance(channel, Event.CLOSING)
                sender = self._sender(owner, channel.id, "close")
                await self._execute(
                    self.contract.close(sender, channel.terms, last.state, last.trader_signature, last.broker_signature)
                )
        await self.refresh()

    async def settle(self, channel: TraderChannel, owner: TransactionSigner) -> None:
        """Ends a dispute whose period is over, by the outcomes the contract recorded.

        Raises WalletError("DISPUTE_RUNS") before, CHAIN_NO_RECORD if nobody knows what was recorded.
        """
        async with self._acting:
            found = await self.contract.channel(channel.id)
            if found.status is Status.DISPUTED:
                block = await self._rpc.block("latest")
                if block is None or block.time <= found.deadline:
                    raise WalletError("DISPUTE_RUNS", until=found.deadline, now=block.time if block else 0)
                await self._settle(channel, found, owner)
        await self.refresh()

    async def _settle(self, channel: TraderChannel, found: OnChain, owner: TransactionSigner) -> None:
        """By the outcomes on record; that the watcher, or anybody else, was faster is as good."""
        try:
            outcomes = await self._recorded(channel, found)
            sender = self._sender(owner, channel.id, "settle")
            await self._execute(self.contract.settle(sender, channel.terms, outcomes))
        except WalletError as error:

            async def settled() -> bool:
                return (await self.contract.channel(channel.id)).status is Status.SETTLED

            if error.code not in _OVERTAKEN or not await _comes_true(settled):
                raise

    async def _recorded(self, channel: TraderChannel, found: OnChain) -> tuple[Outcome, ...]:
        """What the contract will pay by: perhaps of a state that only the broker has whole, a void he kept back."""
        known = self.journal.at(channel.id, found.increment) if found.increment <= MAX_INCREMENT else []
        for row in known:
            if calls.outcomes_hash(row.state.outcomes) == found.outcomes_hash:
                return row.state.outcomes
        last = await self._rpc.block_number()
        return await self.contract.recorded_outcomes(channel.id, max(0, last - RECORD_BLOCKS), last)

    async def withdraw(self, owner: TransactionSigner) -> dict[bytes, int]:
        """Everything credited or free goes to the owner's own account; what arrived, by asset."""
        paid = {}
        async with self._acting:
            for row in self.profile.tokens:
                amount = await self._withdrawable(owner.address, row.address)
                if amount:
                    await self._withdraw(owner, row, amount)
                    paid[row.address] = amount
        await self.refresh()
        return paid

    async def _withdraw(self, owner: TransactionSigner, row: Token, amount: int) -> None:
        """That the watcher paid it out meanwhile is as good: it went to the same account."""
        try:
            sender = self._sender(owner, b"", f"withdraw {row.symbol}")
            await self._execute(self.contract.withdraw(sender, row.address, amount, owner.address))
        except WalletError as error:

            async def less() -> bool:
                return await self._withdrawable(owner.address, row.address) < amount

            if error.code not in _OVERTAKEN or not await _comes_true(less):
                raise
            if left := await self._withdrawable(owner.address, row.address):
                await self._withdraw(owner, row, left)

    async def _withdrawable(self, owner: bytes, asset: bytes) -> int:
        return await self.contract.credit(owner, asset) + await self.contract.free_balance(owner, asset)

    async def faucet(self, account: bytes) -> None:
        """Coins from a test chain's faucet; WalletError("NO_FAUCET") where there is none."""
        if not self.profile.test:
            raise WalletError("NO_FAUCET", broker=self.profile.name)
        answer = await self._rpc.request("sandbox_faucet", show_hex(account))
        if type(answer) is not list or len(answer) > 16:
            raise WalletError("RPC_BAD_REPLY", method="sandbox_faucet", reason="no list of transactions")
        sent = [read_hex(row, 32, "sandbox_faucet") for row in answer]
        for _ in range(100):
            receipts = [await self._rpc.receipt(digest) for digest in sent]
            if all(receipts):
                break
            await asyncio.sleep(0.1)
        await self.refresh()

    def sender(self, owner: TransactionSigner, purpose: str) -> Sender:
        """For transactions outside of the flows above, such as submitting a proof; stored like theirs."""
        return self._sender(owner, b"", purpose)

    def _sender(self, owner: TransactionSigner, channel: bytes, purpose: str) -> Sender:
        return Sender(self._rpc, self.profile.chain_id, owner, self.outbox.store_for(channel, purpose))

    async def _execute(self, work: Awaitable[Receipt]) -> Receipt:
        receipt = await work
        self.outbox.mark(receipt.transaction, "mined")
        return receipt


async def _comes_true(condition: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it does within `OVERTAKING`: what a node counts as pending is mined a little later."""
    deadline = time.monotonic() + OVERTAKING
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL)
    return True


def _died(error: Exception) -> WalletError:
    return WalletError("TASK_DIED", why=type(error).__name__)
