"""What screens and commands show of the owner's accounts: frozen snapshots, as those of :mod:`wallet.app.snapshots`.

Amounts are base units, fees wei (or wei per gas where a name says so), times Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from wallet.app.snapshots import AssetInfo

BROKER, OWN, SAVED = "broker", "own", "saved"  # whose an address of the book is


@dataclass(frozen=True, slots=True)
class HoldingView:
    asset: AssetInfo
    amount: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account of the wallet; ``kind`` is "derived", "imported" or "watched" (which can't sign)."""

    address: bytes
    label: str
    path: str
    kind: str
    holdings: tuple[HoldingView, ...]

    @property
    def signs(self) -> bool:
        return self.kind != "watched"


@dataclass(frozen=True, slots=True)
class TransactionView:
    """One transaction of ours. ``status``: pending, confirmed, failed, replaced, cancelled or reorged.

    ``to``, ``asset`` and ``amount`` are the recipient's, of a token's transfer too; ``purpose`` says what it is for.
    """

    hash: bytes
    purpose: str
    status: str
    created: int
    sender: bytes
    nonce: int
    to: bytes
    asset: AssetInfo
    amount: int
    name: str  # of the recipient in the book
    most_fee: int
    paid_fee: int  # 0 while it is not known
    block: int
    can_speed_up: bool
    can_cancel: bool


@dataclass(frozen=True, slots=True)
class NamedView:
    """An address with a name: a broker's, one of the own accounts, or one the user saved."""

    address: bytes
    name: str
    whose: str


@dataclass(frozen=True, slots=True)
class SpeedView:
    """What a plain payment costs at this speed: as things stand, and at most."""

    speed: str
    expected: int
    most: int


@dataclass(frozen=True, slots=True)
class PurseView:
    """The owner's accounts on one chain."""

    chain_id: int
    coin: AssetInfo
    assets: tuple[AssetInfo, ...]
    accounts: tuple[AccountView, ...]
    transactions: tuple[TransactionView, ...]
    book: tuple[NamedView, ...]
    speeds: tuple[SpeedView, ...]
    block: int


@dataclass(frozen=True, slots=True)
class DraftView:
    """A transaction that nobody has signed: ``unsigned`` is what will be, and everything else is read from it.

    ``warnings`` are (code, params) of what is to be looked at before it is.
    """

    unsigned: bytes
    sender: bytes
    title: str
    rows: tuple[tuple[str, str], ...]
    warnings: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    most_fee: int
