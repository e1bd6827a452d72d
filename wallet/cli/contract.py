"""``channel-wallet contract``: put the adjudicator on a chain, and see whether one that stands there is ours."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wallet.cli.operating import extras, key_password, password_option
from wallet.cli.output import Context, operator_command

if TYPE_CHECKING:
    from wallet.chain.deploy import Found

WITHIN = 900.0  # seconds for all confirmations
ETHER = 10**18

_rpc = click.option(
    "--rpc", "url", required=True, metavar="URL", help="A node of the chain: https://, or this computer."
)
_chain = click.option(
    "--chain-id", type=click.IntRange(min=1), metavar="N", help="Refuse any other chain than this one."
)


@click.group()
def contract() -> None:
    """Deploy the adjudicator on a chain, or check the one that is there. It has no owner: whoever pays may do it."""


@contract.command("deploy")
@_rpc
@_chain
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The key file that pays; it has no power over the contract.",
)
@click.option("--confirmations", type=click.IntRange(1, 1_000), default=3, show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
@password_option
@operator_command
def contract_deploy(
    out: Context,
    url: str,
    chain_id: int | None,
    key: Path,
    confirmations: int,
    yes: bool,
    password_fd: int | None,
) -> None:
    """Put the adjudicator of this release on a chain and wait until it stands there."""
    from wallet.chain import deploy
    from wallet.chain.rpc import Rpc
    from wallet.keys.keystore import open_keystore
    from wallet.keys.signer import AccountSigner

    account = AccountSigner(open_keystore(key, key_password(password_fd)))

    async def work() -> dict[str, Any]:
        async with Rpc(url) as rpc:
            found = await _chain_id(rpc, chain_id)
            sender = deploy.deployer(rpc, found, account)
            quote = await deploy.quote(sender)
            text = f"Chain {found}: at most {quote.gas_limit} gas, {quote.max_cost / ETHER:.6f} coins, paid by"
            click.echo(f"{text} 0x{account.address.hex()}", err=True)
            if not yes:
                click.confirm("Deploy?", abort=True, err=True)
            made = await deploy.deploy(rpc, sender, confirmations=confirmations, within=WITHIN)
        return {
            "address": "0x" + made.address.hex(),
            "chainId": found,
            "codeHash": "0x" + _code_hash().hex(),
            "transaction": "0x" + made.transaction.hex(),
            "block": made.block,
            "gas": made.gas,
            "cost": str(made.cost),
        }

    row = asyncio.run(work())
    out.show(
        row,
        f"contract {row['address']} on chain {row['chainId']}\ncode hash {row['codeHash']}\n"
        f"gas {row['gas']}, {_coins(row['cost'])} coins, block {row['block']}, {confirmations} confirmations\n"
        f"transaction {row['transaction']}",
    )


@contract.command("check")
@click.argument("address")
@_rpc
@_chain
@operator_command
def contract_check(out: Context, address: str, url: str, chain_id: int | None) -> None:
    """Say what stands at ADDRESS: the adjudicator of this release, something else, or nothing. Exit code 0 or 1."""
    from wallet.chain import deploy
    from wallet.chain.rpc import Rpc
    from wallet.protocol.codec import read_hex

    wanted = read_hex(address.lower(), 20, "address")

    async def look() -> Found:
        async with Rpc(url) as rpc:
            await _chain_id(rpc, chain_id)
            return await deploy.inspect(rpc, wanted)

    found = asyncio.run(look())
    expected = "0x" + _code_hash().hex()
    row = {
        "address": "0x" + wanted.hex(),
        "chainId": found.chain_id,
        "codeHash": "0x" + found.code_hash.hex() if found.code_hash else None,
        "expected": expected,
        "ours": found.ours,
    }
    out.show(row, _verdict(found, row["address"], expected))
    sys.exit(0 if found.ours else 1)


@contract.command("test-coins")
@click.argument("accounts", nargs=-1, metavar="[ADDRESS]...")
@_rpc
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where the tokens' addresses are remembered.",
)
@operator_command
def contract_test_coins(out: Context, accounts: tuple[str, ...], url: str, folder: Path) -> None:
    """Make test tokens on a development chain such as anvil's, and give 100 ETH, 200,000 USDT, 5 WBTC to accounts."""
    from wallet.protocol.codec import read_hex

    with extras():
        from wallet.sandbox.outside import OutsideChain

    receivers = [read_hex(account.lower(), 20, "address") for account in accounts]

    async def give() -> dict[str, str]:
        chain = await OutsideChain.start(folder, url, consent=False)
        try:
            for receiver in receivers:
                await chain.fund(receiver, native=100 * ETHER, usdt=200_000 * 10**6, wbtc=5 * 10**8)
        finally:
            await chain.stop()
        return {symbol: "0x" + token.address.hex() for symbol, token in chain.tokens.items()}

    row = asyncio.run(give())
    out.show(row, "\n".join(f"{symbol} {address}" for symbol, address in row.items()))


def _verdict(found: Found, address: object, expected: str) -> str:
    if found.ours:
        return f"{address} on chain {found.chain_id} is the adjudicator of this release.\ncode hash {expected}"
    if not found.code_hash:
        return f"{address} on chain {found.chain_id} is no contract: nothing was deployed there. Is it the right chain?"
    return (
        f"{address} on chain {found.chain_id} is another contract: no wallet of this release will use it.\n"
        f"code hash 0x{found.code_hash.hex()}\nexpected  {expected}"
    )


async def _chain_id(rpc: Any, expected: int | None) -> int:
    from wallet.protocol.errors import WalletError

    found = int(await rpc.chain_id())
    if expected is not None and found != expected:
        raise WalletError("CHAIN_WRONG_ID", expected=expected, got=found, node=rpc.node)
    return found


def _code_hash() -> bytes:
    from wallet.chain.artifact import adjudicator

    return adjudicator().code_hash


def _coins(wei: str) -> str:
    """Whole coins of the chain's currency, exact."""
    whole, rest = divmod(int(wei), ETHER)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")
