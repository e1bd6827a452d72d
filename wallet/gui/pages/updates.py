"""Whether newer releases are looked for, where, and whose signature is believed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLineEdit, QWidget

from wallet.app.messages import explain
from wallet.gui.models.updates import Found
from wallet.gui.updates import UpdateWatch
from wallet.gui.widgets.layout import button, column, give_back_focus, row
from wallet.gui.widgets.text import Label, describe
from wallet.protocol.errors import WalletError

_LEAD = (
    "Off until you switch it on. A small file at an address of your choice is read once a day, and believed only if it "
    "is signed with the key you give here. It holds a version and a date; nothing is downloaded or installed."
)


class UpdatesDialog(QDialog):
    """What is typed holds once it is switched on."""

    def __init__(self, watch: UpdateWatch, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("updates")
        self.setWindowTitle("Newer releases")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFixedWidth(560)
        self._watch = watch
        self._url = _field("updates.url", "Address of the release file", "https://", 500)
        self._key = _field("updates.key", "Public key of the releaser (minisign)", "RW…", 56)
        self._status = Label("", tone="muted", wrap=True)
        self._status.setObjectName("updates.status")
        self._on = button("Switch on", "updates.on", role="primary")
        self._on.clicked.connect(self._switch_on)
        self._off = button("Switch off", "updates.off")
        self._off.clicked.connect(self._switch_off)
        self._look = button("Look now", "updates.look")
        self._look.clicked.connect(self._look_now)
        shut = button("Close", "updates.close")
        shut.clicked.connect(self.accept)
        self.setLayout(
            column(
                Label("Newer releases", level="title"),
                4,
                Label(_LEAD, tone="muted", wrap=True),
                14,
                _titled(self._url),
                10,
                _titled(self._key),
                14,
                self._status,
                16,
                row(self._look, self._off, None, shut, self._on, spacing=8),
                margins=(24, 20, 24, 18),
            )
        )
        give_back_focus(self)
        self._read()
        watch.found.connect(self._show)

    def _read(self) -> None:
        if self._watch.profile is None:
            for part in (self._url, self._key, self._on, self._off, self._look):
                part.setEnabled(False)
            self._say("What you choose is kept in a profile: open or create one first.", "muted")
            return
        try:
            source = self._watch.source()
        except WalletError as error:
            self._say(explain(error), "bad")
            self._show_state(is_on=False)
            self._off.setEnabled(True)  # that is how a damaged file goes away
            return
        if source is not None:
            self._url.setText(source.url)
            self._key.setText(source.key)
        self._show_state(is_on=source is not None)
        last = self._watch.last
        self._say(last.text or ("Looked for once a day." if source else "Not looked for."), last.tone)

    def _show_state(self, *, is_on: bool) -> None:
        self._off.setEnabled(is_on)
        self._look.setEnabled(is_on)
        self._on.setText("Save" if is_on else "Switch on")

    def _switch_on(self) -> None:
        try:
            self._watch.switch_on(self._url.text().strip(), self._key.text().strip())
        except WalletError as error:
            self._say(explain(error), "bad")
            return
        self._read()

    def _switch_off(self) -> None:
        try:
            self._watch.switch_off()
        except WalletError as error:
            self._say(explain(error), "bad")
            return
        self._read()

    def _look_now(self) -> None:
        self._look.setEnabled(False)
        self._say("Looking…", "muted")
        self._watch.look()

    def _show(self, found: Found) -> None:
        if found.text:
            self._look.setEnabled(True)
            self._say(found.text, found.tone)

    def _say(self, text: str, tone: str) -> None:
        self._status.show_text(text)
        self._status.set_tone(tone)


def _field(name: str, label: str, hint: str, most: int) -> QLineEdit:
    field = QLineEdit()
    field.setPlaceholderText(hint)
    field.setMaxLength(most)
    describe(field, label, object_name=name)
    return field


def _titled(field: QLineEdit) -> QWidget:
    made = QWidget()
    made.setLayout(column(Label(field.accessibleName(), tone="muted"), field, spacing=4))
    return made
