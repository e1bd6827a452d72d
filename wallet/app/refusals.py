"""What the program says when it refuses or can't: what happened, that nothing was lost, and what to do."""

from __future__ import annotations

from typing import Final


def _(text: str) -> str:
    """Marks a text for translation; it is translated when it is shown."""
    return text


KEYS: Final[dict[str, str]] = {
    "KEYS_WRONG_PASSWORD": _("The password is wrong. Nothing was changed; try again."),
    "KEYS_WAIT": _("Too many wrong passwords. Wait {seconds} seconds; nothing is lost."),
    "KEYRING_ABSENT": _("This computer has no keyring that this program uses. The password opens the wallet as ever."),
    "KEYRING_LOCKED": _("This computer's keyring is locked, and was not unlocked. Use the password."),
    "KEYRING_SLOW": _("This computer's keyring did not answer within {seconds} seconds. Use the password."),
    "KEYRING_FAILED": _("This computer's keyring failed ({why}). Use the password."),
    "KEYRING_OTHER": _("This computer's keyring does not open this wallet any more. Use the password."),
    "KEYS_LOCKED": _("The keys are locked. Unlock them with your password first."),
    "KEYS_PASSWORD_EMPTY": _("A password is needed: an empty one protects nothing."),
    "KEYS_PASSWORD_TOO_LONG": _("The password is too long: at most {limit} bytes."),
    "KEYS_PASSPHRASE_NOT_TEXT": _("The passphrase holds characters that can't be encoded. Type it again."),
    "KEYS_FULL": _("The key file is full. Nothing was changed."),
    "KEYS_DAMAGED": _("The key file is damaged ({why}). Restore it from a backup or from your recovery words."),
    "KEYS_NEWER_VERSION": _("The key file is of a newer version ({version}; this program knows {known}). Update it."),
    "KEYS_NOT_FOUND": _("There are no keys at {path}. Create or restore some first: channel-wallet keys create"),
    "KEYS_EXISTS": _("There are keys at {path} already. They were left as they are; choose another profile."),
    "KEYS_CHANGED_ON_DISK": _("Another program changed {path} meanwhile. Nothing was written; open it again."),
    "KEYS_READ_FAILED": _("The key file {path} can't be read: {why}."),
    "KEYS_WRITE_FAILED": _("The key file {path} can't be written: {why}. The old one is untouched."),
    "KEYS_NO_MEMORY": _("Unlocking needs {mebibytes} MiB of memory, and there is not enough. Close other programs."),
    "KEYS_LABEL_TOO_LONG": _("The label is too long: at most {limit} bytes."),
    "KEYS_PHRASE_TOO_LONG": _("This is too long for a recovery phrase."),
    "KEYS_PHRASE_WORD_COUNT": _("A recovery phrase has {allowed} words; this has {got}."),
    "KEYS_PHRASE_WORD_UNKNOWN": _("Word {position}, “{word}”, is in no word list. Check its spelling."),
    "KEYS_PHRASE_CHECKSUM": _(
        "These words do not belong together: one is wrong or in another place. Look at word {positions} first."
    ),
    "KEYS_NO_ACCOUNT": _("There is no account number {index} in this key file."),
    "KEYS_NOT_OURS": _("{address} is no account of this wallet."),
    "KEYS_ACCOUNT_EXISTS": _("{address} is an account of this wallet already. Nothing was changed."),
    "KEYS_FIRST_ACCOUNT": _("The wallet's first account can't be removed: its channels belong to it."),
    "KEYS_WATCH_ONLY": _("{address} is only watched: its key is not in this wallet, so it can't sign."),
    "KEYS_NO_PHRASE": _("This wallet has no recovery words: its key was imported, or it only watches an address."),
    "KEYS_PRIVATE_KEY_FORM": _("This is no private key: 64 digits of 0–9 and a–f are needed, with or without 0x."),
    "KEYS_NO_SESSION_KEY": _("The session key {address} is not on this computer."),
    "KEYS_TRANSACTION": _("This transaction can't be signed: {why}. Nothing was sent."),
    "KEYS_UNKNOWN_STRUCT": _("A key was asked to sign something that is no part of the protocol ({struct}). Refused."),
    "KEYS_SIGNING_FAULT": _(
        "A signature did not verify after it was made. It was thrown away; this computer may be faulty."
    ),
    "KEYS_SLOW_BACKEND": _("The fast cryptography library is missing: {need}. Install the program again."),
}

