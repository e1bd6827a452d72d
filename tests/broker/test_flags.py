"""A flagged channel at the broker, decided by whoever runs it: refused and gone on with, or taken to the chain."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.broker.cooperative import Partner
from tests.broker.kit import DOMAIN, ETH, MemoryChain
from tests.broker.test_cooperative import play
from tests.broker.test_presence import PAIR
from tests.broker.test_trading import SELL, rejected
from tests.support.settings import example, filled
from wallet.broker.loading import load_channel
from wallet.broker.server import Broker
from wallet.cli.broker_flags import answers
from wallet.cli.main import main
from wallet.cli.office import office
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Balance, State, Transition


def richer(state: State) -> State:
    first, *rest = state.balances
    return replace(state, balances=(Balance(first.asset, first.available + 5, first.locked), *rest))


async def lie(broker: Broker, anna: Partner, **changes: Any) -> State:
    """She signs a yield with five units more; the number of the flag is 1."""
    state = richer(anna.make(Transition.YIELD, **changes))
    assert await rejected(anna.issue(state)) == "FLAGGED"
    return state


async def again(anna: Partner) -> None:
    """Her connection was ended for it: she comes again."""
    assert anna.peer is not None
    await anna.peer.wait_closed()
    anna.stop_beating()
    await anna.reconnect()


def test_a_refused_flag_is_answered_with_a_void_and_the_channel_goes_on(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        ask = await anna.place_in_turn(SELL)
        bad = await lie(broker, anna)
        decided = broker.flags.refuse(1)
        assert (decided.void, decided.left) == (bad.increment + 1, 0)
        with pytest.raises(WalletError, match="FLAG_UNKNOWN"):
            broker.flags.refuse(1)
        await again(anna)
        found = await anna.issue(bad)  # what she has no answer to she says again: the void
        assert found.refuse is not None
        assert found.reason == "BAL-INFLATE"
        assert found.refuse.state.increment == decided.void
        await anna.countersign(found.refuse)
        await anna.until(lambda: ask in broker.floor.books[PAIR])
        assert (await anna.pass_turn()).ack is not None
        await ben.place_in_turn(SELL)

    play(tmp_path, body)


def test_what_was_decided_is_on_disk_with_the_void(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        await lie(broker, anna)
        broker.flags.refuse(1)
        await broker.ledger.durable()
        record = broker.ledger.journal.channel(anna.channel)
        assert record is not None
        found = load_channel(broker.ledger, record)
        assert found.flagged == ""
        assert found.void is not None
        assert found.flagged_at == {1}
        await again(anna)

    play(tmp_path, body)


def test_evidence_alone_is_resolved_and_nothing_is_signed(tmp_path: Path) -> None:
    """Another digest at a number of the past: there is nothing to answer, and it stays evidence."""

    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        await anna.place_in_turn(SELL)
        assert await rejected(anna.issue(anna.make(Transition.YIELD, increment=1))) == "FLAGGED"
        count = broker.ledger.journal.count(anna.channel)
        assert broker.flags.refuse(1).void is None
        await again(anna)
        assert broker.ledger.journal.count(anna.channel) == count
        assert (await anna.pass_turn()).ack is not None

    play(tmp_path, body)


def test_a_second_digest_where_one_was_flagged_is_equivocation(tmp_path: Path) -> None:
    """Also after the first was decided: the number stays taken."""

    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        bad = await lie(broker, anna)
        broker.flags.refuse(1)
        await again(anna)
        assert await rejected(anna.issue(richer(bad))) == "FLAGGED"
        flags = broker.ledger.journal.flags(anna.channel)
        assert [(row.flag.code, row.resolved) for row in flags] == [("BAL-INFLATE", True), ("EQV-TWO", False)]

    play(tmp_path, body)


def test_a_flagged_channel_is_taken_to_the_chain_with_its_best_state(tmp_path: Path) -> None:
    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        chain = broker.chain
        assert isinstance(chain, MemoryChain)
        await anna.place_in_turn(SELL)
        await lie(broker, anna)
        assert await broker.flags.dispute(1) == 1
        (proof,) = chain.challenges
        assert (proof.state, proof.terms) == (anna.last, anna.terms)
        with pytest.raises(WalletError, match="FLAG_UNKNOWN"):
            await broker.flags.dispute(2)

    play(tmp_path, body)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As whoever runs a broker types them, at one that runs."""
    config = tmp_path / "broker.toml"
    config.write_text(filled(example(), folder=json.dumps(str(tmp_path))))
    monkeypatch.chdir(tmp_path)  # the way to a socket is bounded

    async def command(*words: str) -> Result:
        run: Callable[..., Result] = CliRunner().invoke
        return await asyncio.to_thread(run, main, ["broker", "flags", *words, "--config", "broker.toml"])

    async def body(broker: Broker, anna: Partner, ben: Partner) -> None:
        assert "No broker runs" in (await command("refuse", "1")).output
        async with office(tmp_path, answers(broker.flags)):
            assert (await command("list")).output == "No flags.\n"
            bad = await lie(broker, anna)
            await broker.ledger.durable()
            listed = json.loads((await command("list", "--json")).output)["flags"]
            assert [(row["rule"], row["increment"], row["resolved"]) for row in listed] == [("BAL-INFLATE", 1, False)]
            assert listed[0]["digest"] == "0x" + DOMAIN.digest(bad).digest.hex()
            assert listed[0]["cost"] == [["0x" + ETH.hex(), "5"]]
            text = (await command("list")).output
            assert "BAL-INFLATE: " in text
            assert "0.000000000000000005 ETH" in text
            written = await command("evidence", "1", "evidence.json")
            assert written.exit_code == 0, written.output
            shown = CliRunner().invoke(main, ["evidence", "verify", "evidence.json"])
            assert "trader" in shown.output
            assert shown.exit_code == 0
            assert "undecided flag 7" in (await command("refuse", "7")).output
            refused = await command("refuse", "1")
            assert refused.output == "State 2 answers it. The channel goes on.\n"
            await broker.ledger.durable()
            assert (await command("list")).output == "No flags.\n"
            assert "Decided." in (await command("list", "--all")).output
            await again(anna)

    play(tmp_path, body)
