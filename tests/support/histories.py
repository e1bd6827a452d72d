"""A played channel written to a journal, as the trader's side or the broker's would have it."""

from __future__ import annotations

from pathlib import Path

from tests.support.game import CONTRACT, LOT, NOW, ONE, Game
from wallet.history.journal import ChannelRecord, Entry, Journal, Status
from wallet.protocol.state import Side, State
from wallet.protocol.terms import Role


def record_of(game: Game, role: Role = Role.TRADER) -> ChannelRecord:
    return ChannelRecord(game.channel, role, game.domain.chain_id, CONTRACT, game.terms, "open", NOW)


def entry_of(
    game: Game,
    state: State,
    issuer: Role,
    status: Status = Status.VALIDATED,
    roles: tuple[Role, ...] = tuple(Role),
    own: Role = Role.TRADER,
) -> Entry:
    """``state`` with real signatures of ``roles``."""
    entry = Entry(state, game.digest(state), issuer, status, recorded=state.time)
    for role in roles:
        entry = entry.signed(role, game.sign(role, state), own=role is own)
    return entry


def issued(game: Game, state: State, issuer: Role, status: Status) -> Entry:
    """A state that only its issuer signed."""
    return entry_of(game, state, issuer, status, (issuer,))


def played() -> tuple[Game, list[Entry]]:
    """A session with fills, a refused state and its void, and a finalize: ten rows."""
    game = Game()
    buy = game.open()
    sell = game.open(side=Side.SELL, amount=ONE // 2, price=2_100 * 10**6)
    game.apply(game.trade(game.fill(buy, ONE // 4, fee=10**14)))
    before = len(game.states)
    refused = game.trade(game.fill(buy, LOT * 10))
    game.apply(game.void(refused), Role.TRADER)
    game.apply(game.trade(game.fill(buy, ONE // 4), game.fill(sell, ONE // 4, price=2_100 * 10**6)))
    game.apply(game.cancel(buy))
    game.apply(game.cancel(sell))
    game.apply(game.finalize())
    entries = [entry_of(game, state, issuer) for state, issuer in game.states]
    entries.insert(before, issued(game, refused, Role.BROKER, Status.REFUSED))
    return game, entries


def write(journal: Journal, game: Game, entries: list[Entry], role: Role = Role.TRADER) -> None:
    """The channel, its intents and these states."""
    journal.add_channel(record_of(game, role))
    for signed in game.intents.values():
        journal.add_intent(signed, "open", NOW)
    with journal.store.transaction():
        for entry in entries:
            journal.record(entry)


def journal_with(path: Path, game: Game, entries: list[Entry], role: Role = Role.TRADER) -> Journal:
    journal = Journal.open(path)
    write(journal, game, entries, role)
    return journal
