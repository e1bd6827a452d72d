"""Strict signatures on chain: exactly what the program accepts, nothing else."""

from __future__ import annotations

import pytest
from coincurve.utils import GROUP_ORDER_INT as N
from hypothesis import given
from hypothesis import strategies as st

from tests.chain.evm import Reverted
from tests.chain.scenario import BROKER_SIGNER, TRADER, TRADER_SIGNER
from tests.chain.world import World
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import require_signer


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def variants(signature: bytes) -> list[tuple[str, bytes]]:
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    flipped = bytes([55 - v])
    return [
        *(("SIGNATURE_LENGTH", signature[:size]) for size in (0, 1, 32, 64)),
        ("SIGNATURE_HIGH_S", r + word(N - s) + flipped),
        ("SIGNATURE_HIGH_S", r + word(N - s) + signature[64:]),
        ("SIGNATURE_HIGH_S", r + word(N // 2 + 1) + signature[64:]),
        ("SIGNATURE_HIGH_S", r + word(2**256 - 1) + signature[64:]),
        *(("SIGNATURE_V", signature[:64] + bytes([v])) for v in (0, 1, 2, 26, 29, 35, 36, 255)),
        ("SIGNATURE_INVALID", bytes(32) + signature[32:]),
        ("SIGNATURE_INVALID", word(N) + signature[32:]),
        ("SIGNATURE_INVALID", word(2**256 - 1) + signature[32:]),
        ("SIGNATURE_INVALID", r + bytes(32) + signature[64:]),
        ("SIGNATURE_INVALID", bytes(64) + signature[64:]),
        ("TRADER_SIGNATURE", signature[:64] + flipped),
        ("TRADER_SIGNATURE", r + word(N // 2) + signature[64:]),  # of somebody, and just low enough
        ("^$", signature + b"\0"),  # does not even decode
        ("^$", signature * 2),
    ]


def test_every_malformed_signature_is_refused_by_contract_and_program_alike(world: World) -> None:
    session = world.opened_session()
    final = world.final(session)
    trader, broker = session.signatures(final)
    allowed = (TRADER.address, TRADER_SIGNER.address)
    for reason, bad in variants(trader):
        with pytest.raises(Reverted, match=reason):
            world.close(session, final, (bad, broker))
        with pytest.raises(WalletError):
            require_signer(session.domain.digest(final), bad, allowed)
    require_signer(session.domain.digest(final), trader, allowed)
    world.close(session, final, (trader, broker))


def patched(signature: bytes, change: tuple[int, int]) -> bytes:
    index, value = change
    return signature[:index] + bytes([value]) + signature[index + 1 :]


@given(st.binary(min_size=65, max_size=65) | st.tuples(st.integers(0, 64), st.integers(0, 255)))
def test_contract_and_program_agree_on_any_signature(noise: bytes | tuple[int, int]) -> None:
    world = World.make()
    session = world.opened_session()
    final = world.final(session)
    valid = session.sign(TRADER_SIGNER, final)
    trader = noise if isinstance(noise, bytes) else patched(valid, noise)
    try:
        require_signer(session.domain.digest(final), trader, (TRADER.address, TRADER_SIGNER.address))
        accepted = True
    except WalletError:
        accepted = False
    try:
        world.close(session, final, (trader, session.sign(BROKER_SIGNER, final)))
        closed = True
    except Reverted:
        closed = False
    assert closed == accepted