FILES: Final[dict[str, str]] = {
    "UPDATE_OFF": _("Newer releases are not looked for. Switch it on with: channel-wallet updates on URL KEY."),
    "UPDATE_URL": _("Releases are looked for at https:// addresses, or http:// on this computer. Nothing was changed."),
    "UPDATE_KEY": _("This is no public key as minisign prints it: one line of 56 characters. Nothing was changed."),
    "UPDATE_SETTINGS": _("{path} can't be understood. Switch the notice off and on again."),
    "UPDATE_UNREACHABLE": _("The release file can't be fetched now. Try again later; nothing was changed."),
    "UPDATE_SIGNATURE": _(
        "The release file is not signed with the key you gave, so it was not believed. Somebody may have changed it."
    ),
    "UPDATE_FORM": _("The release file is not in a form that this version can read. It was not believed."),
    "UPDATE_ROLLBACK": _(
        "An older release ({got}) is announced than was seen before ({seen}). It was not believed: somebody may be "
        "holding newer releases back."
    ),
    "FILE_UNREADABLE": _("{path} can't be read: {why}."),
    "FILE_UNWRITABLE": _("{path} can't be written: {why}. Nothing was changed."),
    "PROFILE_IN_USE": _("The profile {path} is in use by another window or command. Close that one first."),
    "PROFILE_SHARED": _(
        "This profile lies on a network share. Two computers could open it at once, and one of them sign against the "
        "other: keep it on this computer's own disk."
    ),
    "PROFILE_SYNCED": _(
        "This profile lies in a folder that is synced. An older copy could take its place behind your back: keep it "
        "outside, and back it up instead."
    ),
    "PROFILE_UNUSABLE": _("The profile {path} can't be used: {why}."),
    "PROFILE_VERSION": _("This is no broker profile that this version can read ({got})."),
    "STORE_NEWER_VERSION": _(
        "{path} was written by a newer version ({found}; this one knows {known}). Update this program."
    ),
    "STORE_OLDER_VERSION": _(
        "{path} was written by an older version ({found}; this one knows {known}). Open the profile in the window or "
        "with a command that asks for the password: that brings it up to date."
    ),
    "STORE_ROLLED_BACK": _(
        "{path} lacks states that were recorded in it: it has {got} of {expected}. An old copy was put in its place, "
        "or its -wal file was removed. Nothing is signed with it. Put the newest file back if you have it; if not, "
        "“history accept-loss” (in the window: Go on without trading) opens it so that its channels can be left."
    ),
    "STORE_NOTHING_LOST": _("{path} has all that was recorded in it. There is nothing to accept; open it as ever."),
    "STORE_DAMAGED": _("{path} is damaged ({why}). Nothing was signed or changed; restore it from a backup."),
    "STORE_FAILED": _("{path} can't be written ({why}). Nothing more is signed until the program is started again."),
    "STORE_READ_ONLY": _("{path} is open for reading only."),
    "EXPORT_FAILED": _("{path} can't be written: {why}. Nothing was changed."),
    "EXPORT_CANCELLED": _("The export was cancelled. No file was written."),
    "STATE_UNREADABLE": _("State {increment} in the history can't be read: the file is damaged."),
    "INTENT_UNREADABLE": _("Order {order} in the history can't be read: the file is damaged."),
    "FLAG_UNREADABLE": _("Flag {flag} in the history can't be read: the file is damaged."),
    "STATE_MISSING": _("A row of the history is gone before this state: the file was changed."),
    "ROW_STRAY": _("A row belongs to no channel of this history: the file was changed."),
    "STATE_LOST": _("The end of the history is gone: more was recorded than the file holds."),
    "STATE_UNKNOWN": _("The history holds no state {increment}."),
    "STATE_UNVOIDED": _("A refused state must be followed by the void state that answers it."),
    "STATE_DIGEST": _("The stored digest of a state is not that of its contents: the file was changed."),
    "STATE_UNANSWERED": _("An unanswered state must be the last one."),
    "SIGNED_TWICE": _("Two states of one number carry our signature."),
    "HISTORY_BAD": _(
        "State {increment} of the history does not hold ({rule}): expected {expected}, got {got}. All before it does."
    ),
    "JSON_SIZE": _("It is larger than this can be ({got} bytes; at most {limit})."),
    "JSON_DEPTH": _("It is nested more than {limit} deep."),
    "JSON_DUPLICATE_KEY": _("A key stands twice in it."),
    "JSON_ENCODING": _("It is not plain UTF-8 text (at byte {position})."),
    "JSON_NUMBER": _("It holds a number that is no plain whole number: {got}."),
    "JSON_SYNTAX": _("It is not JSON (at byte {position})."),
    "JSON_TEXT": _("It holds text that can't be encoded."),
}

