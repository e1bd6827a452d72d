"""Nodes, gas key and leaving as typed, against a real broker and chain: the broker ends half way, for good."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from tests.app.test_leaving import CHEAP, ETH
from tests.chain.liar_node import liar
from wallet.app.profile import Profile
from wallet.chain.client import Adjudicator, Status
from wallet.chain.rpc import Rpc
from wallet.cli.main import main
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault, open_vault
from wallet.sandbox.boot import Sandbox, sandbox
from wallet.sandbox.devnet.node import Devnet
from wallet.session import broker_profile

WORD = "a password"


class Typed:
    """A profile, and the commands of one who has only a terminal."""

    def __init__(self, folder: Path, found: Sandbox, phrase: Secret | None = None) -> None:
        self.folder, self.found = folder, found
        self.phrase = phrase or create_phrase()
        profile = Profile(folder)
        create_vault(profile.vault, self.phrase, Secret(WORD), params=CHEAP).lock()
        profile.close()
        self.owner = open_vault(folder / "keys.vault").accounts[0].address
        self.broker = folder.parent / "broker.json"
        self.broker.write_bytes(msgspec.json.encode(broker_profile.show(found.profile)))

    async def __call__(self, *arguments: str, code: int = 0) -> Any:
        def run() -> Any:
            environment = {"CHANNEL_WALLET_PASSWORD": WORD, "CHANNEL_WALLET_WATCH_PASSWORD": "another"}
            typed = [*arguments, "--profile", str(self.folder), "--json"]
            result = CliRunner().invoke(main, typed, env=environment)
            assert result.exit_code == code, (arguments, result.output, result.exception)
            return json.loads(result.stdout.splitlines()[0])

        return await asyncio.to_thread(run)

    async def balance(self, address: bytes) -> int:
        async with Rpc(self.found.chain.url) as rpc:
            return await rpc.balance(address)


def run(path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[Typed], Awaitable[None]]) -> None:
    start = Devnet.start

    async def with_a_clock(*arguments: Any, **options: Any) -> Devnet:
        return await start(*arguments, **{**options, "allow_time_travel": True})

    monkeypatch.setattr(Devnet, "start", with_a_clock)

    async def main() -> None:
        async with sandbox(path / "box") as found:
            typed = Typed(path / "profile", found)
            await typed("broker", "add", str(typed.broker))
            await typed("faucet", "--broker", str(typed.broker))
            await work(typed)

    asyncio.run(main())


def test_own_nodes_are_kept_once_they_showed_chain_and_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def honest(_method: str, _params: list[Any], true: Any) -> Any:
        return true

    def other(method: str, _: list[Any], true: Any) -> Any:
        return "0x6001" if method == "eth_getCode" else true

    async def work(typed: Typed) -> None:
        box = Rpc(typed.found.chain.url).node
        async with liar(typed.found.chain.url, honest) as good, liar(typed.found.chain.url, other) as bad:
            assert (await typed("nodes", "add", bad, code=1))["error"] == "CHAIN_WRONG_CODE"
            assert (await typed("nodes", "add", "http://example.org", code=1))["error"] == "RPC_URL"
            assert (await typed("nodes", "add", good))["chain"] == typed.found.profile.chain_id
            listed = (await typed("nodes", "list"))["nodes"]
            assert [(row["node"], row["own"]) for row in listed] == [(good, True), (box, False)]
            assert (typed.folder / "nodes.json").stat().st_mode & 0o077 == 0
            checked = await typed("nodes", "check")
            assert [row["problem"] for row in checked["nodes"]] == ["", ""]
            assert checked["alarms"] == []
            (typed.folder / "nodes.json").write_text((typed.folder / "nodes.json").read_text().replace(good, bad))
            checked = await typed("nodes", "check", code=1)
            assert checked["alarms"] == ["CHAIN_WRONG_CODE"]
            assert [bool(row["problem"]) for row in checked["nodes"]] == [True, False]
            await typed("nodes", "remove", bad)
            assert (await typed("nodes", "remove", bad, code=1))["error"] == "NODES_UNKNOWN"
            assert [row["own"] for row in (await typed("nodes", "list"))["nodes"]] == [False]
            (typed.folder / "nodes.json").write_text('[{"chain":1}]')
            assert (await typed("nodes", "list", code=1))["error"] == "NODES_FILE"

    run(tmp_path, monkeypatch, work)


def test_the_gas_key_is_shown_funded_and_swept_to_the_last_wei(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(typed: Typed) -> None:
        vault = open_vault(typed.folder / "keys.vault").unlock(Secret(WORD))
        gas, owner = vault.gas_key().address, vault.accounts[0].address
        shown = await typed("gas", "show")
        assert (shown["address"], shown["wei"], shown["answers"]) == ("0x" + gas.hex(), "0", 0)
        assert int(shown["lackingWei"]) > 0
        given = int((await typed("gas", "fund"))["wei"])
        assert given == await typed.balance(gas) > 0
        assert (await typed("gas", "fund"))["wei"] == "0"
        assert (await typed("gas", "show"))["answers"] >= 2
        await typed("channel", "open", "--broker", str(typed.broker), "--allocate", "ETH=1")
        assert (await typed("gas", "sweep", code=1))["error"] == "GAS_IN_USE"
        had = await typed.balance(owner)
        arrived = int((await typed("gas", "sweep", "--anyway"))["wei"])
        assert await typed.balance(owner) == had + arrived
        assert await typed.balance(gas) == 0
        assert given // 2 < arrived < given
        assert (await typed("gas", "sweep", "--anyway", code=1))["error"] == "TX_NO_GAS"

    run(tmp_path, monkeypatch, work)


@pytest.mark.slow
def test_leaving_as_typed_with_the_broker_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.app.account.ONLINE_WAIT", 0.5)

    async def work(typed: Typed) -> None:
        opened = await typed("channel", "open", "--broker", str(typed.broker), "--allocate", "ETH=1")
        await typed.found.broker.stop()
        await typed("channel", "finalize", "--exit-after", "2h", code=1)  # the broker does not answer
        refused = await typed("order", "buy", "ETH/USDT", "1", "--limit", "3000", code=1)
        assert refused["error"] == "CHANNEL_LEAVING"
        await typed("channel", "stay")
        plan = await typed("channel", "exit", "--dry-run")
        assert plan["pays"]["ETH"] == "1"
        assert [row["step"] for row in plan["steps"]] == ["STEP-CHALLENGE", "STEP-SETTLE", "STEP-WITHDRAW"]
        assert int(plan["wei"]) == sum(int(row["wei"]) for row in plan["steps"]) > 0
        assert plan["challengePeriod"] == dict(typed.found.profile.offer.rules)["challenge_period"]
        async with Rpc(typed.found.chain.url) as rpc:
            contract = Adjudicator(rpc, typed.found.profile.chain_id, typed.found.profile.adjudicator)
            channel = bytes.fromhex(opened["channel"][2:])
            assert (await contract.channel(channel)).status is Status.OPEN  # it was only said
            until = (await typed("channel", "exit", "--yes"))["deadline"]
            found = await contract.channel(channel)
            assert (found.status, found.deadline) == (Status.DISPUTED, until)
        refused = await typed("order", "buy", "ETH/USDT", "1", "--limit", "3000", code=1)
        assert refused["error"] == "CHANNEL_DISPUTED"

        # another machine, with the package alone
        package = typed.folder.parent / "channels.watch"
        await typed("watch", "export", str(package))
        async with Rpc(typed.found.chain.url) as rpc:
            await rpc.request("evm_increaseTime", plan["challengePeriod"] + 1)
            await rpc.request("evm_mine")
        had = await typed.balance(typed.owner)
        elsewhere = Typed(typed.folder.parent / "elsewhere", typed.found)
        did = [(await elsewhere("watch", "run", str(package), "--once"))["did"] for _ in range(2)]
        assert did == ["settle", "pay out"]
        assert await typed.balance(typed.owner) == had + ETH

    run(tmp_path, monkeypatch, work)
