"""Every setting of the window in one typed table: what it is, what it may be, what it is at first. Pure.

A setting is a bool or one of a few values. What is kept is text; what is not understood is the default, so that a
file somebody damaged changes nothing but looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T", bool, int, str)

LOOKS, TRADING, NEWS, LEAVING = "Appearance", "Trading", "While you look elsewhere", "Leaving"
LOCKING = "Locking"


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """``options`` are (value, words); a bool has none. ``words`` are more that a search may use."""

    key: str
    section: str
    title: str
    default: T
    options: tuple[tuple[T, str], ...] = ()
    help: str = ""
    words: str = ""

    def shown(self, value: T) -> str:
        """As it is kept."""
        return str(value)

    def read(self, text: str) -> T:
        """The value that was kept as ``text``; the default for anything else."""
        values: list[Any] = [value for value, _ in self.options] or [False, True]
        return next((value for value in values if self.shown(value) == text), self.default)

    def finds(self, query: str) -> bool:
        """Whether each word of a search is in what this setting says of itself."""
        told = " ".join((self.section, self.title, self.help, self.words, *(text for _, text in self.options)))
        return all(word in told.lower() for word in query.lower().split())


THEME = Setting(
    "theme",
    LOOKS,
    "Theme",
    "system",
    (("system", "As the system"), ("light", "Light"), ("dark", "Dark"), ("contrast", "High contrast")),
    words="colour color",
)
TREND = Setting(
    "trend",
    LOOKS,
    "Colours of up and down",
    "usual",
    (("usual", "Green and red"), ("swapped", "Red and green"), ("blind", "Blue and orange")),
    "An arrow or a sign says it too. Blue and orange are told apart by nearly everybody.",
    "color blind",
)
TEXT_SIZE = Setting(
    "text-size",
    LOOKS,
    "Size of text",
    100,
    tuple((percent, f"{percent} %") for percent in (90, 100, 110, 125, 150, 175, 200)),
    words="scale font zoom",
)
CONFIRM_ORDERS = Setting(
    "confirm-orders",
    TRADING,
    "Ask before an order is sent",
    default=True,
    help="Shows what will be signed. Without it, Enter and the button send at once.",
    words="confirmation",
)
SLIPPAGE = Setting(
    "slippage",
    TRADING,
    "Slippage of market orders, at most",
    10_000,
    ((1_000, "0.1 %"), (5_000, "0.5 %"), (10_000, "1 %"), (20_000, "2 %"), (50_000, "5 %"), (100_000, "10 %")),
    "How far through the best price one may trade; the rest is cancelled.",
)
LIFETIME = Setting(
    "lifetime",
    TRADING,
    "Resting orders are good for",
    86_400,
    ((300, "5 minutes"), (3_600, "1 hour"), (86_400, "1 day"), (604_800, "7 days"), (2_419_200, "28 days")),
    "After this an order is cancelled by itself.",
    "expiry time",
)

BREAK_LIMIT = Setting(
    "break-limit",
    TRADING,
    "Cancel all orders when the connection breaks",
    -1,
    (
        (-1, "Never"),
        (0, "After any break"),
        (30, "After 30 seconds"),
        (300, "After 5 minutes"),
        (3_600, "After 1 hour"),
    ),
    "While it is broken, no order is matched. After a longer break, or when this program was closed, none comes back.",
    "disconnect dead man switch kill offline",
)
NOTIFY = Setting(
    "notify",
    NEWS,
    "Notify of fills, refused orders, flags and disputes",
    default=False,
    help="While another window is in front. Needs a desktop with a tray; else the task bar asks for attention.",
    words="notification message",
)
SOUNDS = Setting("sounds", NEWS, "A sound with them", default=False, words="beep audio")
CLOSE_TO_TRAY = Setting(
    "close-to-tray",
    NEWS,
    "Closing the window leaves the program at work in the tray",
    default=False,
    help="Your orders stay in the book and disputes are answered. File, Quit ends it. Without a tray, closing quits.",
    words="background icon driver",
)
BOOK_SUMS = Setting(
    "book-sums",
    LOOKS,
    "Sum the order book up",
    default=True,
    help="Bars and the last column count all up to a price; without it, each price alone.",
    words="cumulative total depth",
)
HIDE_AMOUNTS = Setting(
    "hide-amounts",
    LOOKS,
    "Hide amounts",
    default=False,
    help="What is yours is shown as dots, for who looks over your shoulder. Prices and the book stay.",
    words="privacy balance mask",
)
EXIT_AFTER = Setting(
    "exit-after",
    LEAVING,
    "If the broker does not sign the final state, leave without him after",
    3_600,
    ((600, "10 minutes"), (3_600, "1 hour"), (21_600, "6 hours"), (86_400, "1 day"), (0, "Never by itself")),
    "Counts from when you finalize, is shown, and can be taken back until then.",
    "exit challenge dispute time",
)

LOCK_AFTER = Setting(
    "lock-after",
    LOCKING,
    "Lock when nobody has used this window for",
    15,
    ((1, "1 minute"), (5, "5 minutes"), (15, "15 minutes"), (60, "1 hour"), (0, "Never by itself")),
    "Locked, the owner's key is out of memory, and only the password brings it back.",
    "auto idle timeout password",
)
LOCK_ASLEEP = Setting(
    "lock-asleep",
    LOCKING,
    "Lock when the computer goes to sleep",
    default=True,
    help="Where the system does not say so beforehand, it is locked on waking up.",
    words="suspend standby lid",
)
LOCKED_SIGNS = Setting(
    "locked-signs",
    LOCKING,
    "While locked, keep the sessions running",
    default=True,
    help="The session key stays in memory: it answers the broker, and a challenge, and can move no more than the "
    "session holds. Without it nothing is signed, and a challenge is not answered, until you unlock.",
    words="acknowledge driver session key sign",
)

SETTINGS: tuple[Setting[Any], ...] = (
    THEME,
    TREND,
    TEXT_SIZE,
    HIDE_AMOUNTS,
    BOOK_SUMS,
    CONFIRM_ORDERS,
    SLIPPAGE,
    LIFETIME,
    BREAK_LIMIT,
    NOTIFY,
    SOUNDS,
    CLOSE_TO_TRAY,
    EXIT_AFTER,
    LOCK_AFTER,
    LOCK_ASLEEP,
    LOCKED_SIGNS,
)


def found(query: str) -> Iterator[Setting[Any]]:
    """The settings that a search is for, in the table's order."""
    return (setting for setting in SETTINGS if setting.finds(query))
