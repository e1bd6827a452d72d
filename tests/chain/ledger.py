"""Everything the contract knows, from its events alone: what a wallet that has lost all else can rebuild."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Channel:
    """``status`` as the contract numbers it; ``outcomes`` by asset (to the broker, to the trader) while disputed."""

    terms: Any
    status: int = 1
    deadline: int = 0
    increment: int = 0
    outcomes: dict[bytes, tuple[int, int]] = field(default_factory=dict)


def hold() -> defaultdict[tuple[bytes, ...], int]:
    return defaultdict(int)


@dataclass
class Ledger:
    """Fed with events in the order of the chain. Reads nothing else: neither calls, nor views, nor what was meant."""

    free: defaultdict[tuple[bytes, ...], int] = field(default_factory=hold)
    credit: defaultdict[tuple[bytes, ...], int] = field(default_factory=hold)
    used: defaultdict[tuple[bytes, ...], int] = field(default_factory=hold)
    caps: dict[tuple[bytes, ...], tuple[int, int]] = field(default_factory=dict)
    channels: dict[bytes, Channel] = field(default_factory=dict)

    def take(self, name: str, said: Mapping[str, Any]) -> None:
        getattr(self, f"_{name.lower()}")(said)

    def _deposited(self, said: Mapping[str, Any]) -> None:
        self.free[said["owner"], said["asset"]] += said["amount"]

    def _withdrawn(self, said: Mapping[str, Any]) -> None:
        """Credit first, then the free balance; pushing takes the whole credit, so it is the same."""
        key = said["owner"], said["asset"]
        from_credit = min(self.credit[key], said["amount"])
        self.credit[key] -= from_credit
        self.free[key] -= said["amount"] - from_credit

    def _authorized(self, said: Mapping[str, Any]) -> None:
        self.caps[said["broker"], said["signer"], said["asset"]] = said["cap"], said["until"]

    def _opened(self, said: Mapping[str, Any]) -> None:
        self.channels[said["channel"]] = Channel(said["terms"])
        trader, broker, signer = said["terms"][0], said["terms"][2], said["terms"][3]
        for asset, allocation, collateral in said["terms"][15]:
            self.free[trader, asset] -= allocation
            self.free[broker, asset] -= collateral
            self.used[broker, signer, asset] += collateral

    def _challenged(self, said: Mapping[str, Any]) -> None:
        self._responded(said)
        self.channels[said["channel"]].deadline = said["deadline"]

    def _responded(self, said: Mapping[str, Any]) -> None:
        channel = self.channels[said["channel"]]
        channel.status, channel.increment = 2, said["increment"]
        channel.outcomes = {asset: (to_broker, to_trader) for asset, to_broker, to_trader in said["outcomes"]}

    def _closed(self, said: Mapping[str, Any]) -> None:
        channel = self.channels[said["channel"]]
        channel.status, channel.increment, channel.deadline, channel.outcomes = 3, said["increment"], 0, {}
        trader, broker, signer = channel.terms[0], channel.terms[2], channel.terms[3]
        rows = zip(channel.terms[15], said["outcomes"], strict=True)
        for (asset, allocation, collateral), (_, to_broker, to_trader) in rows:
            self.credit[trader, asset] += allocation + to_trader - to_broker
            self.free[broker, asset] += collateral + to_broker - to_trader
            self.used[broker, signer, asset] -= collateral - to_trader

    _settled = _closed
