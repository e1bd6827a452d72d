"""Signatures checked together: what one by one would refuse, no batch takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from secrets import token_bytes

import pytest
from coincurve import PrivateKey, PublicKey

from tests.support.game import ADDRESSES, KEYS
from wallet.protocol import batch as module
from wallet.protocol.batch import SignatureBatch
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import require_signer, sign
from wallet.protocol.typed import TypedDigest

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ALLOWED = (ADDRESSES["broker"], ADDRESSES["broker signer"])
OTHERS = (ADDRESSES["trader"], ADDRESSES["trader signer"])
KEY = KEYS["broker signer"]
Row = tuple[TypedDigest, bytes, tuple[bytes, ...]]


def typed(number: int) -> TypedDigest:
    return TypedDigest("State", number.to_bytes(32, "big"))


def rows(count: int) -> list[Row]:
    """By broker and trader in turn; digests up to what is above the group's order."""
    made: list[Row] = []
    for number in range(count):
        one = typed(2**256 - 1 - number if number % 3 else number)
        made.append((one, sign(KEY, one), ALLOWED) if number % 2 else (one, sign(KEYS["trader"], one), OTHERS))
    return made


def holds(some: list[Row]) -> bool:
    batch = SignatureBatch(token_bytes)
    try:
        for row in some:
            batch.add(*row)
    except WalletError:
        return False
    return batch.hold()


def test_valid_ones_hold_in_batches_of_every_size() -> None:
    made = rows(40)
    for count in (0, 1, 2, 3, 7, 40):
        assert holds(made[:count])


def test_a_batch_goes_on_after_it_was_asked() -> None:
    batch, made = SignatureBatch(token_bytes), rows(12)
    bad = made[5][0], made[6][1], made[5][2]
    for some, expected in ((made[:4], True), ([*made[4:6], bad], False), (made[6:], True), ([], True)):
        for row in some:
            batch.add(*row)
        assert batch.hold() is expected


def test_what_was_dropped_is_not_asked_about() -> None:
    batch, made = SignatureBatch(token_bytes), rows(6)
    for row in (*made, (made[0][0], made[2][1], OTHERS)):
        batch.add(*row)
    batch.drop()
    assert batch.hold()


def flipped(row: Row) -> Row:
    return row[0], row[1][:64] + bytes([55 - row[1][64]]), row[2]


def other_digest(row: Row) -> Row:
    return typed(777_777), row[1], row[2]


def other_key(row: Row) -> Row:
    return row[0], sign(KEYS["trader signer"], row[0]), row[2]


def other_owner(row: Row) -> Row:
    """By another key of the same party: valid, but the batch took the first for his."""
    return row[0], sign(KEYS["broker"], row[0]), row[2]


def no_point(row: Row) -> Row:
    return row[0], bytes(31) + b"\5" + row[1][32:], row[2]


def changed_s(row: Row) -> Row:
    return row[0], row[1][:63] + bytes([row[1][63] ^ 1]) + row[1][64:], row[2]


BAD = (flipped, other_digest, other_key, other_owner, no_point, changed_s)


@pytest.mark.parametrize("spoil", BAD)
@pytest.mark.parametrize("at", [1, 3, 11, 39])
def test_one_bad_one_is_seen_wherever_it_stands(spoil: Callable[[Row], Row], at: int) -> None:
    made = rows(40)
    bad = spoil(made[at])
    if at > 1 or spoil is not other_owner:  # the first of his is taken for what it is
        assert not holds([*made[:at], bad, *made[at + 1 :]])


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        (b"", "SIG-LEN"),
        (bytes(64) + b"\1", "SIG-V"),
        (bytes(64) + b"\33", "SIG-RANGE"),
        (bytes(96), "SIG-LEN"),
    ],
)
def test_a_wrong_form_is_refused_at_once(signature: bytes, code: str) -> None:
    batch = SignatureBatch(token_bytes)
    for row in rows(4):
        batch.add(*row)
    with pytest.raises(WalletError) as caught:
        batch.add(typed(5), signature, ALLOWED)
    assert caught.value.code == code


def test_a_high_s_is_refused_although_the_key_fits() -> None:
    batch, (row, *_) = SignatureBatch(token_bytes), rows(2)[1:]
    batch.add(*row)
    s = N - int.from_bytes(row[1][32:64], "big")
    with pytest.raises(WalletError) as caught:
        batch.add(row[0], row[1][:32] + s.to_bytes(32, "big") + bytes([55 - row[1][64]]), row[2])
    assert caught.value.code == "SIG-HIGH-S"


def test_the_first_of_a_party_is_held_against_his_addresses() -> None:
    with pytest.raises(WalletError) as caught:
        SignatureBatch(token_bytes).add(typed(1), sign(KEYS["trader"], typed(1)), ALLOWED)
    assert caught.value.code == "SIG-OTHER-KEY"


def signed_with(nonce: int) -> Iterator[tuple[TypedDigest, bytes]]:
    """Strict signatures with a known ``nonce``: R or −R, whichever comes with a low s and its own v."""
    point = PublicKey.from_secret(nonce.to_bytes(32, "big")).format()
    r, secret = int.from_bytes(point[1:], "big"), int.from_bytes(KEY.secret, "big")
    for number in range(1, 1_000):
        s = pow(nonce, -1, N) * (number + r * secret) % N
        if s <= N // 2:
            yield typed(number), point[1:] + s.to_bytes(32, "big") + bytes([25 + point[0]])


def test_errors_that_cancel_each_other_out_are_seen() -> None:
    """R and −R, each with the other's v: whoever just added them up would find nothing."""
    nonce = 0x1234_5678_9ABC_DEF0_1234_5678
    one, other = next(signed_with(nonce)), next(signed_with(N - nonce))
    pair = [(*one, ALLOWED), (*other, ALLOWED)]
    for row in pair:
        require_signer(*row)
    assert one[1][:32] == other[1][:32]
    assert one[1][64] != other[1][64]
    made = rows(4)
    assert holds([*made, *pair])
    assert not holds([*made, *map(flipped, pair)])


def test_factors_are_as_many_bits_as_they_say_and_new_each_time() -> None:
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return token_bytes(size)

    batch = SignatureBatch(random)
    for _ in range(2):
        for row in rows(12):
            batch.add(*row)
        assert batch.hold()
    assert asked == [16 * 5, 16 * 5, 16 * 6, 16 * 6]  # 128 bits each; the first of each party was recovered
    assert pow(module._LAMBDA, 3, N) == 1
    assert module._LAMBDA != 1


def test_every_verdict_is_that_of_one_by_one() -> None:
    """Each of 200 rows spoiled in one of all ways, or left as it is, in a batch with good ones."""
    made = rows(8)
    for number in range(200):
        one = typed(10_000 + number)
        row = one, sign(KEY, one), ALLOWED
        spoil = [*BAD, lambda same: same][number % 7]
        row = spoil(row)
        try:
            require_signer(*row)
            valid = spoil is not other_owner
        except WalletError:
            valid = False
        assert holds([*made, row]) is valid


def test_a_key_of_a_party_that_never_signed_is_not_needed() -> None:
    batch = SignatureBatch(token_bytes)
    one = typed(3)
    key = PrivateKey(KEY.secret)
    batch.add(one, sign(key, one), ALLOWED)
    assert batch.hold()
