"""``channel-wallet broker init|run|status|withdraw``: a broker of one's own, on a real chain."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wallet.cli.brokers import broker
from wallet.cli.operating import config_option, extras, key_password, password_option
from wallet.cli.output import Context, operator_command, show_time
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.broker.running import Operation
    from wallet.broker.settings import Settings
    from wallet.keys.secret import Secret
    from wallet.keys.signer import AccountSigner

CONFIG, PROFILE = "broker.toml", "broker.json"
KEYS = ("owner", "signer", "gas")


# --- init ---------------------------------------------------------------------------------------------------------


@broker.command("init")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where; else here."
)
@click.option("--rpc", "url", metavar="URL", help="A node of the chain: what it says of the chain is filled in.")
@click.option("--token", metavar="ADDRESS", help="The token that is traded against the chain's own currency.")
@click.option("--contract", metavar="ADDRESS", help="The adjudicator on that chain.")
@password_option
@operator_command
def broker_init(
    out: Context, folder: Path, url: str | None, token: str | None, contract: str | None, password_fd: int | None
) -> None:
    """Make the keys of a broker and a commented file to fill in. Nothing that exists is touched."""
    from wallet.keys.keystore import create_keystore

    config = folder / CONFIG
    for path in (config, *(folder / f"{name}.key" for name in KEYS)):
        if path.exists():
            raise WalletError("SETTINGS_EXISTS", path=str(path))
    text = _example(url, token, contract)
    password = key_password(password_fd, new=True)
    addresses = {name: "0x" + create_keystore(folder / f"{name}.key", password).hex() for name in KEYS}
    _write(config, text)
    row = {"config": str(config), "owner": addresses["owner"], "signer": addresses["signer"], "gas": addresses["gas"]}
    out.show(
        row,
        f"{config} is written: read it, and fill in what is yours.\n"
        f"Owner's account: {row['owner']}. Send it the collateral, and coins for fees.\n"
        f"Signer: {row['signer']}. Gas account: {row['gas']}, provided for by the owner's.\n"
        f"Then: channel-wallet broker run --config {config}",
    )


def _example(url: str | None, token: str | None, contract: str | None) -> str:
    from wallet.protocol.codec import read_hex
    from wallet.resources import resource
    from wallet.session.broker_profile import TEST_CHAINS

    text = resource("broker/broker.toml").read_text(encoding="utf-8")
    chain, symbol, decimals = 0, "USDT", 6
    if token is not None:
        read_hex(token.lower(), 20, "token")
    if contract is not None:
        read_hex(contract.lower(), 20, "contract")
    if url is not None:
        chain, symbol, decimals = asyncio.run(_ask_chain(url, token))
    filled = {
        "CHAIN": str(chain) if chain else "0",
        "RPC": url or "https://node.example",
        "CONTRACT": contract or "",
        "TEST": "true" if chain in TEST_CHAINS else "false",
        "QUOTE": symbol,
        "TOKEN": token or "",
        "DECIMALS": str(decimals),
    }
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text


async def _ask_chain(url: str, token: str | None) -> tuple[int, str, int]:
    """The chain's id; symbol and decimals of the token, else those of an example."""
    from wallet.chain.rpc import Rpc
    from wallet.chain.token import metadata

    async with Rpc(url) as rpc:
        chain = await rpc.chain_id()
        if token is None:
            return chain, "USDT", 6
        found = await metadata(rpc, bytes.fromhex(token[2:]))
        return chain, found.symbol, found.decimals


def _write(path: Path, text: str) -> None:
    from wallet.app.profile import write_file

    write_file(path, text.encode())


# --- run ----------------------------------------------------------------------------------------------------------


@broker.command("run")
@config_option
@password_option
@operator_command
def broker_run(out: Context, config: Path, password_fd: int | None) -> None:
    """Run the broker until SIGINT or SIGTERM; prints one JSON line when traders may come.

    It watches the chain, answers disputes and settles them. The broker profile for traders is written beside the file.
    """
    from wallet.app.logs import start_logging
    from wallet.broker.settings import read_settings

    settings = read_settings(config)
    keys = _open_keys(settings, key_password(password_fd))
    start_logging(settings.folder / "logs")
    asyncio.run(_run(settings, keys))


def _open_keys(settings: Settings, password: Secret) -> dict[str, AccountSigner]:
    from wallet.keys.keystore import open_keystore
    from wallet.keys.signer import AccountSigner

    paths = {"owner": settings.keys.owner, "signer": settings.keys.signer, "gas": settings.keys.gas}
    return {name: AccountSigner(open_keystore(path, password)) for name, path in paths.items()}


