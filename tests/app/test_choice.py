"""Which channel or broker a person means by the beginning of an id."""

import pytest

from wallet.app.choice import KnownBroker, KnownChannel, choose_broker, choose_channel
from wallet.protocol.errors import WalletError

OLD = KnownChannel(b"\xaa" * 32, running=False)
ONE = KnownChannel(b"\xab" + bytes(31), running=True)
TWO = KnownChannel(b"\xcd" + bytes(31), running=True)


@pytest.mark.parametrize(
    ("known", "typed", "meant"),
    [
        ([OLD], None, OLD),  # all are over: the newest
        ([OLD, ONE], None, ONE),
        ([OLD, ONE, TWO], "0xAB", ONE),
        ([OLD, ONE, TWO], "c", TWO),
        ([OLD, ONE, TWO], "aa", OLD),
    ],
)
def test_the_channel_that_is_meant(known: list[KnownChannel], typed: str | None, meant: KnownChannel) -> None:
    assert choose_channel(known, typed) == meant.id


@pytest.mark.parametrize(
    ("known", "typed", "code"),
    [
        ([], None, "NO_CHANNEL"),
        ([ONE, TWO], None, "CHANNEL_AMBIGUOUS"),  # money never goes by a guess
        ([OLD, ONE], "a", "CHANNEL_AMBIGUOUS"),
        ([ONE], "ff", "CHANNEL_NO_SUCH"),
        ([ONE], "", "CHANNEL_NO_SUCH"),
        ([ONE], "0xzz", "CHANNEL_NO_SUCH"),
        ([ONE], "a" * 65, "CHANNEL_NO_SUCH"),
    ],
)
def test_what_is_not_clear_is_asked_back(known: list[KnownChannel], typed: str | None, code: str) -> None:
    with pytest.raises(WalletError) as caught:
        choose_channel(known, typed)
    assert caught.value.code == code


def test_brokers_by_name_or_address() -> None:
    rows = [KnownBroker(b"\x11" * 20, "Alpha market"), KnownBroker(b"\x12" * 20, "Beta")]
    assert choose_broker(rows, "beta") == rows[1].id
    assert choose_broker(rows, "0x11") == rows[0].id
    for typed, code in (("gamma", "BROKER_NO_SUCH"), ("1", "BROKER_AMBIGUOUS"), ("", "BROKER_NO_SUCH")):
        with pytest.raises(WalletError) as caught:
            choose_broker(rows, typed)
        assert caught.value.code == code
