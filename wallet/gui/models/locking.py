"""Locking without a screen: when it is due, and what is said while it holds. Pure."""

from __future__ import annotations

from wallet.app.snapshots import AppView, Phase
from wallet.gui.models.funds import OVER

ASLEEP = 5.0  # seconds that the clocks may drift apart before the computer must have slept


class Idle:
    """When a window that nobody uses is to be locked. Two clocks (s): one that stands still in sleep, one that goes on.

    Both are handed in, so that nothing here waits.
    """

    def __init__(self, awake: float, ever: float) -> None:
        self._used = ever
        self._apart = ever - awake

    def use(self, ever: float) -> None:
        """Somebody pressed a key or moved the mouse."""
        self._used = ever

    def due(self, awake: float, ever: float, minutes: int, *, asleep: bool) -> bool:
        """Whether to lock now: unused for ``minutes`` (0: never by itself), or back from a sleep with ``asleep``."""
        slept, self._apart = ever - awake - self._apart > ASLEEP, ever - awake
        return (asleep and slept) or (minutes > 0 and ever - self._used >= minutes * 60)


def locked_words(view: AppView) -> str:
    """What goes on behind the lock, and what does not."""
    if view.resting:
        return "No key is in memory. No broker is answered, and no challenge either, until you unlock."
    running = [row for row in view.channels if row.phase not in OVER]
    if not running and (view.channel is None or view.channel.phase in (*OVER, Phase.NONE)):
        return "Your key is out of memory. No session is open."
    orders = sum(order.status.value == "open" for order in view.channel.orders) if view.channel else 0
    count = "" if not orders else " 1 order stands." if orders == 1 else f" {orders} orders stand."
    return (
        "Your key is out of memory. Your session goes on with its own key: it answers the broker, and a challenge, "
        f"and can move no more than the session holds.{count}"
    )


def keys_word(view: AppView) -> tuple[str, str, str]:
    """For the strip: a word on the owner's key, its tone, and what it means."""
    if view.watch_only:
        return "watch-only", "warn", "This account's key is elsewhere: nothing of the owner's can be signed here."
    if view.resting:
        return "locked · nothing is signed", "warn", "No key is in memory. Nobody is answered until you unlock."
    if not view.unlocked:
        return "locked", "good", "The owner's key is out of memory. The session's own key goes on answering."
    return "unlocked", "plain", "The owner's key is in memory: it can send what you own, once you say yes."