async def _run(settings: Settings, keys: dict[str, AccountSigner]) -> None:
    stop = asyncio.Event()
    if sys.platform != "win32":  # there Ctrl-C ends the loop itself
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.create_task(_serve(settings, keys))
    ending = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((work, ending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        ending.cancel()
        work.cancel()
        found = (await asyncio.gather(work, return_exceptions=True))[0]
    if isinstance(found, Exception):
        raise found


async def _serve(settings: Settings, keys: dict[str, AccountSigner]) -> None:
    with extras():
        from wallet.broker.running import operate
    from wallet.cli.broker_flags import answers as flag_answers
    from wallet.cli.office import office

    async with operate(settings, keys["owner"], keys["signer"], keys["gas"]) as found:
        profile = _publish(settings, found)
        async with office(settings.folder, {"status": lambda _: _status(found), **flag_answers(found.broker.flags)}):
            ready = {"profile": str(profile), "broker": found.broker.profile()["url"], "chainId": settings.chain_id}
            click.echo(json.dumps(ready))
            sys.stdout.flush()
            logging.getLogger("wallet.broker").info("the broker runs at %s", ready["broker"])
            await found.broker.stopped.wait()
        raise WalletError("BROKER_HALTED")


async def _status(operation: Operation) -> dict[str, Any]:
    return _explained(await operation.status())


def _publish(settings: Settings, operation: Operation) -> Path:
    """The profile that traders import, which the wallet's own reader has to take. Raises WalletError."""
    from wallet.session.broker_profile import parse

    value = operation.broker.profile()
    parse(value)
    path = settings.path.with_name(PROFILE)
    _write(path, json.dumps(value, indent=2) + "\n")
    return path


# --- status and withdrawals ---------------------------------------------------------------------------------------


@broker.command("status")
@config_option
@operator_command
def broker_status(out: Context, config: Path) -> None:
    """Show channels, exposure, who owes what, disputes and flags: of the running broker, or as he left them."""
    with extras():
        from wallet.broker.running import left
    from wallet.broker.settings import read_settings
    from wallet.cli.office import ask

    settings = read_settings(config)
    try:
        report = ask(settings.folder, "status")
    except WalletError as error:
        if error.code != "OWNER_GONE":
            raise
        try:
            report = _explained(left(settings))
        except WalletError as busy:
            if busy.code != "BROKER_RUNNING":
                raise
            raise WalletError("OPERATOR_BUSY", folder=str(settings.folder)) from busy
    out.show(report, "\n".join(_lines(report)))


def _explained(report: dict[str, Any]) -> dict[str, Any]:
    from wallet.app.messages import sentence

    for alarm in report["alarms"]:
        alarm["message"] = sentence(alarm["code"], alarm.pop("params"))
    return report


def _lines(report: dict[str, Any]) -> list[str]:
    state = "runs" if report["running"] else "does not run: this is what its ledger says"
    lines = [f"{report['name']} on chain {report['chainId']} {state}."]
    lines += [f"⚠ {alarm['message']}" for alarm in report["alarms"]]
    for row in report["exposure"]:
        free = "" if row["free"] is None else f", free {row['free']}"
        lines.append(
            f"{row['asset']}: collateral {row['collateral']} of {row['limit']}{free};"
            f" owed to traders {row['owedToTraders']}, due from them {row['dueFromTraders']}"
        )
    lines += [line for row in report["channels"] for line in _channel_lines(row)]
    lines += [
        f"flag {row['number']}: {row['rule']} at state {row['increment']} of {row['channel'][:10]}"
        for row in report["flags"]
        if not row["resolved"]
    ]
    if report["carriedFills"]:
        lines.append(f"{report['carriedFills']} fills are carried on the broker's own account")
    return lines


def _channel_lines(row: dict[str, Any]) -> list[str]:
    parts = [row["channel"][:10], f"trader {row['trader'][:10]}", row["phase"], f"state {row['increment']}"]
    parts += [f"{row['openOrders']} open orders", "connected" if row["connected"] else "away"]
    parts += [f"{row['signsNext']} signs next"] if row["signsNext"] else []
    parts += [f"{row['unacknowledgedFills']} unacknowledged fills"] if row["unacknowledgedFills"] else []
    lines = ["  ".join(parts)]
    if row["dispute"]:
        left = max(row["dispute"]["deadline"] - int(time.time()), 0)
        until = show_time(row["dispute"]["deadline"])
        lines.append(f"  in dispute at state {row['dispute']['recorded']} until {until}, {left} s from now")
    if row["flag"]:
        lines.append(f"  flagged: {row['flag']}")
    owed = [
        f"{asset['toTrader']} {asset['asset']} to the trader"
        if asset["toTrader"] != "0"
        else f"{asset['toBroker']} {asset['asset']} to the broker"
        for asset in row["assets"]
        if asset["toTrader"] != "0" or asset["toBroker"] != "0"
    ]
    return [*lines, *([f"  owed so far: {', '.join(owed)}"] if owed else [])]


@broker.command("withdraw")
@click.argument("symbol")
@click.argument("amount")
@config_option
@password_option
@operator_command
def broker_withdraw(out: Context, symbol: str, amount: str, config: Path, password_fd: int | None) -> None:
    """Bring AMOUNT (or all) of SYMBOL, free in the contract, to the owner's own account. The broker must not run."""
    with extras():
        from wallet.broker.running import take_home
    from wallet.broker.settings import read_settings
    from wallet.keys.keystore import open_keystore
    from wallet.keys.signer import AccountSigner
    from wallet.protocol.amounts import format_amount, parse_decimal

    settings = read_settings(config)
    token = next((row.token for row in settings.stock if row.token.symbol == symbol), None)
    if token is None:
        raise click.UsageError(f"no asset {symbol}: one of {', '.join(row.token.symbol for row in settings.stock)}")
    wanted = None if amount == "all" else parse_decimal(amount, token.decimals)
    owner = AccountSigner(open_keystore(settings.keys.owner, key_password(password_fd)))
    paid = asyncio.run(take_home(settings, owner, token.address, wanted))
    text = format_amount(paid, token.decimals)
    out.show({"withdrawn": {symbol: text}}, f"withdrawn {symbol} {text} to 0x{owner.address.hex()}")
