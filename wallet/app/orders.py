"""What takes more than one request to the broker: taking all orders back, changing one, stopping for good.

The protocol knows no change of an order: it is taken back, and what is left of it is placed anew once a state that
both have signed says that it is gone. So nothing can fill twice, whatever breaks in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from wallet.history.journal import Status
from wallet.protocol.errors import WalletError
from wallet.session.channel import TraderChannel
from wallet.session.phases import Phase
from wallet.session.requests import ALIVE, FILLED, OPEN

if TYPE_CHECKING:
    from wallet.app.account import Account

GONE_WITHIN = 15.0  # seconds for the state without the order
LEAST_LIFETIME = 60  # seconds an order is placed anew for, however little it had left
PAGE = 200
STOPPED = "stopped"  # the fact that says that no order may be signed


class Orders:
    """Belongs to an account and its loop."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def cancel_all(self, channel: bytes | None = None, market: str = "") -> int:
        """Takes back every order that rests or may yet open, and every trigger, of one market or of all; how many.

        What is on its way is taken back too: an opening that comes after the receipt is refused.
        """
        account = self._account
        found = account.open_channel_or_refuse(channel)
        pair = None
        if market:
            info = account.market(market)
            pair = info.base.address, info.quote.address
        wanted = [
            row.signed.id
            for row in found.requests.rows()
            if row.status in (OPEN, *ALIVE) and pair in (None, (row.signed.order.base, row.signed.order.quote))
        ]
        count = account.triggers.cancel_all(found, pair)
        for order in wanted:
            await account.link.cancel(found, order)
        return len(wanted) + count

    async def amend(self, order: bytes, price: int, amount: int) -> bytes:
        """Changes an open order to ``amount`` left to fill at ``price``; the id of the order that takes its place.

        What fills meanwhile comes off ``amount``. Raises WalletError("ORDER_NOT_FOUND" | "ORDER_NOT_OPEN") and
        changes nothing, or "AMEND_FILLED" if there was nothing left to place; else as placing an order does, with the
        old one gone.
        """
        account = self._account
        channel = account.channel_of(order)
        row = channel.requests.get(order) if channel is not None else None
        if channel is None or row is None:
            raise WalletError("ORDER_NOT_FOUND", order="0x" + order.hex())
        resting = channel.last.state.order(order) if channel.last else None
        if resting is None:
            raise WalletError("ORDER_NOT_OPEN", order="0x" + order.hex())
        old = row.signed.order
        account.require_trading()
        await account.cancel_order(order)
        await account.until_gone(order, GONE_WITHIN)
        left = amount - (await self._filled(channel, order) - resting.filled)
        if left <= 0:
            raise WalletError("AMEND_FILLED")
        return await account.link.place(
            account.open_channel_or_refuse(channel.id),
            (old.base, old.quote),
            old.side,
            price,
            left,
            old.time_in_force,
            max(old.expiry - int(time.time()), LEAST_LIFETIME),
        )

    async def _filled(self, channel: TraderChannel, order: bytes) -> int:
        """How much of an order that is gone was filled: as the last state that held it says."""
        row = channel.requests.get(order)
        if row is not None and row.status == FILLED:
            return row.signed.order.amount
        before: int | None = None
        while page := self._account.journal.page(channel.id, before, PAGE):
            for entry in page:
                held = entry.state.order(order) if entry.status is Status.VALIDATED else None
                if held is not None:
                    return held.filled
            before = page[-1].state.increment
            await asyncio.sleep(0)
        return 0

    async def stop(self) -> int:
        """Takes back every order and trigger of every channel that is open; how many.

        What a broker does not answer is kept, and sent again when he is back.
        """
        count = 0
        for channel in self._account.channels:
            if Phase(channel.record.phase) is Phase.OPEN:
                count += self._account.triggers.cancel_all(channel)
                for row in channel.requests.rows():
                    if row.status in (OPEN, *ALIVE):
                        count += 1
                        with contextlib.suppress(WalletError):
                            await self._account.link.cancel(channel, row.signed.id)
        return count
