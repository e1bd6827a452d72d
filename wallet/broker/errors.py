"""Every code with which this broker refuses a request, and what it means: one table, stable.

Codes of the rules (ORD-…, TRD-…) and of the wire (RATE, BUSY, AUTH_…, WIR-FORM) come from where they are defined.
*Rejected* (one of these came back) and *unknown* (nothing came back) are different answers: a request whose outcome
is unknown is sent again, with the same bytes, and gets the same answer.
"""

from __future__ import annotations

from typing import Final

from wallet.protocol.errors import WalletError
from wallet.protocol.transitions import RuleBroken

CODES: Final = {
    # the broker as a whole
    "BROKER_HALTED": "the broker's disk failed: it signs nothing more until it is started again",
    "BROKER_FULL": "the broker takes no more channels now, or no more of this owner",
    "BROKER_CHAIN": "the broker can't reach the chain now: try again later",
    "BROKER_CONFIG": "the configuration can't be: see the field",
    "BROKER_RUNNING": "another broker runs in this folder",
    # offers and setup
    "OFFER_MARKET": "a market the broker does not have, or none for the assets offered",
    "OFFER_ASSET": "an asset that is traded in none of the markets, or is there twice",
    "OFFER_EMPTY": "nothing was allocated",
    "OFFER_PARTY": "trader and session key must be other than one another and than the broker's",
    "OFFER_COLLATERAL": "the broker has no free collateral for this",
    "SETUP_UNKNOWN_OFFER": "these terms were not offered, or the offer has lapsed: ask for a new one",
    "SETUP_INITIATIVE": "in a cooperative channel the trader proposes the setup state himself",
    "SETUP_SIGNATURE": "the signature is not the owner's over these terms",
    # any request about a channel
    "AUTH_NEEDED": "authenticate first, as the channel's trader or session key",
    "CHANNEL_UNKNOWN": "no such channel here, or it is over",
    "CHANNEL_NOT_RESUMED": "say first, with `resume` on this connection, where you stand",
    "CHANNEL_NOT_OPEN": "the chain has not confirmed the opening yet",
    "CHANNEL_PHASE": "the channel is finalizing, final, in dispute or over: it takes no such request",
    "CHANNEL_STUCK": "a proposed state was declined for a reason that only a person can judge",
    "REQUEST_SIGNATURE": "the signature is not the trader's over this request",
    # orders
    "ORDER_ID": "the id is not the digest of the order",
    "ORDER_CHANNEL": "the order names another channel",
    "ORDER_NONCE": "the nonce must be above that of every earlier order of the channel",
    "ORDER_LATE": "openBefore has passed on the broker's clock",
    "ORDER_OPEN_BEFORE": "openBefore is too far ahead",
    "ORDER_EXPIRY": "the expiry has passed, or is too far ahead",
    "ORDER_CANCELLED": "a cancel of this order has been receipted",
    "ORDER_QUEUE": "too many orders wait to be opened",
    "ORDER_TOO_LARGE": "worth more than the market's bound on unanswered fills: split it",
    "ORDER_COLLATERAL": "it could bring more of an asset than the broker's collateral in the channel",
    "ORDER_NOT_PRESENT": "no fresh heartbeat: the broker opens orders only for who is present",
    "ORDER_MATCHED": "the order has fills under way: they come first",
    "ORDER_INITIATIVE": "in a cooperative channel the trader opens his orders himself, in his turn",
    "ORDER_BENCHED": "too many fills were refused in this channel: it may cancel and finalize",
    # the rest
    "CANCEL_LIMIT": "too many cancels of orders that never came",
    "FIN-NOT-NOW": "finalize needs: nothing pending, no open orders, and the last validated digest",
    "BEAT_STALE": "the heartbeat names a state that is not the latest",
    "BEAT_OLD": "the heartbeat claims a time before the last one",
    "RESUME_FORK": "the trader signed another state at this increment: the session key is in use elsewhere",
    "RESUME_BEHIND": "the trader has a later validated state than the broker: the broker signs nothing here",
    "MARKET_UNKNOWN": "no such market",
    "ACK_UNEXPECTED": "nothing of the trader's waits for a countersignature",
    "PROPOSE_UNEXPECTED": "in a channel of the broker's initiative only the broker issues states",
    "TURN_UNEXPECTED": "in a channel of the broker's initiative the turn is never passed",
    # answers to a state the trader proposes
    "FLAGGED": "the state breaks a rule: see params.rule",
    "FROZEN": "an earlier flag, or a void, is not settled",
    "HELD": "the claimed time is ahead",
    "DISPUTED": "a dispute runs: only cancels and finalize",
    "NOT_ANSWERED": "known, and awaits its answer",
}


def refused(code: str, **params: object) -> WalletError:
    """The error for one of :data:`CODES`; KeyError for a code that is not in the table."""
    CODES[code]
    return WalletError(code, **params)


def broken(rule: RuleBroken) -> WalletError:
    """A broken rule as the answer to a request."""
    return WalletError(rule.code, expected=str(rule.expected)[:100], got=str(rule.got)[:100])
