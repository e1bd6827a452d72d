"""Only what a strict contract takes counts as a signature."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from tests.support.game import ADDRESSES, KEYS, Game
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import address_of, check_form, recover_signer, require_signer, sign
from wallet.protocol.typed import TypedDigest
from wallet.protocol.typeddata import state_typed_data

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF = N // 2
TYPED = TypedDigest("State", bytes(range(32)))
GOOD = sign(KEYS["broker signer"], TYPED)
R, S, V = GOOD[:32], GOOD[32:64], GOOD[64]


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def raw(r: int | bytes, s: int | bytes, v: int) -> bytes:
    return b"".join(part if isinstance(part, bytes) else word(part) for part in (r, s)) + bytes([v])


REFUSED = {
    "empty": (b"", "SIG-LEN"),
    "one byte": (b"\x1b", "SIG-LEN"),
    "64 bytes, compact": (GOOD[:64], "SIG-LEN"),
    "66 bytes": (GOOD + b"\0", "SIG-LEN"),
    "130 bytes": (GOOD + GOOD, "SIG-LEN"),
    "DER": (KEYS["broker signer"].sign(TYPED.digest, hasher=None), "SIG-LEN"),
    **{f"v {v}": (raw(R, S, v), "SIG-V") for v in (0, 1, 2, 26, 29, 35, 36, 37, 38, 255)},
    "r 0": (raw(0, S, V), "SIG-RANGE"),
    "s 0": (raw(R, 0, V), "SIG-RANGE"),
    "r n": (raw(N, S, V), "SIG-RANGE"),
    "s n": (raw(R, N, V), "SIG-RANGE"),
    "r n+1": (raw(N + 1, S, V), "SIG-RANGE"),
    "r 2^256-1": (raw(2**256 - 1, S, V), "SIG-RANGE"),
    "s 2^256-1": (raw(R, 2**256 - 1, V), "SIG-RANGE"),
    "high s": (raw(R, HALF + 1, V), "SIG-HIGH-S"),
    "s n-1": (raw(R, N - 1, V), "SIG-HIGH-S"),
    "malleated": (raw(R, N - int.from_bytes(S, "big"), 55 - V), "SIG-HIGH-S"),
    # x = 5 is on no point of the curve
    "r of no point": (raw(5, 1, 27), "SIG-ZERO"),
}


@pytest.mark.parametrize(("signature", "code"), REFUSED.values(), ids=REFUSED)
def test_refused_forms(signature: bytes, code: str) -> None:
    with pytest.raises(WalletError) as caught:
        recover_signer(TYPED, signature)
    assert caught.value.code == code


@pytest.mark.parametrize("signature", [raw(1, 1, 27), raw(N - 1, HALF, 28), raw(1, HALF, 28), GOOD])
def test_edges_of_the_form_pass(signature: bytes) -> None:
    assert check_form(signature) == signature


@given(st.integers(1, N - 1), st.binary(min_size=32, max_size=32))
def test_sign_then_recover(secret: int, digest: bytes) -> None:
    key = PrivateKey(word(secret))
    typed = TypedDigest("Order", digest)
    signature = sign(key, typed)
    assert recover_signer(typed, signature) == address_of(key.public_key)
    assert sign(key, typed) == signature  # the same bytes after a crash


def test_agrees_with_eth_account_both_ways() -> None:
    game = Game()
    encoded = encode_typed_data(full_message=state_typed_data(game.domain, game.setup))
    typed = game.domain.digest(game.setup)
    ours = sign(KEYS["trader signer"], typed)
    assert bytes.fromhex(Account.recover_message(encoded, signature=ours)[2:]) == ADDRESSES["trader signer"]
    theirs = Account.sign_message(encoded, KEYS["trader signer"].secret).signature
    assert bytes(theirs) == ours
    assert recover_signer(typed, bytes(theirs)) == ADDRESSES["trader signer"]


def test_require_signer() -> None:
    allowed = (ADDRESSES["broker"], ADDRESSES["broker signer"])
    assert require_signer(TYPED, GOOD, allowed) == ADDRESSES["broker signer"]
    assert require_signer(TYPED, sign(KEYS["broker"], TYPED), allowed) == ADDRESSES["broker"]
    others = {
        "another key": sign(KEYS["stranger"], TYPED),
        "our own, echoed": sign(KEYS["trader signer"], TYPED),
        "of another digest": sign(KEYS["broker signer"], TypedDigest("State", bytes(32))),
    }
    for name, signature in others.items():
        with pytest.raises(WalletError) as caught:
            require_signer(TYPED, signature, allowed)
        assert caught.value.code == "SIG-OTHER-KEY", name
        assert caught.value.params["got"] == "0x" + recover_signer(TYPED, signature).hex()