OWNER: Final[dict[str, str]] = {
    "OWNER_RAISED": _("The profile {path} is open already: its window was brought to the front."),
    "OWNER_GONE": _("Nobody has this profile open."),
    "OWNER_NO_DOOR": _("No other program can work with this profile while it is open here ({why})."),
    "OWNER_STRANGER": _("Another user answers for the profile {path}. Nothing was asked of him."),
    "OWNER_STARTING": _("The profile is just being opened. Try again in a moment."),
    "OWNER_LOCKED": _("The window has this profile open and locked. Unlock it there, and try again."),
    "OWNER_BUSY": _("Too many programs work with the profile {path} at once. Try again in a moment."),
    "OWNER_SILENT": _("The program that has the profile {path} open does not answer. Look at it, or end it."),
    "OWNER_VERSION": _(
        "The window that has this profile open is of version {theirs}, this is {ours}. Close it and open it again."
    ),
    "OWNER_FRAME": _("The other program sent something that can't be read ({what}). It was dropped."),
    "OWNER_TOO_MUCH": _("The answer is too large to be handed over. Ask for less."),
    "OWNER_FAILED": _("The window had an unexpected error ({why}); its log has more."),
    "OWNER_REFUSED": _("Refused at the window. Nothing was done."),
    "OWNER_UNASKED": _(
        "The profile's password is needed for this: there is no window to ask its user. Nothing was done."
    ),
    "OWNER_LOST": _(
        "The program that had the profile open ended meanwhile. What was asked may or may not be done: look with "
        "“channel show” and “order list” before you ask again."
    ),
    "OWNER_GOES_ON": _("No longer waiting. What was asked goes on in the window."),
    "OWNER_ASKS": _("Waiting for your yes in the window that has this profile open (Ctrl+C to stop waiting)."),
    "BOOK_UNKNOWN": _("There is no fresh order book of {market} to take from. Nothing was signed; say a --limit."),
    "TRIGGER_FORM": _("This stop-loss or take-profit can't be: its price, amount or slippage is out of bounds."),
    "TRIGGER_LIMIT": _("{limit} stop-losses and take-profits wait in this session already. Cancel one first."),
    "TRIGGER_GONE": _("This stop-loss or take-profit waits no more: it was set off or taken back. See your orders."),
    "TRIGGER_FILE": _(
        "The stop-losses and take-profits of a session can't be read, so none of them is at work. Set them anew in a "
        "new session; your money is not concerned."
    ),
    "STOPPED": _("Trading is stopped: no order is signed until you resume it (Session, Resume trading)."),
    "ORDER_NOT_OPEN": _("The order {order} is not open any more. Nothing was changed."),
    "AMEND_FILLED": _("The order was filled while it was being changed: there is nothing left to place."),
    "ASK-PLACE-ORDER": _("{side} {amount} at a limit of {price} in channel {channel} with {broker}"),
    "ASK-ADD-TRIGGER": _("{kind}: {side} {amount} once the price is {price}, in channel {channel} with {broker}"),
    "ASK-CANCEL-TRIGGER": _("Take back the stop-loss or take-profit {trigger}"),
    "KIND-STOP-LOSS": _("Stop-loss"),
    "KIND-TAKE-PROFIT": _("Take-profit"),
    "ASK-CANCEL-ORDER": _("Cancel the order {order}"),
    "ASK-AMEND-ORDER": _("Take back the order {order} and place {amount} of it at {price}"),
    "ASK-LIMIT-BREAKS": _("Cancel every order after a break of {seconds} seconds (−1: never)"),
    "ASK-STOP-TRADING": _("Cancel every order of every session and sign no more"),
    "ASK-RESUME-TRADING": _("Go on trading after a stop"),
    "ASK-CANCEL-ALL": _("Cancel all open orders of channel {channel} with {broker}"),
    "ASK-FINALIZE": _("Cancel all orders of channel {channel} with {broker} and end the session{alone}"),
    "ASK-FINALIZE-ALONE": _("; without him in {seconds} seconds if he does not sign"),
    "ASK-ADD-NODE": _("Ask the node {url} about the chain, before those there are"),
    "ASK-REMOVE-NODE": _("Ask the node {url} no more"),
    "ASK-FUND-GAS": _("Give the gas key on the chain of {broker} what disputes may cost"),
    "ASK-SWEEP-GAS": _("Take back what the gas key holds on the chain of {broker}"),
    "ASK-SEND-PREPARED": _("{what}, on the chain of {broker}"),
    "ASK-ADD-ACCOUNT": _("Add another account of your recovery words"),
    "ASK-RENAME-ACCOUNT": _("Call the account {address} “{label}”"),
    "ASK-FIND-ACCOUNTS": _("Look on the chain of {broker} for accounts of your recovery words, and add them"),
    "ASK-NAME-ADDRESS": _("Call {address} “{label}” in the address book"),
    "ASK-FORGET-ADDRESS": _("Take {address} out of the address book"),
    "ASK-STAY": _("Go on with the session in channel {channel} with {broker}: don't leave it by itself"),
    "ASK-LEAVE-ALONE": _("Leave channel {channel} with {broker} without him: challenge on chain with your best state"),
    "ASK-WITHDRAW": _("Close channel {channel} with {broker} on chain and withdraw to your own account"),
    "ASK-OPEN-CHANNEL": _("Open a session with {broker}, allocating {amounts}"),
    "ASK-FIND-CHANNELS": _("Look for channels of yours with {broker} on the chain"),
    "ASK-FAUCET": _("Ask the test chain of {broker} for coins"),
    "ASK-ADD-BROKER": _("Add the broker of the file {path}"),
    "ASK-REMOVE-BROKER": _("Remove the broker {broker}"),
    "ASK-REFUSE": _("Refuse the flagged state of flag {flag} and go on"),
    "ASK-SUBMIT-PROOF": _("Send the withdrawal proof {path} to the chain"),
}

