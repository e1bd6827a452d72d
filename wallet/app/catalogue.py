"""The sentences, by code. English is the original; translations are looked up with gettext by the English text."""

from __future__ import annotations

from typing import Final


def _(text: str) -> str:
    """Marks a text for translation; it is translated when it is shown."""
    return text


# Rules of the protocol: what a flag says the broker broke, or why an order of one's own is refused.
FLAGS: Final[dict[str, str]] = {
    "INC-SKIP": _("Each state must carry the number right after the last one."),
    "INC-REPEAT-OTHER": _(
        "The broker signed two different states with the same number. This proves that he is not honest."
    ),
    "INC-ROLLBACK": _(
        "The broker signed another state with a number that already has one. This proves he is not honest."
    ),
    "CHN-PREV-ZERO": _("Only the first state of a channel may name no predecessor."),
    "CHN-PREV-OLD": _("A state must build on the newest state that both have signed, not on an older one."),
    "CHN-PREV-FORK": _(
        "A state must build on the newest state that both have signed; this one builds on an unknown one."
    ),
    "CHN-TRANSITION-NAME": _("A state must change exactly what its transition says, and nothing else."),
    "TIM-BACK": _("The time of a state may not lie before that of the state it builds on."),
    "TRN-NOT-HIS": _("A state may only be issued by the party whose turn it is."),
    "TRN-NEXT": _("Only a yield may hand the turn to the other party."),
    "TRN-YIELD-IN-BROKER-MODE": _("In a channel where the broker issues every state there is no yield."),
    "TRN-YIELD-STORM": _(
        "The turn was passed too often, and each time costs a signature. The connection was closed; nothing more was "
        "signed, and it is made again by itself."
    ),
    "AST-DUP": _("Each asset of the terms must stand in a state exactly once."),
    "AST-UNKNOWN": _("A state may only hold the assets that the terms name."),
    "AST-MISSING": _("A state must hold every asset that the terms name."),
    "AST-ORDER": _("The assets must stand in the order of the terms."),
    "AST-CAP-COLLATERAL": _("The broker may never owe more of an asset than the collateral he has locked for it."),
    "AST-CAP-ALLOCATION": _("A session may never cost more of an asset than was allocated to it."),
    "BAL-CROSS": _("A balance may not move from one asset to another without a trade."),
    "BAL-EQUATION": _("Available plus locked must equal the allocation plus the outcome, for every asset."),
    "BAL-MOVE": _("Money may only be locked by an order, and only be freed by a fill or a cancel."),
    "BAL-LOCKED": _("What is locked must be exactly what the open orders need."),
    "BAL-INFLATE": _("An available balance may not grow out of nothing."),
    "BAL-DEFLATE": _("An available balance may not shrink without a reason."),
    "BAL-OVERFLOW": _("An amount must fit into 256 bits."),
    "ORD-TICK": _("The price of an order must be a whole multiple of the market's tick."),
    "ORD-LOT": _("The amount of an order must be a whole multiple of the market's lot."),
    "ORD-MIN": _("An order must be worth at least the market's minimum."),
    "ORD-OVERFLOW": _("The order is larger than any balance can be."),
    "ORD-FUNDS": _("An order may not lock more than is available."),
    "ORD-COUNT": _("There may not be more open orders than the terms allow. Cancel one first."),
    "ORD-MARKET": _("An order must belong to a market of the terms."),
    "ORD-UNKNOWN": _("A state may only open orders that you have signed."),
    "ORD-OTHER-CHANNEL-INTENT": _("An order you signed for one channel may not be opened in another."),
    "ORD-RESURRECT": _("An order that is over may not be opened again."),
    "ORD-NONCE": _("The order number of a state must be that of the newest order opened."),
    "ORD-TWO": _("One state may open one order only."),
    "ORD-DUP": _("Each open order must stand in a state exactly once."),
    "ORD-VANISH": _("An open order may not disappear without a fill or a cancel."),
    "ORD-FULL-KEPT": _("An order that is completely filled must leave the list."),
    "ORD-REORDERED": _("The open orders must keep their order."),
    "ORD-SIDE": _("The side of an open order may not change."),
    "ORD-PRICE": _("The price of an open order may not change."),
    "ORD-AMOUNT": _("The amount of an open order may not change."),
    "ORD-FILLED": _("What an order says is filled must be the sum of its fills."),
    "ORD-FILLED-BACK": _("What is filled may not be taken back."),
    "ORD-PREFILLED": _("A new order must start unfilled."),
    "ORD-OVERFILL": _("An order may not be filled beyond its amount."),
    "ORD-TIF": _(
        "The order's time in force must be kept: what must trade at once may not rest, what must rest may not take."
    ),
    "TRD-COUNT": _("A trade must hold at least one fill and not more than the terms allow."),
    "TRD-ZERO": _("A fill must have a quantity."),
    "TRD-OVER": _("A fill may not be larger than what is left of the order."),
    "TRD-HALF-LOT": _("A fill must be a whole number of lots."),
    "TRD-TICK": _("The price of a fill must be a whole multiple of the market's tick."),
    "TRD-WORSE": _("A fill may never be at a worse price than the order's limit."),
    "TRD-MIN": _("A fill must be worth at least the market's minimum, unless it is the rest of an order."),
    "TRD-UNKNOWN": _("Only an open order may be filled."),
    "TRD-WRONG-ASSET": _("A trade may only move the two assets of its market."),
    "TRD-ONE-SIDED": _("In a trade you must receive what you paid for."),
    "FEE-ABOVE": _("The fee of a fill may not exceed the ceiling of the terms."),
    "OUT-SUM": _("The outcome must be the sum of all trades of the session."),
    "OUT-BOTH": _("For one asset only one party can owe the other."),
    "OUT-SIGN": _("The outcome has its directions swapped: what the broker owes you is written as your debt."),
    "OUT-RESET": _("The outcome of a session may not be wiped out."),
    "OUT-MOVE-NO-TRADE": _("The outcome may only change by a trade."),
    "OUT-CROSS-ASSET": _("The outcome of one asset may not be booked to another."),
    "CAN-WRONG-ORDER": _("A cancel must remove exactly one open order."),
    "CAN-PARTIAL-LOCK": _("A cancel must free everything the order still had locked."),
    "FIN-OPEN-ORDERS": _("A session can only be finalized when no orders are open."),
    "FIN-UNASKED": _("Only you can ask for the end of the session."),
    "SET-NONZERO": _("A new channel must start at number 0 with no orders, fills or outcomes."),
    "SET-FUNDING": _("A new channel must hold exactly the allocation you chose, all of it available."),
    "SET-FEE": _("The fee ceiling in the terms is not possible."),
    "SET-PERIOD": _("The challenge period in the terms is outside what is allowed."),
    "SET-TERMS": _("The terms hold a value outside of its limits."),
    "SET-PARTIES": _("The parties of a channel must be four different addresses."),
    "SET-MARKET": _("The terms name a market that is not possible."),
    "SET-TICK-LOT": _("Tick and lot of a market do not fit together."),
    "FIN-AFTER": _("After the final state nothing more may be signed."),
    "FIN-TWICE": _("The broker signed a second, other final state. This proves that he is not honest."),
    "EQV-TWO": _("The broker signed two different states with the same number. This proves that he is not honest."),
    "INC-ZERO": _("The broker signed a second, other first state. This proves that he is not honest."),
    "CHN-OTHER-CHANNEL": _("A state must belong to the channel it is shown in."),
    "SET-NONCE-REUSE": _("A channel with these very terms is known already."),
    "SIG-MISSING": _("A signature that must be there is missing."),
    "REFUSED_SIGNED": _("A refused state must not carry the signature of who refused it."),
    "CHANNEL_TERMS": _("The channel's id must be the digest of its terms."),
    "STALE-FILL": _("A fill arrived too long after your last sign of life. It was refused and costs you nothing."),
    "STALE-OPENING": _("An order was opened after its time. It was refused and costs you nothing."),
    "EXPIRED-OPENING": _("An order was opened after it had expired. It was refused and costs you nothing."),
    "EXPIRED-FILL": _("A fill arrived after the order had expired. It was refused and costs you nothing."),
    "CANCELLED-FILL": _(
        "A fill arrived after the broker had confirmed the cancel. It was refused and costs you nothing."
    ),
    "CANCELLED-OPENING": _("An order was opened after the broker had confirmed its cancel. It was refused."),
}

