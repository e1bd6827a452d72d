"""The page for an error nobody foresaw: a code, what it means, and diagnostics without secrets."""

from __future__ import annotations

import platform

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPlainTextEdit

from wallet import __version__
from wallet.gui.frames import unexpected
from wallet.gui.pages.page import Page
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import describe


class FailurePage(Page):
    """Stays until the user decides; nothing is signed by it or because of it."""

    going_on = Signal()
    quitting = Signal()

    def __init__(self) -> None:
        super().__init__("failure", "Something went wrong", "", width=600, has_back=False)
        self._report = QPlainTextEdit()
        self._report.setReadOnly(True)
        self._report.setProperty("level", "mono")
        self._report.setFixedHeight(150)
        describe(self._report, "Diagnostics", object_name="failure.report")
        go_on = button("Go on", "failure.go_on", role="primary", large=True)
        copy = button("Copy diagnostics", "failure.copy", large=True)
        leave = button("Quit", "failure.quit", large=True)
        go_on.clicked.connect(self.going_on)
        leave.clicked.connect(self.quitting)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._report.toPlainText()))
        self.set_body(column(self._report, 16, row(go_on, copy, leave, None)))

    def show_error(self, error: BaseException) -> None:
        """Kind and place only: an error's text may hold what must not be copied about."""
        report = unexpected(error)
        code = f"{report.params['kind']} at {report.params['place']}"
        self.lead.show_text(
            "An unexpected error struck in the window. Your keys, states and money are not touched by it: every state "
            "you have signed is on disk, and nothing was signed because of the error."
        )
        lines = [f"code: {code}", f"version: {__version__}", f"python: {platform.python_version()}"]
        lines += [f"system: {platform.system()} {platform.release()} {platform.machine()}"]
        trace = error.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code
            lines.append(f"  {name.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {name.co_name}")
            trace = trace.tb_next
        self._report.setPlainText("\n".join(lines))
