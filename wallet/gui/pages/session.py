"""Open a session: per asset how much it may touch, then the stepper until the channel is open."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QFrame, QSlider

from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, MarketView, Phase
from wallet.gui.look import Look
from wallet.gui.models.allocation import PERMILLE, Choice, amount_of, choices, empty, obstacle
from wallet.gui.models.figures import asset_amount, exact
from wallet.gui.models.funds import OVER
from wallet.gui.models.steps import OPEN, opening
from wallet.gui.pages.brokers import BrokerChoice
from wallet.gui.pages.page import Page
from wallet.gui.views.markets import MarketLine, line_of
from wallet.gui.widgets.field import FigureField
from wallet.gui.widgets.layout import button, column, frame, row
from wallet.gui.widgets.notice import Notice
from wallet.gui.widgets.stepper import Stepper
from wallet.gui.widgets.text import AmountLabel, Label, describe, set_tip

NOT_STANDING = (*OVER, Phase.REQUESTED, Phase.AGREED, Phase.OPENING)
STANDING = tuple(phase for phase in Phase if phase not in NOT_STANDING)
FIRST_SHARE = 500  # permille that are proposed


class AllocationRow(QFrame):
    """Symbol, field and slider of one asset; they follow each other."""

    changed = Signal()

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._choice = choice
        symbol = choice.asset.symbol
        self.field = FigureField(f"session.{symbol}.amount", "Allocate", steps=False)
        self.field.set_unit(symbol)
        self.field.setFixedWidth(250)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, PERMILLE)
        self.slider.setPageStep(100)
        describe(self.slider, f"Share of your {symbol} to allocate", object_name=f"session.{symbol}.slider")
        self._have = AmountLabel("", tone="muted", level="small")
        self._kept = Label("", tone="muted", level="small")
        self._wrong = Label("", tone="warn", level="small")
        self._wrong.hide()
        name = Label(symbol, level="title")
        self.setLayout(
            column(
                row(name, None, self.field),
                8,
                self.slider,
                5,
                row(self._have, None, self._kept, self._wrong),
                margins=(16, 12, 16, 10),
            )
        )
        self.field.edited.connect(self._typed)
        self.field.stepped.connect(lambda steps: self.slider.setValue(self.slider.value() + 10 * steps))
        self.slider.valueChanged.connect(self._slid)
        self.slider.setValue(FIRST_SHARE)
        self.show_choice(choice)

    @property
    def choice(self) -> Choice:
        return self._choice

    @property
    def amount(self) -> int | None:
        return amount_of(self._choice, self.field.text)[0]

    def show_choice(self, choice: Choice) -> None:
        """The wallet's balance has changed; a share proposed of nothing is proposed again."""
        fresh = not self._choice.most and choice.most
        self._choice = choice
        self._have.show_text(f"You have {asset_amount(choice.asset, choice.balance)}")
        set_tip(self._have, exact(choice.asset, choice.balance))
        kept = f"{asset_amount(choice.asset, choice.kept, 4)} kept back for fees" if choice.kept else ""
        self._kept.show_text(kept)
        self.slider.setEnabled(choice.most > 0)
        if fresh or not self.field.text:
            self._slid(self.slider.value())

    def _slid(self, position: int) -> None:
        self.field.set_text(self._choice.text(self._choice.at(position)))
        self._check()

    def _typed(self, _: str) -> None:
        amount = self.amount
        if amount is not None:
            with QSignalBlocker(self.slider):
                self.slider.setValue(self._choice.position(amount))
        self._check()

    def _check(self) -> None:
        reason = amount_of(self._choice, self.field.text)[1]
        self._wrong.show_text(sentence(reason.code, reason.params) if reason else "")
        self._wrong.setVisible(reason is not None)
        self.field.set_wrong(reason is not None)
        self.changed.emit()


