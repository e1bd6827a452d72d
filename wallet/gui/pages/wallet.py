"""Creating, restoring and opening a profile: one page each, over the rules in models.onboarding."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLineEdit, QPlainTextEdit, QStackedWidget, QWidget

from wallet.app.messages import explain, sentence
from wallet.gui.launcher import Launcher
from wallet.gui.models.onboarding import (
    ASKED,
    BESIDE_THE_WORDS,
    WORD_COUNTS,
    Words,
    asked_words,
    passphrase_reason,
    password_reason,
    phrase_reason,
    tidy_phrase,
    wrong_words,
)
from wallet.gui.pages.page import Page
from wallet.gui.widgets.files import ask_folder, ask_which
from wallet.gui.widgets.layout import button, column, frame, row
from wallet.gui.widgets.text import Label, describe
from wallet.keys.mnemonic import similar_words
from wallet.keys.secret import Secret
from wallet.keys.strength import WORDS, judge
from wallet.protocol.errors import WalletError

_TYPE = "Type the words of your recovery phrase, in their order."
_LEADS = (
    (
        "These words are the wallet. Write them on paper, in this order, and show them to nobody: "
        "whoever has them has the money, and without them nobody can bring it back."
    ),
    "To be sure that your note is right, some words are asked back.",
    (
        "The password locks the keys on this computer. The broker's profile file says where he listens, "
        "who he is, and which contract is used."
    ),
)
_TONES = ("bad", "bad", "warn", "good", "good")


def secret_field(name: str, label: str) -> QLineEdit:
    made = QLineEdit()
    made.setEchoMode(QLineEdit.EchoMode.Password)
    made.setMaxLength(1024)
    describe(made, label, object_name=name)
    return made


class Parts(QStackedWidget):
    """As high as the part that is shown, not as the highest of all."""

    def __init__(self) -> None:
        super().__init__()
        self.currentChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        part = self.currentWidget()
        return part.sizeHint() if part is not None else QSize(0, 0)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        part = self.currentWidget()
        return part.minimumSizeHint() if part is not None else QSize(0, 0)


class PathField(QWidget):
    """A path typed or chosen."""

    def __init__(self, name: str, label: str, ask: Callable[[Callable[[Path], None]], object]) -> None:
        super().__init__()
        self.edit = QLineEdit()
        describe(self.edit, label, object_name=name)
        browse = button("Browse…", f"{name}.browse")
        browse.clicked.connect(lambda: ask(lambda path: self.edit.setText(str(path))))
        layout = row(self.edit, browse)
        layout.setStretch(0, 1)
        self.setLayout(column(Label(label, tone="muted"), layout, spacing=4))

    @property
    def path(self) -> Path | None:
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None


class PasswordPair(QWidget):
    """A new password twice, with an honest word on its strength."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._first = secret_field(f"{name}.password", "Password")
        self._again = secret_field(f"{name}.password.again", "Password once more")
        self._word = Label("", level="small")
        self._word.setObjectName(f"{name}.strength")
        self._why = Label("", tone="muted", level="small", wrap=True)
        self._why.setObjectName(f"{name}.strength.why")
        # Two lines kept free: the page must not move under the hands of who types.
        self._why.setFixedHeight(2 * self._why.fontMetrics().lineSpacing() + 2)
        self._why.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._first.textChanged.connect(self._judge)
        self.setLayout(
            column(
                row(Label("Password for this profile", tone="muted"), None, self._word),
                self._first,
                self._why,
                6,
                Label("Once more", tone="muted"),
                self._again,
                spacing=4,
            )
        )

    @property
    def password(self) -> str:
        return self._first.text()

    def reason(self) -> str:
        found = password_reason(self._first.text(), self._again.text())
        return sentence(found.code, found.params) if found else ""

    def clear(self) -> None:
        self._first.clear()
        self._again.clear()

    def _judge(self, text: str) -> None:
        found = judge(Secret(text))
        self._word.show_text(WORDS[found.score] if text else "")
        self._word.set_tone(_TONES[found.score])
        self._why.show_text(sentence(found.why) if text and found.why else "")


