"""What a trader asks for in a channel, checked before anything changes: orders, cancels, the end, presence.

Source: design §2 (order intent), §4 (presence), §5 (finalize), §8 (idempotent requests).
"""

from __future__ import annotations

import asyncio

from wallet.broker.book import Reason
from wallet.broker.channel import LIVE, Channel, Phase, outlook
from wallet.broker.config import Policy
from wallet.broker.errors import broken, refused
from wallet.broker.exposure import short_of_collateral
from wallet.broker.floor import EXPIRY_MARGIN, Clock, Floor
from wallet.broker.issuer import Issuer
from wallet.broker.ledger import Ledger
from wallet.history.journal import Entry
from wallet.protocol.eip712 import Domain, Struct
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import MAX_OPEN_AHEAD, Cancel, FinalizeRequest, Heartbeat, Order, SignedOrder
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import Transition
from wallet.protocol.terms import Role
from wallet.protocol.transitions import RuleBroken, check_order, create_order


class Intake:
    """Requests about one channel, from whoever may speak for it."""

    def __init__(
        self, domain: Domain, policy: Policy, ledger: Ledger, floor: Floor, issuer: Issuer, clock: Clock
    ) -> None:
        self.domain = domain
        self._policy = policy
        self._ledger = ledger
        self._floor = floor
        self._issuer = issuer
        self._clock = clock
        self._drained: dict[bytes, list[asyncio.Future[None]]] = {}  # cancels that wait for fills under way
        issuer.settled = self._wake

    def require_signed(self, channel: Channel, struct: Struct, signature: bytes) -> bytes:
        """The struct's digest, if the trader signed it. WalletError("REQUEST_SIGNATURE") else."""
        typed = self.domain.digest(struct)
        try:
            require_signer(typed, signature, channel.terms.signers(Role.TRADER))
        except WalletError as error:
            raise refused("REQUEST_SIGNATURE", why=error.code) from error
        return typed.digest

    # --- orders ---

    def order(self, channel: Channel, signed: SignedOrder) -> None:
        """Accepts an order into the queue; its state follows. The same order again is no error."""
        if self.domain.digest(signed.order).digest != signed.id:
            raise refused("ORDER_ID", id=signed.id)
        if signed.id in channel.intents or self._ledger.journal.intent(signed.id) is not None:
            return
        if channel.is_cooperative:
            raise refused("ORDER_INITIATIVE")
        self.admit(channel, signed)
        self.require_signed(channel, signed.order, signed.signature)
        with self._ledger.turn():
            self._keep(channel, signed, "queued")
            channel.queue.append(signed)
            self._issuer.touch(channel)

    def admit(self, channel: Channel, signed: SignedOrder) -> None:
        """Whether the broker takes this order now; WalletError with the reason if he does not."""
        self._require_open(channel)
        self._check_order(channel, signed.order, signed.id)

    def take(self, channel: Channel, signed: SignedOrder) -> None:
        """Keeps an order that the trader opens himself; inside the turn in which its state is validated."""
        self._keep(channel, signed, "open")

    def _keep(self, channel: Channel, signed: SignedOrder, status: str) -> None:
        self._ledger.journal.add_intent(signed, status, int(self._clock.now()))
        channel.intents[signed.id] = signed
        channel.top_nonce = signed.order.order_nonce

    def _require_open(self, channel: Channel) -> None:
        if channel.phase in (Phase.PROPOSED, Phase.AGREED):
            raise refused("CHANNEL_NOT_OPEN", confirmations=self._policy.confirmations)
        if channel.phase is not Phase.OPEN:
            raise refused("CHANNEL_PHASE", phase=channel.phase.value)
        if channel.stuck:
            raise refused("CHANNEL_STUCK", why=channel.stuck)
        if channel.refusals >= self._policy.refused_fills:
            raise refused("ORDER_BENCHED", refused=channel.refusals)
        if not channel.is_present(self._clock.monotonic()):
            raise refused("ORDER_NOT_PRESENT", heartbeat=channel.terms.heartbeat)

    def _check_order(self, channel: Channel, order: Order, order_id: bytes) -> None:
        now = self._clock.now()
        if order.channel != channel.id:
            raise refused("ORDER_CHANNEL")
        if order_id in channel.cancelled:
            raise refused("ORDER_CANCELLED", id=order_id)
        if order.order_nonce <= channel.top_nonce:
            raise refused("ORDER_NONCE", above=channel.top_nonce, got=order.order_nonce)
        if order.open_before < now:
            raise refused("ORDER_LATE", openBefore=order.open_before, now=int(now))
        if order.open_before > now + MAX_OPEN_AHEAD + channel.terms.skew:
            raise refused("ORDER_OPEN_BEFORE", openBefore=order.open_before, now=int(now))
        if not now + EXPIRY_MARGIN < order.expiry <= now + self._policy.max_expiry:
            raise refused("ORDER_EXPIRY", expiry=order.expiry, now=int(now))
        if len(channel.queue) >= channel.terms.max_open_orders:
            raise refused("ORDER_QUEUE", limit=channel.terms.max_open_orders)
        self._check_rules(channel, order, order_id)

    def _check_rules(self, channel: Channel, order: Order, order_id: bytes) -> None:
        try:
            market = check_order(channel.terms, order)
            if (order.base, order.quote) not in self._floor.books:
                raise refused("MARKET_UNKNOWN")
            notional = market.notional(order.price, order.amount)
            if notional > market.max_unacked:
                raise refused("ORDER_TOO_LARGE", limit=market.max_unacked, got=notional)
            after = create_order(channel.terms, outlook(channel), order_id, order)
        except RuleBroken as rule:
            raise broken(rule) from rule
        short = short_of_collateral(channel.terms, after)
        if short:
            raise refused("ORDER_COLLATERAL", asset=short[0], short=short[1])

    # --- cancels ---

    async def cancel(self, channel: Channel, order_id: bytes, signature: bytes) -> None:
        """The order leaves the book at once; returns when no fill of it is under way, so that a receipt is true.

        A fill that reached the trader after the receipt would be the broker's to carry.
        """
        self.require_signed(channel, Cancel(channel.id, order_id), signature)
        if channel.phase not in LIVE:
            raise refused("CHANNEL_PHASE", phase=channel.phase.value)
        if order_id not in channel.cancelled:
            record = self._ledger.journal.intent(order_id)
            known = record is not None and record.signed.order.channel == channel.id
            if not known and len(channel.cancelled) >= self._policy.unknown_cancels:
                raise refused("CANCEL_LIMIT", limit=self._policy.unknown_cancels)
            with self._ledger.turn():
                self._ledger.add_cancel(channel.id, order_id, signature)
                channel.cancelled.add(order_id)
                if known:
                    self._ledger.journal.set_cancel(order_id, cancel=signature)
                    self._remove(channel, order_id)
        await self._ledger.durable()
        while channel.has_fills(order_id):
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._drained.setdefault(channel.id, []).append(done)
            await done

    def _remove(self, channel: Channel, order_id: bytes) -> None:
        if channel.order(order_id) is not None:
            self._floor.take_out(channel, order_id, Reason.ASKED)
            return
        queued = next((signed for signed in channel.queue if signed.id == order_id), None)
        if queued is not None:
            channel.queue.remove(queued)
            del channel.intents[order_id]
            self._ledger.journal.set_intent(order_id, "cancelled", Reason.ASKED.name)

    def _wake(self, channel: Channel) -> None:
        for done in self._drained.pop(channel.id, ()):
            if not done.done():
                done.set_result(None)

    def release(self, channel: Channel) -> None:
        """The connection is gone: nobody waits for these answers any more."""
        for done in self._drained.pop(channel.id, ()):
            done.cancel()

    # --- the end ---

    def finalize(self, channel: Channel, request: FinalizeRequest, signature: bytes) -> None:
        """Holds the request; the finalize state follows, and nothing else. The same request again is no error."""
        self.require_signed(channel, request, signature)
        if channel.phase is Phase.FINAL or _is_final(channel.pending, request):
            return
        if channel.phase not in (Phase.OPEN, Phase.DISPUTED):
            raise refused("CHANNEL_PHASE", phase=channel.phase.value)
        last = channel.last
        if channel.void or (last and last.state.turn is Role.TRADER):
            raise refused("FIN-NOT-NOW", turn="trader")
        busy = channel.pending or channel.fills or channel.queue or last is None or last.state.open_orders
        if busy or last is None or request.last_digest != last.digest:
            raise refused("FIN-NOT-NOW", increment=last.state.increment if last else 0)
        if request.valid_until < self._clock.now():
            raise refused("FIN-NOT-NOW", validUntil=request.valid_until)
        with self._ledger.turn():
            channel.finalize = request
            if channel.phase is Phase.OPEN:
                self._issuer.set_phase(channel, Phase.FINALIZING)
            self._issuer.touch(channel)

    # --- presence ---

    def beat(self, channel: Channel, beat: Heartbeat, signature: bytes, received: float) -> bytes:
        """The trader is there and up to date; the heartbeat's digest, to echo. ``received`` is monotonic."""
        digest = self.require_signed(channel, beat, signature)
        now = self._clock.monotonic()
        if not channel.knows(beat.digest, now):
            raise refused("BEAT_STALE", increment=channel.last.state.increment if channel.last else 0)
        if beat.time < channel.beat_time:
            raise refused("BEAT_OLD", last=channel.beat_time)
        was_present = channel.is_present(now)
        channel.beat_time, channel.beat_at, channel.caught_up = beat.time, received, True
        if not was_present and channel.is_present(now):
            with self._ledger.turn():
                self._floor.come(channel)
        return digest


def _is_final(pending: Entry | None, request: FinalizeRequest) -> bool:
    """Whether the answer to this very request is on its way."""
    if pending is None or pending.state.transition is not Transition.FINALIZE:
        return False
    return pending.state.previous == request.last_digest
