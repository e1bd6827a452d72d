"""A history of any length as rows of a list: how many there are, which are known, which to ask for next. Pure."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from wallet.app.snapshots import MarketInfo, StateRow
from wallet.protocol.state import Side, Transition
from wallet.protocol.terms import Role

if TYPE_CHECKING:
    from wallet.history.search import Wanted

KEPT = 20_000  # rows that are remembered
AT_ONCE = 300  # rows that are asked for at once


@dataclass(frozen=True, slots=True)
class StateLine:
    """One row: its number in the channel, and the state, once it is known."""

    number: int
    row: StateRow | None = None


class Lines(Sequence[StateLine]):
    """Newest first: every state, or those that a search has found.

    What is beyond the last :meth:`renew` may have changed unless nothing of it can; it is then asked for again.
    """

    def __init__(self) -> None:
        self.states = 0  # states of the channel
        self._found: array[int] | None = None
        self._kept: OrderedDict[int, tuple[int, StateRow | None]] = OrderedDict()
        self._age = 0

    # --- as a list ---

    def __len__(self) -> int:
        return self.states if self._found is None else len(self._found)

    @overload
    def __getitem__(self, at: int) -> StateLine: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[StateLine]: ...
    def __getitem__(self, at: int | slice) -> StateLine | Sequence[StateLine]:
        if isinstance(at, slice):
            return [self[index] for index in range(*at.indices(len(self)))]
        number = self.number(at)
        known = self._kept.get(number)
        return StateLine(number, known[1] if known else None)

    def number(self, at: int) -> int:
        """Which state the row ``at`` stands for."""
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self.states - 1 - at if self._found is None else self._found[at]

    def find(self, number: int) -> int | None:
        """In which row a state stands; None if it is not among them."""
        if self._found is None:
            return self.states - 1 - number if 0 <= number < self.states else None
        low, high = 0, len(self._found)
        while low < high:
            middle = (low + high) // 2
            if self._found[middle] > number:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self._found) and self._found[low] == number else None

    # --- which rows there are ---

    def show_all(self, states: int) -> None:
        self.states, self._found = states, None

    def show_found(self) -> None:
        """From here on only what :meth:`add_older` and :meth:`add_newer` say was found."""
        self._found = array("L")

    def add_older(self, numbers: Iterable[int]) -> None:
        assert self._found is not None
        self._found.extend(numbers)

    def add_newer(self, numbers: Iterable[int]) -> None:
        assert self._found is not None
        self._found = array("L", numbers) + self._found

    # --- which of them are known ---

    def renew(self) -> None:
        """States came: what may have changed since is to be asked for again."""
        self._age += 1

    def wanted(self, first: int, last: int) -> tuple[int, ...]:
        """The numbers to ask for so that rows ``first`` to ``last`` can be shown as they are now."""
        numbers = map(self.number, range(max(first, 0), min(last + 1, len(self))))
        return tuple([number for number in numbers if not self._is_fresh(number)][:AT_ONCE])

    def _is_fresh(self, number: int) -> bool:
        known = self._kept.get(number)
        return known is not None and (known[0] == self._age or (known[1] is not None and known[1].settled))

    def put(self, asked: Iterable[int], rows: Iterable[StateRow]) -> None:
        """What came for the numbers that were ``asked``; one that did not come is not asked for again at once."""
        found: Mapping[int, StateRow] = {row.number: row for row in rows}
        for number in asked:
            self._kept[number] = (self._age, found.get(number))
            self._kept.move_to_end(number)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        """Another channel: nothing is known of it."""
        self.states, self._found = 0, None
        self._kept.clear()


# --- what the filters mean ------------------------------------------------------------------------------------------

ANY = ""
SIGNERS: tuple[tuple[str, str], ...] = (
    (ANY, "Any signer"),
    ("both", "Signed by both"),
    ("trader", "Only you signed"),
    ("broker", "Only the broker signed"),
    ("issued-trader", "Issued by you"),
    ("issued-broker", "Issued by the broker"),
)
SIDES: tuple[tuple[str, str], ...] = ((ANY, "Both sides"), ("buy", "▲ Buy"), ("sell", "▼ Sell"))
BETWEEN = "between"
TIMES: tuple[tuple[str, str], ...] = (
    (ANY, "Any time"),
    ("3600", "Last hour"),
    ("86400", "Last 24 hours"),
    ("604800", "Last 7 days"),
    (BETWEEN, "Between…"),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is chosen, by the keys above; ``since`` and ``until`` (Unix seconds) are for ``BETWEEN`` alone."""

    transition: str = ANY
    market: str = ANY
    side: str = ANY
    signer: str = ANY
    time: str = ANY
    since: int = 0
    until: int = 0

    def wanted(self, markets: Iterable[MarketInfo], now: int) -> Wanted:
        """The same for the journal."""
        from wallet.history.search import Signed, Wanted

        market = next((row for row in markets if row.name == self.market), None)
        issued, signed = self.signer.startswith("issued-"), self.signer
        between = self.time == BETWEEN
        return Wanted(
            transitions=frozenset((Transition[self.transition.upper()],)) if self.transition else frozenset(),
            issuer=Role[signed.removeprefix("issued-").upper()] if issued else None,
            signed=Signed(signed) if signed and not issued else None,
            market=(market.base.address, market.quote.address) if market else None,
            side=Side[self.side.upper()] if self.side else None,
            since=self.since if between else now - int(self.time) if self.time else None,
            until=self.until if between else None,
        )