class PassphraseField(QWidget):
    """BIP-39's passphrase for who wants one: behind a tick, explained, and typed twice where it is new."""

    def __init__(self, name: str, *, is_new: bool) -> None:
        super().__init__()
        words = "Use a passphrase beside the words" if is_new else "The words had a passphrase"
        self._tick = QCheckBox(words)
        describe(self._tick, words, BESIDE_THE_WORDS, object_name=f"{name}.passphrase.use")
        self._first = secret_field(f"{name}.passphrase", "Passphrase")
        self._again = secret_field(f"{name}.passphrase.again", "Passphrase once more")
        self._again.setPlaceholderText("Once more")
        self._is_new = is_new
        self._part = QWidget()
        self._part.setLayout(
            column(Label(BESIDE_THE_WORDS, tone="muted", level="small", wrap=True), self._first, self._again, spacing=6)
        )
        self._again.setVisible(is_new)
        self._part.hide()
        self._tick.toggled.connect(self._part.setVisible)
        self.setLayout(column(self._tick, self._part, spacing=6))

    @property
    def passphrase(self) -> str:
        return self._first.text() if self._tick.isChecked() else ""

    def reason(self) -> str:
        again = self._again.text() if self._is_new else None
        found = passphrase_reason(self._tick.isChecked(), self._first.text(), again)
        return sentence(found.code, found.params) if found else ""

    def clear(self) -> None:
        self._tick.setChecked(False)
        self._first.clear()
        self._again.clear()


