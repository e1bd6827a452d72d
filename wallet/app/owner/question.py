"""What the window asks when another program of its user's wants to act: made from the very call, not from its words."""

from __future__ import annotations

from typing import Any

from wallet.app import clear
from wallet.app.choice import short
from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, MarketInfo, Phase
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain


def question(name: str, arguments: dict[str, Any], view: AppView) -> str:
    """One sentence, in which every amount is what will be signed; ``view`` is of the channel or broker concerned."""
    params: dict[str, object] = {key: _word(value) for key, value in arguments.items()}
    if name == "place_order":
        market = next((row for row in view.markets if row.name == arguments["market"]), None)
        params |= _order(market, arguments) if market else {}
    elif name == "add_trigger":
        market = next((row for row in view.markets if row.name == arguments["market"]), None)
        params |= _order(market, {"price": arguments["at"], **arguments}) if market else {}
        params["kind"] = sentence("KIND-" + str(arguments["kind"]).upper().replace("_", "-"))
    elif name == "amend_order":
        held = view.channel.orders if view.channel else ()
        order = next((row for row in held if row.id == arguments["order"]), None)
        market = next((row for row in view.markets if order is not None and row.name == order.market), None)
        params |= _order(market, {"side": "", **arguments}) if market else {}
    elif name == "open_channel":
        infos = {info.address: info for info in view.assets}
        amounts = [
            f"{format_amount(amount, infos[asset].decimals)} {infos[asset].symbol}" if asset in infos else _word(asset)
            for asset, amount in arguments["allocations"]
        ]
        params["amounts"] = ", ".join(amounts)
    elif name == "finalize":
        seconds = arguments.get("exit_after", 0)
        params["alone"] = sentence("ASK-FINALIZE-ALONE", {"seconds": seconds}) if seconds else ""
    elif name == "send_prepared":
        params["what"] = clear.one_line(arguments["unsigned"], arguments["sender"], {a.address: a for a in view.assets})
    params["broker"] = view.connection.broker_name
    params["channel"] = short(view.channel.id) if view.channel else "–"
    return sentence("ASK-" + name.upper().replace("_", "-"), params)


def refusal(name: str, view: AppView) -> WalletError | None:
    """What can't be done at all is not asked about: a yes would be answered with a no."""
    channel = view.channel
    if name == "place_order" and channel is not None and channel.phase is not Phase.OPEN:
        if channel.phase is Phase.DISPUTED:
            return WalletError("CHANNEL_DISPUTED")
        if channel.exit_at:
            return WalletError("CHANNEL_LEAVING", until=channel.exit_at)
        return WalletError("CHANNEL_NOT_OPEN", phase=channel.phase.value)
    return None


def _order(market: MarketInfo, arguments: dict[str, Any]) -> dict[str, object]:
    price = arguments["price"] * 10**market.base.decimals // market.unit
    return {
        "side": str(arguments["side"]).capitalize(),
        "amount": f"{format_amount(arguments['amount'], market.base.decimals)} {market.base.symbol}",
        "price": f"{format_amount(price, market.quote.decimals)} {market.quote.symbol}",
    }


def _word(value: object) -> str:
    return plain("0x" + value.hex() if isinstance(value, bytes) else str(value), 100)
