"""``channel-wallet broker flags``: what traders signed and may not have, shown, proved, and decided."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wallet.cli.brokers import broker
from wallet.cli.operating import config_option
from wallet.cli.output import Context, operator_command, show_time
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wallet.broker.flags import Flags
    from wallet.broker.settings import Settings
    from wallet.history.journal import ChannelRecord, FlagRecord
    from wallet.history.reader import HistoryReader

flag_argument = click.argument("flag", type=click.IntRange(min=1))


@broker.group("flags")
def flags() -> None:
    """Show and decide what traders signed and may not have. A flagged channel signs nothing until it is decided."""


@flags.command("list")
@click.option("--all", "everything", is_flag=True, help="The decided ones, too.")
@config_option
@operator_command
def flags_list(out: Context, everything: bool, config: Path) -> None:
    """Show the flags: the rule, what was expected, what came, and what it would have cost."""
    from wallet.broker.settings import read_settings

    settings = read_settings(config)
    with contextlib.closing(_ledger(settings)) as ledger:
        records = {row.id: row for row in ledger.channels()}
        rows = [_row(flag, records[flag.channel]) for flag in ledger.flags() if everything or not flag.resolved]
    out.show({"flags": rows}, "\n".join(_text(row, settings) for row in rows) or "No flags.")


@flags.command("evidence")
@flag_argument
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@operator_command
def flags_evidence(out: Context, flag: int, file: Path, config: Path) -> None:
    """Write the evidence of a flag as a file that anyone can check (evidence verify)."""
    from wallet.app.evidence import save
    from wallet.broker.settings import read_settings

    with contextlib.closing(_ledger(read_settings(config))) as ledger:
        save(ledger, flag, file)
    out.show({"flag": flag, "file": str(file)}, f"Evidence of flag {flag} written to {file}")


@flags.command("refuse")
@flag_argument
@config_option
@operator_command
def flags_refuse(out: Context, flag: int, config: Path) -> None:
    """Refuse the flagged state, if it can still be answered, and go on with the channel."""
    answer = _ask(config, "refuse-flag", flag)
    what = "It was evidence only." if answer["void"] is None else f"State {answer['void']} answers it."
    more = f" {answer['left']} more to decide." if answer["left"] else " The channel goes on."
    out.show(answer, what + more)


@flags.command("dispute")
@flag_argument
@config_option
@operator_command
def flags_dispute(out: Context, flag: int, config: Path) -> None:
    """Take the flagged channel to the chain with its best state. The broker settles it when the period is over."""
    answer = _ask(config, "dispute-flag", flag)
    out.show(answer, f"The dispute is begun with state {answer['increment']}.")


def answers(made: Flags) -> Mapping[str, Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]]:
    """What the running broker answers to these commands, by the question."""

    async def refuse(question: Mapping[str, Any]) -> dict[str, Any]:
        decided = made.refuse(_number(question))
        return {
            "flag": decided.flag,
            "channel": "0x" + decided.channel.hex(),
            "void": decided.void,
            "left": decided.left,
        }

    async def dispute(question: Mapping[str, Any]) -> dict[str, Any]:
        flag = _number(question)
        return {"flag": flag, "increment": await made.dispute(flag)}

    return {"refuse-flag": refuse, "dispute-flag": dispute}


def _number(question: Mapping[str, Any]) -> int:
    flag = question.get("flag")
    if type(flag) is not int:
        raise WalletError("FLAG_UNKNOWN", flag=str(flag)[:40])
    return flag


def _ask(config: Path, question: str, flag: int) -> dict[str, Any]:
    from wallet.broker.settings import read_settings
    from wallet.cli.office import ask

    settings = read_settings(config)
    try:
        return ask(settings.folder, question, flag=flag)
    except WalletError as error:
        if error.code != "OWNER_GONE":
            raise
        raise WalletError("OPERATOR_NOT_RUNNING", folder=str(settings.folder)) from error


def _ledger(settings: Settings) -> HistoryReader:
    """To read only: it may be the running broker's."""
    from wallet.broker.running import LEDGER
    from wallet.history.reader import HistoryReader

    path = settings.folder / LEDGER
    if not path.is_file():
        raise WalletError("OPERATOR_AWAY", folder=str(settings.folder))
    return HistoryReader(path)


def _row(flag: FlagRecord, record: ChannelRecord) -> dict[str, Any]:
    return {
        "number": flag.id,
        "channel": "0x" + flag.channel.hex(),
        "trader": "0x" + record.terms.trader.hex(),
        "increment": flag.increment,
        "lastGood": flag.last_good,
        "rule": flag.flag.code,
        "expected": flag.flag.expected,
        "got": flag.flag.got,
        "cost": [["0x" + asset.hex(), str(amount)] for asset, amount in flag.flag.cost],
        "digest": "0x" + flag.digest.hex(),
        "time": flag.time,
        "resolved": flag.resolved,
    }


def _text(row: Mapping[str, Any], settings: Settings) -> str:
    from wallet.app.messages import sentence
    from wallet.protocol.amounts import format_amount

    known = {"0x" + one.token.address.hex(): one.token for one in settings.stock}
    cost = [
        f"{format_amount(int(amount), known[asset].decimals)} {known[asset].symbol}" if asset in known else amount
        for asset, amount in row["cost"]
    ]
    return (
        f"#{row['number']} state {row['increment']} of {row['channel'][:10]}, trader {row['trader']}, "
        f"{show_time(row['time'])}\n  {row['rule']}: {sentence(row['rule'])}\n"
        f"  Expected {row['expected']}, got {row['got']}."
        + (f" It would have cost {', '.join(cost)}." if cost else "")
        + (" Decided." if row["resolved"] else "")
    )
