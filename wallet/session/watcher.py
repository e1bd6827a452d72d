"""The watcher: follows every channel on chain and sends by itself what :mod:`wallet.chain.guard` calls for.

It needs a node, the gas key and the proofs; neither the owner's key nor the broker. The wallet runs one over its
journal; ``channel-wallet watch`` runs one over an exported package.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wallet.chain import calls
from wallet.chain.calls import Call, Validation
from wallet.chain.client import Adjudicator, OnChain, Status
from wallet.chain.guard import Act, Alarm, Duty, Guarded, Judgement, judge
from wallet.chain.records import Block
from wallet.chain.urgent import UrgentSender
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Outcome

log = logging.getLogger(__name__)

POLL = 2.0  # seconds between two looks
LONGEST_PAUSE = 30.0
ATTEMPT = 90.0  # seconds one transaction is insisted on before everything is looked at anew
LATE = 60  # seconds of the wall clock after which a chain that makes no blocks is taken to have passed a moment
STALE = 900  # seconds without a block
RECORD_BLOCKS = 250_000  # how far back the record of a dispute is looked for
WORST_GAS = 400_000  # an answer, settling, and paying out two assets
DEEDS = 100


@dataclass(frozen=True, slots=True)
class Deed:
    """Something the watcher did; ``time`` in Unix seconds."""

    time: int
    act: Act
    channel: bytes
    transaction: bytes


class Watcher:
    """Watches channels of one adjudicator. Belongs to one asyncio loop."""

    def __init__(
        self,
        contract: Adjudicator,
        sender: UrgentSender,
        guarded: Callable[[], Iterable[Guarded]],
        changed: Callable[[], None] = lambda: None,
        before: Callable[[Guarded, Duty], None] = lambda *_: None,
        *,
        quiet_chain: bool = False,
        poll: float = POLL,
    ) -> None:
        """``before`` hears of each duty before anything of it is signed; what it raises stops it.

        ``quiet_chain``: one that makes blocks only when there is something to put into them.
        """
        self._contract = contract
        self._sender = sender
        self._guarded = guarded
        self._changed = changed
        self._before = before
        self._quiet = quiet_chain
        self._poll = poll
        self.alarms: dict[bytes, WalletError] = {}  # by channel; b"" for what concerns all of them
        self.deeds: deque[Deed] = deque(maxlen=DEEDS)
        self.done = 0  # how many there ever were
        self.gas: int | None = None  # wei on the gas key's account, once known
        self.seen: dict[bytes, OnChain] = {}
        self.block: Block | None = None

    def deeds_after(self, told: int) -> tuple[Deed, ...]:
        """Those after the first ``told`` of all that were ever done, as far as they are still kept."""
        return tuple(self.deeds)[max(len(self.deeds) - (self.done - told), 0) :]

    @property
    def gas_address(self) -> bytes:
        return self._sender.address

    async def sweep(self, to: bytes) -> int:
        """What the gas key holds goes to ``to``; base units that arrive."""
        arrived = await self._sender.sweep(to, ATTEMPT)
        self.gas = await self._sender.balance()
        return arrived

    async def run(self) -> None:
        """Watches for ever; cancel to stop. Whatever a node answers, it can't end this."""
        pause = self._poll
        while True:
            try:
                await self.look()
                pause = self._poll
            except WalletError as error:
                log.warning("watching: %s", error)
                self.alarms[b""] = error
                pause = min(pause * 2, LONGEST_PAUSE)
            except Exception as error:
                log.exception("watching failed")
                self.alarms[b""] = WalletError("TASK_DIED", why=type(error).__name__)
                pause = min(pause * 2, LONGEST_PAUSE)
            self._changed()
            await asyncio.sleep(pause)

    async def look(self) -> None:
        """One look at every channel, and what it calls for, the nearest deadline first. Raises WalletError."""
        block = await self._contract.rpc.block("latest")
        if block is None:
            raise WalletError("RPC_BAD_REPLY", method="eth_getBlockByNumber", reason="no latest block")
        self.block = block
        guarded = list(self._guarded())
        found = [(await self._contract.channel(one.channel), one) for one in guarded]
        self.seen = {one.channel: standing for standing, one in found}
        await self._look_at_gas(found, block)
        for standing, one in sorted(found, key=lambda row: row[0].deadline):
            await self._look_at(one, standing, block.time)

    async def _look_at_gas(self, found: list[tuple[OnChain, Guarded]], block: Block) -> None:
        self.gas = await self._sender.balance()
        general: WalletError | None = None
        age = int(time.time()) - block.time
        if not self._quiet and age > STALE:
            general = WalletError("WATCH_CHAIN_STALE", node=self._contract.rpc.node, minutes=age // 60)
        elif any(standing.status in (Status.OPEN, Status.DISPUTED) for standing, _ in found):
            need = WORST_GAS * await self._contract.rpc.gas_price()
            if self.gas < need:
                general = WalletError("WATCH_NO_GAS", address="0x" + self.gas_address.hex(), have=self.gas, need=need)
        if general is None:
            self.alarms.pop(b"", None)
        else:
            self.alarms[b""] = general

    async def _look_at(self, one: Guarded, standing: OnChain, now: int) -> None:
        credited: dict[bytes, int] = {}
        if standing.status is Status.SETTLED and one.pay_out:
            for row in one.terms.assets:
                credited[row.asset] = await self._contract.credit(one.terms.trader, row.asset)
        clock = int(time.time())
        judgement = judge(one, standing, credited, now, clock)
        problem = await self._do(one, standing, judgement)
        if self._quiet and (problem is not None or judgement.duty is None):
            # No block tells that the period is over; the contract goes by the time of the block it would be in.
            later = judge(one, standing, credited, max(now, clock - LATE), clock)
            if later.duty not in (None, judgement.duty):
                problem = await self._do(one, standing, later)
        # A revert: somebody else was faster, or will say so. That time runs out is said before why.
        if problem is not None and problem.code != "RPC_REVERTED" and judgement.alarm is None:
            self.alarms[one.channel] = problem

    async def _do(self, one: Guarded, standing: OnChain, judgement: Judgement) -> WalletError | None:
        """Sends what is due and keeps the alarm; the error if that did not work."""
        if judgement.alarm is not None:
            self._cry(one, standing, judgement.alarm)
        elif standing.status is not Status.DISPUTED or judgement.duty is None:
            self._calm(one.channel)
        if judgement.duty is None:
            return None
        try:
            self._before(one, judgement.duty)
            for call in await self._calls(one, standing, judgement.duty):
                receipt = await self._sender.execute(call, ATTEMPT)
                deed = Deed(int(time.time()), judgement.duty.act, one.channel, receipt.transaction)
                self.deeds.append(deed)
                self.done += 1
                log.warning("channel %s: %s sent, %s", one.channel.hex()[:8], deed.act.value, deed.transaction.hex())
        except WalletError as error:
            log.warning("channel %s: %s: %s", one.channel.hex()[:8], judgement.duty.act.value, error)
            return error
        self._calm(one.channel)
        return None

    def _cry(self, one: Guarded, standing: OnChain, alarm: Alarm) -> None:
        if one.channel not in self.alarms:
            log.error("channel %s: %s", one.channel.hex()[:8], alarm.value)
        self.alarms[one.channel] = WalletError(
            alarm.value,
            channel="0x" + one.channel.hex(),
            until=standing.deadline,
            recorded=standing.increment,
            ours=one.best.state.increment if one.best else 0,
        )

    def _calm(self, channel: bytes) -> None:
        known = self.alarms.get(channel)
        if known is not None and known.code != Alarm.PERIOD_MISSED.value:  # that one no later success mends
            del self.alarms[channel]

    async def _calls(self, one: Guarded, standing: OnChain, duty: Duty) -> list[Call]:
        contract, best = self._contract.address, one.best
        if duty.act is Act.PAY_OUT:
            return [calls.push_credit(contract, asset, one.terms.trader) for asset in duty.assets]
        if duty.act is Act.SETTLE:
            return [calls.settle(contract, one.terms, await self._recorded(one, standing))]
        if duty.act is Act.CHALLENGE and one.leaving is not None:
            state, proof = (best.state, best.validation) if best else (one.leaving.setup, Validation())
            assert state is not None
            return [calls.challenge(contract, one.terms, state, proof, one.leaving.mandate)]
        assert best is not None
        proof = best.validation
        if duty.act is Act.CLOSE:
            return [calls.close(contract, one.terms, best.state, proof.trader_signature, proof.broker_signature)]
        return [calls.respond(contract, one.terms, best.state, proof)]

    async def _recorded(self, one: Guarded, standing: OnChain) -> tuple[Outcome, ...]:
        """What the contract will pay by: our own state's, or whatever its events say was recorded."""
        if one.best is not None and calls.outcomes_hash(one.best.state.outcomes) == standing.outcomes_hash:
            return one.best.state.outcomes
        last = await self._contract.rpc.block_number()
        return await self._contract.recorded_outcomes(one.channel, max(0, last - RECORD_BLOCKS), last)
