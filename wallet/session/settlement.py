"""The chain side of our channels: what the contract says of them, and the transactions that open, close and pay.

What the chain shows wins over what this program remembers. Raw transactions are on disk before they leave; one that
was signed and not mined is sent again as it is. Source: design §6; architecture "persist, then send".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from wallet.chain import calls, token
from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.records import Receipt
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Outgoing, Sender, TransactionSigner
from wallet.history.journal import Journal
from wallet.history.journal import Status as Recorded
from wallet.protocol.amounts import MAX_INCREMENT
from wallet.protocol.codec import read_hex, show_hex
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Outcome
from wallet.protocol.terms import NATIVE
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.phases import Phase

log = logging.getLogger(__name__)

POLL = 1.0
LONGEST_PAUSE = 30.0
GAS_RESERVE = 3_000_000  # gas kept back for open, challenge, settle and withdrawals
LOOK_BACK = 30  # looks between two at channels that are over: a node may have lied about that once
LATE = 600  # seconds after openBefore by our own clock; a quiet test chain makes no block to tell the time by
SENT_WAIT = 120.0  # seconds for a transaction signed before to be mined
RECORD_BLOCKS = 250_000  # how far back the record of a dispute is looked for

_COMING = (Phase.AGREED, Phase.OPENING)
_OVER = (Phase.WITHDRAWN, Phase.ABANDONED)

SetPhase = Callable[[TraderChannel, Phase], None]


@dataclass(slots=True)
class Holdings:
    """What the owner has outside of channels, by asset in base units."""

    wallet: dict[bytes, int]
    free: dict[bytes, int]
    credit: dict[bytes, int]


class ChainLink:
    """One chain and the adjudicator on it. Belongs to one asyncio loop."""

    def __init__(
        self,
        profile: BrokerProfile,
        journal: Journal,
        channels: Callable[[], Iterable[TraderChannel]],
        set_phase: SetPhase,
        changed: Callable[[], None],
    ) -> None:
        self.profile = profile
        self.journal = journal
        self.account: bytes | None = None
        self.online = False
        self.problem: WalletError | None = None
        self.block = 0
        self.gas_price = 0
        self.holdings = Holdings({}, {}, {})
        self.deadlines: dict[bytes, int] = {}
        self._channels = channels
        self._set_phase = set_phase
        self._changed = changed
        self._rpc = Rpc(profile.rpc[0])
        self.contract = Adjudicator(self._rpc, profile.chain_id, profile.adjudicator)
        self._checked = False
        self._looks = 0
        self._ready = asyncio.Event()
        self._acting = asyncio.Lock()  # one purpose at a time: two senders would take the same nonce

    # --- following the chain ---

    async def run(self) -> None:
        """Follows the chain, for ever; cancel to stop."""
        pause = POLL
        try:
            while True:
                try:
                    await self.refresh()
                    pause = POLL
                except WalletError as error:
                    self.online, self.problem, self._checked = False, error, False
                    self._ready.clear()
                    log.info("chain: %s", error)
                    pause = min(pause * 2, LONGEST_PAUSE)
                except Exception as error:  # whatever a node can answer, it can't end us
                    self.online, self.problem, self._checked = False, _died(error), False
                    self._ready.clear()
                    log.exception("following the chain failed")
                    pause = min(pause * 2, LONGEST_PAUSE)
                self._changed()
                await asyncio.sleep(pause)
        finally:
            await self._rpc.close()

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
        self.block = await self._rpc.block_number()
        if self.account is not None:
            await self._look_at_money(self.account)
        for channel in list(self._channels()):
            if Phase(channel.record.phase) not in _OVER or self._looks % LOOK_BACK == 0:
                await self._look_at(channel)
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
        await self._resend()

    async def _resend(self) -> None:
        """Transactions that were signed and not seen mined leave again, byte for byte."""
        for digest, raw in self.journal.store.rows("SELECT hash, raw FROM transactions WHERE status = 'signed'"):
            if await self._rpc.receipt(digest) is not None:
                self._mark(digest, "mined")
                continue
            try:
                await self._rpc.send_raw(raw)
            except WalletError as error:
                log.info("transaction %s: %s", digest.hex(), error)

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
                self._set_phase(channel, Phase.ABANDONED)
            return
        # The time before the status: an opening in a block between the two would else count as missed.
        late = phase in _COMING and await self._is_late(channel)
        found = await self.contract.channel(channel.id)
        following = self._phase_on_chain(channel, Phase(channel.record.phase), found, late=late)
        channel.disputed = found.status is Status.DISPUTED
        if found.status is Status.DISPUTED:
            self.deadlines[channel.id] = found.deadline
        if following is not Phase(channel.record.phase):
            self._set_phase(channel, following)

    async def _is_late(self, channel: TraderChannel) -> bool:
        block = await self._rpc.block("latest")
        return max(block.time if block else 0, int(time.time()) - LATE) > channel.terms.open_before

    def _phase_on_chain(self, channel: TraderChannel, phase: Phase, found: OnChain, *, late: bool) -> Phase:
        """The chain wins, both ways: what a node took back was never so."""
        if found.status is Status.NONE:
            return Phase.ABANDONED if late and phase in _COMING else phase
        if found.status is Status.OPEN:
            if phase in (Phase.FINAL, Phase.CLOSING):
                return phase
            return Phase.FINAL if channel.final else Phase.OPEN
        if found.status is Status.DISPUTED:
            return Phase.DISPUTED
        if phase is Phase.WITHDRAWN:
            return phase  # credit there is now may be of a later channel
        left = any(self.holdings.credit.get(row.asset) for row in channel.terms.assets)
        return Phase.SETTLED if left or phase is not Phase.SETTLED else Phase.WITHDRAWN

    # --- acting ---

    def spendable(self, asset: bytes) -> int:
        """What of a wallet balance may be allocated: of the native currency, transactions keep some back."""
        have = self.holdings.wallet.get(asset, 0) + self.holdings.free.get(asset, 0)
        return max(have - 3 * GAS_RESERVE * self.gas_price, 0) if asset == NATIVE else have

    async def open(self, channel: TraderChannel, owner: TransactionSigner) -> None:
        """Approvals, deposit and ``open`` by the owner; returns when the channel is open on chain."""
        setup = next((row for row in self.journal.at(channel.id, 0) if row.status is Recorded.VALIDATED), None)
        if setup is None or setup.trader_signature is None or setup.broker_signature is None:
            raise WalletError("SETUP_UNANSWERED")
        async with self._acting:
            self._set_phase(channel, Phase.OPENING)
            await self._finish_sent(channel.id, "open")
            if (await self.contract.channel(channel.id)).status is Status.NONE:
                sender = self._sender(owner, channel.id, "open")
                signatures = setup.trader_signature, setup.broker_signature
                await self._execute(self.contract.open(sender, channel.terms, setup.state.time, *signatures))
        await self.refresh()

    async def close(self, channel: TraderChannel, owner: TransactionSigner) -> None:
        """Settles with the final state; each share is credited, to be withdrawn."""
        last = channel.last
        if last is None or not channel.final or last.trader_signature is None or last.broker_signature is None:
            raise WalletError("NOT_FINAL")
        async with self._acting:
            await self._finish_sent(channel.id, "close")
            if (await self.contract.channel(channel.id)).status is not Status.SETTLED:
                self._set_phase(channel, Phase.CLOSING)
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
                outcomes = await self._recorded(channel, found)
                sender = self._sender(owner, channel.id, "settle")
                await self._execute(self.contract.settle(sender, channel.terms, outcomes))
        await self.refresh()

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
                amount = await self.contract.credit(owner.address, row.address)
                amount += await self.contract.free_balance(owner.address, row.address)
                if amount:
                    sender = self._sender(owner, b"", f"withdraw {row.symbol}")
                    await self._execute(self.contract.withdraw(sender, row.address, amount, owner.address))
                    paid[row.address] = amount
        await self.refresh()
        return paid

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
        def store(outgoing: Outgoing) -> None:
            self.journal.store.execute(
                "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, 'signed', strftime('%s'))"
                " ON CONFLICT (hash) DO NOTHING",  # the same bytes once more: they are there
                (outgoing.hash, channel, purpose, outgoing.raw, outgoing.nonce, outgoing.sender),
            )

        return Sender(self._rpc, self.profile.chain_id, owner, store)

    async def _finish_sent(self, channel: bytes, purpose: str) -> None:
        """What was signed for this before and is not mined leaves again and is waited for, not signed a second time."""
        for digest, raw, nonce, sender in self.journal.store.rows(
            "SELECT hash, raw, nonce, sender FROM transactions"
            " WHERE channel = ? AND purpose = ? AND status = 'signed' ORDER BY nonce",
            (channel, purpose),
        ):
            if await self._rpc.receipt(digest) is None:
                with contextlib.suppress(WalletError):
                    await self._rpc.send_raw(raw)
            self._mark(digest, "mined" if await self._is_mined(digest, nonce, sender) else "replaced")

    async def _is_mined(self, digest: bytes, nonce: int, sender: bytes) -> bool:
        """Waits for a transaction; False if another one took its nonce. Raises WalletError("TX_NOT_MINED")."""
        deadline = time.monotonic() + SENT_WAIT
        while True:
            used = await self._rpc.nonce(sender, "latest") > nonce
            if await self._rpc.receipt(digest) is not None:
                return True
            if used:
                return False
            if time.monotonic() > deadline:
                raise WalletError("TX_NOT_MINED", hash=show_hex(digest), seconds=int(SENT_WAIT))
            await asyncio.sleep(0.25)

    async def _execute(self, work: Awaitable[Receipt]) -> Receipt:
        receipt = await work
        self._mark(receipt.transaction, "mined")
        return receipt

    def _mark(self, digest: bytes, status: str) -> None:
        self.journal.store.execute("UPDATE transactions SET status = ? WHERE hash = ?", (status, digest))


def _died(error: Exception) -> WalletError:
    return WalletError("TASK_DIED", why=type(error).__name__)
