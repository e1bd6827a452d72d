"""What a proof is worth on its chain, and a lost wallet's channels, as typed, against a real broker and chain."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.cli.test_leaving_commands import WORD, Typed, run
from tests.support.waiting import PATIENCE
from wallet.chain.rpc import Rpc
from wallet.cli.main import main


async def let_pass(typed: Typed, seconds: int) -> None:
    async with Rpc(typed.found.chain.url) as rpc:
        await rpc.request("evm_increaseTime", seconds)
        await rpc.request("evm_mine")


def test_how_a_proof_stands_from_open_to_paid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.app.account.ONLINE_WAIT", 0.5)
    file = tmp_path / "proof.json"

    async def work(typed: Typed) -> None:
        url = typed.found.chain.url

        async def stands(*options: str) -> Any:
            found = await typed("proof", "verify", str(file), *options)
            assert found["valid"]
            return found.get("onChain")

        opened = await typed("channel", "open", "--broker", str(typed.broker), "--allocate", "ETH=1")
        await typed("order", "buy", "ETH/USDT", "0.1", "--limit", "1", code=1)  # no USDT: nothing signed
        await typed("proof", "export", str(file))
        assert await stands() is None  # nobody was asked
        first = await stands("--rpc", url)
        assert (first["status"], first["recorded"], first["deadline"], first["counts"]) == ("open", None, None, True)
        assert f"the trader 0x{typed.owner.hex()} or the broker" in first["next"]
        assert await stands("--chain") == first  # by the nodes the profile knows
        refused = await typed("proof", "verify", str(file), "--rpc", "http://127.0.0.1:9", code=1)
        assert refused["error"] == "RPC_UNREACHABLE"
        nobody = Typed(tmp_path / "nobody", typed.found)
        assert (await nobody("proof", "verify", str(file), "--chain", code=1))["error"] == "PROOF_NO_NODE"

        await typed.found.broker.stop()
        until = (await typed("channel", "exit", "--yes"))["deadline"]
        disputed = await stands("--rpc", url)
        assert (disputed["status"], disputed["recorded"], disputed["deadline"]) == ("disputed", 0, until)
        assert str(until) in disputed["next"]
        await let_pass(typed, disputed["challengePeriod"] + 1)
        assert "anyone may settle" in (await stands("--rpc", url))["next"]
        await typed("channel", "withdraw")
        assert "nothing is left to do" in (await stands("--rpc", url))["next"]
        assert opened["channel"] == (await typed("proof", "verify", str(file)))["channel"]

    run(tmp_path, monkeypatch, work)


@pytest.mark.slow
def test_a_wallet_of_the_same_words_finds_its_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile is gone; the phrase, typed in again, and the broker's file bring the channel and its money back."""
    monkeypatch.setattr("wallet.app.accounts.ONLINE_WITHIN", PATIENCE)

    async def work(typed: Typed) -> None:
        opened = await typed("channel", "open", "--broker", str(typed.broker), "--allocate", "ETH=1")
        again = Typed(tmp_path / "again", typed.found, typed.phrase)
        assert again.owner == typed.owner
        assert (await again("channel", "show", code=1))["error"] == "NO_CHANNEL"
        assert await again("channel", "find", "--broker", str(again.broker)) == {"found": 1, "others": 0}
        (row,) = (await again("channel", "list"))["channels"]
        assert row["channel"] == opened["channel"]
        assert row["recovering"] in ("broker", "leave")  # he has shown how far it had come by now, or has not
        refused = await again("order", "buy", "ETH/USDT", "0.1", "--limit", "3000", code=1)
        assert refused["error"] == "RESTORED"
        had = await again.balance(again.owner)
        await again("channel", "finalize")
        await again("channel", "withdraw")
        assert await again.balance(again.owner) > had + 10**18 * 99 // 100

        await typed.found.broker.stop()
        monkeypatch.setattr("wallet.app.accounts.ONLINE_WITHIN", 0.5)
        third = Typed(tmp_path / "third", typed.found, typed.phrase)
        place = ("--broker", str(third.broker), "--profile", str(third.folder))
        environment = {"CHANNEL_WALLET_PASSWORD": WORD}
        alone = await asyncio.to_thread(CliRunner().invoke, main, ["channel", "find", *place], env=environment)
        assert (alone.exit_code, "recover find --broker" in alone.stderr) == (1, True)
        (found,) = (await third("recover", "find", "--broker", str(third.broker)))["channels"]
        assert (found["channel"], found["status"]) == (opened["channel"], "settled")

    run(tmp_path, monkeypatch, work)