BROKER: Final[dict[str, str]] = {
    "NO_BROKER": _("This profile knows no broker yet. Add one with “channel-wallet broker add”."),
    "BROKERS_FULL": _("A profile works with at most {limit} brokers. Remove one first."),
    "BROKER_UNKNOWN": _("This profile has no broker {broker}."),
    "BROKER_NO_SUCH": _("This profile has no broker called {typed}, nor one whose address begins so."),
    "BROKER_AMBIGUOUS": _("Several brokers are meant by that: {ids}. Type more of the address."),
    "BROKER_HAS_CHANNELS": _("A channel with {name} is not over. Finish it first; nothing was changed."),
    "BROKER_PROFILE": _("{path} is no broker profile: {why} Nothing was changed."),
    "BROKER_CHANGED": _(
        "{name} was added with other facts before ({field} differs). A broker can't change them; nothing was changed."
    ),
    "BROKER_URL": _("{url} is no address a broker may have: wss://, or ws:// on this computer."),
    "BROKER_UNREACHABLE": _("The broker at {url} does not answer. Your coins are safe; try again later."),
    "BROKER_TLS": _("The broker at {url} has no valid certificate ({why}). Nothing was sent."),
    "BROKER_HANDSHAKE": _("Whoever answers at {url} is no broker ({why})."),
    "BROKER_FULL": _("The broker takes no more connections or channels now. Try again later."),
    "BROKER_HALTED": _(
        "The broker's disk failed, and he signs nothing more. Your last state stands: you can leave with it."
    ),
    "BROKER_CONFIG": _("The broker's configuration is not possible: {field} is {got}."),
    "BROKER-SAYS": _("The broker refused, with the code {code} of his own. Nothing was signed."),
    "BROKER_CHAIN": _("The broker can't reach his chain now. Nothing was signed; try again later."),
    "BROKER_RUNNING": _("Another broker runs in this folder."),
    "OFFLINE": _("{broker} is not connected. Nothing was sent; it is tried again by itself."),
    "RPC_CLOSED": _("The connection to the broker broke. What was asked may or may not have been done; it is checked."),
    "RPC_UNKNOWN": _("The broker did not answer in time. What was asked may or may not have been done; it is checked."),
    "RPC_BUSY": _("Too many requests are under way. Nothing was sent; try again."),
    "RATE": _("Too many requests. Try again in {retryAfterMs} ms."),
    "BUSY": _("The other side is busy. Try again."),
    "METHOD": _("The other side does not know the request {method}."),
    "INTERNAL": _("The broker had an error of his own. Nothing was signed here."),
    "LISTEN": _("{host}:{port} can't be listened on: {why}."),
    "AUTH_BROKER": _("Whoever answers does not hold the broker's key ({got}). Nothing was signed."),
    "AUTH_ACCOUNT": _("The key does not belong to {account}."),
    "AUTH_HOST": _("The broker does not answer to the name {host}."),
    "AUTH_NEEDED": _("This connection has not proved who it speaks for."),
    "AUTH_NONCE": _("A nonce was used twice. The connection was closed."),
    "AUTH_ORDER": _("The handshake came in the wrong order. The connection was closed."),
    "AUTH_REFLECTED": _("Our own words came back to us. The connection was closed."),
    "AUTH_SIGNATURE": _("The signature of the handshake is wrong ({why})."),
    "AUTH_TOO_MANY": _("A connection speaks for at most {limit} accounts."),
    "FLAGGED": _("The broker's state breaks the rule {rule}. It was not signed, and is kept as evidence."),
    "FROZEN": _("A flag waits for your decision. Until then nothing is signed."),
    "HELD": _("The broker's clock says {time}, ours {now}: one is wrong. The state is held, not signed."),
    "DISPUTED": _("The channel is in dispute: only cancels and the end of the session are signed."),
    "ORDER_DEAD": _("The broker never opened this order, and it can't be opened any more. Place it again if you like."),
    "CLIENT_ID": _("A name for an order has at most {limit} characters."),
    "CLOCK_OURS": _("This computer's clock is wrong by {seconds} seconds, the chain says. Set it right."),
    "CLOCK_BROKER": _("The broker's clock is wrong by {seconds} seconds, the chain says. His states may be held."),
    "CLOCK_UNSURE": _("This computer's clock and the broker's are {seconds} seconds apart. Look at yours."),
    "RESTORED": _("This channel was restored from a backup and signs nothing more. Finalize it or leave with a proof."),
    "ACK-UNASKED": _("The broker signed state {increment}, which nobody asked him to sign. It was dropped."),
    "CHN-UNKNOWN-CHANNEL": _("A message names a channel that is none of ours. It was dropped."),
    "NOT_ANSWERED": _("State {increment} was seen and has no answer yet."),
    "NOT_OPEN": _("The channel is not open on chain yet ({phase}): no state is signed before."),
    "FLAG_UNKNOWN": _("There is no undecided flag {flag}."),
    "REFUSE_IMPOSSIBLE": _(
        "State {increment} can't be refused any more. Leave with the proof of your last good state."
    ),
    "RES-AHEAD-NO-PROOF": _("The broker claims state {increment} without our signature on it. Nothing is signed."),
    "RES-FORGED-OURS": _("The broker shows state {increment} with a signature that is not ours. Nothing is signed."),
    "RES-GAP": _("The broker's states do not join ours at {increment}. Nothing is signed."),
    "RES-FORK": _(
        "The broker holds another state {increment} with our signature: this key is in use elsewhere. Signing stops."
    ),
    "RESUME_FORK": _("The broker has another state of ours at this number: this key may be in use elsewhere."),
    "RESUME_BEHIND": _(
        "The broker has lost states that we both signed. Yours stand: leave with the proof of the last."
    ),
    "SIGNED_ALREADY": _("A state of number {increment} was signed before. A second one is never signed."),
    "NONCE_USED": _("The order number {nonce} was used before. Nothing was sent; try again."),
    "VOID_FINALIZE": _(
        "The other side refused the final state {increment}, and could still settle by it. Nothing is signed after it: "
        "ask again for its signature, or leave without it."
    ),
    "VOID_SETUP": _("A setup can't be refused by a void."),
    "CLOSED": _("The profile is closed."),
    "TASK_DIED": _("A part of the driver stopped ({why}). Nothing was signed because of it; start the program again."),
}

