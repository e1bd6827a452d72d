"""Terms on offer: what the broker would sign for a trader's allocation, remembered until it lapses.

Only terms that were offered are ever signed; everything in them but the parties and allocations is the broker's own.
Source: design §1, §6 (setups within limits per owner).
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from wallet.broker.channel import Phase
from wallet.broker.config import BrokerConfig, MarketConfig
from wallet.broker.errors import refused
from wallet.broker.exposure import Pair, Prices, collateral_for
from wallet.broker.floor import Clock, Floor
from wallet.protocol.amounts import MAX_AMOUNT
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import require_signer
from wallet.protocol.terms import ZERO_ADDRESS, Asset, Terms, check_terms

MAX_OFFERS = 10_000
_UNOPENED = (Phase.PROPOSED, Phase.AGREED)


class Offers:
    """The terms of one broker, by channel id."""

    def __init__(self, config: BrokerConfig, floor: Floor, clock: Clock) -> None:
        self._config = config
        self._floor = floor
        self._clock = clock
        self._offered: OrderedDict[bytes, Terms] = OrderedDict()

    def make(
        self,
        trader: bytes,
        trader_signer: bytes,
        funding: Iterable[tuple[bytes, int]],
        pairs: Iterable[Pair] | None,
        free: Mapping[bytes, int],
    ) -> Terms:
        """Complete terms for these allocations; ``free`` is what the broker could commit now, by asset."""
        policy = self._config.policy
        allocations = self._allocations(funding)
        markets = self._markets(allocations, pairs)
        self._check_parties(trader, trader_signer)
        self._require_room(trader)
        for market in markets:
            allocations.setdefault(market.rules.base, 0)
            allocations.setdefault(market.rules.quote, 0)
        prices = Prices((market.rules, self._floor.middle(market.pair)) for market in self._config.markets)
        left = {asset: self._left(asset, amount, trader) for asset, amount in free.items()}
        collateral = collateral_for(
            allocations,
            prices,
            left,
            dict(policy.minimum_collateral),
            policy.collateral_of_others,
            policy.collateral_of_own,
        )
        if not all(any(collateral[asset] for asset in market.pair) for market in markets):
            raise refused("OFFER_COLLATERAL")
        terms = Terms(
            trader=trader,
            trader_signer=trader_signer,
            broker=self._config.owner,
            broker_signer=self._config.signer.address,
            nonce=secrets.randbits(128),
            open_before=int(self._clock.now()) + policy.open_window,
            challenge_period=policy.challenge_period,
            initiative=policy.initiative,
            max_fee=policy.max_fee,
            heartbeat=policy.heartbeat,
            answer_time=policy.answer_time,
            skew=policy.skew,
            yield_interval=policy.yield_interval,
            max_open_orders=policy.max_open_orders,
            max_fills=policy.max_fills,
            assets=tuple(Asset(asset, allocations[asset], collateral[asset]) for asset in sorted(allocations)),
            markets=tuple(market.rules for market in markets),
        )
        check_terms(terms)
        self._remember(terms)
        return terms

    def terms_of(self, channel: bytes) -> Terms:
        """The terms that were offered under this id. WalletError("SETUP_UNKNOWN_OFFER")."""
        terms = self._offered.get(channel)
        if terms is None:
            raise refused("SETUP_UNKNOWN_OFFER")
        return terms

    def accept(self, terms: Terms, signature: bytes, free: Mapping[bytes, int]) -> None:
        """Whether the broker signs a setup of these terms now. Raises WalletError if not; changes nothing."""
        channel = self._config.domain.digest(terms)
        self.terms_of(channel.digest)
        try:
            require_signer(channel, signature, (terms.trader,))
        except WalletError as error:
            raise refused("SETUP_SIGNATURE", why=error.code) from error
        self.check(terms, free)

    def check(self, terms: Terms, free: Mapping[bytes, int]) -> None:
        """The same, of what does not depend on who asks."""
        if terms.open_before <= self._clock.now():
            raise refused("SETUP_UNKNOWN_OFFER")
        self._require_room(terms.trader)
        for row in terms.assets:
            if row.collateral > self._left(row.asset, free.get(row.asset, 0), terms.trader):
                raise refused("OFFER_COLLATERAL", asset=row.asset)

    # --- parts ---

    def _allocations(self, funding: Iterable[tuple[bytes, int]]) -> dict[bytes, int]:
        rows = list(funding)
        allocations = dict(rows)
        if len(allocations) != len(rows):
            raise refused("OFFER_ASSET", why="twice")
        if not any(allocations.values()):
            raise refused("OFFER_EMPTY")
        if any(amount > MAX_AMOUNT // 2 for amount in allocations.values()):
            raise refused("OFFER_ASSET", why="amount")
        return allocations

    def _markets(self, allocations: Mapping[bytes, int], pairs: Iterable[Pair] | None) -> list[MarketConfig]:
        """The markets asked for, else every one in which an allocated asset is traded."""
        if pairs is None:
            found = [market for market in self._config.markets if any(asset in allocations for asset in market.pair)]
        else:
            wanted = list(pairs)
            found = [market for market in self._config.markets if market.pair in wanted]
            if len(found) != len(wanted):
                raise refused("OFFER_MARKET")
        if not found:
            raise refused("OFFER_MARKET")
        traded = {asset for market in found for asset in market.pair}
        for asset in allocations:
            if asset not in traded:
                raise refused("OFFER_ASSET", asset=asset)
        return found

    def _check_parties(self, trader: bytes, trader_signer: bytes) -> None:
        parties = {ZERO_ADDRESS, self._config.owner, self._config.signer.address, trader, trader_signer}
        if len(parties) != 5:
            raise refused("OFFER_PARTY")

    def _require_room(self, owner: bytes) -> None:
        policy, channels = self._config.policy, self._floor.channels.values()
        own = [channel for channel in channels if channel.terms.trader == owner]
        unopened = sum(channel.phase in _UNOPENED for channel in own)
        full = len(channels) >= policy.channels or len(own) >= policy.channels_per_owner
        full = full or sum(channel.phase in _UNOPENED for channel in channels) >= policy.unopened
        if full or unopened >= policy.unopened_per_owner:
            raise refused("BROKER_FULL", channels=len(own), unopened=unopened)

    def _left(self, asset: bytes, free: int, trader: bytes) -> int:
        """What may still be put up for ``trader``: of what is free, within the limits for him and for all."""
        policy = self._config.policy
        bounds = [free - self._promised(asset)]
        for limits, owner in ((policy.collateral_per_owner, trader), (policy.collateral_in_all, None)):
            limit = dict(limits).get(asset)
            if limit is not None:
                bounds.append(limit - self.committed(asset, owner))
        return min(bounds)

    def committed(self, asset: bytes, owner: bytes | None = None) -> int:
        """Collateral of live channels, of all owners or of one."""
        return sum(
            row.collateral
            for channel in self._floor.channels.values()
            if owner is None or channel.terms.trader == owner
            for row in channel.terms.assets
            if row.asset == asset
        )

    def _promised(self, asset: bytes) -> int:
        """Collateral of setups that are signed and may still be opened."""
        return sum(
            row.collateral
            for channel in self._floor.channels.values()
            if channel.phase in _UNOPENED  # what is open is out of the free balance on chain
            for row in channel.terms.assets
            if row.asset == asset
        )

    def _remember(self, terms: Terms) -> None:
        self._offered[self._config.domain.digest(terms).digest] = terms
        while len(self._offered) > MAX_OFFERS:
            self._offered.popitem(last=False)
