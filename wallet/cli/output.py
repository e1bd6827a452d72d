"""What every command shares: the profile, the password, one JSON object or plain lines, one sentence for a refusal."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wallet.protocol.amounts import format_amount, parse_decimal
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.account import Account
    from wallet.app.service import Service
    from wallet.app.snapshots import MarketInfo, OrderView
    from wallet.keys.secret import Secret
    from wallet.session.broker_profile import BrokerProfile

F = TypeVar("F", bound=Callable[..., Any])
ONLINE_WITHIN = 10.0
_ORDER_ID = re.compile(r"0x[0-9a-f]{64}", re.ASCII)


def wallet_command(command: F) -> F:
    """Gives a command ``--profile`` and ``--json``, and turns every WalletError into its sentence and exit code 1."""

    @click.option(
        "--profile",
        type=click.Path(path_type=Path, file_okay=False),
        help="The profile's directory; else the one of the window.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @functools.wraps(command)
    def wrapped(profile: Path | None, as_json: bool, **arguments: Any) -> None:
        out = Context(profile, as_json=as_json)
        try:
            command(out, **arguments)
        except WalletError as error:
            out.refuse(error)
        except KeyboardInterrupt:
            out.refuse(WalletError("CANCELLED"))

    return wrapped  # type: ignore[return-value] # click needs a function with other parameters


class Context:
    """One invocation: where the profile is and how to print."""

    def __init__(self, profile: Path | None, *, as_json: bool) -> None:
        self.profile = profile
        self.as_json = as_json

    # --- printing ---

    def show(self, value: Mapping[str, Any], text: str) -> None:
        click.echo(json.dumps(value) if self.as_json else text)

    def refuse(self, error: WalletError) -> None:
        from wallet.app.messages import explain

        text = explain(error)
        if self.as_json:
            click.echo(json.dumps({"error": error.code, "message": text}))
        click.echo(text, err=True)
        sys.exit(1)

    # --- profile and password ---

    def profile_path(self) -> Path:
        if self.profile is not None:
            return self.profile
        from wallet.app.profile import default_path

        return default_path()

    def password(self, *, new: bool = False) -> Secret:
        from wallet.keys.secret import Secret

        given = os.environ.get("CHANNEL_WALLET_PASSWORD")
        if given is None:
            given = click.prompt("Password", hide_input=True, confirmation_prompt=new, err=True)
        return Secret(given)

    def create_vault(self, phrase: Secret) -> str:
        """Makes profile and key file; the address."""
        from wallet.app.profile import Profile
        from wallet.keys.vault import create_vault

        password = self.password(new=True)
        profile = Profile(self.profile_path())
        try:
            vault = create_vault(profile.vault, phrase, password)
            return "0x" + vault.accounts[0].address.hex()
        finally:
            profile.close()

    @contextmanager
    def service(self, broker: Path | None = None, *, online: bool = False, chain: bool = False) -> Iterator[Service]:
        """The application, running while the command does; with ``online`` or ``chain``, once those answer."""
        from wallet.app.logs import start_logging
        from wallet.app.profile import Profile
        from wallet.app.service import Service
        from wallet.session.broker_profile import load

        found = load(broker) if broker is not None else None
        if not (self.profile_path() / "keys.vault").exists():
            raise WalletError("KEYS_NOT_FOUND", path=str(self.profile_path()))
        profile = Profile(self.profile_path())
        try:
            start_logging(profile.logs)
            service = Service(profile, self.password(), found)
        except BaseException:
            profile.close()
            raise
        try:
            if online or broker is not None:
                service.run(lambda account: account.online(ONLINE_WITHIN)).result()
            elif chain:
                service.run(lambda account: account.chain.ready(ONLINE_WITHIN)).result()
            yield service
        finally:
            service.close()

    # --- amounts ---

    def read_allocations(self, broker: BrokerProfile, texts: Sequence[str]) -> list[tuple[bytes, int]]:
        """Base units per asset from ``SYMBOL=AMOUNT``."""
        symbols = {token.symbol: token for token in broker.tokens}
        wanted: dict[bytes, int] = {}
        for text in texts:
            symbol, sign, amount = text.partition("=")
            if not sign:
                raise click.UsageError(f"--allocate takes SYMBOL=AMOUNT, not {text!r}.")
            token = symbols.get(symbol)
            if token is None:
                raise WalletError("ASSET_UNKNOWN", asset=symbol, known=", ".join(symbols))
            wanted[token.address] = parse_decimal(amount, token.decimals)
        return list(wanted.items())

    def amounts(self, service: Service, values: Mapping[bytes, int]) -> dict[str, str]:
        """Decimal amounts by symbol."""

        async def show(account: Account) -> dict[str, str]:
            infos = {asset: account.names.asset(asset) for asset in values}
            return {info.symbol: format_amount(values[asset], info.decimals) for asset, info in infos.items()}

        return service.run(show).result()

    def wallet_rows(self, service: Service) -> dict[str, str]:
        async def holdings(account: Account) -> dict[bytes, int]:
            await account.chain.refresh()
            return dict(account.chain.holdings.wallet)

        return self.amounts(service, service.run(holdings).result())

    # --- orders ---

    def place(self, service: Service, side: str, market: str, amount: str, limit: str, kind: str) -> bytes:
        """Parses by the market's own decimals, then sends; the order's id."""

        async def place(account: Account) -> bytes:
            info = account.market(market)
            # a price is quote base units per `unit` of base: a decimal price counts quote per one whole base
            price = parse_decimal(limit, info.quote.decimals)
            scaled = price * info.unit
            whole = 10**info.base.decimals
            if scaled % whole:
                raise WalletError("ORD-TICK", expected=info.tick_size, got=limit)
            units = parse_decimal(amount, info.base.decimals)
            return await account.place_order(market, side, scaled // whole, units, kind)

        return service.run(place).result()

    def show_order(self, service: Service, order_id: bytes, wait: float) -> None:
        """Waits until a state has opened the order (an IOC: until it is gone), and shows what became of it."""

        async def look(account: Account) -> OrderView:
            return account.order_view(order_id)

        deadline = time.monotonic() + wait
        while True:
            view = service.run(look).result()
            done = view.status.value in ("open", "filled", "cancelled", "rejected")
            if view.time_in_force == "immediate_or_cancel" and view.status.value == "open":
                done = False
            if done or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        row = self._order_row(service, view)
        self.show(row, f"{row['id']}  {row['status']}  filled {row['filled']} of {row['amount']}, limit {row['price']}")

    def _order_row(self, service: Service, view: OrderView) -> dict[str, Any]:
        async def market(account: Account) -> MarketInfo:
            return account.market(view.market)

        return order_row(view, service.run(market).result())

    def cancel(self, service: Service, which: str) -> int:
        if which == "all":
            count = service.cancel_all().result()
        elif _ORDER_ID.fullmatch(which):
            service.cancel_order(bytes.fromhex(which[2:])).result()
            count = 1
        else:
            raise click.UsageError("An order's id is 0x and 64 hex digits; or say all.")
        wanted = bytes.fromhex(which[2:]) if which != "all" else None
        service.run(lambda account: account.until_gone(wanted, 10.0)).result()
        return count

    def show_channel(self, service: Service, text: str) -> None:
        self.show(service.run(_stored).result(), text)

    # --- from the history, without a password ---

    def show_stored_channel(self) -> None:
        from wallet.app.records import Stored

        value = Stored(self.profile_path()).channel()
        lines = [f"channel {value['channel']}  {value['status']}  state {value['increment']}"]
        lines += [
            f"{row['asset']}: available {row['available']}, locked {row['locked']}, outcome {row['outcome']}"
            for row in value["balances"]
        ]
        self.show(value, "\n".join(lines))

    def show_stored_orders(self) -> None:
        from wallet.app.records import Stored

        rows = Stored(self.profile_path()).orders()
        text = "\n".join(
            f"{row['id']}  {row['side']} {row['amount']} {row['market']} at {row['price']}, filled {row['filled']}"
            for row in rows
        )
        self.show({"orders": rows}, text or "No open orders.")

    def show_history(self, limit: int, before: int | None) -> None:
        from wallet.app.records import Stored

        rows = Stored(self.profile_path()).history(limit, before)
        text = "\n".join(
            f"{row['increment']:>8}  {row['transition']:<13} {row['issuer']:<7} {row['status']:<10} {row['digest']}"
            + (f"  by {row['impliedBy']}" if row["impliedBy"] is not None else "")
            for row in rows
        )
        self.show({"states": rows}, text or "No states yet.")

    def verify_history(self) -> int:
        from wallet.app.records import Stored

        return Stored(self.profile_path()).verify()

    def export_history(self, file: Path) -> int:
        from wallet.app.records import Stored

        return Stored(self.profile_path()).export(file)

    def back_up_history(self, file: Path) -> int:
        from wallet.app.records import Stored

        return Stored(self.profile_path()).back_up(file)

    def export_proof(self, file: Path, increment: int | None) -> int:
        from wallet.app.records import Stored

        return Stored(self.profile_path()).export_proof(file, increment)

    def verify_proof(self, file: Path) -> None:
        from wallet.app.proofs import describe, load

        value, text = describe(load(file))
        self.show(value, text)

    def export_evidence(self, flag: int, file: Path) -> None:
        from wallet.app.records import Stored

        Stored(self.profile_path()).export_evidence(file, flag)

    def verify_evidence(self, file: Path) -> None:
        from wallet.app.evidence import describe, load

        value, text = describe(load(file))
        self.show(value, text)

    def submit_proof(self, service: Service, file: Path) -> None:
        from wallet.app.proofs import load, submit

        proof = load(file)
        sent = service.run(lambda account: submit(account, proof)).result()
        self.show(sent, f"{sent['sent']} is mined in {sent['transaction']}. {sent['next']}")

    def show_flags(self) -> None:
        from wallet.app.messages import sentence
        from wallet.app.records import Stored

        rows = Stored(self.profile_path()).flags()
        text = "\n".join(
            f"#{row['id']} state {row['increment']} {row['code']}: {sentence(row['code'])}"
            f" Expected {row['expected']}, got {row['got']}." + (" Resolved." if row["resolved"] else "")
            for row in rows
        )
        self.show({"flags": rows}, text or "No flags.")


def order_row(view: OrderView, market: MarketInfo) -> dict[str, Any]:
    """An order as JSON: decimal strings, as a person would write them."""
    price = view.price * 10**market.base.decimals
    return {
        "id": "0x" + view.id.hex(),
        "market": view.market,
        "side": view.side,
        "price": format_amount(price // market.unit, market.quote.decimals),
        "amount": format_amount(view.amount, market.base.decimals),
        "filled": format_amount(view.filled, market.base.decimals),
        "timeInForce": view.time_in_force,
        "status": view.status.value,
        "reason": view.reason,
    }


async def _stored(account: Account) -> dict[str, Any]:
    from wallet.app.records import channel_row

    if account.channel is None:
        raise WalletError("NO_CHANNEL")
    return channel_row(account.journal, account.names, account.channel.record)
