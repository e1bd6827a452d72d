"""The client against a real node: every call of the adjudicator over JSON-RPC, and what it refuses to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chain.live import ETHER, USDT, Live, run
from tests.chain.scenario import BROKER, BROKER_SIGNER, STRANGER, TRADER
from wallet.chain import calls, token
from wallet.chain.client import Adjudicator, Authorization, Status
from wallet.chain.events import (
    Authorized,
    Challenged,
    Closed,
    Deposited,
    Opened,
    Responded,
    Settled,
    Withdrawn,
)
from wallet.chain.rpc import Rpc
from wallet.chain.tx import GWEI, FeePolicy, KeySigner, Outgoing, Sender
from wallet.protocol.errors import WalletError
from wallet.protocol.state import Transition
from wallet.protocol.terms import NATIVE, Role


def test_open_trade_close_withdraw(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        await live.adjudicator.check_deployment()
        await live.stock_broker()
        session = await live.session()
        trader, anyone = live.sender(TRADER), live.sender(STRANGER)
        # Some of it is there already; the rest comes along.
        await live.adjudicator.deposit(trader, live.usdt, 10 * USDT)
        before = await token.balance(live.rpc, live.usdt, TRADER.address)
        await live.adjudicator.open(trader, session.terms, session.time, *session.signatures(session.setup))
        assert await token.balance(live.rpc, live.usdt, TRADER.address) == before - 990 * USDT
        assert await token.allowance(live.rpc, live.usdt, TRADER.address, live.adjudicator.address) == 0
        assert (await live.adjudicator.channel(session.channel)).status is Status.OPEN
        assert await live.adjudicator.channel_id(session.terms) == session.channel
        final = session.state(7, {NATIVE: (0, 5), live.usdt: (9, 0)}, Transition.FINALIZE)
        assert await live.adjudicator.state_digest(final) == session.digest(final)
        await live.adjudicator.close(anyone, session.terms, final, *session.signatures(final))
        found = await live.adjudicator.channel(session.channel)
        assert (found.status, found.increment) == (Status.SETTLED, 7)
        credit = await live.adjudicator.credit(TRADER.address, live.usdt)
        assert credit == 1_000 * USDT - 9
        await live.adjudicator.withdraw(trader, live.usdt, credit, TRADER.address)
        await live.adjudicator.push_credit(anyone, NATIVE, TRADER.address)
        assert await live.adjudicator.credit(TRADER.address, NATIVE) == 0
        assert await token.balance(live.rpc, live.usdt, TRADER.address) == 50_000 * USDT - 9
        assert await live.adjudicator.free_balance(BROKER.address, live.usdt) == 5_000 * USDT + 9

    run(tmp_path, body)


def test_dispute_with_time(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        await live.stock_broker()
        session = await live.session()
        trader, broker, anyone = live.sender(TRADER), live.sender(BROKER), live.sender(STRANGER)
        await live.adjudicator.open(trader, session.terms, session.time, *session.signatures(session.setup))
        old, best = session.state(2), session.state(9, {NATIVE: (0, 77)}, orders=3)
        with pytest.raises(WalletError, match="RPC_REVERTED.*NOT_OWNER"):
            await live.adjudicator.challenge(anyone, session.terms, old, session.both(old))
        await live.adjudicator.challenge(broker, session.terms, old, session.implied(old, Role.TRADER))
        found = await live.adjudicator.channel(session.channel)
        assert (found.status, found.increment) == (Status.DISPUTED, 2)
        assert found.outcomes_hash == calls.outcomes_hash(old.outcomes)
        await live.adjudicator.respond(anyone, session.terms, best, session.implied(best, Role.BROKER))
        with pytest.raises(WalletError, match="RPC_REVERTED.*TOO_EARLY"):
            await live.adjudicator.settle(anyone, session.terms, best.outcomes)
        await live.travel(session.terms.challenge_period + 1)
        assert await live.now() > found.deadline
        # The chain alone says what to settle with.
        head = await live.rpc.block_number()
        assert await live.adjudicator.recorded_outcomes(session.channel, 0, head) == best.outcomes
        with pytest.raises(WalletError, match="CHAIN_NO_RECORD"):
            await live.adjudicator.recorded_outcomes(session.channel, 0, 0)
        await live.adjudicator.settle(anyone, session.terms, best.outcomes)
        with pytest.raises(WalletError, match="CHAIN_NOT_DISPUTED"):
            await live.adjudicator.recorded_outcomes(session.channel, 0, head)
        assert await live.adjudicator.credit(TRADER.address, NATIVE) == ETHER // 10 + 77

        head = await live.rpc.block_number()
        events = [event async for event in live.adjudicator.events(0, head)]
        assert [type(event) for event in events] == [
            *[Deposited, Authorized] * 2,
            *[Deposited] * 2,
            *(Opened, Challenged, Responded, Settled),
        ]
        opened, challenged, responded, settled = events[-4:]
        assert isinstance(opened, Opened)
        assert replace(opened.terms, markets=session.terms.markets) == session.terms
        assert opened.time == session.time
        assert isinstance(challenged, Challenged)
        assert (challenged.deadline, challenged.outcomes) == (found.deadline, old.outcomes)
        assert isinstance(responded, Responded)
        assert isinstance(settled, Settled)
        assert responded.outcomes == settled.outcomes == best.outcomes
        of_channel = [e async for e in live.adjudicator.events(0, head, (Opened, Settled), session.channel)]
        assert of_channel == [opened, settled]
        assert await live.adjudicator.opened_by(TRADER.address, 0, head) == (opened,)
        assert await live.adjudicator.opened_by(BROKER.address, 0, head) == ()
        deposits = [e async for e in live.adjudicator.events(0, head, (Deposited,), TRADER.address)]
        assert [e.owner for e in deposits if isinstance(e, Deposited)] == [TRADER.address] * 2

    run(tmp_path, body)


def test_money_events_and_authorization(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        broker = live.sender(BROKER)
        await live.adjudicator.deposit(broker, NATIVE, 500)
        await live.adjudicator.withdraw(broker, NATIVE, 200, STRANGER.address)
        until = await live.now() + 100
        await live.adjudicator.authorize(broker, BROKER_SIGNER.address, NATIVE, 9, until)
        found = await live.adjudicator.authorization(BROKER.address, BROKER_SIGNER.address, NATIVE)
        assert found == Authorization(9, 0, until)
        events = [event async for event in live.adjudicator.events(0, await live.rpc.block_number())]
        deposited, withdrawn, authorized = events
        assert isinstance(deposited, Deposited)
        assert (deposited.owner, deposited.asset, deposited.amount) == (BROKER.address, NATIVE, 500)
        assert isinstance(withdrawn, Withdrawn)
        assert (withdrawn.owner, withdrawn.to, withdrawn.amount) == (BROKER.address, STRANGER.address, 200)
        assert isinstance(authorized, Authorized)
        assert (authorized.signer, authorized.cap, authorized.until) == (BROKER_SIGNER.address, 9, until)

    run(tmp_path, body)


def test_open_out_of_what_is_there_deposits_nothing(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        await live.stock_broker()
        session = await live.session()
        trader = live.sender(TRADER)
        for row in session.terms.assets:
            await live.adjudicator.deposit(trader, row.asset, row.allocation)
        sent = len(live.stored)
        await live.adjudicator.open(trader, session.terms, session.time, *session.signatures(session.setup))
        assert len(live.stored) == sent + 1
        head = await live.rpc.block_number()
        final = session.state(3, transition=Transition.FINALIZE)
        await live.adjudicator.close(trader, session.terms, final, *session.signatures(final))
        closed = [e async for e in live.adjudicator.events(head, head + 5, (Closed,))]
        assert [type(event) for event in closed] == [Closed]

    run(tmp_path, body)


def test_another_chain_or_other_code_is_refused(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        with pytest.raises(WalletError) as caught:
            await Adjudicator(live.rpc, 1, live.adjudicator.address).check_deployment()
        assert caught.value.code == "CHAIN_WRONG_ID"
        assert (caught.value.params["expected"], caught.value.params["got"]) == (1, live.node.chain_id)
        for address in (live.usdt, STRANGER.address):
            with pytest.raises(WalletError) as caught:
                await Adjudicator(live.rpc, live.node.chain_id, address).check_deployment()
            assert caught.value.code == "CHAIN_WRONG_CODE"
        other = Sender(live.rpc, 1, KeySigner(TRADER.key.secret), live.stored.append)
        with pytest.raises(WalletError, match="CHAIN_WRONG_ID"):
            await other.send(calls.deposit(live.adjudicator.address, NATIVE, 5))
        assert live.stored == []

    run(tmp_path, body)


def test_approvals_are_exact(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        trader = live.sender(TRADER)
        spender = live.adjudicator.address

        async def approve(amount: int) -> int:
            before = len(live.stored)
            await token.approve_exactly(trader, live.rpc, live.usdt, spender, amount)
            assert await token.allowance(live.rpc, live.usdt, TRADER.address, spender) == amount
            return len(live.stored) - before

        assert await approve(70) == 1
        assert await approve(70) == 0
        assert await approve(60) == 2  # cleared first: some tokens change nothing that is not zero
        assert await approve(0) == 1
        assert await token.metadata(live.rpc, live.usdt) == token.Metadata("USDT", 6)

    run(tmp_path, body)


def test_what_is_not_stored_is_not_sent(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        signed: list[Outgoing] = []

        def store(outgoing: Outgoing) -> None:
            signed.append(outgoing)
            raise WalletError("DISK_FULL")

        full = Sender(live.rpc, live.node.chain_id, KeySigner(TRADER.key.secret), store)
        with pytest.raises(WalletError, match="DISK_FULL"):
            await full.send(calls.deposit(live.adjudicator.address, NATIVE, 5))
        assert not await live.rpc.knows_transaction(signed[0].hash)
        # After a restart the stored bytes leave as they are.
        trader = live.sender(TRADER)
        await trader.resend(signed[0])
        assert (await trader.wait(signed[0])).succeeded
        assert await live.adjudicator.free_balance(TRADER.address, NATIVE) == 5

    run(tmp_path, body)


def test_the_same_bytes_are_sent_twice_without_harm(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        trader = live.sender(TRADER)
        outgoing = await trader.send(calls.deposit(live.adjudicator.address, NATIVE, 5))
        assert live.stored == [outgoing]
        await trader.resend(outgoing)
        await trader.wait(outgoing)
        await trader.resend(outgoing)
        assert await live.adjudicator.free_balance(TRADER.address, NATIVE) == 5

    run(tmp_path, body)


def test_several_transactions_in_flight_have_nonces_in_a_row(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        trader = live.sender(TRADER)
        sent = [await trader.send(calls.deposit(live.adjudicator.address, NATIVE, n + 1)) for n in range(4)]
        assert [one.nonce for one in sent] == list(range(sent[0].nonce, sent[0].nonce + 4))
        for one in sent:
            await trader.wait(one)
        assert await live.adjudicator.free_balance(TRADER.address, NATIVE) == 1 + 2 + 3 + 4

    run(tmp_path, body)


def test_what_costs_too_much_is_not_signed(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        call = calls.deposit(live.adjudicator.address, NATIVE, 5)
        for policy, code in (
            (FeePolicy(max_fee_per_gas=1), "TX_FEE_TOO_HIGH"),
            (FeePolicy(max_cost=GWEI), "TX_FEE_TOO_HIGH"),
            (FeePolicy(max_gas=21_000), "TX_GAS_LIMIT"),
        ):
            with pytest.raises(WalletError) as caught:
                await live.sender(TRADER, policy).send(call)
            assert caught.value.code == code
        poor = live.sender(BROKER_SIGNER)
        for call in (calls.approve(live.usdt, live.adjudicator.address, 5), calls.deposit(live.usdt, NATIVE, 5)):
            with pytest.raises(WalletError, match="TX_NO_GAS"):
                await poor.send(call)
        with pytest.raises(WalletError, match="RPC_REVERTED.*ZERO_AMOUNT"):
            await live.sender(TRADER).send(calls.deposit(live.adjudicator.address, NATIVE, 0))
        assert live.stored == []

    run(tmp_path, body)


def test_a_quote_is_what_is_then_signed(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        trader = live.sender(TRADER)
        call = calls.deposit(live.adjudicator.address, NATIVE, 5)
        quote = await trader.quote(call)
        assert live.stored == []
        outgoing = await trader.send(call)
        assert (outgoing.gas_limit, outgoing.max_fee_per_gas) == (quote.gas_limit, quote.max_fee_per_gas)
        before = await live.rpc.balance(STRANGER.address)
        receipt = await live.adjudicator.deposit(live.sender(STRANGER), NATIVE, 7)
        paid = before - await live.rpc.balance(STRANGER.address) - 7
        assert paid == receipt.gas_used * receipt.gas_price <= quote.max_cost

    run(tmp_path, body)


def test_a_dead_node_is_said_to_be_dead(tmp_path: Path) -> None:
    async def body(live: Live) -> None:
        async with Rpc("http://127.0.0.1:9/v3/secret-key", timeout=2) as rpc:
            with pytest.raises(WalletError) as caught:
                await rpc.chain_id()
        assert caught.value.code == "RPC_UNREACHABLE"
        assert "secret" not in str(caught.value)
        assert caught.value.params["node"] == "http://127.0.0.1:9"

    run(tmp_path, body)
