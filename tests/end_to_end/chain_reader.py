"""Reads an account's coins from a chain by plain JSON-RPC. Imports nothing of the wallet: it is the outside witness."""

import json
import sys
import urllib.request


def ask(url: str, method: str, *params: object) -> str:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        answer = json.load(reply)
    if "error" in answer:
        raise SystemExit(f"{method}: {answer['error']}")
    return str(answer["result"])


def holdings(url: str, account: str, tokens: list[str]) -> dict[str, int]:
    """Base units by token address; the zero address is the chain's own currency."""
    found = {}
    for token in tokens:
        if int(token, 16) == 0:
            found[token] = int(ask(url, "eth_getBalance", account, "latest"), 16)
        else:
            data = "0x70a08231" + account[2:].rjust(64, "0")
            found[token] = int(ask(url, "eth_call", {"to": token, "data": data}, "latest"), 16)
    return found


if __name__ == "__main__":
    print(json.dumps(holdings(sys.argv[1], sys.argv[2], sys.argv[3:])))
