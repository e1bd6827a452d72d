"""ERC-20 tokens: anybody's code, asked little and believed less. Source: EIP-20; threat model "token metadata"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wallet.chain.abi import Function
from wallet.chain.calls import ERC20_ALLOWANCE, ERC20_BALANCE, ERC20_DECIMALS, ERC20_SYMBOL, approve, transfer
from wallet.chain.rpc import Rpc
from wallet.chain.tx import Sender
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE

MAX_DECIMALS = 36
MAX_SYMBOL = 12


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a token says of itself; the symbol is no proof of anything."""

    symbol: str
    decimals: int


async def balance(rpc: Rpc, asset: bytes, owner: bytes) -> int:
    """Base units that ``owner`` holds; the native currency is an asset like the others."""
    if asset == NATIVE:
        return await rpc.balance(owner)
    return int(await _ask(rpc, asset, ERC20_BALANCE, owner))


async def allowance(rpc: Rpc, token: bytes, owner: bytes, spender: bytes) -> int:
    return int(await _ask(rpc, token, ERC20_ALLOWANCE, owner, spender))


async def metadata(rpc: Rpc, token: bytes) -> Metadata:
    """Raises WalletError("TOKEN_METADATA") for decimals above 36 or a symbol not of 1 to 12 printable ASCII letters."""
    decimals = int(await _ask(rpc, token, ERC20_DECIMALS))
    if decimals > MAX_DECIMALS:
        raise WalletError("TOKEN_METADATA", token="0x" + token.hex(), field="decimals", got=decimals)
    symbol = str(await _ask(rpc, token, ERC20_SYMBOL))
    if not 1 <= len(symbol) <= MAX_SYMBOL or not all("!" <= letter <= "~" for letter in symbol):
        raise WalletError("TOKEN_METADATA", token="0x" + token.hex(), field="symbol", got=repr(symbol[:40]))
    return Metadata(symbol, decimals)


async def approve_exactly(sender: Sender, rpc: Rpc, token: bytes, spender: bytes, amount: int) -> None:
    """Lets ``spender`` take exactly ``amount``: a contract that is one day broken can then take no more.

    What is left of an older approval is cleared first, for some tokens refuse to change one that is not zero.
    """
    current = await allowance(rpc, token, sender.address, spender)
    if current == amount:
        return
    if current > 0:
        await sender.execute(approve(token, spender, 0))
    if amount > 0:
        await sender.execute(approve(token, spender, amount))


async def check_transfer(rpc: Rpc, token: bytes, sender: bytes, to: bytes, amount: int) -> None:
    """That the transfer would do what it says, as far as a trial can tell.

    A token that answers nothing (as USDT does) has transferred; one that answers false has not, and does not revert.
    Raises WalletError("TOKEN_REFUSES" | "TOKEN_GONE" | "RPC_REVERTED").
    """
    found = await rpc.call(token, transfer(token, to, amount).data, sender)
    if not found:
        if not await rpc.code(token):
            raise WalletError("TOKEN_GONE", token="0x" + token.hex())
        return
    if len(found) != 32 or int.from_bytes(found, "big") != 1:
        raise WalletError("TOKEN_REFUSES", token="0x" + token.hex())


async def _ask(rpc: Rpc, token: bytes, function: Function, *arguments: object) -> Any:
    (value,) = function.decode_result(await rpc.call(token, function.encode(*arguments)))
    return value
