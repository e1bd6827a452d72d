"""Accounts, sending, the list of transactions and the address book as typed, against a real chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_leaving_commands import Typed, run
from wallet.chain.rpc import Rpc
from wallet.protocol.addresses import show_address

HIM = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TWIN = "0x5aa0000000000000000000000000000000000aed"


@pytest.mark.slow
def test_the_whole_purse_by_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(typed: Typed) -> None:
        him = bytes.fromhex(HIM[2:])
        (first,) = (await typed("accounts", "list"))["accounts"]
        assert (first["address"], first["path"]) == (show_address(typed.owner), "m/44'/60'/0'/0/0")
        second = (await typed("accounts", "add", "--label", "Savings"))["address"]
        assert (await typed("addresses", "add", "Anna", HIM))["address"] == HIM
        assert (await typed("addresses", "list"))["addresses"] == [{"name": "Anna", "address": HIM}]

        dry = await typed("send", "0.5", "eth", "anna", "--dry-run")
        assert (dry["title"], dry["transaction"]) == ("Send 0.5 ETH", None)
        assert await typed.balance(him) == 0
        sent = await typed("send", "0.5", "eth", "anna", "--speed", "fast")
        assert await typed.balance(him) == 5 * 10**17
        assert (await typed("send", "1", "ETH", TWIN, code=1))["error"] == "TX_WARNED"
        assert await typed.balance(bytes.fromhex(TWIN[2:])) == 0
        assert (await typed("send", "1", "ETH", HIM.replace("5aA", "5Aa"), code=1))["error"] == "ADDRESS_CHECKSUM"
        assert (await typed("send", "1", "DOGE", HIM, code=1))["error"] == "ASSET_NAME"
        short = await typed("send", "1000000", "ETH", HIM, code=1)
        assert short["error"] == "TX_SHORT"
        assert "1000000 ETH is to be sent, and 9" in short["message"]
        await typed("send", "3", "USDT", "Savings")

        real = Rpc.send_raw

        low: set[bytes] = set()
        dropping = [True]

        async def send_raw(self: Rpc, raw: bytes) -> bytes:
            if dropping[0] or raw in low:
                low.add(raw)
                return bytes(32)  # a node that takes it and forgets it: the bid is too low
            return await real(self, raw)

        monkeypatch.setattr(Rpc, "send_raw", send_raw)
        stuck = await typed("send", "0.25", "ETH", "Anna", "--speed", "slow")
        other = await typed("send", "0.125", "ETH", "Anna", "--speed", "slow")
        rows = {row["transaction"]: row for row in (await typed("transactions", "list"))["transactions"]}
        assert [rows[one["transaction"]]["status"] for one in (sent, stuck, other)] == [
            "confirmed",
            "pending",
            "pending",
        ]
        assert rows[sent["transaction"]]["name"] == "Anna"
        await typed("transactions", "speed-up", stuck["transaction"][:12], "--dry-run")
        dropping[0] = False
        quick = await typed("transactions", "speed-up", stuck["transaction"][:12])
        assert quick["title"] == "Send 0.25 ETH"
        gone = await typed("transactions", "cancel", other["transaction"])
        status = {row["transaction"]: row["status"] for row in (await typed("transactions", "list"))["transactions"]}
        assert status[quick["transaction"]] == "confirmed"
        assert status[stuck["transaction"]] == "replaced"
        assert status[gone["transaction"]] == "confirmed"
        assert status[other["transaction"]] == "cancelled"
        assert await typed.balance(him) == 75 * 10**16
        assert (await typed("transactions", "cancel", sent["transaction"], code=1))["error"] == "TX_OVER"
        assert (await typed("transactions", "cancel", "0xffff", code=1))["error"] == "TX_UNKNOWN"

        await typed("accounts", "label", second, "Holiday")
        held: dict[str, Any] = {row["label"]: row for row in (await typed("accounts", "list"))["accounts"]}
        assert held["Holiday"]["holdings"]["USDT"] == "3"
        assert await typed("accounts", "find") == {"new": 0}
        await typed("addresses", "remove", "Anna")
        assert (await typed("addresses", "list"))["addresses"] == []

    run(tmp_path, monkeypatch, work)
