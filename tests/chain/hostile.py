"""Tokens and recipients that misbehave, compiled when a test needs them."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.chain.evm import Chain, Token
from wallet.chain.abi import Abi, read_abi

# The parts that differ: what a move does before and after, what it returns.
TOKEN = """
# pragma version 0.4.3
# pragma evm-version cancun
balances: HashMap[address, uint256]
target: public(address)
payload: Bytes[4096]
armed: public(bool)
entered: public(bool)

@external
def mint(to: address, amount: uint256):
    self.balances[to] += amount

@external
def approve(spender: address, amount: uint256) -> bool:
    return True

@external
def arm(target: address, payload: Bytes[4096]):
    self.target = target
    self.payload = payload
    self.armed = True

@external
def disarm():
    self.armed = False

@external
def act(target: address, payload: Bytes[4096]):
    raw_call(target, payload)

@external
def rebase(owner: address, amount: uint256):
    self.balances[owner] = amount

@external
@view
def balanceOf(owner: address) -> uint256:
    return {balance}

@internal
def _hook():
    if self.armed:
        self.armed = False
        self.entered = raw_call(self.target, self.payload, revert_on_failure=False)

@internal
def _move(sender: address, to: address, amount: uint256):
    {before}
    self.balances[sender] -= amount
    self.balances[to] += {received}
    {after}

@external
def transfer(to: address, amount: uint256){type}:
    self._move(msg.sender, to, amount)
    {result}

@external
def transferFrom(sender: address, to: address, amount: uint256){type}:
    self._move(sender, to, amount)
    {result}
"""
PLAIN = {
    "balance": "self.balances[owner]",
    "before": "pass",
    "received": "amount",
    "after": "pass",
    "type": " -> bool",
    "result": "return True",
}
TOKENS: dict[str, dict[str, str]] = {
    "plain": {},
    "returns nothing": {"type": "", "result": "pass"},
    "returns false": {"result": "return False"},
    "returns a number": {"type": " -> uint256", "result": "return 2"},
    "charges a fee": {"received": "amount - amount // 100"},
    "brings more": {"received": "amount + 1"},
    "moves nothing": {"received": "0"},
    "reverts": {"before": 'assert not self.armed, "no"'},
    "burns gas": {"before": "if self.armed:\n        for i: uint256 in range(4294967295): pass"},
    "calls before": {"before": "self._hook()"},
    "calls after": {"after": "self._hook()"},
}
RECIPIENT = """
# pragma version 0.4.3
# pragma evm-version cancun
target: address
payload: Bytes[4096]
entered: public(bool)
deaf: public(bool)
greedy: public(bool)

@external
def arm(target: address, payload: Bytes[4096]):
    self.target = target
    self.payload = payload

@external
def behave(deaf: bool, greedy: bool):
    self.deaf = deaf
    self.greedy = greedy

@external
@payable
def act(target: address, payload: Bytes[4096]):
    raw_call(target, payload, value=msg.value)

@external
@payable
def __default__():
    assert not self.deaf
    if self.greedy:
        for i: uint256 in range(4294967295): pass
    if self.target != empty(address):
        target: address = self.target
        self.target = empty(address)
        self.entered = raw_call(target, self.payload, revert_on_failure=False)
"""


@cache
def build(source: str, folder: Path) -> tuple[bytes, Abi]:
    """Creation code and ABI."""
    path = folder / "Hostile.vy"
    path.write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "vyper", "-f", "bytecode,abi", path.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    code, abi = done.stdout.strip().splitlines()
    return bytes.fromhex(code[2:]), read_abi(json.loads(abi))


def hostile_token(chain: Chain, kind: str, folder: Path) -> Token:
    source = TOKEN
    for name, text in (PLAIN | TOKENS[kind]).items():
        source = source.replace("{" + name + "}", text)
    code, abi = build(source, folder)
    return Token(chain, chain.deploy(code), abi)


def recipient(chain: Chain, folder: Path) -> Token:
    """A contract that receives the native currency and does something about it."""
    code, abi = build(RECIPIENT, folder)
    return Token(chain, chain.deploy(code), abi)
