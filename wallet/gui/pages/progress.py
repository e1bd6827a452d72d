"""Work in progress before there is a backend: steps as they are reported, and a way to stop."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar

from wallet.app.snapshots import Step
from wallet.gui.look import Look
from wallet.gui.pages.page import Page
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.stepper import Stepper
from wallet.gui.widgets.text import Label, describe

DEMO_STEPS = ("BOOT-SANDBOX", "BOOT-KEYS", "BOOT-CONNECT", "BOOT-FAUCET")
CREATE_STEPS = ("BOOT-KEYS", "BOOT-UNLOCK")
RESTORE_STEPS = ("BACKUP-READ", "BACKUP-LOOK", "BOOT-UNLOCK")
OPEN_STEPS = ("BOOT-UNLOCK",)
LAST = "BOOT-DONE"


class ProgressPage(Page):
    """Steps are known beforehand; a step no one foresaw is added where it comes."""

    cancelled = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__("progress", "", "", width=460, has_back=False)
        self._codes: list[str] = []
        self._at = -1
        self._stepper = Stepper("progress.steps", look)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        describe(self._bar, "Progress", object_name="progress.bar")
        self._failure = Label("", tone="bad", wrap=True)
        self._failure.setObjectName("progress.failure")
        self._failure.hide()
        self._stop = button("Cancel", "progress.cancel")
        self._stop.clicked.connect(self.cancelled)
        self.set_body(column(self._bar, 18, self._stepper, 16, self._failure, 12, row(None, self._stop)))

    def begin(self, title: str, lead: str, codes: tuple[str, ...]) -> None:
        self.title.show_text(title)
        self.lead.show_text(lead)
        self._codes, self._at = list(codes), 0
        self._failure.hide()
        self._stop.setText("Cancel")
        self._bar.setValue(0)
        self._show()

    def advance(self, progress: tuple[str, float]) -> None:
        """The step that is at work now, and how far everything is."""
        code, part = progress
        self._bar.setValue(round(1000 * part))
        if code == LAST:
            self._at = len(self._codes)
        elif code in self._codes:
            self._at = self._codes.index(code)
        else:
            self._at = min(self._at + 1, len(self._codes))
            self._codes.insert(self._at, code)
        self._show()

    def fail(self, sentence: str) -> None:
        self._failure.show_text(sentence)
        self._failure.show()
        self._stop.setText("‹ Back")
        self._show(failed=True)

    def _show(self, *, failed: bool = False) -> None:
        states = ["done" if i < self._at else "doing" if i == self._at else "todo" for i in range(len(self._codes))]
        if failed:
            states = ["failed" if state == "doing" else state for state in states]
        self._stepper.show_steps([Step(code, state) for code, state in zip(self._codes, states, strict=True)])
