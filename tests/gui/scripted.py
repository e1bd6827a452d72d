"""A backend that plays a script: it remembers what was asked of it and shows what a test tells it to."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from wallet.app.backend import Backend
from wallet.app.leaving import GAS_KEY, OWNER, ExitPlan, ExitStep
from wallet.app.owner.door import Front
from wallet.app.purse_views import (
    AccountView,
    DraftView,
    HoldingView,
    NamedView,
    PurseView,
    SpeedView,
    TransactionView,
)
from wallet.app.records import never, unheard
from wallet.app.snapshots import (
    AppView,
    AssetInfo,
    BalanceView,
    BookView,
    CandleView,
    ChannelView,
    ConnectionView,
    FillView,
    FlagView,
    GasView,
    Link,
    MarketInfo,
    MarketView,
    NodeView,
    OrderStatus,
    OrderView,
    Phase,
    StateRow,
    TapeRow,
)
from wallet.gui.models.onboarding import Words
from wallet.history.search import Search
from wallet.keys.secret import Secret

NOW = 1_790_000_000
ETH = AssetInfo(bytes(20), "ETH", 18)
USDT = AssetInfo(b"\x11" * 20, "USDT", 6)
WBTC = AssetInfo(b"\x22" * 20, "WBTC", 8)
ETH_USDT = MarketInfo(ETH, USDT, 10**18, 10_000, 10**14, 5_000_000, 0, 1_000)
WBTC_USDT = MarketInfo(WBTC, USDT, 10**8, 100_000, 10**3, 5_000_000, 0, 1_000)
MARKETS = (ETH_USDT, WBTC_USDT)
CHANNEL = bytes(range(32))


def done(value: Any = None) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def failed(error: BaseException) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def order(number: int, side: str = "buy", price: int = 3_000_000_000, amount: int = 10**18, **more: Any) -> OrderView:
    base = OrderView(
        bytes([number]) * 32,
        "ETH/USDT",
        side,
        price,
        amount,
        0,
        "good_till_time",
        OrderStatus.OPEN,
        NOW + number,
        NOW + 9999,
    )
    return replace(base, **more)


def fill(number: int, side: str = "buy", price: int = 3_000_000_000, quantity: int = 10**17) -> FillView:
    fee, asset = (quantity // 1000, ETH) if side == "buy" else (price * quantity // 10**18 // 1000, USDT)
    return FillView(
        NOW - number * 40, 100 - number, bytes([number]) * 32, "ETH/USDT", side, price, quantity, fee, asset
    )


BALANCES = (
    BalanceView(ETH, 2 * 10**18, 3_249_750 * 10**12, 500 * 10**15, 0, 1_749_750 * 10**12, 10 * 10**18, 5 * 10**18),
    BalanceView(USDT, 25_000 * 10**6, 18_231_450_000, 1_500_000_000, 5_268_550_000, 0, 50_000 * 10**6, 25_000 * 10**6),
    BalanceView(WBTC, 50_000_000, 50_000_000, 0, 0, 0, 2 * 10**8, 50_000_000),
)
WALLET = (
    BalanceView(ETH, 0, 0, 0, 0, 0, 0, 10 * 10**18, spendable=998 * 10**16),
    BalanceView(USDT, 0, 0, 0, 0, 0, 0, 50_000 * 10**6, spendable=50_000 * 10**6),
    BalanceView(WBTC, 0, 0, 0, 0, 0, 0, 10**8, spendable=10**8),
)


def channel(**more: Any) -> ChannelView:
    base = ChannelView(
        id=CHANNEL,
        phase=Phase.OPEN,
        increment=118,
        last_time=NOW,
        challenge_period=86_400,
        max_fee=2_000,
        balances=BALANCES,
        orders=(),
        fills=(),
    )
    return replace(base, **more)


def app_view(**more: Any) -> AppView:
    base = AppView(
        account=b"\x33" * 20,
        account_label="Demo",
        unlocked=True,
        simulated=True,
        markets=MARKETS,
        assets=(ETH, USDT, WBTC),
        connection=ConnectionView(Link.ONLINE, Link.ONLINE, 12, NOW * 1000, 1234, "Demo broker"),
        channel=channel(),
        wallet=WALLET,
    )
    return replace(base, **more)


GWEI = 10**9
PLAN = ExitPlan(
    CHANNEL,
    118,
    final=False,
    pays=((ETH, 3_749_750 * 10**12), (USDT, 19_731_450_000), (WBTC, 50_000_000)),
    steps=(
        ExitStep("STEP-CHALLENGE", 96_900, 96_900 * GWEI, OWNER),
        ExitStep("STEP-GAS", 21_000, 21_000 * GWEI, OWNER),
        ExitStep("STEP-SETTLE", 171_500, 171_500 * GWEI, GAS_KEY),
        ExitStep("STEP-WITHDRAW", 138_000, 138_000 * GWEI, GAS_KEY),
    ),
    coin=ETH,
    gas_price=GWEI,
    gas_share=10**15,
    owner_has=10 * 10**18,
    period=86_400,
    deadline=0,
)

GAS = GasView(b"\x44" * 20, 2 * 10**15, 27, 0, ETH, known=True)
ME, SAVINGS, ANNA = b"\x33" * 20, b"\x36" * 20, b"\xab\xc0" + b"\x11" * 16 + b"\x01\x23"
SENT = TransactionView(
    b"\x71" * 32, "send", "confirmed", NOW - 600, ME, 4, ANNA, ETH, 5 * 10**17, "Anna", 42 * 10**12, 21 * 10**12,
    1230, can_speed_up=False, can_cancel=False,
)  # fmt: skip
STUCK = replace(
    SENT, hash=b"\x72" * 32, status="pending", created=NOW - 60, nonce=5, paid_fee=0, block=0, can_speed_up=True,
    can_cancel=True,
)  # fmt: skip
PURSE = PurseView(
    chain_id=31_337,
    coin=ETH,
    assets=(ETH, USDT, WBTC),
    accounts=(
        AccountView(ME, "", "m/44'/60'/0'/0/0", "derived", (HoldingView(ETH, 10**19), HoldingView(USDT, 5 * 10**10))),
        AccountView(SAVINGS, "Savings", "m/44'/60'/0'/0/1", "derived", (HoldingView(ETH, 10**18),)),
        AccountView(b"\x37" * 20, "Paper", "", "watched", (HoldingView(ETH, 0),)),
    ),
    transactions=(STUCK, SENT),
    book=(
        NamedView(b"\xb7" * 20, "Demo broker", "broker"),
        NamedView(ME, "Account 1", "own"),
        NamedView(ANNA, "Anna", "saved"),
    ),
    speeds=(
        SpeedView("slow", 21 * 10**12, 24 * 10**12),
        SpeedView("normal", 22 * 10**12, 44 * 10**12),
        SpeedView("fast", 25 * 10**12, 66 * 10**12),
    ),
    block=1234,
)
DRAFT = DraftView(
    b"\x02unsigned",
    ME,
    "Send 0.5 ETH",
    (("Amount", "0.5 ETH"), ("To", "0xABC… (Anna)"), ("Network fee, at most", "0.000044 ETH")),
    (),
    44 * 10**12,
)
NODES = (
    NodeView("http://127.0.0.1:8545", own=True, asked=True, head=1234),
    NodeView("https://node.example", own=False, asked=False, head=0, problem="RPC_TIMEOUT"),
)

FLAG = FlagView(
    id=1,
    time=NOW,
    code="TRD-WORSE",
    increment=119,
    expected="3000000000",
    got="3010000000",
    cost=((USDT, 10_000_000),),
    resolved=False,
    last_good=118,
    acting=True,
)


def state_row(number: int, **more: Any) -> StateRow:
    names = ("create_order", "trade", "cancel_order")
    base = StateRow(
        number, "setup" if number == 0 else names[number % 3], "broker", NOW + number, number.to_bytes(32, "big"),
        signed_by_trader=True, signed_by_broker=True, validated=True, refused=False,
    )  # fmt: skip
    return replace(base, **more)


def market_view(
    market: MarketInfo = ETH_USDT, middle: int = 3_000_000_000, interval: int = 5, seed: int = 7
) -> MarketView:
    """A plausible book, tape and history around ``middle``."""
    chance = random.Random(seed)
    tick, lot = market.tick_size, market.lot_size
    scale = market.base.decimals

    def amount() -> int:
        return max(chance.randrange(1, 40_000) * 10**scale // 10_000 // lot * lot, lot)

    bids = tuple((middle - (3 + 7 * i + chance.randrange(6)) * tick, amount()) for i in range(50))
    asks = tuple((middle + (3 + 7 * i + chance.randrange(6)) * tick, amount()) for i in range(50))
    tape = tuple(
        TapeRow(
            i, (NOW - i * 3) * 1000, chance.choice(("buy", "sell")), middle + chance.randrange(-20, 20) * tick, amount()
        )
        for i in range(60)
    )
    candles, price = [], middle - 3000 * tick
    for i in range(400):
        first = price
        price += chance.randrange(-260, 276) * tick
        high = max(first, price) + chance.randrange(120) * tick
        low = min(first, price) - chance.randrange(120) * tick
        start = NOW // interval * interval - (399 - i) * interval
        candles.append(CandleView(start, first, high, low, price, amount()))
    shift = middle - price
    candles = [
        CandleView(c.start, c.open + shift, c.high + shift, c.low + shift, c.close + shift, c.volume) for c in candles
    ]
    return MarketView(
        BookView(market.name, 1, bids, asks, stale=False, updated_ms=NOW * 1000), tape, tuple(candles), interval
    )


class ScriptedBackend:
    """Records calls in ``calls``; ``answers`` by method name replace the default answer."""

    def __init__(self, view: AppView | None = None) -> None:
        self.shown = view or app_view()
        self.calls: list[tuple[Any, ...]] = []
        self.client_ids: list[str] = []
        self.answers: dict[str, Future[Any]] = {}
        self.stays = False  # whether the keyring opens it
        self.recorded = [state_row(number) for number in range(119)]
        self.purse_shown = PURSE
        self.on_app: Callable[[AppView], None] = lambda _: None
        self.on_market: Callable[[MarketView], None] = lambda _: None
        self.closed = False

    @property
    def rows(self) -> list[StateRow]:
        """The states as rows of the journal, numbered as they came."""
        return [replace(row, number=number) for number, row in enumerate(self.recorded)]

    def publish(self, view: AppView) -> None:
        self.shown = view
        self.on_app(view)

    def subscribe(self, on_app: Callable[[AppView], None], on_market: Callable[[MarketView], None]) -> None:
        self.on_app, self.on_market = on_app, on_market
        on_app(self.shown)

    def watch_market(self, market: str, interval: int) -> None:
        self.calls.append(("watch_market", market, interval))
        found = {"ETH/USDT": (ETH_USDT, 3_000_000_000), "WBTC/USDT": (WBTC_USDT, 61_000_000_000)}[market]
        self.on_market(market_view(*found, interval))

    def _do(self, name: str, *arguments: Any, value: Any = None) -> Future[Any]:
        self.calls.append((name, *arguments))
        return self.answers.get(name, done(value))

    def lock(self, keep_signing: bool) -> Future[None]:
        self.publish(replace(self.shown, unlocked=False, resting=not keep_signing))
        return self._do("lock", keep_signing)

    def unlock(self, password: Secret) -> Future[None]:
        found: Future[None] = self._do("unlock", password.reveal())
        if found.done() and found.exception() is None:
            self.publish(replace(self.shown, unlocked=True, resting=False))
        return found

    def choose(self, broker: bytes, channel: bytes) -> None:
        self.calls.append(("choose", broker, channel))

    def view(self, broker: bytes, channel: bytes) -> Future[AppView]:
        return self._do("view", broker, channel, value=self.shown)

    def online(self, broker: bytes, chain_only: bool) -> Future[None]:
        return self._do("online", broker, chain_only)

    def add_node(self, url: str) -> Future[int]:
        return self._do("add_node", url, value=31337)

    def remove_node(self, url: str) -> Future[None]:
        return self._do("remove_node", url)

    def fund_gas(self, broker: bytes) -> Future[int]:
        return self._do("fund_gas", broker, value=10**15)

    def sweep_gas(self, broker: bytes, anyway: bool) -> Future[int]:
        return self._do("sweep_gas", broker, anyway, value=10**15)

    def add_broker(self, path: Path) -> Future[bytes]:
        return self._do("add_broker", path, value=b"\xb7" * 20)

    def remove_broker(self, broker: bytes) -> Future[None]:
        return self._do("remove_broker", broker)

    def find_channels(self, broker: bytes) -> Future[tuple[int, int]]:
        return self._do("find_channels", broker, value=(1, 0))

    def purse(self, broker: bytes) -> Future[PurseView]:
        return self._do("purse", broker, value=self.purse_shown)

    def prepare_send(
        self, broker: bytes, sender: bytes, to: bytes, asset: bytes, amount: int | None, speed: str
    ) -> Future[DraftView]:
        return self._do("prepare_send", broker, sender, to, asset, amount, speed, value=DRAFT)

    def prepare_replacement(self, broker: bytes, transaction: bytes, cancel: bool, speed: str) -> Future[DraftView]:
        return self._do("prepare_replacement", broker, transaction, cancel, speed, value=DRAFT)

    def send_prepared(self, broker: bytes, sender: bytes, unsigned: bytes) -> Future[bytes]:
        return self._do("send_prepared", broker, sender, unsigned, value=b"\x99" * 32)

    def add_account(self, label: str) -> Future[bytes]:
        return self._do("add_account", label, value=b"\x34" * 20)

    def rename_account(self, address: bytes, label: str) -> Future[None]:
        return self._do("rename_account", address, label)

    def find_accounts(self, broker: bytes) -> Future[int]:
        return self._do("find_accounts", broker, value=2)

    def name_address(self, address: bytes, label: str) -> Future[None]:
        return self._do("name_address", address, label)

    def forget_address(self, address: bytes) -> Future[None]:
        return self._do("forget_address", address)

    def faucet(self, broker: bytes) -> Future[None]:
        return self._do("faucet", broker)

    def open_channel(self, broker: bytes, allocations: Sequence[tuple[bytes, int]], another: bool) -> Future[bytes]:
        return self._do("open_channel", broker, tuple(allocations), another, value=CHANNEL)

    def place_order(
        self,
        channel: bytes,
        market: str,
        side: str,
        price: int,
        amount: int,
        time_in_force: str,
        client_id: str = "",
        lifetime: int = 86_400,
    ) -> Future[bytes]:
        self.client_ids.append(client_id)
        return self._do("place_order", channel, market, side, price, amount, time_in_force, value=bytes(32))

    def market_price(self, channel: bytes, market: str, side: str, cap: int) -> Future[int]:
        return self._do("market_price", channel, market, side, cap, value=3_000_000_000)

    def order(self, order: bytes) -> Future[OrderView]:
        return self._do("order", order)

    def cancel_order(self, order: bytes) -> Future[None]:
        return self._do("cancel_order", order)

    def amend_order(self, order: bytes, price: int, amount: int) -> Future[bytes]:
        return self._do("amend_order", order, price, amount, value=bytes(32))

    def cancel_all(self, channel: bytes, market: str = "") -> Future[int]:
        return self._do("cancel_all", channel, *([market] if market else []), value=2)

    def add_trigger(
        self, channel: bytes, market: str, side: str, kind: str, at: int, amount: int, cap: int
    ) -> Future[bytes]:
        return self._do("add_trigger", channel, market, side, kind, at, amount, cap, value=bytes(16))

    def cancel_trigger(self, trigger: bytes) -> Future[None]:
        return self._do("cancel_trigger", trigger)

    def limit_breaks(self, seconds: int) -> Future[None]:
        return self._do("limit_breaks", seconds)

    def stop_trading(self) -> Future[int]:
        return self._do("stop_trading", value=2)

    def resume_trading(self) -> Future[None]:
        return self._do("resume_trading")

    def orders_gone(self, channel: bytes, order: bytes, seconds: int) -> Future[None]:
        return self._do("orders_gone", channel, order, seconds)

    def finalize(self, channel: bytes, exit_after: int = 0) -> Future[int]:
        return self._do("finalize", channel, exit_after, value=119)

    def stay(self, channel: bytes) -> Future[None]:
        return self._do("stay", channel)

    def leave_alone(self, channel: bytes) -> Future[int]:
        return self._do("leave_alone", channel, value=120)

    def exit_plan(self, channel: bytes) -> Future[ExitPlan]:
        return self._do("exit_plan", channel, value=PLAN)

    def withdraw(self, channel: bytes) -> Future[tuple[tuple[bytes, int], ...]]:
        return self._do("withdraw", channel, value=())

    def refuse(self, flag: int) -> Future[None]:
        return self._do("refuse", flag)

    def check_proof(self, path: Path) -> Future[dict[str, Any]]:
        return self._do("check_proof", path, value={"text": "", "value": {}, "proof": {}, "standing": ""})

    def submit_proof(self, path: Path) -> Future[dict[str, Any]]:
        return self._do("submit_proof", path, value={})

    def count_states(self, channel: bytes) -> Future[int]:
        return self._do("count_states", value=len(self.recorded))

    def states(self, channel: bytes, numbers: Sequence[int]) -> Future[list[StateRow]]:
        rows = [replace(self.recorded[number], number=number) for number in sorted(numbers, reverse=True)]
        return self._do("states", tuple(numbers), value=rows)

    def find_states(self, channel: bytes, search: Search, told: Callable[[], None]) -> Future[int]:
        wanted = {kind.name.lower() for kind in search.wanted.transitions}
        search.whole = search.searched = len(self.rows)
        for row in reversed(self.rows):
            if row.number > search.after and row.transition in wanted:
                search.numbers.append(row.number)
        told()
        return self._do("find_states", search.wanted, value=len(search.numbers))

    def state_detail(self, channel: bytes, number: int) -> Future[dict[str, Any]]:
        eth, usdt = "0x" + ETH.address.hex(), "0x" + USDT.address.hex()
        old = [
            number - 1,
            [[eth, "2000000000000000000", "0"], [usdt, "23500000000", "1500000000"]],
            [["0x" + "01" * 32, eth, usdt, "buy", "3000000000", "500000000000000000", "0"]],
            [[eth, "0", "0"], [usdt, "0", "0"]],
        ]
        new = [number, [[eth, "2499500000000000000", "0"], [usdt, "23500000000", "0"]], [],
               [[eth, "0", "499500000000000000"], [usdt, "1500000000", "0"]]]  # fmt: skip
        return self._do("state_detail", number, value={
            "array": new, "previous_array": old, "envelope": {"transition": "trade", "time": NOW},
            "increment": number, "typed_data": {}, "pays": [[eth, "3249500000000000000"], [usdt, "26500000000"]],
            "digest": "0x" + "ab" * 32, "proof": True,
            "signatures": {"trader": "0x" + "01" * 65, "broker": "0x" + "02" * 65},
        })  # fmt: skip

    def verify_history(
        self, channel: bytes, progress: Callable[[int, int], None], cancelled: Callable[[], bool] = never
    ) -> Future[int]:
        for number in range(len(self.recorded)):
            progress(number + 1, len(self.recorded))
        return self._do("verify_history", value=len(self.recorded))

    def export_fills(self, channel: bytes, path: Path) -> Future[int]:
        return self._do("export_fills", channel, path, value=8)

    def export_history(
        self,
        channel: bytes,
        path: Path,
        progress: Callable[[int, int], None] = unheard,
        cancelled: Callable[[], bool] = never,
    ) -> Future[int]:
        return self._do("export_history", path, value=119)

    def export_proof(self, channel: bytes, path: Path, increment: int | None = None) -> Future[int]:
        return self._do("export_proof", channel, path, increment, value=118)

    def export_evidence(self, path: Path, flag: int) -> Future[None]:
        return self._do("export_evidence", path, flag)

    def back_up(self, path: Path | None) -> Future[Path]:
        return self._do("back_up", path, value=path or Path("/backups/newest.backup"))

    def plan_backups(self, folder: str, hours: int, keep: int) -> Future[None]:
        return self._do("plan_backups", folder, hours, keep)

    def change_password(self, old: Secret, new: Secret) -> Future[None]:
        return self._do("change_password", old.reveal(), new.reveal())

    def stays_unlocked(self) -> bool:
        return self.stays

    def stay_unlocked(self, on: bool) -> Future[None]:
        done = self._do("stay_unlocked", on)
        if done.exception() is None:
            self.stays = on
        return done

    def close(self) -> None:
        self.closed = True


class ScriptedLauncher:
    """Hands out one scripted backend."""

    def __init__(self, backend: Backend | None = None) -> None:
        self.backend = backend or ScriptedBackend()
        self.calls: list[tuple[Any, ...]] = []
        self.answer: Future[Backend] | None = None
        self.recovered: Future[Any] = Future()
        self.staying: set[Path] = set()  # profiles that the keyring opens
        self.wait = 0.0  # seconds until a password is tried again
        self.phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"

    def _give(self, *call: Any) -> Future[Backend]:
        self.calls.append(call)
        return self.answer or done(self.backend)

    def attend(self, front: Front) -> None:
        self.front = front

    def start_demo(self, progress: Callable[[str, float], None]) -> Future[Backend]:
        progress("BOOT-SANDBOX", 0.1)
        progress("BOOT-CONNECT", 0.8)
        return self._give("start_demo")

    def open_profile(self, path: Path, password: str, progress: Callable[[str, float], None]) -> Future[Backend]:
        return self._give("open_profile", path, password)

    def stays_unlocked(self, path: Path) -> bool:
        return path in self.staying

    def password_wait(self, path: Path) -> float:
        return self.wait

    def accept_loss(self, path: Path) -> Future[int]:
        self.calls.append(("accept_loss", path))
        self.answer = None
        return done(1)

    def restore_backup(
        self, file: Path, password: str, path: Path, progress: Callable[[str, float], None]
    ) -> Future[Backend]:
        return self._give("restore_backup", file, password, path)

    def recover(self, path: Path, phrase: str, password: str, node: str, contract: bytes) -> Future[Any]:
        self.calls.append(("recover", path, phrase, password, node, contract))
        return self.recovered

    def let_go(self, backend: Any) -> None:
        self.calls.append(("let_go", backend))

    def new_phrase(self, count: int) -> str:
        words = self.phrase.split()
        return " ".join(words * (count // len(words)))

    def check_phrase(self, phrase: str) -> None:
        self.calls.append(("check_phrase", phrase))

    def create_profile(
        self, path: Path, words: Words, password: str, broker: Path, progress: Callable[[str, float], None]
    ) -> Future[Backend]:
        return self._give("create_profile", path, words, password, broker)
