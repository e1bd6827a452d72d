"""The Qt binding that is locked eats no references: one release does, and kills Python 3.11 after minutes of use."""

import sys

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel

pytestmark = pytest.mark.gui


def test_calls_that_return_nothing_take_no_reference_from_none(qapp: QApplication) -> None:
    # None begins with about 5,000 references: too few such calls for an abort would prove nothing about a leak.
    label = QLabel()
    before = sys.getrefcount(None)
    for number in range(20_000):
        label.setText("a" if number % 2 else "b")
    assert abs(sys.getrefcount(None) - before) < 100


def test_signals_take_no_reference_from_true(qapp: QApplication) -> None:
    timer = QTimer()
    before = sys.getrefcount(True)
    heard = []
    timer.timeout.connect(lambda: heard.append(1))
    for _ in range(5_000):
        timer.timeout.emit()
    assert len(heard) == 5_000
    assert abs(sys.getrefcount(True) - before) < 100
