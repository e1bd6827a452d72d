"""The figures below the ticket's fields: what sending would cost, bring and leave."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from wallet.app.snapshots import AssetInfo, MarketInfo
from wallet.gui.models.figures import NONE, asset_amount, exact, price_text
from wallet.gui.models.ticket import FOK, IOC, MARKET, Assessment, Draft, percent_text
from wallet.gui.widgets.text import AmountLabel, Label, set_tip

_SUMMARY = (
    ("average", "Average, about"),
    ("worst", "Worst price"),
    ("share", "Of the book shown"),
    ("fee", "Fee, at most"),
    ("receives", "You receive"),
    ("available", "Available after"),
    ("locked", "Locked after"),
    ("collateral", "Collateral left"),
)
_OF_A_SWEEP = ("average", "worst", "share")


class Summary(QWidget):
    """One line a figure; those of a sweep only for an order that takes at once."""

    def __init__(self) -> None:
        super().__init__()
        self._titles = {key: Label(title, tone="muted") for key, title in _SUMMARY}
        self._values = {key: AmountLabel(NONE) for key, _ in _SUMMARY}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        for index, (key, _) in enumerate(_SUMMARY):
            value = self._values[key]
            value.setObjectName(f"ticket.{key}")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(self._titles[key], index, 0)
            grid.addWidget(value, index, 1)
        self.setLayout(grid)

    def show_figures(self, market: MarketInfo, draft: Draft, result: Assessment) -> None:
        buys = draft.side == "buy"
        paid, received = (market.quote, market.base) if buys else (market.base, market.quote)
        shown = {
            "fee": (received, result.fee),
            "receives": (received, result.receives),
            "available": (paid, result.available_after),
            "locked": (paid, result.locked_after),
            "collateral": (received, result.collateral_after),
        }
        for key, (asset, value) in shown.items():
            _show_value(self._values[key], asset, value)
            for part in (self._titles[key], self._values[key]):  # a trigger locks nothing
                part.setVisible(not draft.trigger or key in ("fee", "receives"))
        self._show_sweep(market, draft, result)

    def _show_sweep(self, market: MarketInfo, draft: Draft, result: Assessment) -> None:
        """What taking would bring: only of an order that takes at once."""
        found = result.estimate
        takes = draft.kind in (MARKET, IOC, FOK) and not draft.trigger
        texts = ("", "", "")
        if found is not None:
            average, worst = price_text(market, found.average), price_text(market, found.worst)
            texts = (average, worst, f"{percent_text(found.share)} %")
        for key, text in zip(_OF_A_SWEEP, texts, strict=True):
            self._titles[key].setVisible(takes)
            self._values[key].setVisible(takes)
            self._values[key].show_text(text or NONE)
        dear = found is not None and found.is_dear
        self._values["average"].set_tone("warn" if dear else "")


def _show_value(label: Label, asset: AssetInfo, value: int | None) -> None:
    if value is None:
        label.show_text(NONE)
        set_tip(label, "")
        return
    label.show_text(asset_amount(asset, value))
    set_tip(label, exact(asset, value))
