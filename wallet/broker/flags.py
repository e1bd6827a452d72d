"""What whoever runs a broker decides on a flag: refuse the state and go on, or take the channel to the chain.

The mirror of the wallet's flags page. Until it is decided nothing is signed in a flagged channel; whoever decides sees
the rule, the figures and the evidence before. Source: design §5 (flagged states).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from wallet.broker.channel import Channel, Phase
from wallet.broker.floor import Floor
from wallet.broker.issuer import Issuer
from wallet.broker.keeper import Keeper
from wallet.broker.ledger import Ledger
from wallet.broker.receiver import Receiver
from wallet.history.journal import Entry, FlagRecord, Status
from wallet.history.seat import is_answerable
from wallet.protocol.errors import WalletError
from wallet.protocol.evidence import state_in
from wallet.protocol.terms import Role

_log = logging.getLogger("wallet.broker")


@dataclass(frozen=True, slots=True)
class Decision:
    """``void`` is the number of the state that answers the flagged one; None where there was nothing to answer."""

    flag: int
    channel: bytes
    void: int | None
    left: int  # flags of this channel that are still undecided


class Flags:
    """Decisions on the flags of one running broker. ``dismiss`` ends the connection of a channel's trader."""

    def __init__(
        self,
        ledger: Ledger,
        floor: Floor,
        issuer: Issuer,
        receiver: Receiver,
        keeper: Keeper,
        dismiss: Callable[[Channel], None],
    ) -> None:
        self._ledger = ledger
        self._floor = floor
        self._issuer = issuer
        self._receiver = receiver
        self._keeper = keeper
        self._dismiss = dismiss

    def refuse(self, flag: int) -> Decision:
        """Answers the flagged state with a void, if it still can be answered, and goes on.

        The trader meets the void when he comes again: his connection is ended for that. All that he signed at numbers
        up to the void's is decided with it. Raises WalletError("FLAG_UNKNOWN" | "REFUSE_IMPOSSIBLE").
        """
        record, channel = self._find(flag)
        if channel is None:  # it is over
            with self._ledger.turn():
                self._ledger.journal.resolve_flag(flag)
            return Decision(flag, record.channel, None, 0)
        if channel.void is not None and record.increment > channel.void.state.increment:
            raise WalletError("FLAG_LATER", increment=channel.void.state.increment)
        answerable = channel.void is None and is_answerable(channel.last, channel.pending, record.increment)
        if answerable and channel.phase is not Phase.OPEN:
            raise WalletError("REFUSE_IMPOSSIBLE", increment=record.increment)
        with self._ledger.turn():
            if answerable:
                self._void(channel, record)
            top = channel.void.state.increment if channel.void is not None and answerable else -1
            undecided = self._undecided(channel)
            decided = [row for row in undecided if row.id == flag or row.increment <= top]
            for row in decided:
                self._ledger.journal.resolve_flag(row.id)
            left = [row for row in undecided if row not in decided]
            channel.flagged = left[0].flag.code if left else ""
            self._issuer.touch(channel)
        self._dismiss(channel)
        _log.warning("channel 0x%s: flag %d is decided: the channel goes on", channel.id.hex(), flag)
        return Decision(flag, channel.id, top if top >= 0 else None, len(left))

    async def dispute(self, flag: int) -> int:
        """Starts a dispute with the best state of the flag's channel; that state's number.

        Raises WalletError("FLAG_UNKNOWN" | "DISPUTE_IMPOSSIBLE" | "TX_…" | "RPC_…").
        """
        _, channel = self._find(flag)
        if channel is None or channel.phase not in (Phase.OPEN, Phase.FINALIZING):
            raise WalletError("DISPUTE_IMPOSSIBLE", flag=flag)
        return await self._keeper.challenge(channel)

    def _find(self, flag: int) -> tuple[FlagRecord, Channel | None]:
        record = next((row for row in self._ledger.journal.flags() if row.id == flag and not row.resolved), None)
        if record is None:
            raise WalletError("FLAG_UNKNOWN", flag=flag)
        return record, self._floor.channels.get(record.channel)

    def _undecided(self, channel: Channel) -> list[FlagRecord]:
        return [row for row in self._ledger.journal.flags(channel.id) if not row.resolved]

    def _void(self, channel: Channel, record: FlagRecord) -> None:
        entry = Entry(state_in(record.raw), record.digest, Role.TRADER, Status.REFUSED, recorded=record.time)
        self._receiver.refuse(channel, entry.signed(Role.TRADER, record.signature, own=False), record.flag.code)
