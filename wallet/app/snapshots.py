"""What the application shows, as frozen values: the only things that cross from the driver's thread to a screen.

Everything is serialisable (integers, strings, bytes, tuples). Amounts are base units, prices quote base units per
unit of base, times Unix seconds unless a name says otherwise. Symbols are already plain, bounded text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class AssetInfo:
    """An asset is its address; decimals come from the chain, the symbol from a list the application knows."""

    address: bytes
    symbol: str
    decimals: int
    verified: bool = True


@dataclass(frozen=True, slots=True)
class MarketInfo:
    """One market and everything that decides whether an order fits it."""

    base: AssetInfo
    quote: AssetInfo
    unit: int
    tick_size: int
    lot_size: int
    min_notional: int
    maker_fee: int  # parts per million of what a fill brings
    taker_fee: int

    @property
    def name(self) -> str:
        return f"{self.base.symbol}/{self.quote.symbol}"


class Link(Enum):
    """How the connection to the broker, or to the chain, stands."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"


class Phase(Enum):
    """Where a channel is in its life."""

    NONE = "none"
    REQUESTED = "requested"  # setup asked for
    AGREED = "agreed"  # state 0 signed by both, not yet on chain
    OPENING = "opening"  # open() sent, not confirmed
    OPEN = "open"
    FLAGGED = "flagged"  # an invalid state of the broker's: nothing is signed until the user decides
    FINALIZING = "finalizing"
    FINAL = "final"  # finalize signed by both, close() not yet confirmed
    CLOSING = "closing"  # close() sent
    DISPUTED = "disputed"
    SETTLED = "settled"  # credited on chain, not yet withdrawn
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"  # never opened on chain


class OrderStatus(Enum):
    STAGED = "staged"  # signed and stored here, not yet answered
    SUBMITTED = "submitted"  # the broker has it
    OPEN = "open"  # in a state that both signed
    CANCELLING = "cancelling"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"  # no answer: it may still open until its open_before


@dataclass(frozen=True, slots=True)
class BalanceView:
    """One asset of the channel, in parts that add up, and what the wallet holds beside it."""

    asset: AssetInfo
    allocation: int
    available: int
    locked: int
    to_broker: int
    to_trader: int
    collateral: int
    wallet: int = 0  # on chain, in the owner's own account
    free: int = 0  # deposited with the adjudicator, in no channel
    credit: int = 0  # settled, to be withdrawn
    spendable: int = 0  # of wallet and free, what a session may take: network fees are kept back

    @property
    def total(self) -> int:
        return self.available + self.locked

    @property
    def outcome(self) -> int:
        return self.to_trader - self.to_broker

    @property
    def collateral_left(self) -> int:
        return self.collateral - self.to_trader + self.to_broker


@dataclass(frozen=True, slots=True)
class OrderView:
    id: bytes
    market: str  # "ETH/USDT"
    side: str  # "buy" or "sell"
    price: int
    amount: int
    filled: int
    time_in_force: str
    status: OrderStatus
    created: int
    expiry: int
    reason: str = ""  # code of a rejection


@dataclass(frozen=True, slots=True)
class TriggerView:
    """A stop-loss or take-profit of this program's: the broker knows nothing of it, so it works only while it runs.

    ``kind`` is "stop_loss" or "take_profit", ``side`` that of the order it sends once the price is ``at``, taking
    ``cap`` ppm of slippage. ``failed``: it was set off and no order could be signed, for the code ``reason``.
    """

    id: bytes
    market: str
    side: str
    kind: str
    at: int
    amount: int
    cap: int
    created: int
    failed: bool = False
    reason: str = ""

    @property
    def rising(self) -> bool:
        """Whether it waits for the price to rise."""
        return (self.side == "buy") == (self.kind == "stop_loss")


@dataclass(frozen=True, slots=True)
class FillView:
    time: int
    increment: int
    order: bytes
    market: str
    side: str
    price: int
    quantity: int
    fee: int
    fee_asset: AssetInfo


@dataclass(frozen=True, slots=True)
class FlagView:
    """An invalid state the broker validly signed, or another alarm: shown until the user has decided."""

    id: int
    time: int
    code: str
    increment: int
    expected: str
    got: str
    cost: tuple[tuple[AssetInfo, int], ...]
    resolved: bool
    last_good: int
    acting: bool  # whether "refuse and go on" is possible
    channel: bytes = b""
    broker_name: str = ""


@dataclass(frozen=True, slots=True)
class StateRow:
    """One state of the history, for lists."""

    increment: int
    transition: str
    issuer: str
    time: int
    digest: bytes
    signed_by_trader: bool
    signed_by_broker: bool
    validated: bool
    refused: bool
    implied_by: int | None = None  # the state whose signature stands for the one that is missing here
    number: int = -1  # which row of the channel it is, from 0 in the order in which they came

    @property
    def settled(self) -> bool:
        """Nothing of the row will change any more."""
        by_both = self.signed_by_trader and self.signed_by_broker
        return self.refused or (self.validated and (by_both or self.implied_by is not None))


@dataclass(frozen=True, slots=True)
class ShareView:
    """What the state at hand of a restored channel pays of one asset, and how much more a later one could have paid:

    if the orders known of were filled at their limits, and whatever was traded.
    """

    asset: AssetInfo
    pays: int
    by_orders: int
    at_most: int


