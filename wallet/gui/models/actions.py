"""Every action of the window in one table: where it stands, what it is called, and its keys at first. Pure.

Keys are written as Qt's portable text says them (``Ctrl+Shift+X``). The user's own are kept under ``keys/<id>``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FILE, SESSION, GO, VIEW, HELP = "&File", "&Session", "&Go", "&View", "&Help"
MENUS = (FILE, SESSION, GO, VIEW, HELP)


@dataclass(frozen=True, slots=True)
class Action:
    """``trading``: only while the trading room is in sight. ``after_line``: a line stands above it in its menu."""

    id: str
    menu: str
    text: str
    keys: str = ""
    trading: bool = True
    after_line: bool = False

    @property
    def title(self) -> str:
        """Without the mark of the menu's letter, and without the dots of a question to come."""
        return self.text.replace("&", "").rstrip("…")


ACTIONS = (
    Action("proof", FILE, "Export &withdrawal proof…", "Ctrl+P"),
    Action("open-proof", FILE, "&Open a proof…", "Ctrl+O", trading=False),
    Action("backup", FILE, "&Back up now…", "Ctrl+B"),
    Action("backups", FILE, "Backups b&y schedule…", "Ctrl+Shift+B"),
    Action("password", FILE, "&Password and keyring…", "Ctrl+Shift+P"),
    Action("settings", FILE, "&Settings…", "Ctrl+,", trading=False, after_line=True),
    Action("lock-wallet", FILE, "&Lock now", "Ctrl+Shift+K", trading=False, after_line=True),
    Action("quit", FILE, "&Quit", "Ctrl+Q", trading=False, after_line=True),
    Action("open", SESSION, "&Open a session…", "Ctrl+N"),
    Action("cancel-market", SESSION, "Cancel orders of this &market…", "Ctrl+Alt+X"),
    Action("cancel-all", SESSION, "Cancel &all orders…", "Ctrl+Shift+X"),
    Action("stop", SESSION, "&Stop trading", "Ctrl+Shift+Space", after_line=True),
    Action("resume", SESSION, "Resume &trading", "Ctrl+Alt+Space"),
    Action("leave", SESSION, "&Finalize and withdraw…", "Ctrl+Shift+F", after_line=True),
    Action("add-broker", SESSION, "Add a &broker…", "Ctrl+Alt+B", after_line=True),
    Action("remove-broker", SESSION, "&Remove this broker…", "Ctrl+Alt+R"),
    Action("purse", SESSION, "Accounts and pa&yments", "Ctrl+Shift+W", trading=False, after_line=True),
    Action("chain", SESSION, "Nodes and &gas key…", "Ctrl+G"),
    Action("find-channels", SESSION, "Fi&nd sessions on the chain", "Ctrl+F"),
    Action("buy", GO, "&Buy", "B"),
    Action("sell", GO, "&Sell", "S"),
    Action("price", GO, "&Price", "Ctrl+L"),
    Action("book", GO, "Order boo&k", "Ctrl+K"),
    Action("find-market", GO, "Find a &market", "Ctrl+M"),
    Action("orders", GO, "&Open orders", "Ctrl+1", after_line=True),
    Action("fills", GO, "&Fills", "Ctrl+2"),
    Action("history", GO, "&History", "Ctrl+3"),
    Action("flags", GO, "Fla&gs", "Ctrl+4"),
    Action("result", GO, "Session &result", "Ctrl+5"),
    Action("hide-amounts", VIEW, "&Hide amounts", "Ctrl+H", trading=False),
    Action("lock", VIEW, "&Lock layout", "Ctrl+Alt+L", after_line=True),
    Action("reset", VIEW, "&Reset layout", "Ctrl+Shift+R"),
    Action("layout-standard", VIEW, "&Standard layout", "Ctrl+F1", after_line=True),
    Action("layout-compact", VIEW, "&Compact layout", "Ctrl+F2"),
    Action("layout-chart", VIEW, "Layout with a lar&ge chart", "Ctrl+F3"),
    Action("layout-save", VIEW, "Save layout &as…", "Ctrl+Shift+L"),
    Action("keyboard", HELP, "&Keyboard…", "F1", trading=False),
    Action("updates", HELP, "&Newer releases…", "Shift+F1", trading=False),
    Action("about", HELP, "&About Channel Wallet", "Ctrl+Shift+F1", trading=False),
)

# What can't be changed: keys that mean the same in every program, or that belong to one field.
FIXED = (
    ("↑ ↓", "In a figure: a tick or a lot; Page Up and Down: ten. In the book: the next price"),
    ("Enter", "In the ticket: send the order. In the book: take the price. On an order: change it"),
    ("Esc", "Clear the ticket, close a question"),
    ("Delete", "Cancel the selected order"),
)


def keys_of(chosen: Mapping[str, str]) -> dict[str, str]:
    """The keys of every action: the user's own, else those of the table."""
    return {action.id: chosen.get(action.id, action.keys) for action in ACTIONS}


def taken(keys: str, by_id: Mapping[str, str], besides: str) -> str:
    """The action that has these keys already, "" if none; ``besides`` is the one that is being changed."""
    return next((action for action, held in by_id.items() if keys and held == keys and action != besides), "")


def find(action_id: str, rows: Iterable[Action] = ACTIONS) -> Action:
    return next(row for row in rows if row.id == action_id)
