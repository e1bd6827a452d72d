"""How much of everything one connection may use."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """What a peer may ask of us. Rates are in units per second; a request costs one unit unless ``costs`` says else.

    Every 64 KiB of a frame cost one more unit. A tenth of the burst is kept for requests that cost less than one, so
    that a cancel still passes when orders have used up the rest. ``refusal_rate`` and ``refusal_burst`` bound how
    long we go on saying no: who ignores that is not answered but disconnected.
    """

    in_flight: int = 64
    rate: float = 2_000
    burst: float = 4_000
    refusal_rate: float = 50
    refusal_burst: float = 1_000
    costs: Mapping[str, float] = field(default_factory=dict)


class TokenBucket:
    """``burst`` units at once, ``rate`` units per second in the long run."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, cost: float, now: float, keep: float = 0.0) -> float:
        """0.0 if ``cost`` was taken; otherwise nothing was, and these seconds pass until it can be.

        ``keep`` units stay in the bucket for others. What costs more than all the rest is charged as all the rest,
        else it would never pass.
        """
        self._level = min(self._burst, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        charge = min(cost, self._burst - keep)
        missing = charge + keep - self._level
        if missing <= 0:
            self._level -= charge
            return 0.0
        return missing / self._rate


class Outbox:
    """Frames that wait to be written. Calls and answers leave before market data, which can never crowd them out."""

    MAX_BYTES = 8 * 2**20
    MAX_NOTICES = 512
    MAX_NOTICE_BYTES = 2 * 2**20

    __slots__ = ("_notice_bytes", "_notices", "_private", "_private_bytes")

    def __init__(self) -> None:
        self._private: deque[bytes] = deque()
        self._notices: deque[bytes] = deque()
        self._private_bytes = 0
        self._notice_bytes = 0

    def put(self, data: bytes) -> bool:
        """Queue a call or an answer; False if so much waits that the peer can't be reading."""
        if self._private_bytes + len(data) > self.MAX_BYTES:
            return False
        self._private.append(data)
        self._private_bytes += len(data)
        return True

    def put_notice(self, data: bytes) -> bool:
        """Queue market data; False, and all waiting market data dropped, if the peer doesn't keep up."""
        if len(self._notices) >= self.MAX_NOTICES or self._notice_bytes + len(data) > self.MAX_NOTICE_BYTES:
            self._notices.clear()
            self._notice_bytes = 0
            return False
        self._notices.append(data)
        self._notice_bytes += len(data)
        return True

    def take(self) -> bytes | None:
        if self._private:
            data = self._private.popleft()
            self._private_bytes -= len(data)
            return data
        if self._notices:
            data = self._notices.popleft()
            self._notice_bytes -= len(data)
            return data
        return None
