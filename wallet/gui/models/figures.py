"""Numbers, times and names as people read them. Never a float for money, never rounded up."""

from __future__ import annotations

from datetime import UTC, datetime

from wallet.app.snapshots import AssetInfo, MarketInfo
from wallet.protocol.amounts import format_amount, parse_decimal
from wallet.protocol.errors import WalletError

SHOWN_PLACES = 8  # of an asset with more decimals; the exact figure stands in the tool tip
GROUP = "\u202f"
MINUS = "\u2212"
NONE = "\u2013"


def fixed(amount: int, decimals: int, places: int | None = None) -> str:
    """``amount`` base units with exactly ``places`` decimals, floored: never shows more than there is."""
    places = min(decimals, SHOWN_PLACES) if places is None else places
    amount = _rescaled(amount, places - decimals)
    sign, digits = (MINUS, str(-amount)) if amount < 0 else ("", str(amount))
    digits = digits.rjust(places + 1, "0")
    whole, fraction = (digits[:-places], digits[-places:]) if places else (digits, "")
    return sign + f"{int(whole):,}".replace(",", GROUP) + ("." + fraction if places else "")


def _rescaled(amount: int, shift: int) -> int:
    """``amount`` × 10^shift, floored."""
    factor: int = 10 ** abs(shift)
    return amount * factor if shift >= 0 else amount // factor


def compact(text: str) -> str:
    """A fixed figure without the zeros at its end: for narrow columns whose rows are not compared."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def signed(amount: int, decimals: int, places: int | None = None) -> str:
    """The same with its sign shown, also when positive."""
    return ("+" if amount > 0 else "") + fixed(amount, decimals, places)


def asset_amount(asset: AssetInfo, amount: int, places: int | None = None) -> str:
    """``amount`` with its symbol, such as ``1 250.00 USDT``."""
    return f"{fixed(amount, asset.decimals, places)} {asset.symbol}"


def exact(asset: AssetInfo, amount: int) -> str:
    """Every digit, with the symbol."""
    return f"{format_amount(amount, asset.decimals, group=True)} {asset.symbol}"


# --- prices and quantities of a market ----------------------------------------------------------------------------


def price_decimals(market: MarketInfo) -> int:
    """How many decimals a price in quote per whole base has: may be negative for coarse units."""
    return market.quote.decimals + len(str(market.unit)) - 1 - market.base.decimals


def _places(step: int, decimals: int) -> int:
    if decimals <= 0:
        return 0
    shown = format_amount(step, decimals)
    return len(shown.partition(".")[2])


def price_places(market: MarketInfo) -> int:
    return _places(market.tick_size, price_decimals(market))


def amount_places(market: MarketInfo) -> int:
    return _places(market.lot_size, market.base.decimals)


def price_text(market: MarketInfo, price: int) -> str:
    """A price in quote per whole base, with the decimals of a tick: ``3 012.50``."""
    decimals = price_decimals(market)
    if decimals < 0:
        return fixed(_rescaled(price, -decimals), 0, 0)
    return fixed(price, decimals, price_places(market))


def amount_text(market: MarketInfo, amount: int) -> str:
    """A quantity of base, with the decimals of a lot."""
    return fixed(amount, market.base.decimals, amount_places(market))


def quote_text(market: MarketInfo, amount: int) -> str:
    """A value in quote, with at most the decimals people expect of money."""
    return fixed(amount, market.quote.decimals, min(market.quote.decimals, 2))


def input_text(text: str) -> str:
    """The same figure as a person would type it: no grouping."""
    return text.replace(GROUP, "")


def parse_price(market: MarketInfo, text: str) -> int:
    """Quote base units per unit from what was typed. Raises WalletError as parse_decimal does."""
    decimals = price_decimals(market)
    if decimals >= 0:
        return parse_decimal(input_text(text), decimals)
    whole = parse_decimal(input_text(text), 0)
    price = _rescaled(whole, decimals)
    if _rescaled(price, -decimals) != whole:
        raise WalletError("DECIMAL_PRECISION", got=text[:60], decimals=0)
    return price


def parse_quantity(market: MarketInfo, text: str) -> int:
    """Base units of base from what was typed."""
    return parse_decimal(input_text(text), market.base.decimals)


def price_number(market: MarketInfo, price: int) -> float:
    """For the position of a pixel only: a chart's axis knows no integers."""
    return price / 10.0 ** price_decimals(market)


def notional(market: MarketInfo, price: int, amount: int) -> int:
    """Quote base units that ``amount`` is worth at ``price``."""
    return price * amount // market.unit


# --- ages and times -----------------------------------------------------------------------------------------------


def age(seconds: float) -> str:
    """How long ago, in one short word: ``0.3 s``, ``12 s``, ``5 min``, ``3 h``."""
    seconds = max(seconds, 0.0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // divisor)} {unit}"
    return f"{int(seconds // 86_400)} d"


def duration(seconds: int) -> str:
    """A period of the terms, exact: ``7 d``, ``24 h``, ``90 min``, ``61 s``."""
    for divisor, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * divisor and seconds % divisor == 0:
            return f"{seconds // divisor} {unit}"
    return f"{seconds} s"


def span(seconds: int) -> str:
    """A time to go, rounded down: ``3 d``, ``23 h``, ``59 min``, ``45 s``."""
    for divisor, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= divisor:
            return f"{seconds // divisor} {unit}"
    return f"{max(seconds, 0)} s"


def countdown(seconds: int) -> str:
    """A time that someone watches run out: ``1:42``, and as ``span`` says it from an hour on."""
    if seconds >= 3600:
        return span(seconds)
    return f"{max(seconds, 0) // 60}:{max(seconds, 0) % 60:02}"


def clock(seconds: float) -> str:
    """Local time of day."""
    return _local(seconds).strftime("%H:%M:%S")


def stamp(seconds: float) -> str:
    """Local date and time."""
    return _local(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _local(seconds: float) -> datetime:
    # a hostile time must not raise: what no calendar holds is shown as its start
    limit = 253_402_000_000
    return datetime.fromtimestamp(min(max(seconds, 0), limit), UTC).astimezone()
