"""Whatever is asked for, the search finds what a plain look at every state finds, newest first."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.support.game import ETH, ETH_USDT, NOW, ONE, USDT, WBTC, WBTC_USDT, Game, make_terms
from tests.support.histories import entry_of, issued, journal_with
from wallet.history import search as module
from wallet.history.journal import Entry, Journal, Status
from wallet.history.search import Search, Signed, Wanted
from wallet.protocol.state import OpenOrder, Side, State, Transition
from wallet.protocol.terms import Asset, Market, Role

TERMS = make_terms(assets=tuple(Asset(asset, 10**24, 10**24) for asset in (ETH, USDT, WBTC)))


def play(seed: int, steps: int = 60) -> tuple[Game, list[Entry]]:
    """A session of two markets in any order, with refused states and answers that are missing."""
    chance, game, refused = random.Random(seed), Game(terms=TERMS), {}
    for _ in range(steps):
        game.now += chance.randrange(0, 40)
        orders = game.last.open_orders
        kind = chance.random()
        if not orders or kind < 0.4:
            market, price, amount = chance.choice(
                ((ETH_USDT, 2_000 * 10**6, ONE // 100), (WBTC_USDT, 60_000 * 10**6, 10**6))
            )
            game.open(side=chance.choice(tuple(Side)), base=market.base, quote=market.quote, price=price, amount=amount)
        elif kind < 0.65:
            row = chance.choice(orders)
            rest = row.amount - row.filled
            game.apply(
                game.trade(game.fill(row.id, rest // chance.choice((1, 1 if row.filled else 2)), price=row.price))
            )
        elif kind < 0.9:
            game.apply(game.cancel(chance.choice(orders).id))
        else:
            row = orders[0]
            bad = game.trade(game.fill(row.id, row.amount - row.filled, price=row.price))
            refused[len(game.states)] = bad
            game.apply(game.void(bad), Role.TRADER)
    entries = []
    for at, (state, issuer) in enumerate(game.states):
        if at in refused:
            entries.append(issued(game, refused[at], Role.BROKER, Status.REFUSED))
        roles = (issuer,) if at and chance.random() < 0.1 else tuple(Role)
        entries.append(entry_of(game, state, issuer, roles=roles))
    return game, entries


def about(state: State, before: State | None) -> list[OpenOrder]:
    """The orders that a state creates, fills or takes back, by comparing it with the one before."""
    was = {row.id: row for row in before.open_orders} if before else {}
    here = {row.id: row for row in state.open_orders}
    if state.transition is Transition.CREATE_ORDER:
        return [row for key, row in here.items() if key not in was]
    if state.transition is Transition.CANCEL_ORDER:
        return [row for key, row in was.items() if key not in here]
    return [{**was, **here}[fill.order] for fill in state.fills]


def plainly(entries: list[Entry], wanted: Wanted) -> list[int]:
    found, before = [], None
    for number, entry in enumerate(entries):
        state, mine, his = entry.state, entry.trader_signature, entry.broker_signature
        signed = Signed.BOTH if mine and his else Signed.TRADER if mine else Signed.BROKER
        rows = about(state, before)
        fits = (
            (not wanted.transitions or state.transition in wanted.transitions)
            and wanted.issuer in (None, entry.issuer)
            and wanted.signed in (None, signed)
            and (
                (wanted.market is None and wanted.side is None)
                or any(
                    wanted.market in (None, (row.base, row.quote)) and wanted.side in (None, row.side) for row in rows
                )
            )
            and (wanted.since is None or state.time >= wanted.since)
            and (wanted.until is None or state.time <= wanted.until)
        )
        if fits:
            found.append(number)
        if entry.status is Status.VALIDATED:
            before = state
    return found[::-1]


def pair(market: Market) -> tuple[bytes, bytes]:
    return market.base, market.quote


@pytest.fixture(scope="module", params=[1, 2])
def history(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Journal, Game, list[Entry]]]:
    game, entries = play(request.param)
    journal = journal_with(tmp_path_factory.mktemp("search") / "history.db", game, entries)
    yield journal, game, entries
    journal.close()


WISHES = [
    Wanted(),
    Wanted(frozenset((Transition.TRADE,))),
    Wanted(frozenset((Transition.CREATE_ORDER, Transition.VOID))),
    Wanted(issuer=Role.TRADER),
    Wanted(signed=Signed.BOTH),
    Wanted(signed=Signed.BROKER),
    Wanted(signed=Signed.TRADER, issuer=Role.TRADER),
    Wanted(market=pair(ETH_USDT)),
    Wanted(market=pair(WBTC_USDT), side=Side.SELL),
    Wanted(side=Side.BUY),
    Wanted(frozenset((Transition.CANCEL_ORDER,)), market=pair(ETH_USDT)),
    Wanted(frozenset((Transition.SETUP, Transition.VOID)), side=Side.BUY),
]


@pytest.mark.parametrize("wanted", WISHES, ids=str)
@pytest.mark.parametrize("piece", [1, 7, 20_000])
def test_it_finds_what_a_plain_look_finds(
    history: tuple[Journal, Game, list[Entry]], wanted: Wanted, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, game, entries = history
    monkeypatch.setattr(module, "PIECE", piece)
    monkeypatch.setattr(module, "BODIES", piece)
    search = Search(wanted)
    assert search.run(journal.store, game.channel) == len(search.numbers)
    assert list(search.numbers) == plainly(entries, wanted)
    assert search.searched == search.whole


def test_a_span_of_time_is_a_span_of_rows(history: tuple[Journal, Game, list[Entry]]) -> None:
    journal, game, entries = history
    times = sorted({entry.state.time for entry in entries})
    for since in (times[0] - 5, times[len(times) // 3], times[-1], times[-1] + 1):
        for until in (times[0] - 1, times[len(times) // 2], times[-1] + 7):
            wanted = Wanted(since=since, until=until)
            search = Search(wanted)
            search.run(journal.store, game.channel)
            validated = [n for n in search.numbers if entries[n].status is Status.VALIDATED]
            assert validated == [n for n in plainly(entries, wanted) if entries[n].status is Status.VALIDATED]


def test_it_goes_on_from_where_it_was_and_stops_when_told(
    history: tuple[Journal, Game, list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, game, entries = history
    monkeypatch.setattr(module, "PIECE", 10)
    search = Search(Wanted(), after=len(entries) - 6)
    assert search.run(journal.store, game.channel) == 5
    search = Search(Wanted())
    search.run(journal.store, game.channel, search.stop)
    assert list(search.numbers) == list(range(len(entries) - 1, len(entries) - 11, -1))
    assert search.searched == 10 < search.whole


def test_rows_come_by_their_number_newest_first(history: tuple[Journal, Game, list[Entry]]) -> None:
    journal, game, entries = history
    found = module.numbered(journal.store, game.channel, (3, 10**9, 0, 17))
    assert [entry.number for entry in found] == [17, 3, 0]
    assert found[0].digest == entries[17].digest
    assert len(module.numbered(journal.store, game.channel, range(10_000))) == min(len(entries), module.ROWS)
    assert NOW <= entries[0].state.time
