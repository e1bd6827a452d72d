"""The persistence points by name, as :mod:`tests.crashes.points` puts them, in the order in which they are passed."""

from __future__ import annotations


def _steps(kind: str, *names: str) -> tuple[str, ...]:
    """Both sides of a step: before and after."""
    before, after = {"sign": ("sign", "signed"), "write": ("write", "wrote"), "send": ("send", "sent")}[kind]
    return tuple(f"{word} {name}" for name in names for word in (before, after))


def _asked(*methods: str) -> tuple[str, ...]:
    return tuple(point for name in methods for point in (*_steps("send", name), f"receive answer {name}"))


def _served(*methods: str) -> tuple[str, ...]:
    return tuple(point for name in methods for point in (f"receive {name}", *_steps("send", f"answer {name}")))


COMMIT = ("begin", "commit", "committed")

# once after each start: who it is, where it stands
WALLET_JOINS = (*_steps("sign", "Auth", "Resume", "Heartbeat"), *_asked("hello", "auth", "resume", "heartbeat"))
BROKER_JOINS = (*_steps("sign", "Auth", "Resume"), *_served("hello", "auth", "resume", "heartbeat"))

# again and again while states flow
WALLET_FLOWS = (
    *COMMIT,
    *_steps("sign", "Order", "State", "Cancel"),
    *_steps("write", "intents", "states"),
    *_asked("order", "cancel"),
    *_served("propose"),
    *("check", "checked"),
)
BROKER_FLOWS = (
    *COMMIT,
    *_steps("sign", "State", "CancelReceipt"),
    *_steps("write", "intents", "states", "trades", "fills", "cancels"),
    *_served("order", "cancel"),
    *_asked("propose"),
)

# before there is a channel
WALLET_OPENS = (
    *COMMIT,
    *_steps("sign", "Terms", "State"),
    *_steps("write", "channels", "states"),
    *_asked("offer", "setup"),
    *_served("propose"),
)
BROKER_OPENS = (
    *COMMIT,
    *_steps("sign", "State"),
    *_steps("write", "channels", "states"),
    *_served("offer", "setup"),
    *_asked("propose"),
)

# with a wallet that refuses: its void, and the broker's countersignature
WALLET_REFUSES = (*_steps("write", "facts"), *_served("ack"))
BROKER_REFUSED = (*_asked("ack"),)

# where the trader issues too (cooperative): what the other flow has not
WALLET_ISSUES = (*COMMIT, *_steps("sign", "State"), *_steps("write", "states"), *_asked("propose"))
BROKER_ANSWERS = (*COMMIT, *_steps("sign", "State"), *_steps("write", "states"), *_served("propose"))

QUICK = {
    "wallet": ("signed State", "commit", "committed", "sent answer propose"),
    "broker": ("signed State", "commit", "committed", "sent propose"),
}

OF_WALLET = frozenset((*WALLET_JOINS, *WALLET_FLOWS, *WALLET_OPENS, *WALLET_REFUSES))
OF_BROKER = frozenset((*BROKER_JOINS, *BROKER_FLOWS, *BROKER_OPENS, *BROKER_REFUSED))