CHANNELS: Final[dict[str, str]] = {
    "NO_CHANNEL": _("There is no channel in this profile yet. Open one first."),
    "CHANNEL_EXISTS": _(
        "There is a channel with this broker that is not over ({phase}). Finish that one first, or open another one "
        "beside it on purpose (--another)."
    ),
    "CHANNEL_NO_SUCH": _("No channel's id begins with {typed}. “channel-wallet channel list” shows them."),
    "CHANNEL_AMBIGUOUS": _("Several channels are meant: {ids}. Name one with --channel and the beginning of its id."),
    "CHANNEL_NOT_OPEN": _("The channel is not open for trading."),
    "CHANNEL_LEAVING": _(
        "The channel is being left: it is ended together with the broker, or without him at {until} (Unix time)."
        " Take that back first: “Stay in the session”, or “channel-wallet channel stay”."
    ),
    "CHANNEL_DISPUTED": _(
        "The channel is in dispute on chain: nothing more is traded in it. It pays out by your best state when the"
        " challenge period is over."
    ),
    "CHANNEL_OVER": _("The channel is over: everything in it was paid out."),
    "EXIT_AFTER": _("The time to leave without the broker is between 1 and {limit} seconds. Nothing was changed."),
    "EXIT_UNDER_WAY": _("The challenge is on its way to the chain already: it can't be taken back."),
    "CHANNEL_UNKNOWN": _("There is no such channel."),
    "CHANNEL_NOT_RESUMED": _("The broker waits to hear where we stand. Try again in a moment."),
    "CHANNEL_PHASE": _("The channel is ending or over: the broker takes no such request."),
    "CHANNEL_STUCK": _("A state of the broker waits for your decision. Look at the flags."),
    "PHASE": _("What is {now} can't go on so: {event}."),
    "ALLOCATE_NOTHING": _("Choose an amount of at least one asset."),
    "ASSET_UNKNOWN": _("The broker knows no asset {asset}."),
    "BALANCE_TOO_SMALL": _("Not enough {asset}: {need} wanted, {have} there (fees kept back). Nothing was changed."),
    "SETUP_UNANSWERED": _("The broker did not send the first state in time. Nothing is at stake; try again."),
    "SETUP_UNKNOWN_OFFER": _("The broker's offer has lapsed. Nothing is at stake; try again."),
    "SETUP_SIGNATURE": _("The broker does not accept the signature on the terms."),
    "OFFER_MARKET": _("The broker has no market for these assets."),
    "OFFER_ASSET": _("One of the assets is traded in none of the broker's markets."),
    "OFFER_EMPTY": _("Choose an amount of at least one asset."),
    "OFFER_PARTY": _("Trader, session key and broker must be different addresses."),
    "OFFER_COLLATERAL": _("The broker has no free collateral for this. Allocate less, or try later."),
    "OPEN_UNCONFIRMED": _("The opening is sent and not confirmed yet. It goes on by itself; nothing is lost."),
    "NOT_FINAL": _("The channel has no final state yet. Finalize it first."),
    "CANCEL_UNANSWERED": _("The broker did not confirm all cancels in time. Asking again is safe."),
    "FINALIZE_UNANSWERED": _("The broker did not sign the final state in time. Asking again is safe; so is a proof."),
    "FIN-NOT-NOW": _("The broker has something pending. Ask again in a moment."),
    "DISPUTE_RUNS": _("The challenge period runs until {until} (Unix time; the chain says {now}). Withdraw after it."),
    "CANCELLED": _("Cancelled. Nothing was changed."),
    "REQUEST_SIGNATURE": _("The broker does not accept the signature on the request."),
    "BEAT_STALE": _("Our sign of life named a state that is not the latest. It is sent again."),
    "BEAT_OLD": _("Our sign of life came out of order. It is sent again."),
    "SUBSCRIPTIONS": _("Too many markets are watched on one connection."),
    "ACK_UNEXPECTED": _("Nothing waited for this signature."),
    "PROPOSE_UNEXPECTED": _("Only the broker issues states in this channel."),
    "SETUP_INITIATIVE": _(
        "In a cooperative channel the trader proposes the first state himself. Nothing was signed; open it again."
    ),
    "TURN_UNEXPECTED": _(
        "The turn was asked for in a channel where it is never passed: the broker issues every state there. The "
        "request was dropped; nothing was changed."
    ),
}

ORDERS: Final[dict[str, str]] = {
    "MARKET_UNKNOWN": _("The broker has no such market."),
    "MARKET_NOT_OFFERED": _("There is no market {market}. There are: {known}."),
    "ORDER_NOT_FOUND": _("There is no order {order}."),
    "ORDER_UNKNOWN": _(
        "The broker did not answer in time: order {order} may still open within ten seconds. Its state will show."
    ),
    "ORDER_ID": _("The broker reads another id from the order."),
    "ORDER_CHANNEL": _("The order names another channel."),
    "ORDER_NONCE": _("An order with a higher number came first. Place it again."),
    "ORDER_LATE": _("The order reached the broker too late. Nothing opened; place it again."),
    "ORDER_OPEN_BEFORE": _("The clocks of this computer and the broker differ too much. Nothing opened."),
    "ORDER_EXPIRY": _("The order's expiry has passed or is too far ahead."),
    "ORDER_CANCELLED": _("The order was cancelled before it opened."),
    "ORDER_QUEUE": _("Too many orders wait to be opened. Wait a moment."),
    "ORDER_TOO_LARGE": _("The order is worth more than the market takes at once. Split it."),
    "ORDER_COLLATERAL": _("The order could bring more than the broker's collateral in this channel. Make it smaller."),
    "ORDER_NOT_PRESENT": _("The broker has no fresh sign of life from us. It is sent; try again in a moment."),
    "ORDER_BENCHED": _("Too many fills were refused in this channel. You can cancel and finalize."),
    "ORDER_INITIATIVE": _(
        "In a cooperative channel the trader opens his orders himself, in his turn. The broker took nothing; place it "
        "again."
    ),
    "ORDER_MATCHED": _(
        "The order has fills under way, and they come first. It was not cancelled; cancel what is left after them."
    ),
    "CANCEL_LIMIT": _("Too many cancels of orders that never came."),
}

