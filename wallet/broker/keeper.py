"""What the chain says about the broker's channels, and what the broker does about it.

An opening makes a channel tradable; a dispute is answered with the highest validated state and settled in time; a
final channel that its trader leaves alone is closed; a setup that was never opened is forgotten. Source: design §6.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from wallet.broker.chain_watch import ChainView, ChainWatch, Proof, Standing
from wallet.broker.channel import Channel, Phase
from wallet.broker.config import BrokerConfig
from wallet.broker.errors import refused
from wallet.broker.floor import Clock, Floor
from wallet.broker.issuer import Issuer
from wallet.broker.ledger import Ledger
from wallet.chain.calls import Validation
from wallet.chain.client import OnChain, Status
from wallet.chain.guard import Act, Alarm, Guarded, Provable, judge
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Transition

LAPSE_MARGIN = 120  # seconds after openBefore until a setup that was not opened is forgotten
FREE_KEPT = 2.0  # seconds for which a look at the chain's balances is good

_log = logging.getLogger("wallet.broker")


class Keeper:
    """Between chain and floor. ``spawn`` runs a coroutine beside everything else."""

    def __init__(
        self,
        config: BrokerConfig,
        chain: ChainWatch,
        ledger: Ledger,
        floor: Floor,
        issuer: Issuer,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._config = config
        self._chain = chain
        self._ledger = ledger
        self._floor = floor
        self._issuer = issuer
        self._clock = clock
        self._spawn = spawn
        self._free: tuple[float, Mapping[bytes, int]] = (float("-inf"), {})
        self._final_at: dict[bytes, float] = {}
        self._acting: set[bytes] = set()  # channels with a transaction of ours under way
        self.alarms: dict[bytes, WalletError] = {}  # by channel: what its owner must hear of

    # --- asking --------------------------------------------------------------------------------------------------

    async def free(self) -> Mapping[bytes, int]:
        """What may still be put up as collateral, by asset. WalletError("BROKER_CHAIN") if nobody knows."""
        looked, found = self._free
        if self._clock.monotonic() - looked > FREE_KEPT:
            try:
                found = await self._chain.free([token.address for token in self._config.tokens])
            except WalletError as error:
                _log.warning("the chain can't be asked: %s", error)
                raise refused("BROKER_CHAIN") from error
            self._free = (self._clock.monotonic(), found)
        return found

    async def look_at(self, channel: Channel) -> bool:
        """Ask the chain now rather than at its next turn; whether it answered."""
        try:
            await self._chain.refresh([channel.id])
        except WalletError as error:
            _log.warning("the chain can't be asked: %s", error)
            return False
        return True

    # --- being told ----------------------------------------------------------------------------------------------

    def changed(self, channel_id: bytes, view: ChainView) -> None:
        """The chain has news of a channel, or reminds of a dispute."""
        channel = self._floor.channels.get(channel_id)
        if channel is None or self._ledger.failed:
            return
        self._free = (float("-inf"), {})  # what was only promised is now taken, or given back
        if view.standing is Standing.OPEN:
            self.alarms.pop(channel_id, None)
            channel.confirmed = True  # the trader may open before his ACK of the setup is here
            if channel.phase in (Phase.AGREED, Phase.DISPUTED):  # disputed: a reorganisation took the challenge back
                with self._ledger.turn():
                    self._issuer.set_phase(channel, Phase.OPEN)
                    self._floor.come(channel)
        elif view.standing is Standing.DISPUTED:
            self._answer(channel, view)
        elif view.standing is Standing.SETTLED:
            self._retire(channel, Phase.SETTLED)

    def _answer(self, channel: Channel, view: ChainView) -> None:
        if channel.phase not in (Phase.DISPUTED, Phase.FINAL):
            _log.warning("channel 0x%s is disputed at increment %d", channel.id.hex(), view.increment)
            self._issuer.dispute(channel)
        proof = self._proof(channel)
        if proof is None:
            return
        guarded = Guarded(channel.id, channel.terms, _provable(proof))
        found = OnChain(Status.DISPUTED, view.deadline, view.increment, b"")
        now = int(self._clock.now())
        judgement = judge(guarded, found, {}, view.time or now)
        # On a chain that makes no blocks nothing tells that the period is over but the clock.
        later = judge(guarded, found, {}, max(view.time, now))
        self._sound(channel, view, proof, judgement.alarm)
        acts = dict.fromkeys(row.duty.act for row in (judgement, later) if row.duty is not None)
        if acts:
            self._spawn(self._act(proof, *acts))

    def _sound(self, channel: Channel, view: ChainView, proof: Proof, alarm: Alarm | None) -> None:
        if alarm is None:
            return
        if channel.id not in self.alarms:
            _log.error("channel 0x%s: %s", channel.id.hex(), alarm.value)
        self.alarms[channel.id] = WalletError(
            f"OPERATOR_{alarm.name}",
            channel="0x" + channel.id.hex(),
            until=view.deadline,
            recorded=view.increment,
            ours=proof.state.increment,
        )

    async def _act(self, proof: Proof, *acts: Act) -> None:
        """Does the first of ``acts`` that can be done, one transaction at a time for a channel.

        What fails is tried again when the chain reminds of it.
        """
        channel = proof.state.channel
        if channel in self._acting:
            return
        self._acting.add(channel)
        calls = {Act.CLOSE: self._chain.close, Act.ANSWER: self._chain.respond, Act.SETTLE: self._chain.settle}
        try:
            for act in acts:
                try:
                    await calls[act](proof)
                except WalletError as error:
                    _log.warning("channel 0x%s: %s failed: %s", channel.hex(), act.value, error)
                else:
                    _log.info("channel 0x%s: sent %s of state %d", channel.hex(), act.value, proof.state.increment)
                    return
        finally:
            self._acting.discard(channel)

    async def challenge(self, channel: Channel) -> int:
        """Takes a channel to the chain with its best state; the state's number. Raises WalletError."""
        proof = self._proof(channel)
        if proof is None or channel.id in self._acting:
            raise WalletError("DISPUTE_IMPOSSIBLE", flag=channel.flagged)
        self._acting.add(channel.id)
        try:
            await self._chain.challenge(proof)
        finally:
            self._acting.discard(channel.id)
        return proof.state.increment

    def _retire(self, channel: Channel, phase: Phase) -> None:
        self._floor.leave(channel)
        with self._ledger.turn():
            self._issuer.set_phase(channel, phase)
        del self._floor.channels[channel.id]
        self._final_at.pop(channel.id, None)
        self.alarms.pop(channel.id, None)
        self._chain.forget(channel.id)

    # --- time ----------------------------------------------------------------------------------------------------

    async def chores(self) -> None:
        """Now and then: what lapses, and what is left to be closed."""
        now = self._clock.now()
        for channel in list(self._floor.channels.values()):
            unopened = channel.phase in (Phase.PROPOSED, Phase.AGREED) and not channel.confirmed
            if unopened and now > channel.terms.open_before + LAPSE_MARGIN:
                await self._lapse(channel)
            elif channel.phase is Phase.FINAL:
                self._close_later(channel)

    async def _lapse(self, channel: Channel) -> None:
        """Forget a setup that was never opened; the chain is asked once more before."""
        answered = await self.look_at(channel)
        if answered and channel.phase in (Phase.PROPOSED, Phase.AGREED) and not channel.confirmed:
            self._retire(channel, Phase.LAPSED)

    def _close_later(self, channel: Channel) -> None:
        """The trader closes; if he does not, the broker does, to have his collateral back."""
        now = self._clock.monotonic()
        since = self._final_at.setdefault(channel.id, now)
        proof = self._proof(channel)
        if proof is not None and now - since > self._config.policy.close_after:
            self._final_at[channel.id] = now
            self._spawn(self._act(proof, Act.CLOSE))

    def _proof(self, channel: Channel) -> Proof | None:
        """The highest state that both signatures stand on.

        A yield may lack one where the state after it said as much; the one before it pays the same.
        """
        entry = self._issuer.complete(channel)
        if entry is not None and entry.state.transition is Transition.YIELD and entry.trader_signature is None:
            entry = self._ledger.journal.by_digest(channel.id, entry.state.previous)
        if entry is None or entry.trader_signature is None or entry.broker_signature is None:
            return None
        return Proof(channel.terms, entry.state, entry.trader_signature, entry.broker_signature)


def _provable(proof: Proof) -> Provable:
    return Provable(proof.state, Validation(proof.trader_signature, proof.broker_signature))


async def every(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs ``work`` again and again, with a pause between."""
    while True:
        await asyncio.sleep(seconds)
        await work()
