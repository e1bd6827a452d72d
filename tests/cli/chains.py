"""What a test asks of anvil beside what any chain does. Imports nothing of the wallet."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any


def call(url: str, method: str, *params: object) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        answer = json.load(reply)
    assert "error" not in answer, answer
    return answer["result"]


def ready(url: str) -> None:
    """Waits until it answers."""
    for _ in range(600):
        try:
            call(url, "eth_chainId")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("anvil does not answer")


def rich(url: str, account: bytes, wei: int) -> None:
    call(url, "anvil_setBalance", "0x" + account.hex(), hex(wei))


def travel(url: str, seconds: int) -> None:
    """Lets time pass on the chain."""
    call(url, "evm_increaseTime", seconds)
    call(url, "evm_mine")


def mined(url: str, transaction: dict[str, str]) -> dict[str, Any]:
    """Sends it from the first of anvil's own accounts, waits; the receipt."""
    account = call(url, "eth_accounts")[0]
    sent = call(url, "eth_sendTransaction", {"from": account, **transaction})
    for _ in range(600):
        receipt: dict[str, Any] | None = call(url, "eth_getTransactionReceipt", sent)
        if receipt is not None:
            assert receipt["status"] == "0x1", receipt
            return receipt
        time.sleep(0.05)
    raise AssertionError("anvil mines nothing")
