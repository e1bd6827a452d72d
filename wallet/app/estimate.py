"""What leaving without the broker would pay, cost and take: asked of the chain, signing nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from wallet.app.leaving import GAS_KEY, OWNER, ExitPlan, ExitStep
from wallet.app.snapshots import AssetInfo
from wallet.chain import costs
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.session.papers import best_provable
from wallet.session.phases import Phase

if TYPE_CHECKING:
    from wallet.app.account import Account
    from wallet.session.channel import TraderChannel


async def plan(account: Account, channel: TraderChannel) -> ExitPlan:
    """Asks the chain for its prices and balances, and signs nothing. Raises WalletError("RPC_…" | "CHANNEL_OVER")."""
    phase = Phase(channel.record.phase)
    if phase in (Phase.WITHDRAWN, Phase.ABANDONED):
        raise WalletError("CHANNEL_OVER")
    chain = account.chain
    price = await chain.contract.rpc.gas_price()
    best = best_provable(account.journal, channel.id)
    state = best.state if best else channel.last.state if channel.last else None
    pays = []
    if state is not None:
        moved = {row.asset: row.to_trader - row.to_broker for row in state.outcomes}
        pays = [(row.asset, row.allocation + moved.get(row.asset, 0)) for row in channel.terms.assets]
    count, paid = len(channel.terms.assets), sum(1 for _, amount in pays if amount)
    share = 0
    with contextlib.suppress(WalletError):  # leaving is possible without it
        share = 0 if channel.final else await chain.gas_lacking()
    steps = _steps(phase, count, paid, final=channel.final, share=share > 0)
    coin = account.names.assets.get(NATIVE) or AssetInfo(NATIVE, "coin", 18)
    return ExitPlan(
        channel.id,
        state.increment if state else 0,
        channel.final,
        tuple((account.names.asset(asset), amount) for asset, amount in pays),
        tuple(ExitStep(code, gas, gas * price, payer) for code, gas, payer in steps),
        coin,
        price,
        share,
        await chain.contract.rpc.balance(account.address),
        0 if channel.final else channel.terms.challenge_period,
        chain.deadlines.get(channel.id, 0) if phase is Phase.DISPUTED else 0,
    )


def _steps(phase: Phase, count: int, paid: int, *, final: bool, share: bool) -> list[tuple[str, int, str]]:
    home = ("STEP-WITHDRAW", costs.pay_out(paid), OWNER if final else GAS_KEY)
    if phase is Phase.SETTLED:
        return [home]
    if final:
        return [("STEP-CLOSE", costs.close(count), OWNER), home]
    settle = ("STEP-SETTLE", costs.settle(count), GAS_KEY)
    if phase is Phase.DISPUTED:
        return [settle, home]
    funding = [("STEP-GAS", costs.TRANSFER, OWNER)] if share else []
    return [("STEP-CHALLENGE", costs.challenge(count), OWNER), *funding, settle, home]
