"""A restored channel in words: what comes next, and what leaving with the state at hand may cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wallet.app.messages import sentence
from wallet.app.snapshots import AssetInfo, ChannelView, RecoveryView, ShareView
from wallet.protocol.amounts import format_amount


def next_words(channel: ChannelView, recovery: RecoveryView) -> str:
    """What the user, or the broker, has to do."""
    return sentence(recovery.step, {"increment": channel.increment})


def cost_words(increment: int, shares: Sequence[ShareView], *, shown: bool) -> tuple[str, ...]:
    """What a challenge with this state pays, and the worst that it may lack; sentences.

    ``shown``: the broker has signed that it is the highest.
    """
    pays = amounts(shares, lambda row: row.pays)
    said = [sentence("RECOVERING-PAYS", {"increment": increment, "pays": pays or "nothing"})]
    if shown:
        return (*said, sentence("RECOVERING-SHOWN"))
    orders = amounts(shares, lambda row: row.by_orders)
    if orders:
        said.append(sentence("RECOVERING-ORDERS", {"more": orders}))
    most = amounts(shares, lambda row: row.at_most)
    return (*said, sentence("RECOVERING-AT-MOST", {"more": most or "nothing"}))


def found_words(taken: int, others: int) -> str:
    """What a search on the chain came to."""
    said = [sentence("FOUND-TAKEN", {"taken": taken})] if taken else []
    said += [sentence("FOUND-OTHERS", {"others": others})] if others else []
    return " ".join(said) or sentence("FOUND-NONE")


def amounts(rows: Sequence[ShareView], part: Callable[[ShareView], int]) -> str:
    """One figure of each asset that has any."""
    return ", ".join(_amount(row.asset, part(row)) for row in rows if part(row))


def _amount(asset: AssetInfo, amount: int) -> str:
    return f"{format_amount(amount, asset.decimals)} {asset.symbol}"
