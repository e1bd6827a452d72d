"""The page of the owner's accounts: what they hold, receiving, sending, what was sent, the address book, the keys."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QWidget

from wallet.app.messages import explain
from wallet.app.purse_views import AccountView, DraftView, PurseView
from wallet.app.snapshots import AppView
from wallet.gui.desk import Desk
from wallet.gui.models import purse as model
from wallet.gui.models.purse import NORMAL, Wish
from wallet.gui.purse.copying import Copier
from wallet.gui.purse.keys import Keys
from wallet.gui.purse.lists import AddressBook, Transactions
from wallet.gui.purse.receive import Receive
from wallet.gui.purse.send import Preview, Send
from wallet.gui.widgets.choice import Choice
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.notice import Notice
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import Label
from wallet.protocol.addresses import short_address, show_address
from wallet.protocol.errors import WalletError

LOOK_MS = 2_000
MOST_SEEN = 6  # accounts, before the list is scrolled
_HEAD, _ROW = 32, 24
_PARTS = (
    ("receive", "Receive", "Your address, to be copied or scanned"),
    ("send", "Send", "Pay somebody from this account"),
    ("sent", "Transactions", "What was sent, and what became of it"),
    ("book", "Address book", "Names for addresses"),
    ("keys", "Keys", "Which keys are unlocked, and what they could do at worst"),
)


class PursePage(QWidget):
    """Asks the backend for everything anew while it is in sight, and not while it is not."""

    def __init__(self, desk: Desk, stack: QStackedWidget, show: Callable[[QWidget], None]) -> None:
        """One page of ``stack``; ``show`` brings a page into sight."""
        super().__init__()
        self.setObjectName("page.purse")
        self._pages, self._show_page = stack, show
        self._before: QWidget = self
        stack.addWidget(self)
        self._desk = desk
        self._app = AppView()
        self._view: PurseView | None = None
        self._account = b""
        self._asking = False
        self._preview: Preview | None = None
        self.notice = Notice("purse.notice")
        self._copier = Copier(self)
        self._copier.said.connect(self.notice.say)
        self._where = Label("", tone="muted")
        self._where.setObjectName("purse.where")
        columns: tuple[Column[AccountView], ...] = (
            Column("Account", 190, self._name),
            Column("Address", 160, lambda line: short_address(line.address), tip=_whole, mono=True),
            Column("Holds", 400, model.holdings, stretch=True, private=True),
            Column("", 120, model.account_kind, tone=lambda _: "muted"),
        )
        self._model: RowsModel[AccountView] = RowsModel(columns, lambda line: line.address)
        self.table = Table("purse.accounts", "Accounts", self._model, desk.look, "The chain is being asked…")
        self.table.picked.connect(self._pick)
        self.receive, self.send, self.keys = Receive(), Send(), Keys()
        self.sent, self.book = Transactions(desk.look), AddressBook(desk.look)
        self.stack = QStackedWidget()
        for part in (self.receive, self.send, self.sent, self.book, self.keys):
            self.stack.addWidget(part)
        self._choice = Choice("purse.part", _PARTS)
        self._choice.chosen.connect(self.show_part)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        back = button("‹ Back", "purse.back", role="link")
        back.clicked.connect(lambda: self._show_page(self._before))
        add = button("Add account", "purse.add", tip="The next one of your recovery words")
        add.clicked.connect(self._add)
        find = button("Find accounts", "purse.find", tip="Look on the chain for accounts of your words that were used")
        find.clicked.connect(self._find)
        head = row(Label("Wallet", level="display"), 10, self._where, None, find, add, spacing=8)
        # the notice below everything: what comes and goes must not move what is about to be clicked
        layout = column(
            row(back, None),
            2,
            head,
            10,
            self.table,
            12,
            self._choice,
            self.stack,
            8,
            self.notice,
            margins=(28, 12, 28, 18),
        )
        layout.setStretchFactor(self.stack, 1)
        self.setLayout(layout)

    def _connect(self) -> None:
        self.receive.copy_wanted.connect(self._copier.copy)
        self.send.wanted.connect(self._prepare)
        self.sent.faster.connect(lambda digest: self._replace(digest, cancel=False))
        self.sent.cancel.connect(lambda digest: self._replace(digest, cancel=True))
        self.book.named.connect(self._keep_name)
        self.book.forgotten.connect(self._forget)
        self.book.pay.connect(self._pay)

    def enter(self) -> None:
        """Into sight; from here one goes back to where one was."""
        current = self._pages.currentWidget()
        if current is not self and current is not None:
            self._before = current
            self._show_page(self)

    # --- following ---

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self.look()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        super().hideEvent(event)
        self._timer.stop()

    def show_app(self, view: AppView) -> None:
        if view.broker != self._app.broker:
            self._view = None
        self._app = view
        self.keys.show_view(view)

    def look(self) -> None:
        """Ask the chain; one question at a time."""
        if not self._asking:
            self._asking = True
            self._desk.courier.deliver(self._desk.backend.purse(self._app.broker), self, self._show, self._not_there)

    def _show(self, view: PurseView) -> None:
        self._asking = False
        self._view = view
        self._where.show_text(f"chain {view.chain_id} · block {view.block}")
        self._model.set_rows(view.accounts)
        self.table.setFixedHeight(_HEAD + _ROW * min(max(len(view.accounts), 2), MOST_SEEN))
        addresses = [line.address for line in view.accounts]
        if self._account not in addresses:
            self._account = addresses[0]
        if self.table.currentIndex().row() != addresses.index(self._account):
            self.table.selectRow(addresses.index(self._account))  # what is marked is what is paid from
        self.sent.show_view(view)
        self.book.show_view(view)
        self._show_account()

    def _not_there(self, error: WalletError) -> None:
        self._asking = False
        self.notice.say(explain(error), "warn")

    def _chosen(self) -> AccountView | None:
        rows = self._view.accounts if self._view is not None else ()
        return next((line for line in rows if line.address == self._account), None)

    def _pick(self, line: AccountView | None) -> None:
        if line is not None:
            self._account = line.address
            self._show_account()

    def _show_account(self) -> None:
        found = self._chosen()
        if self._view is not None and found is not None:
            self.receive.show_account(self._view, found)
            self.send.show_account(self._view, found)

    def _name(self, line: AccountView) -> str:
        return model.account_name(self._view, line) if self._view is not None else ""

    def show_part(self, key: str) -> None:
        self._choice.choose(key)
        self.stack.setCurrentIndex([name for name, _, _ in _PARTS].index(key))

    # --- sending ---

    def _prepare(self, wanted: Wish) -> None:
        self.send.fail("")
        future = self._desk.backend.prepare_send(
            self._app.broker, wanted.sender, wanted.to, wanted.asset.address, wanted.amount, wanted.speed
        )
        self._desk.courier.deliver(future, self, self._show_preview, lambda error: self.send.fail(explain(error)))

    def _replace(self, digest: bytes, *, cancel: bool) -> None:
        future = self._desk.backend.prepare_replacement(self._app.broker, digest, cancel, NORMAL)
        self._desk.courier.deliver(future, self, self._show_preview, self._fail)

    def _show_preview(self, draft: DraftView) -> None:
        self._preview = Preview(draft, self.window())
        self._preview.agreed.connect(self._sign)
        self._preview.open()

    def _sign(self, draft: DraftView) -> None:
        def sent(_: bytes) -> None:
            self.send.clear()
            self.notice.say("Signed, kept, and sent. The list shows what becomes of it.", "good")
            self.show_part("sent")
            self.look()

        self.notice.say("Signing and sending…")
        future = self._desk.backend.send_prepared(self._app.broker, draft.sender, draft.unsigned)
        self._desk.courier.deliver(future, self, sent, self._fail)

    # --- accounts and names ---

    def _add(self) -> None:
        def added(address: bytes) -> None:
            self._account = address
            self.notice.say("The account is added. Your recovery words restore it, too.", "good")
            self.look()

        self._desk.courier.deliver(self._desk.backend.add_account(""), self, added, self._fail)

    def _find(self) -> None:
        def found(count: int) -> None:
            words = f"{count} account{'' if count == 1 else 's'} found and added." if count else "No other was used."
            self.notice.say(words, "good")
            self.look()

        self.notice.say("Looking on the chain…")
        self._desk.courier.deliver(self._desk.backend.find_accounts(self._app.broker), self, found, self._fail)

    def _keep_name(self, address: bytes, name: str) -> None:
        def kept(_: None) -> None:
            self.book.clear()
            self.look()

        future = self._desk.backend.name_address(address, name)
        self._desk.courier.deliver(future, self, kept, lambda error: self.book.fail(explain(error)))

    def _forget(self, address: bytes) -> None:
        future = self._desk.backend.forget_address(address)
        self._desk.courier.deliver(future, self, lambda _: self.look(), self._fail)

    def _pay(self, address: bytes) -> None:
        self.show_part("send")
        self.send.pay(show_address(address))

    def _fail(self, error: WalletError) -> None:
        self.notice.say(explain(error), "bad")


def _whole(line: AccountView) -> str:
    return show_address(line.address)
