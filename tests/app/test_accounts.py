"""Several brokers and several channels in one profile, against real brokers and chains."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from wallet.app.accounts import Accounts
from wallet.app.profile import Profile
from wallet.keys.kdf import KdfParams
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import NATIVE
from wallet.sandbox.boot import sandbox
from wallet.session.phases import Phase

ETH = 10**18
CHEAP = KdfParams(8 * 1024, 1, 1)


def test_one_broker_that_fails_hinders_no_other(tmp_path: Path) -> None:
    """Two brokers, two channels with one of them; the other dies. Orders, a second start and the way out go on."""

    async def main() -> None:
        profile = Profile(tmp_path / "profile")
        vault = create_vault(profile.vault, create_phrase(), Secret("a password"), params=CHEAP)
        accounts = Accounts(profile, vault)
        accounts.start()
        async with sandbox(tmp_path / "one") as one:
            async with sandbox(tmp_path / "two") as two:
                alpha = await accounts.add_proven(one.profile)
                beta = await accounts.add_proven(two.profile)
                for account in (alpha, beta):
                    await account.faucet()
                first, other = await asyncio.gather(
                    alpha.open_channel([(NATIVE, ETH)]), beta.open_channel([(NATIVE, ETH)])
                )
                with pytest.raises(WalletError, match="CHANNEL_EXISTS"):
                    await alpha.open_channel([(NATIVE, ETH)])
                second = await alpha.open_channel([(NATIVE, 2 * ETH)], another=True)
                view = accounts.app_view(b"", other)
                assert (view.broker, view.channel and view.channel.id) == (two.profile.broker, other)
                assert {row.id for row in view.channels} == {first, second, other}
                with pytest.raises(WalletError, match="BROKER_HAS_CHANNELS"):
                    await accounts.remove(two.profile.broker)
            # the second broker is gone for good
            placed = []
            for channel in (first, second):
                at = accounts.of_channel(channel)
                placed.append(
                    await at.place_order("ETH/USDT", "sell", 9_000 * 10**6, ETH // 10, "post_only", channel, "one")
                )
                again = await at.place_order("ETH/USDT", "sell", 9_000 * 10**6, ETH // 10, "post_only", channel, "one")
                assert again == placed[-1]  # asked for twice, signed once
                assert len(list(at.find(channel).requests.rows())) == 1
            for channel, order in zip((first, second), placed, strict=True):
                found = accounts.of_order(order).channel_of(order)
                assert found is not None
                assert found.id == channel
            await alpha.finalize(second)
            assert Phase(alpha.find(second).record.phase) is Phase.FINAL
            assert Phase(alpha.find(first).record.phase) is Phase.OPEN
            await alpha.withdraw(second)
            assert Phase(alpha.find(second).record.phase) is Phase.WITHDRAWN
            links = {row.id: row.connection.broker.value for row in accounts.app_view().brokers}
            assert links == {one.profile.broker: "online", two.profile.broker: "connecting"}
            # a start with a broker that is not there
            await accounts.stop()
            again = Accounts(profile, vault)
            again.start()
            await again.account(one.profile.broker).online(20)
            assert again.app_view().channel is not None
            await again.stop()
        profile.close()

    asyncio.run(main())


def test_a_broker_who_proves_nothing_is_not_kept(tmp_path: Path) -> None:
    from tests.session.brokers import sample

    async def main() -> None:
        profile = Profile(tmp_path / "profile")
        vault = create_vault(profile.vault, create_phrase(), Secret("a password"), params=CHEAP)
        accounts = Accounts(profile, vault)
        accounts.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("wallet.app.accounts.ONLINE_WITHIN", 1.0)
            with pytest.raises(WalletError):
                await accounts.add_proven(sample())
        assert list(accounts) == []
        assert profile.brokers() == []
        await accounts.stop()
        profile.close()

    asyncio.run(main())


def test_a_removed_brokers_facts_stay_pinned(tmp_path: Path) -> None:
    from dataclasses import replace

    from tests.session.brokers import sample

    profile = Profile(tmp_path / "profile")
    profile.pin(sample())
    profile.unpin(sample().broker)
    assert profile.brokers() == []
    with pytest.raises(WalletError, match="BROKER_CHANGED"):
        profile.pin(replace(sample(), signer=b"\x77" * 20))
    profile.pin(sample())
    assert profile.brokers() == [sample()]
    profile.close()
