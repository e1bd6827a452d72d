"""Sending: to whom, how much, how fast; then a preview that is read from the very bytes, and only then a signature."""

from __future__ import annotations

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QCompleter, QDialog, QGridLayout, QLayout, QLineEdit, QWidget

from wallet.app.messages import explain, sentence
from wallet.app.purse_views import AccountView, DraftView, PurseView
from wallet.app.snapshots import AssetInfo
from wallet.gui.models.figures import exact
from wallet.gui.models.purse import ALL, FAST, NORMAL, SLOW, account_name, fee_words, held, names, wish
from wallet.gui.widgets.choice import Choice
from wallet.gui.widgets.field import FigureField
from wallet.gui.widgets.layout import button, column, frame, give_back_focus, row
from wallet.gui.widgets.text import AmountLabel, Label, describe
from wallet.protocol.errors import WalletError

_WIDTH = 680
_SPEEDS = (
    (SLOW, "Slow", "Cheapest: when blocks empty a little"),
    (NORMAL, "Normal", "In one of the next blocks"),
    (FAST, "Fast", "In the next block, as far as fees can buy that"),
)


class Send(QWidget):
    """``wanted`` gives a :class:`wallet.gui.models.purse.Wish`."""

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._view: PurseView | None = None
        self._account: AccountView | None = None
        self._assets: tuple[AssetInfo, ...] = ()
        self._all = False
        self._to = QLineEdit()
        self._to.setMaxLength(80)
        self._to.setPlaceholderText("0x… or a name of the address book")
        describe(self._to, "Recipient", object_name="purse.to")
        self._to.setProperty("level", "mono")
        self._known = QStringListModel(self)
        completer = QCompleter(self._known, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._to.setCompleter(completer)
        self._asset = QComboBox()
        describe(self._asset, "Asset", object_name="purse.asset")
        self._asset.currentIndexChanged.connect(self._other_asset)
        self._amount = FigureField("purse.amount", "Amount", steps=False)
        self._amount.edited.connect(self._typed)
        self._amount.entered.connect(self._ask)
        self._whole = button("Max", "purse.max", tip="All there is, less what the network may take")
        self._whole.clicked.connect(self._take_all)
        self._have = AmountLabel("", tone="muted", level="small")
        self._have.setObjectName("purse.have")
        self._speed = Choice("purse.speed", _SPEEDS)
        self._speed.choose(NORMAL)
        self._speed.chosen.connect(self._show_fee)
        self._fee = Label("", tone="muted", level="small")
        self._fee.setObjectName("purse.fee")
        self._failure = Label("", tone="bad", wrap=True)
        self._failure.setObjectName("purse.failure")
        self._review = button("Review…", "purse.review", role="primary")
        self._review.clicked.connect(self._ask)
        self._to.returnPressed.connect(self._ask)
        narrow = QWidget()
        narrow.setLayout(self._made())
        narrow.setMaximumWidth(_WIDTH)
        layout = row(narrow, None, spacing=0)
        layout.setStretch(0, 100)
        self.setLayout(layout)

    def _made(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 8, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(9)
        amount = row(self._asset, self._amount, self._whole)
        amount.setStretch(1, 1)
        shown: tuple[tuple[str, QWidget | QLayout], ...] = (
            ("To", self._to),
            ("Amount", amount),
            ("", self._have),
            ("Network fee", self._speed),
            ("", self._fee),
            ("", self._failure),
            ("", row(self._review, None)),
        )
        for line, (label, part) in enumerate(shown):
            grid.addWidget(Label(label, tone="muted"), line, 0)
            if isinstance(part, QWidget):
                grid.addWidget(part, line, 1)
            else:
                grid.addLayout(part, line, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(7, 1)
        return grid

    # --- what is shown ---

    def show_account(self, view: PurseView, account: AccountView) -> None:
        self._view, self._account = view, account
        if view.assets != self._assets:
            self._assets = view.assets
            self._asset.clear()
            self._asset.addItems([info.symbol for info in view.assets])
        if names(view) != tuple(self._known.stringList()):
            self._known.setStringList(list(names(view)))
        self._show_have()
        self._show_fee()
        if self._review.isEnabled() != account.signs:
            self._review.setEnabled(account.signs)
            self.fail("" if account.signs else sentence("PURSE-WATCHED"))

    def pay(self, text: str) -> None:
        """Begin a payment to somebody."""
        self._to.setText(text)
        self._amount.setFocus()

    def fail(self, text: str) -> None:
        self._failure.show_text(text)

    def clear(self) -> None:
        """After it was sent: the same again must be typed again."""
        self._to.clear()
        self._amount.set_text("")
        self._all = False
        self.fail("")

    def _show_have(self) -> None:
        asset = self._chosen()
        if asset is not None and self._account is not None and self._view is not None:
            have = exact(asset, held(self._account, asset))
            self._have.show_foreign(f"{account_name(self._view, self._account)} has {have}")
            self._amount.set_unit(asset.symbol)

    def _show_fee(self, _: str = "") -> None:
        if self._view is not None:
            self._fee.show_text(f"For a plain payment {fee_words(self._view, self._speed.key)}; a token takes more.")

    def _chosen(self) -> AssetInfo | None:
        index = self._asset.currentIndex()
        return self._assets[index] if 0 <= index < len(self._assets) else None

    # --- what is typed ---

    def _typed(self, _: str) -> None:
        self._all = False
        self.fail("")

    def _other_asset(self, _: int) -> None:
        if self._all:
            self._amount.set_text("")
            self._all = False
        self._show_have()

    def _take_all(self) -> None:
        asset = self._chosen()
        if asset is None or self._account is None:
            return
        self._all = True  # what it is exactly depends on the fee: the preview says it
        shown = exact(asset, held(self._account, asset)).split(" ")[0].replace("\u202f", "")
        self._amount.set_text(shown)
        self.fail("")

    def _ask(self) -> None:
        asset = self._chosen()
        if self._view is None or self._account is None or asset is None:
            return
        amount = ALL if self._all else self._amount.text
        try:
            wanted = wish(self._view, self._account, self._to.text(), asset, amount, self._speed.key)
        except WalletError as error:
            self.fail(explain(error))
            return
        self.fail("")
        self.wanted.emit(wanted)


class Preview(QDialog):
    """What will be signed, row by row; ``agreed`` once the user says yes."""

    agreed = Signal(object)

    def __init__(self, draft: DraftView, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("purse.preview")
        self.setWindowTitle("Look before it is signed")
        self.setModal(True)
        self.setMinimumWidth(640)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._draft = draft
        grid = QGridLayout()
        grid.setContentsMargins(16, 12, 16, 12)
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(7)
        for line, (label, value) in enumerate(draft.rows):
            level = "mono" if value.startswith("0x") else "strong" if line == 0 else ""
            shown = Label("", level=level, wrap=True)
            shown.show_foreign(value)
            shown.setObjectName(f"purse.preview.{line}")
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(Label(label, tone="muted"), line, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(shown, line, 1)
        grid.setColumnStretch(1, 1)
        title = Label("", level="title")
        title.show_foreign(draft.title)
        title.setObjectName("purse.preview.title")
        warned = [Label(sentence(code, dict(params)), tone="bad", wrap=True) for code, params in draft.warnings]
        self._sure = QCheckBox("I have read this, and am sure")
        describe(self._sure, "I have read this, and am sure", object_name="purse.preview.sure")
        self._sure.setVisible(bool(warned))
        go = button("Sign and send", "purse.preview.yes", role="primary")
        go.setEnabled(not warned)
        self._sure.toggled.connect(go.setEnabled)
        stay = button("Cancel", "purse.preview.no")
        stay.setDefault(True)
        stay.clicked.connect(self.reject)
        go.clicked.connect(self._agree)
        lead = Label("Read from the very bytes that will be signed.", tone="muted")
        said = column(*warned, self._sure, spacing=8)
        answers = row(None, stay, go, spacing=8)
        self.setLayout(column(title, 2, lead, 10, frame("card", grid), 10, said, 12, answers, margins=(24, 20, 24, 18)))
        give_back_focus(self)
        stay.setFocus()

    def _agree(self) -> None:
        self.agreed.emit(self._draft)
        self.accept()