CHAIN: Final[dict[str, str]] = {
    "CHAIN_UNREACHABLE": _("The chain at {node} does not answer. Nothing was changed; try again later."),
    "CHAIN_WRONG_ID": _("{node} is on chain {got}, not on {expected}. Refused; nothing was sent."),
    "CHAIN_WRONG_CODE": _(
        "The contract at {address} is not the released one ({got}), says {node}. Refused; nothing was sent."
    ),
    "CHAIN_TOO_LONG": _(
        "The node {node} answers for few blocks at a time; it was left at block {block}. Say from which block on to"
        " look, or ask another node."
    ),
    "CHAIN_NO_RECORD": _("The chain holds no record of state {increment} of {channel}."),
    "CHAIN_NOT_DISPUTED": _("The channel {channel} is not in dispute ({status})."),
    "TOKEN_DECIMALS": _("{symbol} has {chain} decimals on chain, and the profile says {profile}. Refused."),
    "TOKEN_LISTED": _("{symbol} at {address} is not the {symbol} this program knows. Refused; nothing was changed."),
    "TOKEN_METADATA": _("The token {token} says something impossible of its {field}: {got}."),
    "NO_FAUCET": _("{broker} is on no test chain: there is no faucet."),
    "RPC_URL": _("The address of the chain's node must be https://, or http:// on this computer."),
    "RPC_UNREACHABLE": _("The chain's node {node} can't be reached ({reason}). Nothing was changed."),
    "RPC_TIMEOUT": _("The chain's node {node} did not answer within {seconds} seconds."),
    "RPC_HTTP": _("The chain's node {node} answered with HTTP status {status}."),
    "RPC_SIZE": _("A message for {method} is larger than it may be."),
    "RPC_BAD_REPLY": _("The chain's node gave no proper answer to {method}: {reason}. It was not believed."),
    "RPC_ERROR": _("The chain's node refused {method}. It says: “{message}”"),
    "RPC_REVERTED": _("The contract would refuse this ({reason}). Nothing was sent."),
    "TX_NO_GAS": _("{address} has not enough of the chain's currency for the fee: {need} wei needed, {have} there."),
    "TX_FEE_TOO_HIGH": _("The network fee ({fee} wei per gas) is above the limit ({limit}). Nothing was sent."),
    "TX_GAS_LIMIT": _("The transaction would take {got} gas, more than the limit of {limit}. Nothing was sent."),
    "TX_NOT_MINED": _("The transaction {hash} was not mined within {seconds} seconds. It may still be; it is kept."),
    "TX_FAILED": _("The transaction {hash} was mined without effect. Only its fee was paid."),
    "TX_FORM": _("These bytes are no transaction that this program makes ({why}). Nothing was signed."),
    "TX_NOTHING": _("The amount is nothing. Type how much to send."),
    "TX_SHORT": _("There is not enough: {need} is to be sent, and {have} is there. Nothing was signed."),
    "TX_SHORT_FEE": _(
        "There is not enough of the chain's own coin for this and its network fee: {need} may be needed, {have} is "
        "there. Nothing was signed."
    ),
    "TX_STALE": _("Something else was sent from this account meanwhile. Nothing was signed; look at it again."),
    "TX_UNKNOWN": _("This program has sent no transaction {hash}. The list of transactions shows those it has sent."),
    "TX_OVER": _("The transaction {hash} waits no more: it is mined, or another took its place. Nothing was signed."),
    "TX_OF_SESSION": _(
        "This transaction belongs to a session, and can't be taken away without leaving both sides waiting for it. "
        "Speed it up instead."
    ),
    "TX_UNDERPRICED": _("To take the place of another, a transaction must bid a tenth more. Nothing was signed."),
    "TX_SPEED": _("“{got}” is no speed: slow, normal or fast."),
    "SIGN_UNKNOWN_CALL": _(
        "This would call {to} in a way this program can't read ({selector}), so it is not signed. Nothing was sent."
    ),
    "SIGN_NOT_YOURS": _(
        "This would open a session of {owner}, which is not the account that would sign. It is not signed."
    ),
    "SIGN_APPROVAL": _(
        "This would let {spender} take your tokens. Only the sessions' contract may ever do that, so it is not signed."
    ),
    "WARN-ALIKE": _(
        "{address} begins and ends like {other}, and is another address. This is how people are tricked: compare every "
        "digit with what the recipient gave you."
    ),
    "WARN-FEES": _(
        "This leaves {left}. A session is open, and to leave it without the broker up to {need} may be needed for "
        "network fees."
    ),
    "WARN-CONTRACT": _("{address} is a contract, not a person's account. What it is not made for may be lost there."),
    "TX_WARNED": _("{warning} Nothing was signed. If you are sure, do it again with --anyway."),
    "TX_NO_SENDER": _("{address} is no account of yours that can sign. Nothing was signed."),
    "ADDRESS_FORM": _("“{got}” is no address: 0x and forty hexadecimal digits."),
    "ADDRESS_CHECKSUM": _("A letter or digit of this address is wrong: {got} fails its own checksum. Copy it again."),
    "ADDRESS_NOBODY": _("This is nobody's address: what is sent there is lost. Nothing was signed."),
    "ADDRESS_TOKEN": _("{address} is the token itself: what is sent there is lost. Nothing was signed."),
    "ADDRESS_NAME": _("A name in the address book has 1 to {limit} characters."),
    "ADDRESS_TAKEN": _("“{name}” stands in the address book already, for {address}. Choose another name."),
    "ADDRESS_UNNAMED": _("{address} is not in the address book."),
    "ADDRESSES_FULL": _("The address book is full: at most {limit} entries."),
    "ADDRESSES_FILE": _("The address book {path} can't be understood ({why}). Move the file away to begin a new one."),
    "TOKEN_REFUSES": _("The token {token} says that it would not move this. Nothing was signed."),
    "TOKEN_GONE": _("There is no token at {token} on this chain. Nothing was signed."),
    "ASSET_NAME": _("No asset called {asset} is known on this chain. Known: {known}."),
    "SANDBOX_FAILED": _("The demo market did not start: {why}"),
    "SANDBOX_IN_USE": _("Another demo market runs in {path}."),
    "SANDBOX_DAMAGED": _("The demo market in {path} is damaged ({why}). Choose another folder."),
    "SANDBOX_FOLDER": _("The folder {path} can't be used: {why}."),
    "SANDBOX_OTHER_RELEASE": _("The demo market in {path} is of another release. Choose another folder."),
    "DEVNET_IN_USE": _("Another program uses the chain in this folder."),
    "DEVNET_DAMAGED": _("The chain in {path} is damaged: {reason}. Choose another folder."),
    "DEVNET_STORAGE": _("The chain can't write to {path}: {reason}."),
    "DEVNET_PORT": _("Port {port} can't be listened on: {reason}."),
    "DEVNET_DEPLOY": _("The contract {name} could not be deployed: {reason}."),
}

