"""Sessions found on the chain with the phrase, a node and the contract: each can be left from here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from time import time

from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from wallet.app.alone_backend import AloneBackend, FoundView
from wallet.app.messages import explain, sentence
from wallet.app.recovering import cost_words
from wallet.app.snapshots import AssetInfo, ShareView
from wallet.gui.frames import Courier
from wallet.gui.launcher import Launcher
from wallet.gui.models.alone import Form, missing, pays, title
from wallet.gui.models.figures import asset_amount
from wallet.gui.models.onboarding import tidy_phrase
from wallet.gui.pages.ask import ask
from wallet.gui.pages.page import Page
from wallet.gui.pages.wallet import Parts, PathField
from wallet.gui.widgets.files import ask_folder, ask_which
from wallet.gui.widgets.layout import button, column, frame, row
from wallet.gui.widgets.text import Label, describe
from wallet.protocol.errors import WalletError

_LEAD = (
    "With your words, a node and the contract's address alone: what the chain shows of your sessions, and the way out. "
    "With the broker's profile file or a backup at hand, restore the wallet instead: that brings back more."
)


def _field(name: str, label: str, *, secret: bool = False) -> QLineEdit:
    made = QLineEdit()
    made.setMaxLength(1024)
    if secret:
        made.setEchoMode(QLineEdit.EchoMode.Password)
    describe(made, label, object_name=name)
    return made


class AlonePage(Page):
    """Holds what it has reached until it is left; nothing of it waits for the network."""

    def __init__(self, launcher: Launcher, courier: Courier, profiles: Path) -> None:
        super().__init__("alone", "Find sessions on the chain", _LEAD, width=620)
        self._launcher, self._courier = launcher, courier
        self._backend: AloneBackend | None = None
        self._waits: Future[AloneBackend] | None = None
        self._phrase = QPlainTextEdit()
        self._phrase.setTabChangesFocus(True)
        self._phrase.setFixedHeight(70)
        self._phrase.setPlaceholderText("not needed if the folder below holds the keys already")
        describe(self._phrase, "Recovery phrase", object_name="alone.phrase")
        self._password = _field("alone.password", "Password", secret=True)
        self._again = _field("alone.password.again", "Password once more", secret=True)
        self._folder = PathField("alone.folder", "Folder of the profile", lambda then: ask_folder(self, "Folder", then))
        self._folder.edit.setText(str(profiles / "recovered"))
        self._node = _field("alone.node", "Address of a node")
        self._node.setPlaceholderText("https://…")
        self._contract = _field("alone.contract", "Address of the contract")
        self._contract.setPlaceholderText("0x…")
        self._say = Label("", tone="muted", wrap=True)
        self._say.setObjectName("alone.says")
        self._parts, self._cards = Parts(), QVBoxLayout()
        self._cards.setSpacing(10)
        for part in (self._form_part(), self._found_part()):
            self._parts.addWidget(part)
        self.set_body(column(self._parts, 12, self._say))
        self.back.connect(self.end)

    def begin(self) -> None:
        """From the start; nothing of an earlier try stays."""
        self.end()
        for field in (self._phrase, self._password, self._again):
            field.clear()
        self._tell("")
        self._parts.setCurrentIndex(0)

    def end(self) -> None:
        """Lets go of the profile; what arrives later is let go of too."""
        backend, self._backend, self._waits = self._backend, None, None
        if backend is not None:
            self._launcher.let_go(backend)

    # --- parts ---------------------------------------------------------------------------------------------------

    def _form_part(self) -> QWidget:
        go = button("Look for sessions", "alone.find", role="primary", large=True)
        go.clicked.connect(self._find)
        part = QWidget()
        passwords = row(
            column(Label("Password of the profile", tone="muted"), self._password, spacing=4),
            column(Label("Once more, for new keys", tone="muted"), self._again, spacing=4),
            spacing=12,
        )
        part.setLayout(
            column(
                column(Label("Recovery phrase", tone="muted"), self._phrase, spacing=4),
                passwords,
                self._folder,
                column(Label("Node", tone="muted"), self._node, spacing=4),
                column(Label("Contract", tone="muted"), self._contract, spacing=4),
                row(go, None),
                spacing=12,
            )
        )
        return part

    def _found_part(self) -> QWidget:
        again = button("Look again", "alone.again")
        again.clicked.connect(lambda _=False: self._look())
        home = button("Settle and withdraw", "alone.withdraw", role="primary")
        home.clicked.connect(self._withdraw)
        part = QWidget()
        part.setLayout(column(self._cards, 14, row(again, None, home)))
        return part

    def _show_rows(self, rows: tuple[FoundView, ...], said: str = "") -> None:
        while self._cards.count():
            item = self._cards.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        for index, found in enumerate(rows):
            self._cards.addWidget(self._card(index, found))
        self._parts.setCurrentIndex(1)
        self._tell(said or ("" if rows else sentence("ALONE-NOTHING")), "good" if said else "muted")

    def _card(self, index: int, found: FoundView) -> QWidget:
        heading = Label(title(found, time()), level="strong")
        heading.setObjectName(f"alone.row.{index}")
        worth = Label(pays(found), tone="muted")
        worth.setObjectName(f"alone.pays.{index}")
        by_proof = button("With a proof…", f"alone.proof.{index}")
        by_proof.clicked.connect(lambda: self._ask_proof(found.channel))
        plain_exit = button("With the opening state…", f"alone.leave.{index}")
        plain_exit.clicked.connect(lambda: self._ask_leave(found.channel, None))
        by_proof.setVisible(found.status != "settled")
        plain_exit.setVisible(found.status == "open")
        return frame(
            "card",
            column(heading, worth, row(Label("Leave:", tone="muted"), by_proof, plain_exit, None), spacing=6,
                   margins=(14, 12, 14, 12)),
        )  # fmt: skip

    # --- work ----------------------------------------------------------------------------------------------------

    def _find(self) -> None:
        folder = self._folder.path
        form = Form(
            tidy_phrase(self._phrase.toPlainText()),
            self._password.text(),
            self._again.text(),
            str(folder or ""),
            self._node.text().strip(),
            self._contract.text().strip(),
        )
        reason = missing(form)
        if reason is not None or folder is None:
            self._tell(sentence(reason.code, reason.params) if reason else "", "bad")
            return
        self._tell("Reading the chain…")
        waits = self._launcher.recover(folder, form.phrase, form.password, form.node, bytes.fromhex(form.contract[2:]))
        self._waits = waits

        def there(backend: AloneBackend) -> None:
            if self._waits is not waits:
                self._launcher.let_go(backend)  # left meanwhile
                return
            self._waits, self._backend = None, backend
            self._password.clear()
            self._again.clear()
            self._phrase.clear()
            self._look()

        self._courier.deliver(waits, self, there, self._fail)

    def _look(self, said: str = "") -> None:
        """Shows what there is now, and under it what was done."""
        self._ask(lambda backend: backend.rows(), lambda rows: self._show_rows(rows, said))

    def _ask_proof(self, channel: bytes) -> None:
        ask_which(self, "Withdrawal proof", "Proofs (*.json)", partial(self._ask_leave, channel))

    def _ask_leave(self, channel: bytes, proof: Path | None) -> None:
        """What it pays and may cost, before anything is sent."""

        def weighed(worth: tuple[int, tuple[ShareView, ...]]) -> None:
            words = " ".join(cost_words(*worth, shown=False))
            ask(self.window(), f"Leave with state {worth[0]}?", words, "Leave", lambda: self._leave(channel, proof))

        self._ask(lambda backend: backend.worth(channel, proof), weighed)

    def _leave(self, channel: bytes, proof: Path | None) -> None:
        self._tell("Sending it to the chain…")
        self._ask(lambda backend: backend.leave(channel, proof), lambda _: self._look())

    def _withdraw(self) -> None:
        def paid(rows: tuple[tuple[AssetInfo, int], ...]) -> None:
            said = ", ".join(asset_amount(asset, amount) for asset, amount in rows)
            self._look(f"Arrived in your account: {said}." if said else sentence("ALONE-NOTHING-DUE"))

        self._tell("Settling and withdrawing…")
        self._ask(lambda backend: backend.withdraw(), paid)

    def _ask(self, call: Callable[[AloneBackend], Future], done: Callable) -> None:  # type: ignore[type-arg]
        if self._backend is not None:
            self._courier.deliver(call(self._backend), self, done, self._fail)

    def _fail(self, error: WalletError) -> None:
        self._tell(explain(error), "bad")

    def _tell(self, text: str, tone: str = "muted") -> None:
        self._say.show_text(text)
        self._say.set_tone(tone)
