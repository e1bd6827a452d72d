"""One broker, as the rest of the program sees him: what we ask of him over the connection.

Every request is signed, on disk before it leaves, and safe to repeat. Source: seed (the dashed arrows), design §4, §5.
"""

from __future__ import annotations

import asyncio
import contextlib

from wallet.history.journal import ChannelRecord, Entry, IntentRecord
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import (
    MAX_OPEN_AHEAD,
    Cancel,
    CancelReceipt,
    FinalizeRequest,
    Order,
    SignedOrder,
    TimeInForce,
)
from wallet.protocol.signatures import require_signer
from wallet.protocol.state import OpenOrder, Side, Transition
from wallet.protocol.terms import Role, Terms
from wallet.protocol.transitions import Contents, RuleBroken, contents_of, create_order
from wallet.session.answers import StateSigner
from wallet.session.channel import TraderChannel
from wallet.session.clocks import BLOCK_ORDERS
from wallet.session.connection import Connection
from wallet.session.conversation import patience
from wallet.session.phases import Event, Word
from wallet.session.requests import ALIVE, DEAD, MAX_CLIENT_ID, OPEN, REJECTED, STAGED, SUBMITTED, UNKNOWN
from wallet.session.turns import is_cooperative
from wallet.wire import messages, methods
from wallet.wire.frames import RemoteError

BREAK_LIMIT = "break-limit"  # a fact of the profile: decimal seconds, empty for none