@dataclass(frozen=True, slots=True)
class RecoveryView:
    """A restored channel: the code of what comes next, and whether the broker has shown what he calls the highest."""

    step: str
    shown: bool
    shares: tuple[ShareView, ...]


@dataclass(frozen=True, slots=True)
class ChannelView:
    """Everything about the current channel that a screen shows at once."""

    id: bytes
    phase: Phase
    increment: int
    last_time: int
    challenge_period: int
    max_fee: int
    balances: tuple[BalanceView, ...]
    orders: tuple[OrderView, ...]
    fills: tuple[FillView, ...]
    awaiting: str = ""  # who owes the next signature: "", "broker" or "trader"
    note: str = ""  # code of what keeps the channel from trading: RESTORED, RES-FORK, HELD
    deadline: int = 0  # end of a challenge period, Unix seconds
    offline_safe: int = 0  # seconds this wallet may be away before the broker could settle with an older state
    recovery: RecoveryView | None = None  # of a restored channel that is not over
    exit_at: int = 0  # Unix seconds at which it is left without the broker; 0: it is not
    triggers: tuple[TriggerView, ...] = ()  # those that wait, and those that failed; oldest first


@dataclass(frozen=True, slots=True)
class ConnectionView:
    broker: Link = Link.OFFLINE
    chain: Link = Link.OFFLINE
    round_trip_ms: int = 0
    last_word_ms: int = 0  # Unix time of the broker's last word, in milliseconds
    block: int = 0
    broker_name: str = ""
    problem: str = ""  # code of why it is not online
    problem_params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node of the chain in view: scheme, host and port; ``own``: the user's. ``problem``: code, "" if it answers."""

    name: str
    own: bool
    asked: bool  # the one that is asked now
    head: int  # its newest block when nodes were last compared; 0 if it was not
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GasView:
    """The gas key's account on the chain in view. Amounts in wei; ``answers``: disputes it can pay an answer for."""

    address: bytes
    balance: int
    answers: int
    lacking: int  # what it is to be given: half of what it should have, or more
    coin: AssetInfo
    known: bool  # whether the chain was asked yet


@dataclass(frozen=True, slots=True)
class BrokerRow:
    """One broker of the profile, for lists; all are connected at once. ``id`` is his address."""

    id: bytes
    name: str
    host: str
    chain_id: int
    simulated: bool
    connection: ConnectionView


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel of the profile, for lists."""

    id: bytes
    broker: bytes
    phase: Phase
    increment: int
    open_orders: int
    created: int
    held: tuple[tuple[AssetInfo, int], ...]  # available and locked, of what was allocated or came in
    last_time: int = 0  # of the last state both have signed, Unix seconds
    awaiting: str = ""  # as in ChannelView, and the two below
    note: str = ""
    offline_safe: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of long work (open, leave), for a stepper with progress."""

    code: str
    state: str  # "todo", "doing", "done", "failed"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BackupView:
    """Backups by schedule: the choices (``hours`` 0: none), the one that is being made, and when the last was.

    ``doing`` is the code of what is done with ``done`` of ``whole`` bytes, "" between backups; ``last`` Unix seconds.
    """

    folder: str = ""
    hours: int = 0
    keep: int = 10
    doing: str = ""
    done: int = 0
    whole: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class AppView:
    """The whole account side of the application. Published at most 30 times a second.

    One broker and one channel are in view (``broker``, ``channel``, and what lies between); ``brokers``, ``channels``
    and ``flags`` are those of the whole profile.
    """

    account: bytes = b""
    account_label: str = ""
    unlocked: bool = False  # the owner's keys are in memory
    simulated: bool = False  # demo market: prices are made up
    markets: tuple[MarketInfo, ...] = ()
    assets: tuple[AssetInfo, ...] = ()
    connection: ConnectionView = field(default_factory=ConnectionView)
    channel: ChannelView | None = None
    wallet: tuple[BalanceView, ...] = ()  # balances outside of any channel
    flags: tuple[FlagView, ...] = ()
    steps: tuple[Step, ...] = ()
    broker: bytes = b""  # address of the broker in view
    brokers: tuple[BrokerRow, ...] = ()
    channels: tuple[ChannelRow, ...] = ()  # of all brokers, oldest first
    stopped: bool = False  # the user has stopped trading: no order is signed until he resumes it
    gas: GasView | None = None
    nodes: tuple[NodeView, ...] = ()
    doubt: str = ""  # code of what is doubtful about where the profile lies, such as "PROFILE_SHARED"
    backup: BackupView = field(default_factory=BackupView)
    watch_only: bool = False  # the account's key is elsewhere: nothing of the owner's can be signed here
    resting: bool = False  # no key is in memory and no broker is answered, until the password is given


@dataclass(frozen=True, slots=True)
class BookView:
    """The order book of one market; best first. ``stale`` when a gap or silence makes it doubtful."""

    market: str
    seq: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    stale: bool
    updated_ms: int
    broker: bytes = b""


@dataclass(frozen=True, slots=True)
class TapeRow:
    id: int
    time_ms: int
    side: str
    price: int
    amount: int


@dataclass(frozen=True, slots=True)
class CandleView:
    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class MarketView:
    """What the screen shows of one market: book, tape (newest first), candles (oldest first)."""

    book: BookView
    tape: tuple[TapeRow, ...]
    candles: tuple[CandleView, ...]
    interval: int
