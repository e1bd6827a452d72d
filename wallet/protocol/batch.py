"""Many signatures by few known keys, checked together in about half the time that they take one by one.

A strict signature names the point R whole: r is its x, v says which y. It is valid under the key Q if and only if
R = (z/s)·G + (r/s)·Q, z being the digest. Both sides of all these equations are added up, each times a random number
of 128 bits which nobody knew when the signatures were made: if a single one does not hold, the sums are equal with a
chance of 2^-128. All of G and all of each Q is then one multiplication for the whole batch.

A batch tells only whether *all* hold. Who must know which does not, asks :func:`signatures.require_signer` about each.
Source: Naccache, M'Raïhi, Vaudenay, Raphaeli 1994; Bellare, Garay, Rabin 1998, small exponents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from coincurve import PublicKey
from coincurve.utils import GROUP_ORDER_INT

from wallet.protocol.signatures import check_form, require_signer, signing_key
from wallet.protocol.typed import TypedDigest

# The curve's endomorphism. A factor a + b·λ with 64 bits each is as random as one of 128 bits, no two are the same
# number, and libsecp256k1 multiplies by it with half the doublings. Nothing but speed rests on this value.
_LAMBDA = 0x5363AD4CC05C30E0A5261C028812645A122E22EA20816678DF02967C1B23BD72
_HALF = 8  # bytes of a and of b
_PREFIX = {27: b"\x02", 28: b"\x03"}  # of a compressed point: the parity of its y


class SignatureBatch:
    """Signatures that wait to be checked together. Keys are learnt from the first signature of each party."""

    __slots__ = ("_keys", "_random", "_waiting")

    def __init__(self, random: Callable[[int], bytes]) -> None:
        """``random``: so many bytes that nobody could foresee (``secrets.token_bytes``); the proof rests on them."""
        self._random = random
        self._keys: dict[tuple[bytes, ...], PublicKey] = {}
        self._waiting: dict[tuple[bytes, ...], list[tuple[bytes, bytes]]] = {}

    def add(self, typed: TypedDigest, signature: bytes, allowed: tuple[bytes, ...]) -> None:
        """Adds a signature said to be by one of ``allowed``: by the one of them who signed the first that was added.

        Raises WalletError("SIG-…") as :func:`signatures.require_signer` for a wrong form, and for the first of each.
        """
        check_form(signature)
        if allowed not in self._keys:
            require_signer(typed, signature, allowed)
            self._keys[allowed] = signing_key(typed, signature)
            self._waiting[allowed] = []
            return
        self._waiting[allowed].append((typed.digest, signature))

    def hold(self) -> bool:
        """Whether all that were added since last asked are valid. If not, one may be by another of the allowed."""
        left: list[PublicKey] = []
        right: list[PublicKey] = []
        base = 0
        try:
            for allowed, rows in self._waiting.items():
                if not rows:
                    continue
                points, of_base, of_key = _sums(rows, self._random(2 * _HALF * len(rows)))
                left += points
                base += of_base
                right.append(self._keys[allowed].multiply(_bytes(of_key)))
            if not left:
                return True
            right.append(PublicKey.from_secret(_bytes(base)))
            return PublicKey.combine_keys(left) == PublicKey.combine_keys(right)
        except ValueError:  # an r that is no point's x, or a sum of nothing
            return False
        finally:
            self.drop()

    def drop(self) -> None:
        """Forgets what waits, unchecked."""
        for rows in self._waiting.values():
            rows.clear()


def _sums(rows: list[tuple[bytes, bytes]], random: bytes) -> tuple[list[PublicKey], int, int]:
    """Of each signature R by its factor; what all of them together demand of G, and of the key."""
    points: list[PublicKey] = []
    of_base = of_key = 0
    inverses = _inverses([int.from_bytes(signature[32:64], "big") for _, signature in rows])
    for at, ((digest, signature), inverse) in enumerate(zip(rows, inverses, strict=True)):
        place = 2 * _HALF * at
        a, b = random[place : place + _HALF], random[place + _HALF : place + 2 * _HALF]
        factor = (int.from_bytes(a, "big") + int.from_bytes(b, "big") * _LAMBDA) % GROUP_ORDER_INT
        points.append(PublicKey(_PREFIX[signature[64]] + signature[:32]).multiply(_bytes(factor)))
        share = factor * inverse % GROUP_ORDER_INT
        of_base += share * int.from_bytes(digest, "big")
        of_key += share * int.from_bytes(signature[:32], "big")
    return points, of_base, of_key


def _inverses(values: Iterable[int]) -> list[int]:
    """1/x of each modulo the group's order, none of them zero: one division for all (Montgomery's trick)."""
    products = [1]
    values = list(values)
    for value in values:
        products.append(products[-1] * value % GROUP_ORDER_INT)
    rest = pow(products[-1], -1, GROUP_ORDER_INT)
    found = []
    for value, before in zip(reversed(values), reversed(products[:-1]), strict=True):
        found.append(rest * before % GROUP_ORDER_INT)
        rest = rest * value % GROUP_ORDER_INT
    return found[::-1]


def _bytes(value: int) -> bytes:
    return (value % GROUP_ORDER_INT).to_bytes(32, "big")
