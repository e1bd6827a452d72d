"""Leaving, together with the broker or without him: what will be paid, the steps, and which of them broke off."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QWidget

from wallet.app.leaving import ExitPlan, cost_words, step_rows, time_words
from wallet.app.messages import explain, sentence
from wallet.app.snapshots import AppView, Phase, Step
from wallet.gui.desk import Desk
from wallet.gui.models.figures import asset_amount, duration, exact, signed
from wallet.gui.models.funds import Payout, payouts
from wallet.gui.models.settings import EXIT_AFTER
from wallet.gui.models.steps import (
    ALONE,
    alone_words,
    dispute_title,
    dispute_words,
    exit_title,
    leaving,
    left,
    live_orders,
)
from wallet.gui.widgets.layout import button, column, frame, give_back_focus, row
from wallet.gui.widgets.stepper import Stepper
from wallet.gui.widgets.text import AmountLabel, Label, set_tip
from wallet.protocol.errors import WalletError

_TOGETHER = "Finalize and withdraw"
_OPEN_TO_FINALIZE = (Phase.OPEN, Phase.FINALIZING)
_OPEN_TO_ALONE = (Phase.OPEN, Phase.FINALIZING, Phase.FLAGGED)


class LeaveDialog(QDialog):
    """Runs finalize, then withdraw; can be shut and opened again at any point, and goes on where the channel is."""

    def __init__(self, desk: Desk, parent: QWidget, channel: bytes) -> None:
        super().__init__(parent)
        self.channel = channel
        self.setObjectName("leave")
        self.setWindowTitle(_TOGETHER)
        self.setModal(True)
        self.setFixedWidth(520)
        self._desk = desk
        self._view = AppView()
        self._begun = self._busy = self._failed = False
        self._without = False  # whether to leave without the broker
        self._paid: tuple[Payout, ...] = ()
        give_back_focus(self)
        self._title = Label(_TOGETHER, level="title")
        self._lead = Label("", tone="muted", wrap=True)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self._stepper = Stepper("leave.steps", desk.look)
        self._costs = Label("", tone="muted", wrap=True)
        self._costs.setObjectName("leave.costs")
        self._plan: ExitPlan | None = None
        self._asked = False  # for what it costs
        self._error = Label("", tone="bad", wrap=True)
        self._error.setObjectName("leave.error")
        self._error.hide()
        self._cancel = button("Stay", "leave.cancel")
        self._cancel.setDefault(True)
        self._cancel.clicked.connect(self.close)
        self._go = button(_TOGETHER, "leave.go", role="primary")
        self._go.clicked.connect(self._begin)
        self._switch = button("Leave without the broker…", "leave.alone")
        self._switch.clicked.connect(self._change_way)
        self._cells: list[tuple[Label, Label, Label]] = []
        self.setLayout(
            column(
                self._title,
                4,
                self._lead,
                14,
                frame("card", column(self._grid, margins=(16, 12, 16, 12))),
                14,
                self._stepper,
                10,
                self._costs,
                4,
                self._error,
                14,
                row(self._switch, None, self._cancel, self._go, spacing=8),
                margins=(24, 20, 24, 18),
            )
        )

    def show_view(self, view: AppView) -> None:
        if view.channel is not None and view.channel.id != self.channel:
            return  # another one is in view meanwhile; the work on this one goes on
        self._view = view
        channel = view.channel
        rows = payouts(channel.balances if channel else ())
        if rows and not left(channel):
            self._paid = rows
        self._show_payouts(self._paid or rows)
        self._stepper.show_steps(
            leaving(channel, view.steps, begun=self._begun, failed=self._failed, now=time.time())
            if not self._without or channel is None or channel.phase not in _OPEN_TO_ALONE
            else tuple(Step(code, "doing" if self._busy and code == ALONE[0] else "todo") for code in ALONE)
        )
        self._show_words()

    def _show_words(self) -> None:
        channel = self._view.channel
        done = left(channel)
        count = live_orders(channel) if channel else 0
        orders = f"{count} open order{'s' if count > 1 else ''} will be cancelled. " if count else ""
        if done:
            lead = "The session is over. Everything below is in your own account on chain."
        elif channel is not None and channel.phase is Phase.DISPUTED:
            lead = f"{dispute_words(channel, time.time())} It should pay:"
        elif self._without and channel is not None:
            lead = alone_words(channel)
        elif channel is not None and channel.exit_at:
            lead = f"{exit_title(channel, time.time())}. {sentence('EXIT-COUNTDOWN-NEXT')}"
        elif self._begun:
            lead = "You can keep this open or shut it: the work goes on, and every step is kept on disk."
        else:
            after = self._desk.preferences.get(EXIT_AFTER)
            alone = f" If he does not sign within {duration(after)}, this program leaves without him." if after else ""
            lead = f"{orders}You and the broker sign the final state; with it the contract pays out.{alone}"
        self._show_costs()
        self._title.show_text(self._heading())
        self.setWindowTitle("Leave the session" if self._heading() != _TOGETHER else _TOGETHER)
        self._lead.show_text(lead)
        running = channel is not None and channel.phase is Phase.DISPUTED and time.time() <= channel.deadline
        self._go.setVisible(not done and not running)
        self._go.setEnabled(not self._busy and not self._blocked())
        self._go.setText("Working…" if self._busy else self._verb())
        self._switch.setVisible(channel is not None and channel.phase in _OPEN_TO_ALONE and not self._busy)
        self._switch.setText("Together after all" if self._without else "Leave without the broker…")
        set_tip(self._go, self._blocked())
        under_way = self._begun or running or (channel is not None and channel.exit_at > 0)
        self._cancel.setText("Done" if done else "Close" if under_way else "Stay")  # to shut it changes nothing

    def _show_costs(self) -> None:
        """Before it is done: of each step, of all, and how long it takes. Asked for once."""
        channel = self._view.channel
        wanted = self._without and channel is not None and channel.phase in _OPEN_TO_ALONE
        self._costs.setVisible(wanted)
        if not wanted:
            return
        if not self._asked:
            self._asked = True
            self._costs.show_text("Asking the chain what it costs…")
            future = self._desk.backend.exit_plan(self.channel)
            self._desk.courier.deliver(future, self, self._take_plan, self._no_plan)
        elif self._plan is not None:
            found = self._plan
            rows = "\n".join(f"{what}: {cost}" for what, cost in step_rows(found))
            took = time_words(found, duration(found.period), "")
            self._costs.show_text(f"{rows}\n{cost_words(found)}\n{took}")

    def _take_plan(self, found: ExitPlan) -> None:
        self._plan = found
        self._show_costs()
        self._fit()

    def _no_plan(self, error: WalletError) -> None:
        self._costs.show_text(f"What it costs can't be told now: {explain(error)}")

    def _heading(self) -> str:
        channel = self._view.channel
        if channel is not None and channel.phase is Phase.DISPUTED:
            return dispute_title(channel, time.time())
        if self._without and channel is not None and channel.phase in _OPEN_TO_ALONE:
            return "Leave without the broker"
        return _TOGETHER

    def _verb(self) -> str:
        channel = self._view.channel
        if channel is not None and channel.phase is Phase.DISPUTED:
            return "Settle and withdraw"
        if self._without:
            return "Challenge and leave"
        return "Try again" if self._failed else _TOGETHER

    def _change_way(self) -> None:
        self._without, self._asked, self._plan = not self._without, False, None
        self._error.hide()
        self._cancel.setFocus()  # the way has changed: Enter still does nothing
        self.show_view(self._view)
        self._fit()

    def _fit(self) -> None:
        """As high as its words need: a dialog's own size hint does not know how they wrap."""
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def refresh(self) -> None:
        """The countdown moves on by itself."""
        channel = self._view.channel
        if channel is not None and (channel.phase is Phase.DISPUTED or channel.exit_at):
            self.show_view(self._view)

    def _blocked(self) -> str:
        channel = self._view.channel
        if channel is None or channel.phase in (Phase.NONE, Phase.ABANDONED):
            return "There is no session to leave."
        if channel.phase is Phase.FLAGGED and not self._without:
            return "Decide on the flag first."
        return ""

    def _show_payouts(self, rows: tuple[Payout, ...]) -> None:
        while len(self._cells) < len(rows):
            cells = Label(level="strong"), AmountLabel(level="strong"), AmountLabel(level="small")
            for column_index, cell in enumerate(cells):
                cell.setAlignment(Qt.AlignmentFlag.AlignRight if column_index else Qt.AlignmentFlag.AlignLeft)
                self._grid.addWidget(cell, len(self._cells), column_index)
            self._cells.append(cells)
        for (name, amount, change), payout in zip(self._cells, rows, strict=False):
            name.show_text(payout.asset.symbol)
            amount.setObjectName(f"leave.pays.{payout.asset.symbol}")
            amount.show_text(asset_amount(payout.asset, payout.amount))
            set_tip(amount, exact(payout.asset, payout.amount))
            arrow = "▲ " if payout.change > 0 else "▼ " if payout.change < 0 else ""
            change.show_text(arrow + signed(payout.change, payout.asset.decimals) if payout.change else "unchanged")
            change.set_tone("up" if payout.change > 0 else "down" if payout.change < 0 else "muted")

    # --- the work ------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._begun, self._busy, self._failed = True, True, False
        self._error.hide()
        self.show_view(self._view)
        phase = self._view.channel.phase if self._view.channel else Phase.NONE
        if self._without and phase in _OPEN_TO_ALONE:
            self._desk.courier.deliver(
                self._desk.backend.leave_alone(self.channel), self, lambda _: self._done(), self._fail
            )
        elif phase in _OPEN_TO_FINALIZE:
            self._desk.courier.deliver(
                self._desk.backend.finalize(self.channel, self._desk.preferences.get(EXIT_AFTER)),
                self,
                lambda _: self._withdraw(),
                self._fail,
            )
        else:
            self._withdraw()

    def _withdraw(self) -> None:
        self._desk.courier.deliver(self._desk.backend.withdraw(self.channel), self, lambda _: self._done(), self._fail)

    def _done(self) -> None:
        self._busy = False
        self.show_view(self._view)

    def _fail(self, error: WalletError) -> None:
        self._busy, self._failed = False, True
        self._error.show_text(
            f"{explain(error)} Nothing is lost: your last good state is on disk, and you can try again at any time."
        )
        self._error.show()
        self.show_view(self._view)
        self._fit()