class SessionPage(Page):
    """``wanted`` gives the allocations as a list of (asset, amount)."""

    wanted = Signal(object)
    faucet_wanted = Signal()
    later = Signal()
    broker_wanted = Signal(bytes)

    def __init__(self, look: Look) -> None:
        super().__init__(
            "session",
            "Open a session",
            "Choose how much of each asset this session may touch. It is the most it can ever cost you: "
            "what you don't allocate stays in your own account. The broker locks collateral in return, "
            "so that whatever you win is there to be withdrawn.",
            width=620,
            has_back=False,
        )
        self._view = AppView()
        self._busy = False
        self._before: frozenset[bytes] = frozenset()  # channels whose steps are not those of the one being opened
        self._rows: dict[bytes, AllocationRow] = {}
        self._brokers = BrokerChoice()
        self._brokers.chosen.connect(self.broker_wanted)
        self._beside = Label("A session with this broker is open. This opens another one beside it.", tone="muted")
        self._beside.setObjectName("session.beside")
        self._cards = column(spacing=10)
        self._stepper = Stepper("session.steps", look)
        self._steps = frame("card", column(self._stepper, margins=(16, 10, 16, 10)))
        self._steps.hide()
        self.notice = Notice("session.notice")
        self._open = button("Open session", "session.open", role="primary", large=True)
        self._open.clicked.connect(self._ask)
        self._coins = button("Get test coins", "session.faucet")
        self._coins.clicked.connect(self.faucet_wanted)
        self._later = button("Look around first", "session.later", role="quiet")
        self._later.clicked.connect(self.later)
        self._reason = Label("", tone="muted", level="small")
        self._reason.setObjectName("session.reason")
        self._lines: dict[str, MarketLine] = {}
        self._prices = Label("", tone="muted")
        self._prices.setObjectName("session.prices")
        self.set_body(
            column(
                self._brokers,
                self._beside,
                column(self._cards, margins=(0, 8, 0, 0)),
                14,
                self._steps,
                10,
                self.notice,
                10,
                row(self._open, self._coins, self._later, None, self._reason),
                18,
                self._prices,
            )
        )

    def show_view(self, view: AppView) -> None:
        self._view = view
        self._brokers.show_view(view)
        self._brokers.setEnabled(not self._busy)
        self._beside.setVisible(self.is_another and not self._busy)
        found = choices(view)
        for choice in found:
            known = self._rows.get(choice.asset.address)
            if known is None:
                known = self._rows[choice.asset.address] = AllocationRow(choice)
                known.changed.connect(self._refresh)
                self._cards.addWidget(known)
            elif known.choice != choice:
                known.show_choice(choice)
        for address in set(self._rows) - {choice.asset.address for choice in found}:
            self._rows.pop(address).deleteLater()
        self._coins.setVisible(view.simulated and empty(found))
        phase = view.channel.phase if view.channel and view.channel.id not in self._before else Phase.NONE
        working = self._busy or phase in (Phase.REQUESTED, Phase.AGREED, Phase.OPENING)
        self._steps.setVisible(working)
        if working:
            steps = opening(view.channel, view.steps)
            self._stepper.show_steps(steps if steps[0].code == OPEN[0] else opening(view.channel, ()))
        self._refresh()

    def show_prices(self, prices: MarketView) -> None:
        """What the markets trade at while the user still chooses."""
        market = next((market for market in self._view.markets if market.name == prices.book.market), None)
        if market is None:
            return
        self._lines[market.name] = line_of(market, prices)
        words = [f"{line.market.name}  {line.price()}  {line.change()}" for line in self._lines.values()]
        self._prices.show_text(f"{'Simulated' if self._view.simulated else 'Now'}:   " + "      ".join(words))

    @property
    def is_another(self) -> bool:
        """Whether a channel is open with this broker already."""
        return any(row.broker == self._view.broker and row.phase in STANDING for row in self._view.channels)

    def set_busy(self, *, busy: bool) -> None:
        """While the session is being opened nothing can be changed."""
        self._busy = busy
        standing = (row.id for row in self._view.channels if row.phase in STANDING)
        self._before = frozenset(standing) if busy else frozenset()
        for part in self._rows.values():
            part.setEnabled(not busy)
        self.show_view(self._view)

    def _amounts(self) -> dict[bytes, int | None]:
        return {address: part.amount for address, part in self._rows.items()}

    def _refresh(self) -> None:
        reason = obstacle(self._view, self._amounts())
        self._open.setEnabled(reason is None and not self._busy)
        self._open.setText("Opening…" if self._busy else "Open session")
        self._later.setEnabled(not self._busy)
        told = sentence(reason.code, reason.params) if reason and not self._busy else ""
        self._reason.show_text(told)
        set_tip(self._open, told)

    def _ask(self) -> None:
        amounts = [(address, amount) for address, amount in self._amounts().items() if amount]
        self.wanted.emit(amounts)
