"""The owner's accounts as a screen says them: what they hold, what is sent, what became of it, and what keys can do."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.app.purse_views import AccountView, NamedView, PurseView, TransactionView
from wallet.app.snapshots import AppView, AssetInfo
from wallet.gui.models.figures import NONE, exact
from wallet.gui.models.funds import OVER
from wallet.protocol.addresses import read_address, short_address
from wallet.protocol.amounts import parse_decimal
from wallet.protocol.errors import WalletError

ALL = "max"
SLOW, NORMAL, FAST = "slow", "normal", "fast"
_KINDS = {"imported": "imported key", "watched": "watched only"}
_WHOSE = {"broker": "broker", "own": "your account", "saved": "saved"}
_PURPOSES = {
    "send": "Payment",
    "cancel": "Cancellation",
    "approve": "Approval",
    "gas": "For the gas key",
    "open": "Session opened",
    "challenge": "Left without the broker",
    "close": "Session closed",
    "settle": "Session settled",
    "faucet": "Test coins",
}
_STATES = {
    "pending": ("waits to be mined", "warn"),
    "confirmed": ("confirmed", "good"),
    "failed": ("failed: only the fee was paid", "bad"),
    "replaced": ("replaced by another", "muted"),
    "cancelled": ("cancelled", "muted"),
    "reorged": ("taken back by the chain, waits again", "warn"),
}


@dataclass(frozen=True, slots=True)
class KeyCard:
    """One kind of key: what it is for, whether it is at hand, and the worst that who steals it could do."""

    title: str
    standing: str
    tone: str
    purpose: str
    worst: str


# --- accounts --------------------------------------------------------------------------------------------------------


def account_name(view: PurseView, row: AccountView) -> str:
    return row.label or f"Account {view.accounts.index(row) + 1}"


def account_kind(row: AccountView) -> str:
    """What is special about it, "" if nothing."""
    return _KINDS.get(row.kind, "")


def holdings(row: AccountView) -> str:
    """Everything it holds, exactly."""
    found = [exact(one.asset, one.amount) for one in row.holdings if one.amount]
    return "  ·  ".join(found) or "nothing yet"


def held(row: AccountView, asset: AssetInfo) -> int:
    return next((one.amount for one in row.holdings if one.asset.address == asset.address), 0)


# --- sending ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """A payment as typed, understood. ``amount`` None: all there is."""

    sender: bytes
    to: bytes
    asset: AssetInfo
    amount: int | None
    speed: str


def recipient(view: PurseView, typed: str) -> bytes:
    """An address, or what has this name in the book. Raises WalletError("ADDRESS_…")."""
    wanted = typed.strip().casefold()
    found = [row.address for row in view.book if row.name.casefold() == wanted]
    return found[0] if len(found) == 1 else read_address(typed)


def wish(view: PurseView, sender: AccountView, typed: str, asset: AssetInfo, amount: str, speed: str) -> Wish:
    """What the form asks for. Raises WalletError with what is wrong first, from the top down."""
    to = recipient(view, typed)
    if not sender.signs:
        raise WalletError("KEYS_WATCH_ONLY", address=short_address(sender.address))
    if amount == ALL:
        return Wish(sender.address, to, asset, None, speed)
    if not amount.strip():
        raise WalletError("TX_NOTHING")
    value = parse_decimal(amount, asset.decimals)
    have = held(sender, asset)
    if not value:
        raise WalletError("TX_NOTHING")
    if value > have:
        raise WalletError("TX_SHORT", need=exact(asset, value), have=exact(asset, have))
    return Wish(sender.address, to, asset, value, speed)


def fee_words(view: PurseView, speed: str) -> str:
    """What the network takes for a plain payment."""
    found = next((row for row in view.speeds if row.speed == speed), None)
    if found is None:
        return ""
    return f"about {exact(view.coin, found.expected)}, at most {exact(view.coin, found.most)}"


def names(view: PurseView) -> tuple[str, ...]:
    """What may be typed instead of an address."""
    return tuple(row.name for row in view.book)


# --- transactions ----------------------------------------------------------------------------------------------------


def status_words(row: TransactionView) -> str:
    return _STATES.get(row.status, (row.status, "text"))[0]


def status_tone(row: TransactionView) -> str:
    return _STATES.get(row.status, ("", "text"))[1]


def purpose_words(row: TransactionView) -> str:
    return _PURPOSES.get(row.purpose, row.purpose.capitalize())


def amount_words(row: TransactionView) -> str:
    return exact(row.asset, row.amount) if row.amount else NONE


def to_words(row: TransactionView) -> str:
    return row.name or short_address(row.to)


def fee_paid(view: PurseView, row: TransactionView) -> str:
    return exact(view.coin, row.paid_fee) if row.paid_fee else f"≤ {exact(view.coin, row.most_fee)}"


def whose(row: NamedView) -> str:
    return _WHOSE.get(row.whose, row.whose)


# --- keys ------------------------------------------------------------------------------------------------------------


def key_cards(view: AppView) -> tuple[KeyCard, ...]:
    """The three kinds of keys, each with the worst that could come of it."""
    return (_owner_card(view), _session_card(view), _gas_card(view))


def _owner_card(view: AppView) -> KeyCard:
    if view.watch_only:
        elsewhere = "The account is only watched: its key is elsewhere, and nothing can be signed with it here."
        return KeyCard("Owner key", "not here", "muted", elsewhere, "Nothing on this computer.")
    standing = ("unlocked", "warn") if view.unlocked else ("locked", "good")
    worst = "Who had it could take everything in your accounts, and leave your sessions."
    if not view.unlocked:
        worst += " While it is locked, nobody at this computer can, without the password."
    return KeyCard("Owner key", *standing, "Opens and leaves sessions, withdraws, and sends payments.", worst)


def _session_card(view: AppView) -> KeyCard:
    running = [row for row in view.channels if row.phase not in OVER]
    if not running:
        return KeyCard(
            "Session keys", "none in use", "muted", "Sign the states and orders of one session each.", "Nothing now."
        )
    total: dict[AssetInfo, int] = {}
    for row in running:
        for asset, amount in row.held:
            total[asset] = total.get(asset, 0) + amount
    most = ", ".join(exact(asset, amount) for asset, amount in total.items() if amount) or "nothing"
    return KeyCard(
        "Session keys",
        f"{len(running)} in use, {'locked' if view.resting else 'unlocked'}",
        "good",
        "Sign the states and orders of one session each. They are on this computer alone, in no backup.",
        f"Who had them could trade away what these sessions hold, and no more: {most}.",
    )


def _gas_card(view: AppView) -> KeyCard:
    purpose = "Pays for answers to disputes and for paying out to you, also while the owner key is locked."
    if view.gas is None or not view.gas.known:
        return KeyCard("Gas key", "not asked yet", "muted", purpose, "It can only spend what it was given for fees.")
    have = exact(view.gas.coin, view.gas.balance)
    return KeyCard(
        "Gas key",
        "locked" if view.resting else "unlocked",
        "good",
        purpose,
        f"Who had it could spend what it holds for fees: {have}.",
    )
