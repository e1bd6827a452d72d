"""Opening a channel with one broker: his offer held against his profile, the setup, the deposit.

Every step may be the last before a crash; what was begun goes on and is paid for once.
Source: seed, *Setup*; design §2, "First start".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wallet.app.steps import OPEN_STEPS
from wallet.history.journal import ChannelRecord
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import MAX_OPEN_WINDOW, Role, Terms, check_terms
from wallet.session.channel import TraderChannel
from wallet.session.phases import Event, Phase

if TYPE_CHECKING:
    from wallet.app.account import Account

OPEN_WAIT = 120.0
SHORTEST_PERIOD = 3_600  # seconds to answer a challenge in, where money is real
OVER = (Phase.WITHDRAWN, Phase.ABANDONED)
BEGUN = (Phase.REQUESTED, Phase.AGREED, Phase.OPENING)

Allocations = Sequence[tuple[bytes, int]]


class Opening:
    """The openings of one account, one at a time."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def open(self, allocations: Allocations, *, another: bool) -> bytes:
        """The channel's id, when it can be traded in. Goes on with a try of the same amounts that broke off.

        Raises WalletError("CHANNEL_EXISTS") beside a channel that is not over, unless ``another`` is wanted.
        """
        account = self._account
        running = [row for row in account.channels if Phase(row.record.phase) not in OVER]
        begun = next((row for row in reversed(running) if Phase(row.record.phase) in BEGUN), None)
        if begun is not None and (channel := await self._go_on(begun, allocations)) is not None:
            return channel
        others = [row for row in running if Phase(row.record.phase) not in (*BEGUN, *OVER)]
        if others and not another:
            raise WalletError("CHANNEL_EXISTS", phase=others[-1].record.phase)
        await account.online()
        self._check_allocations(allocations)
        with account.progress.of(OPEN_STEPS) as step:
            step(0)
            terms, domain = await self._agree_terms(allocations), account.broker.domain
            step(1)
            digest = domain.digest(terms)
            record = ChannelRecord(
                digest.digest,
                Role.TRADER,
                domain.chain_id,
                domain.contract,
                terms,
                Phase.REQUESTED.value,
                int(time.time()),
            )
            made = await account.link.setup(record, account.vault.owner())
            account.link.advance(made, Event.AGREED)
            await self._deposit(made, step)
        return made.id

    async def _go_on(self, channel: TraderChannel, allocations: Allocations) -> bytes | None:
        """Goes on with a try that broke off, if it is of the same amounts; None if there is nothing to go on with.

        Raises WalletError("CHANNEL_EXISTS") for one of other amounts whose transaction may be on its way.
        """
        account, phase = self._account, Phase(channel.record.phase)
        agreed = {row.asset: row.allocation for row in channel.terms.assets if row.allocation}
        same = agreed == {asset: amount for asset, amount in allocations if amount}
        if phase is Phase.OPENING and not same:
            raise WalletError("CHANNEL_EXISTS", phase=channel.record.phase)
        lapsed = phase is Phase.AGREED and (channel.restored or _has_lapsed(channel.terms))
        if phase is Phase.REQUESTED or not same or lapsed:  # a restored one could be opened, but not traded in
            account.link.advance(channel, Event.GIVEN_UP)  # only our own call could open it, and none was signed
            return None
        await account.online()
        await account.chain.refresh()  # its transaction may have been mined meanwhile
        phase = Phase(channel.record.phase)
        if phase is Phase.ABANDONED:
            raise WalletError("SETUP_UNKNOWN_OFFER")
        return channel.id if phase is Phase.OPEN else await self._deposit(channel)

    async def _deposit(self, channel: TraderChannel, step: Callable[[int], None] = lambda _: None) -> bytes:
        account = self._account
        step(2)
        await account.chain.fund_gas(account.owner)  # first: a channel that nobody can answer for is not opened
        await account.chain.open(channel, account.owner)
        step(3)
        if not await account.link.until(lambda: Phase(channel.record.phase) is Phase.OPEN, OPEN_WAIT):
            raise WalletError("OPEN_UNCONFIRMED")
        await account.link.resume(channel)
        await account.link.heartbeat(channel)
        return channel.id

    def _check_allocations(self, allocations: Allocations) -> None:
        account = self._account
        if not any(amount for _, amount in allocations):
            raise WalletError("ALLOCATE_NOTHING")
        for asset, amount in allocations:
            info = account.names.asset(asset)
            if account.broker.token(asset) is None:
                raise WalletError("ASSET_UNKNOWN", asset=info.symbol)
            have = account.chain.spendable(asset)
            if amount > have:
                there, wanted = (format_amount(value, info.decimals) for value in (have, amount))
                raise WalletError("BALANCE_TOO_SMALL", asset=info.symbol, have=there, need=wanted)

    async def _agree_terms(self, allocations: Allocations) -> Terms:
        """The broker's offer for these allocations, refused if it is not what his profile promised."""
        account, broker = self._account, self._account.broker
        wanted = {token.address: 0 for token in broker.tokens} | dict(allocations)
        signer = account.vault.session(account.vault.new_session_key())
        terms = await account.link.offer(account.address, signer, sorted(wanted.items()))
        check_terms(terms)
        parties = (account.address, signer.address, broker.broker, broker.signer)
        if (terms.trader, terms.trader_signer, terms.broker, terms.broker_signer) != parties:
            raise WalletError("SET-PARTIES", field="parties", got="others than agreed")
        if {row.asset: row.allocation for row in terms.assets} != wanted:
            raise WalletError("SET-FUNDING", field="allocation", got="other amounts than asked for")
        field = broker.offer.difference(terms)
        if field is None and terms.markets != broker.offer.markets:
            field = "markets"
        if field is None and not 0 < terms.open_before - time.time() <= MAX_OPEN_WINDOW + terms.skew:
            field = "open_before"
        if field is not None:
            raise WalletError("SET-TERMS", field=field, got=str(getattr(terms, field))[:60])
        if not broker.test and terms.challenge_period < SHORTEST_PERIOD:
            raise WalletError("SET-PERIOD", field="challenge_period", got=terms.challenge_period)
        return terms


def _has_lapsed(terms: Terms) -> bool:
    return time.time() > terms.open_before
