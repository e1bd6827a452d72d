"""Made-up prices: a bounded, mean-reverting walk that is a function of time alone.

Noise at many time scales is added up (value noise, as computer graphics make mountains from): each scale draws a value
per period from the seed and runs smoothly from one to the next, and slow scales swing wider than fast ones, by the root
of their period, as a random walk's would. Since nothing is remembered, all who know the seed agree on the price at any
time, a restart goes on where it was, and a history can be told back. Integers throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from math import isqrt

PPM = 1_000_000
_FASTEST = 8_000  # milliseconds
_SCALES = 13  # each twice as slow as the one before: the slowest takes nine hours
_BITS = 16
_ONE = 1 << _BITS


@dataclass(frozen=True, slots=True)
class PricePath:
    """The price of one market over time, in quote base units per unit of base, around ``anchor``.

    ``swing``: parts per million by which a scale of one second would move it; the whole stays within `reach` of the
    anchor.
    """

    seed: bytes
    anchor: int
    swing: int = 100

    @property
    def reach(self) -> int:
        """How far from the anchor the price ever gets, in parts per million."""
        return sum(_amplitude(self.swing, scale) for scale in range(_SCALES))

    def at(self, time_ms: int) -> int:
        """The price at a Unix time in milliseconds."""
        total = 0
        for scale in range(_SCALES):
            length = _FASTEST << scale
            period, into = divmod(time_ms, length)
            before, after = self._value(scale, period), self._value(scale, period + 1)
            way = (into << _BITS) // length
            smooth = way * way * (3 * _ONE - 2 * way) >> 2 * _BITS
            total += _amplitude(self.swing, scale) * (before + ((after - before) * smooth >> _BITS))
        return self.anchor + self.anchor * total // (PPM * _ONE)

    def _value(self, scale: int, period: int) -> int:
        """What was drawn for the start of a period: between −_ONE and _ONE."""
        drawn = blake2b(period.to_bytes(8, "big"), digest_size=4, key=self.seed, salt=bytes((scale,))).digest()
        return int.from_bytes(drawn, "big") % (2 * _ONE + 1) - _ONE


def _amplitude(swing: int, scale: int) -> int:
    """Parts per million that a scale swings to either side: by the root of its period."""
    return isqrt(swing * swing * (_FASTEST << scale) // 1_000)