# What the rest of the program can say.
PROGRAM: Final[dict[str, str]] = {
    "AMOUNT_FORM": _("An amount is not written as a plain whole number: {got}."),
    "DECIMAL_FORM": _("Type a plain number, such as 1.5."),
    "DECIMAL_PRECISION": _("This takes at most {decimals} decimals."),
    "DECIMAL_SIZE": _("This number is larger than any balance can be."),
    "WIR-FORM": _("A message had a wrong form ({what}). It was dropped; nothing was signed."),
    "SIG-LEN": _("A signature does not have 65 bytes. What it was on was dropped."),
    "SIG-V": _("A signature has a wrong recovery byte. What it was on was dropped."),
    "SIG-RANGE": _("A signature is outside of its range. What it was on was dropped."),
    "SIG-HIGH-S": _("A signature is in a form that the contract refuses. What it was on was dropped."),
    "SIG-ZERO": _("A signature recovers to nobody. What it was on was dropped."),
    "SIG-OTHER-KEY": _("A signature is by another key than it must be. What it was on was dropped."),
    "UNEXPECTED": _(
        "Something unexpected happened ({kind} at {place}). Nothing was signed because of it; the log has more."
    ),
    "EXPECTED-GOT": _("Expected {expected}, got {got}."),
}

# What the window says by itself.
WINDOW: Final[dict[str, str]] = {
    "COPIED": _("The address is on the clipboard, and was read back the same. It leaves it after a minute."),
    "COPIED-FOREIGN": _(
        "Another address was just put on the clipboard in place of yours. If that was not you, a program on this "
        "computer swaps addresses: don't pay anything before it is found."
    ),
    "PURSE-WATCHED": _("This account is only watched: its key is not in this wallet, so nothing can be sent from it."),
    "TICKET-NO-SESSION": _("Open a session to trade."),
    "TICKET-FLAGGED": _("Decide on the flag first: until then nothing is signed."),
    "TICKET-OPENING": _("The session is still being opened."),
    "TICKET-LEAVING": _("The session is ending: no new orders."),
    "TICKET-RECOVERING": _("This session was restored from a backup, and is only left."),
    "TICKET-OFFLINE": _("The broker is not connected."),
    "TICKET-PRICE-EMPTY": _("Enter a price in {quote}, or click one in the book."),
    "TICKET-PRICE-ZERO": _("The price must be above 0."),
    "TICKET-TICK": _("The price must be a multiple of {tick}."),
    "TICKET-WOULD-TAKE": _("Post-only would trade at once: the best price is {best}."),
    "TICKET-WOULD-MISS": _("Nothing to trade with at this price (best is {best}): it would be cancelled."),
    "TICKET-TAKES": _("Trades at once, at the limit or better."),
    "SHEET-CODES": _(
        "The {count} codes below hold the whole proof. Scan all of them into one text file, a line each: "
        "channel-wallet proof verify FILE reads it, and so does File, Open a proof."
    ),
    "SHEET-NO-CODES": _("This proof is too long for codes on one page: keep its JSON file with this sheet."),
    "TICKET-NO-BOOK": _("There is no fresh order book to take from."),
    "TICKET-SLIPS": _("About {percent} % worse than the middle of the book."),
    "TICKET-DEAR": _("About {percent} % worse than the middle of the book: tick the box if you mean it."),
    "TICKET-THIN": _("The book can't fill this within {percent} %: tick the box to let the rest be cancelled."),
    "TICKET-NOT-WHOLE": _("The book can't fill this whole: it would be cancelled."),
    "TICKET-FAR": _("More than {percent} % through the best price of {best}."),
    "TICKET-AMOUNT-EMPTY": _("Enter an amount of {base}."),
    "TICKET-AMOUNT-ZERO": _("The amount must be above 0."),
    "TICKET-LOT": _("The amount must be a multiple of {lot}."),
    "TICKET-MINIMUM": _("The order must be worth at least {least}."),
    "TICKET-FUNDS": _("Only {available} available."),
    "TICKET-COLLATERAL": _("The broker's collateral covers {left} more."),
    "TRIGGER-PRICE": _("Enter the price in {quote} that sets it off."),
    "TRIGGER-REACHED": _("The price is there already (best is {best}): send it at once instead."),
    "TRIGGER-RISES": _(
        "Only while this program runs: at {price} or above, sent at the market, at most {percent} % worse."
    ),
    "TRIGGER-FALLS": _(
        "Only while this program runs: at {price} or below, sent at the market, at most {percent} % worse."
    ),
    "TRIGGER-WAITS": _("It waits in this program, and works only while it runs and is connected to the broker."),
    "TRIGGER-FAILED": _("It was set off, and no order could be made of it. {why}"),
    "TICKET-NO-PRICE": _("Enter a price first."),
    "LOSS-TITLE": _("States are missing"),
    "LOSS-WHAT": _(
        "This profile's history lacks states that were recorded in it: it has {got} of {expected}. An old copy was put "
        "in its place, or its -wal file was removed."
    ),
    "LOSS-CHOICE": _(
        "If you have the newest history.db and history.db-wal, cancel, put them back, and open the profile again: then "
        "nothing is lost. If not, go on without trading: a lost state may have been signed, so nothing new is signed "
        "in the sessions there are. The broker is asked for the states that carry your signature, and you finalize "
        "together, or leave alone with the best state."
    ),
    "LOSS-ACCEPTED": _(
        "{count} sessions trade no more. Open the profile: each says what comes next, until it is left."
    ),
    "TICKET-AGAIN": _("Send the same again to ask once more: it is never placed twice."),
    "SESSION-OFFLINE": _("The broker is not connected."),
    "SESSION-NO-CHAIN": _("The chain can't be reached."),
    "SESSION-AMOUNT": _("One of the amounts is not possible."),
    "SESSION-EMPTY": _("Allocate something to trade with."),
    "SESSION-TOO-MUCH": _("At most {most}."),
    "BACKUP-COPY": _("Copying the history"),
    "BACKUP-WRITE": _("Writing the backup"),
    "BACKUP-CHECK": _("Reading it again"),
    "BACKUP-READ": _("Reading the backup"),
    "BACKUP-LOOK": _("Looking at what was in it"),
    "ALONE-NO-NODE": _("Say which node to ask: its https address."),
    "ALONE-NO-CONTRACT": _("Type the contract's address: 0x and 40 hexadecimal digits."),
    "ALONE-NOTHING": _("The chain shows no session of yours on this contract."),
    "ALONE-NOTHING-DUE": _("There is nothing to withdraw now. What is in dispute is settled when its time is over."),
    "FOUND-NONE": _("The chain shows no open channel of yours that is not here already."),
    "FOUND-TAKEN": _("Found on the chain: {taken}. They are only left, not traded in."),
    "FOUND-OTHERS": _("{others} more are not of this broker as he is now: see channel-wallet recover."),
    "EXIT-COSTS": _("It costs about {cost} of network fees at the present price."),
    "EXIT-GAS-SHARE": _("The gas key is given {share} for its part; what it does not need can be swept back."),
    "EXIT-TOO-POOR": _("Your account holds {have}, and the first step needs about {need}: send it some first."),
    "EXIT-TAKES": _(
        "It takes the challenge period of {period}, in which the broker may show a higher state. Meanwhile leave this"
        " program running, or watch from elsewhere: it answers an older state, settles and pays out by itself."
    ),
    "EXIT-RUNS": _("The challenge period ends at {end}; after it, it is settled and paid out by itself."),
    "EXIT-AT-ONCE": _("Both have signed the final state: it is paid out at once."),
    "EXIT-COUNTDOWN": _("Leaving without the broker in {left} unless he signs the final state"),
    "EXIT-COUNTDOWN-NEXT": _(
        "He is asked again by itself. When the time is up your best state goes to the contract, even while your keys"
        " are locked."
    ),
    "RECOVERING-UNLOCK": _("Next: unlock the wallet. Your own key ends this session, since its session key is gone."),
    "RECOVERING-CONNECT": _(
        "Next: the broker shows how far it had come, once he is connected. If he stays away, leave without him."
    ),
    "RECOVERING-FINALIZE": _(
        "The broker has shown state {increment}, and it was taken over. Next: finalize and withdraw."
    ),
    "RECOVERING-ALONE": _("It can't be ended together with the broker. Next: leave without him."),
    "RECOVERING-DISPUTED": _("You are leaving it. A newer state counts if the broker shows one; then it is paid out."),
    "RECOVERING-WITHDRAW": _("It is over. Next: withdraw what is yours."),
    "RECOVERING-PAYS": _("State {increment}, the highest here, pays you {pays}."),
    "RECOVERING-ORDERS": _("If your orders of then were filled after the backup, up to {more} more would be yours."),
    "RECOVERING-AT-MOST": _(
        "If you traded on after it, a newer state may pay more: at most {more}, for the channel holds no more. The"
        " broker can answer with that state; this computer can't."
    ),
    "RECOVERING-SHOWN": _("The broker has signed that it is the highest: if he shows a higher one, he has lied."),
    "NEW-PASSWORD-EMPTY": _("Choose a password."),
    "NEW-PASSWORD-SHORT": _("At least {least} characters."),
    "NEW-PASSWORD-DIFFERS": _("The two passwords differ."),
    "PASSWORD-WEAK": _("This password is {word}. {why}"),
    "PASSWORD-SHORT": _("It is too short: more characters, or four words that don't belong together, are stronger."),
    "PASSWORD-COMMON": _("It is, or is close to, one that many people use: those are tried first."),
    "PASSWORD-WORD": _("It is built on one common word or name. Four words that don't belong together are stronger."),
    "PASSWORD-KEYS": _("Keys that lie side by side on the keyboard are tried first."),
    "PASSWORD-REPEATS": _("Repeated characters or words add next to nothing."),
    "PASSWORD-SEQUENCE": _("Sequences such as abcd or 4321 are tried first."),
    "PASSWORD-DATE": _("Dates and years are easy to guess."),
    "NEW-PASSPHRASE-EMPTY": _("Type the passphrase, or take the tick away."),
    "NEW-PASSPHRASE-DIFFERS": _("The two passphrases differ."),
    "NEW-WORD-UNKNOWN": _("Word {position}, “{word}”, is in no word list. Did you mean {near}?"),
    "NEW-WORDS-UNSOUND": _(
        "Each of these words exists, but they do not belong together: one is wrong, or two have changed places."
    ),
    "NEW-WORDS-WRONG": _("These are not the words of your phrase. Look at your note again."),
    "NEW-NO-BROKER": _("Choose the profile file of a broker."),
    "NEW-NO-FOLDER": _("Choose where the profile is kept."),
    "RESTORE-NO-FILE": _("Choose the backup's file."),
    "RESTORE-NO-PASSWORD": _("Type the password."),
    "BOOT-SANDBOX": _("Start a local broker, chain and market"),
    "BOOT-KEYS": _("Make a key of your own"),
    "BOOT-UNLOCK": _("Unlock the profile"),
    "BOOT-CONNECT": _("Connect to broker and chain"),
    "BOOT-FAUCET": _("Get test coins"),
    "BOOT-DONE": _("Ready"),
    "STEP-OFFER": _("Ask the broker for his terms"),
    "STEP-SETUP": _("Sign the setup and state 0"),
    "STEP-DEPOSIT": _("Deposit and open on chain"),
    "STEP-CONFIRM": _("Wait for confirmation"),
    "STEP-CANCEL": _("Cancel open orders"),
    "STEP-FINALIZE": _("Finalize together with the broker"),
    "STEP-CLOSE": _("Close the channel on chain"),
    "STEP-CHALLENGE": _("Show the contract your best state"),
    "STEP-GAS": _("Give the gas key what settling will cost"),
    "STEP-PERIOD": _("Wait for the challenge period to end"),
    "STEP-SETTLE": _("Settle by what is recorded"),
    "STEP-WITHDRAW": _("Withdraw to your account"),
}
