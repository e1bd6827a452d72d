"""Any valid state with anything in it another: what a broker might sign beside the truth.

A mutant differs from its original in one to three places and never in a way that the rules allow: a later time is
another valid claim, so the times made here are too early; fills in another order come to the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from random import Random
from typing import Any

from wallet.protocol.amounts import MAX_AMOUNT, MAX_INCREMENT
from wallet.protocol.state import Balance, Fill, OpenOrder, Outcome, State, Transition
from wallet.protocol.terms import Role, Terms

FIELDS = tuple(field.name for field in fields(State))
_ROWS: dict[str, Callable[[Random], tuple[Any, ...]]] = {
    "fills": lambda chance: Fill(chance.randbytes(32), *(chance.randrange(1, 10**18) for _ in range(3))),
    "balances": lambda chance: Balance(chance.randbytes(20), chance.randrange(10**18), 0),
    "outcomes": lambda chance: Outcome(chance.randbytes(20), 0, chance.randrange(10**18)),
    "open_orders": lambda chance: OpenOrder(
        chance.randbytes(32), chance.randbytes(20), chance.randbytes(20), 0, 10**6, 10**18, 0
    ),
}


def mutant(chance: Random, state: State, earlier: list[State], terms: Terms, last: State) -> tuple[State, str]:
    """A state other than ``state``, and the names of the fields that differ; ``earlier`` are states to replay from."""
    while True:
        bent = state
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            name = chance.choice(FIELDS)
            bent = replace(bent, **{name: _other(chance, bent, name, earlier, terms, last)})
        differs = [name for name in FIELDS if getattr(bent, name) != getattr(state, name)]
        if differs and not _is_valid_too(state, bent, differs):
            return bent, "+".join(differs)


def _is_valid_too(state: State, bent: State, differs: list[str]) -> bool:
    """What two or three changes can make of a valid state that is valid as well."""
    ends = {Transition.YIELD, Transition.FINALIZE}
    if {state.transition, bent.transition} == ends and set(differs) == {"turn", "transition"}:
        return True  # instead of the end, the turn is handed over, or the other way around
    return differs == ["fills"] and sorted(bent.fills) == sorted(state.fills)


def _other(chance: Random, state: State, name: str, earlier: list[State], terms: Terms, last: State) -> Any:
    value = getattr(state, name)
    if name in ("channel", "previous"):
        words = [bytes(32), chance.randbytes(32), value[::-1], *(old.previous for old in earlier)]
        return chance.choice(words)
    if name == "time":
        return chance.choice((0, last.time - 1, max(last.time - chance.randrange(1, 10**9), 0)))
    if name in ("increment", "order_nonce"):
        return _number(chance, value, MAX_INCREMENT)
    if name == "turn":
        return chance.choice(list(Role))
    if name == "transition":
        return chance.choice(list(Transition))
    return _rows(chance, value, name, earlier)


def _rows(chance: Random, rows: tuple[Any, ...], name: str, earlier: list[State]) -> tuple[Any, ...]:
    at = chance.randrange(len(rows)) if rows else 0
    ways: list[tuple[Any, ...]] = [(*rows[:at], _ROWS[name](chance), *rows[at:]), getattr(chance.choice(earlier), name)]
    if rows:
        row = rows[at]
        ways += [
            (*rows[:at], *rows[at + 1 :]),
            (*rows[:at], row, *rows[at:]),
            tuple(chance.sample(rows, len(rows))),
            (),
            *[(*rows[:at], _row(chance, row), *rows[at + 1 :])] * 6,
        ]
    return chance.choice(ways)


def _row(chance: Random, row: Any) -> Any:
    """One cell another; or two numbers moved against one another, as a thief who keeps his sums would."""
    cells = [*row]
    numbers = [at for at, cell in enumerate(cells) if type(cell) is int]
    if chance.random() < 0.25:
        one, other = chance.sample(numbers, 2)
        step = min(chance.choice((1, 10**6, cells[one])), cells[one])
        cells[one] -= step
        cells[other] = min(cells[other] + step, MAX_AMOUNT)
        return _sided(row, cells)
    at = chance.randrange(len(cells))
    if type(cells[at]) is int:
        cells[at] = _number(chance, cells[at], MAX_AMOUNT)
    else:
        cells[at] = chance.choice((bytes(len(cells[at])), chance.randbytes(len(cells[at])), cells[at][::-1]))
    return _sided(row, cells)


def _sided(row: Any, cells: list[Any]) -> Any:
    """A side is one of two: nothing else has a form on the wire."""
    if isinstance(row, OpenOrder):
        cells[3] = min(cells[3], 1)
    return type(row)(*cells)


def _number(chance: Random, value: int, most: int) -> int:
    near = (value + 1, value - 1, value * 2, value // 2, value + chance.randrange(1, 10**20))
    return min(max(chance.choice((*near, 0, 1, most, chance.randrange(most))), 0), most)
