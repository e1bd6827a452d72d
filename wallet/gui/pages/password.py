"""Another password, and whether this computer's keyring opens the wallet without one."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QDialog, QWidget

from wallet.app.messages import explain
from wallet.gui.desk import Desk
from wallet.gui.pages.wallet import PasswordPair, secret_field
from wallet.gui.widgets.layout import button, column, give_back_focus, line, row
from wallet.gui.widgets.text import Label, describe
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

_LEAD = "The password locks the keys on this computer. Copies and backups made before keep the old one."
_STAY = (
    "This computer's keyring then opens the wallet, without asking: whoever uses this computer as you can use it. The "
    "keyring holds one random key and nothing else. The password goes on opening it, here and in a backup."
)


class PasswordDialog(QDialog):
    """What takes long is done elsewhere; the dialog says how it went."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("password")
        self.setWindowTitle("Password and keyring")
        self.setModal(True)
        self.setFixedWidth(520)
        self._desk = desk
        self._old = secret_field("password.old", "Password until now")
        self._pair = PasswordPair("password.new")
        self._said = Label("", tone="muted", wrap=True)
        self._said.setObjectName("password.said")
        self._change = button("Change the password", "password.change", role="primary")
        self._change.clicked.connect(self._ask_change)
        self._stay = QCheckBox("Stay unlocked on this computer")
        describe(self._stay, "Stay unlocked on this computer", object_name="password.stay")
        self._stay.setChecked(desk.backend.stays_unlocked())
        self._stay.clicked.connect(self._ask_stay)
        shut = button("Close", "password.close")
        shut.clicked.connect(self.reject)
        self.setLayout(
            column(
                Label("Password", level="title"),
                4,
                Label(_LEAD, tone="muted", wrap=True),
                12,
                Label("Password until now", tone="muted"),
                4,
                self._old,
                10,
                self._pair,
                14,
                row(None, self._change),
                14,
                line(),
                14,
                row(self._stay, None),
                4,
                Label(_STAY, tone="muted", level="small", wrap=True),
                16,
                self._said,
                8,
                row(None, shut),
                margins=(24, 20, 24, 18),
            )
        )
        give_back_focus(self)
        self._old.setFocus()

    def _ask_change(self) -> None:
        reason = self._pair.reason() if self._old.text() else "Type the password until now."
        if reason:
            self._say(reason, "bad")
            return
        self._say("Sealing the keys anew. That takes a moment on purpose.", "muted")
        self._change.setEnabled(False)
        future = self._desk.backend.change_password(Secret(self._old.text()), Secret(self._pair.password))
        self._desk.courier.deliver(future, self, self._changed, self._fail)

    def _changed(self, _: None) -> None:
        self._old.clear()
        self._pair.clear()
        self._change.setEnabled(True)
        self._show_stay()
        self._say("The password is changed.", "good")

    def _ask_stay(self, on: bool) -> None:
        self._stay.setEnabled(False)
        self._say("Asking this computer's keyring…", "muted")

        def done(_: None) -> None:
            self._show_stay()
            words = "The keyring opens the wallet from now on." if on else "Only the password opens the wallet."
            self._say(words, "good")

        self._desk.courier.deliver(self._desk.backend.stay_unlocked(on), self, done, self._fail)

    def _fail(self, error: WalletError) -> None:
        self._change.setEnabled(True)
        self._show_stay()
        self._say(explain(error), "bad")

    def _show_stay(self) -> None:
        self._stay.setEnabled(True)
        self._stay.setChecked(self._desk.backend.stays_unlocked())

    def _say(self, text: str, tone: str) -> None:
        self._said.show_text(text)
        self._said.set_tone(tone)