BACKUPS: Final[dict[str, str]] = {
    "RECOVERING_OLD_STATE": _(
        "State {increment} of this restored channel may not be the last. Read what that may cost, and say --old-state"
        " if you want to leave with it. Nothing was sent."
    ),
    "ALONE_DISPUTED": _(
        "A dispute runs already, with state {increment}, until {until} (Unix time). Only a proof of a higher state can"
        " answer it. After that: channel-wallet recover withdraw"
    ),
    "ALONE_SETTLED": _("This channel is settled. What is left of it comes home with: channel-wallet recover withdraw"),
    "ALONE_OTHER_CHANNEL": _("The proof is of the channel {channel}. Nothing was sent."),
    "ALONE_CONTRACT": _("Say which contract: by its address (--contract), or with a broker's profile file (--broker)."),
    "ALONE_ADDRESS": _("{got} is no address: 0x and 40 hexadecimal digits."),
    "ALONE_NODE": _("Say which node to ask: --node URL. A broker's profile file (--broker) names some."),
    "BACKUP_FORM": _("This is no backup of a wallet, or a damaged one ({why}). Nothing was made of it."),
    "BACKUP_NEWER": _("This backup is of a newer version ({version}; this program knows {known}). Update it."),
    "BACKUP_SEALED": _(
        "The password is not the one that the profile had when this backup was made, or the file was changed. Nothing"
        " was made of it."
    ),
    "BACKUP_DAMAGED": _(
        "The backup was changed or cut off after it was written (piece {chunk}). Nothing was made of it; take another."
    ),
    "BACKUP_FAILED": _("The backup {path} could not be written: {why}. Earlier ones are untouched."),
    "BACKUP_CANCELLED": _("The backup was given up. Nothing was written."),
    "BACKUP_NO_SPACE": _("There is too little room at {path}: {mebibytes} MiB are needed."),
    "BACKUP_OCCUPIED": _("There is something at {path} already. It was left as it is; choose another folder."),
    "BACKUP_SETTINGS": _("{path} can't be understood. Choose folder and time of the backups again."),
    "BACKUP_FOLDER": _("{path} is no folder that can be written to. Choose another one for the backups."),
}

