"""What the program says leaving takes of gas, held against what was measured."""

from __future__ import annotations

import pytest

from tests.chain.gas import KEPT
from wallet.chain import costs

COUNTS = (1, 1, 2, 2, 16)
SAID = {
    "challenge, implied": costs.challenge,
    "answer, implied": costs.answer,
    "settle": costs.settle,
    "close, trader's first credit": costs.close,
}


def table() -> dict[str, list[int]]:
    text = KEPT.read_text(encoding="utf-8")
    found: dict[str, list[int]] = {}
    for line in text.splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if len(cells) == len(COUNTS) and all(cell.replace(",", "").isdigit() for cell in cells):
            found[name] = [int(cell.replace(",", "")) for cell in cells]
    return found


@pytest.mark.parametrize("name", SAID)
def test_never_less_than_measured_and_not_much_more(name: str) -> None:
    for count, measured in zip(COUNTS, table()[name], strict=True):
        said = SAID[name](count)
        assert measured <= said <= 1.9 * measured, (name, count)


def test_paying_out_is_never_less_than_measured() -> None:
    rows = table()
    for name in ("push all credit", "withdraw part of the credit", "withdraw all of the credit"):
        assert max(rows[name]) <= costs.WITHDRAW