class NewWalletPage(Page):
    """Create or restore. ``made`` gives path, words, password and the broker's profile file."""

    made = Signal(object, object, str, object)

    def __init__(self, launcher: Launcher, profiles: Path, *, restore: bool) -> None:
        name = "restore" if restore else "create"
        title = "Restore a wallet" if restore else "Create a wallet"
        super().__init__(name, title, "", width=600)
        self._launcher = launcher
        self._restore = restore
        self._phrase = ""
        self._asked: tuple[int, ...] = ()
        self._stack = Parts()
        self._failure = Label("", tone="bad", wrap=True)
        self._failure.setObjectName(f"{name}.failure")
        self._next = button("Continue", f"{name}.next", role="primary", large=True)
        self._next.clicked.connect(self._go_on)
        self._words = QGridLayout()
        self._typed = QPlainTextEdit()
        self._typed.setTabChangesFocus(True)
        self._typed.setFixedHeight(90)
        self._typed.setPlaceholderText("twelve or more words, separated by blanks")
        describe(self._typed, "Recovery phrase", object_name="restore.phrase")
        self._noted = QCheckBox("I have written all of them down")
        describe(self._noted, "I have written all words down", object_name="create.noted")
        self._answers = [QLineEdit() for _ in range(ASKED)]
        self._questions = [Label("", tone="muted") for _ in range(ASKED)]
        self._long = QCheckBox("24 words instead of 12")
        describe(self._long, "24 words instead of 12", object_name="create.long")
        self._long.toggled.connect(self._new_phrase)
        self._extra = PassphraseField(name, is_new=not restore)
        self._pair = PasswordPair(name)
        self._folder = PathField(
            f"{name}.folder", "Folder of the new profile", lambda then: ask_folder(self, title, then)
        )
        self._folder.edit.setText(str(profiles / "wallet"))
        self._broker = PathField(
            f"{name}.broker", "Broker profile file", lambda then: ask_which(self, "Broker profile", "*.json", then)
        )
        for part in (self._phrase_part(), self._quiz_part(), self._last_part()):
            self._stack.addWidget(part)
        self.set_body(column(self._stack, 10, self._failure, 10, row(self._next, None)))

    def begin(self) -> None:
        """From the start, with a fresh phrase where one is made; nothing of an earlier try stays."""
        self._typed.clear()
        self._noted.setChecked(False)
        self._pair.clear()
        self._extra.clear()
        self._long.setChecked(False)
        for answer in self._answers:
            answer.clear()
        self._phrase = ""
        self._turn(0)
        if not self._restore:
            self._new_phrase()

    def _new_phrase(self, _: object = None) -> None:
        """Another one, of as many words as were chosen: what was noted before is not the wallet's any more."""
        self._noted.setChecked(False)
        try:
            self._phrase = self._launcher.new_phrase(WORD_COUNTS[self._long.isChecked()])
        except WalletError as error:
            self._failure.show_text(explain(error))
            return
        self._show_words(self._phrase.split())

    def fail(self, text: str) -> None:
        """The profile could not be made: back to the last part, with the reason."""
        self._turn(2)
        self._failure.show_text(text)

    # --- parts ---------------------------------------------------------------------------------------------------

    def _phrase_part(self) -> QWidget:
        part = QWidget()
        if self._restore:
            part.setLayout(column(Label("Recovery phrase", tone="muted"), 4, self._typed, None))
            return part
        self._words.setSpacing(8)
        card = frame("card", self._words)
        self._words.setContentsMargins(14, 12, 14, 12)
        part.setLayout(column(card, 10, row(None, self._long), 6, self._noted, None))
        return part

    def _quiz_part(self) -> QWidget:
        part, grid = QWidget(), QGridLayout()
        grid.setSpacing(8)
        for index, (question, answer) in enumerate(zip(self._questions, self._answers, strict=True)):
            grid.addWidget(question, index, 0)
            grid.addWidget(answer, index, 1)
            describe(answer, f"Answer {index + 1}", object_name=f"{self.objectName()}.answer.{index}")
            answer.setProperty("secret", "true")
        part.setLayout(column(grid, None))
        return part

    def _last_part(self) -> QWidget:
        part = QWidget()
        part.setLayout(column(self._pair, self._extra, self._folder, self._broker, None, spacing=12))
        return part

    def _show_words(self, words: list[str]) -> None:
        while self._words.count():
            item = self._words.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        for index, word in enumerate(words):
            number = Label(f"{index + 1}", tone="muted")
            number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            shown = Label(word, level="strong")
            shown.setObjectName(f"create.word.{index}")
            shown.setProperty("secret", "true")
            self._words.addWidget(number, index // 3, 2 * (index % 3))
            self._words.addWidget(shown, index // 3, 2 * (index % 3) + 1)
            self._words.setColumnStretch(2 * (index % 3) + 1, 1)

    def _turn(self, index: int) -> None:
        self._stack.setCurrentIndex(index)
        self._failure.show_text("")
        self.lead.show_text(_TYPE if self._restore and index == 0 else _LEADS[index])
        self._next.setText(("Continue", "Continue", "Restore wallet" if self._restore else "Create wallet")[index])
        if index == 1:
            self._ask_words()

    def _ask_words(self) -> None:
        count = len(self._phrase.split())
        self._asked = asked_words(count, [secrets.randbelow(1 << 30) for _ in range(ASKED)])
        for label, answer, at in zip(self._questions, self._answers, self._asked, strict=True):
            label.show_text(f"Word {at + 1}")
            answer.clear()

    # --- going on ------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        problem = (self._check_phrase, self._check_quiz, self._check_last)[self._stack.currentIndex()]()
        self._failure.show_text(problem)

    def _check_phrase(self) -> str:
        if self._restore:
            self._phrase = tidy_phrase(self._typed.toPlainText())
            try:
                self._launcher.check_phrase(self._phrase)
            except WalletError as error:
                found = phrase_reason(error, similar_words)
                return sentence(found.code, found.params) if found else explain(error)
            self._turn(2)
            return ""
        if not self._noted.isChecked():
            return "Write the words down first, then tick the box."
        self._turn(1)
        return ""

    def _check_quiz(self) -> str:
        answers = {at: field.text() for at, field in zip(self._asked, self._answers, strict=True)}
        if wrong_words(self._phrase, answers):
            return sentence("NEW-WORDS-WRONG")
        self._turn(2)
        return ""

    def _check_last(self) -> str:
        problem = self._pair.reason() or self._extra.reason()
        if problem:
            return problem
        folder, broker = self._folder.path, self._broker.path
        if folder is None:
            return sentence("NEW-NO-FOLDER")
        if broker is None:
            return sentence("NEW-NO-BROKER")
        self.made.emit(folder, Words(self._phrase, self._extra.passphrase), self._pair.password, broker)
        return ""
