"""The chain behind the channels: the gas key's account, and the nodes that are asked, the user's own among them."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLineEdit, QPushButton, QWidget

from wallet.app.messages import explain
from wallet.app.snapshots import AppView
from wallet.gui.desk import Desk
from wallet.gui.models.chain import NodeRow, fund_words, gas_words, in_use, node_rows
from wallet.gui.models.figures import exact
from wallet.gui.pages.ask import ask
from wallet.gui.widgets.layout import button, column, frame, give_back_focus, row
from wallet.gui.widgets.text import ElidedLabel, Label, describe, set_tip
from wallet.protocol.errors import WalletError

_GAS = (
    "The gas key pays for answers to disputes, for settling and for paying out to you, so that all of that works while"
    " your own key is locked. It can do nothing else with your channels."
)
_NODES = (
    "A node tells this program what the chain says. Yours are asked first; each must show the right chain and the"
    " released contract, and where two disagree you are told which."
)


class ChainDialog(QDialog):
    """Follows the snapshots while it is open."""

    def __init__(self, desk: Desk, parent: QWidget, view: AppView) -> None:
        super().__init__(parent)
        self.setObjectName("chain")
        self.setWindowTitle("Nodes and gas key")
        self.setModal(True)
        self.setFixedWidth(580)
        self._desk, self._view = desk, view
        self._rows: tuple[NodeRow, ...] | None = None
        self._address = Label("", level="small")
        self._address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._address.setObjectName("chain.gas.address")
        self._gas = Label("", wrap=True)
        self._gas.setObjectName("chain.gas")
        self._fund = button("Give it more", "chain.gas.fund")
        self._fund.clicked.connect(self._give)
        self._sweep = button("Take it back", "chain.gas.sweep")
        self._sweep.clicked.connect(self._take_back)
        self._list = column(spacing=6)
        self._url = QLineEdit()
        self._url.setPlaceholderText("https://…")
        describe(self._url, "Address of your own node", object_name="chain.node.url")
        self._url.returnPressed.connect(self._add)
        self._adds = button("Add", "chain.node.add")
        self._adds.setAutoDefault(False)
        self._adds.clicked.connect(self._add)
        self._said = Label("", wrap=True)
        self._said.setObjectName("chain.said")
        self._said.hide()
        shut = button("Close", "chain.close", role="primary")
        shut.clicked.connect(self.accept)
        gas = column(self._address, 6, self._gas, 10, row(self._fund, self._sweep, None, spacing=8))
        nodes = column(self._list, 12, row(self._url, self._adds, spacing=8))
        for inner in (gas, nodes):
            inner.setContentsMargins(16, 12, 16, 12)
        self.setLayout(
            column(
                Label("Gas key", level="title"),
                4,
                Label(_GAS, tone="muted", wrap=True),
                10,
                frame("card", gas),
                18,
                Label("Nodes", level="title"),
                4,
                Label(_NODES, tone="muted", wrap=True),
                10,
                frame("card", nodes),
                12,
                self._said,
                12,
                row(None, shut),
                margins=(24, 20, 24, 18),
            )
        )
        give_back_focus(self)
        self.show_view(view)

    def show_view(self, view: AppView) -> None:
        self._view = view
        words, tone = gas_words(view.gas)
        self._address.show_text("0x" + view.gas.address.hex() if view.gas else "–")
        self._gas.show_text(words)
        self._gas.set_tone(tone)
        verb = fund_words(view.gas)
        self._fund.setText(verb or "It has enough")
        self._fund.setEnabled(bool(verb))
        self._sweep.setEnabled(view.gas is not None and view.gas.balance > 0)
        rows = node_rows(view)
        if rows != self._rows:
            self._rows = rows
            self._show_nodes(rows)

    def _show_nodes(self, rows: tuple[NodeRow, ...]) -> None:
        while (item := self._list.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for number, found in enumerate(rows):
            made = QWidget()
            name = ElidedLabel("", level="strong", middle=True)
            name.show_foreign(found.name)
            standing = Label(found.standing, level="small", tone=found.tone)
            standing.setObjectName(f"chain.node.{number}")
            parts: list[QWidget | int] = [name, 8, Label(found.whose, level="small", tone="muted"), 8, standing]
            if found.removable:
                parts += [8, self._remover(found.name, number)]
            box = row(*parts)
            box.setStretch(0, 1)
            made.setLayout(box)
            self._list.addWidget(made)
        self.adjustSize()

    def _remover(self, name: str, number: int) -> QPushButton:
        made = button("Remove", f"chain.node.{number}.remove")
        made.setAutoDefault(False)
        set_tip(made, f"Ask {name} no more")
        made.clicked.connect(lambda: self._remove(name))
        return made

    # --- the work ---

    def _give(self) -> None:
        def given(wei: int) -> None:
            self._say(f"It was given {self._coin(wei)}." if wei else "It has enough: nothing was sent.", "good")

        self._say("Sending…", "muted")
        self._desk.courier.deliver(self._desk.backend.fund_gas(self._view.broker), self, given, self._fail)

    def _take_back(self) -> None:
        if not in_use(self._view):
            self._sweep_now(anyway=False)
            return
        ask(
            self,
            "Take it back though a session is open?",
            "Without it this program can't answer a challenge with an old state while your own key is locked.",
            "Take it back",
            lambda: self._sweep_now(anyway=True),
        )

    def _sweep_now(self, *, anyway: bool) -> None:
        def back(wei: int) -> None:
            self._say(f"{self._coin(wei)} came back to your account.", "good")

        self._say("Sending…", "muted")
        future = self._desk.backend.sweep_gas(self._view.broker, anyway)
        self._desk.courier.deliver(future, self, back, self._fail)

    def _add(self) -> None:
        url = self._url.text().strip()
        if not url:
            return

        def added(chain: int) -> None:
            self._url.clear()
            self._say(f"It is asked first about chain {chain} from now on.", "good")

        self._say("Asking it for chain and contract…", "muted")
        self._desk.courier.deliver(self._desk.backend.add_node(url), self, added, self._fail)

    def _remove(self, name: str) -> None:
        def removed(_: None) -> None:
            self._say("It is asked no more.", "good")

        self._desk.courier.deliver(self._desk.backend.remove_node(name), self, removed, self._fail)

    def _coin(self, wei: int) -> str:
        return exact(self._view.gas.coin, wei) if self._view.gas else f"{wei} wei"

    def _fail(self, error: WalletError) -> None:
        self._say(explain(error), "bad")

    def _say(self, text: str, tone: str) -> None:
        self._said.show_text(text)
        self._said.set_tone(tone)
        self._said.show()
        self.adjustSize()