PROOFS: Final[dict[str, str]] = {
    "SCAN_FORM": _("This is not the text of a proof's codes: {got}. Scan them again, a line for each."),
    "SCAN_MIXED": _("These are codes of different proofs. Put those of one sheet into a file."),
    "SCAN_MISSING": _("Not all codes are there: scan number {missing} too."),
    "PROOF_NO_STATE": _("There is no validated state {increment} to prove."),
    "PROOF_FORM": _("This is no withdrawal proof: {what} has a wrong form."),
    "PROOF_VERSION": _("This proof is of version {got}; this program knows {known}. Update it."),
    "PROOF_TERMS": _("The proof's terms are none a channel may have ({why})."),
    "PROOF_CHANNEL": _("The proof's state is of another channel than its terms."),
    "PROOF_STATE": _("The contract would refuse the proof's state ({why})."),
    "PROOF_INTENTS": _("The proof's orders are not those its trader signed ({why})."),
    "PROOF_TYPED_DATA": _("What the proof says was signed is not its {why}."),
    "PROOF_SUCCESSOR": _("The proof's later state does not stand for the missing signature ({why})."),
    "PROOF_SIGNATURE": _("The signature of the {role} on the proof is missing or wrong ({why})."),
    "PROOF_CALLS": _("The proof's ready-made transactions go somewhere else ({why})."),
    "EVIDENCE_FORM": _("This is no evidence file: {what} has a wrong form."),
    "EVIDENCE_VERSION": _("This evidence is of version {got}; this program knows {known}. Update it."),
    "EVIDENCE_TERMS": _("The evidence's terms are none a channel may have ({why})."),
    "EVIDENCE_CHANNEL": _("A state in the evidence is of another channel than its terms."),
    "EVIDENCE_TYPED_DATA": _("What the evidence says was signed is not its state {increment}."),
    "EVIDENCE_SIGNATURE": _("The signature of the {role} in the evidence is missing or wrong ({why})."),
    "EVIDENCE_SAME": _("The two states in the evidence are the same, or of different numbers: that proves nothing."),
    "EVIDENCE_LAST_GOOD": _("The accused has not signed state {increment}, nor anything that names it."),
    "EVIDENCE_INTENTS": _("The evidence's orders are not those its trader signed ({why})."),
    "EVIDENCE_RAW": _("Flag {flag} holds no state that can be read: there is nothing to export."),
    "PROOF_ELSEWHERE": _("The proof is of chain {chain} and contract {contract}, not of this broker's."),
    "PACKAGE_FORM": _("This is no watch package, or a damaged one. Nothing was done; export it again."),
    "PACKAGE_SEALED": _("The password is wrong, or the file was changed. Nothing was done."),
    "WATCH_NOTHING": _("There is no channel with this broker that needs watching. Nothing was written."),
    "WATCH_ANSWER_LATE": _(
        "Channel {channel} was challenged with state {recorded}; our answer, state {ours}, is not on the chain yet, and"
        " half of the time is over (ends {until}, Unix time). Check the network and the gas account."
    ),
    "WATCH_PERIOD_MISSED": _(
        "Channel {channel} is settled by state {recorded}: no answer reached the chain before {until} (Unix time),"
        " though state {ours} could be proved."
    ),
    "WATCH_EXIT_EXPIRED": _(
        "Channel {channel} was to be left without the broker, but this program was closed for so long that your word"
        " for it is no longer valid. Leave without him again."
    ),
    "NODES_FILE": _("{path} can't be understood ({why}). Nothing was changed; remove it, or put a sound copy back."),
    "NODES_FULL": _("There are {limit} nodes for this chain already. Remove one first."),
    "NODES_UNKNOWN": _("{node} is none of your own nodes. Nothing was changed."),
    "NODES_NO_BROKER": _("None of your brokers is on chain {chain}. Add the broker first; nothing was changed."),
    "NODES_BEHIND": _(
        "The node {second} is {blocks} blocks behind {first}. What it shows may be old: don't rely on it alone."
    ),
    "NODES_DISAGREE_BLOCK": _(
        "Two nodes show different chains: {first} has block {says}, {second} {other}. One of them is wrong. Compare"
        " with a third, and remove the wrong one."
    ),
    "NODES_DISAGREE_RECORD": _(
        "Two nodes disagree about channel {channel}: {first} says {says}, {second} says {other}. One of them is wrong"
        " or lies: compare with a third, and remove it. Until then this program answers any dispute that is shown."
    ),
    "GAS_IN_USE": _(
        "A channel is open, and the gas key pays for its defence. Leave it first, or take the money back anyway."
    ),
    "WATCH_NO_GAS": _(
        "The gas account {address} holds {have} wei, and {need} may be needed to answer a dispute and settle."
        " Send it some."
    ),
    "WATCH_CHAIN_STALE": _("The node {node} has shown no new block for {minutes} minutes. Disputes may be overlooked."),
    "PROOF_NOT_YOURS": _("Only the owner {owner} may start this dispute. Give him the file."),
    "PROOF_NOT_OPEN": _("The channel {channel} was never opened on chain: there is nothing to withdraw."),
    "PROOF_SETTLED": _(
        "The channel {channel} is settled already. Withdraw what is yours: channel-wallet channel withdraw"
    ),
    "PROOF_LOWER": _("The contract has recorded state {recorded}; this proof is only of state {increment}."),
    "PROOF-FINAL": _("The proof holds: state {increment} is final, and anyone may close the channel with it. It pays:"),
    "PROOF-OPEN": _("The proof holds: state {increment}. After a challenge period it pays:"),
    "STANDING-NONE": _("On the chain this channel was never opened: the proof is worth nothing there."),
    "STANDING-OPEN": _("On the chain this channel is open: the proof counts."),
    "STANDING-FINAL": _("On the chain this channel is open: the final state counts."),
    "STANDING-ENDS": _("On the chain a dispute runs with state {recorded}: this final state ends it."),
    "STANDING-SETTLED": _("On the chain this channel is settled: the proof is not needed any more."),
    "STANDING-ANSWERS": _("On the chain a dispute runs with state {recorded}: this proof answers it."),
    "STANDING-RECORDED": _("On the chain a dispute runs, and this very state {recorded} is recorded in it."),
    "STANDING-OVER": _("On the chain the challenge period is over: anyone may settle by state {recorded}."),
    "PROOF_RECORDED": _("The contract has recorded this very state {increment}. It can be settled after the period."),
    "PROOF-NEXT-PAID": _("It is on its way to the trader's own address. Nothing more is to be done."),
    "STANDING-LOWER": _("On the chain state {recorded} is recorded: this proof of state {increment} is too old."),
    "FIND-ALONE": _("The chain shows your channels without him, too: channel-wallet recover find --broker {file}"),
    "STANDING-NEXT-NOTHING": _("Nobody can send anything with it."),
    "STANDING-NEXT-CHALLENGE": _(
        "Next: the trader {trader} or the broker {broker} may start a dispute with it. Whoever has a later state can"
        " answer for {seconds} seconds; then it is paid by the latest one."
    ),
    "STANDING-NEXT-CLOSE": _("Next: anyone may close the channel with it at any time; that pays by it at once."),
    "STANDING-NEXT-ANSWER": _("Next: anyone may send it as the answer, until {until} (Unix time)."),
    "STANDING-NEXT-WAIT": _(
        "Next: until {until} (Unix time) anyone may answer with a later state; after it, anyone may settle."
    ),
    "STANDING-NEXT-SETTLE": _("Next: anyone may settle the channel; no other state can be sent any more."),
    "STANDING-NEXT-PAY": _(
        "Next: anyone may have the trader's credit sent to his own address {trader}; he may withdraw it to any."
    ),
    "STANDING-NEXT-DONE": _("Nothing is credited to the trader any more, and nothing is left to do."),
    "PROOF_NO_NODE": _(
        "No node of chain {chain} is known to this profile for the contract {contract}. Name one with --rpc URL."
    ),
    "PROOF-BOTH": _("  Validated by both signatures on it."),
    "PROOF-IMPLIED": _("  Validated by the signature of the {role} on state {increment}, which names it."),
    "EVIDENCE-TWO": _("Proven: the {role} signed two different states of number {increment}:"),
    "EVIDENCE-RULE": _("Proven: state {increment}, signed by the {role}, breaks the rule {rule}:"),
    "EVIDENCE-SIGNED": _(
        "The {role} signed state {increment}. That it breaks {rule} takes more to show than a file can hold:"
    ),
    "PROOF-NEXT-WITHDRAW": _("The channel is settled. Now: channel-wallet channel withdraw"),
    "PROOF-NEXT-WAIT": _("The challenge period of {seconds} seconds runs. After it: channel-wallet channel withdraw"),
    "CALL-CLOSE-SAYS": _("Closes the channel with its final state; both sides are credited."),
    "CALL-CLOSE-WHO": _("Anyone."),
    "CALL-CLOSE-WHEN": _("Any time before the channel is settled."),
    "CALL-CHALLENGE-SAYS": _("Starts a dispute with this state; the challenge period begins."),
    "CALL-CHALLENGE-WHO": _("The trader's or the broker's own account."),
    "CALL-CHALLENGE-WHEN": _("While the channel is open."),
    "CALL-RESPOND-SAYS": _("Answers a dispute with this state, if it is higher than the recorded one."),
    "CALL-RESPOND-WHO": _("Anyone."),
    "CALL-RESPOND-WHEN": _("During the challenge period."),
    "CALL-SETTLE-SAYS": _("Pays by the recorded outcomes, if this state is the recorded one."),
    "CALL-SETTLE-WHO": _("Anyone."),
    "CALL-SETTLE-WHEN": _("After the challenge period."),
    "CALL-WITHDRAW-SAYS": _("Brings what the channel pays in one asset to the trader's own account."),
    "CALL-WITHDRAW-WHO": _("The trader's own account."),
    "CALL-WITHDRAW-WHEN": _("Once the channel is settled."),
}

REFUSALS: Final[dict[str, str]] = {
    **KEYS,
    **FILES,
    **OWNER,
    **BROKER,
    **CHANNELS,
    **ORDERS,
    **CHAIN,
    **PROOFS,
    **BACKUPS,
}
