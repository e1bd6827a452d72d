"""What we know of a connection's life: for the screen, and to see whose clock is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.protocol.errors import WalletError
from wallet.session.phases import Stage


@dataclass(slots=True)
class Liveness:
    """``round_trip`` in seconds, of the last heartbeat; ``last_word`` Unix time of the broker's last word.

    ``ahead`` is by how many seconds the broker's clock was ahead of ours when he last said a time: half the round
    trip is what it may be wrong by.
    """

    stage: Stage = Stage.RESTING
    round_trip: float = 0.0
    last_word: float = 0.0
    ahead: float = 0.0
    trouble: WalletError | None = None  # of the connection
    clocks: WalletError | None = None  # that are too far apart

    @property
    def problem(self) -> WalletError | None:
        """What to tell the user first."""
        return self.trouble or self.clocks

    @property
    def online(self) -> bool:
        return self.stage is Stage.ONLINE
