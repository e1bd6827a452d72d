"""The intents that a history's states rest on, each read and checked when the first of them needs it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping

from wallet.history.journal import ChannelRecord, IntentRecord
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import Order
from wallet.protocol.signatures import require_signer
from wallet.protocol.terms import Role
from wallet.protocol.typed import TypedDigest

Require = Callable[[TypedDigest, bytes, tuple[bytes, ...]], object]
"""Refuses a signature that is by none of these addresses, as :func:`require_signer` does: at once, or in a batch."""


class SignedOrders(Mapping[bytes, Order]):
    """The intents of a channel by id, read when a state needs them, and only if the trader signed them.

    At most ``KEPT`` are held, so that a history of any length takes the same memory.
    """

    KEPT = 1024

    def __init__(self, intent: Callable[[bytes], IntentRecord | None], record: ChannelRecord) -> None:
        self._intent = intent
        self._domain = record.domain
        self._signers = record.terms.signers(Role.TRADER)
        self._require: Require = require_signer
        self._kept: dict[bytes, Order] = {}

    def asking(self, require: Require) -> SignedOrders:
        """The same that leaves this one as it is; ``require`` is asked about signatures."""
        found = copy.copy(self)
        found._require, found._kept = require, self._kept.copy()
        return found

    def __getitem__(self, order_id: bytes) -> Order:
        if order_id not in self._kept:
            if len(self._kept) >= self.KEPT:
                self._kept.clear()
            self._kept[order_id] = self._read(order_id)
        return self._kept[order_id]

    def _read(self, order_id: bytes) -> Order:
        """Raises KeyError for an order that is unknown or that the trader did not sign: there is none such."""
        try:
            record = self._intent(order_id)
        except WalletError as error:
            if error.code != "INTENT_UNREADABLE":
                raise
            record = None
        if record is None:
            raise KeyError(order_id)
        typed = self._domain.digest(record.signed.order)
        if typed.digest != order_id:
            raise KeyError(order_id)
        try:
            self._require(typed, record.signed.signature, self._signers)
        except WalletError as error:
            raise KeyError(order_id) from error
        return record.signed.order

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