class BrokerLink(Connection):
    """The connection to one broker and our channels with him. Belongs to one asyncio loop."""

    async def offer(self, trader: bytes, signer: StateSigner, allocations: list[tuple[bytes, int]]) -> Terms:
        """The terms the broker proposes for these allocations, not yet agreed to."""
        await self.prove(signer)
        wanted = messages.OfferRequest(trader, signer.address, tuple(allocations), None)
        return (await methods.ask(self.connected(), methods.OFFER, wanted, 10)).terms

    async def setup(self, record: ChannelRecord, owner: StateSigner) -> TraderChannel:
        """The seed's *Request setup*, after which the broker proposes state 0; or, in the cooperative flow, *Setup*."""
        self.journal.add_channel(record)
        channel = self._load(record)
        self._talking_now().move(channel, Word.INTRODUCED)  # by the offer, with the same key
        try:
            if is_cooperative(channel):
                await self._propose_setup(channel, channel.set_up(owner))
            else:
                signature = owner.sign(record.domain.digest(record.terms))
                await self._ask(channel, methods.SETUP, messages.Setup(record.terms, signature))
        except RemoteError:
            if channel.last is None:
                self.advance(channel, Event.GIVEN_UP)
            raise
        self._talking_now().move(channel, Word.SET_UP)
        await self.until(lambda: channel.last is not None, patience(channel))
        if channel.last is None:
            raise WalletError("SETUP_UNANSWERED")
        return channel

    async def _propose_setup(self, channel: TraderChannel, entry: Entry) -> None:
        """Our own state 0 and the broker's ACK of it; again with the same bytes after a break."""
        assert entry.trader_signature is not None
        answer = await self._ask(channel, methods.PROPOSE, messages.Propose(entry.state, entry.trader_signature, ()))
        if answer.ack is None:
            raise WalletError("SETUP_UNANSWERED")
        channel.acknowledged(entry.trader_signature, answer.ack)
        self.advance(channel, Event.AGREED)
        self.start_line(channel)
        await self._tell()

    async def _repeat_setup(self, channel: TraderChannel) -> None:
        entry = channel.pending
        if entry is None or entry.state.transition is not Transition.SETUP:
            return
        try:
            await self._propose_setup(channel, entry)
        except RemoteError:
            self.advance(channel, Event.GIVEN_UP)  # he never signed it: it can't be opened
        else:
            self._talking_now().move(channel, Word.SET_UP)

    async def place(
        self,
        channel: TraderChannel,
        market: tuple[bytes, bytes],
        side: Side,
        price: int,
        amount: int,
        time_in_force: TimeInForce,
        lifetime: int,
        client_id: str = "",
    ) -> bytes:
        """Signs an order intent, keeps it, sends it; its id once the broker has taken it.

        ``client_id`` (at most 64 characters) is the caller's own name for what he wants once: asked for again, also
        after a crash, the same signed intent is sent, and nothing is signed anew.

        Raises WalletError(rule's code) for an order that no state could open, RemoteError if the broker rejects
        it, WalletError("ORDER_UNKNOWN") if no answer came: it may still open within ten seconds.
        """
        signer = _require_signer(channel, trading=True)
        if len(client_id) > MAX_CLIENT_ID:
            raise WalletError("CLIENT_ID", limit=MAX_CLIENT_ID)
        known = channel.requests.by_client(client_id) if client_id else None
        if known is not None:
            return await self._placed_before(channel, known)
        if self.live.clocks is not None and abs(self.live.ahead) > BLOCK_ORDERS:
            raise self.live.clocks
        now = int(self.clock.now())
        order = Order(
            channel.id,
            channel.next_nonce(),
            *market,
            side,
            price,
            amount,
            time_in_force,
            now + MAX_OPEN_AHEAD,
            now + lifetime,
        )
        typed = channel.domain.digest(order)
        self._check_fits(channel, typed.digest, order)
        self.connected()
        signed = SignedOrder(typed.digest, order, signer.sign(typed))
        with self.journal.store.grouped():
            channel.requests.add(IntentRecord(signed, STAGED, "", now), client_id)
        await self._kept()
        try:
            if is_cooperative(channel):
                await self._open_in_turn(channel, signed)
            else:
                await self._send_order(channel, signed)
        finally:
            await self._tell()
        return signed.id

    async def _open_in_turn(self, channel: TraderChannel, signed: SignedOrder) -> None:
        """Waits until the order was opened by a state of our own, or was not."""

        def status() -> str:
            row = channel.requests.get(signed.id)
            return row.status if row is not None else REJECTED

        channel.problem = None
        under_way = (STAGED, SUBMITTED)
        wait = max(signed.order.open_before - self.clock.now(), 0) + 0.5
        await self.until(lambda: status() not in under_way or channel.problem is not None, wait)
        found, row = status(), channel.requests.get(signed.id)
        if found == STAGED:  # never issued: it can't open any more
            channel.requests.mark(signed.id, REJECTED, "ORDER_LATE")
            raise _said(channel) or WalletError("ORDER_LATE")
        if found == SUBMITTED:
            channel.requests.mark(signed.id, UNKNOWN)
            raise WalletError("ORDER_UNKNOWN", order=codec.show_hex(signed.id))
        if found == REJECTED:
            raise WalletError(row.reason if row is not None and row.reason else "ORDER_LATE")

    async def _placed_before(self, channel: TraderChannel, row: IntentRecord) -> bytes:
        """The same order asked for again: what became of it, or the same bytes once more while it may still open."""
        if row.status in (REJECTED, DEAD):
            raise WalletError(row.reason, order=codec.show_hex(row.signed.id))
        if is_cooperative(channel):
            if row.status in (STAGED, SUBMITTED):
                await self._open_in_turn(channel, row.signed)
            elif row.status == UNKNOWN:
                raise WalletError("ORDER_UNKNOWN", order=codec.show_hex(row.signed.id))
        elif row.status in (STAGED, UNKNOWN):
            await self._send_order(channel, row.signed)
        return row.signed.id

    async def _send_order(self, channel: TraderChannel, signed: SignedOrder) -> None:
        try:
            await self._ask(channel, methods.ORDER, messages.PlaceOrder(signed))
        except RemoteError as error:
            channel.requests.mark(signed.id, REJECTED, error.code)
            row = channel.requests.get(signed.id)
            if row is None or row.status == REJECTED:
                raise
            return  # he says no, but a state that he signed opened it: that counts
        except WalletError as error:
            channel.requests.mark(signed.id, UNKNOWN)
            if error.code == "STORE_FAILED":
                raise
            raise WalletError("ORDER_UNKNOWN", order=codec.show_hex(signed.id)) from error
        with self.journal.store.grouped():  # whenever it gets to disk: an intent that was not is sent once more
            channel.requests.mark(signed.id, SUBMITTED)

    def _check_fits(self, channel: TraderChannel, order_id: bytes, order: Order) -> None:
        """That a state could open it: by the rules, after all that may open before it."""
        assert channel.last is not None
        contents: Contents = contents_of(channel.last.state)
        try:
            for pending in channel.uncertain():
                with contextlib.suppress(RuleBroken):
                    contents = create_order(channel.terms, contents, channel.domain.digest(pending).digest, pending)
            create_order(channel.terms, contents, order_id, order)
        except RuleBroken as broken:
            raise WalletError(broken.code, expected=broken.expected, got=broken.got) from broken

    async def cancel(self, channel: TraderChannel, order_id: bytes) -> None:
        """Takes an order back: signed, kept, sent; done when the broker's receipt is on disk."""
        signer = _require_signer(channel)
        row = channel.requests.get(order_id)
        if row is None:
            raise WalletError("ORDER_NOT_FOUND", order=codec.show_hex(order_id))
        signature = row.cancel or signer.sign(channel.domain.digest(Cancel(channel.id, order_id)))
        with self.journal.store.grouped():
            channel.requests.mark_cancel(order_id, cancel=signature)
        await self.journal.store.durable()
        await self._send_cancel(channel, order_id, signature)

    async def _send_cancel(self, channel: TraderChannel, order_id: bytes, signature: bytes) -> None:
        message = messages.CancelOrder(channel.id, order_id, signature)
        receipt = (await self._ask(channel, methods.CANCEL, message)).signature
        typed = channel.domain.digest(CancelReceipt(channel.id, order_id))
        require_signer(typed, receipt, channel.terms.signers(Role.BROKER))
        with self.journal.store.grouped():
            channel.requests.mark_cancel(order_id, receipt=receipt)
        await self._kept()

    async def cancel_open(self, channel: TraderChannel, wait: float) -> None:
        """Takes all open orders back; returns when no state holds one. WalletError("CANCEL_UNANSWERED") if not."""
        deadline = self.clock.monotonic() + wait
        while _open_orders(channel):
            if self.clock.monotonic() > deadline:
                raise WalletError("CANCEL_UNANSWERED")
            for order in _open_orders(channel):
                await self.cancel(channel, order.id)
            await self.until(lambda: not _open_orders(channel), 2)

    async def finalize(self, channel: TraderChannel, wait: float) -> None:
        """Asks for the final state of this very state, with no open orders; done when both have signed it.

        Raises WalletError("FINALIZE_UNANSWERED") when the broker does not answer in time: asking again is safe.
        """
        signer = _require_signer(channel)
        deadline = self.clock.monotonic() + wait
        while not channel.final:
            left = deadline - self.clock.monotonic()
            if left <= 0 or channel.last is None:
                raise WalletError("FINALIZE_UNANSWERED")
            await self.cancel_open(channel, left)
            if is_cooperative(channel):
                await self._finalize_in_turn(channel, left)
                continue
            request = FinalizeRequest(channel.id, channel.last.digest, int(self.clock.now()) + 60)
            channel.request_finalize(request.last_digest)
            signature = signer.sign(channel.domain.digest(request))
            message = messages.Finalize(channel.id, request.last_digest, request.valid_until, signature)
            try:
                await self._ask(channel, methods.FINALIZE, message)
            except RemoteError as error:
                unseen = error.code == "CHANNEL_PHASE" and error.params.get("phase") == "agreed"  # the opening's block
                if error.code != "FIN-NOT-NOW" and not unseen:
                    raise
                await asyncio.sleep(0.5 if unseen else 0.1)
                continue
            await self.until(lambda: channel.final, min(left, patience(channel)))
        self.advance(channel, Event.FINAL_SIGNED)

    async def _finalize_in_turn(self, channel: TraderChannel, left: float) -> None:
        """We issue it ourselves. Without open orders the broker yields unasked: he is asked only if he does not."""
        channel.turns.finalize, channel.problem = True, None
        try:
            await self._tell()
            for patience_left in (0.5, left):
                if await self.until(lambda: channel.final or channel.problem is not None, patience_left):
                    break
                channel.turns.wanted = True
                await self._tell()
            if channel.problem is not None:
                raise channel.problem
        finally:
            channel.turns.finalize = False

    @property
    def break_limit(self) -> int | None:
        """Seconds of a break after which no order comes back; None: they come back after any."""
        kept = self.journal.fact(b"", BREAK_LIMIT)
        return int(kept) if kept else None

    async def _before_presence(self, channel: TraderChannel) -> None:
        """Cancel-all-on-disconnect: the broker took the orders out of his book when the connection broke, and puts
        them back with the first heartbeat; so their cancels go before it.
        """
        limit = self.break_limit
        if limit is None or channel.restored or self.clock.monotonic() - self._lost_at < limit:
            return
        for row in channel.requests.rows():
            if row.status in (OPEN, *ALIVE):
                with contextlib.suppress(RemoteError):
                    await self.cancel(channel, row.signed.id)

    async def _repeat(self, channel: TraderChannel) -> None:
        for row in channel.requests.rows():
            await self._ask_again(channel, row)

    async def _ask_again(self, channel: TraderChannel, row: IntentRecord) -> None:
        """Sends a request again whose answer never came; the broker knows it by its id."""
        now = self.clock.now()
        with contextlib.suppress(RemoteError):
            may_ask = not channel.restored and not is_cooperative(channel)
            if may_ask and row.status in (STAGED, UNKNOWN) and row.signed.order.open_before > now:
                await self._send_order(channel, row.signed)
            unreceipted = row.cancel is not None and row.receipt is None
            may_rest = row.status == OPEN or (row.status in ALIVE and row.signed.order.open_before > now)
            if row.cancel is not None and unreceipted and may_rest:
                await self._send_cancel(channel, row.signed.id, row.cancel)


def _said(channel: TraderChannel) -> WalletError | None:
    """What the broker said instead of an answer to a state of ours."""
    return channel.problem


def _open_orders(channel: TraderChannel) -> tuple[OpenOrder, ...]:
    return channel.last.state.open_orders if channel.last else ()


def _require_signer(channel: TraderChannel, *, trading: bool = False) -> StateSigner:
    """The key for a request; WalletError("RESTORED" | "RES-FORK" | "FROZEN") if nothing may be signed."""
    if channel.signer is None or (trading and channel.restored):
        raise WalletError("RESTORED")
    if channel.forked:
        raise WalletError("RES-FORK", increment=channel.last.state.increment if channel.last else 0)
    if channel.frozen is not None:
        raise WalletError("FROZEN")
    return channel.signer
